"""A receiver of alerts on the loopback interface, as drills open one: checks every signature."""

import hmac
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from types import TracebackType
from typing import Self

import msgspec

from polyarb.alerts.channels import AlertSettings, PingChannel, WebhookChannel
from polyarb.alerts.notifiers import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from polyarb.domain.secret import Secret

_POLL_S = 0.01
_BYTES_MAX = 1 << 20


class _Named(msgspec.Struct, frozen=True):
    key: str = ""
    name: str = ""


class _Told(msgspec.Struct, frozen=True):
    alerts: tuple[_Named, ...] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Shape: keys are ids and states of the alerts told of, rules their names.

    Units: monotonic and wall nanoseconds of its arrival.
    """

    monotonic_ns: int
    wall_ns: int
    is_ping: bool
    is_signed: bool
    keys: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class LoopbackReceiver:
    """Takes webhooks and pings as long as it is entered."""

    def __init__(self) -> None:
        self.key = token_hex(16)
        self.receipts: list[Receipt] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _requests_to(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="receiver", daemon=True
        )

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/alerts"

    @property
    def settings(self) -> AlertSettings:
        """Return settings of channels that reach it and nobody else."""
        return AlertSettings(
            console=None,
            webhook=WebhookChannel(url=Secret(self.url), signing_key=Secret(self.key)),
            ping=PingChannel(url=Secret(self.url)),
        )

    def wait_for(self, is_wanted: Callable[[Receipt], bool], seconds: float) -> Receipt | None:
        """Wait for a request and return it; None when it does not come in time."""

        def found() -> Receipt | None:
            return next(filter(is_wanted, self.receipts), None)

        with self._arrived:
            return self._arrived.wait_for(found, seconds)

    def take(self, body: bytes, *, is_ping: bool, timestamp: str, signature: str) -> None:
        """Note a request."""
        try:
            told = msgspec.json.decode(body, type=_Told) if body else _Told()
        except msgspec.DecodeError:
            told = _Told()
        receipt = Receipt(
            monotonic_ns=time.monotonic_ns(),
            wall_ns=time.time_ns(),
            is_ping=is_ping,
            is_signed=hmac.compare_digest(sign(self.key, timestamp, body), signature),
            keys=tuple(one.key for one in told.alerts),
            rules=tuple(one.name for one in told.alerts),
        )
        with self._arrived:
            self.receipts.append(receipt)
            self._arrived.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _requests_to(receiver: LoopbackReceiver) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._take(is_ping=True)

        def do_POST(self) -> None:
            self._take(is_ping=False)

        def _take(self, *, is_ping: bool) -> None:
            length = min(int(self.headers.get("Content-Length", "0")), _BYTES_MAX)
            receiver.take(
                self.rfile.read(length),
                is_ping=is_ping,
                timestamp=self.headers.get(TIMESTAMP_HEADER, ""),
                signature=self.headers.get(SIGNATURE_HEADER, ""),
            )
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: requests are noted."""

    return Requests
