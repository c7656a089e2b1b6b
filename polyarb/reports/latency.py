"""How long a frame took from its receipt to its decision and on, stage by stage, run by run."""

from collections.abc import Sequence

import msgspec

from polyarb.domain.measures import FeedMeasured

WHOLE = "receive to decision"
"""The name under which a runner tells the way as a whole; it is no stage of its own."""
STAGES: tuple[str, ...] = (
    "receive to book",
    "book to decision",
    "decision to journal",
    "journal to command",
)
"""Every stage that a runner may measure, in the order in which a frame passes them."""


class StageLatency(msgspec.Struct, frozen=True, kw_only=True):
    """One stage in the worst run of each percentile; n counts the samples of all runs.

    Units: nanoseconds; None was not measured.
    """

    stage: str
    n: int
    p50: int | None
    p95: int | None
    p99: int | None


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The percentiles of the slowest run; None: no run measured them.

    Percentiles of several runs cannot be added, so the worst of each is told. bottleneck is the
    stage with the longest p99.
    Units: nanoseconds.
    """

    runs: int
    p50: int | None
    p95: int | None
    p99: int | None
    stages: tuple[StageLatency, ...]
    bottleneck: str | None


def read_latency(measured: Sequence[FeedMeasured]) -> Latency:
    """Read the latency of runs from their last measurement."""
    stages = tuple(_stage(name, measured) for name in (*STAGES, WHOLE))
    known = [(one.p99, one.stage) for one in stages if one.p99 is not None and one.stage != WHOLE]
    return Latency(
        runs=sum(one.latency_ns_p95 is not None for one in measured),
        p50=_worst([one.latency_ns_p50 for one in measured]),
        p95=_worst([one.latency_ns_p95 for one in measured]),
        p99=_worst([one.latency_ns_p99 for one in measured]),
        stages=stages,
        bottleneck=max(known, key=lambda pair: pair[0])[1] if known else None,
    )


def _stage(name: str, measured: Sequence[FeedMeasured]) -> StageLatency:
    found = [one.stages[name] for one in measured if name in one.stages]
    return StageLatency(
        stage=name,
        n=sum(one.n for one in found),
        p50=_worst([one.p50 for one in found]),
        p95=_worst([one.p95 for one in found]),
        p99=_worst([one.p99 for one in found]),
    )


def _worst(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
