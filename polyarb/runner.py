"""The only loop: event -> engine -> journal -> gateway, with every answer back in as an event.

Order is the whole point. Clock ticks and gateway answers that are due come before an event that is
later than they are; outputs are durable in the journal before a command leaves. A frame without
events moves time alone: it makes nothing happen that the next event would not have made happen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import chain, repeat

import msgspec

from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.measures import FeedMeasured, StageMeasured
from polyarb.domain.messages import (
    BooksOpened,
    CancelAll,
    ClockTicked,
    ControlEvent,
    Event,
    FeedLost,
    GatewayEvent,
    MarketEvent,
    OperatorOrder,
    OperatorResumed,
    Output,
    PlaceOrders,
    RaiseAlert,
    RecoverSet,
    RedeemSet,
    RequestSnapshot,
    RunStarted,
    RunStopped,
    RunStopping,
    SettleSet,
    UnwindSet,
)
from polyarb.domain.order import DayResult, HeldSet
from polyarb.domain.surroundings import FeedChange
from polyarb.engine.engine import Engine
from polyarb.host.latency import LatencyTracker, Stage
from polyarb.ports import FAR_FUTURE_NS, Clock, Feed, Frame, Gateway, Inbox, Journal

COMMANDS = (
    PlaceOrders,
    SettleSet,
    RedeemSet,
    RecoverSet,
    UnwindSet,
    CancelAll,
    RequestSnapshot,
    RaiseAlert,
)
POLL_EVERY = 256
"""Frames with events between looks at the inbox and the observers."""
MEASURE_EVERY = 64
"""Frames with events between latency samples."""
MEASURED_NS = 60 * 10**9
"""Stream time between two notes of what the feed delivered."""
DAY_NS = 86_400 * 10**9
OBSERVE_NS = 250_000_000
"""Wall time between two calls of the observers."""


class Progress(msgspec.Struct):
    """Where a run stands; position counts the market events handled so far.

    Shape: frames is what the feed delivered as of the last look at it.
    """

    frames: int = 0
    position: int = 0
    now_ns: int = 0
    decisions: int = 0
    stop_reason: str = ""


class Runner:
    """Drives one run from its RunStarted to its RunStopped."""

    def __init__(
        self,
        *,
        engine: Engine,
        feed: Feed,
        gateway: Gateway,
        journal: Journal,
        inbox: Inbox,
        clock: Clock,
    ) -> None:
        self.engine = engine
        self.feed = feed
        self.gateway = gateway
        self.journal = journal
        self.progress = Progress()
        self.stages = LatencyTracker()
        self.latency = self.stages.of(Stage.BOOK_TO_DECISION)
        self.is_live = False
        self.is_urgent = False
        self.is_over = False
        self.observers: list[Callable[[Runner], None]] = []
        self.duration_ns: int | None = None
        self.held: tuple[HeldSet, ...] = ()
        self.day_results: tuple[DayResult, ...] = ()
        self.poll_every = POLL_EVERY
        self._inbox = inbox
        self._clock = clock
        self._began_ns = clock.monotonic_ns()
        self._observe_ns = 0
        self._answer_ns = gateway.deadline_ns
        self._measure_ns = 0

    def run(self, started: RunStarted, *, is_halted: bool) -> Progress:
        """Play the feed to its end, or until somebody stops it.

        The run begins at the feed's time, that of its first frame with one; before that nothing
        is journaled. A fault of the feed ends the run in order.

        is_halted: a halt is latched, so that the run watches and measures but opens nothing.
        Errors: VenueError of the feed, once the run is over.
        """
        self._began_ns = self._clock.monotonic_ns()
        start_ns, frames = self._begin(iter(self.feed.frames()))
        self.progress.now_ns = start_ns
        self._measure_ns = start_ns + MEASURED_NS
        self._control(
            msgspec.structs.replace(started, receive_time_ns=start_ns, is_halted=is_halted)
        )
        if not is_halted:
            self._control(self._opened())
        try:
            self._play(frames)
        except VenueError as fault:
            self.stop(str(fault))
            self._finish()
            raise
        self._finish()
        return self.progress

    def _begin(self, frames: Iterator[Frame]) -> tuple[int, Iterator[Frame]]:
        """Find the feed's time; unusable frames before any time was told are of that moment."""
        untimed = 0
        for first in frames:
            if first.receive_time_ns:
                unusable = repeat(Frame(first.receive_time_ns, ()), untimed)
                return first.receive_time_ns, chain(unusable, (first,), frames)
            untimed += 1
        now_ns = self._clock.now_ns()
        return now_ns, repeat(Frame(now_ns, ()), untimed)

    def stop(self, reason: str) -> None:
        """Ask the loop to end after the frame in hand."""
        self.progress.stop_reason = self.progress.stop_reason or reason

    def poll(self) -> bool:
        """Look at the inbox, the clock and the observers; tell whether to go on.

        The observers look four times a second, and at once when something is urgent.
        """
        is_urgent, self.is_urgent = self.is_urgent, False
        self.progress.frames = self.feed.statistics.frames
        for event in self._inbox.take(self.progress.now_ns):
            self._control(event)
            if isinstance(event, OperatorResumed):
                self._control(self._opened())
        now_ns = self._clock.monotonic_ns()
        if self.duration_ns is not None and now_ns - self._began_ns >= self.duration_ns:
            self.stop("duration reached")
        if is_urgent or now_ns >= self._observe_ns:
            self._observe_ns = now_ns + OBSERVE_NS
            for observe in self.observers:
                observe(self)
        return not self.progress.stop_reason

    def order(self, event: OperatorOrder) -> None:
        """Take an order between two events, as an observer may give it; a run that is over none."""
        if not self.is_over:
            self._control(event)

    def _opened(self) -> BooksOpened:
        """Tell, once, what earlier runs left, and what they settled on the day that the feed tells.

        A set that was held later than now, and a run that began no earlier, are not yet.
        """
        now_ns = self.progress.now_ns
        held = tuple(one for one in self.held if one.held_ns <= now_ns)
        day_pnl = sum(
            one.pnl
            for one in self.day_results
            if one.day == now_ns // DAY_NS and one.began_ns < now_ns
        )
        self.held, self.day_results = (), ()
        open_sets = len(self.engine.state.sets) + len(held)
        return BooksOpened(receive_time_ns=now_ns, open_sets=open_sets, held=held, day_pnl=day_pnl)

    def _play(self, frames: Iterable[Frame]) -> None:
        """Step through the feed; written for speed, since every message passes here."""
        progress, engine, gateway = self.progress, self.engine, self.gateway
        handle, watched, monotonic_ns = engine.handle, gateway.watched, self._clock.monotonic_ns
        poll_every = self.poll_every
        seen = 0
        for frame in frames:
            events = frame.events
            if not events:
                self._idle(frame.receive_time_ns)
                if progress.stop_reason:
                    return
                continue
            seen += 1
            began_ns = 0 if seen % MEASURE_EVERY else monotonic_ns()
            for event in events:
                now_ns = event.receive_time_ns
                if engine.deadline_ns <= now_ns or self._answer_ns <= now_ns:
                    self._catch_up(now_ns)
                progress.now_ns = now_ns
                progress.position += 1
                outputs = handle(event)
                if outputs:
                    self._emit(outputs)
                if watched and _concerns(event, watched):
                    gateway.observe(event)
            if began_ns:
                self._time(frame.receive_time_ns, monotonic_ns() - began_ns)
                self._measure()
            if self.is_urgent or not seen % poll_every:
                progress.now_ns = frame.receive_time_ns
                self.poll()
            if progress.stop_reason:
                return
        self.stop("end of feed")

    def _time(self, receive_time_ns: int, worked_ns: int) -> None:
        """Take how long a frame took; a recorded one did not wait for us since it was received."""
        if self.is_live:
            waited_ns = self._clock.now_ns() - receive_time_ns - worked_ns
            self.stages.decided(waited_ns, worked_ns)
        else:
            self.latency.add(worked_ns)

    def _idle(self, now_ns: int) -> None:
        """Let time pass without data: what is due by now happens, and the operator is heard."""
        self.progress.now_ns = max(self.progress.now_ns, now_ns)
        self._catch_up(self.progress.now_ns)
        self._measure()
        self.poll()

    def _catch_up(self, now_ns: int) -> None:
        """Handle every tick and answer that is due, in the order of their times; ticks first."""
        engine, gateway = self.engine, self.gateway
        while True:
            tick_ns, answer_ns = engine.deadline_ns, self._answer_ns
            if tick_ns > now_ns and answer_ns > now_ns:
                return
            if tick_ns <= answer_ns:
                self._handle(ClockTicked(receive_time_ns=tick_ns))
            else:
                answers = gateway.due(answer_ns)
                self._answer_ns = gateway.deadline_ns
                for answer in answers:
                    self._answer(answer)

    def _answer(self, event: GatewayEvent) -> None:
        self.journal.append(event, self.progress.position)
        self._handle(event)

    def _control(self, event: ControlEvent) -> None:
        self._catch_up(event.receive_time_ns)
        self.journal.append(event, self.progress.position)
        self.journal.make_durable()
        self._handle(event)

    def _handle(self, event: Event) -> None:
        outputs = self.engine.handle(event)
        if outputs:
            self._emit(outputs)

    def _emit(self, outputs: Sequence[Output]) -> None:
        """Journal what was concluded, make it durable, and only then let commands leave."""
        position, journal = self.progress.position, self.journal
        self.progress.decisions += len(outputs)
        for output in outputs:
            journal.append(output, position)
        commands = [output for output in outputs if isinstance(output, COMMANDS)]
        if commands:
            began_ns = self._clock.monotonic_ns()
            journal.make_durable()
            durable_ns = self._clock.monotonic_ns()
            for command in commands:
                self.gateway.dispatch(command)
            self._answer_ns = self.gateway.deadline_ns
            self.stages.sent(durable_ns - began_ns, self._clock.monotonic_ns() - durable_ns)

    def _measure(self) -> None:
        if self.progress.now_ns >= self._measure_ns:
            self._measure_ns = self.progress.now_ns + MEASURED_NS
            self._note()

    def _note(self) -> None:
        """Record what the shell measured; a replay does not compare it."""
        statistics, latency = self.feed.statistics, self.latency.percentiles()
        self.progress.frames = statistics.frames
        self.journal.append(
            FeedMeasured(
                receive_time_ns=self.progress.now_ns,
                frames=statistics.frames,
                messages=statistics.messages,
                by_type=dict(statistics.by_type),
                rejected=dict(statistics.rejected),
                noted=dict(statistics.noted),
                unknown_tokens=statistics.unknown_tokens,
                markets=len(self.engine.state.ladders),
                tokens=len(self.engine.state.ladders) * 2,
                latency_ns_p50=latency.p50,
                latency_ns_p95=latency.p95,
                latency_ns_p99=latency.p99,
                decisions=self.progress.decisions,
                stages=_measured_stages(self.stages),
            ),
            self.progress.position,
        )

    def _finish(self) -> None:
        """Settle the last books, cancel the unmatched, wait for the matched, close the run."""
        progress = self.progress
        progress.now_ns = max(progress.now_ns, self.engine.settled_by_ns)
        self._catch_up(progress.now_ns)
        self._note()
        self._control(RunStopping(receive_time_ns=progress.now_ns, reason=progress.stop_reason))
        while self._answer_ns < FAR_FUTURE_NS:
            progress.now_ns = max(progress.now_ns, self._answer_ns)
            self._catch_up(progress.now_ns)
        self._control(RunStopped(receive_time_ns=progress.now_ns, reason=progress.stop_reason))
        self.is_over = True
        self.journal.make_durable()
        for observe in self.observers:
            observe(self)


def _concerns(event: MarketEvent, watched: Set[ConditionId]) -> bool:
    """Tell whether an event says something of a watched market."""
    if isinstance(event, FeedLost):
        return not event.condition_ids or not watched.isdisjoint(event.condition_ids)
    if isinstance(event, FeedChange):
        return False
    return event.condition_id in watched


def _measured_stages(stages: LatencyTracker) -> dict[str, StageMeasured]:
    """Write down every stage that has samples, and receipt to decision as a whole behind them."""
    report = stages.report()
    named = [(str(one.stage), one.latency) for one in report.stages]
    named.append(("receive to decision", report.receive_to_decision))
    return {
        name: StageMeasured(n=one.n, p50=one.p50, p95=one.p95, p99=one.p99)
        for name, one in named
        if one.p50 is not None and one.p95 is not None and one.p99 is not None
    }
