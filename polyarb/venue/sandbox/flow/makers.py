"""Makers: a ladder around their own view of a market, refilled, moved on news, faded by stock."""

from random import Random

from polyarb.domain.ids import OrderId
from polyarb.domain.units import MICRO, ONE, ceil_to, floor_to
from polyarb.venue.sandbox.flow.accounts import Wallet
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.chance import pause_ns, reaction_ns
from polyarb.venue.sandbox.flow.desk import Desk, Quote
from polyarb.venue.sandbox.flow.scenario import MakerTerms
from polyarb.venue.sandbox.flow.values import Values
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.orders import OrderRecord, OrderState

_MS_PER_S = 1_000
_REACTION_SPREAD = 0.6
_LOT = 10 * MICRO
_KEPT = 0.7


class _Resting:
    """One order of the ladder, in YES terms."""

    __slots__ = ("is_bid", "matched", "price")

    def __init__(self, *, is_bid: bool, price: int) -> None:
        self.is_bid = is_bid
        self.price = price
        self.matched = 0


class Maker:
    """One maker of one market."""

    def __init__(
        self,
        terms: MakerTerms,
        market: ListedMarket,
        wallet: Wallet,
        random: Random,
        values: Values,
    ) -> None:
        self.wallet = wallet
        self.market = market
        self._terms = terms
        self._random = random
        self._values = values
        self._orders: dict[OrderId, _Resting] = {}
        self._stray = 0
        self._stock = 0
        self._is_waiting = False

    def begin(self, desk: Desk, agenda: Agenda) -> None:
        """Quote for the first time, and look at the quotes again and again from then on."""
        self._desk = desk
        self._agenda = agenda
        self._review()

    def hear(self) -> None:
        """Take note of news: the quotes follow after this maker's own reaction time."""
        if self._terms.reaction_ms:
            wait_ns = reaction_ns(self._random, self._terms.reaction_ms, _REACTION_SPREAD)
            self._agenda.after(wait_ns, self._requote)

    def take_note(self, order: OrderRecord) -> None:
        """See what became of an own order; what was taken is refilled after a while."""
        resting = self._orders.get(order.order_id)
        if resting is None:
            return
        fresh = order.shares_matched - resting.matched
        if fresh:
            resting.matched = order.shares_matched
            self._stock += fresh if resting.is_bid else -fresh
        if order.state is not OrderState.LIVE:
            del self._orders[order.order_id]
            self._plan_refill()

    def _review(self) -> None:
        terms = self._terms
        if self._desk.is_over(self.market):
            return
        if terms.stray:
            fresh = self._random.gauss(0, terms.stray * (1 - _KEPT**2) ** 0.5)
            self._stray = round(self._stray * _KEPT + fresh)
        self._requote()
        if terms.review_s:
            self._agenda.after(pause_ns(self._random, terms.review_s * _MS_PER_S), self._review)

    def _plan_refill(self) -> None:
        if self._terms.refill_ms and not self._is_waiting:
            self._is_waiting = True
            self._agenda.after(pause_ns(self._random, self._terms.refill_ms), self._refill)

    def _refill(self) -> None:
        self._is_waiting = False
        self._requote()

    def _requote(self) -> None:
        """Withdraw what stands elsewhere than it should, then fill up what is missing."""
        if self._desk.is_over(self.market):
            return
        wanted = self._ladder()
        stale: list[OrderId] = []
        for order_id, resting in self._orders.items():
            place = (resting.is_bid, resting.price)
            if place in wanted:
                del wanted[place]
            else:
                stale.append(order_id)
        if not self._desk.withdraw(self.wallet, stale):
            self._plan_refill()
            return
        for order_id in stale:
            del self._orders[order_id]
        for (is_bid, price), shares in wanted.items():
            self._rest(is_bid, price, shares)

    def _rest(self, is_bid: bool, price: int, shares: int) -> None:
        quote = Quote(
            is_bid=is_bid, price=price, shares=shares, is_of_no=self._random.random() < 0.5
        )
        order_id = self._desk.rest(self.wallet, self.market, quote)
        if order_id is not None:
            self._orders[order_id] = _Resting(is_bid=is_bid, price=price)
        else:
            self._plan_refill()

    def _ladder(self) -> dict[tuple[bool, int], int]:
        """Return the sizes that should stand, by side and price."""
        terms, tick = self._terms, self._desk.tick(self.market)
        fade = terms.fade * self._stock // terms.inventory_max
        view = self._values.fair(self.market.condition_id) + self._stray - fade
        bid = floor_to(max(view - terms.half_spread, 0), tick)
        ask = ceil_to(min(view + terms.half_spread, ONE), tick)
        step = ceil_to(terms.step, tick)
        wanted: dict[tuple[bool, int], int] = {}
        for level in range(terms.levels):
            shares = self._size(level)
            if tick <= bid - level * step < ONE:
                wanted[True, bid - level * step] = shares
            if 0 < ask + level * step <= ONE - tick:
                wanted[False, ask + level * step] = shares
        return wanted

    def _size(self, level: int) -> int:
        """Draw a size around that of the level, in whole lots, never below the minimum."""
        drawn = round(self._terms.size * (level + 1) * self._random.uniform(0.5, 1.5))
        return max(floor_to(drawn, _LOT), ceil_to(self.market.size_min, _LOT))
