"""A replay agrees with its record, and names the first place where it does not."""

from collections.abc import Callable

import msgspec
import pytest
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import (
    ControlEvent,
    Event,
    GatewayEvent,
    JournalMessage,
    OperatorHalted,
    OperatorResumed,
    OrderMatched,
    PlaceOrders,
    PlanSized,
    RunStopped,
)
from polyarb.research.replay import Comparison
from polyarb.store.memory import MemoryRecord
from tests.feeds import Drive, replayed
from tests.worlds import ROOMY, ask, at, bid, book, group_of

CATALOGUE = group_of("A", "B", "C")
EVENTS: list[Event] = [
    book("A", 0, bids=[(60, 50)], asks=[(62, 50)]),
    book("B", 1, bids=[(55, 50)], asks=[(57, 50)]),
    bid("A", 300, 61, 50),
    OperatorHalted(receive_time_ns=at(2_000), actor="alice", reason="lunch"),
    bid("B", 3_000, 54, 50),
    OperatorResumed(receive_time_ns=at(4_000), actor="alice", reason="back"),
    bid("B", 5_000, 55, 0),
    bid("A", 9_000, 30, 5),
    ask("C", 65_000, 99, 5),
]


def recorded() -> list[MemoryRecord]:
    drive = Drive(CATALOGUE, ROOMY, EVENTS)
    messages = drive.run()
    assert any(isinstance(message, PlaceOrders) for message in messages)
    assert any(isinstance(message, OrderMatched) for message in messages)
    return drive.journal.records


def changed(
    records: list[MemoryRecord], kind: type, change: Callable[[JournalMessage], JournalMessage]
) -> list[MemoryRecord]:
    """Change the first message of a kind."""
    at_index = next(i for i, record in enumerate(records) if isinstance(record.message, kind))
    record = records[at_index]
    new = msgspec.structs.replace(record, message=change(record.message))
    return [*records[:at_index], new, *records[at_index + 1 :]]


def without(records: list[MemoryRecord], kind: type) -> list[MemoryRecord]:
    """Leave out the first message of a kind."""
    gone = next(record for record in records if isinstance(record.message, kind))
    return [record for record in records if record is not gone]


def test_a_replay_of_what_was_recorded_is_identical() -> None:
    records = recorded()
    replay = replayed(CATALOGUE, ROOMY, EVENTS, records)
    assert replay.difference is None
    assert replay.is_whole
    outputs = [
        record
        for record in records
        if not isinstance(record.message, GatewayEvent | ControlEvent | FeedMeasured)
    ]
    assert replay.compared == len(outputs)


def test_a_decision_that_was_changed_in_the_record_is_found() -> None:
    records = changed(
        recorded(),
        PlanSized,
        lambda one: msgspec.structs.replace(one, opportunity_id="another"),
    )
    replay = replayed(CATALOGUE, ROOMY, EVENTS, records)
    assert replay.difference is not None
    sized = next(record for record in records if isinstance(record.message, PlanSized))
    assert replay.difference.sequence == sized.sequence
    assert "another" in replay.difference.expected
    assert "another" not in replay.difference.found


def test_a_decision_that_is_missing_from_the_record_is_found() -> None:
    replay = replayed(CATALOGUE, ROOMY, EVENTS, without(recorded(), PlanSized))
    assert replay.difference is not None
    assert "PlanSized" in replay.difference.found


def test_a_last_decision_that_is_missing_from_the_record_is_found() -> None:
    replay = replayed(CATALOGUE, ROOMY, EVENTS, recorded()[:-1])
    assert replay.difference is not None
    assert replay.difference.expected == ""
    assert "CensusCounted" in replay.difference.found


def test_a_decision_too_many_in_the_record_is_found() -> None:
    records = recorded()
    extra = msgspec.structs.replace(records[-1], sequence=len(records) + 1)
    replay = replayed(CATALOGUE, ROOMY, EVENTS, [*records, extra])
    assert replay.difference is not None
    assert replay.difference.sequence == len(records) + 1
    assert replay.difference.found == ""


def test_an_answer_that_was_changed_shows_in_what_followed_from_it() -> None:
    records = changed(
        recorded(), OrderMatched, lambda one: msgspec.structs.replace(one, plan_id="other")
    )
    assert replayed(CATALOGUE, ROOMY, EVENTS, records).difference is not None


def test_a_tape_that_was_changed_is_found() -> None:
    events = [*EVENTS]
    events[2] = bid("A", 300, 60, 40)
    assert replayed(CATALOGUE, ROOMY, events, recorded()).difference is not None


@pytest.mark.parametrize("kept", range(len(EVENTS)))
def test_a_tape_that_is_too_short_is_found(kept: int) -> None:
    replay = replayed(CATALOGUE, ROOMY, EVENTS[:kept], recorded())
    assert replay.difference is not None


def test_a_shortened_tape_is_told_as_its_end() -> None:
    replay = replayed(CATALOGUE, ROOMY, EVENTS[:-1], recorded())
    assert replay.difference is not None
    assert replay.difference.found == "the end of the tape"
    assert replay.difference.expected == "market event 7"


def test_another_profile_is_found() -> None:
    sizing = msgspec.structs.replace(ROOMY.sizing, trade_size=20_000_000)
    profile = msgspec.structs.replace(ROOMY, sizing=sizing)
    assert replayed(CATALOGUE, profile, EVENTS, recorded()).difference is not None


def test_a_crashed_run_agrees_wherever_its_record_was_cut() -> None:
    records = recorded()
    for kept in range(1, len(records) - 1):
        replay = replayed(CATALOGUE, ROOMY, EVENTS, records[:kept])
        assert replay.difference is None, (kept, replay.difference)
        assert replay.is_whole == any(isinstance(r.message, RunStopped) for r in records[:kept])


@pytest.mark.parametrize("stopped_after", range(1, 8))
def test_a_run_that_was_stopped_before_the_end_of_its_tape_replays(stopped_after: int) -> None:
    drive = Drive(CATALOGUE, ROOMY, EVENTS)

    def stop(runner: object) -> None:
        if drive.runner.progress.frames >= stopped_after:
            drive.runner.stop("signal")

    drive.runner.observers.append(stop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polyarb.runner.OBSERVE_NS", 0)
        drive.run()
    assert drive.runner.progress.frames == stopped_after
    replay = replayed(CATALOGUE, ROOMY, EVENTS, drive.journal.records)
    assert replay.difference is None
    assert replay.is_whole


def test_an_empty_record_is_over_at_once() -> None:
    replay = replayed(CATALOGUE, ROOMY, EVENTS, [])
    assert replay.difference is None and not replay.is_whole


def test_a_comparison_without_a_difference_is_identical() -> None:
    whole = Comparison(run_id="run", events=1, compared=1, is_whole=True)
    assert whole.is_identical
