"""A local HTTP server that answers as the venue's public hosts do, with faults.

HTTP/1.1 with kept-alive connections on one loopback port, in the loop of the test. Source:
polymarket.md 2.5, 2.7, 3.2, 3.4, 3.5, 7.4.

    async with RestServer() as server:
        settings = VenueSettings(hosts=server.hosts)
        server.faults.append(Fault.TORN)             # of the next request, whatever it asks
        server.faults_of["/books"] = deque([Fault.THROTTLED])     # of the next one for a path
        server.break_at_random(Random(1), percent=30)             # of every request from now on
        server.asked                                 # what was asked, in order
"""

import asyncio
import json
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from random import Random
from typing import Self
from urllib.parse import parse_qs, urlsplit

from polyarb.domain.venue import VenueHosts

MIB = 1024 * 1024


class Fault(Enum):
    """What becomes of a request."""

    SERVER_ERROR = "500"
    GATEWAY = "502 with a page of HTML"
    UNAVAILABLE = "503"
    POST_ONLY = "503 post-only"
    CANCEL_ONLY = "503 cancel-only"
    DISABLED = "503 trading is disabled"
    RESTARTING = "425"
    THROTTLED = "429"
    FORBIDDEN = "403"
    MISSING = "404"
    MOVED = "302"
    HTML = "200 with a page of HTML"
    CUT_JSON = "200 with half of the JSON"
    WRONG_TYPES = "200 with other types"
    EMPTY = "200 with nothing"
    TORN = "the connection ends in the middle of the body"
    TORN_HEAD = "the connection ends in the middle of the head"
    TOO_LONG = "the body is longer than it says"
    TORN_GZIP = "a gzip that ends too early"
    NO_GZIP = "a gzip that is none"
    UNKNOWN_ENCODING = "an encoding that nobody asked for"
    OVERSIZED = "a length beyond the limit"
    ENDLESS = "a body that never ends"
    BOMB = "a small gzip of a large body"
    TRICKLE = "a body that comes byte by byte"
    SLOW = "no answer while the connection lives"
    RESET = "the connection is reset"
    HANG_UP = "the connection ends before the answer"
    NO_HTTP = "something that is not HTTP"


RETRIED = frozenset(
    {
        Fault.SERVER_ERROR,
        Fault.GATEWAY,
        Fault.UNAVAILABLE,
        Fault.POST_ONLY,
        Fault.CANCEL_ONLY,
        Fault.DISABLED,
        Fault.RESTARTING,
        Fault.THROTTLED,
        Fault.TORN,
        Fault.TORN_HEAD,
        Fault.TRICKLE,
        Fault.SLOW,
        Fault.RESET,
        Fault.HANG_UP,
        Fault.NO_HTTP,
        Fault.ENDLESS,
    }
)
"""Faults after which a reader may ask again; ENDLESS too, where its time is up before its size."""


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: int


Route = Callable[[Asked], Reply]

HTML = b"<html><head><title>502</title></head><body><h1>Bad \x07gateway</h1></body></html>"
POST_ONLY = {
    "error": "post-only mode: only post-only orders and cancels are allowed",
    "code": "post_only_mode",
    "retry_after_seconds": 0.001,
}
_STATUSES: dict[Fault, Reply] = {
    Fault.SERVER_ERROR: Reply(500, b'{"error":"internal error"}'),
    Fault.GATEWAY: Reply(502, HTML, (("Content-Type", "text/html"),)),
    Fault.UNAVAILABLE: Reply(503, b"upstream connect error"),
    Fault.POST_ONLY: Reply(503, json.dumps(POST_ONLY).encode()),
    Fault.CANCEL_ONLY: Reply(503, b'{"error":"the exchange is in cancel-only mode"}'),
    Fault.DISABLED: Reply(503, b'{"error":"trading is disabled"}'),
    Fault.RESTARTING: Reply(425, b"service not ready", (("Content-Type", "text/plain"),)),
    Fault.FORBIDDEN: Reply(403, b'{"error":"Trading restricted in your region"}'),
    Fault.MISSING: Reply(404, b'{"error":"market not found"}'),
    Fault.MOVED: Reply(302, b"", (("Location", "http://127.0.0.1:1/elsewhere"),)),
    Fault.HTML: Reply(200, HTML, (("Content-Type", "text/html"),)),
    Fault.EMPTY: Reply(200, b""),
}
_WRONG = (b"null", b"[]", b"{}", b'"OK?"', b"[1]", b'{"version":"2"}', b"-1", b'[{"asset_id":7}]')


