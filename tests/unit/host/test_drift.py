"""Drift from one-way delays: the line below them, whatever waiting lies on top."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from polyarb.host.drift import SLOT_NS, SLOTS_MAX, EnvelopeDrift, middle_edge

S = 1_000_000_000
MS = 1_000_000
NOW_NS = 1_795_000_000 * S

points_lists = st.lists(
    st.tuples(st.integers(0, 1_000), st.integers(-500, 500)),
    min_size=2,
    max_size=25,
    unique_by=lambda point: point[0],
).map(sorted)


def play(drift_ns_per_minute: int, minutes: int, *, wait_ns: int = 0) -> EnvelopeDrift:
    """Stream messages every 500 ms; all but one in ten waited for so long at random places."""
    found = EnvelopeDrift()
    for half_second in range(minutes * 120):
        venue_ns = NOW_NS + half_second * S // 2
        gained_ns = drift_ns_per_minute * half_second // 120
        waited_ns = wait_ns * (half_second * 7 % 10) // 9
        found.observe(venue_ns, venue_ns + 40 * MS + gained_ns + waited_ns)
    return found


def test_nothing_is_told_of_less_than_a_minute() -> None:
    found = EnvelopeDrift()
    assert found.ns_per_minute() is None
    found.observe(0, 5)
    assert found.ns_per_minute() is None
    found.observe(59 * S, 59 * S + 5)
    assert found.ns_per_minute() is None
    found.observe(64 * S, 64 * S + 5)
    assert found.ns_per_minute() == 0


@given(st.integers(-200, 200), st.integers(0, 300))
def test_the_drift_is_found_below_any_waiting(drift_ms: int, wait_ms: int) -> None:
    found = play(drift_ms * MS, 6, wait_ns=wait_ms * MS).ns_per_minute()
    assert found is not None
    # Receive time itself runs fast or slow by the drift: 200 ms a minute is one part in 300.
    assert abs(found - drift_ms * MS) <= abs(drift_ms * MS) // 200 + MS // 4


def test_a_fixed_offset_of_an_hour_is_no_drift() -> None:
    found = EnvelopeDrift()
    for second in range(300):
        found.observe(NOW_NS + second * S, NOW_NS + (second + 3_600) * S)
    assert found.ns_per_minute() == 0


def test_only_the_last_slots_are_kept() -> None:
    found = EnvelopeDrift()
    for slot in range(SLOTS_MAX * 3):
        found.observe(slot * SLOT_NS, slot * SLOT_NS)
    assert len(found._slots) == SLOTS_MAX


def test_a_clock_that_goes_back_begins_anew() -> None:
    found = play(0, 6)
    before_ns = NOW_NS - 3_600 * S
    found.observe(NOW_NS + 360 * S, before_ns)
    assert found.ns_per_minute() is None
    for second in range(1, 100):
        found.observe(NOW_NS + (360 + second) * S, before_ns + second * S)
    assert found.ns_per_minute() == 0


def test_a_restart_forgets() -> None:
    found = play(100 * MS, 6)
    found.restart()
    assert found.ns_per_minute() is None


@given(points_lists)
def test_the_edge_is_the_line_below_all_points_that_is_nearest_to_them(
    points: list[tuple[int, int]],
) -> None:
    found = middle_edge(points)
    assert _is_below(found, points)
    lines = [
        (left, right)
        for index, left in enumerate(points)
        for right in points[index + 1 :]
        if _is_below((left, right), points)
    ]
    assert _distance(found, points) == min(_distance(line, points) for line in lines)


Line = tuple[tuple[int, int], tuple[int, int]]


def _at(line: Line, abscissa: int) -> Fraction:
    (left, low), (right, high) = line
    return low + Fraction(high - low, right - left) * (abscissa - left)


def _is_below(line: Line, points: list[tuple[int, int]]) -> bool:
    return all(_at(line, abscissa) <= ordinate for abscissa, ordinate in points)


def _distance(line: Line, points: list[tuple[int, int]]) -> Fraction:
    return sum((ordinate - _at(line, abscissa) for abscissa, ordinate in points), Fraction())
