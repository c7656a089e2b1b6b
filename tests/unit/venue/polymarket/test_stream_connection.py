"""However the bytes are cut on their way, the messages are those that were sent."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.venue.polymarket.stream.connection import READ_BYTES, DirectConnection
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import OP_CONT, OP_PING, OP_PONG, OP_TEXT, Frame
from websockets.http11 import Request
from websockets.protocol import CLOSED, CLOSING, OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

SIZE_MAX = 100_000


class Wire(asyncio.Transport):
    """Where a connection writes to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever too much."""


class Ends:
    """A connection and the venue's end of it, without a network between them."""

    def __init__(self, *, compression: bool = False, size_max: int | None = SIZE_MAX) -> None:
        deflate = [ClientPerMessageDeflateFactory()] if compression else None
        client = ClientProtocol(
            parse_uri("ws://venue.example/"), extensions=deflate, max_size=size_max
        )
        self.taken: list[bytes] = []
        self.wire = Wire()
        self.client = DirectConnection(client, take=self.taken.extend, ping_interval=None)
        self.client.connection_made(self.wire)
        self.client.request = client.connect()
        client.send_request(self.client.request)
        inflate = [ServerPerMessageDeflateFactory()] if compression else None
        self.venue = ServerProtocol(extensions=inflate, max_size=None)
        self.venue.receive_data(b"".join(client.data_to_send()))
        (request,) = self.venue.events_received()
        assert isinstance(request, Request)
        self.request = request

    def accepted(self) -> bytes:
        self.venue.send_response(self.venue.accept(self.request))
        return self.sent()

    def sent(self) -> bytes:
        return b"".join(self.venue.data_to_send())

    def receive(self, data: bytes, cuts: list[int]) -> None:
        """Deliver bytes in pieces, as an event loop does that reads into the buffer it is given."""
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        for start, stop in pairwise(places):
            for at in range(start, stop, READ_BYTES):
                size = min(READ_BYTES, stop - at)
                self.client.get_buffer(-1)[:size] = data[at : at + size]
                self.client.buffer_updated(size)

    def end(self) -> None:
        """Let go of everything, as the event loop does in the end."""
        self.client.response_rcvd.cancel()
        self.client.connection_lost(None)


RUNNERS: list[asyncio.Runner] = []
"""The one loop of this module; one for every example would take most of the time."""


@pytest.fixture(autouse=True, scope="module")
def _loop() -> Iterator[None]:
    with asyncio.Runner() as runner:
        RUNNERS.append(runner)
        yield
    RUNNERS.clear()


def within_loop(case: Callable[[], None]) -> None:
    async def run() -> None:
        case()

    RUNNERS[0].run(run())


TEXTS = st.one_of(
    st.binary(max_size=130),
    st.sampled_from([125, 126, 127, 65_535, 65_536, SIZE_MAX]).map(lambda size: b"a" * size),
)
SENT = st.lists(st.tuples(st.sampled_from(["text", "binary", "pieces", "ping"]), TEXTS), max_size=8)
CUTS = st.lists(st.integers(0, 2**31), max_size=12)


@given(SENT, CUTS, st.booleans())
def test_every_message_is_taken_once_in_order_and_as_it_was(
    sent: list[tuple[str, bytes]], cuts: list[int], compression: bool
) -> None:
    def case() -> None:
        ends = Ends(compression=compression)
        data = ends.accepted()
        for kind, text in sent:
            match kind:
                case "text":
                    ends.venue.send_text(text)
                case "binary":
                    ends.venue.send_binary(text)
                case "pieces":
                    ends.venue.send_text(text[:7], fin=False)
                    ends.venue.send_ping(b"amid")
                    ends.venue.send_continuation(text[7:9], fin=False)
                    ends.venue.send_continuation(text[9:], fin=True)
                case "ping":
                    ends.venue.send_ping(text[:125])
        ends.receive(data + ends.sent(), cuts)
        assert ends.taken == [text for kind, text in sent if kind != "ping"]
        assert ends.client.protocol.state is OPEN
        ends.venue.receive_data(ends.wire.written)
        pongs = [event for event in ends.venue.events_received() if isinstance(event, Frame)]
        assert [pong.opcode for pong in pongs] == [OP_PONG] * sum(
            kind in ("ping", "pieces") for kind, _ in sent
        )
        ends.end()

    within_loop(case)


def frame(opcode: int, text: bytes, *, fin: bool = True, mask: bool = False) -> bytes:
    return Frame(opcode, text, fin=fin).serialize(mask=mask)  # type: ignore[arg-type]


