"""A flood from many loopback sockets through the stream pool into a sink that counts.

A second process is the venue: it answers the handshake and writes frames that were encoded
beforehand, as fast as it is told to. Receipt to sink is what the pool itself adds; sent to sink is
the whole way, waiting in the sockets included, from the time that the venue wrote into a frame.
Usage: python -m benchmarks.bench_stream [SOCKETS [RATE]]
"""

import asyncio
import contextlib
import gzip
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from random import Random
from typing import TypeVar

import msgspec
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.channel.wire import decode_raw_line
from polyarb.venue.polymarket.stream.pool import StreamPool
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import OP_TEXT, Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from benchmarks.bench_decode import SAMPLES
from benchmarks.timing import table

Answer = TypeVar("Answer")
SOCKETS = 50
RATE = 20_000
SECONDS = 3.0
BURST = 10
BEAT_S = 0.005
ASSETS = 2_000
NICENESS = 10
"""The venue gives way to what is measured."""
MOST = 10_000_000
"""Messages a second that nobody reaches: as fast as the venue can write."""
STAMP = b"1795262409390"
"""The place of a frame that holds when it was written, in unix milliseconds."""

HASH = b"22efe292866b8aa8bc4245ac79f4b93cb9cf5514"


def now_stamp() -> bytes:
    """Write the time as the venue does."""
    return str(time.time_ns() // 1_000_000).encode()


def pair_change(number: int) -> bytes:
    """Write the commonest message: one level, told for both tokens."""
    token, sister = f"{7 * 10**76 + number}", f"{5 * 10**76 + number}"
    sides = ((token, "0.41", "BUY", "0.60"), (sister, "0.59", "SELL", "0.59"))
    changes = [
        {
            "asset_id": asset,
            "price": price,
            "size": "7",
            "side": side,
            "hash": HASH.decode(),
            "best_bid": "0.41" if side == "BUY" else "0.40",
            "best_ask": best_ask,
        }
        for asset, price, side, best_ask in sides
    ]
    message = {
        "event_type": "price_change",
        "market": "0x" + "ab" * 32,
        "timestamp": STAMP.decode(),
        "price_changes": changes,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def book(token: str) -> dict[str, object]:
    """Write a book of twenty levels a side; the token of a NO shows its sister's mirrored."""
    bids, asks = range(21, 41), range(60, 80)
    if token.startswith("5"):
        bids, asks = (range(100 - side.stop + 1, 100 - side.start + 1) for side in (asks, bids))
    sides = {
        name: [{"price": f"0.{cents:02d}", "size": f"{abs(50 - cents) * 7}.25"} for cents in side]
        for name, side in (("bids", bids), ("asks", asks))
    }
    told = {"event_type": "book", "asset_id": token, "market": "0x" + "ab" * 32, **sides}
    return {**told, "timestamp": STAMP.decode(), "hash": HASH.decode()}


class FloodChannel(asyncio.Protocol):
    """Answers the handshake, tells books if it is to, and is written to by the flood."""

    def __init__(self, channels: "list[FloodChannel]", has_books: bool) -> None:
        self._channels = channels
        self._has_books = has_books
        self._protocol: ServerProtocol | None = None
        self.is_ready = False
        self.is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=1 << 20)
        self.transport = transport
        self._protocol = ServerProtocol(max_size=None)

    def data_received(self, data: bytes) -> None:
        """Answer the handshake; the first frame after it makes the channel ready, others PONG."""
        assert self._protocol is not None
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
            elif self.is_ready:
                self._protocol.send_text(b"PONG")
            else:
                self.is_ready = True
                self._channels.append(self)
                if self._has_books:
                    self._tell_books(json.loads(event.data)["assets_ids"])
        self.transport.writelines(self._protocol.data_to_send())

    def _tell_books(self, tokens: list[str]) -> None:
        text = json.dumps([book(token) for token in tokens]).encode()
        self.transport.write(encode(text.replace(STAMP, now_stamp()), ()))

    def pause_writing(self) -> None:
        """Leave this one out while its buffer is full."""
        self.is_paused = True

    def resume_writing(self) -> None:
        """Write to it again."""
        self.is_paused = False


def serve(control: Connection, sockets: int, has_books: bool) -> None:
    """Be the venue in a process of its own.

    Shape: takes (rate, seconds) and answers how many messages were sent; rate 0 drops everybody.
    """
    os.nice(NICENESS)
    asyncio.run(_serve(control, sockets, has_books))


async def _serve(control: Connection, sockets: int, has_books: bool) -> None:
    loop = asyncio.get_running_loop()
    channels: list[FloodChannel] = []
    listener = await loop.create_server(
        lambda: FloodChannel(channels, has_books), "127.0.0.1", 0, backlog=512
    )
    control.send(listener.sockets[0].getsockname()[1])
    while len(channels) < sockets:
        await asyncio.sleep(0.01)
    control.send(len(channels))
    encoded = [encode(pair_change(number), ()) for number in range(sockets)]
    while True:
        order = await loop.run_in_executor(None, control.recv)
        if order is None:
            return
        rate, seconds = order
        if rate:
            control.send(await flood(channels, encoded, (rate, seconds), is_unique=has_books))
        else:
            for channel in channels:
                channel.transport.abort()
            channels.clear()
            control.send(0)


async def flood(
    channels: list[FloodChannel],
    encoded: list[bytes],
    load: tuple[int, float],
    *,
    is_unique: bool,
) -> int:
    """Write frames at a rate for a time, evenly over the channels; return how many.

    is_unique: each frame has a hash of its own, as an arbiter wants it, which takes time to write.
    """
    rate, seconds = load
    began = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - began) < seconds:
        each = (int(rate * (elapsed + BEAT_S)) - sent) // len(channels)
        each = min(each, 200)
        stamp = now_stamp()
        for channel, frame in zip(channels, encoded, strict=True):
            if each > 0 and not channel.is_paused:
                stamped = frame.replace(STAMP, stamp)
                channel.transport.write(
                    b"".join([stamped.replace(HASH, b"%040x" % (sent + n)) for n in range(each)])
                    if is_unique
                    else stamped * each
                )
                sent += each
        await asyncio.sleep(0 if rate == MOST else BEAT_S)
    return sent


