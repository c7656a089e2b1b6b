"""The loop: what comes first, what is durable before what leaves, and how a run ends."""

from collections.abc import Sequence

import msgspec
import pytest
from polyarb.domain.ids import ConditionId
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import (
    BooksOpened,
    CancelAll,
    CensusCounted,
    Command,
    Event,
    JournalMessage,
    OperatorHalted,
    OperatorResumed,
    OpportunityFound,
    OrderMatched,
    PlaceOrders,
    RunStarted,
    RunStopped,
    RunStopping,
    SetChanged,
    TierMeasured,
    TradingStateChanged,
)
from polyarb.domain.order import SetStatus, TradingState
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.runner import MEASURE_EVERY, MEASURED_NS, Runner
from polyarb.store.memory import EmptyInbox, MemoryJournal
from tests.feeds import BareFeed, DeafGateway, Drive
from tests.worlds import ROOMY, at, bid, book, group_of, started

GROUP_OF_TWO = group_of("A", "B")
PAIR: list[Event] = [
    book("A", 0, bids=[(60, 50)], asks=[(62, 50)]),
    book("B", 1, bids=[(55, 50)], asks=[(57, 50)]),
]
LATER: list[Event] = [bid("A", 20_000, 30, 5)]


def halted(when: float) -> OperatorHalted:
    return OperatorHalted(receive_time_ns=at(when), actor="alice", reason="lunch")


def resumed(when: float) -> OperatorResumed:
    return OperatorResumed(receive_time_ns=at(when), actor="alice", reason="back")


def measured(when: float) -> TierMeasured:
    return TierMeasured(
        receive_time_ns=at(when),
        plan_id="plan",  # type: ignore[arg-type]
        family="negrisk_no",  # type: ignore[arg-type]
        tier="T0",  # type: ignore[arg-type]
        quantity=0,
        planned=0,
        profit=0,
        latency_ns=0,
        is_complete=False,
    )


class Watched(DeafGateway):
    """A gateway that notes how much of the journal was durable when a command reached it."""

    def __init__(self, journal: MemoryJournal) -> None:
        super().__init__()
        self.journal = journal
        self.undurable: list[Command] = []

    def dispatch(self, command: Command) -> None:
        durable = [record.message for record in self.journal.records[: self.journal.durable]]
        if command not in durable:
            self.undurable.append(command)
        super().dispatch(command)


def test_a_command_leaves_only_after_its_record_is_durable() -> None:
    journal = MemoryJournal()
    gateway = Watched(journal)
    events = [*PAIR, halted(100), resumed(200), *LATER]
    Drive(GROUP_OF_TWO, ROOMY, events, gateway=lambda _: gateway, journal=journal).run()
    assert any(isinstance(command, PlaceOrders) for command in gateway.commands)
    assert any(isinstance(command, CancelAll) for command in gateway.commands)
    assert not gateway.undurable


def test_every_command_of_the_journal_reached_the_gateway_in_order() -> None:
    drive = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER], gateway=lambda _: DeafGateway())
    messages = drive.run()
    assert isinstance(drive.gateway, DeafGateway)
    assert drive.gateway.commands == [one for one in messages if isinstance(one, Command)]


def test_a_run_begins_with_its_start_and_ends_with_its_stop_and_the_last_census() -> None:
    messages = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER]).run()
    assert isinstance(messages[0], RunStarted)
    assert messages[0].receive_time_ns == at(0)
    kinds = [type(message) for message in messages]
    assert kinds[-2:] == [RunStopped, CensusCounted]
    assert kinds.index(BooksOpened) < kinds.index(OpportunityFound) < kinds.index(RunStopping)
    stopped = messages[-2]
    assert isinstance(stopped, RunStopped) and stopped.reason == "end of feed"


def test_the_last_books_are_settled_before_a_run_stops() -> None:
    messages = Drive(GROUP_OF_TWO, ROOMY, PAIR).run()
    found = next(one for one in messages if isinstance(one, OpportunityFound))
    stopping = next(one for one in messages if isinstance(one, RunStopping))
    assert found.receive_time_ns == stopping.receive_time_ns == at(11)


def test_a_run_waits_for_what_is_matched() -> None:
    messages = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, bid("A", 1_500, 30, 5)]).run()
    steps = [one.current for one in messages if isinstance(one, SetChanged)]
    assert steps == [SetStatus.COMPLETE, SetStatus.CONVERTED, SetStatus.SETTLED]
    stopping = next(one for one in messages if isinstance(one, RunStopping))
    assert stopping.receive_time_ns == at(1_510)
    assert messages[-2].receive_time_ns > at(6_000)


