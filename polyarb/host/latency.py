"""Latency samples and their percentiles."""

from collections import deque

import msgspec

SAMPLES_MAX = 8_192


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Nearest-rank percentiles in nanoseconds; None without a sample."""

    n: int
    p50: int | None
    p95: int | None
    p99: int | None


class LatencyRecorder:
    """Keeps the latest samples. Units: nanoseconds."""

    def __init__(self) -> None:
        self._samples: deque[int] = deque(maxlen=SAMPLES_MAX)

    def add(self, nanoseconds: int) -> None:
        """Take one sample."""
        self._samples.append(nanoseconds)

    def percentiles(self) -> Percentiles:
        """Compute the percentiles of the samples kept."""
        ranked = sorted(self._samples)
        return Percentiles(
            n=len(ranked), p50=_rank(ranked, 50), p95=_rank(ranked, 95), p99=_rank(ranked, 99)
        )


def _rank(ranked: list[int], percent: int) -> int | None:
    if not ranked:
        return None
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]
