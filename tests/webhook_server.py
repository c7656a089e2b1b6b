"""A receiver of webhooks on the loopback interface that checks signatures and fails on command."""

import hmac
import json
import socket
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

KEY = "signing-key-of-the-tests"
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Received:
    """One request. Shape: is_signed tells whether the signature was right."""

    path: str
    headers: dict[str, str]
    body: bytes
    is_signed: bool

    @property
    def content(self) -> dict[str, object]:
        content = json.loads(self.body)
        assert isinstance(content, dict)
        return content


@dataclass
class Manner:
    """How requests are answered: hang never answers, close hangs up, trickle never ends."""

    status: int = 200
    kind: str = "answer"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok":true}'


class WebhookServer:
    """Records every request; `manner` is how the next ones are answered."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.methods: list[str] = []
        self.manner = Manner()
        self._released = threading.Event()
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._receiver())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), name="webhook", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def accepted(self) -> list[Received]:
        """Return what was answered with 200."""
        return [one for one in self.received if one.headers.get("answered") == "200"]

    def wait_for(self, count: int, *, is_taken: bool = True) -> list[Received]:
        """Return as soon as so many requests came (and were taken); fail if they never do."""

        def found() -> list[Received]:
            return self.accepted if is_taken else self.received

        with self._arrived:
            is_there = self._arrived.wait_for(lambda: len(found()) >= count, _PATIENCE_S)
        assert is_there, f"expected {count} requests, found {len(found())}"
        return found()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> Manner:
        manner = self.manner
        told = headers.get("x-polyarb-timestamp", "").encode() + b"." + body
        expected = "sha256=" + hmac.new(KEY.encode(), told, sha256).hexdigest()
        is_signed = hmac.compare_digest(expected, headers.get("x-polyarb-signature", ""))
        answered = str(manner.status) if manner.kind == "answer" else manner.kind
        with self._arrived:
            self.received.append(Received(path, {**headers, "answered": answered}, body, is_signed))
            self._arrived.notify_all()
        return manner

    def _receiver(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Receiver(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                headers = {name.lower(): value for name, value in self.headers.items()}
                manner = server._take(self.path, headers, self.rfile.read(length))
                server.methods.append(self.command)
                if manner.kind == "hang":
                    server._released.wait(30)
                elif manner.kind == "trickle":
                    self._trickle()
                elif manner.kind == "answer":
                    self.send_response(manner.status)
                    for name, value in manner.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(manner.body)))
                    self.end_headers()
                    self.wfile.write(manner.body)
                self.close_connection = True

            def _trickle(self) -> None:
                try:
                    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000:
                        self.wfile.write(bytes([letter]))
                        if server._released.wait(0.005):
                            return
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Receiver


def closed_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
