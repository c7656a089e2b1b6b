"""The venue's clock from round trips: whole seconds bound it, many of them narrow it."""

from hypothesis import given
from hypothesis import strategies as st
from polyarb.host.venue_time import RoundTrip, venue_offset

MS = 1_000_000
NOW_NS = 1_795_000_000_123_456_789


def trip(sent_ns: int, there_ns: int, back_ns: int, offset_ns: int, *, unit_ms: int) -> RoundTrip:
    """Ask a venue whose clock is so far from ours and tells so coarse units."""
    told_ms = (sent_ns + there_ns + offset_ns) // (unit_ms * MS) * unit_ms
    return RoundTrip(sent_ns=sent_ns, elapsed_ns=there_ns + back_ns, told_ms=told_ms)


def test_no_round_trip_tells_nothing() -> None:
    assert venue_offset([]) is None


def test_one_whole_second_bounds_the_offset_by_half_a_second_and_half_the_way() -> None:
    found = venue_offset([trip(NOW_NS, 40 * MS, 40 * MS, 0, unit_ms=1_000)])
    assert found is not None
    assert found.uncertainty_ns == 540 * MS


def test_milliseconds_are_seen_to_be_such() -> None:
    asked = [trip(NOW_NS + i * 77 * MS, MS, MS, 3_217 * MS, unit_ms=1) for i in range(3)]
    found = venue_offset(asked)
    assert found is not None
    assert abs(found.offset_ns - 3_217 * MS) <= found.uncertainty_ns <= 2 * MS


@given(
    st.integers(-90_000, 90_000),
    st.lists(
        st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(0, 3_000)),
        min_size=1,
        max_size=12,
    ),
)
def test_the_truth_is_always_within_the_uncertainty(
    offset_ms: int, ways: list[tuple[int, int, int]]
) -> None:
    asked = [
        trip(NOW_NS + after * MS, there * MS, back * MS, offset_ms * MS, unit_ms=1_000)
        for there, back, after in ways
    ]
    found = venue_offset(asked)
    assert found is not None
    assert abs(found.offset_ns - offset_ms * MS) <= found.uncertainty_ns
    assert found.outvoted == 0
    assert found.round_trip_ns_min == min(there + back for there, back, _ in ways) * MS


@given(st.integers(-60_000, 60_000), st.integers(0, 999))
def test_ten_questions_over_a_second_tell_it_within_50_ms_and_the_way(
    offset_ms: int, phase_ms: int
) -> None:
    begin_ns = NOW_NS + phase_ms * MS
    asked = [
        trip(begin_ns + i * 100 * MS, 20 * MS, 20 * MS, offset_ms * MS, unit_ms=1_000)
        for i in range(10)
    ]
    found = venue_offset(asked)
    assert found is not None
    assert abs(found.offset_ns - offset_ms * MS) <= found.uncertainty_ns <= 71 * MS


def test_a_slow_round_trip_does_not_spoil_the_quick_ones() -> None:
    quick = [trip(NOW_NS + i * 100 * MS, MS, MS, 0, unit_ms=1_000) for i in range(10)]
    slow = trip(NOW_NS, 5 * MS, 4_000 * MS, 0, unit_ms=1_000)
    assert venue_offset([*quick, slow]).uncertainty_ns == venue_offset(quick).uncertainty_ns  # type: ignore[union-attr]


def test_one_of_several_servers_behind_the_name_with_a_wrong_clock_is_outvoted() -> None:
    good = [trip(NOW_NS + i * 100 * MS, MS, MS, 0, unit_ms=1_000) for i in range(4)]
    bad = trip(NOW_NS, MS, MS, 60_000 * MS, unit_ms=1_000)
    found = venue_offset([*good, bad])
    assert found is not None
    assert found.outvoted == 1
    assert abs(found.offset_ns) <= found.uncertainty_ns


def test_servers_that_contradict_each_other_half_and_half_tell_nothing() -> None:
    here = trip(NOW_NS, MS, MS, 0, unit_ms=1_000)
    there = trip(NOW_NS, MS, MS, 60_000 * MS, unit_ms=1_000)
    assert venue_offset([here, there]) is None
