"""Latency: percentiles of a bounded window, never told too short, and the bottleneck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.host.latency import (
    SLICES,
    LatencyRecorder,
    LatencyTracker,
    Percentiles,
    Stage,
)

ERROR_PARTS = 128
samples = st.lists(
    st.one_of(st.integers(0, 600), st.integers(0, 10**7), st.integers(0, 2**45)),
    min_size=1,
    max_size=300,
)


def exact(values: list[int], percent: int) -> int:
    """Return the nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[max(-(-len(ranked) * percent // 100), 1) - 1]


def recorded(values: list[int], slice_samples: int = 10_000) -> Percentiles:
    recorder = LatencyRecorder(slice_samples)
    for value in values:
        recorder.add(value)
    return recorder.percentiles()


@given(samples)
def test_a_percentile_is_never_too_short_and_at_most_one_part_in_128_too_long(
    values: list[int],
) -> None:
    found = recorded(values)
    assert (found.n, found.maximum) == (len(values), max(values))
    for percent, told in ((50, found.p50), (95, found.p95), (99, found.p99)):
        true = exact(values, percent)
        assert told is not None
        assert true <= told <= true + true // ERROR_PARTS
        assert told <= max(values)


@given(st.lists(st.integers(0, 255), min_size=1))
def test_short_times_are_exact(values: list[int]) -> None:
    found = recorded(values)
    expected = [exact(values, percent) for percent in (50, 95, 99)]
    assert [found.p50, found.p95, found.p99] == expected


@given(samples, st.integers(1, 20))
def test_the_window_is_the_latest_samples(values: list[int], slice_samples: int) -> None:
    found = recorded(values, slice_samples)
    kept = len(values) - max(len(values) // slice_samples - (SLICES - 1), 0) * slice_samples
    window = values[len(values) - kept :]
    assert found.n == kept
    if window:
        assert found.maximum == max(window)
        true = exact(window, 50)
        assert found.p50 is not None
        assert true <= found.p50 <= true + true // ERROR_PARTS


def test_memory_does_not_grow_with_samples() -> None:
    recorder = LatencyRecorder(100)
    for value in range(0, 200_000, 7):
        recorder.add(value * value)
    assert len(recorder._finished) == SLICES - 1
    assert sum(len(one.counts) for one in recorder._finished) <= 100 * SLICES


def test_no_sample_is_no_percentile() -> None:
    assert LatencyRecorder().percentiles() == Percentiles(
        n=0, p50=None, p95=None, p99=None, maximum=None
    )


def test_a_clock_that_went_back_counts_as_nothing() -> None:
    assert recorded([-5]).p99 == 0


@given(samples, st.integers(1, 20))
def test_reading_in_between_changes_nothing(values: list[int], slice_samples: int) -> None:
    recorder = LatencyRecorder(slice_samples)
    for value in values:
        recorder.add(value)
        recorder.percentiles()
    assert recorder.percentiles() == recorded(values, slice_samples)


def test_a_tracker_tells_every_stage_and_the_whole() -> None:
    tracker = LatencyTracker()
    tracker.decided(100, 20)
    tracker.sent(30, 4)
    report = tracker.report()
    assert [one.stage for one in report.stages] == list(Stage)
    assert [one.latency.p99 for one in report.stages] == [100, 20, 30, 4]
    assert report.receive_to_decision.p99 == 120


@pytest.mark.parametrize("slowest", list(Stage))
def test_the_bottleneck_is_the_stage_with_the_longest_p99(slowest: Stage) -> None:
    tracker = LatencyTracker()
    tracker.decided(10, 10)
    tracker.sent(10, 10)
    tracker.of(slowest).add(11)
    assert tracker.report().bottleneck is slowest


def test_one_slow_sample_in_a_thousand_is_no_bottleneck() -> None:
    tracker = LatencyTracker()
    for _ in range(1_000):
        tracker.decided(10, 20)
    tracker.decided(5_000, 20)
    assert tracker.report().bottleneck is Stage.BOOK_TO_DECISION


def test_nothing_measured_has_no_bottleneck() -> None:
    assert LatencyTracker().report().bottleneck is None