@dataclass
class Truth:
    """What the venue would tell: pages of its lists, books by token, markets by condition."""

    events: list[list[object]] = field(default_factory=lambda: [[{"id": "1"}], [{"id": "2"}]])
    markets: list[list[object]] = field(default_factory=lambda: [[{"id": "3"}], [{"id": "4"}]])
    tokens: set[str] = field(default_factory=lambda: {str(number) for number in range(1000)})
    conditions: set[str] = field(default_factory=lambda: {"0xab"})
    time_s: int = 1_795_262_409
    version: int = 2
    geoblock: dict[str, object] = field(
        default_factory=lambda: {"blocked": True, "ip": "192.0.2.7", "country": "US", "region": ""}
    )


def book_of(token: str) -> dict[str, object]:
    """Return a small book of a token."""
    return {
        "market": "0xab",
        "asset_id": token,
        "timestamp": "1795262409386",
        "hash": "22efe292866b8aa8bc4245ac79f4b93cb9cf5514",
        "bids": [{"price": "0.01", "size": "500"}, {"price": "0.40", "size": "100"}],
        "asks": [{"price": "0.99", "size": "500"}, {"price": "0.60", "size": "100"}],
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": "0.5",
    }


def json_reply(value: object, status: int = 200) -> Reply:
    """Return an answer in JSON."""
    return Reply(status, json.dumps(value, separators=(",", ":")).encode())


