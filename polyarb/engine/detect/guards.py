"""Why an inequality that seems to hold must not be traded: the named guards, in order."""

from collections.abc import Callable
from dataclasses import dataclass

from polyarb.domain.book import BookStatus
from polyarb.domain.limits import Guards
from polyarb.domain.market import Catalogue, Untradable
from polyarb.domain.plan import Family
from polyarb.domain.reasons import Guard
from polyarb.engine.state import Ladder, Watch

MS = 1_000_000
"""Nanoseconds in a millisecond."""

_STATUS_GUARD = {
    BookStatus.EMPTY: Guard.INCOMPLETE,
    BookStatus.STALE: Guard.STALE,
    BookStatus.GAPPED: Guard.GAPPED,
    BookStatus.CROSSED: Guard.CROSSED_BOOK,
}


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation of a watch for a family. Units: edge_net in picos a set, None unknown."""

    watch: Watch
    family: Family
    edge_net: int | None
    catalogue: Catalogue
    limits: Guards

    def legs(self) -> list[Ladder]:
        """List the books that the family needs."""
        return legs_of(self.watch, self.family)


def legs_of(watch: Watch, family: Family) -> list[Ladder]:
    """List the books an order could be sent for: on the NO side those with a settled bid."""
    if family is Family.NEGRISK_NO:
        pairs = zip(watch.ladders, watch.bids, strict=True)
        return [ladder for ladder, bid in pairs if bid]
    return watch.ladders


def guard(look: Look) -> str | None:
    """Name the first guard that refuses a look, or None."""
    for test in GUARDS:
        reason = test(look)
        if reason is not None:
            return reason
    return None


def is_live(look: Look) -> str | None:
    """Refuse a leg whose book may not be decided on."""
    for ladder in look.legs():
        if ladder.status is not BookStatus.LIVE:
            return _STATUS_GUARD[ladder.status]
    return None


def is_complete(look: Look) -> str | None:
    """Refuse a YES set of which an outcome has no ask."""
    if look.family is Family.NEGRISK_YES and look.watch.missing_asks:
        return Guard.INCOMPLETE
    return None


def is_settled(look: Look) -> str | None:
    """Refuse a leg whose venue timestamp is not over."""
    if any(ladder.unsettled for ladder in look.legs()):
        return Guard.UNSETTLED
    return None


def is_exhaustive(look: Look) -> str | None:
    """Refuse a YES set that is not proven to hold every outcome."""
    if look.family is Family.NEGRISK_YES and look.watch.gap:
        return Guard.NON_EXHAUSTIVE
    return None


def is_worth(look: Look) -> str | None:
    """Refuse an edge that the fees eat, or whose fees are not known."""
    if look.edge_net is None:
        return Untradable.UNKNOWN_FEE
    return Guard.AFTER_FEES if look.edge_net <= 0 else None


def is_tradable(look: Look) -> str | None:
    """Refuse a leg with an unknown fact, that accepts no orders, or with prices off its tick."""
    for ladder in look.legs():
        reason = ladder.market.untradable()
        if reason is not None:
            return reason
        if ladder.is_off_tick:
            return Guard.OFF_TICK
    return None


def is_convertible(look: Look) -> str | None:
    """Refuse a conversion whose fee is unknown or not zero."""
    if look.family is not Family.NEGRISK_NO:
        return None
    group_id = look.watch.ladders[0].market.group_id
    group = look.catalogue.groups.get(group_id) if group_id else None
    if group is None or group.convert_fee_bips != 0:
        return Guard.CONVERT_FEE
    return None


def is_fresh(look: Look) -> str | None:
    """Refuse a leg whose last message came late, and legs that came unevenly late."""
    lags = [ladder.receive_time_ns - ladder.venue_time_ns for ladder in look.legs()]
    if max(lags) > look.limits.lag_ms_max * MS:
        return Guard.STALE
    if max(lags) - min(lags) > look.limits.skew_ms_max * MS:
        return Guard.SKEWED
    return None


GUARDS: tuple[Callable[[Look], str | None], ...] = (
    is_live,
    is_complete,
    is_settled,
    is_exhaustive,
    is_worth,
    is_tradable,
    is_convertible,
    is_fresh,
)
"""In the order in which a census counts: what is no book first, then what is no edge."""
