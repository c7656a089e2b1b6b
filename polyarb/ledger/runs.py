"""Which runs of a journal count: of those that played one feed over one time only one does."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from polyarb.domain.messages import RunStarted
from polyarb.domain.venue import POLYMARKET, TAPE


class RunSpan(msgspec.Struct, frozen=True, kw_only=True):
    """What one run played, where, and when by its feed. Units: ordinal from 1, unix nanoseconds."""

    ordinal: int
    feed: str
    venue: str = ""
    started_ns: int
    ended_ns: int


def venue_of(started: RunStarted) -> str:
    """Name the venue of a run.

    Older records name none: there was one venue then, and a run on it recorded its frames under
    its own name; every other one played a tape.
    """
    if started.venue:
        return started.venue
    return POLYMARKET if started.feed.endswith(started.run_id) else TAPE


def superseded(spans: Iterable[RunSpan]) -> dict[int, int]:
    """Say of every run that does not count which one does instead, by their ordinals.

    Of runs that played one feed over one time the longest counts, of equal ones the last; but
    never a tape instead of the run that recorded it: that one was on the venue.
    """
    counted: defaultdict[str, list[RunSpan]] = defaultdict(list)
    instead: dict[int, int] = {}
    for span in sorted(spans, key=_precedence):
        others = counted[span.feed]
        better = next((other for other in others if _overlap(span, other)), None)
        if better is None:
            others.append(span)
        else:
            instead[span.ordinal] = better.ordinal
    return instead


def _precedence(span: RunSpan) -> tuple[bool, int, int]:
    return span.venue == TAPE, span.started_ns - span.ended_ns, -span.ordinal


def _overlap(span: RunSpan, other: RunSpan) -> bool:
    return span.started_ns < other.ended_ns and other.started_ns < span.ended_ns
