"""An arbiter between simulated sources and a fold of what it passes on, in virtual time."""

from collections.abc import Callable, Collection, Sequence
from random import Random

from polyarb.venue.polymarket.arbitration.arbiter import Arbiter
from polyarb.venue.polymarket.arbitration.hashes import HashCheck
from polyarb.venue.polymarket.arbitration.polling import PollingSource
from polyarb.venue.polymarket.arbitration.state import Patience, SourceSpec
from polyarb.venue.polymarket.sources import Line, Loss

from tests.simulated_sources import (
    MS,
    SECOND,
    Claims,
    Clockwork,
    Folded,
    SimulatedSource,
    Truth,
    drive,
    mirrored,
)

MARKETS = ("A", "B", "C")


async def no_sleep(seconds: float) -> None:
    """Wait for nothing."""


class Case:
    """Streams by latency, a poll if asked for, and everything that they go through."""

    def __init__(
        self,
        seed: int,
        latencies_ms: Sequence[int] = (30, 55),
        *,
        has_poll: bool = False,
        has_check: bool = False,
        patience: Patience | None = None,
        hear_claims: bool = True,
    ) -> None:
        self.random = Random(seed)
        self.clock = Clockwork()
        self.truth = Truth(MARKETS, self.random, self.clock)
        self.folded = Folded()
        self.claims = Claims()
        self.hear_claims = hear_claims
        self.emitted: Callable[[Line | Loss], None] = lambda item: None
        self.losses: list[tuple[int, Loss]] = []
        names = [f"stream-{place + 1}" for place in range(len(latencies_ms))]
        specs = [SourceSpec(name=name) for name in names]
        if has_poll:
            specs.append(SourceSpec(name="poll", is_last_resort=True, tells_every_change=False))
        self.arbiter = Arbiter(specs, self.emit, self.refresh, patience)
        self.streams = [
            SimulatedSource(name, self.truth, self, latency_ms=latency)
            for name, latency in zip(names, latencies_ms, strict=True)
        ]
        now = self.now_ns
        fetch = self.truth.rest_books
        self.poll = PollingSource("poll", self, fetch, now_ns=now, sleep=no_sleep, poll_ms=2_000)
        self.check = HashCheck(self.arbiter, fetch, now_ns=now, sleep=no_sleep, check_ms=5_000)
        for part in (self.poll, self.check):
            part.set_assets(self.truth.groups)
        self.arbiter.set_assets(self.truth.groups, self.clock.now_ns)
        self.clock.every(100 * MS, lambda: self.arbiter.tick(self.clock.now_ns))
        if has_poll:
            self.clock.every(2 * SECOND, lambda: drive(self.poll.poll()))
        if has_check:
            self.clock.every(5 * SECOND, lambda: drive(self.check.look()))
        for stream in self.streams:
            stream.start()
        self.clock.run_for(SECOND)

    def now_ns(self) -> int:
        return self.clock.now_ns

    # FrameSink, in front of the arbiter

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        if self.hear_claims:
            self.claims.hear(source, frame)
        self.folded.teller = source
        self.arbiter.frame(source, frame, receive_time_ns)

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        self.arbiter.lost(source, assets, reason, receive_time_ns)

    def emit(self, item: Line | Loss) -> None:
        if isinstance(item, Loss):
            self.losses.append((self.clock.now_ns, item))
            del self.losses[:-1000]
        self.folded.emit(item)
        self.emitted(item)

    def refresh(self, source: str, assets: frozenset[str]) -> None:
        if source == "poll":
            self.poll.refresh(assets)
            self.clock.after(60 * MS, lambda: drive(self.poll.poll()))
            return
        next(stream for stream in self.streams if stream.name == source).refresh(assets)

    # What tests do and ask

    def live(self, seconds: float, *, moves_every_ms: int = 200) -> None:
        """Let the truth move for a while."""
        end_ns = self.clock.now_ns + round(seconds * SECOND)
        while self.clock.now_ns < end_ns:
            self.truth.move()
            self.truth.resize()
            self.clock.run_for(moves_every_ms * MS)

    def sources_in_use(self) -> set[str]:
        return {one.source for one in self.arbiter.statistics if one.markets}

    def is_true(self) -> bool:
        """Tell whether what was passed on folds to the truth, for every token."""
        return self.folded.books == {
            token: book
            for name in self.truth.markets
            for token, book in (
                (f"{name}:YES", self.truth.books[name]),
                (f"{name}:NO", mirrored(self.truth.books[name])),
            )
        }

    def statistics_of(self, source: str) -> object:
        return next(one for one in self.arbiter.statistics if one.source == source)
