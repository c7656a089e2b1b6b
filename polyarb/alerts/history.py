"""The latest samples of every metric and set of labels. Times are those of a monotonic clock."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import msgspec

from polyarb.alerts.metrics import METRICS, SECOND_NS

KEEP_NS = 600 * SECOND_NS
"""How long samples are kept where no rule looks back further."""
SAMPLES_MAX = 65_536
"""The most samples of one series; the oldest go first."""
LOOKBACK_NS = 300 * SECOND_NS
"""How old the latest sample may be for its age to be known."""
BOUNDARY_NS = 1_000_000
"""A window of length w holds what is younger than w, that is by a millisecond at least."""

Labels = tuple[tuple[str, str], ...]
"""The labels of a series, in the order of their names."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement.

    Units: value in the metric's own, 0 or 1 for a flag, a state by its number; None ends the
    series. time_ns is the monotonic clock that rules are evaluated by.
    """

    metric: str
    value: float | None
    time_ns: int
    labels: dict[str, str] = {}


class Series:
    """The samples of one metric and one set of labels, oldest first."""

    __slots__ = ("_head", "ended", "times", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []
        self.ended = False
        self._head = 0

    def append(self, time_ns: int, value: float | None, keep_ns: int) -> None:
        """Take one sample; one that is older than the latest is late and changes nothing."""
        times, values = self.times, self.values
        if times and time_ns < times[-1]:
            return
        self.ended = value is None
        if value is None:
            return
        if times and time_ns == times[-1]:
            values[-1] = value
            return
        times.append(time_ns)
        values.append(value)
        head, oldest = self._head, time_ns - keep_ns
        while times[head] < oldest or len(times) - head > SAMPLES_MAX:
            head += 1
        if head > len(times) // 2:
            del times[:head], values[:head]
            head = 0
        self._head = head

    def latest(self, now_ns: int, fresh_ns: int | None) -> float | None:
        """Return the latest value if it is fresh enough; None of freshness is for ever."""
        if self.ended or not self.times:
            return None
        age_ns = now_ns - self.times[-1]
        if fresh_ns is not None and age_ns > fresh_ns - BOUNDARY_NS:
            return None
        return self.values[-1]

    def age_ns(self, now_ns: int) -> int | None:
        """Return how old the latest sample is, if it is still known."""
        if self.ended or not self.times or now_ns - self.times[-1] > LOOKBACK_NS:
            return None
        return max(0, now_ns - self.times[-1])

    def window(self, now_ns: int, window_ns: int) -> tuple[list[int], list[float]]:
        """Return the times and values of the last window_ns."""
        times = self.times
        first = bisect_left(times, now_ns - window_ns + BOUNDARY_NS, self._head)
        last = bisect_right(times, now_ns, first)
        return times[first:last], self.values[first:last]

    def has_within(self, now_ns: int, window_ns: int) -> bool:
        """Tell whether there is any sample in the last window_ns."""
        first = bisect_left(self.times, now_ns - window_ns + BOUNDARY_NS, self._head)
        return first < len(self.times) and self.times[first] <= now_ns

    def __len__(self) -> int:
        return len(self.times) - self._head


class History:
    """Every series, kept as long as somebody looks back.

    Shape: keep_ns maps a metric to the longest window that looks at it, KEEP_NS where shorter.
    """

    def __init__(self, keep_ns: Mapping[str, int] | None = None) -> None:
        wanted = keep_ns or {}
        self._keep_ns = {name: max(KEEP_NS, wanted.get(name, 0)) for name in METRICS}
        self._series: dict[str, dict[Labels, Series]] = {name: {} for name in METRICS}

    def append(self, sample: Sample) -> bool:
        """Take one sample; tell whether the value is another than before.

        Errors: ValueError for a metric or a label that is not in the catalogue.
        """
        metric = METRICS.get(sample.metric)
        if metric is None:
            raise ValueError(f"expected a metric of the catalogue, found {sample.metric}")
        if not sample.labels.keys() <= set(metric.labels):
            expected = ", ".join(metric.labels) or "no labels"
            raise ValueError(f"{sample.metric}: expected {expected}, found {sample.labels}")
        labels = tuple(sorted(sample.labels.items())) if sample.labels else ()
        lines = self._series[sample.metric]
        series = lines.get(labels)
        if series is None:
            if sample.value is None:
                return False
            series = lines[labels] = Series()
        before = None if series.ended or not series.values else series.values[-1]
        series.append(sample.time_ns, sample.value, self._keep_ns[sample.metric])
        return before != sample.value

    def find(self, metric: str, labels: Labels) -> Series | None:
        """Return one series."""
        return self._series[metric].get(labels)

    def label_sets(self, metric: str) -> tuple[Labels, ...]:
        """List the labels that a metric was seen with."""
        return tuple(self._series[metric])
