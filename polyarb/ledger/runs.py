"""Which runs of a journal count: of those that played one feed over one time only one does."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec


class RunSpan(msgspec.Struct, frozen=True, kw_only=True):
    """What one run played, and when by its feed. Units: ordinal from 1, unix nanoseconds."""

    ordinal: int
    feed: str
    started_ns: int
    ended_ns: int


def superseded(spans: Iterable[RunSpan]) -> dict[int, int]:
    """Say of every run that does not count which one does instead, by their ordinals.

    Of runs that played one feed over one time the longest counts, of equal ones the last.
    """
    counted: defaultdict[str, list[RunSpan]] = defaultdict(list)
    instead: dict[int, int] = {}
    for span in sorted(spans, key=lambda span: (span.started_ns - span.ended_ns, -span.ordinal)):
        others = counted[span.feed]
        better = next((other for other in others if _overlap(span, other)), None)
        if better is None:
            others.append(span)
        else:
            instead[span.ordinal] = better.ordinal
    return instead


def _overlap(span: RunSpan, other: RunSpan) -> bool:
    return span.started_ns < other.ended_ns and other.started_ns < span.ended_ns
