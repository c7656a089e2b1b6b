"""The sides of a set in columns, one entry a leg, with what their best levels hold and gain.

Most legs of a large set need no more than their best level, which columns answer at once; only
the legs that go deeper are walked.
"""

from collections.abc import Iterator, Sequence

import msgspec

from polyarb.domain.plan import Family, Leg, Level, PlannedOrder
from polyarb.domain.units import MICRO, PICO
from polyarb.engine.size.orders import Basket, walk
from polyarb.engine.size.sides import (
    BUY_NO,
    EVERY_LEG,
    GainTable,
    Take,
    Track,
    gain_table,
    takes_of,
    tracks_of,
)


class Columns(msgspec.Struct, frozen=True):
    """The sides of the legs that have depth; prices, sizes and gains are those of best levels.

    Units: micros, micro-shares, picos a share; edge is what a set gains at best prices, in picos.
    """

    positions: Sequence[int]
    takes: Sequence[Take]
    levels: Sequence[tuple[Level, ...]]
    tables: Sequence[GainTable]
    prices: Sequence[int]
    sizes: Sequence[int]
    gains: Sequence[int]
    edge: int

    def rows(self) -> Iterator[tuple[int, Take, tuple[Level, ...], GainTable, int, int, int]]:
        """Read the entries one by one: a track and its best level with the gain."""
        return zip(
            self.positions,
            self.takes,
            self.levels,
            self.tables,
            self.prices,
            self.sizes,
            self.gains,
            strict=True,
        )

    def tracks(self) -> list[Track]:
        """List the sides one by one."""
        return list(zip(self.positions, self.takes, self.levels, self.tables, strict=True))


def columns_of(family: Family, legs: tuple[Leg, ...]) -> Columns:
    """Look at every leg as the family takes it; a leg whose side is empty is left out.

    Every leg of a large set is taken alike and nearly always has the same fee.
    """
    take = EVERY_LEG.get(family)
    if take is not None:
        levels = [leg.bids for leg in legs] if take.is_bid else [leg.asks for leg in legs]
        fees = [leg.fee for leg in legs]
        if all(levels) and fees.count(fees[0]) == len(fees):
            count, table = len(levels), gain_table(fees[0], take.is_bid)
            prices, sizes = zip(*[side[0] for side in levels], strict=True)
            gains = list(map(table.__getitem__, prices))
            takes, tables = [take] * count, [table] * count
            return Columns(range(count), takes, levels, tables, prices, sizes, gains, sum(gains))
    return columns_from(tracks_of(legs, takes_of(family, len(legs))))


def columns_from(tracks: Sequence[Track]) -> Columns:
    """Put sides beside each other."""
    best = [levels[0] for _, _, levels, _ in tracks]
    prices = [price for price, _ in best]
    gains = [track[3][price] for track, price in zip(tracks, prices, strict=True)]
    return Columns(
        [position for position, _, _, _ in tracks],
        [take for _, take, _, _ in tracks],
        [levels for _, _, levels, _ in tracks],
        [gains for _, _, _, gains in tracks],
        prices,
        [size for _, size in best],
        gains,
        sum(gains),
    )


def fill_columns(columns: Columns, quantity: int, lot: int) -> Basket:
    """Order a quantity on every side; what best levels suffice for is written out for speed."""
    scaled = quantity * MICRO
    shares_sum = gain_sum = 0
    orders = []
    known = None
    for position, take, levels, gains, price, size, gain in columns.rows():
        if quantity <= size:
            shares, last, worth, gained = quantity, price, price * scaled, gain * quantity
        else:
            shares, last, worth, gained = walk(levels, gains, quantity, lot)
        shares_sum += shares
        gain_sum += gained
        if take is not known:
            known, is_no = take, take is BUY_NO
            outcome, side, is_bid = take.outcome, take.side, take.is_bid
        orders.append(
            PlannedOrder(
                leg=position,
                outcome=outcome,
                side=side,
                price_limit=MICRO - last if is_no else last,
                shares=shares,
                notional=shares * PICO - worth if is_no else worth,
                fee=(worth if is_bid else -worth) - gained,
            )
        )
    return Basket(orders, shares_sum, gain_sum)
