"""A local venue that speaks the documented wire, with faults: market channel and public REST.

One port serves both. Everything runs in the loop of the test and needs no task of its own, so
that what a test does has happened when the call returns. Source: polymarket.md 3.2, 4.1, 9.3.

    async with WireServer(Venue(4, seed=1)) as server:
        settings = VenueSettings(hosts=server.hosts)
        server.move(10)                     # the truth moves and is told to who subscribed
        server.channels[0].freeze()         # a fault of one connection
        server.openings.append(Opening.REFUSED)   # a fault of the next connection
        server.answers["/books"] = Answer(status=503)  # a fault of REST until it is removed
"""

import asyncio
import json
import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Self
from urllib.parse import parse_qs, urlsplit

from polyarb.domain.venue import VenueHosts
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import OP_BINARY, OP_CLOSE, OP_TEXT, Frame
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from tests.wire_venue import Message, Venue

__all__ = ["Answer", "Channel", "Opening", "ThreadedWire", "Torn", "Venue", "WireServer"]

QUIET = logging.getLogger("tests.wire_server")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False
HUGE_BYTES = 9 * 1024 * 1024
STREAM_PATH = "/ws/market"
TLS_HELLO = b"\x16"
"""Who speaks TLS to a plain port is answered in plain, and reports a TLS fault."""


class Opening(Enum):
    """What becomes of the next connection to the market channel."""

    GOOD = "good"
    REFUSED = "refused"
    """The connection is cut before it is answered."""
    UNANSWERED = "unanswered"
    """The handshake is never answered."""
    MUTE = "mute"
    """The handshake succeeds, PONG comes, but never a message."""
    HALF_OPEN = "half-open"
    """The handshake succeeds, then nothing ever comes."""
    FORBIDDEN = "403"
    THROTTLED = "429"
    UNAVAILABLE = "503"


STATUSES = {Opening.FORBIDDEN: 403, Opening.THROTTLED: 429, Opening.UNAVAILABLE: 503}


class Torn(Enum):
    """How a frame is broken."""

    CUT = "cut"
    NO_JSON = "no json"
    BINARY = "binary"
    EMPTY = "empty"
    HUGE = "huge"
    NOT_UTF8 = "not utf-8"


