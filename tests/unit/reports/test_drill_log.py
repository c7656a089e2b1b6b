"""Drills as a report tells them: the last of each, its age, and of which code it was."""

from polyarb.domain.drills import DrillOutcome
from polyarb.reports.drill_log import read_drills
from polyarb.reports.window import day_window
from tests.plan_lives import DAY_NS, NOON_NS, SECOND_NS

WINDOW = day_window("2026-06-07")


def outcome(name: str, began_ns: int, *, passed: bool = True, code: str = "code") -> DrillOutcome:
    return DrillOutcome(
        name=name,
        passed=passed,
        began_ns=began_ns,
        took_ms=1,
        code_digest=code,
        config_digest="config",
        findings=(),
    )


def test_no_record_proves_nothing() -> None:
    assert not read_drills(None, WINDOW, "code", NOON_NS).is_recorded
    assert not read_drills([], WINDOW, "code", NOON_NS).is_recorded


def test_the_last_drill_of_each_name_by_the_end_of_the_time_is_told() -> None:
    found = read_drills(
        [
            outcome("kill", NOON_NS - SECOND_NS),
            outcome("kill", NOON_NS - DAY_NS, passed=False),
            outcome("breaker", NOON_NS - 2 * DAY_NS, code="other"),
            outcome("kill", NOON_NS + DAY_NS, passed=False),
        ],
        WINDOW,
        "code",
        NOON_NS,
    )
    assert (found.run, found.failed) == (1, 0)
    breaker, kill = found.last
    assert (breaker.outcome.name, breaker.is_of_this_code, breaker.is_inside) == (
        "breaker",
        False,
        False,
    )
    assert (kill.outcome.passed, kill.is_inside, kill.age_ns) == (True, True, SECOND_NS)


def test_of_a_day_that_is_over_the_age_is_that_at_its_end() -> None:
    found = read_drills([outcome("kill", NOON_NS)], WINDOW, "code", NOON_NS + 10 * DAY_NS)
    assert found.last[0].age_ns == DAY_NS // 2
