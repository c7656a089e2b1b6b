"""The sandbox's market channel told to many: delay from announcement to the last reader, and CPU.

Usage: python -m benchmarks.bench_sandbox_channels [CONNECTIONS] [FRAMES A SECOND]
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection

from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import mirror
from polyarb.domain.units import ONE
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.channels.market import MarketChannel
from polyarb.venue.sandbox.server.serving import CHANNEL_OPTIONS
from polyarb.venue.sandbox.terms.announcements import LevelChanged
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket
from polyarb.venue.sandbox.terms.orders import BookLevels
from websockets.asyncio.server import serve

from benchmarks.timing import table

CONNECTIONS = 500
RATE = 20
SECONDS = 5.0
READERS = 2
DEPTH = 20
CENT = 10_000
SHARE = 1_000_000
HELLO = (
    b"GET /ws/market HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
MARK = b'"price_change"'
STAMP = b'"timestamp":"'


class OneMarket:
    """An exchange of one market with a book of twenty levels a side."""

    def __init__(self) -> None:
        self.listed = ListedMarket(
            condition_id=ConditionId("0x" + "ab" * 32),
            question_id=ZERO_BYTES32,
            oracle=Address("0x0000000000000000000000000000000000000001"),
            yes=TokenId("7" * 77),
            no=TokenId("5" * 77),
            question="",
            slug="",
            event_id="1",
            tick=CENT,
            size_min=5 * SHARE,
            fee=NO_FEE,
        )
        self.bids = {(25 + n) * CENT: 100 * SHARE for n in range(DEPTH)}
        self.asks = {(55 + n) * CENT: 100 * SHARE for n in range(DEPTH)}
        self.now_ns = time.time_ns()

    def book(self, token_id: TokenId) -> BookLevels:
        """Return the book of either token."""
        bids, asks = self.bids, self.asks
        if token_id == self.listed.no:
            bids, asks = ({mirror(at): size for at, size in side.items()} for side in (asks, bids))
        return BookLevels(
            condition_id=self.listed.condition_id,
            token_id=token_id,
            bids=tuple(sorted(bids.items())),
            asks=tuple(sorted(asks.items(), reverse=True)),
            tick=CENT,
            last_price=None,
            changed_ns=self.now_ns,
        )

    def market(self, _condition_id: ConditionId) -> ListedMarket:
        """Return the market."""
        return self.listed

    def condition_of(self, _token_id: TokenId) -> ConditionId:
        """Return the market's id."""
        return self.listed.condition_id

    def events(self) -> tuple[ListedEvent, ...]:
        """Return nothing: events are not told here."""
        return ()

    def change(self, number: int) -> LevelChanged:
        """Give a deep bid a new total at this moment."""
        self.now_ns = time.time_ns()
        price, size = 25 * CENT, (1 + number % 900) * SHARE
        self.bids[price] = size
        return LevelChanged(
            condition_id=self.listed.condition_id,
            is_bid=True,
            price=price,
            size=size,
            best_bid=max(self.bids),
            best_ask=min(self.asks, default=ONE),
            at_ns=self.now_ns,
        )


class Reader(asyncio.Protocol):
    """A client that looks for nothing but how old each frame is."""

    def __init__(self, opening: bytes, delays_ms: list[float]) -> None:
        self._opening = opening
        self._delays_ms = delays_ms
        self.has_books = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, and subscribe at once."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HELLO + masked(self._opening))

    def data_received(self, data: bytes) -> None:
        """Note the age of every level that is told."""
        now_ms = time.time_ns() / 1e6
        self.has_books = True
        at = data.find(MARK)
        while at >= 0:
            found = data.find(STAMP, at)
            if found < 0:
                return
            begins = found + len(STAMP)
            self._delays_ms.append(now_ms - int(data[begins : begins + 13]))
            at = data.find(MARK, begins)


def masked(text: bytes) -> bytes:
    """Write a client's frame with a mask of zeros."""
    assert 125 < len(text) < 65_536
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


def read(control: Connection, port: int, connections: int) -> None:
    """Be some of the clients, in a process of its own."""
    asyncio.run(_read(control, port, connections))


async def _read(control: Connection, port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    tokens = ["7" * 77, "5" * 77]
    opening = json.dumps({"type": "market", "assets_ids": tokens}).encode()
    delays_ms: list[float] = []
    readers = []
    for _ in range(connections):
        reader = Reader(opening, delays_ms)
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)  # type: ignore[misc]
        readers.append(reader)
    while not all(reader.has_books for reader in readers):
        await asyncio.sleep(0.01)
    control.send("ready")
    await loop.run_in_executor(None, control.recv)
    control.send(delays_ms)
    for reader in readers:
        reader.transport.abort()


async def measure(connections: int, rate: int) -> tuple[str, ...]:
    """Tell levels to all at a rate and collect what the readers saw."""
    exchange = OneMarket()
    channel = MarketChannel(
        exchange, FaultBoard(1), now_ns=lambda: exchange.now_ns, market_id=lambda _: "1"
    )
    async with serve(channel.attend, "127.0.0.1", 0, **CHANNEL_OPTIONS) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        controls = _start_readers(port, connections)
        loop = asyncio.get_running_loop()
        for control in controls:
            await loop.run_in_executor(None, control.recv)
        while len(channel.lines) < connections:
            await asyncio.sleep(0.01)
        cpu, began = time.process_time(), time.monotonic()
        frames = int(rate * SECONDS)
        for number in range(frames):
            channel.announce([exchange.change(number)])
            await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
        took, cpu = time.monotonic() - began, time.process_time() - cpu
        await asyncio.sleep(0.5)
        delays_ms: list[float] = []
        for control in controls:
            control.send(None)
            delays_ms += await loop.run_in_executor(None, control.recv)
        dropped = channel.outlet.dropped
    delays_ms.sort()
    told = len(delays_ms)
    return (
        f"{connections}",
        f"{frames / took:,.0f}",
        f"{told / took:,.0f}",
        f"{frames * connections - told}",
        f"{dropped}",
        f"{delays_ms[told // 2]:.1f}",
        f"{delays_ms[told * 99 // 100]:.1f}",
        f"{cpu / took:.0%}",
        f"{cpu / max(told, 1) * 1e6:.1f}",
    )


def _start_readers(port: int, connections: int) -> list[Connection]:
    context = multiprocessing.get_context("spawn")
    controls = []
    for number in range(READERS):
        ours, theirs = context.Pipe()
        share = connections // READERS + (number < connections % READERS)
        context.Process(target=read, args=(theirs, port, share), daemon=True).start()
        controls.append(ours)
    return controls


def main() -> None:
    """Print delays and CPU for three numbers of connections."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else RATE
    head = (
        "connections",
        "frames/s",
        "told/s",
        "missing",
        "dropped",
        "p50 ms",
        "p99 ms",
        "CPU of one core",
        "us CPU each",
    )
    rows = [asyncio.run(measure(each, rate)) for each in (most // 10, most, 2 * most)]
    print(table(f"sandbox market channel, {os.cpu_count()} cores shared with readers", head, rows))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
