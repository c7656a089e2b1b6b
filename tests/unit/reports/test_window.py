"""Whole UTC days."""

import pytest
from polyarb.reports.window import day_window, range_window
from tests.plan_lives import DAY_NS, NOON_NS


def test_a_day_holds_its_moments_and_names_itself() -> None:
    window = day_window("2026-06-07")
    assert window.has(NOON_NS)
    assert not window.has(window.end_ns)
    assert (window.first_day, window.last_day) == ("2026-06-07", "2026-06-07")
    assert len(window.day_numbers) == 1
    assert window.has_day("2026-06-07")
    assert not window.has_day("2026-06-08")


def test_a_range_has_both_its_ends() -> None:
    window = range_window("2026-06-07", "2026-06-09")
    assert window.end_ns - window.start_ns == 3 * DAY_NS
    assert (window.first_day, window.last_day) == ("2026-06-07", "2026-06-09")


@pytest.mark.parametrize(
    ("first", "last"), [("2026-06-08", "2026-06-07"), ("June", "2026-06-07"), ("2026-06-07", "x")]
)
def test_a_range_that_is_none_is_refused(first: str, last: str) -> None:
    with pytest.raises(ValueError, match=r"expected|isoformat"):
        range_window(first, last)