def test_what_is_due_comes_before_a_later_event() -> None:
    drive = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER])
    drive.run()
    times = [
        record.time_ns
        for record in drive.journal.records
        if not isinstance(record.message, FeedMeasured)
    ]
    assert times == sorted(times)
    matched = [r for r in drive.journal.records if isinstance(r.message, OrderMatched)]
    assert {record.frame for record in matched} == {2}


def test_a_tick_comes_before_an_answer_of_the_same_moment() -> None:
    drive = Drive(
        GROUP_OF_TWO, ROOMY, [*PAIR, *LATER], gateway=lambda _: DeafGateway([measured(11)])
    )
    kinds = [type(message) for message in drive.run()]
    assert kinds.index(PlaceOrders) < kinds.index(TierMeasured)


def test_a_tick_comes_before_an_event_of_the_same_moment() -> None:
    events = [
        book("A", 0, bids=[(60, 50)]),
        book("B", 0, bids=[(55, 50)]),
        bid("A", 10, 60, 0, venue=0),
    ]
    messages = Drive(GROUP_OF_TWO, ROOMY, events).run()
    assert any(isinstance(message, OpportunityFound) for message in messages)


def test_an_answer_comes_before_an_event_of_the_same_moment() -> None:
    drive = Drive(
        GROUP_OF_TWO, ROOMY, [*PAIR, *LATER], gateway=lambda _: DeafGateway([measured(20_000)])
    )
    drive.run()
    (told,) = [r for r in drive.journal.records if isinstance(r.message, TierMeasured)]
    assert told.frame == len(PAIR)


def test_a_poll_tells_whether_to_go_on() -> None:
    runner = runner_of(BareFeed([]))
    assert runner.poll()
    runner.stop("enough")
    assert not runner.poll()


def test_a_latched_halt_watches_and_measures_and_opens_nothing() -> None:
    messages = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER]).run(is_halted=True)
    assert any(isinstance(message, OpportunityFound) for message in messages)
    assert not any(isinstance(message, PlaceOrders | BooksOpened) for message in messages)
    states = [one.current for one in messages if isinstance(one, TradingStateChanged)]
    assert TradingState.ACTIVE not in states


def test_an_operator_can_resume_a_run_that_began_halted() -> None:
    events = [*PAIR, resumed(100), bid("A", 200, 61, 50), *LATER]
    messages = Drive(GROUP_OF_TWO, ROOMY, events).run(is_halted=True)
    assert any(isinstance(message, PlaceOrders) for message in messages)


def test_a_resume_says_how_many_sets_were_open() -> None:
    events = [*PAIR, halted(1_500), resumed(1_600), bid("A", 1_700, 30, 5)]
    messages = Drive(GROUP_OF_TWO, ROOMY, events).run()
    assert [one.open_sets for one in messages if isinstance(one, BooksOpened)] == [0, 1]


def test_an_operators_order_stands_in_the_journal_before_what_it_caused() -> None:
    kinds = [type(one) for one in Drive(GROUP_OF_TWO, ROOMY, [*PAIR, halted(5_000), *LATER]).run()]
    at_halt = kinds.index(OperatorHalted)
    assert kinds[at_halt + 1 : at_halt + 3] == [TradingStateChanged, CancelAll]


def test_a_stop_ends_the_run_after_the_frame_in_hand() -> None:
    drive = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER])
    drive.runner.observers.append(lambda runner: runner.stop("enough"))
    drive.runner.observers.append(lambda runner: runner.stop("too late"))
    messages = drive.run()
    stopped = messages[-2]
    assert isinstance(stopped, RunStopped) and stopped.reason == "enough"
    assert drive.runner.progress.position == 1


class Hours:
    """A clock on which an hour passes at every look."""

    def __init__(self) -> None:
        self.looks = 0

    def now_ns(self) -> int:
        return 123

    def monotonic_ns(self) -> int:
        self.looks += 1
        return self.looks * 3_600 * 10**9


def runner_of(feed: BareFeed, clock: SystemClock | Hours | None = None) -> Runner:
    engine = Engine(GROUP_OF_TWO, ROOMY, "digest")
    return Runner(
        engine=engine,
        feed=feed,
        gateway=DeafGateway(),
        journal=MemoryJournal(),
        inbox=EmptyInbox(),
        clock=SystemClock() if clock is None else clock,
    )


