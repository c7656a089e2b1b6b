"""How far the venue's clock is from ours, from round trips to it. Pure.

The venue tells whole seconds: each answer only bounds the offset, and answers at different moments
of the second narrow the bounds, the quickest ones most.
"""

from collections.abc import Sequence

import msgspec

from polyarb.host.agreement import Agreed, Span, agree

WHOLE_SECOND_MS = 1_000
_NS_PER_MS = 1_000_000


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """One question for the time. Units: sent in unix ns, elapsed in ns, told in unix ms."""

    sent_ns: int
    elapsed_ns: int
    told_ms: int


class VenueOffset(msgspec.Struct, frozen=True, kw_only=True):
    """What must be added to our clock to get the venue's. Units: ns."""

    offset_ns: int
    uncertainty_ns: int
    round_trip_ns_min: int
    asked: int
    outvoted: int


def venue_offset(trips: Sequence[RoundTrip]) -> VenueOffset | None:
    """Combine round trips; None when there is none or no majority of them agrees."""
    unit_ms = 1 if any(trip.told_ms % WHOLE_SECOND_MS for trip in trips) else WHOLE_SECOND_MS
    agreed: Agreed | None = agree([_bounds(trip, unit_ms * _NS_PER_MS) for trip in trips])
    if agreed is None:
        return None
    offset_ns = (agreed.low + agreed.high) // 2
    return VenueOffset(
        offset_ns=offset_ns,
        uncertainty_ns=max(agreed.high - offset_ns, offset_ns - agreed.low),
        round_trip_ns_min=min(trip.elapsed_ns for trip in trips),
        asked=len(trips),
        outvoted=len(agreed.outvoted),
    )


def _bounds(trip: RoundTrip, unit_ns: int) -> Span:
    """Bound the offset: the clock was read after the question left and before the answer came."""
    told_ns = trip.told_ms * _NS_PER_MS
    return Span("", told_ns - trip.sent_ns - trip.elapsed_ns, told_ns + unit_ns - trip.sent_ns)
