"""The venue's public side as one feed: streams, polling, checks and arbiter.

They live in an asyncio loop that turns whenever the runner has nothing to do, in the runner's own
thread: two threads would take the interpreter from each other at every read of a socket.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import partial
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from polyarb.domain.errors import PolyarbError, VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.instruments import change_of
from polyarb.domain.market import Catalogue
from polyarb.domain.surroundings import CatalogueChange, ClockSettings, ClockStanding
from polyarb.domain.venue import VenueMode, VenueSettings
from polyarb.host.collection import rare_collection
from polyarb.host.threads import AbandoningExecutor
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
from polyarb.venue.polymarket.sources import Item, ModeChange, OtherInstruments
from polyarb.venue.polymarket.stream.faults import LossReason
from polyarb.venue.polymarket.stream.pool import StreamPool, StreamStatistics
from polyarb.wiring.timekeeping import StepClock, Timekeeper

POLL = "poll"
LOOK_SECONDS = 1.0
"""Pause between two looks at the venue's answers and at our clock."""
_ENDED_BY_VENUE = (LossReason.DROPPED, LossReason.CLOSED)
VENUE_ALONE = ClockSettings(servers=())
"""Nobody but the venue is asked for the time."""
GATHER_SECONDS = 0.001
"""How long what follows a few lines is waited for, because each turn of the loop has a price."""
GATHERED_LINES = 128
"""So many lines are worth a turn of the loop by themselves."""


class LiveHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the sources of a run do.

    Shape: one entry a source; losses and switches in markets; request_failures since the start.
    """

    sources: tuple[SourceStatistics, ...]
    streams: tuple[StreamStatistics, ...]
    markets: int
    live_markets: int
    switches: int
    losses: int
    request_failures: int
    mode: Standing
    caution: str
    clock: ClockStanding


class LiveVenue:
    """Runs the sources of live data while it is open as a context; `feed` is what they tell."""

    def __init__(
        self,
        settings: VenueSettings,
        catalogue: Catalogue,
        recorder: Recorder,
        clock: StepClock,
        *,
        clock_settings: ClockSettings = VENUE_ALONE,
        select: Callable[[], Catalogue | None] = lambda: None,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Shape: select reads the instruments anew, in a thread; None is to keep what there is."""
        self.feed = LiveFeed(
            Translator(catalogue), recorder, self, clock, connect_ms_max=settings.connect_ms_max
        )
        self._loop = asyncio.new_event_loop()
        self._has_arrived = False
        self._is_over = False
        self._context = ExitStack()
        self._settings = settings
        self._clock = clock
        self._random = Random()
        self.in_use: Callable[[], Collection[ConditionId]] = tuple
        self._select, self._tell = select, tell
        self._catalogue = catalogue
        self._tokens = _tokens_of(catalogue)
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
        self._modes = VenueModes(
            on_change=lambda _standing: self._tell_mode(), on_books_lost=self.arbiter.lose_all
        )
        self._told_mode = VenueMode.OK
        self.timekeeper = Timekeeper(clock_settings, clock)
        self._ended = dict.fromkeys(streams, (0, 0))
        self._client: PublicClient | None = None
        self._polling: PollingSource | None = None
        self._check: HashCheck | None = None
        self._loop.set_default_executor(AbandoningExecutor())
        self._main = self._loop.create_task(self._listen())

    def __enter__(self) -> Self:
        self._context.enter_context(rare_collection())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        with self._context:
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

    def watch(self, wanted: Catalogue) -> CatalogueChange:
        """Listen to these markets and no others, and to those in which something of ours is open.

        The engine hears of it before anything of a new market, and before a market is left.
        """
        wanted = _with_kept(wanted, self._catalogue, self.in_use())
        change = change_of(self._catalogue, wanted)
        if change.is_empty:
            return change
        now_ns = self._clock.now_ns()
        self._catalogue, self._tokens = wanted, _tokens_of(wanted)
        self._put(OtherInstruments(now_ns, change))
        groups = list(self._tokens.values())
        self.arbiter.set_assets(groups, now_ns)
        for pool in self._pools.values():
            pool.set_assets([sorted(tokens) for tokens in groups])
        for follower in (self._polling, self._check):
            if follower is not None:
                follower.set_assets(groups)
        return change

    def health(self) -> LiveHealth:
        """Tell how each source does."""
        return LiveHealth(
            sources=self.arbiter.statistics,
            streams=tuple(pool.statistics for pool in self._pools.values()),
            markets=len(self._tokens),
            live_markets=self.arbiter.live_markets,
            switches=self.arbiter.switches,
            losses=self.arbiter.losses,
            request_failures=0 if self._client is None else self._client.state.failures,
            mode=self._modes.standing,
            caution=self._modes.caution(self._clock.now_ns()),
            clock=self.timekeeper.standing(),
        )

    # What the feed asks

    def turn(self, seconds: float) -> None:
        """Turn the loop until something arrives, at most so long; its end is a fault of the feed.

        Whatever is ready is done in any case. Of each connection little is read at once, and of
        all together once a turn, so that nothing waits for a decision long after it was read.
        """
        self._run(seconds)
        if 0 < self.feed.held_lines < GATHERED_LINES:
            time.sleep(GATHER_SECONDS)
            self._run(0.0)
        if self._main.done():
            self.feed.fail(self._fault())

    def _run(self, seconds: float) -> None:
        """Turn the loop until something arrives, at most so long."""
        self._has_arrived = False
        stop = (
            self._loop.call_later(seconds, self._loop.stop)
            if seconds
            else self._loop.call_soon(self._loop.stop)
        )
        self._loop.run_forever()
        stop.cancel()

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

    def _put(self, item: Item) -> None:
        """Hand on what the arbiter passes; a runner that waits for it waits no longer."""
        if self._is_over:
            return
        if not self._has_arrived:
            self._has_arrived = True
            self._loop.stop()
        self.feed.put(item)

    async def _listen(self) -> None:
        """Let every source run until cancelled; a fault of one of them ends all."""
        async with (
            PublicClient(
                self._settings, self._clock, self._random, on_mode=self._observe_mode
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            self._client = client
            self._polling = self._poller(client)
            tasks.create_task(self._polling.run())
            self._check = self._checker(client)
            tasks.create_task(self._check.run())
            for pool in self._pools.values():
                tasks.create_task(pool.run())
            tasks.create_task(self._keep_time())
            tasks.create_task(self._look_around(client))
            tasks.create_task(self._read_instruments())
            tasks.create_task(self.timekeeper.run(client))

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

    async def _read_instruments(self) -> None:
        """Read the instruments anew now and then, in a thread of its own, and follow them."""
        pause_s = self._settings.sync_minutes * 60
        while pause_s:
            await asyncio.sleep(pause_s)
            wanted = await self._loop.run_in_executor(None, self._select)
            change = self.watch(wanted) if wanted is not None else CatalogueChange()
            if not change.is_empty:
                self._tell(
                    f"instruments: {len(change.markets)} markets are new or have other facts,"
                    f" {len(change.left)} are no longer watched"
                )

    async def _look_around(self, client: PublicClient) -> None:
        """Follow, once a second, the venue's answers, its calendar and our clock."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._watch_sockets(self._clock.now_ns())
            reading = client.mode
            if reading.observed_ns > self._modes.standing.since_ns:
                self._observe_mode(reading)
            self._tell_mode()
            self.timekeeper.tick(self.arbiter.take_delays())

    def _tell_mode(self) -> None:
        """Let the engine hear what the venue accepts; near its weekly restart that is nothing."""
        now_ns, standing = self._clock.now_ns(), self._modes.standing
        mode, reason = standing.mode, standing.reason
        caution = self._modes.caution(now_ns)
        if mode is VenueMode.OK and caution:
            mode, reason = VenueMode.POST_ONLY, caution
        if mode is not self._told_mode:
            self._told_mode = mode
            self._put(ModeChange(now_ns, mode, reason))

    def _watch_sockets(self, now_ns: int) -> None:
        """Tell a restart of the venue, which ends all connections, from a fault of a line.

        One that we ended for its silence says nothing of the venue. What ended within two looks
        ended at once.
        """
        sockets = 0
        for name, pool in self._pools.items():
            told = pool.statistics.sockets
            sockets += len(told)
            ended = sum(one.losses.get(reason, 0) for one in told for reason in _ENDED_BY_VENUE)
            earlier, before = self._ended[name]
            is_all = self._modes.dropped(name, ended - earlier, len(told), now_ns)
            self._ended[name] = (ended, ended) if is_all else (before, ended)
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


def _tokens_of(catalogue: Catalogue) -> dict[ConditionId, frozenset[str]]:
    return {
        market.condition_id: frozenset((market.yes, market.no))
        for market in catalogue.markets.values()
    }


def _with_kept(wanted: Catalogue, running: Catalogue, in_use: Collection[ConditionId]) -> Catalogue:
    """Keep the markets in which something of ours is open, though nothing selects them any more."""
    kept = {
        key: market
        for key, market in running.markets.items()
        if key in in_use and key not in wanted.markets
    }
    return msgspec.structs.replace(wanted, markets={**wanted.markets, **kept})


def _first_of(faults: BaseExceptionGroup[PolyarbError]) -> PolyarbError:
    """Return one fault of a group; they are told of one cause as a rule."""
    found: PolyarbError | BaseExceptionGroup[PolyarbError] = faults
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
