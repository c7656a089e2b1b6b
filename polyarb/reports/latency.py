"""How long a frame took from its receipt to its decision, run by run."""

from collections.abc import Sequence

import msgspec

from polyarb.domain.messages import FeedMeasured


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The percentiles of the slowest run; None: no run measured them.

    Percentiles of several runs cannot be added, so the worst of each is told.
    Units: nanoseconds.
    """

    runs: int
    p50: int | None
    p95: int | None
    p99: int | None


def read_latency(measured: Sequence[FeedMeasured]) -> Latency:
    """Read the latency of runs from their last measurement."""
    return Latency(
        runs=sum(one.latency_ns_p95 is not None for one in measured),
        p50=_worst([one.latency_ns_p50 for one in measured]),
        p95=_worst([one.latency_ns_p95 for one in measured]),
        p99=_worst([one.latency_ns_p99 for one in measured]),
    )


def _worst(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