@dataclass
class Answer:
    """A scripted answer of REST. Units: milliseconds; drop cuts the connection instead."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay_ms: int = 0
    drop: bool = False


Route = Callable[[str, dict[str, str], bytes], Answer]
"""Answers a request by its method, query and body."""


class Channel(asyncio.Protocol):
    """One accepted connection, be it the market channel or REST."""

    def __init__(self, server: "WireServer") -> None:
        self.server = server
        self.assets: set[str] = set()
        self.requests: list[Message] = []
        """What the client sent on the market channel, except PING."""
        self.pings = 0
        self.has_custom_features = False
        self.is_frozen = False
        self.is_silent = False
        self.delay_ms = 0
        self.is_stream = False
        self._opening = Opening.GOOD
        self._wire: ServerProtocol | None = None
        self._received = b""
        self._due = 0.0
        self._faults: deque[Callable[[bytes], list[bytes]]] = deque()

    # Faults

    def freeze(self) -> None:
        """Tell nothing any more while PONG goes on."""
        self.is_frozen = True

    def half_open(self) -> None:
        """Neither read nor tell anything any more, and never close."""
        self.is_silent = True

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._transport.abort()

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Close as the protocol has it."""
        assert self._wire is not None
        if self._wire.state is OPEN:
            self._wire.send_close(code, reason)
            self._flush()

    def slow(self, delay_ms: int) -> None:
        """Deliver every frame so much later."""
        self.delay_ms = delay_ms

    def duplicate_next(self) -> None:
        """Deliver the next frame twice."""
        self._faults.append(lambda frame: [frame, frame])

    def reorder_next(self) -> None:
        """Deliver the next frame after its successor."""
        held: list[bytes] = []
        self._faults.append(lambda frame: held.append(frame) or [])  # type: ignore[func-returns-value]
        self._faults.append(lambda frame: [frame, *held])

    def lose_next(self) -> None:
        """Leave the next frame out."""
        self._faults.append(lambda _frame: [])

    def tear_next(self, torn: Torn) -> None:
        """Break the next frame."""
        self._faults.append(lambda frame: self._tear(frame, torn))

    def tell_stale(self, asset: str) -> None:
        """Tell the untrue .01/.99 book of a token."""
        self.tell([self.server.venue.stale_snapshot(asset)])

    # Telling

    def tell(self, messages: Sequence[Message]) -> None:
        """Send messages as one frame, an object if it is one, else an array."""
        if self.is_frozen or not messages:
            return
        told = messages[0] if len(messages) == 1 else messages
        frame = json.dumps(told, separators=(",", ":")).encode()
        frames = self._faults.popleft()(frame) if self._faults else [frame]
        for each in frames:
            self.send(each)

    def send(self, frame: bytes, opcode: int = OP_TEXT) -> None:
        """Send one frame, whatever it is."""
        if self.is_silent or self._transport.is_closing():
            return
        if not self.delay_ms:
            self._send_now(frame, opcode)
            return
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() + self.delay_ms / 1000)
        loop.call_at(self._due, self._send_now, frame, opcode)

    def _send_now(self, frame: bytes, opcode: int) -> None:
        if self._wire is not None and self._wire.state is OPEN and not self._transport.is_closing():
            self._wire.send_binary(frame) if opcode is OP_BINARY else self._wire.send_text(frame)
            self._flush()

    def _tear(self, frame: bytes, torn: Torn) -> list[bytes]:
        match torn:
            case Torn.CUT:
                return [frame[: len(frame) // 2]]
            case Torn.NO_JSON:
                return [b"<html>502 Bad Gateway</html>"]
            case Torn.EMPTY:
                return [b""]
            case Torn.HUGE:
                return [b'"' + b"9" * HUGE_BYTES + b'"']
            case Torn.NOT_UTF8:
                return [b'{"event_type":"\xff\xfe"}']
            case Torn.BINARY:
                self.send(b"\x00\x01\x02", OP_BINARY)
                return []

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.server.sockets.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.sockets.remove(self)
        if self in self.server.channels:
            self.server.channels.remove(self)

    def data_received(self, data: bytes) -> None:
        if self.is_silent or self._opening is Opening.UNANSWERED:
            return
        if self._wire is not None:
            self._wire.receive_data(data)
            self._answer_frames()
            return
        self._received += data
        if self._received[:1] == TLS_HELLO:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self._transport.close()
            return
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if b"upgrade: websocket" in head.lower():
            self._open(self._received)
        else:
            self._answer_request(head, rest)

    def _open(self, request: bytes) -> None:
        self._opening = self.server.next_opening()
        self.is_stream = True
        self.server.opened += 1
        if self._opening is Opening.REFUSED:
            self._transport.abort()
        if self._opening in (Opening.REFUSED, Opening.UNANSWERED):
            return
        extensions = [ServerPerMessageDeflateFactory()] if self.server.compression else []
        self._wire = ServerProtocol(max_size=None, logger=QUIET, extensions=extensions)
        self._wire.receive_data(request)
        self._answer_frames()

    def _answer_frames(self) -> None:
        assert self._wire is not None
        for event in self._wire.events_received():
            if isinstance(event, Request):
                self._answer_handshake(event)
            elif isinstance(event, Frame) and event.opcode is OP_TEXT:
                self._take(bytes(event.data))
            elif isinstance(event, Frame) and event.opcode is OP_CLOSE:
                self.server.closings.append(self)
        self._flush()

    def _answer_handshake(self, request: Request) -> None:
        assert self._wire is not None
        status = STATUSES.get(self._opening)
        if urlsplit(request.path).path != STREAM_PATH:
            status = 404
        if status is not None:
            response = self._wire.reject(status, "refused\n")
            response.headers["Retry-After"] = str(self.server.retry_after_s)
            self._wire.send_response(response)
            return
        self._wire.send_response(self._wire.accept(request))
        self.is_frozen = self._opening is Opening.MUTE
        self.server.channels.append(self)
        if self.server.greetings:
            self._wire.send_text(self.server.greetings.popleft())
        if self._opening is Opening.HALF_OPEN:
            self._flush()
            self.is_silent = True

    def _take(self, text: bytes) -> None:
        if text == b"PING":
            self.pings += 1
            self.send(b"PONG")
            return
        request = json.loads(text)
        self.requests.append(request)
        assets = [str(asset) for asset in request["assets_ids"]]
        if request.get("operation") == "unsubscribe":
            self.assets -= set(assets)
            return
        fresh = [asset for asset in assets if asset not in self.assets]
        self.assets |= set(assets)
        self.has_custom_features |= bool(request.get("custom_feature_enabled"))
        known = [asset for asset in fresh if asset in self.server.venue.market_of]
        if request.get("initial_dump", True):
            self.tell([self.server.venue.snapshot(asset) for asset in known])

    def _flush(self) -> None:
        assert self._wire is not None
        for chunk in self._wire.data_to_send():
            if chunk:
                self._transport.write(chunk)
            else:
                self._transport.close()

    # REST

    def _answer_request(self, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        if len(body) < int(headers.get("content-length", "0")):
            return
        self._received = b""
        address = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.server.asked.append((method, target))
        answer = self.server.answer(method, address.path, query, body)
        if answer.delay_ms:
            asyncio.get_running_loop().call_later(answer.delay_ms / 1000, self._reply, answer)
        else:
            self._reply(answer)

    def _reply(self, answer: Answer) -> None:
        if answer.drop:
            self._transport.abort()
        if self._transport.is_closing():
            return
        headers = {"Content-Type": "application/json", **answer.headers}
        head = [f"HTTP/1.1 {answer.status} X", f"Content-Length: {len(answer.body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join([*head, "", ""]).encode() + answer.body)


class WireServer:
    """Serves a venue's truth on one loopback port until it is left."""

    def __init__(
        self,
        venue: Venue | None = None,
        *,
        compression: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.venue = venue if venue is not None else Venue()
        self._tls = tls
        self.compression = compression
        self.channels: list[Channel] = []
        """The open connections of the market channel, oldest first."""
        self.sockets: list[Channel] = []
        self.closings: list[Channel] = []
        self.opened = 0
        """How many connections to the market channel were tried, refused ones included."""
        self.openings: deque[Opening] = deque()
        self.greetings: deque[bytes] = deque()
        """Frames that the next connections get in one breath with the handshake."""
        self.retry_after_s = 0
        self.asked: list[tuple[str, str]] = []
        """Method and target of every REST request."""
        self.answers: dict[str, Answer | deque[Answer]] = {}
        """Scripted answers by path; a deque is used up, then the truth is told again."""
        self.routes: dict[str, Route] = {
            "/ok": lambda *_: Answer(body=b'"OK"'),
            "/time": lambda *_: Answer(body=str(self.venue.now() // 1000).encode()),
            "/version": lambda *_: Answer(body=b'{"version":2}'),
            "/book": self._book,
            "/books": self._books,
        }
        """More paths may be added."""
        self._port = 0
        self._listener: asyncio.Server | None = None

    @property
    def hosts(self) -> VenueHosts:
        """Return the addresses as the project's settings have them."""
        address = f"127.0.0.1:{self._port}"
        http = f"http://{address}"
        stream = f"ws://{address}{STREAM_PATH}"
        return VenueHosts(gamma=http, clob=http, stream=stream, geoblock=f"{http}/api/geoblock")

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.deafen()
        for channel in list(self.sockets):
            channel.drop()
        while self.sockets:
            await asyncio.sleep(0)

    async def listen(self) -> None:
        """Accept connections, after `deafen` on the same port again."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Channel(self), "127.0.0.1", self._port, backlog=1024, ssl=self._tls
        )
        self._port = self._listener.sockets[0].getsockname()[1]

    async def deafen(self) -> None:
        """Refuse new connections as a host does that runs no server; open ones stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await asyncio.sleep(0)

    # The truth moves

    def move(self, count: int = 1) -> None:
        """Let so many random things happen and tell each at once."""
        for _ in range(count):
            for message in self.venue.step():
                self.publish([message])

    def publish(self, messages: Iterable[Message]) -> None:
        """Tell messages to every connection that subscribed to one of their tokens."""
        for message in messages:
            for channel in list(self.channels):
                if _concerns(message, channel):
                    channel.tell([message])

    # Faults

    def misbehave(self, random: Random) -> str:
        """Do one random fault, to a connection or to what opens next; return its name."""
        channel = random.choice(self.channels) if self.channels else None
        if channel is None or random.random() < 0.3:
            opening = random.choice(list(Opening))
            self.openings.append(opening)
            return f"next {opening.value}"
        name, fault = random.choice(list(FAULTS.items()))
        fault(channel, random)
        return name

    def next_opening(self) -> Opening:
        """Take what becomes of the next connection."""
        return self.openings.popleft() if self.openings else Opening.GOOD

    def heal(self) -> None:
        """End the faults that have not happened yet; connections that are broken stay so."""
        self.openings.clear()
        self.answers.clear()
        for channel in self.channels:
            channel.delay_ms = 0
            channel._faults.clear()

    # REST

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """Answer one request, by script if there is one."""
        scripted = self.answers.get(path)
        if isinstance(scripted, deque):
            scripted = scripted.popleft() if scripted else None
        if scripted is not None:
            return scripted
        route = self.routes.get(path)
        if route is None:
            return Answer(status=404, body=b'{"error":"not found"}')
        return route(method, query, body)

    def _book(self, _method: str, query: dict[str, str], _body: bytes) -> Answer:
        token = query.get("token_id", "")
        if token not in self.venue.market_of:
            text = b'{"error":"No orderbook exists for the requested token id"}'
            return Answer(status=404, body=text)
        return Answer(body=_json(self.venue.rest_book(token)))

    def _books(self, _method: str, _query: dict[str, str], body: bytes) -> Answer:
        tokens = [entry["token_id"] for entry in json.loads(body)]
        known = [token for token in tokens if token in self.venue.market_of]
        return Answer(body=_json([self.venue.rest_book(token) for token in known]))


FAULTS: dict[str, Callable[[Channel, Random], None]] = {
    "drop": lambda channel, _: channel.drop(),
    "close": lambda channel, random: channel.close(random.choice((1000, 1001, 1008, 1011, 4003))),
    "freeze": lambda channel, _: channel.freeze(),
    "half-open": lambda channel, _: channel.half_open(),
    "slow": lambda channel, random: channel.slow(random.choice((1, 5))),
    "duplicate": lambda channel, _: channel.duplicate_next(),
    "reorder": lambda channel, _: channel.reorder_next(),
    "lose": lambda channel, _: channel.lose_next(),
    "torn": lambda channel, random: channel.tear_next(random.choice(list(Torn))),
    "stale": lambda channel, random: (
        channel.tell_stale(random.choice(sorted(channel.assets))) if channel.assets else None
    ),
}
"""What a random fault does to an open connection."""


class ThreadedWire:
    """A wire server in a thread of its own, for tests that run the program from outside.

    `call` runs a function of the server in its loop and returns what it returned.
    """

    def __init__(self, venue: Venue | None = None, *, move_ms: int = 0) -> None:
        self.server = WireServer(venue)
        self._move_ms = move_ms
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire-server")

    @property
    def hosts(self) -> VenueHosts:
        return self.server.hosts

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Serve no longer; a second stop does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(10)

    def call(self, function: Callable[[WireServer], object]) -> object:
        async def run() -> object:
            return function(self.server)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        async with self.server:
            self._ready.set()
            while self._move_ms and not self._stopped.is_set():
                self.server.move()
                await asyncio.sleep(self._move_ms / 1000)
            await self._stopped.wait()


def _concerns(message: Message, channel: Channel) -> bool:
    match message["event_type"]:
        case "price_change":
            return any(change["asset_id"] in channel.assets for change in message["price_changes"])  # type: ignore
        case "new_market":
            return channel.has_custom_features
        case "market_resolved":
            is_told = not channel.assets.isdisjoint(message["assets_ids"])  # type: ignore[arg-type]
            return is_told and channel.has_custom_features
        case "best_bid_ask":
            return message["asset_id"] in channel.assets and channel.has_custom_features
        case _:
            return message["asset_id"] in channel.assets


def _json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