def encode(text: bytes, extensions: Collection[Extension]) -> bytes:
    """Write one frame of a server."""
    return Frame(OP_TEXT, text).serialize(mask=False, extensions=list(extensions))


class CountingSink:
    """Counts frames and keeps how long each took to arrive."""

    def __init__(self) -> None:
        self.frames = 0
        self.losses = 0
        self.pool_ns: list[int] = []
        self.whole_ns: list[int] = []

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        """Take one frame."""
        self.frames += 1
        self.pool_ns.append(time.time_ns() - receive_time_ns)
        at = frame.index(b'"timestamp":"') + 13
        self.whole_ns.append(time.time_ns() - int(frame[at : at + 13]) * 1_000_000)

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        """Count a loss; there must be none."""
        self.losses += 1

    def clear(self) -> None:
        """Begin anew."""
        self.frames = 0
        self.pool_ns.clear()
        self.whole_ns.clear()


class BookSink:
    """Notes which books are known, and when they were lost first and known last."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.lost_ns: list[int] = []
        self.known_ns: list[int] = []

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        """Take the tokens of the books of one frame."""
        self.known.update(token.asset_id for token in decode_tokens(frame))
        self.known_ns.append(receive_time_ns)

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        """Forget those books."""
        self.known.difference_update(assets)
        self.lost_ns.append(receive_time_ns)


class Token(msgspec.Struct):
    """All that this measurement reads of a book."""

    asset_id: str


decode_tokens = msgspec.json.Decoder(list[Token]).decode


async def reconnect(control: Connection, port: int, sockets: int, assets: int) -> str:
    """Lose every connection at once, several times, and wait for all books."""
    settings = VenueSettings(hosts=VenueHosts(stream=f"ws://127.0.0.1:{port}/ws/market"))
    pairs = [(f"{7 * 10**76 + n}", f"{5 * 10**76 + n}") for n in range(assets // 2)]
    sink = BookSink()
    pool = StreamPool(
        settings, "stream-1", sink, clock=SystemClock(), random=Random(1), assets=pairs
    )
    began = time.time_ns()
    running = asyncio.create_task(pool.run())
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, control.recv) == sockets
    await _all_known(sink, assets)
    first_s, worst_s = (sink.known_ns[-1] - began) / 1e9, 0.0
    for _ in range(5):
        sink.lost_ns.clear()
        control.send((0, 0))
        await loop.run_in_executor(None, control.recv)
        while not sink.lost_ns:
            await asyncio.sleep(0.001)
        await _all_known(sink, assets)
        worst_s = max(worst_s, (sink.known_ns[-1] - sink.lost_ns[0]) / 1e9)
    pool.stop()
    await running
    return (
        f"{assets:,} books over {sockets} sockets: {first_s:.2f} s from the start, "
        f"{worst_s:.2f} s at worst after all were lost at once"
    )


async def _all_known(sink: BookSink, assets: int) -> None:
    while len(sink.known) < assets:
        await asyncio.sleep(0.001)


async def measure(control: Connection, port: int, sockets: int, rate: int) -> list[tuple[str, ...]]:
    """Run every load after the other through one pool."""
    settings = VenueSettings(
        hosts=VenueHosts(stream=f"ws://127.0.0.1:{port}/ws/market"), assets_per_socket_max=2
    )
    pairs = [(f"{7 * 10**76 + number}", f"{5 * 10**76 + number}") for number in range(sockets)]
    sink = CountingSink()
    pool = StreamPool(
        settings, "stream-1", sink, clock=SystemClock(), random=Random(1), assets=pairs
    )
    running = asyncio.create_task(pool.run())
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, control.recv) == sockets
    loads = (
        (f"{rate:,}/s", rate, SECONDS),
        (f"{BURST} x for 1 s", BURST * rate, 1.0),
        (f"{rate:,}/s again", rate, SECONDS),
        ("as fast as it goes", MOST, SECONDS),
    )
    rows = [await _load(control, sink, *load) for load in loads]
    pool.stop()
    await running
    assert not sink.losses
    return rows


async def _load(
    control: Connection, sink: CountingSink, name: str, rate: int, seconds: float
) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    sink.clear()
    began, cpu = time.monotonic(), time.process_time()
    control.send((rate, seconds))
    sent = await loop.run_in_executor(None, control.recv)
    while sink.frames < sent:
        await asyncio.sleep(0.002)
    elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
    return (
        name,
        f"{sent:,}",
        f"{sent / elapsed:,.0f}",
        f"{elapsed:.2f}",
        f"{cpu / sent * 1e6:.1f}",
        f"{_p99(sink.pool_ns) / 1e6:.3f}",
        f"{_p99(sink.whole_ns) / 1e6:.1f}",
    )


def _p99(figures: list[int]) -> int:
    return sorted(figures)[len(figures) * 99 // 100]


def compression() -> str:
    """Measure what permessage-deflate saves and costs on recorded frames."""
    folder = next(path for path in SAMPLES if path.exists())
    lines = gzip.decompress((folder / "tape_hockey.jsonl.gz").read_bytes()).splitlines()
    frames = [bytes(decode_raw_line(line).msg) for line in lines[:20_000]]
    zipper = PerMessageDeflate(False, False, 15, 15)
    zipped = [zipper.encode(Frame(OP_TEXT, frame)) for frame in frames]
    unzipper = PerMessageDeflate(False, False, 15, 15)
    began = time.process_time()
    for frame in zipped:
        unzipper.decode(frame)
    each_us = (time.process_time() - began) / len(frames) * 1e6
    plain = sum(map(len, frames)) / len(frames)
    small = sum(len(frame.data) for frame in zipped) / len(frames)
    return (
        f"permessage-deflate: {plain:.0f} bytes a message become {small:.0f}, "
        f"{each_us:.1f} us CPU more to read one"
    )


def with_venue(
    run: Callable[[Connection, int], Answer], sockets: int, *, has_books: bool
) -> Answer:
    """Start the venue, measure, end the venue."""
    context = multiprocessing.get_context("spawn")
    control, theirs = context.Pipe()
    venue = context.Process(target=serve, args=(theirs, sockets, has_books), daemon=True)
    venue.start()
    try:
        return run(control, control.recv())
    finally:
        with contextlib.suppress(OSError):
            control.send(None)
        venue.join(5)


def main() -> None:
    """Print rates and delays."""
    sockets = int(sys.argv[1]) if len(sys.argv) > 1 else SOCKETS
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else RATE
    head = ("load", "messages", "a second", "s", "us CPU each", "p99 pool ms", "p99 whole ms")
    rows = with_venue(
        lambda control, port: asyncio.run(measure(control, port, sockets, rate)),
        sockets,
        has_books=False,
    )
    print(table(f"stream pool, {sockets} sockets", head, rows))
    again = with_venue(
        lambda control, port: asyncio.run(reconnect(control, port, 10, ASSETS)),
        10,
        has_books=True,
    )
    print(again)
    print(compression())


if __name__ == "__main__":
    main()
