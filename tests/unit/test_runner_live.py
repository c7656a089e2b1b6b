"""The loop in silence and when a feed fails; how often it looks around while it runs."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

import msgspec
import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId, PlanId
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import (
    BooksOpened,
    CancelAll,
    FeedLost,
    JournalMessage,
    MarketEvent,
    OperatorHalted,
    OperatorResumed,
    OpportunityFound,
    OrderMatched,
    PlaceOrders,
    RunStarted,
    RunStopped,
    RunStopping,
    TradingStateChanged,
)
from polyarb.domain.order import DayResult, HeldSet, TradingState
from polyarb.domain.plan import Family
from polyarb.engine.engine import Engine
from polyarb.ports import FeedStatistics, Frame, Inbox
from polyarb.runner import MEASURE_EVERY, MEASURED_NS, OBSERVE_NS, POLL_EVERY, Runner
from polyarb.store.memory import EmptyInbox, MemoryJournal
from tests.feeds import BareFeed, DeafGateway, Drive, ScriptedFeed, replayed
from tests.simulation.streams import Stream
from tests.worlds import MS, RELATION, ROOMY, at, bid, book, group_of, started

GROUP_OF_TWO = group_of("A", "B")
PAIR: list[MarketEvent] = [
    book("A", 0, bids=[(60, 50)], asks=[(62, 50)]),
    book("B", 1, bids=[(55, 50)], asks=[(57, 50)]),
]
Frames = list[tuple[int, Sequence[MarketEvent]]]


class SetClock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.time_ns = 10**15

    def now_ns(self) -> int:
        return self.time_ns

    def monotonic_ns(self) -> int:
        return self.time_ns


class ActingFeed(BareFeed):
    """A feed that does something before it yields a frame, and may fail at its end."""

    def __init__(
        self,
        frames: Frames,
        before: Callable[[int], None] = lambda number: None,
        fault: VenueError | None = None,
    ) -> None:
        super().__init__(frames)
        self._before = before
        self._fault = fault

    def frames(self) -> Iterator[Frame]:
        for number, frame in enumerate(super().frames()):
            self._before(number)
            yield frame
        if self._fault is not None:
            raise self._fault


class Letterbox:
    """An inbox into which a test puts orders; it says when it was looked into."""

    def __init__(self) -> None:
        self.orders: list[OperatorHalted | OperatorResumed] = []
        self.looks: list[int] = []

    def take(self, now_ns: int) -> list[OperatorHalted | OperatorResumed]:
        self.looks.append(now_ns)
        taken, self.orders = self.orders, []
        return [msgspec.structs.replace(order, receive_time_ns=now_ns) for order in taken]


def runner_of(
    feed: BareFeed,
    *,
    clock: SetClock | None = None,
    inbox: Inbox | None = None,
    gateway: DeafGateway | None = None,
) -> Runner:
    return Runner(
        engine=Engine(GROUP_OF_TWO, ROOMY, "digest"),
        feed=feed,
        gateway=DeafGateway() if gateway is None else gateway,
        journal=MemoryJournal(),
        inbox=EmptyInbox() if inbox is None else inbox,
        clock=SetClock() if clock is None else clock,
    )


def messages_of(runner: Runner) -> list[JournalMessage]:
    assert isinstance(runner.journal, MemoryJournal)
    return [record.message for record in runner.journal.records]


def frames_of(events: Sequence[MarketEvent]) -> Frames:
    return [(event.receive_time_ns, (event,)) for event in events]


def quiet(count: int, first_ms: int = 100) -> Frames:
    """Make frames that move nothing, a millisecond apart."""
    return frames_of([bid("A", first_ms + n, 10, n % 7 + 1, top=(60, 62)) for n in range(count)])


# Silence


def test_a_book_settles_in_silence() -> None:
    seen: list[int] = []
    feed = ActingFeed(
        [*frames_of(PAIR), (at(10.9), ()), (at(11), ()), (at(12), ())],
        before=lambda _: seen.append(len(runner.engine.state.sets)),
    )
    runner = runner_of(feed)
    runner.run(started(), is_halted=False)
    assert seen == [0, 0, 0, 0, 1]


def test_an_answer_that_is_due_comes_in_silence() -> None:
    drive = Drive(GROUP_OF_TWO, ROOMY, PAIR)
    drive.runner.feed = ActingFeed([*frames_of(PAIR), (at(11), ()), (at(3_000), ())])
    drive.runner.observers.append(
        lambda runner: found.append(
            any(isinstance(record.message, OrderMatched) for record in drive.journal.records)
        )
    )
    found: list[bool] = []
    drive.runner.run(started(), is_halted=False)
    opened = next(r for r in drive.journal.records if isinstance(r.message, OrderMatched))
    assert opened.message.receive_time_ns < at(3_000) and opened.frame == 2
    assert drive.runner.progress.now_ns > at(3_000)


def test_silence_moves_the_time_of_the_run_and_never_back() -> None:
    inbox = Letterbox()
    frames: Frames = [*frames_of(PAIR), (at(50), ()), (at(40), ()), (at(60), ())]
    runner_of(ActingFeed(frames), inbox=inbox).run(started(), is_halted=False)
    assert inbox.looks == [at(50), at(50), at(60)]


def test_a_halt_is_obeyed_in_the_next_idle_moment() -> None:
    inbox = Letterbox()

    def post(number: int) -> None:
        if number == 2:
            order = OperatorHalted(receive_time_ns=0, actor="alice", reason="lunch")
            inbox.orders.append(order)

    runner = runner_of(ActingFeed([*frames_of(PAIR), (at(5), ())], before=post), inbox=inbox)
    runner.run(started(), is_halted=False)
    messages = messages_of(runner)
    (halt,) = [one for one in messages if isinstance(one, OperatorHalted)]
    assert halt.receive_time_ns == at(5)
    assert not any(isinstance(one, PlaceOrders) for one in messages)
    assert any(isinstance(one, OpportunityFound) for one in messages)


def test_a_stop_is_obeyed_in_the_next_idle_moment() -> None:
    feed = ActingFeed(
        [*frames_of(PAIR), (at(5), ()), (at(6), ())],
        before=lambda number: runner.stop("enough") if number == 2 else None,
    )
    runner = runner_of(feed)
    progress = runner.run(started(), is_halted=False)
    assert (progress.stop_reason, feed.statistics.frames) == ("enough", 3)


def test_what_the_feed_delivered_is_noted_in_silence_too() -> None:
    step = MEASURED_NS // MS
    frames: Frames = [*frames_of(PAIR), (at(step - 1), ()), (at(step), ()), (at(step + 1), ())]
    runner = runner_of(ActingFeed(frames))
    runner.run(started(), is_halted=False)
    notes = [one for one in messages_of(runner) if isinstance(one, FeedMeasured)]
    assert [note.receive_time_ns for note in notes] == [at(step), at(step + 1)]


class SilentFeed(ScriptedFeed):
    """A scripted feed with idle moments here and there, as a live one has them."""

    def __init__(self, events: list[MarketEvent], seed: int) -> None:
        super().__init__(events)  # type: ignore[arg-type]
        self._random = Random(seed)
        self.idle = 0

    def frames(self) -> Iterator[Frame]:
        now_ns = 0
        for frame in super().frames():
            for _ in range(self._random.choice((0, 0, 1, 3)) if now_ns else 0):
                if frame.receive_time_ns > now_ns:
                    now_ns = self._random.randrange(now_ns, frame.receive_time_ns)
                    self.idle += 1
                    yield Frame(now_ns, ())
            now_ns = frame.receive_time_ns
            yield frame


def decided(drive: Drive) -> list[tuple[int, bytes]]:
    """List everything journaled with its place, but what the shell measured."""
    return [
        (record.frame, msgspec.json.encode(record.message))
        for record in drive.journal.records
        if not isinstance(record.message, FeedMeasured)
    ]


@pytest.mark.parametrize("seed", range(24))
def test_idle_moments_change_no_decision_and_no_order_of_them(seed: int) -> None:
    stream = Stream(seed)
    plain, silent = (Drive(stream.catalogue, ROOMY, stream.events) for _ in range(2))
    plain.run()
    feed = SilentFeed(stream.events, seed)  # type: ignore[arg-type]
    silent.runner.feed = feed
    silent.run()
    assert feed.idle > 20
    assert decided(silent) == decided(plain)
    replay = replayed(stream.catalogue, ROOMY, stream.events, silent.journal.records)
    assert replay.difference is None and replay.is_whole


# A feed that fails


def test_a_fault_before_the_first_frame_leaves_no_trace() -> None:
    runner = runner_of(ActingFeed([], fault=VenueError("found none")))
    with pytest.raises(VenueError, match="found none"):
        runner.run(started(), is_halted=False)
    assert not messages_of(runner)


@pytest.mark.parametrize("untimed", [0, 2])
def test_a_fault_amid_a_run_ends_it_in_order_and_is_raised_again(untimed: int) -> None:
    fault = VenueError("the venue went away")
    frames: Frames = [*([(0, ())] * untimed), *frames_of(PAIR), (at(20), ())]
    gateway = DeafGateway()
    runner = runner_of(ActingFeed(frames, fault=fault), gateway=gateway)
    with pytest.raises(VenueError) as raised:
        runner.run(started(), is_halted=False)
    assert raised.value is fault
    messages = messages_of(runner)
    stopping = next(n for n, one in enumerate(messages) if isinstance(one, RunStopping))
    reasons = [one.reason for one in messages if isinstance(one, RunStopping | RunStopped)]
    assert reasons == ["the venue went away"] * 2
    kinds = [type(one) for one in messages[stopping:]]
    assert kinds.index(CancelAll) < kinds.index(RunStopped)
    assert any(isinstance(command, CancelAll) for command in gateway.commands)
    assert isinstance(runner.journal, MemoryJournal)
    assert runner.journal.durable == len(runner.journal.records)


def test_observers_see_the_end_of_a_run_that_failed() -> None:
    seen: list[str] = []
    runner = runner_of(ActingFeed(frames_of(PAIR), fault=VenueError("gone")))
    runner.observers.append(lambda one: seen.append(one.progress.stop_reason))
    with pytest.raises(VenueError):
        runner.run(started(), is_halted=False)
    assert seen[-1] == "gone"


# How a run begins


def test_a_run_that_begins_under_a_latched_halt_is_halted() -> None:
    drive = Drive(GROUP_OF_TWO, ROOMY, PAIR)
    messages = drive.run(is_halted=True)
    assert isinstance(messages[0], RunStarted) and messages[0].is_halted
    assert not any(isinstance(one, TradingStateChanged | BooksOpened) for one in messages)
    assert drive.engine.state.trading is TradingState.HALTED
    replay = replayed(GROUP_OF_TWO, ROOMY, PAIR, drive.journal.records)
    assert replay.difference is None and replay.is_whole


def test_a_run_that_begins_without_a_halt_says_so() -> None:
    messages = Drive(GROUP_OF_TWO, ROOMY, PAIR).run()
    assert isinstance(messages[0], RunStarted) and not messages[0].is_halted


def left_held(name: str, when: float) -> HeldSet:
    return HeldSet(
        plan_id=PlanId(name),
        family=Family.NEGRISK_YES,
        relation_ids=(RELATION,),
        quantity=1,
        reserved=1,
        held_ns=at(when),
        orders=(),
    )


def test_a_run_is_told_once_what_was_held_when_it_began() -> None:
    resumed = OperatorResumed(receive_time_ns=at(30), actor="alice", reason="back")
    halted = OperatorHalted(receive_time_ns=at(20), actor="alice", reason="lunch")
    drive = Drive(GROUP_OF_TWO, ROOMY, [bid("A", 0, 10, 5), halted, resumed])
    drive.runner.held = (left_held("before", -1), left_held("then", 0), left_held("later", 0.1))
    opened = [one for one in drive.run() if isinstance(one, BooksOpened)]
    assert [[one.plan_id for one in told.held] for told in opened] == [["before", "then"], []]
    assert [told.open_sets for told in opened] == [2, 2]


def test_a_run_is_told_once_what_earlier_runs_settled_on_the_day_of_its_feed() -> None:
    day = at(0) // (86_400 * 10**9)
    results = [
        DayResult(run=1, day=day, pnl=-7, began_ns=at(-50)),
        DayResult(run=2, day=day, pnl=3, began_ns=at(-1)),
        DayResult(run=3, day=day, pnl=100, began_ns=at(0)),
        DayResult(run=2, day=day - 1, pnl=1_000, began_ns=at(-1)),
        DayResult(run=2, day=day + 1, pnl=10_000, began_ns=at(-1)),
    ]
    resumed = OperatorResumed(receive_time_ns=at(30), actor="alice", reason="back")
    halted = OperatorHalted(receive_time_ns=at(20), actor="alice", reason="lunch")
    drive = Drive(GROUP_OF_TWO, ROOMY, [bid("A", 0, 10, 5), halted, resumed])
    drive.runner.day_results = tuple(results)
    opened = [one for one in drive.run() if isinstance(one, BooksOpened)]
    assert [told.day_pnl for told in opened] == [-4, 0]
    assert drive.engine.state.exposure.day_pnl == -4


# What a gateway is shown


@pytest.mark.parametrize(
    ("lost", "is_shown"), [((), True), (("A",), True), (("B", "A"), True), (("B",), False)]
)
def test_a_gateway_is_shown_the_loss_of_what_it_watches(
    lost: tuple[str, ...], is_shown: bool
) -> None:
    gateway = DeafGateway()
    gateway.watched = {ConditionId("A")}
    gone = FeedLost(
        receive_time_ns=at(5), reason="gone", condition_ids=tuple(map(ConditionId, lost))
    )
    runner_of(BareFeed(frames_of([PAIR[1], gone])), gateway=gateway).run(started(), is_halted=False)
    assert gateway.observed == ([gone] if is_shown else [])


# How often a run looks around


@pytest.mark.parametrize(("passed_ns", "is_over"), [(10**9 - 1, False), (10**9, True)])
def test_a_run_is_over_when_its_time_has_passed_and_not_before(
    passed_ns: int, is_over: bool
) -> None:
    clock = SetClock()

    def before(number: int) -> None:
        if number == 2:
            clock.time_ns += passed_ns

    frames: Frames = [*frames_of(PAIR), (at(5), ()), (at(6), ())]
    runner = runner_of(ActingFeed(frames, before=before), clock=clock)
    runner.duration_ns = 10**9
    clock.time_ns += 7 * 10**9
    progress = runner.run(started(), is_halted=False)
    assert progress.stop_reason == ("duration reached" if is_over else "end of feed")
    assert progress.frames == (3 if is_over else 4)


def test_observers_are_called_once_a_period() -> None:
    clock, seen = SetClock(), []
    steps = {1: OBSERVE_NS - 1, 2: 1, 3: OBSERVE_NS - 1}

    def before(number: int) -> None:
        clock.time_ns += steps.get(number - len(PAIR), 0)

    frames: Frames = [*frames_of(PAIR), *((at(5 + n), ()) for n in range(4))]
    runner = runner_of(ActingFeed(frames, before=before), clock=clock)
    runner.observers.append(lambda one: seen.append(one.progress.now_ns))
    runner.run(started(), is_halted=False)
    assert seen[:-1] == [at(5), at(7)]


def test_a_busy_run_looks_around_every_so_many_frames_with_events() -> None:
    inbox = Letterbox()
    runner = runner_of(BareFeed(quiet(2 * POLL_EVERY + 1)), inbox=inbox)
    runner.run(started(), is_halted=False)
    assert inbox.looks == [at(99 + POLL_EVERY), at(99 + 2 * POLL_EVERY)]


def test_one_frame_with_events_in_so_many_is_timed_and_no_idle_one() -> None:
    idle: Frames = [(at(99), ())] * 3
    runner = runner_of(BareFeed([*idle, *quiet(MEASURE_EVERY - 1), *idle]))
    runner.run(started(), is_halted=False)
    assert runner.latency.percentiles().n == 0
    runner = runner_of(BareFeed([*idle, *quiet(2 * MEASURE_EVERY), *idle]))
    runner.run(started(), is_halted=False)
    assert runner.latency.percentiles().n == 2


def test_frames_are_those_that_the_feed_counts() -> None:
    feed = BareFeed([*frames_of(PAIR), (at(5), ())])
    runner = runner_of(feed)
    runner.run(started(), is_halted=False)
    assert runner.progress.frames == feed.statistics.frames == 3
    feed.statistics = FeedStatistics(frames=70)
    runner.poll()
    assert runner.progress.frames == 70
