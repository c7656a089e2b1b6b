"""Alerts as a report tells them: without an engine nothing is known, which is not zero."""

from polyarb.reports.alert_log import NOT_RECORDED, AlertSeen, read_alerts
from polyarb.reports.window import day_window
from tests.plan_lives import DAY_NS, NOON_NS, SECOND_NS

WINDOW = day_window("2026-06-07")


def seen(
    alert_id: str = "a",
    *,
    severity: str = "WARNING",
    fired: int | None = 0,
    acked: int | None = None,
    resolved: int | None = None,
    name: str = "RULE",
) -> AlertSeen:
    def at(seconds: int | None) -> int | None:
        return None if seconds is None else NOON_NS + seconds * SECOND_NS

    return AlertSeen(
        alert_id=alert_id,
        name=name,
        severity=severity,
        status="FIRING",
        fired_ns=at(fired),
        acked_ns=at(acked),
        resolved_ns=at(resolved),
    )


def test_no_log_is_no_engine_and_an_empty_one_is_calm() -> None:
    assert read_alerts(None, WINDOW) == NOT_RECORDED
    calm = read_alerts([], WINDOW)
    assert calm.is_recorded
    assert (calm.fired, calm.critical, calm.to_acknowledge.n) == ((), (), 0)


def test_the_last_row_of_an_alert_tells_how_it_stands() -> None:
    rows = [seen(), seen(acked=30), seen(acked=30, resolved=90)]
    found = read_alerts(rows, WINDOW)
    assert len(found.fired) == 1
    assert found.open == ()
    assert (found.to_acknowledge.p50, found.to_resolve.longest) == (30 * SECOND_NS, 90 * SECOND_NS)
    assert found.to_acknowledge.n == 1


def test_a_pending_alert_never_fired() -> None:
    assert read_alerts([seen(fired=None)], WINDOW).fired == ()


def test_what_fired_before_and_still_fires_is_open_and_not_fired_today() -> None:
    day = DAY_NS // SECOND_NS
    rows = [
        seen("old", severity="critical", fired=-day),
        seen("over", fired=-day, resolved=10),
        seen("later", fired=day),
        seen("late", fired=5, resolved=day),
    ]
    found = read_alerts(rows, WINDOW)
    assert [one.alert_id for one in found.fired] == ["late"]
    assert [one.alert_id for one in found.open] == ["old", "late"]
    assert [one.alert_id for one in found.critical] == ["old"]


def test_severities_and_rules_are_counted_whatever_their_case() -> None:
    rows = [
        seen("a", severity="critical", name="X"),
        seen("b", severity="CRITICAL", name="X", acked=5, fired=1),
        seen("c", name="Y"),
    ]
    found = read_alerts(rows, WINDOW, damaged=2)
    assert found.by_severity == {"CRITICAL": 2, "WARNING": 1}
    assert found.by_rule == {"X": 2, "Y": 1}
    assert (found.never_acknowledged, found.damaged) == (1, 2)
