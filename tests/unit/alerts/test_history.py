"""What is kept of samples: bounded, in order, and never of a metric that is not known."""

from math import inf

import pytest
from polyarb.alerts.history import KEEP_NS, SAMPLES_MAX, History, Sample, Series

S = 1_000_000_000


def sample(value: float | None, time_s: float, metric: str = "ws_connected") -> Sample:
    return Sample(metric=metric, value=value, time_ns=int(time_s * S))


def test_an_unknown_metric_or_label_is_refused() -> None:
    with pytest.raises(ValueError, match="a metric of the catalogue"):
        History().append(Sample(metric="nothing", value=1, time_ns=0))
    with pytest.raises(ValueError, match="no labels"):
        History().append(Sample(metric="ws_connected", value=1, time_ns=0, labels={"a": "b"}))
    with pytest.raises(ValueError, match="source"):
        History().append(Sample(metric="source_delay_ms", value=1, time_ns=0, labels={"a": "b"}))


def test_only_another_value_is_a_change() -> None:
    history = History()
    found = [
        history.append(sample(value, at)) for at, value in enumerate((None, 1, 1, 0, None, None, 0))
    ]
    assert found == [False, True, False, True, True, False, True]


def test_samples_are_kept_ten_minutes_or_as_long_as_a_rule_looks_back() -> None:
    history = History({"slo_missed": 3_600 * S})
    for at in range(4_000):
        history.append(sample(0, at))
        history.append(sample(0, at, "slo_missed"))
    short, long = history.find("ws_connected", ()), history.find("slo_missed", ())
    assert short is not None
    assert long is not None
    assert len(short) == KEEP_NS // S + 1
    assert len(long) == 3_601
    assert len(short.times) < 2.1 * len(short)


def test_a_series_is_bounded_whatever_the_rate() -> None:
    series = Series()
    for at in range(2 * SAMPLES_MAX):
        series.append(at, 1.0, KEEP_NS)
    assert len(series) == SAMPLES_MAX
    assert len(series.times) <= 2 * SAMPLES_MAX + 2


def test_a_late_sample_changes_nothing_and_one_of_the_same_time_replaces() -> None:
    series = Series()
    series.append(10, 1.0, KEEP_NS)
    series.append(9, 2.0, KEEP_NS)
    series.append(9, None, KEEP_NS)
    assert series.latest(10, None) == 1.0
    series.append(10, 3.0, KEEP_NS)
    assert series.values == [3.0]


def test_what_is_not_fresh_or_has_ended_is_not_there() -> None:
    series = Series()
    assert series.latest(0, None) is None
    assert series.age_ns(0) is None
    series.append(0, inf, KEEP_NS)
    assert series.latest(10 * S - 1_000_000, 10 * S) == inf
    assert series.latest(10 * S, 10 * S) is None
    assert series.age_ns(300 * S) == 300 * S
    assert series.age_ns(300 * S + 1) is None
    assert series.has_within(9 * S, 10 * S)
    assert not series.has_within(10 * S, 10 * S)
    series.append(1, None, KEEP_NS)
    assert series.latest(1, None) is None


def test_labels_name_a_series_whatever_their_order() -> None:
    history = History()
    history.append(Sample(metric="source_delay_ms", value=1, time_ns=0, labels={"source": "poll"}))
    assert history.label_sets("source_delay_ms") == ((("source", "poll"),),)
    assert history.find("source_delay_ms", ()) is None