REFUSED: dict[str, tuple[bytes, int]] = {
    "masked": (frame(OP_TEXT, b"abc", mask=True), 1002),
    "masked and long": (frame(OP_TEXT, b"a" * 300, mask=True), 1002),
    "too large": (frame(OP_TEXT, b"a" * (SIZE_MAX + 1)), 1009),
    "too large by its head": (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1009),
    "pieces too large": (
        frame(OP_TEXT, b"a" * SIZE_MAX, fin=False) + frame(OP_CONT, b"a", fin=False),
        1009,
    ),
    "a text amid pieces": (frame(OP_TEXT, b"a", fin=False) + frame(OP_TEXT, b"b"), 1002),
    "a piece of nothing": (frame(OP_CONT, b"a"), 1002),
    "unknown opcode": (b"\x87\x00", 1002),
    "reserved bit": (b"\xc1\x01a", 1002),
    "long ping": (b"\x89\x7e\x00\x80" + b"a" * 128, 1002),
    "cut close": (b"\x88\x01\x03", 1002),
    "close": (b"\x88\x02\x03\xe9", 1001),
}


@pytest.mark.parametrize("name", REFUSED)
@settings(max_examples=20)
@given(CUTS)
def test_what_ends_a_connection_ends_it_after_what_came_before(name: str, cuts: list[int]) -> None:
    broken, code = REFUSED[name]

    def case() -> None:
        ends = Ends()
        before, after = frame(OP_TEXT, b"before"), frame(OP_TEXT, b"after")
        ends.receive(ends.accepted() + before + broken + after, cuts)
        assert ends.taken == [b"before"]
        assert ends.client.protocol.state is CLOSING
        assert ends.client.protocol.close_sent is not None
        assert ends.client.protocol.close_sent.code == code
        assert ends.wire.is_closed
        ends.end()
        assert ends.client.protocol.state is CLOSED

    within_loop(case)


@given(CUTS, st.integers(0, 300))
def test_a_handshake_that_is_refused_is_understood_however_it_is_cut(
    cuts: list[int], size: int
) -> None:
    def case() -> None:
        ends = Ends()
        ends.venue.send_response(ends.venue.reject(403, "\r\n\r\n" + "x" * size))
        ends.receive(ends.sent(), cuts)
        fault = ends.client.protocol.handshake_exc
        assert isinstance(fault, InvalidStatus)
        assert fault.response.status_code == 403
        assert not ends.taken
        ends.end()

    within_loop(case)


def test_a_handshake_without_an_end_is_left_to_the_library() -> None:
    def case() -> None:
        ends = Ends()
        ends.receive(b"HTTP/1.1 101 X\r\n" + b"a: b\r\n" * 20_000, [])
        assert ends.client.protocol.handshake_exc is not None
        ends.end()

    within_loop(case)


def test_a_connection_without_a_limit_takes_any_size() -> None:
    def case() -> None:
        ends = Ends(size_max=None)
        ends.receive(ends.accepted() + frame(OP_TEXT, b"a" * 10**6), [500])
        assert ends.taken == [b"a" * 10**6]
        ends.end()

    within_loop(case)


def test_a_ping_of_the_protocol_is_answered() -> None:
    def case() -> None:
        ends = Ends()
        ends.receive(ends.accepted() + frame(OP_PING, b"x"), [])
        ends.venue.receive_data(ends.wire.written)
        (pong,) = ends.venue.events_received()
        assert isinstance(pong, Frame)
        assert pong.opcode is OP_PONG
        ends.end()

    within_loop(case)


def test_messages_of_one_read_are_handed_on_together() -> None:
    def case() -> None:
        ends = Ends()
        reads: list[list[bytes]] = []
        ends.client._take = reads.append
        ping = frame(OP_PING, b"")
        texts = [frame(OP_TEXT, text) for text in (b"a", b"b", b"c")]
        ends.receive(ends.accepted() + texts[0] + texts[1] + ping + texts[2], [])
        assert reads == [[b"a", b"b"], [b"c"]]
        ends.end()

    within_loop(case)


@given(CUTS, st.integers(0, 400))
def test_an_end_amid_a_frame_ends_the_connection_and_tells_nothing_of_that_frame(
    cuts: list[int], kept: int
) -> None:
    def case() -> None:
        ends = Ends()
        whole, cut = frame(OP_TEXT, b"whole"), frame(OP_TEXT, b"c" * 400)
        ends.receive(ends.accepted() + whole + cut[:kept], cuts)
        ends.client.eof_received()
        assert ends.taken == [b"whole"]
        ends.end()
        assert ends.client.protocol.state is CLOSED
        assert ends.client.protocol.close_exc.rcvd is None

    within_loop(case)
