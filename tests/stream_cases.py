"""What tests of the streams share: a sink that folds, settings with long periods, waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec
from polyarb.domain.venue import VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.ports import Clock
from polyarb.venue.polymarket.stream.pool import Pace, StreamPool

from tests.wire_server import WireServer
from tests.wire_venue import FoldedBooks, Venue

LONG_MS = 20_000
"""A period that no test reaches."""
PACE = Pace(stagger_ms=1, backoff_first_ms=2, backoff_most_ms=10)


class SkippingClock(SystemClock):
    """The real clock, with skips. Units: milliseconds."""

    def __init__(self) -> None:
        self._skipped_ms = 0

    def skip(self, skipped_ms: int) -> None:
        self._skipped_ms += skipped_ms

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self._skipped_ms * 1_000_000


class StandingClock(SystemClock):
    """The real clock whose periods never end, as nothing ever takes any time."""

    def monotonic_ns(self) -> int:
        return 1


class Longest(Random):
    """Draws the longest wait always."""

    def uniform(self, a: float, b: float) -> float:
        return b


class FoldingSink:
    """Keeps what it is told, in order, and folds it. Shape: log of ("frame" | "lost", what)."""

    def __init__(self) -> None:
        self.folded = FoldedBooks()
        self.log: list[tuple[str, object]] = []
        self.frames: list[bytes] = []
        self.losses: list[tuple[frozenset[str], str]] = []
        self.sources: set[str] = set()
        self.times_ns: list[int] = []

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        self._note(source, receive_time_ns)
        self.log.append(("frame", frame))
        self.frames.append(frame)
        self.folded.frame(frame)

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        assert assets, "no tokens would mean every book"
        self._note(source, receive_time_ns)
        self.log.append(("lost", reason))
        self.losses.append((frozenset(assets), reason))
        self.folded.lose(assets)

    def is_true(self, venue: Venue) -> bool:
        """Tell whether every book is known and equal to the venue's."""
        return all(self.folded.books.get(token) == venue.truth(token) for token in venue.tokens)

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason in self.losses]

    def _note(self, source: str, receive_time_ns: int) -> None:
        self.sources.add(source)
        self.times_ns.append(receive_time_ns)


async def until(
    is_met: Callable[[], bool], what: str = "", *, seconds: float = 20, every_ms: int = 1
) -> None:
    """Wait until something is so; the time is a limit for a broken program only."""
    loop = asyncio.get_running_loop()
    last = loop.time() + seconds
    while not is_met():
        assert loop.time() < last, f"never: {what or is_met}"
        await asyncio.sleep(every_ms / 1000)


def pool_of(
    server: WireServer,
    sink: FoldingSink,
    *,
    source: str = "stream-1",
    seed: int = 1,
    pace: Pace = PACE,
    clock: Clock | None = None,
    random: Random | None = None,
    **periods: int,
) -> StreamPool:
    """Make a pool for all markets of a server whose periods are long unless told."""
    known = {"request_ms_max": LONG_MS, "ping_ms": LONG_MS, "pong_ms_max": LONG_MS}
    settings = VenueSettings(hosts=server.hosts, **{**known, "silence_ms_max": LONG_MS, **periods})
    return StreamPool(
        settings,
        source,
        sink,
        clock=SystemClock() if clock is None else clock,
        random=Random(seed) if random is None else random,
        assets=server.venue.pairs,
        pace=pace,
    )


@asynccontextmanager
async def running(pool: StreamPool) -> AsyncIterator[asyncio.Task[None]]:
    """Run a pool, stop it, and see that it leaves no task."""
    task = asyncio.create_task(pool.run())
    try:
        yield task
    finally:
        pool.stop()
        await asyncio.wait({task}, timeout=10)
        assert task.done()
        if not task.cancelled():
            task.result()
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert not [name for name in names if name.startswith(f"{pool.source} ")]


class Case(msgspec.Struct, kw_only=True):
    """A venue, what listens to it and what came of it."""

    server: WireServer
    pool: StreamPool
    sink: FoldingSink
    venue: Venue

    async def until_true(self) -> None:
        """Wait until the client's books are the venue's."""
        await until(lambda: self.sink.is_true(self.venue), "true books")


@asynccontextmanager
async def listening(
    markets: int = 2,
    *,
    source: str = "stream-1",
    seed: int = 1,
    compression: bool = False,
    **options: Any,
) -> AsyncIterator[Case]:
    """Run a pool against a server, from its first true books on."""
    venue = Venue(markets, seed=seed)
    async with WireServer(venue, compression=compression) as server:
        sink = FoldingSink()
        pool = pool_of(server, sink, source=source, seed=seed, **options)
        async with running(pool):
            case = Case(server=server, pool=pool, sink=sink, venue=venue)
            await case.until_true()
            yield case
