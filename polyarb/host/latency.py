"""How long each stage of a decision takes: bounded memory, percentiles, the slowest stage.

Samples are counted in buckets that grow with the value, so that a percentile is never told too
short and at most one part in 128 too long. Units: nanoseconds.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

SLICES = 8
SLICE_SAMPLES = 8_192
"""The window is the last seven slices and the one being filled."""
_EXACT_BITS = 8
_EXACT = 1 << _EXACT_BITS
"""Below it every value has a bucket of its own; from it on each doubling has half as many."""


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Nearest-rank percentiles and the maximum of the window; None without a sample."""

    n: int
    p50: int | None
    p95: int | None
    p99: int | None
    maximum: int | None = None


class LatencyRecorder:
    """Counts the latest samples of one stage."""

    def __init__(self, slice_samples: int = SLICE_SAMPLES) -> None:
        self._slice_samples = slice_samples
        self._finished: deque[_Slice] = deque(maxlen=SLICES - 1)
        self._counts: dict[int, int] = defaultdict(int)
        self._maximum = 0
        self._left = slice_samples
        # What the finished slices hold together, until one more is finished.
        self._merged: dict[int, int] | None = None

    def add(self, nanoseconds: int) -> None:
        """Take one sample; a clock that went back makes it nothing."""
        if nanoseconds < _EXACT:
            self._counts[nanoseconds if nanoseconds > 0 else 0] += 1
        else:
            shift = nanoseconds.bit_length() - _EXACT_BITS
            self._counts[(shift << _EXACT_BITS) + (nanoseconds >> shift)] += 1
        if nanoseconds > self._maximum:
            self._maximum = nanoseconds
        self._left -= 1
        if not self._left:
            self._finished.append(_Slice(self._counts, self._maximum, self._slice_samples))
            self._begin()

    def percentiles(self) -> Percentiles:
        """Compute the percentiles of the window."""
        n = sum(one.n for one in self._finished) + self._slice_samples - self._left
        if not n:
            return Percentiles(n=0, p50=None, p95=None, p99=None)
        if self._merged is None:
            self._merged = _merge(one.counts for one in self._finished)
        counts = _merge((self._merged, self._counts))
        maximum = max([self._maximum, *(one.maximum for one in self._finished)])
        p50, p95, p99 = (min(value, maximum) for value in _ranked(counts, n, (50, 95, 99)))
        return Percentiles(n=n, p50=p50, p95=p95, p99=p99, maximum=maximum)

    def _begin(self) -> None:
        self._counts = defaultdict(int)
        self._maximum = 0
        self._left = self._slice_samples
        self._merged = None


class _Slice(msgspec.Struct, frozen=True):
    counts: dict[int, int]
    maximum: int
    n: int


def _merge(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    for part in parts:
        for bucket, count in part.items():
            counts[bucket] += count
    return counts


def _ranked(counts: Mapping[int, int], n: int, percents: tuple[int, ...]) -> list[int]:
    """Walk the buckets upwards to the rank of each percentile; rising percents."""
    found: list[int] = []
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        while len(found) < len(percents) and seen >= -(-n * percents[len(found)] // 100):
            found.append(_top(bucket))
    return found


def _top(bucket: int) -> int:
    """Return the largest value of a bucket."""
    shift, value = divmod(bucket, _EXACT)
    return (value + 1 << shift) - 1


class Stage(StrEnum):
    """A part of the way from a frame to a command, in the order it is gone."""

    RECEIVE_TO_BOOK = "receive to book"
    BOOK_TO_DECISION = "book to decision"
    DECISION_TO_JOURNAL = "decision to journal"
    JOURNAL_TO_COMMAND = "journal to command"


class StageLatency(msgspec.Struct, frozen=True, kw_only=True):
    """One stage in figures."""

    stage: Stage
    latency: Percentiles


class LatencyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Every stage, receipt to decision as a whole, and the stage with the longest p99, if any."""

    stages: tuple[StageLatency, ...]
    receive_to_decision: Percentiles
    bottleneck: Stage | None


class LatencyTracker:
    """One recorder a stage; `decided` and `sent` are what a runner calls."""

    def __init__(self) -> None:
        self._stages = {stage: LatencyRecorder() for stage in Stage}
        self._receive_to_decision = LatencyRecorder()
        self._add_wait = self._stages[Stage.RECEIVE_TO_BOOK].add
        self._add_work = self._stages[Stage.BOOK_TO_DECISION].add
        self._add_whole = self._receive_to_decision.add
        self._add_journal = self._stages[Stage.DECISION_TO_JOURNAL].add
        self._add_send = self._stages[Stage.JOURNAL_TO_COMMAND].add

    def decided(self, waited_ns: int, worked_ns: int) -> None:
        """Take one frame: from receipt until the engine had it, then until the engine was done."""
        self._add_wait(waited_ns)
        self._add_work(worked_ns)
        self._add_whole(waited_ns + worked_ns)

    def sent(self, journal_ns: int, send_ns: int) -> None:
        """Take one batch of commands: until it was durable, then until it was handed over."""
        self._add_journal(journal_ns)
        self._add_send(send_ns)

    def of(self, stage: Stage) -> LatencyRecorder:
        """Return the recorder of one stage."""
        return self._stages[stage]

    def report(self) -> LatencyReport:
        """Compute every percentile and name the bottleneck."""
        stages = tuple(
            StageLatency(stage=stage, latency=recorder.percentiles())
            for stage, recorder in self._stages.items()
        )
        known = [(one.latency.p99, one.stage) for one in stages if one.latency.p99 is not None]
        return LatencyReport(
            stages=stages,
            receive_to_decision=self._receive_to_decision.percentiles(),
            bottleneck=max(known, key=lambda pair: pair[0])[1] if known else None,
        )