class RestServer:
    """Serves a truth on one loopback port until it is left."""

    def __init__(
        self, truth: Truth | None = None, *, tls: ssl.SSLContext | None = None, gzip: bool = True
    ) -> None:
        self.truth = truth if truth is not None else Truth()
        self.gzip = gzip
        self.faults: deque[Fault | None] = deque()
        self.faults_of: dict[str, deque[Fault | None]] = {}
        """By path; used up before those of any path."""
        self.asked: list[Asked] = []
        self.connections: list[RestConnection] = []
        """The open ones, oldest first."""
        self.opened = 0
        self.half_open_next = 0
        """So many of the next connections are accepted, and nothing is ever read or told."""
        self.retry_after = "0"
        """The header of the next 429."""
        self.limit_headers: tuple[tuple[str, str], ...] = (
            ("Poly-RateLimit-Remaining", "0"),
            ("Poly-RateLimit-Reset", "1795262410"),
            ("Poly-RateLimit-Tier", "standard"),
            ("Poly-RateLimit-Warning", "true"),
        )
        self.routes: dict[str, Route] = {
            "/ok": lambda _: Reply(body=b'"OK"'),
            "/time": lambda _: json_reply(self.truth.time_s),
            "/version": lambda _: json_reply({"version": self.truth.version}),
            "/books": self._books,
            "/events/keyset": lambda asked: _page("events", self.truth.events, asked),
            "/markets/keyset": lambda asked: _page("markets", self.truth.markets, asked),
            "/api/geoblock": lambda _: json_reply(self.truth.geoblock),
        }
        """More paths may be added, these replaced."""
        self._tls = tls
        self._port = 0
        self._random: Random | None = None
        self._percent = 0
        self._among: Sequence[Fault] = ()
        self._listener: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Return the address of every host."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def hosts(self) -> VenueHosts:
        """Return the addresses as the project's settings have them."""
        return VenueHosts(
            gamma=self.address, clob=self.address, geoblock=f"{self.address}/api/geoblock"
        )

    def break_at_random(
        self, random: Random, *, percent: int, among: Sequence[Fault] = tuple(Fault)
    ) -> None:
        """Break so many of all requests from now on; 0 ends it."""
        self._random, self._percent, self._among = random, percent, among

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: RestConnection(self), "127.0.0.1", 0, ssl=self._tls, backlog=256
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.deafen()
        for connection in list(self.connections):
            connection.drop()
        while self.connections:
            await asyncio.sleep(0)

    async def deafen(self) -> None:
        """Refuse new connections as a host does that runs no server; open ones stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await asyncio.sleep(0)

    def next_fault(self, path: str) -> Fault | None:
        """Return what becomes of a request for a path."""
        for scripted in (self.faults_of.get(path), self.faults):
            if scripted:
                return scripted.popleft()
        if self._random is not None and self._random.randrange(100) < self._percent:
            return self._random.choice(self._among)
        return None

    def reply(self, asked: Asked) -> Reply:
        """Return the true answer."""
        route = self.routes.get(asked.path)
        if route is not None:
            return route(asked)
        condition = asked.path.removeprefix("/clob-markets/")
        if condition not in self.truth.conditions:
            return _STATUSES[Fault.MISSING]
        return json_reply({"t": [{"t": "1", "o": "Yes"}, {"t": "2", "o": "No"}], "mts": 0.01})

    def throttled(self) -> Reply:
        """Return the answer of a limit that is used up."""
        headers = (("Retry-After", self.retry_after), *self.limit_headers)
        return Reply(429, b'{"error":"rate limit exceeded"}', headers)

    def wrong(self) -> Reply:
        """Return JSON that is not what was asked for."""
        return Reply(body=_WRONG[len(self.asked) % len(_WRONG)])

    def _books(self, asked: Asked) -> Reply:
        if asked.method != "POST":
            return Reply(405, b"")
        tokens = [str(each["token_id"]) for each in json.loads(asked.body)]
        known = [token for token in tokens if token in self.truth.tokens]
        return json_reply([book_of(token) for token in known])


class RestConnection(asyncio.Protocol):
    """One accepted connection, with its requests one after the other."""

    def __init__(self, server: RestServer) -> None:
        self._server = server
        self._received = b""
        self._is_deaf = False
        self._number = 0
        self._trickle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        plain = transport.get_extra_info("socket")
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections.append(self)
        self._server.opened += 1
        self._number = self._server.opened
        if self._server.half_open_next:
            self._server.half_open_next -= 1
            self._is_deaf = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.remove(self)
        if self._trickle is not None:
            self._trickle.cancel()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._received += data
        while self._take_request():
            pass

    def _take_request(self) -> bool:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines[1:])
        headers = {name.lower(): value for name, value in pairs}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return False
        self._received = rest[length:]
        method, target, _ = lines[0].split(" ")
        address = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        asked = Asked(method, address.path, query, headers, rest[:length], self._number)
        self._server.asked.append(asked)
        self._answer(asked)
        return not self._transport.is_closing() and not self._is_deaf

    def _answer(self, asked: Asked) -> None:
        fault = self._server.next_fault(asked.path)
        if fault is None:
            self._tell(self._server.reply(asked), asked)
        elif fault is Fault.THROTTLED:
            self._tell(self._server.throttled(), asked)
        elif fault is Fault.WRONG_TYPES:
            self._tell(self._server.wrong(), asked)
        elif fault in _STATUSES:
            self._tell(_STATUSES[fault], asked)
        else:
            self._break(fault, self._server.reply(asked))

    def _tell(self, reply: Reply, asked: Asked) -> None:
        body, headers = reply.body, list(reply.headers)
        if self._server.gzip and "gzip" in asked.headers.get("accept-encoding", "") and body:
            body = _gzip(body)
            headers.append(("Content-Encoding", "gzip"))
        self._send(reply.status, headers, body, len(body))

    def _break(self, fault: Fault, reply: Reply) -> None:
        body = reply.body
        match fault:
            case Fault.CUT_JSON:
                cut = body[: len(body) // 2]
                self._send(200, [], cut, len(cut))
            case Fault.TORN:
                self._send(200, [], body[: len(body) // 2], len(body))
                self._transport.close()
            case Fault.TORN_HEAD:
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Le")
                self._transport.close()
            case Fault.TOO_LONG:
                self._send(200, [], body + b" " * 100, max(1, len(body) - 1))
            case Fault.TORN_GZIP:
                packed = _gzip(body)[:-9]
                self._send(200, [("Content-Encoding", "gzip")], packed, len(packed))
            case Fault.NO_GZIP:
                self._send(200, [("Content-Encoding", "gzip")], body, len(body))
            case Fault.UNKNOWN_ENCODING:
                self._send(200, [("Content-Encoding", "br")], body, len(body))
            case Fault.OVERSIZED:
                self._send(200, [], b" ", 33 * MIB)
            case Fault.BOMB:
                packed = _bomb()
                self._send(200, [("Content-Encoding", "gzip")], packed, len(packed))
            case Fault.ENDLESS:
                self._send_chunks(b" " * MIB, 0)
            case Fault.TRICKLE:
                self._send_chunks(b" ", 0.002)
            case Fault.SLOW:
                self._is_deaf = True
            case Fault.RESET:
                self._reset()
            case Fault.HANG_UP:
                self._transport.close()
            case _:
                self._transport.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
                self._transport.close()

    def _send(
        self, status: int, headers: Sequence[tuple[str, str]], body: bytes, length: int
    ) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._transport.write("\r\n".join([*lines, "", ""]).encode() + body)

    def _send_chunks(self, chunk: bytes, every_s: float) -> None:
        """Begin a body that goes on until the other side has enough."""
        self._is_deaf = True
        self._transport.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        loop = asyncio.get_running_loop()

        def send() -> None:
            if not self._transport.is_closing():
                if self._transport.get_write_buffer_size() < 4 * MIB:
                    self._transport.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self._trickle = loop.call_later(every_s, send)

        send()

    def _reset(self) -> None:
        """Make the other side see a reset, not an end."""
        plain = self._transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._transport.abort()


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()


@cache
def _bomb() -> bytes:
    return _gzip(b" " * (40 * MIB))


def _page(name: str, pages: list[list[object]], asked: Asked) -> Reply:
    """Return one page; the last has no cursor."""
    place = int(asked.query.get("after_cursor", "p0").removeprefix("p"))
    page: dict[str, object] = {name: pages[place] if place < len(pages) else []}
    if place + 1 < len(pages):
        page["next_cursor"] = f"p{place + 1}"
    return json_reply(page)
