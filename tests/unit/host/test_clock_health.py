"""The verdict on a clock: off for certain, perhaps off, unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.surroundings import ClockVerdict
from polyarb.host.clock_health import (
    AGE_NS_MAX,
    ALARM_NS,
    REFUSED_NS,
    ClockHealth,
    judge,
    judge_offset,
)

MS = 1_000_000
NOW_NS = 1_795_000_000_000_000_000


def health(**measured: int | None) -> ClockHealth:
    return ClockHealth(measured_ns=NOW_NS, **measured)  # type: ignore[arg-type]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("offset_ns", "uncertainty_ns", "verdict"),
    [
        (0, 0, ClockVerdict.GOOD),
        (ALARM_NS, 0, ClockVerdict.GOOD),
        (ALARM_NS + 1, 0, ClockVerdict.ALARM),
        (ALARM_NS + 20, 20, ClockVerdict.GOOD),
        (REFUSED_NS, 0, ClockVerdict.ALARM),
        (REFUSED_NS + 1, 0, ClockVerdict.REFUSED),
        (60_000 * MS, 540 * MS, ClockVerdict.REFUSED),
        (0, REFUSED_NS, ClockVerdict.GOOD),
        (0, REFUSED_NS + 1, ClockVerdict.UNKNOWN),
        (REFUSED_NS + 200 * MS, 101 * MS, ClockVerdict.REFUSED),
    ],
)
def test_an_offset_is_judged_by_what_is_certain_of_it(
    sign: int, offset_ns: int, uncertainty_ns: int, verdict: ClockVerdict
) -> None:
    assert judge_offset("x", sign * offset_ns, uncertainty_ns).verdict is verdict


def test_a_clock_off_by_a_minute_is_refused_with_the_reason() -> None:
    found = judge(health(ntp_offset_ns=60_000 * MS, ntp_uncertainty_ns=8 * MS), NOW_NS)
    assert found.verdict is ClockVerdict.REFUSED
    assert found.reason == "+60000 ms from time servers, give or take 8 ms"


def test_the_worst_of_all_measurements_counts() -> None:
    found = judge(
        health(
            ntp_offset_ns=0,
            ntp_uncertainty_ns=1,
            venue_offset_ns=-700 * MS,
            venue_uncertainty_ns=60 * MS,
            drift_ns_per_minute=200 * MS,
        ),
        NOW_NS,
    )
    assert found.verdict is ClockVerdict.REFUSED
    assert found.reason == "-700 ms from the venue, give or take 60 ms"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("field", ["drift_ns_per_minute", "stepped_ns"])
def test_a_change_of_more_than_100_ms_is_an_alarm(field: str, sign: int) -> None:
    known: dict[str, int | None] = {"ntp_offset_ns": 0, "ntp_uncertainty_ns": 0}
    assert judge(health(**known, **{field: sign * ALARM_NS}), NOW_NS).verdict is ClockVerdict.GOOD
    found = judge(health(**known, **{field: sign * (ALARM_NS + 1)}), NOW_NS)
    assert found.verdict is ClockVerdict.ALARM


def test_a_clock_that_nothing_was_compared_with_is_unknown_never_good() -> None:
    assert judge(health(drift_ns_per_minute=0), NOW_NS).verdict is ClockVerdict.UNKNOWN


def test_one_comparison_is_enough() -> None:
    found = judge(health(venue_offset_ns=5, venue_uncertainty_ns=5), NOW_NS)
    assert found.verdict is ClockVerdict.GOOD


def test_an_offset_without_its_uncertainty_is_no_comparison() -> None:
    assert judge(health(ntp_offset_ns=0), NOW_NS).verdict is ClockVerdict.UNKNOWN


@pytest.mark.parametrize("age_ns", [AGE_NS_MAX + 1, -AGE_NS_MAX - 1])
def test_what_was_measured_long_ago_or_in_the_future_says_nothing(age_ns: int) -> None:
    good = health(ntp_offset_ns=0, ntp_uncertainty_ns=0)
    assert judge(good, NOW_NS + AGE_NS_MAX).verdict is ClockVerdict.GOOD
    assert judge(good, NOW_NS + age_ns).verdict is ClockVerdict.UNKNOWN


@given(st.integers(0, 10**12), st.integers(0, 10**10))
def test_more_offset_never_makes_the_verdict_better(offset_ns: int, more_ns: int) -> None:
    order = list(ClockVerdict)
    near, far = (judge_offset("x", one, 30 * MS) for one in (offset_ns, offset_ns + more_ns))
    assert order.index(far.verdict) >= order.index(near.verdict)
