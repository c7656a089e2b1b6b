"""The engine: when rules are judged, events that are each told, labels, the time after a start."""

import pytest
from polyarb.alerts.alert import Action, Cause, Severity, Status, fingerprint
from polyarb.alerts.engine import AlertEngine, Moment
from polyarb.alerts.history import Sample
from polyarb.alerts.rules import PhaseFigures
from polyarb.domain.limits import Phase
from polyarb.domain.units import MICRO
from tests.alert_rules import FIGURES, SECOND_NS, WALL_NS, Course, rule_of, shipped, statuses

HALTING = (Action.LOG, Action.NOTIFY, Action.HALT)


def page(expression: str, rule_id: str = "PAGE") -> object:
    return rule_of(expression, rule_id, severity=Severity.CRITICAL, actions=HALTING)


def moment(seconds: float) -> Moment:
    passed_ns = int(seconds * SECOND_NS)
    return Moment(monotonic_ns=passed_ns, wall_ns=WALL_NS + passed_ns)


def test_a_page_is_judged_when_its_metric_changes_and_each_second() -> None:
    engine = AlertEngine([page("ws_connected == false"), rule_of("reject_rate > 5%")], FIGURES)
    assert engine.observe(Sample(metric="ws_connected", value=1, time_ns=0))
    assert engine.evaluate(moment(0)) == ()
    assert not engine.observe(Sample(metric="ws_connected", value=1, time_ns=SECOND_NS // 4))
    assert not engine.observe(Sample(metric="reject_rate", value=0.5, time_ns=SECOND_NS // 4))
    assert engine.evaluate(moment(0.25)) == ()
    assert engine.observe(Sample(metric="ws_connected", value=0, time_ns=SECOND_NS // 2))
    (found,) = engine.evaluate(moment(0.5))
    assert (found.alert.rule, found.actions) == ("PAGE", (Action.HALT,))
    assert engine.evaluate(moment(4.9)) == ()
    assert [one.alert.rule for one in engine.evaluate(moment(5))] == ["SOME_RULE"]


def test_a_page_without_any_sample_is_judged_each_second() -> None:
    engine = AlertEngine([page("absent(ws_connected[3s])")], FIGURES)
    engine.observe(Sample(metric="ws_connected", value=1, time_ns=0))
    assert [len(engine.evaluate(moment(at))) for at in (0, 1, 2, 2.5, 3)] == [0, 0, 0, 0, 1]


def test_what_acts_comes_before_what_only_tells_and_the_worse_before_the_lesser() -> None:
    rules = [
        rule_of("drawdown_percent > 1%", "TELLS"),
        rule_of("drawdown_percent > 2%", "REDUCES", actions=(Action.LOG, Action.REDUCE)),
        page("drawdown_percent > 3%", "HALTS"),
        rule_of("drawdown_percent > 4%", "KILLS", actions=(Action.KILL, Action.NOTIFY)),
    ]
    course = Course(*rules)
    found = course.at(0, 9)
    assert [one.alert.rule for one in found] == ["KILLS", "HALTS", "REDUCES", "TELLS"]


def test_each_event_is_told_though_they_are_alike_and_come_at_once() -> None:
    rule = rule_of("opportunity_detected > 0", severity=Severity.INFO, actions=(Action.LOG,))
    course = Course(rule)
    course.now_s = 5
    for family in ("binary", "binary", "negrisk_no"):
        assert not course.observe("opportunity_detected", 2, family=family)
    course.observe("opportunity_detected", 0, family="binary")
    found = course.at(6)
    assert len(found) == 3
    assert len({one.alert.alert_id for one in found}) == 3
    for one in found:
        assert one.alert.status is Status.RESOLVED
        assert one.alert.fired_ns == one.alert.resolved_ns == WALL_NS + 5 * SECOND_NS
        assert (one.alert.value, one.alert.threshold, one.alert.unit) == (2, 0, "count")
    assert [one.alert.labels["family"] for one in found] == ["binary", "binary", "negrisk_no"]
    assert course.engine.active == ()
    assert course.at(7) == []


def test_an_event_that_comes_late_is_judged_by_its_own_value() -> None:
    course = Course(rule_of("opportunity_detected > 3", severity=Severity.INFO))
    course.now_s = 9
    course.observe("opportunity_detected", 5)
    course.now_s = 8
    course.observe("opportunity_detected", 4)
    course.observe("opportunity_detected", 3)
    course.observe("opportunity_detected", None)
    assert [one.alert.value for one in course.at(10)] == [5, 4]


def test_an_event_that_is_no_number_is_told_as_an_error() -> None:
    course = Course(rule_of("opportunity_detected > 3", severity=Severity.INFO))
    (found,) = course.at(0, float("nan"))
    assert found.alert.cause is Cause.ERROR


def test_each_set_of_labels_has_an_alert_of_its_own() -> None:
    course = Course(rule_of("source_delay_ms > 1s", labels={"team": "feed"}))
    (unknown,) = course.at(0)
    assert (unknown.alert.cause, unknown.alert.labels) == (Cause.NODATA, {"team": "feed"})
    course.now_s = 1
    course.observe("source_delay_ms", 5_000, source="poll")
    course.observe("source_delay_ms", 10, source="stream-1")
    found = course.at(1)
    assert {(one.alert.status, one.alert.labels.get("source")) for one in found} == {
        (Status.RESOLVED, None),
        (Status.FIRING, "poll"),
    }
    course.now_s = 20
    course.observe("source_delay_ms", 10, source="poll")
    assert statuses(course.at(20)) == [Status.RESOLVED]
    course.now_s = 40
    course.observe("source_delay_ms", 10, source="poll")
    (silent,) = course.at(40)
    assert (silent.alert.cause, silent.alert.labels["source"]) == (Cause.NODATA, "stream-1")
    course.restart()
    assert course.alert == silent.alert
    course.now_s = 41
    course.observe("source_delay_ms", 10, source="poll")
    course.observe("source_delay_ms", 10, source="stream-1")
    assert statuses(course.at(41)) == [Status.RESOLVED]


def test_the_order_of_labels_does_not_matter() -> None:
    labels = {"b": "2", "a": "1"}
    assert fingerprint("R", labels) == fingerprint("R", dict(reversed(labels.items())))
    assert fingerprint("R", labels) != fingerprint("S", labels)
    assert fingerprint("R", labels) != fingerprint("R", {"a": "2", "b": "1"})


def test_just_after_a_start_what_is_missing_is_not_yet_gone() -> None:
    course = Course(rule_of("ws_connected == false"), grace_s=30)
    assert course.at(0) == []
    assert course.at(29) == []
    assert statuses(course.at(30)) == [Status.FIRING]
    known = Course(rule_of("ws_connected == false"), grace_s=30)
    assert statuses(known.at(0, 0)) == [Status.FIRING]


def test_while_data_is_awaited_after_a_start_an_alert_stands_as_it_was() -> None:
    course = Course(rule_of("ws_connected == false", for_ns=10 * SECOND_NS), grace_s=30)
    course.at(0, 0)
    course.restart(downtime_s=600)
    assert course.at(20) == []
    assert course.status is Status.PENDING
    assert statuses(course.at(21, 0)) == [Status.FIRING]


def test_value_and_threshold_are_those_of_the_comparison_that_holds() -> None:
    course = Course(rule_of("daily_loss_usd >= phase.daily_loss or position_usage_percent > 100%"))
    course.observe("daily_loss_usd", 1)
    course.observe("position_usage_percent", 120)
    (found,) = course.at(0)
    assert (found.alert.value, found.alert.threshold, found.alert.unit) == (120, 100, "percent")
    course.observe("daily_loss_usd", 4)
    course.at(1)
    assert course.alert is not None
    assert (course.alert.value, course.alert.threshold, course.alert.unit) == (4, 3, "usd")
    heartbeat = Course(rule_of("not absent(loop_ticks[10s])", severity=Severity.INFO))
    (told,) = heartbeat.at(0, 1)
    assert (told.alert.value, told.alert.threshold, told.alert.unit) == (None, None, "")


@pytest.mark.parametrize(("capital", "fires"), [(20, False), (30, True)])
def test_thresholds_are_relative_to_the_phase(capital: int, fires: bool) -> None:
    figures = PhaseFigures(phase=Phase.SCALED, capital=capital * MICRO, daily_loss=MICRO)
    rule = rule_of("wallet_balance_usd < phase.balance_min * phase.capital")
    engine = AlertEngine([rule], figures)
    engine.observe(Sample(metric="wallet_balance_usd", value=12, time_ns=0))
    assert bool(engine.evaluate(moment(0))) is fires


def test_a_rule_is_judged_in_its_phases_only() -> None:
    rules = shipped().rules
    shadow = AlertEngine(rules, PhaseFigures(phase=Phase.SHADOW, capital=1, daily_loss=1))
    live = AlertEngine(rules, FIGURES)
    assert {rule.rule_id for rule in rules} - {rule.rule_id for rule in shadow.rules} == {
        "LIVE_NO_FILLS",
        "LOW_BALANCE",
    }
    assert {rule.rule_id for rule in rules} - {rule.rule_id for rule in live.rules} == {
        "DRY_RUN_NO_FILLS"
    }


def test_a_storm_of_ten_thousand_labels_is_ten_thousand_alerts_once() -> None:
    course = Course(rule_of("source_delay_ms > 1s"))
    for place in range(10_000):
        course.observe("source_delay_ms", 5_000, source=str(place))
    assert len(course.at(0)) == 10_000
    assert course.at(1) == []
    assert len({alert.alert_id for alert in course.engine.active}) == 10_000


def test_a_sample_that_no_catalogue_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="a metric of the catalogue"):
        AlertEngine([], FIGURES).observe(Sample(metric="nothing", value=1, time_ns=0))