def messages_of(runner: Runner) -> list[JournalMessage]:
    assert isinstance(runner.journal, MemoryJournal)
    return [record.message for record in runner.journal.records]


def frames_of(events: Sequence[Event]) -> list[tuple[int, Sequence[Event]]]:
    return [(event.receive_time_ns, (event,)) for event in events]


def test_a_run_ends_when_its_time_is_up() -> None:
    runner = runner_of(BareFeed(frames_of([*PAIR, *LATER])), Hours())  # type: ignore[arg-type]
    runner.poll_every, runner.duration_ns = 1, 10**9
    progress = runner.run(started(), is_halted=False)
    assert progress.stop_reason == "duration reached"


def test_a_feed_without_a_frame_runs_at_the_time_of_the_machine() -> None:
    runner = runner_of(BareFeed([]), Hours())
    progress = runner.run(started(), is_halted=False)
    assert (progress.frames, progress.stop_reason) == (0, "end of feed")
    assert messages_of(runner)[0].receive_time_ns == 123


def test_a_run_begins_at_the_first_time_that_the_feed_tells() -> None:
    unusable: list[tuple[int, Sequence[Event]]] = [(0, ()), (0, ())]
    runner = runner_of(BareFeed([*unusable, *frames_of(PAIR)]))  # type: ignore[arg-type]
    progress = runner.run(started(), is_halted=False)
    messages = messages_of(runner)
    assert messages[0].receive_time_ns == at(0)
    assert sum(isinstance(message, CensusCounted) for message in messages) == 1
    assert progress.frames == 4


def test_a_feed_that_never_tells_a_time_is_of_the_machines() -> None:
    runner = runner_of(BareFeed([(0, ()), (0, ())]), Hours())
    progress = runner.run(started(), is_halted=False)
    assert progress.frames == 2
    assert {message.receive_time_ns for message in messages_of(runner)} == {123}


def test_what_the_feed_delivered_is_noted_every_minute_and_at_the_end() -> None:
    step = 2 * MEASURED_NS // MEASURE_EVERY // 10**6
    events: list[Event] = [bid("A", n * step, 30, n % 7 + 1) for n in range(3 * MEASURE_EVERY)]
    runner = runner_of(BareFeed(frames_of(events)))  # type: ignore[arg-type]
    runner.run(started(), is_halted=False)
    notes = [one for one in messages_of(runner) if isinstance(one, FeedMeasured)]
    assert [note.frames for note in notes] == [
        MEASURE_EVERY,
        2 * MEASURE_EVERY,
        3 * MEASURE_EVERY,
        3 * MEASURE_EVERY,
    ]
    assert notes[-1].latency_ns_p50 is not None


def test_a_gateway_observes_only_the_markets_that_it_watches() -> None:
    gateway = DeafGateway()
    gateway.watched = {ConditionId("A")}
    Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER], gateway=lambda _: gateway).run()
    assert gateway.observed == [PAIR[0], LATER[0]]


def test_observers_see_the_end_of_a_run() -> None:
    seen: list[str] = []
    drive = Drive(GROUP_OF_TWO, ROOMY, PAIR)
    drive.runner.observers.append(lambda runner: seen.append(runner.progress.stop_reason))
    drive.run()
    assert seen[-1] == "end of feed"


def test_the_same_events_give_the_same_journal() -> None:
    events = [*PAIR, halted(100), resumed(3_000), bid("A", 4_000, 61, 50), *LATER]

    def journal() -> list[bytes]:
        notes = (one for one in Drive(GROUP_OF_TWO, ROOMY, events).run())
        return [msgspec.json.encode(one) for one in notes if not isinstance(one, FeedMeasured)]

    assert journal() == journal()


@pytest.mark.parametrize("count", [1, 5])
def test_decisions_are_counted(count: int) -> None:
    drive = Drive(GROUP_OF_TWO, ROOMY, [*PAIR, *LATER][:count])
    messages = drive.run()
    inputs = (RunStarted, BooksOpened, RunStopping, RunStopped, FeedMeasured)
    answers = (OrderMatched, TierMeasured)
    told = [m for m in messages if not isinstance(m, inputs + answers)]
    told = [m for m in told if type(m).__name__ not in ("TradeConfirmed", "SetSettled")]
    assert drive.runner.progress.decisions == len(told)
