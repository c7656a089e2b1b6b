"""Which side of each leg's book a family takes, what a share of it gains and what an order is.

Levels are in the price of the leg's own token, best first. Taking bids means buying NO, or
selling YES after a split: the same trade, so the same gain.
"""

from functools import lru_cache
from typing import NamedTuple

from polyarb.domain.fees import FeeSchedule, net_ask, net_bid
from polyarb.domain.plan import Constraints, Family, Leg, Level, Outcome, PlannedOrder, Side
from polyarb.domain.units import MICRO, ceil_to

FEE_TABLES_MAX = 256


class Take(NamedTuple):
    """How a leg is traded: the order, and whether it walks the bids of the leg."""

    outcome: Outcome
    side: Side
    is_bid: bool

    def price(self, price: int) -> int:
        """Return the price of the token that is traded at a level of the leg's own book."""
        return MICRO - price if self is BUY_NO else price


BUY_YES = Take(Outcome.YES, Side.BUY, is_bid=False)
BUY_NO = Take(Outcome.NO, Side.BUY, is_bid=True)
SELL_YES = Take(Outcome.YES, Side.SELL, is_bid=True)
BUY_OTHER = Take(Outcome.NO, Side.BUY, is_bid=False)
"""The second leg of `binary`: a NO token with a book of its own."""


class GainTable(dict[int, int]):
    """What one share adds to profit by price: the net bid, or the net ask below zero.

    Units: micros to picos of a USD. A memo of one fee and one side.
    """

    __slots__ = ("fee", "is_bid")

    def __init__(self, fee: FeeSchedule, is_bid: bool) -> None:
        super().__init__()
        self.fee = fee
        self.is_bid = is_bid

    def __missing__(self, price: int) -> int:
        gain = net_bid(price, self.fee) if self.is_bid else -net_ask(price, self.fee)
        self[price] = gain
        return gain


@lru_cache(maxsize=FEE_TABLES_MAX)
def _gain_table(rate: int, exponent: int, is_bid: bool) -> GainTable:
    return GainTable(FeeSchedule(rate=rate, exponent=exponent), is_bid)


class Track(NamedTuple):
    """One side of one leg, ready to be walked."""

    position: int
    take: Take
    levels: tuple[Level, ...]
    gains: GainTable


def track_of(position: int, leg: Leg, take: Take) -> Track:
    """Look at a leg as its take walks it."""
    fee = leg.fee
    levels = leg.bids if take.is_bid else leg.asks
    return Track(position, take, levels, _gain_table(fee.rate, fee.exponent, take.is_bid))


_EVERY_LEG = {
    Family.NEGRISK_YES: BUY_YES,
    Family.NEGRISK_NO: BUY_NO,
    Family.NEGRISK_SPLIT: SELL_YES,
}
_BY_LEG = {
    Family.BINARY: (BUY_YES, BUY_OTHER),
    Family.IMPLICATION: (BUY_YES, BUY_NO),
}


def takes_of(family: Family, legs_count: int) -> tuple[Take, ...]:
    """List how each leg of a family with one unknown is traded."""
    if family in _EVERY_LEG:
        return (_EVERY_LEG[family],) * legs_count
    return _BY_LEG[family]


def is_crossed(legs: tuple[Leg, ...]) -> bool:
    """Tell whether some leg's best bid is at or above its best ask."""
    for leg in legs:
        bids = leg.bids
        asks = leg.asks
        if bids and asks and bids[0][0] >= asks[0][0]:
            return True
    return False


def order_min(track: Track, constraints: Constraints) -> int | None:
    """Find the least whole-lot order that meets both minima; None when depth does not reach.

    Units: micro-shares; never less than one lot.
    """
    missing = constraints.notional_min * MICRO
    depth = reached = 0
    for price, size in track.levels:
        traded = track.take.price(price)
        if missing > 0:
            reached = depth + min(-(-missing // traded), size)
            missing -= traded * size
        depth += size
    least = ceil_to(max(constraints.size_min, reached, 1), constraints.lot)
    return least if missing <= 0 and least <= depth else None


def plan_order(track: Track, shares: int) -> PlannedOrder:
    """Walk a side for so many shares; they must be within its depth."""
    position, take, levels, gains = track
    price, size = levels[0]
    if shares <= size:
        worth = price * shares
        gain = gains[price] * shares
    else:
        left = shares
        worth = gain = 0
        for price, size in levels:
            amount = min(left, size)
            worth += price * amount
            gain += gains[price] * amount
            left -= amount
            if not left:
                break
        assert not left, "an order may not be larger than its depth"
    worth *= MICRO
    is_no = take is BUY_NO
    return PlannedOrder(
        leg=position,
        outcome=take.outcome,
        side=take.side,
        price_limit=MICRO - price if is_no else price,
        shares=shares,
        notional=shares * MICRO * MICRO - worth if is_no else worth,
        fee=worth - gain if take.is_bid else -worth - gain,
    )
