"""Which side of each leg's book a family takes, what a share of it gains and what an order is.

Levels are in the price of the leg's own token, best first. Taking bids means buying NO, or
selling YES after a split: the same trade, so the same gain.
"""

from functools import lru_cache
from typing import NamedTuple

from polyarb.domain.fees import FeeSchedule, net_ask, net_bid
from polyarb.domain.plan import Constraints, Family, Leg, Level, Outcome, PlannedOrder, Side
from polyarb.domain.units import MICRO, PICO, ceil_to, floor_to

FEE_TABLES_MAX = 256


class Take(NamedTuple):
    """How a leg is traded: the order, and whether it walks the bids of the leg."""

    outcome: Outcome
    side: Side
    is_bid: bool


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


def forget_gains() -> None:
    """Forget every net price, so that a measurement can begin as a program does."""
    _gain_table.cache_clear()


Track = tuple[int, Take, tuple[Level, ...], GainTable]
"""One side of one leg, ready to be walked: position, take, levels, gains.

A plain tuple, because sizing a hundred legs has less than a microsecond for each.
"""


Sides = tuple[list[Track], int]
"""The tracks of some legs and what a set of them gains at best prices, in picos."""


def tracks_of(legs: tuple[Leg, ...], takes: tuple[Take, ...]) -> Sides:
    """Look at every leg as its take walks it and add up what best prices gain, in picos a set.

    A leg whose side is empty is left out.
    """
    tracks = []
    edge = 0
    rate, exponent, is_bid = -1, 0, False
    for position, (leg, take) in enumerate(zip(legs, takes, strict=True)):
        fee = leg.fee
        if fee.rate != rate or fee.exponent != exponent or take[2] is not is_bid:
            rate, exponent, is_bid = fee.rate, fee.exponent, take[2]
            gains = _gain_table(rate, exponent, is_bid)
        levels = leg.bids if is_bid else leg.asks
        if levels:
            tracks.append((position, take, levels, gains))
            edge += gains[levels[0][0]]
    return tracks, edge


def edge_of(tracks: list[Track]) -> int:
    """Add up what best prices gain, in picos a set."""
    return sum([gains[levels[0][0]] for _, _, levels, gains in tracks])


def both_sides(legs: tuple[Leg, ...]) -> list[Track]:
    """Look at every leg as a buyer of YES and as a buyer of NO."""
    yes, _ = tracks_of(legs, (BUY_YES,) * len(legs))
    no, _ = tracks_of(legs, (BUY_NO,) * len(legs))
    return yes + no


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


def least_orders(tracks: list[Track], constraints: Constraints) -> list[int | None]:
    """Find the least whole-lot order of each track that meets both minima; None beyond depth.

    Units: micro-shares; never less than one lot.
    """
    floor = ceil_to(max(constraints.size_min, 1), constraints.lot)
    notional = constraints.notional_min * MICRO
    if not notional:
        lot = constraints.lot
        return [
            floor if track[2][0][1] >= floor else _least_order(track, floor, 0, lot)
            for track in tracks
        ]
    least: list[int | None] = []
    for track in tracks:
        price, size = track[2][0]
        traded = MICRO - price if track[1] is BUY_NO else price
        if size >= floor and traded * floor >= notional:
            least.append(floor)
        else:
            least.append(_least_order(track, floor, notional, constraints.lot))
    return least


def _least_order(track: Track, floor: int, notional: int, lot: int) -> int | None:
    """Walk the levels until the notional is reached."""
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
    return least if missing <= 0 and least <= depth else None


class Basket(NamedTuple):
    """The orders of a plan, their micro-shares and what they gain in all, in attos."""

    orders: tuple[PlannedOrder, ...]
    shares: int
    gain: int


def fill_basket(tracks: list[Track], shares: list[int], lot: int) -> Basket:
    """Walk every side for so many shares, or for the whole lots it holds if that is less.

    A track of which nothing is wanted gets no order. The loop is flat for speed.
    """
    orders = []
    shares_sum = gain_sum = 0
    last = None
    for (position, take, levels, gains), wanted in zip(tracks, shares, strict=True):
        if not wanted:
            continue
        price, size = levels[0]
        if wanted <= size:
            amount = wanted
            worth = price * wanted
            gain = gains[price] * wanted
        else:
            amount, worth, gain, price = _walk(levels, gains, wanted, lot)
        if take is not last:
            outcome, side, is_bid = last = take
            is_no = take is BUY_NO
        shares_sum += amount
        gain_sum += gain
        worth *= MICRO
        fee = worth - gain if is_bid else -worth - gain
        if is_no:
            price = MICRO - price
            worth = amount * PICO - worth
        orders.append(
            PlannedOrder(
                leg=position,
                outcome=outcome,
                side=side,
                price_limit=price,
                shares=amount,
                notional=worth,
                fee=fee,
            )
        )
    return Basket(tuple(orders), shares_sum, gain_sum)


def _walk(
    levels: tuple[Level, ...], gains: GainTable, wanted: int, lot: int
) -> tuple[int, int, int, int]:
    """Take shares level by level: how many, price x shares, gain x shares, the last price."""
    left = wanted
    worth = gain = 0
    for price, size in levels:
        if left <= size:
            return wanted, worth + price * left, gain + gains[price] * left, price
        worth += price * size
        gain += gains[price] * size
        left -= size
    return _walk(levels, gains, floor_to(wanted - left, lot), lot)
