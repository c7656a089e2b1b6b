"""The engine: one synchronous, pure function from event to decisions and commands.

Time is a field of the event. A book is settled when its market's next message carries another
venue timestamp, or when the settle time has passed without one; only then is it judged.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop

from polyarb.domain.book import BookFault, BookStatus, Depth
from polyarb.domain.ids import ConditionId
from polyarb.domain.instruments import changed_catalogue
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import (
    NO_WINNER,
    UNKNOWN_PRICE,
    BookReplaced,
    BookRestored,
    BooksOpened,
    CancelAll,
    CensusCounted,
    ClockTicked,
    ControlEvent,
    Event,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketResolved,
    OperatorHalted,
    OperatorReduced,
    OperatorResumed,
    OrderKilled,
    OrderMatched,
    Output,
    RunStarted,
    RunStopped,
    RunStopping,
    SetSettled,
    TickChanged,
    TierMeasured,
    TradeConfirmed,
    TradeFailed,
    TradePrinted,
)
from polyarb.domain.order import TradingState
from polyarb.domain.plan import Family
from polyarb.domain.reasons import Guard
from polyarb.domain.surroundings import ClockJudged, InstrumentsChanged, VenueModeChanged
from polyarb.domain.units import ONE
from polyarb.domain.venue import VenueMode
from polyarb.engine import books, detect, faults, flights, instruments, risk, surroundings
from polyarb.engine.pursuit import MS, Terms, pursue
from polyarb.engine.state import NEVER_NS, Census, EngineState, Episode, Ladder

NOTHING: tuple[Output, ...] = ()
CENSUS_NS = 60 * 10**9
"""How often the census is told."""
_UNSETTLED_REASON = {
    BookStatus.LIVE: Guard.UNSETTLED,
    BookStatus.CROSSED: Guard.CROSSED_BOOK,
    BookStatus.GAPPED: Guard.GAPPED,
    BookStatus.STALE: Guard.STALE,
}


class Engine:
    """Decides; remembers only `state`. `deadline_ns` is when it wants a ClockTicked."""

    def __init__(self, catalogue: Catalogue, profile: Profile, config_digest: str) -> None:
        ladders = {market.condition_id: Ladder(market) for market in catalogue.markets.values()}
        self.state = EngineState(ladders, detect.build_watches(catalogue, ladders))
        self.deadline_ns = NEVER_NS
        self._terms = Terms(catalogue, profile, config_digest)
        self._ladders = ladders
        self._settle_ns = profile.guards.settle_ms * MS
        self._settling: deque[tuple[int, Ladder]] = deque()

    @property
    def settled_by_ns(self) -> int:
        """When the last book in hand will be settled if nothing more comes; 0 when all are."""
        return self._settling[-1][0] if self._settling else 0

    @property
    def deadlines_held(self) -> int:
        """How many books wait, in order, for the end of their venue timestamp."""
        return len(self._settling)

    def handle(self, event: Event) -> Sequence[Output]:
        """Take one event and conclude; outputs are in the order in which they were decided.

        The commonest event is handled here without a further step: most of them change a level
        that nothing hangs on.
        """
        if not isinstance(event, LevelChanged):
            return self._handle_rest(event)
        ladder = self._ladders.get(event.condition_id)
        if ladder is None:
            return NOTHING
        if event.venue_time_ns <= ladder.snapshot_ns and self._is_late(ladder, event):
            return NOTHING
        outputs: Sequence[Output] = NOTHING
        if ladder.unsettled and event.venue_time_ns != ladder.venue_time_ns:
            outputs = self._settle(ladder, event.receive_time_ns)
        if books.fold_level(ladder, event):
            self._unsettle(ladder)
        return outputs

    def _handle_rest(self, event: Event) -> Sequence[Output]:
        assert not isinstance(event, LevelChanged)
        match event:
            case LevelsChanged():
                return self._on_levels(event)
            case BookReplaced():
                return self._on_book(event)
            case ClockTicked():
                return self._on_tick(event.receive_time_ns)
            case TradePrinted() | TierMeasured():
                return NOTHING
            case TickChanged():
                return self._on_tick_size(event)
            case MarketResolved():
                return self._on_resolved(event)
            case FeedLost():
                return self._on_feed_lost(event)
            case InstrumentsChanged():
                return self._on_instruments(event)
            case VenueModeChanged():
                return surroundings.change_mode(self.state, event)
            case OrderMatched() | OrderKilled() | TradeConfirmed() | TradeFailed() | SetSettled():
                return flights.advance(self.state, self._terms.profile, event)
            case _:
                return self._on_control(event)

    def depth(self, condition_id: ConditionId) -> Depth | None:
        """Return the levels of a book that may be decided on, or None.

        One in the midst of a venue timestamp counts, unless it is visibly torn.
        """
        ladder = self._ladders.get(condition_id)
        if ladder is None or ladder.status is not BookStatus.LIVE:
            return None
        return None if books.fault_of(ladder) is not None else books.depth_of(ladder)

    @property
    def venue_mode(self) -> VenueMode:
        """What the venue accepts, as far as the feed told."""
        return self.state.venue_mode

    def market(self, condition_id: ConditionId) -> Market | None:
        """Return a market as it is known now, or None."""
        ladder = self._ladders.get(condition_id)
        return None if ladder is None else ladder.market

    # Market data

    def _on_levels(self, event: LevelsChanged) -> Sequence[Output]:
        ladder = self._ladders.get(event.condition_id)
        if ladder is None:
            return NOTHING
        if event.venue_time_ns <= ladder.snapshot_ns and self._is_late(ladder, event):
            return NOTHING
        outputs = self._settle_before(ladder, event.venue_time_ns, event.receive_time_ns)
        for is_bid, price, amount in event.changes:
            books.apply_level(ladder, is_bid, price, amount)
        ladder.venue_time_ns = event.venue_time_ns
        ladder.receive_time_ns = event.receive_time_ns
        ladder.wire_bid, ladder.wire_ask = event.best_bid, event.best_ask
        self._unsettle(ladder)
        return outputs

    def _is_late(self, ladder: Ladder, event: LevelChanged | LevelsChanged) -> bool:
        """Judge a change that is not younger than its book's snapshot, and count one that is older.

        The snapshot holds an older one already. One of its own time is taken: recordings have it
        right behind the snapshot; the sister token's snapshot may now differ from the first.
        """
        if event.venue_time_ns == ladder.snapshot_ns:
            ladder.snapshot_outcome = None
            return False
        self.state.census.quality["LATE_LEVEL"] += 1
        return True

    def _on_book(self, event: BookReplaced) -> Sequence[Output]:
        ladder = self._ladders.get(event.condition_id)
        if ladder is None or ladder.is_resolved:
            return NOTHING
        now_ns = event.receive_time_ns
        outputs = list(self._settle_before(ladder, event.venue_time_ns, now_ns))
        if books.is_late(ladder, event):
            self.state.census.quality["LATE_SNAPSHOT"] += 1
            return outputs
        if books.breaks_mirror(ladder, event):
            return outputs + faults.invalidate(self.state, ladder, BookFault.MIRROR_BROKEN, now_ns)
        books.replace(ladder, event)
        ladder.venue_time_ns = event.venue_time_ns
        ladder.receive_time_ns = now_ns
        if ladder.invalid_since_ns:
            ladder.invalid_since_ns = 0
            outputs.append(BookRestored(receive_time_ns=now_ns, condition_id=ladder.condition_id))
        self._unsettle(ladder)
        return outputs

    def _on_tick_size(self, event: TickChanged) -> Sequence[Output]:
        ladder = self._ladders.get(event.condition_id)
        if ladder is not None:
            books.set_tick(ladder, event.tick)
            self.state.census.quality["TICK_CHANGED"] += 1
        return NOTHING

    def _on_resolved(self, event: MarketResolved) -> Sequence[Output]:
        """A resolved market trades no more: its book leaves every sum, and none takes its place."""
        ladder = self._ladders.get(event.condition_id)
        if ladder is None:
            return NOTHING
        ladder.is_resolved = True
        self._empty(ladder)
        outputs = [*self._pursue_all(ladder, event.receive_time_ns)]
        if event.winner in (ladder.market.yes, ladder.market.no, NO_WINNER):
            self.state.winners.setdefault(event.condition_id, event.winner)
        else:
            self.state.census.quality["UNKNOWN_WINNER"] += 1
        return outputs + flights.redeem(self.state, event.receive_time_ns)

    def _on_feed_lost(self, event: FeedLost) -> Sequence[Output]:
        """Call back what is open there, end what stood on the lost books, and take them anew."""
        state, now_ns = self.state, event.receive_time_ns
        affected = event.condition_ids or tuple(self._ladders)
        outputs = flights.recall(state, affected, f"feed lost: {event.reason}", now_ns)
        ladders = [self._ladders[key] for key in affected if key in self._ladders]
        lost = [ladder for ladder in ladders if ladder.status is not BookStatus.EMPTY]
        for watch in dict.fromkeys(watch for ladder in lost for watch, _leg in ladder.watches):
            outputs += faults.close(list(watch.episodes.values()), now_ns)
        for ladder in lost:
            outputs += faults.invalidate(state, ladder, BookFault.FEED_LOST, now_ns)
            self._empty(ladder)
        return outputs

    def _on_instruments(self, event: InstrumentsChanged) -> Sequence[Output]:
        """Watch other markets; what is open in one that left is called back, its book is none."""
        state, now_ns, changed = self.state, event.receive_time_ns, event.change
        state.census.quality["INSTRUMENTS_CHANGED"] += 1
        outputs = flights.recall(state, changed.left, "no longer watched", now_ns)
        for ladder in [self._ladders[key] for key in changed.left if key in self._ladders]:
            open_episodes = [
                episode for watch, _leg in ladder.watches for episode in watch.episodes.values()
            ]
            outputs += faults.close(open_episodes, now_ns)
            self._empty(ladder)
        outputs += instruments.change(state, changed, now_ns)
        catalogue = changed_catalogue(self._terms.catalogue, changed)
        self._terms = replace(self._terms, catalogue=catalogue)
        self._refresh_deadline()
        return outputs

    def _empty(self, ladder: Ladder) -> None:
        ladder.bids.clear()
        ladder.asks.clear()
        ladder.best_bid, ladder.best_ask = 0, ONE
        ladder.wire_bid = ladder.wire_ask = UNKNOWN_PRICE
        ladder.status = BookStatus.EMPTY
        ladder.unsettled = False
        ladder.snapshot_outcome = None
        faults.publish(ladder, 0, ONE)

    # Settling

    def _unsettle(self, ladder: Ladder) -> None:
        """Mark that a book must be judged once its venue timestamp is over."""
        if ladder.best_bid > ladder.best_ask and ladder.status is not BookStatus.EMPTY:
            census = self.state.census
            census.raw_hits[Family.BINARY] += 1
            census.rejected[_UNSETTLED_REASON[ladder.status]] += 1
        if not ladder.unsettled:
            ladder.unsettled = True
            ladder.deadline_ns = ladder.receive_time_ns + self._settle_ns
            self._settling.append((ladder.deadline_ns, ladder))
            if ladder.deadline_ns < self.deadline_ns:
                self.deadline_ns = ladder.deadline_ns

    def _settle_before(self, ladder: Ladder, venue_time_ns: int, now_ns: int) -> Sequence[Output]:
        if ladder.unsettled and venue_time_ns != ladder.venue_time_ns:
            return self._settle(ladder, now_ns)
        return NOTHING

    def _settle(self, ladder: Ladder, now_ns: int) -> Sequence[Output]:
        """Judge a book at the end of its venue timestamp and look at what it is part of."""
        ladder.unsettled = False
        self._refresh_deadline()
        census = self.state.census
        census.settled += 1
        if ladder.status is not BookStatus.LIVE:
            return NOTHING
        fault = books.fault_of(ladder)
        if fault is not None:
            if ladder.best_bid > ladder.best_ask:
                census.raw_hits[Family.BINARY] += 1
                census.rejected[Guard.CROSSED_BOOK] += 1
            return faults.invalidate(self.state, ladder, fault, now_ns)
        bid, ask = ladder.best_bid, ladder.best_ask
        is_moved = bid != ladder.settled_bid or ask != ladder.settled_ask
        if not (is_moved or ladder.is_watched or ladder.is_awaited):
            return NOTHING
        ladder.is_awaited = False
        faults.publish(ladder, bid, ask)
        return self._pursue_all(ladder, now_ns)

    def _pursue_all(self, ladder: Ladder, now_ns: int) -> Sequence[Output]:
        if not ladder.watches:
            return NOTHING
        outputs: list[Output] = []
        for watch, _leg in ladder.watches:
            outputs += pursue(self.state, self._terms, watch, now_ns)
        self._refresh_deadline()
        return outputs

    def _close_all(self, now_ns: int) -> list[Output]:
        """End every open episode."""
        outputs: list[Output] = []
        for watch in self.state.watches:
            outputs += faults.close(list(watch.episodes.values()), now_ns)
        return outputs

    # Time

    def _on_tick(self, now_ns: int) -> Sequence[Output]:
        outputs: list[Output] = []
        settling = self._settling
        while settling and settling[0][0] <= now_ns:
            deadline_ns, ladder = settling.popleft()
            if ladder.unsettled and ladder.deadline_ns == deadline_ns:
                outputs += self._settle(ladder, now_ns)
        timers = self.state.timers
        while timers and timers[0][0] <= now_ns:
            _, _, episode = heappop(timers)
            outputs += self._on_timer(episode, now_ns)
        self._refresh_deadline()
        return outputs

    def _on_timer(self, episode: Episode | None, now_ns: int) -> list[Output]:
        if episode is None:
            self.state.schedule(now_ns + CENSUS_NS, None)
            return [self._count(now_ns)]
        gap_ns = self._terms.profile.guards.episode_gap_ms * MS
        is_open = episode.watch.episodes.get(episode.family) is episode
        if not is_open or not episode.false_since_ns:
            return []
        if episode.false_since_ns + gap_ns > now_ns:
            return []
        return faults.close([episode], now_ns)

    def _refresh_deadline(self) -> None:
        """Find the next moment to be woken, skipping books that were settled meanwhile."""
        settling = self._settling
        while settling and not (
            settling[0][1].unsettled and settling[0][1].deadline_ns == settling[0][0]
        ):
            settling.popleft()
        deadline_ns = settling[0][0] if settling else NEVER_NS
        timers = self.state.timers
        self.deadline_ns = min(deadline_ns, timers[0][0]) if timers else deadline_ns

    def _count(self, now_ns: int) -> CensusCounted:
        census, self.state.census = self.state.census, Census()
        return CensusCounted(
            receive_time_ns=now_ns,
            settled=census.settled,
            raw_hits=dict(sorted(census.raw_hits.items())),
            rejected=dict(sorted(census.rejected.items())),
            tradable=dict(sorted(census.tradable.items())),
            quality=dict(sorted(census.quality.items())),
        )

    # Control

    def _on_control(self, event: ControlEvent) -> Sequence[Output]:
        state, now_ns = self.state, event.receive_time_ns
        match event:
            case RunStarted():
                state.run_id = event.run_id
                state.schedule(now_ns + CENSUS_NS, None)
                self._refresh_deadline()
                if event.is_halted:
                    return NOTHING
                return flights.change_trading(state, TradingState.RECONCILING, "boot", now_ns)
            case BooksOpened():
                return self._on_opened(event)
            case OperatorHalted():
                return flights.halt(state, f"{event.actor}: {event.reason}", now_ns)
            case OperatorReduced():
                return self._on_reduced(event)
            case OperatorResumed():
                return self._on_resumed(event)
            case ClockJudged():
                return surroundings.judge_clock(state, event)
            case RunStopping():
                return self._on_stopping(event.reason, now_ns)
            case RunStopped():
                return [self._count(now_ns)]

    def _on_reduced(self, event: OperatorReduced) -> Sequence[Output]:
        """Open nothing more, or open again; what is halted or not yet open stays as it is."""
        steps = (TradingState.ACTIVE, TradingState.REDUCING)
        before, after = reversed(steps) if event.is_over else steps
        if self.state.trading is not before:
            return NOTHING
        reason = f"{event.actor}: {event.reason}"
        return flights.change_trading(self.state, after, reason, event.receive_time_ns)

    def _on_resumed(self, event: OperatorResumed) -> Sequence[Output]:
        """Let trading begin again: from a halt by way of reconciliation."""
        state, now_ns, reason = self.state, event.receive_time_ns, f"{event.actor}: {event.reason}"
        if state.trading is TradingState.REDUCING:
            return flights.change_trading(state, TradingState.ACTIVE, reason, now_ns)
        if state.trading is not TradingState.HALTED:
            return NOTHING
        risk.reset_breaker(state.exposure)
        return flights.change_trading(state, TradingState.RECONCILING, reason, now_ns)

    def _on_opened(self, event: BooksOpened) -> Sequence[Output]:
        """Count what earlier runs left and lost today, then let trading begin if it waits."""
        state, now_ns = self.state, event.receive_time_ns
        risk.roll_day(state.exposure, now_ns)
        state.exposure.day_pnl += event.day_pnl
        for left in event.held:
            flights.adopt(state, left)
        outputs = flights.redeem(state, now_ns)
        for left in event.held:
            outputs += flights.recover(state, self._terms.profile, left, now_ns)
        if state.trading is TradingState.RECONCILING:
            outputs += flights.change_trading(state, TradingState.ACTIVE, "reconciled", now_ns)
        return outputs

    def _on_stopping(self, reason: str, now_ns: int) -> Sequence[Output]:
        """Stop trading; no more market data comes, so that every open episode ends censored."""
        outputs = [
            *self._close_all(now_ns),
            *flights.change_trading(self.state, TradingState.HALTED, reason, now_ns),
        ]
        if self.state.sets:
            outputs.append(CancelAll(receive_time_ns=now_ns, reason=reason))
        return outputs
