"""Which side of each leg's book a family takes, and what a share of it gains.

Levels are in the price of the leg's own token, best first. Taking bids means buying NO, or
selling YES after a split: the same trade, so the same gain.
"""

from functools import lru_cache

import msgspec

from polyarb.domain.fees import FeeSchedule, net_ask, net_bid
from polyarb.domain.plan import Family, Leg, Level, Outcome, Side

FEE_TABLES_MAX = 256


class Take(msgspec.Struct, frozen=True, gc=False):
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


gain_table = lru_cache(maxsize=FEE_TABLES_MAX)(GainTable)
"""The memo of a fee and a side, shared by all legs that have them."""


def forget_gains() -> None:
    """Forget every net price, so that a measurement can begin as a program does."""
    gain_table.cache_clear()


Track = tuple[int, Take, tuple[Level, ...], GainTable]
"""One side of one leg, ready to be walked: position, take, levels, gains.

A plain tuple, because sizing a hundred legs has less than a microsecond for each.
"""


def tracks_of(legs: tuple[Leg, ...], takes: tuple[Take, ...]) -> list[Track]:
    """Look at every leg as its take walks it; a leg whose side is empty is left out."""
    tracks = []
    for position, (leg, take) in enumerate(zip(legs, takes, strict=True)):
        levels = leg.bids if take.is_bid else leg.asks
        if levels:
            tracks.append((position, take, levels, gain_table(leg.fee, take.is_bid)))
    return tracks


def both_sides(legs: tuple[Leg, ...]) -> list[Track]:
    """Look at every leg as a buyer of YES and as a buyer of NO."""
    return tracks_of(legs, (BUY_YES,) * len(legs)) + tracks_of(legs, (BUY_NO,) * len(legs))


EVERY_LEG = {
    Family.NEGRISK_YES: BUY_YES,
    Family.NEGRISK_NO: BUY_NO,
    Family.NEGRISK_SPLIT: SELL_YES,
}
BY_LEG = {
    Family.BINARY: (BUY_YES, BUY_OTHER),
    Family.IMPLICATION: (BUY_YES, BUY_NO),
}


def takes_of(family: Family, legs_count: int) -> tuple[Take, ...]:
    """List how each leg of a family with one unknown is traded."""
    if family in EVERY_LEG:
        return (EVERY_LEG[family],) * legs_count
    return BY_LEG[family]


def is_crossed(legs: tuple[Leg, ...]) -> bool:
    """Tell whether some leg's best bid is at or above its best ask."""
    for leg in legs:
        bids = leg.bids
        asks = leg.asks
        if bids and asks and bids[0][0] >= asks[0][0]:
            return True
    return False
