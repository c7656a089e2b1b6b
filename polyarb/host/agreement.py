"""Which of several measurements of one quantity agree, and what they say together. Pure.

Every measurement is a span that holds the truth if its source is right; sources that overlap in
one point agree, and only a majority is believed.
"""

from collections.abc import Sequence

import msgspec


class Span(msgspec.Struct, frozen=True):
    """Where a quantity lies according to one source, ends included. Shape: low <= high."""

    source: str
    low: int
    high: int

    @property
    def middle(self) -> int:
        """Return the middle."""
        return (self.low + self.high) // 2


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """The quantity and how far it may be off, by whom, and against whom.

    Shape: low to high is what the agreeing have in common.
    """

    value: int
    uncertainty: int
    low: int
    high: int
    agreeing: tuple[str, ...]
    outvoted: tuple[str, ...]


def agree(spans: Sequence[Span]) -> Agreed | None:
    """Believe the largest set of spans with a point in common; None unless it is a majority.

    The value is the median of the agreeing middles, moved into what they have in common, so that
    the truth is within the uncertainty if they are right.
    """
    if not spans:
        return None
    low, high = _densest(spans)
    agreeing = [span for span in spans if span.low <= low and span.high >= high]
    if 2 * len(agreeing) <= len(spans):
        return None
    value = min(max(_median([span.middle for span in agreeing]), low), high)
    return Agreed(
        value=value,
        uncertainty=max(high - value, value - low),
        low=low,
        high=high,
        agreeing=tuple(span.source for span in agreeing),
        outvoted=tuple(span.source for span in spans if span not in agreeing),
    )


def _densest(spans: Sequence[Span]) -> tuple[int, int]:
    """Find what the largest overlapping set has in common. Source: Marzullo 1984."""
    # A span begins before another one ends at the same point: touching is overlapping.
    edges = sorted([(span.low, 0) for span in spans] + [(span.high, 1) for span in spans])
    depth, deepest, found = 0, 0, (0, 0)
    for index, (point, is_end) in enumerate(edges):
        if is_end:
            depth -= 1
            continue
        depth += 1
        if depth > deepest:
            deepest = depth
            found = (point, next(end for end, kind in edges[index + 1 :] if kind))
    return found


def _median(values: Sequence[int]) -> int:
    ranked = sorted(values)
    half = len(ranked) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) // 2
