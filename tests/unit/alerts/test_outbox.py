"""The queue of a channel: the urgent first, tried until taken or given up, bounded in a storm."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.alerts.alert import Severity
from polyarb.alerts.outbox import (
    FAR_FUTURE_NS,
    ITEMS_MAX,
    PARCELS_MAX,
    Failure,
    Item,
    Lane,
    LaneState,
    Note,
    Patience,
)
from tests.alert_cases import SECOND_NS, START_NS, firing

HOUR_NS = 3_600 * SECOND_NS


def item(
    name: str, group: str = "g", *, severity: Severity = Severity.WARNING, now_ns: int = START_NS
) -> Item:
    alert = firing(name, severity, time_ns=now_ns)
    return Item(
        key=f"{alert.alert_id}:FIRING",
        group=group,
        alert=alert,
        note=Note.NEW,
        is_urgent=severity is Severity.CRITICAL,
        since_ns=now_ns,
        queued_ns=now_ns,
    )


def lane(**figures: int) -> Lane:
    return Lane("webhook", Patience(**figures))


def test_what_waits_for_one_group_goes_out_together_and_once() -> None:
    one = lane()
    for name in ("A", "B"):
        one.add(item(name))
    assert (one.waiting, one.notices, one.oldest_ns) == (2, 1, START_NS)
    parcel = one.give(START_NS)
    assert parcel is not None
    assert [each.alert.rule for each in parcel.items] == ["A", "B"]
    one.took(parcel, START_NS)
    assert one.give(START_NS + HOUR_NS) is None
    assert (one.waiting, one.delivered, one.deadline_ns) == (0, 1, FAR_FUTURE_NS)
    assert one.oldest_ns == FAR_FUTURE_NS


def test_the_urgent_goes_first_then_the_more_severe_then_the_older() -> None:
    one = lane()
    one.add(item("info", "1", severity=Severity.INFO, now_ns=START_NS - 9))
    one.add(item("young", "2", now_ns=START_NS))
    one.add(item("old", "3", now_ns=START_NS - 5))
    one.add(item("page", "4", severity=Severity.CRITICAL))
    order = []
    while (parcel := one.give(START_NS)) is not None:
        order.append(parcel.items[0].alert.rule)
        one.took(parcel, START_NS)
    assert order == ["page", "old", "young", "info"]


def test_a_group_is_told_again_only_after_its_pause_and_another_at_once() -> None:
    one = lane(again_ns=60 * SECOND_NS)
    one.add(item("A"))
    _take(one, START_NS)
    one.add(item("B", now_ns=START_NS + 1))
    one.add(item("C", "other", now_ns=START_NS + 1))
    assert _take(one, START_NS + 1) == ["C"]
    assert one.deadline_ns == START_NS + 60 * SECOND_NS
    assert _take(one, START_NS + 60 * SECOND_NS) == ["B"]


def test_a_group_that_was_not_told_yet_goes_before_one_that_was() -> None:
    one = lane(gap_ns=10 * SECOND_NS)
    one.add(item("A", "storm"))
    assert _take(one, START_NS) == ["A"]
    one.add(item("B", "storm", now_ns=START_NS + 1))
    one.add(item("C", "new", now_ns=START_NS + 2))
    assert _take(one, START_NS + 10 * SECOND_NS) == ["C"]


def test_what_comes_while_a_parcel_is_under_way_waits_for_the_next() -> None:
    one = lane()
    one.add(item("A"))
    parcel = one.give(START_NS)
    assert parcel is not None
    one.add(item("B"))
    assert parcel.count == 1
    one.took(parcel, START_NS)
    assert one.notices == 1


def test_an_attempt_that_failed_is_made_again_after_its_pause_then_ever_later() -> None:
    one = lane(retry_ns=10 * SECOND_NS, most_ns=100 * SECOND_NS)
    one.add(item("A"))
    now_ns, pauses, outcomes = START_NS, [], []
    for _ in range(8):
        parcel = one.give(now_ns)
        assert parcel is not None
        outcomes.append(one.failed(parcel, now_ns))
        pauses.append((one.deadline_ns - now_ns) / SECOND_NS)
        assert one.give(one.deadline_ns - 1) is None
        now_ns = one.deadline_ns
    assert outcomes[:3] == [Failure.RETRIED, Failure.RETRIED, Failure.FAILED]
    assert set(outcomes[3:]) == {Failure.RETRIED}
    for pause, expected in zip(pauses, (10, 10, 20, 40, 80, 100, 100, 100), strict=True):
        assert expected * 0.9 <= pause <= expected * 1.1
    assert len(set(pauses[-3:])) == 3
    assert (one.failures, one.failed_attempts, one.failing_since_ns) == (1, 8, START_NS)
    _take(one, now_ns)
    assert one.failing_since_ns == 0


def test_something_urgent_and_new_does_not_wait_for_what_failed() -> None:
    one = lane()
    one.add(item("A"))
    _fail(one, START_NS)
    one.add(item("B", "other"))
    assert one.give(START_NS) is None
    one.add(item("page", severity=Severity.CRITICAL))
    assert _take(one, START_NS) == ["page"]
    assert _take(one, START_NS) == ["A"]


def test_a_channel_that_asks_for_rest_gets_it_even_from_the_urgent() -> None:
    one = lane()
    one.add(item("A"))
    parcel = one.give(START_NS)
    assert parcel is not None
    one.failed(parcel, START_NS, wait_ns=30 * SECOND_NS)
    one.add(item("page", severity=Severity.CRITICAL))
    assert one.give(START_NS + 30 * SECOND_NS - 1) is None
    assert _take(one, START_NS + 30 * SECOND_NS) == ["page"]


def test_between_two_sends_the_gap_is_kept() -> None:
    one = lane(gap_ns=SECOND_NS)
    one.add(item("A", "1"))
    one.add(item("B", "2", severity=Severity.CRITICAL))
    assert _take(one, START_NS) == ["B"]
    assert one.deadline_ns == START_NS + SECOND_NS


@pytest.mark.parametrize("is_final", [False, True])
def test_what_is_too_old_or_never_taken_is_given_up_and_counted(is_final: bool) -> None:
    one = lane(give_up_ns=HOUR_NS)
    one.add(item("A"))
    parcel = one.give(START_NS)
    assert parcel is not None
    later_ns = START_NS + (0 if is_final else HOUR_NS)
    assert one.failed(parcel, later_ns, is_final=is_final) is Failure.GAVE_UP
    assert (one.waiting, one.failures) == (0, 1)
    # A channel that refuses one content works all the same.
    assert bool(one.failing_since_ns) is not is_final


def test_just_before_its_time_nothing_is_given_up() -> None:
    one = lane(give_up_ns=HOUR_NS)
    one.add(item("A"))
    parcel = one.give(START_NS)
    assert parcel is not None
    assert one.failed(parcel, START_NS + HOUR_NS - 1) is Failure.RETRIED


def test_a_storm_of_one_group_is_one_notice_that_counts_the_rest() -> None:
    one = lane()
    for number in range(10_000):
        one.add(item(f"R{number}"))
    parcel = one.give(START_NS)
    assert parcel is not None
    assert (one.notices, one.waiting, parcel.count) == (1, 10_000, 10_000)
    assert len(parcel.items) == ITEMS_MAX


def test_a_storm_of_many_groups_is_bounded_and_pages_still_go_first() -> None:
    one = lane()
    for number in range(10_000):
        one.add(item(f"R{number}", f"group {number}"))
    one.add(item("page", "group p", severity=Severity.CRITICAL))
    assert one.waiting == 10_001
    assert one.notices <= PARCELS_MAX + 2
    assert _take(one, START_NS) == ["page"]


def test_while_every_attempt_fails_a_storm_stays_bounded_and_complete() -> None:
    one = lane(retry_ns=1, most_ns=1)
    now_ns = START_NS
    for number in range(3_000):
        severity = Severity.CRITICAL if number % 2 else Severity.WARNING
        one.add(item(f"R{number}", f"group {number}", severity=severity, now_ns=now_ns))
        now_ns += 10
        if one.give(now_ns) is not None:
            _fail(one, now_ns)
    assert one.waiting == 3_000
    assert one.notices <= PARCELS_MAX + 2


def test_a_parcel_that_was_tried_stays_as_it_was_for_it_may_have_arrived() -> None:
    one = lane()
    one.add(item("A"))
    _fail(one, START_NS)
    one.add(item("B"))
    assert one.notices == 2


def test_after_a_restart_everything_is_tried_at_once_with_all_its_time() -> None:
    one = lane(give_up_ns=HOUR_NS)
    one.add(item("A"))
    _fail(one, START_NS)
    text = msgspec.json.encode(one.snapshot())
    later_ns = START_NS + 10 * HOUR_NS
    again = lane(give_up_ns=HOUR_NS)
    again.restore(msgspec.json.decode(text, type=LaneState), later_ns)
    parcel = again.give(later_ns)
    assert parcel is not None
    assert parcel.items == [item("A")]
    assert again.failed(parcel, later_ns) is Failure.RETRIED


def test_what_was_under_way_at_a_kill_is_still_open_for_more() -> None:
    one = lane()
    one.add(item("A"))
    assert one.give(START_NS) is not None
    again = lane()
    again.restore(one.snapshot(), START_NS)
    again.add(item("B"))
    assert (again.notices, again.waiting) == (1, 2)


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.integers(0, 3)), max_size=200))
def test_nothing_is_lost_or_told_twice_whatever_happens(
    steps: list[tuple[int, bool, int]],
) -> None:
    one = lane(again_ns=5, retry_ns=4, most_ns=9)
    now_ns, added, told = START_NS, 0, 0
    for number, (group, is_urgent, what) in enumerate(steps):
        now_ns += 1
        severity = Severity.CRITICAL if is_urgent else Severity.WARNING
        if what < 2:
            one.add(item(f"R{number}", str(group), severity=severity, now_ns=now_ns))
            added += 1
        parcel = one.give(now_ns)
        if parcel is not None and what == 3:
            one.failed(parcel, now_ns)
        elif parcel is not None:
            told += parcel.count
            one.took(parcel, now_ns)
    while one.deadline_ns < FAR_FUTURE_NS:
        now_ns = max(now_ns, one.deadline_ns)
        parcel = one.give(now_ns)
        assert parcel is not None
        told += parcel.count
        one.took(parcel, now_ns)
    assert told == added


def _take(one: Lane, now_ns: int) -> list[str]:
    parcel = one.give(now_ns)
    assert parcel is not None
    one.took(parcel, now_ns)
    return [each.alert.rule for each in parcel.items]


def _fail(one: Lane, now_ns: int) -> None:
    parcel = one.give(now_ns)
    assert parcel is not None
    one.failed(parcel, now_ns)
