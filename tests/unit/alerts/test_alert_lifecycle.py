"""The life of an alert: every status with every signal, durations, cooldown, flapping, restarts."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.alerts.alert import Action, Cause, Severity, Status
from polyarb.alerts.flapping import BEGINS_PERCENT, ENDS_PERCENT, LOOKS, Flapping
from polyarb.alerts.lifecycle import LIFECYCLE, Signal, Step
from polyarb.alerts.rules import Behaviour
from tests.alert_rules import SECOND_NS, WALL_NS, Course, rule_of, statuses

BAD, GOOD = 0, 1
LOST = "ws_connected == false"
HOUR_NS = 3_600 * SECOND_NS
PAGE = {
    "severity": Severity.CRITICAL,
    "actions": (Action.LOG, Action.NOTIFY, Action.REDUCE, Action.HALT),
}


def test_the_table_tells_every_status_with_every_signal() -> None:
    living = (None, Status.PENDING, Status.FIRING, Status.ACKED, Status.RECOVERING)
    assert set(LIFECYCLE) == {(status, signal) for status in living for signal in Signal}


def test_only_a_condition_that_is_known_to_be_over_ends_what_fired() -> None:
    ending = {Step.CANCEL, Step.EASE, Step.SETTLE}
    fired = (Status.FIRING, Status.ACKED, Status.RECOVERING)
    found = {
        signal for (status, signal), step in LIFECYCLE.items() if status in fired if step in ending
    }
    assert found == {Signal.GOOD}


def test_without_a_duration_the_first_look_fires() -> None:
    course = Course(rule_of(LOST))
    (transition,) = course.at(0, BAD)
    alert = transition.alert
    assert transition.previous is None
    assert alert.status is Status.FIRING
    assert (alert.value, alert.threshold, alert.unit) == (0, 0, "bool")
    assert alert.pending_ns == alert.fired_ns == WALL_NS


def test_a_condition_fires_when_it_held_for_the_whole_time() -> None:
    course = Course(rule_of(LOST, for_ns=10 * SECOND_NS))
    assert statuses(course.at(0, BAD)) == [Status.PENDING]
    assert course.at(9, BAD) == []
    (fired,) = course.at(10, BAD)
    assert (fired.previous, fired.alert.status) == (Status.PENDING, Status.FIRING)
    assert fired.alert.fired_ns - fired.alert.pending_ns == 10 * SECOND_NS


def test_a_condition_that_ends_in_time_never_fired() -> None:
    course = Course(rule_of(LOST, for_ns=10 * SECOND_NS))
    course.at(0, BAD)
    (gone,) = course.at(5, GOOD)
    assert (gone.alert.status, gone.alert.fired_ns) == (Status.RESOLVED, 0)
    course.at(6, BAD)
    assert course.at(15, BAD) == []
    assert statuses(course.at(16, BAD)) == [Status.FIRING]


def test_an_alert_recovers_before_it_is_resolved() -> None:
    course = Course(rule_of(LOST, keep_firing_for_ns=30 * SECOND_NS))
    (fired,) = course.at(0, BAD)
    assert statuses(course.at(1, GOOD)) == [Status.RECOVERING]
    assert course.at(20, GOOD) == []
    (again,) = course.at(21, BAD)
    assert (again.alert.status, again.alert.alert_id) == (Status.FIRING, fired.alert.alert_id)
    assert statuses(course.at(22, GOOD)) == [Status.RECOVERING]
    assert course.at(51, GOOD) == []
    (ended,) = course.at(52, GOOD)
    assert ended.alert.status is Status.RESOLVED
    assert ended.alert.resolved_ns > ended.alert.fired_ns
    assert course.alert is None


def test_after_its_end_an_alert_does_not_fire_again_until_the_cooldown_is_over() -> None:
    course = Course(rule_of(LOST, cooldown_ns=60 * SECOND_NS))
    (first,) = course.at(0, BAD)
    course.at(1, GOOD)
    assert statuses(course.at(2, BAD)) == [Status.PENDING]
    assert course.at(60, BAD) == []
    (second,) = course.at(61, BAD)
    assert second.alert.status is Status.FIRING
    assert second.alert.alert_id != first.alert.alert_id


def test_the_cooldown_of_a_page_quiets_people_and_not_the_hand_on_the_brake() -> None:
    course = Course(rule_of(LOST, cooldown_ns=60 * SECOND_NS, for_ns=5 * SECOND_NS, **PAGE))
    course.at(0, BAD)
    (first,) = course.at(5, BAD)
    assert first.actions == (Action.HALT, Action.REDUCE)
    course.at(6, GOOD)
    course.at(7, BAD)
    (held,) = course.at(12, BAD)
    assert (held.alert.status, held.actions) == (Status.PENDING, (Action.HALT, Action.REDUCE))
    assert course.at(13, BAD) == []
    (fired,) = course.at(66, BAD)
    assert fired.alert.status is Status.FIRING


def test_a_missing_metric_resolves_nothing() -> None:
    for nodata in Behaviour:
        course = Course(rule_of("latency_p95_ms > 5ms", nodata=nodata))
        course.at(0, 9)
        found = course.at(100)
        assert course.status is Status.FIRING, nodata
        told = [transition.alert.cause for transition in found]
        assert told == ([Cause.NODATA] if nodata is Behaviour.ALERT else [])
        course.at(101, None, metric="latency_p95_ms")
        assert course.status is Status.FIRING
        assert statuses(course.at(102, 1)) == [Status.RESOLVED]


@pytest.mark.parametrize(
    ("nodata", "wanted"),
    [(Behaviour.ALERT, Status.FIRING), (Behaviour.OK, None), (Behaviour.KEEP, None)],
)
def test_what_was_never_seen_alerts_unless_the_rule_says_otherwise(
    nodata: Behaviour, wanted: Status | None
) -> None:
    course = Course(rule_of(LOST, nodata=nodata))
    course.at(0)
    assert course.status is wanted
    if course.alert:
        assert course.alert.cause is Cause.NODATA
        assert (course.alert.value, course.alert.threshold) == (None, None)


@pytest.mark.parametrize(
    ("nodata", "wanted"),
    [(Behaviour.ALERT, Status.FIRING), (Behaviour.OK, None), (Behaviour.KEEP, Status.FIRING)],
)
def test_a_pending_alert_without_data_does_as_the_rule_says(
    nodata: Behaviour, wanted: Status | None
) -> None:
    course = Course(rule_of(LOST, nodata=nodata, for_ns=60 * SECOND_NS))
    course.at(0, BAD)
    course.at(59)
    course.at(60)
    assert course.status is wanted


@pytest.mark.parametrize("error", Behaviour)
def test_what_cannot_be_computed_alerts_unless_the_rule_says_otherwise(error: Behaviour) -> None:
    course = Course(rule_of(LOST, error=error))
    course.at(0, 7)
    if error is Behaviour.ALERT:
        assert course.alert is not None
        assert (course.alert.status, course.alert.cause) == (Status.FIRING, Cause.ERROR)
    else:
        assert course.alert is None


def test_without_data_a_recovering_alert_is_firing_again() -> None:
    course = Course(rule_of(LOST, keep_firing_for_ns=60 * SECOND_NS))
    course.at(0, BAD)
    course.at(1, GOOD)
    assert course.status is Status.RECOVERING
    course.at(40)
    assert course.status is Status.FIRING


def test_an_acknowledged_alert_stays_so_until_it_is_over() -> None:
    course = Course(rule_of(LOST, keep_firing_for_ns=10 * SECOND_NS))
    (fired,) = course.at(0, BAD)
    acked = course.engine.acknowledge(fired.alert.alert_id, "ada", course.moment())
    assert acked is not None
    assert (acked.alert.status, acked.alert.acked_by) == (Status.ACKED, "ada")
    assert acked.alert.acked_ns == WALL_NS
    assert course.engine.acknowledge(fired.alert.alert_id, "bob", course.moment()) is None
    assert statuses(course.at(1, GOOD)) == [Status.RECOVERING]
    (back,) = course.at(2, BAD)
    assert (back.alert.status, back.alert.acked_by) == (Status.ACKED, "ada")
    course.at(3, GOOD)
    assert statuses(course.at(13, GOOD)) == [Status.RESOLVED]


def test_only_what_fires_can_be_acknowledged() -> None:
    course = Course(rule_of(LOST, for_ns=10 * SECOND_NS, keep_firing_for_ns=10 * SECOND_NS))
    (pending,) = course.at(0, BAD)
    alert_id = pending.alert.alert_id
    assert course.engine.acknowledge(alert_id, "ada", course.moment()) is None
    assert course.engine.acknowledge("alert-none", "ada", course.moment()) is None
    course.at(10, BAD)
    course.at(11, GOOD)
    eased = course.engine.acknowledge(alert_id, "ada", course.moment())
    assert eased is not None
    assert eased.alert.status is Status.RECOVERING


@pytest.mark.parametrize("jump_ns", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_jumps_changes_no_duration(jump_ns: int) -> None:
    rule = rule_of(
        LOST,
        for_ns=10 * SECOND_NS,
        keep_firing_for_ns=20 * SECOND_NS,
        cooldown_ns=30 * SECOND_NS,
    )
    course = Course(rule)
    course.at(0, BAD)
    course.wall_shift_ns = jump_ns
    assert course.at(9, BAD) == []
    (fired,) = course.at(10, BAD)
    assert fired.alert.status is Status.FIRING
    assert fired.alert.fired_ns >= fired.alert.pending_ns
    course.wall_shift_ns = 0
    course.at(11, GOOD)
    assert course.at(30, GOOD) == []
    course.wall_shift_ns = jump_ns
    (ended,) = course.at(31, GOOD)
    assert ended.alert.resolved_ns >= ended.alert.fired_ns
    course.wall_shift_ns = -jump_ns
    course.at(32, BAD)
    assert course.at(60, BAD) == []
    assert statuses(course.at(61, BAD)) == [Status.FIRING]


def test_an_alert_that_goes_back_and_forth_is_one_alert() -> None:
    course = Course(rule_of(LOST))
    for at in range(30):
        course.at(at, at // 2 % 2)
    assert course.status in (Status.FIRING, Status.RECOVERING)
    known = course.alert
    assert known is not None
    for at in range(30, 60):
        found = course.at(at, at // 2 % 2)
        assert Status.RESOLVED not in statuses(found)
        assert all(one.alert.alert_id == known.alert_id for one in found)
    resolved = [at for at in range(60, 90) if Status.RESOLVED in statuses(course.at(at, GOOD))]
    assert len(resolved) == 1
    assert resolved[0] < 60 + LOOKS


def looks(text: str) -> Flapping:
    flapping = Flapping()
    for look in text:
        flapping.check(holds=look == "x")
    return flapping


def test_flapping_weighs_newer_changes_more_and_has_two_thresholds() -> None:
    assert looks("x" * 40).percent == 0
    assert looks(".x" * 40).percent == pytest.approx(100)
    old, new = looks("x" + "." * 20), looks("." * 20 + "x")
    assert old.percent == pytest.approx(100 * 0.8 / 20)
    assert new.percent == pytest.approx(100 * 1.2 / 20)
    assert not looks(".x" * 10).is_flapping
    assert looks(".x" * 10 + ".").is_flapping
    calming = looks(".x" * 20)
    for _ in range(15):
        calming.check(holds=True)
        assert calming.is_flapping is (calming.percent >= ENDS_PERCENT)
    rising = looks("." * 21)
    for look in "x.x.x.":
        rising.check(holds=look == "x")
        assert rising.is_flapping is (rising.percent >= BEGINS_PERCENT)


def test_what_came_to_rest_does_not_flap() -> None:
    flapping = looks(".x" * 20)
    for _ in range(LOOKS):
        flapping.check(holds=False)
    assert not flapping.is_flapping


RULE = rule_of(
    LOST, for_ns=5 * SECOND_NS, keep_firing_for_ns=7 * SECOND_NS, cooldown_ns=6 * SECOND_NS
)
COURSES = st.lists(st.sampled_from([BAD, BAD, BAD, GOOD, None]), min_size=20, max_size=60)


def fired_at(values: list[int | None], restart_at: int | None, reboot_s: float = 0) -> set[int]:
    """Play a course, a value a second, and list when an alert stood as fired."""
    course = Course(RULE)
    found = set()
    for at, value in enumerate(values):
        if at == restart_at:
            course.restart(reboot_s=reboot_s)
        course.at(course.now_s + (1 if at else 0), value)
        if course.status in (Status.FIRING, Status.ACKED, Status.RECOVERING):
            found.add(at)
    return found


@given(COURSES, st.integers(1, 59))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_restart_at_any_point_loses_no_firing_and_ends_none(
    values: list[int | None], restart_at: int
) -> None:
    restart_at = min(restart_at, len(values) - 1)
    before, after = fired_at(values, None), fired_at(values, restart_at)
    assert {at for at in before if at < restart_at} == {at for at in after if at < restart_at}
    # What recovers begins to do so anew: it may stand longer, never shorter.
    first_quiet = next(
        (at for at in range(restart_at, len(values)) if at not in before), len(values)
    )
    if restart_at - 1 in before:
        assert set(range(restart_at, first_quiet)) <= after


def test_a_restart_goes_on_with_the_same_alert_whatever_the_clocks_do() -> None:
    for reboot_s in (0.0, 7.0):
        course = Course(rule_of(LOST, keep_firing_for_ns=20 * SECOND_NS))
        course.at(5)
        (fired,) = course.at(10, BAD)
        course.restart(downtime_s=30, reboot_s=reboot_s)
        assert course.alert == fired.alert
        assert course.at(11, BAD) == []
        assert course.alert == fired.alert
        assert statuses(course.at(12, GOOD)) == [Status.RECOVERING]
        course.restart()
        assert course.at(13, GOOD) == []
        assert course.at(31, GOOD) == []
        assert statuses(course.at(33, GOOD)) == [Status.RESOLVED]


def test_what_a_pending_alert_has_waited_survives_a_restart_but_not_a_clock_from_the_future() -> (
    None
):
    course = Course(rule_of(LOST, for_ns=10 * SECOND_NS))
    course.at(0, BAD)
    course.at(6, BAD)
    course.restart()
    assert course.at(9, BAD) == []
    assert statuses(course.at(10, BAD)) == [Status.FIRING]
    other = Course(rule_of(LOST, for_ns=10 * SECOND_NS))
    other.at(0, BAD)
    other.restart(downtime_s=-3_600)
    assert other.at(9, BAD) == []
    assert statuses(other.at(10, BAD)) == [Status.FIRING]


def test_the_cooldown_of_a_resolved_alert_goes_on_after_a_restart() -> None:
    rule = rule_of(LOST, cooldown_ns=60 * SECOND_NS)
    course = Course(rule)
    course.at(0, BAD)
    (ended,) = course.at(10, GOOD)
    course.now_s = 20
    course.engine = Course(rule).engine
    assert course.engine.restore([ended.alert], course.moment()) == ()
    assert statuses(course.at(21, BAD)) == [Status.PENDING]
    assert course.at(69, BAD) == []
    assert statuses(course.at(70, BAD)) == [Status.FIRING]


def test_an_alert_whose_rule_is_gone_is_handed_back() -> None:
    course = Course(rule_of(LOST, "GONE_RULE"))
    (fired,) = course.at(0, BAD)
    other = Course(rule_of(LOST, "NEW_RULE"))
    assert other.engine.restore([fired.alert], other.moment()) == (fired.alert,)
    ended = msgspec.structs.replace(fired.alert, status=Status.RESOLVED)
    assert other.engine.restore([ended], other.moment()) == ()
