"""From shares of a side to its order: the walk over levels, and the least order minima allow."""

from collections.abc import Iterable, Sequence

import msgspec

from polyarb.domain.plan import Constraints, Level, PlannedOrder
from polyarb.domain.units import MICRO, PICO, ceil_to, floor_to
from polyarb.engine.size.sides import BUY_NO, GainTable, Take, Track

Walk = tuple[int, int, int, int]
"""What is taken of a side: shares, the last price, price x shares and the gain, both in attos."""


class Basket(msgspec.Struct, frozen=True):
    """The orders of a plan, their micro-shares and what they gain in all, in attos."""

    orders: Sequence[PlannedOrder]
    shares: int
    gain: int


def walk(levels: tuple[Level, ...], gains: GainTable, wanted: int, lot: int) -> Walk:
    """Take shares level by level, or the whole lots that the side holds if that is less."""
    left = wanted
    worth = gain = 0
    for price, size in levels:
        if left <= size:
            worth += price * left
            return wanted, price, worth * MICRO, gain + gains[price] * left
        worth += price * size
        gain += gains[price] * size
        left -= size
    return walk(levels, gains, floor_to(wanted - left, lot), lot)


def write_order(position: int, take: Take, walked: Walk) -> PlannedOrder:
    """Write the order of a walk; a NO costs what is left of a dollar."""
    shares, price, notional, gain = walked
    fee = (notional if take.is_bid else -notional) - gain
    if take is BUY_NO:
        price, notional = MICRO - price, shares * PICO - notional
    return PlannedOrder(
        leg=position,
        outcome=take.outcome,
        side=take.side,
        price_limit=price,
        shares=shares,
        notional=notional,
        fee=fee,
    )


def fill_basket(tracks: Iterable[Track], wanted: Iterable[int], lot: int) -> Basket:
    """Walk every side for so many shares; one of which nothing is wanted gets no order."""
    orders = []
    shares = gain = 0
    for (position, take, levels, gains), amount in zip(tracks, wanted, strict=True):
        if amount:
            walked = walk(levels, gains, amount, lot)
            shares += walked[0]
            gain += walked[3]
            orders.append(write_order(position, take, walked))
    return Basket(tuple(orders), shares, gain)


def least_orders(tracks: list[Track], constraints: Constraints) -> list[int | None]:
    """Find the least whole-lot order of each track that meets both minima; None beyond depth.

    Units: micro-shares; never less than one lot.
    """
    floor = order_floor(constraints)
    notional = constraints.notional_min * MICRO
    return [_least_order(track, floor, notional, constraints.lot) for track in tracks]


def order_floor(constraints: Constraints) -> int:
    """Compute the least whole-lot order that the minimum of shares alone allows."""
    return ceil_to(max(constraints.size_min, 1), constraints.lot)


def _least_order(track: Track, floor: int, notional: int, lot: int) -> int | None:
    """Walk the levels until both minima are reached."""
    _, take, levels, _ = track
    missing = notional
    depth = reached = 0
    for price, size in levels:
        traded = MICRO - price if take is BUY_NO else price
        if missing > 0:
            reached = depth + min(-(-missing // traded), size)
            missing -= traded * size
        depth += size
        least = max(floor, ceil_to(reached, lot))
        if missing <= 0 and least <= depth:
            return least
    return None
