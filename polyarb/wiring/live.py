"""The venue's public side as one feed: streams, polling, checks and arbiter.

They live in an asyncio loop that turns whenever the runner has nothing to do, in the runner's own
thread: two threads would take the interpreter from each other at every read of a socket.
"""

import asyncio
from functools import partial
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from polyarb.domain.errors import PolyarbError, VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.market import Catalogue
from polyarb.domain.venue import VenueSettings
from polyarb.host.threads import AbandoningExecutor
from polyarb.ports import Clock
from polyarb.venue.polymarket.arbitration.arbiter import Arbiter
from polyarb.venue.polymarket.arbitration.calendar import Standing, VenueModes
from polyarb.venue.polymarket.arbitration.hashes import HashCheck
from polyarb.venue.polymarket.arbitration.polling import PollingSource
from polyarb.venue.polymarket.arbitration.scoring import Fault, SourceStatistics
from polyarb.venue.polymarket.arbitration.state import SourceSpec
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.live import LiveFeed, Recorder
from polyarb.venue.polymarket.rest.budget import Priority
from polyarb.venue.polymarket.rest.client import PublicClient
from polyarb.venue.polymarket.rest.mode import ModeReading
from polyarb.venue.polymarket.sources import Line, Loss
from polyarb.venue.polymarket.stream.pool import StreamPool, StreamStatistics

POLL = "poll"
GATHER_SECONDS = 0.001
"""How long what follows a first frame is waited for, because each turn of the loop has a price."""


class LiveHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the sources of a run do. Shape: one entry a source; losses and switches in markets."""

    sources: tuple[SourceStatistics, ...]
    streams: tuple[StreamStatistics, ...]
    markets: int
    live_markets: int
    switches: int
    losses: int
    mode: Standing
    caution: str


class LiveVenue:
    """Runs the sources of live data while it is open as a context; `feed` is what they tell."""

    def __init__(
        self, settings: VenueSettings, catalogue: Catalogue, recorder: Recorder, clock: Clock
    ) -> None:
        self.feed = LiveFeed(
            Translator(catalogue), recorder, self, clock, connect_ms_max=settings.connect_ms_max
        )
        self._loop = asyncio.new_event_loop()
        self._gathering: asyncio.TimerHandle | None = None
        self._is_over = False
        self._settings = settings
        self._clock = clock
        self._random = Random()
        self._tokens = {
            market.condition_id: frozenset((market.yes, market.no))
            for market in catalogue.markets.values()
        }
        streams = [f"stream-{number + 1}" for number in range(settings.stream_copies)]
        self.arbiter = Arbiter(
            [
                *(SourceSpec(name=name) for name in streams),
                SourceSpec(name=POLL, is_last_resort=True, tells_every_change=False),
            ],
            self._put,
            self._ask_source,
        )
        self.arbiter.set_assets(self._tokens.values(), clock.now_ns())
        self._pools = {
            name: StreamPool(
                settings,
                name,
                self.arbiter,
                clock=clock,
                random=self._random,
                assets=[sorted(tokens) for tokens in self._tokens.values()],
            )
            for name in streams
        }
        self._modes = VenueModes(on_books_lost=self.arbiter.lose_all)
        self._open_sockets = dict.fromkeys(streams, 0)
        self._polling: PollingSource | None = None
        self._loop.set_default_executor(AbandoningExecutor())
        self._main = self._loop.create_task(self._listen())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        self._main.cancel()
        self._loop.run_until_complete(asyncio.gather(self._main, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def refresh(self, condition_id: ConditionId) -> None:
        """Doubt what was told of a market, as the engine does, and have its books told anew."""
        tokens = self._tokens.get(condition_id, frozenset())
        self._loop.call_soon(
            lambda: self.arbiter.doubt(tokens, Fault.DOUBTED, self._clock.now_ns())
        )

    def health(self) -> LiveHealth:
        """Tell how each source does."""
        return LiveHealth(
            sources=self.arbiter.statistics,
            streams=tuple(pool.statistics for pool in self._pools.values()),
            markets=len(self._tokens),
            live_markets=self.arbiter.live_markets,
            switches=self.arbiter.switches,
            losses=self.arbiter.losses,
            mode=self._modes.standing,
            caution=self._modes.caution(self._clock.now_ns()),
        )

    # What the feed asks

    def turn(self, seconds: float) -> None:
        """Turn the loop until something arrives, at most so long; its end is a fault of the feed.

        Whatever is ready is done in any case.
        """
        stop = (
            self._loop.call_later(seconds, self._loop.stop)
            if seconds
            else self._loop.call_soon(self._loop.stop)
        )
        self._loop.run_forever()
        stop.cancel()
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        if self._main.done():
            self.feed.fail(self._fault())

    def why_silent(self) -> str:
        """Say what kept data from coming: the first fault of a connection, if there was one."""
        faults = [pool.first_fault for pool in self._pools.values()]
        told = [fault.text for fault in faults if fault is not None]
        return told[0] if told else "the connections stand, but no book came"

    # In the loop

    def _fault(self) -> PolyarbError:
        """Say what ended the sources; a defect of polyarb is raised as it is."""
        fault: PolyarbError = VenueError("the sources of live data ended without a fault")
        try:
            self._main.result()
        except* PolyarbError as faults:
            fault = _first_of(faults)
        return fault

    def _put(self, item: Line | Loss) -> None:
        """Hand on what the arbiter passes; a runner that waits for it waits no longer."""
        if self._is_over:
            return
        if not self.feed.held_lines and self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_SECONDS, self._loop.stop)
        self.feed.put(item)

    async def _listen(self) -> None:
        """Let every source run until cancelled; a fault of one of them ends all."""
        async with (
            PublicClient(
                self._settings, self._clock, self._random, on_mode=self._observe_mode
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            self._polling = self._poller(client)
            tasks.create_task(self._polling.run())
            tasks.create_task(self._checker(client).run())
            for pool in self._pools.values():
                tasks.create_task(pool.run())
            tasks.create_task(self._keep_time())

    def _poller(self, client: PublicClient) -> PollingSource:
        polling = PollingSource(
            POLL,
            self.arbiter,
            client.books,
            now_ns=self._clock.now_ns,
            sleep=asyncio.sleep,
            poll_ms=self._settings.poll_ms,
        )
        polling.set_assets(self._tokens.values())
        return polling

    def _checker(self, client: PublicClient) -> HashCheck:
        check = HashCheck(
            self.arbiter,
            partial(client.books, priority=Priority.BACKGROUND),
            now_ns=self._clock.now_ns,
            sleep=asyncio.sleep,
            check_ms=self._settings.check_ms,
        )
        check.set_assets(self._tokens.values())
        return check

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(self.arbiter.patience.tick_ms / 1_000)
            now_ns = self._clock.now_ns()
            self.arbiter.tick(now_ns)
            self._watch_sockets(now_ns)

    def _watch_sockets(self, now_ns: int) -> None:
        """Tell a restart of the venue, which closes all connections, from a fault of a line."""
        sockets = 0
        for name, pool in self._pools.items():
            statistics = pool.statistics
            sockets += len(statistics.sockets)
            before, after = self._open_sockets[name], statistics.open_sockets
            self._open_sockets[name] = after
            if after < before:
                self._modes.dropped(name, before - after, before, now_ns)
        if sockets > 1:
            self._modes.judge_drops(len(self._pools), now_ns)

    def _observe_mode(self, reading: ModeReading) -> None:
        self._modes.observe(reading.mode, reading.reason, reading.observed_ns)

    def _ask_source(self, source: str, assets: frozenset[str]) -> None:
        """Have a source tell books anew; called by the arbiter."""
        if source in self._pools:
            self._pools[source].resubscribe(assets)
        elif self._polling is not None:
            self._polling.refresh(assets)


def _first_of(faults: BaseExceptionGroup[PolyarbError]) -> PolyarbError:
    """Return one fault of a group; they are told of one cause as a rule."""
    found: PolyarbError | BaseExceptionGroup[PolyarbError] = faults
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
