"""A market in the engine: its listing, its standing and its one book in YES terms.

A side keeps its levels by a key that grows towards the best: the price of a bid, the negated
price of an ask. A level keeps its orders in order of their time as a linked list, so that any of
them can leave at once.
"""

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

import msgspec

from polyarb.domain.ids import OrderId, TokenId
from polyarb.domain.plan import Side
from polyarb.domain.units import ONE
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.terms.instruments import ListedMarket, MarketStanding
from polyarb.venue.sandbox.terms.orders import BookLevels

if TYPE_CHECKING:
    from polyarb.venue.sandbox.exchange.orders import Order


class Level(msgspec.Struct, eq=False):
    """The orders at one price, oldest first. Units: total in micro-shares."""

    key: int
    total: int = 0
    first: "Order | None" = None
    last: "Order | None" = None


class BookSide(msgspec.Struct, kw_only=True, eq=False):
    """The bids or the asks of a book. Shape: keys ascending, the best last."""

    is_bid: bool
    keys: list[int] = []
    levels: dict[int, Level] = {}

    def add(self, order: "Order", key: int) -> Level:
        """Queue an order behind all others of its price."""
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(key)
            insort(self.keys, key)
        order.level = level
        order.before = level.last
        if level.last is None:
            level.first = order
        else:
            level.last.after = order
        level.last = order
        level.total += order.open
        return level

    def remove(self, order: "Order") -> Level:
        """Take an order out, with what is left of it."""
        level = order.level
        assert level is not None
        before, after = order.before, order.after
        if before is None:
            level.first = after
        else:
            before.after = after
        if after is None:
            level.last = before
        else:
            after.before = before
        order.level = order.before = order.after = None
        level.total -= order.open
        if level.first is None:
            del self.levels[level.key]
            if self.keys[-1] == level.key:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, level.key)]
        return level

    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Return price and size of every level, the best last."""
        return tuple((abs(key), self.levels[key].total) for key in self.keys)


class Market(msgspec.Struct, kw_only=True, eq=False):
    """One market while the venue runs. Shape: last_print is the YES price and the YES side.

    spender is the contract that settles it; units: tick in micros.
    """

    listed: ListedMarket
    spender: Address
    tick: int
    opened_ns: int
    changed_ns: int
    is_accepting: bool = True
    is_closed: bool = False
    payouts: tuple[int, int] | None = None
    resolved_ns: int = 0
    last_print: tuple[int, Side] | None = None
    held: "dict[OrderId, Order]" = {}
    bids: BookSide = msgspec.field(default_factory=lambda: BookSide(is_bid=True))
    asks: BookSide = msgspec.field(default_factory=lambda: BookSide(is_bid=False))

    def resting(self) -> "list[Order]":
        """Return every order in the book: bids, then asks, each from the best and oldest."""
        found = []
        for side in (self.bids, self.asks):
            for key in reversed(side.keys):
                order = side.levels[key].first
                while order is not None:
                    found.append(order)
                    order = order.after
        return found

    def standing(self) -> MarketStanding:
        """Return what changes in its life, as it is now."""
        return MarketStanding(
            tick=self.tick,
            is_accepting=self.is_accepting,
            is_closed=self.is_closed,
            payouts=self.payouts,
            opened_ns=self.opened_ns,
            resolved_ns=self.resolved_ns,
        )

    def printed(self, token_id: TokenId) -> tuple[int, Side] | None:
        """Return price and taker's side of the last trade in the terms of one of its tokens."""
        if self.last_print is None or token_id == self.listed.yes:
            return self.last_print
        price, side = self.last_print
        return ONE - price, Side.SELL if side is Side.BUY else Side.BUY

    def book(self, token_id: TokenId) -> BookLevels:
        """Return the book in the terms of one of its tokens: the NO book is the mirror."""
        bids, asks = self.bids.sizes(), self.asks.sizes()
        if token_id != self.listed.yes:
            bids, asks = _mirrored(asks), _mirrored(bids)
        last = self.printed(token_id)
        return BookLevels(
            condition_id=self.listed.condition_id,
            token_id=token_id,
            bids=bids,
            asks=asks,
            tick=self.tick,
            last_price=last[0] if last else None,
            changed_ns=self.changed_ns,
        )


def _mirrored(levels: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return tuple((ONE - price, size) for price, size in levels)
