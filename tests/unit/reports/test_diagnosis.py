"""The diagnosis: each rule speaks, and "no anomaly" is never said while one does."""

from msgspec.structs import replace
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.messages import JournalMessage, Tier
from polyarb.reports.alert_log import AlertSeen
from polyarb.reports.daily import Beside, DailyReport, build_daily
from polyarb.reports.diagnosis import NO_ANOMALY
from polyarb.reports.records import ChainCheck
from tests.plan_lives import DAY_NS, NOON_NS, binary_merged
from tests.report_journals import at, lost, quoted, records, rich_beside, run, staged, tried
from tests.unit.reports.test_daily import quiet


def build(messages: list[JournalMessage], beside: Beside | None = None) -> DailyReport:
    report = build_daily(
        records(messages),
        "2026-06-07",
        chain=ChainCheck(is_verified=True),
        beside=beside or Beside(alerts=()),
    )
    assert report is not None
    return report


def says(report: DailyReport, text: str) -> bool:
    assert NO_ANOMALY not in report.diagnosis
    return any(text in line for line in report.diagnosis)


def alert(severity: str, *, resolved: bool = False) -> AlertSeen:
    return AlertSeen(
        alert_id=severity,
        name="RULE",
        severity=severity,
        status="FIRING",
        fired_ns=at(10),
        acked_ns=at(20),
        resolved_ns=at(30) if resolved else None,
    )


def test_nothing_wrong_is_no_anomaly() -> None:
    assert build(quiet()).diagnosis == (NO_ANOMALY,)


def test_no_engine_is_missing_data_and_no_calm() -> None:
    assert says(build(quiet(), Beside()), "no alert engine ran")


def test_a_critical_alert_always_speaks_even_when_it_is_over() -> None:
    firing = build(quiet(), Beside(alerts=(alert("CRITICAL"),)))
    assert says(firing, "critical alert RULE: still firing")
    over = build(quiet(), Beside(alerts=(alert("critical", resolved=True),)))
    assert says(over, "critical alert RULE: fired and resolved")
    assert not any("nobody acknowledged" in line for line in over.diagnosis)


def test_a_warning_speaks_while_it_fires() -> None:
    firing = build(quiet(), Beside(alerts=(alert("WARNING"),)))
    assert says(firing, "1 alert still firing at the end: RULE")
    over = build(quiet(), Beside(alerts=(alert("WARNING", resolved=True),)))
    assert over.diagnosis == (NO_ANOMALY,)


def test_damaged_alerts_and_failed_drills_speak() -> None:
    assert says(build(quiet(), Beside(alerts=(), alerts_damaged=1)), "1 line of the alert log")
    failed = tuple(one for one in rich_beside().drills or () if not one.passed)
    early = tuple(replace(one, began_ns=NOON_NS) for one in failed)
    assert says(build(quiet(), Beside(alerts=(), drills=early)), "the last drill failed of: kill")


def test_no_edge_is_a_verdict_and_is_named() -> None:
    episodes = [lost(f"o{n}", 20 * n + 15, net=1, quantity=5) for n in range(20)]
    tries = [tried(f"p{n}", Tier.T2, -5_000, seconds=20 * n + 16) for n in range(20)]
    report = build(run(*sorted([*episodes, *tries], key=lambda m: m.receive_time_ns)))
    assert says(report, "verdict: no edge at this latency: 0 of 20 episodes")
    assert says(report, "-0.1 USD in all")


def test_slippage_beyond_its_bound_speaks() -> None:
    life = quoted(binary_merged("b", at(20)).messages, cheaper=30_000)
    assert says(build(run(*life)), "orders paid more than 500 bps above plan: 100 % (2 of 2)")


def test_a_slow_day_names_its_slowest_stage() -> None:
    report = build(run(staged(60, 100, slow=1_000), seconds=120))
    assert says(report, "above 500 ms; slowest stage: decision to journal")


def drill(name: str, *, passed: bool = True, code: str = "code", days: int = 0) -> DrillOutcome:
    return DrillOutcome(
        name=name,
        passed=passed,
        began_ns=NOON_NS - days * DAY_NS,
        took_ms=1,
        code_digest=code,
        config_digest="config",
        findings=(),
    )


def test_gates_tell_what_a_drill_still_owes() -> None:
    outcomes = (
        drill("breaker"),
        drill("kill", passed=False, code="other"),
        drill("restore", days=40),
    )
    gates = {
        gate.criterion: gate for gate in build(quiet(), Beside(alerts=(), drills=outcomes)).gates
    }
    assert gates["the breaker stops trading"].missing == ""
    assert gates["a killed process goes on"].missing == "a pass; a drill of the code that ran"
    assert gates["a backup restores"].missing == "a newer one"
    assert gates["a lost feed is survived"].value is None
    assert (gates["critical alerts"].value, gates["critical alerts"].n) == ("0", 0)
    assert {g.criterion: g for g in build(quiet(), Beside()).gates}["critical alerts"].value is None
