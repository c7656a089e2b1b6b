"""How one simulated order meets the one book of its market, all prices of a level in YES terms.

Buying YES and selling NO take asks, selling YES and buying NO take bids: a YES bid at p is a NO
ask at 1 - p.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.book import Depth
from polyarb.domain.fees import FeeSchedule, fee_floor5
from polyarb.domain.ids import ConditionId
from polyarb.domain.market import Catalogue, Market, mirror
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Level, Outcome, Side
from polyarb.domain.units import PICO, Price, Shares, cost_up, proceeds_down
from polyarb.domain.venue import VenueMode
from polyarb.ports import Books
from polyarb.venue.shadow.consumption import Consumption, Taker

NOTIONAL_MIN = PICO
"""Least notional of a marketable BUY at its limit, in picos: $1. Source: venue order limits."""


class KillReason(StrEnum):
    """Why an order, or the rest of one, was not matched."""

    BELOW_MINIMUM = "BELOW_MINIMUM"
    VENUE_RESTRICTED = "VENUE_RESTRICTED"
    BOOK_NOT_LIVE = "BOOK_NOT_LIVE"
    NO_DEPTH = "NO_DEPTH"
    PRICE_MOVED = "PRICE_MOVED"
    ALREADY_TAKEN = "ALREADY_TAKEN"
    CANCELED = "CANCELED"
    VOID_AFTER_CRASH = "VOID_AFTER_CRASH"


class Taking(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to trade at a limit or better, at once.

    Units: price_limit in micros of the token that is traded, shares in micro-shares.
    """

    condition_id: ConditionId
    outcome: Outcome
    side: Side
    price_limit: int
    shares: int

    @property
    def takes_bids(self) -> bool:
        """Tell which side of the YES book it takes."""
        return (self.side is Side.SELL) is (self.outcome is Outcome.YES)

    def own_price(self, level_price: int) -> int:
        """Turn the price of a level of the YES book into that of the token that is traded."""
        return level_price if self.outcome is Outcome.YES else mirror(level_price)

    def accepts(self, level_price: int) -> bool:
        """Tell whether a level is at the limit or better."""
        own = self.own_price(level_price)
        return own <= self.price_limit if self.side is Side.BUY else own >= self.price_limit


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """What a taking got.

    Shape: takes are levels of the YES book, best first; reason says why a rest remained.
    Units: shares in micro-shares; notional, fee and cash (what it brought, less than zero where
    it cost) in micros of a USD, rounded against us.
    """

    takes: tuple[Level, ...] = ()
    shares: int = 0
    notional: int = 0
    fee: int = 0
    cash: int = 0
    reason: KillReason | None = None


NOTHING = Fill()


def taking_of(order: OrderIntent) -> Taking:
    """Read what an order wishes for."""
    return Taking(
        condition_id=order.condition_id,
        outcome=order.outcome,
        side=order.side,
        price_limit=order.price_limit,
        shares=order.shares,
    )


def sale_of(order: OrderIntent, shares: int) -> Taking:
    """Wish to sell shares of an order's token at any price."""
    return Taking(
        condition_id=order.condition_id,
        outcome=order.outcome,
        side=Side.SELL,
        price_limit=0,
        shares=shares,
    )


def is_below_minimum(order: OrderIntent, market: Market) -> bool:
    """Tell whether the venue would refuse an order for its size, whatever the book says."""
    if order.shares < (market.size_min or 0):
        return True
    return order.side is Side.BUY and order.price_limit * order.shares < NOTIONAL_MIN


def settle_price(taking: Taking, takes: tuple[Level, ...], fee: FeeSchedule) -> Fill:
    """Compute the money of levels taken: one fee a level, one rounding an order."""
    picos = sum(taking.own_price(price) * size for price, size in takes)
    charge = sum(fee_floor5(Price(price), Shares(size), fee) for price, size in takes)
    is_buy = taking.side is Side.BUY
    notional = cost_up(picos, PICO) if is_buy else proceeds_down(picos, PICO)
    return Fill(
        takes=takes,
        shares=sum(size for _, size in takes),
        notional=notional,
        fee=charge,
        cash=-notional - charge if is_buy else notional - charge,
    )


class Counterparty:
    """The live books less what was already taken from them."""

    def __init__(self, books: Books, catalogue: Catalogue) -> None:
        self._books = books
        self._markets = catalogue.markets
        self.consumption = Consumption()

    def market(self, condition_id: ConditionId) -> Market:
        """Return a market as it is known now; an order for another is a programmer's error."""
        found = self.find(condition_id)
        assert found is not None, condition_id
        return found

    def find(self, condition_id: ConditionId) -> Market | None:
        """Return a market as it is known now; what an earlier run left may be in one that left."""
        return self._books.market(condition_id) or self._markets.get(condition_id)

    @property
    def is_open(self) -> bool:
        """Tell whether the venue matches orders that take at this moment."""
        return self._books.venue_mode is VenueMode.OK

    def is_live(self, condition_id: ConditionId) -> bool:
        """Tell whether a book may be matched against at this moment."""
        return self._books.depth(condition_id) is not None

    def take(self, taker: Taker, taking: Taking, ceiling: Fill | None = None) -> Fill:
        """Match a taking at this moment, as far as it goes, and remember what it took.

        With a ceiling no level gives more than it gave there.
        """
        if not self.is_open:
            return Fill(reason=KillReason.VENUE_RESTRICTED)
        depth = self._books.depth(taking.condition_id)
        if depth is None:
            return Fill(reason=KillReason.BOOK_NOT_LIVE)
        displayed = _acceptable(taking, depth)
        free = self._free(taker, taking, displayed)
        if ceiling is not None:
            most = dict(ceiling.takes)
            free = [
                min(size, most.get(price, 0))
                for size, (price, _) in zip(free, displayed, strict=True)
            ]
        takes: list[Level] = []
        wanted = taking.shares
        for size, (price, _) in zip(free, displayed, strict=True):
            taken = min(size, wanted)
            if taken:
                key = (taking.takes_bids, price, taker)
                self.consumption.take(taking.condition_id, key, taken)
                takes.append((price, taken))
                wanted -= taken
        schedule = self.market(taking.condition_id).fee
        assert schedule is not None, taking.condition_id
        fill = settle_price(taking, tuple(takes), schedule)
        if not wanted:
            return fill
        return msgspec.structs.replace(fill, reason=_shortage(taking, depth, displayed))

    def _free(self, taker: Taker, taking: Taking, displayed: list[Level]) -> list[int]:
        return [
            self.consumption.free(
                taking.condition_id, (taking.takes_bids, price, taker), displayed=shown
            )
            for price, shown in displayed
        ]


def _acceptable(taking: Taking, depth: Depth) -> list[Level]:
    levels = depth.bids if taking.takes_bids else depth.asks
    return [level for level in levels if taking.accepts(level[0])]


def _shortage(taking: Taking, depth: Depth, displayed: list[Level]) -> KillReason:
    if sum(size for _, size in displayed) >= taking.shares:
        return KillReason.ALREADY_TAKEN
    has_any = depth.bids if taking.takes_bids else depth.asks
    return KillReason.PRICE_MOVED if has_any and not displayed else KillReason.NO_DEPTH
