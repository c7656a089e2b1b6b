"""Who is matched with whom, at what price and for how much: a plan that changes nothing.

Makers are met in order of price, then of time, each at its own price; the rest is the taker's
gain. Dust: the maker's collateral of s micro-shares at its price p is floor(s x p / 10^6). In a
complementary match the taker's is the same; in a mint both parts sum to s, in a merge what is
given back sums to s. A BUY never gives more than it signed: its budget ends it.
"""

import msgspec

from polyarb.domain.fees import fee_floor5
from polyarb.domain.units import MICRO, ONE, Price, Shares
from polyarb.venue.sandbox.exchange.holdings import Holding
from polyarb.venue.sandbox.exchange.orders import Order


class Part(msgspec.Struct, frozen=True, eq=False):
    """One maker's part of a deal. Units: micro-shares, micros of its own collateral."""

    maker: Order
    shares: int
    collateral: int

    @property
    def given(self) -> int:
        """Return what the maker gives: collateral or shares."""
        return self.collateral if self.maker.is_buy else self.shares


class Deal(msgspec.Struct, eq=False):
    """One trade to be made: a taker and makers of one level.

    Units: yes_price, price (of the taker's token), collateral and fee (the taker's) in micros.
    """

    yes_price: int
    price: int
    parts: list[Part] = []
    shares: int = 0
    collateral: int = 0
    fee: int = 0


class MatchPlan(msgspec.Struct, eq=False):
    """What a taker would meet. Shape: unfunded are makers that can no longer pay.

    Units: shares, collateral and fee are sums over the deals; is_filled tells that the taker
    has all that it signed for.
    """

    deals: list[Deal] = []
    unfunded: list[Order] = []
    shares: int = 0
    collateral: int = 0
    fee: int = 0
    is_filled: bool = False


def crosses(taker: Order) -> bool:
    """Tell whether an order could be matched at once."""
    market = taker.market
    if taker.is_bid:
        return bool(market.asks.keys) and -market.asks.keys[-1] <= taker.yes_price
    return bool(market.bids.keys) and market.bids.keys[-1] >= taker.yes_price


def plan_match(taker: Order, *, makers_max: int) -> MatchPlan:
    """Plan what an order would be matched with now; a trade has at most so many makers."""
    plan = MatchPlan()
    side = taker.market.asks if taker.is_bid else taker.market.bids
    limit_key = -taker.yes_price if taker.is_bid else taker.yes_price
    spent: dict[Holding, int] = {}
    for key in reversed(side.keys):
        if key < limit_key or _meet_level(plan, taker, key, spent, makers_max=makers_max):
            break
    for deal in plan.deals:
        deal.fee = fee_floor5(Price(deal.price), Shares(deal.shares), taker.market.listed.fee)
        plan.fee += deal.fee
    return plan


def _meet_level(
    plan: MatchPlan, taker: Order, key: int, spent: dict[Holding, int], *, makers_max: int
) -> bool:
    """Meet the orders of one level; tell whether the taker has enough."""
    side = taker.market.asks if taker.is_bid else taker.market.bids
    yes_price = abs(key)
    price = yes_price if taker.is_yes else ONE - yes_price
    maker = side.levels[key].first
    deal: Deal | None = None
    while maker is not None:
        if not is_funded(maker, spent):
            plan.unfunded.append(maker)
            maker = maker.after
            continue
        wanted = _wanted(plan, taker, price)
        shares = min(maker.open, wanted)
        if shares > 0:
            if deal is None or len(deal.parts) == makers_max:
                deal = Deal(yes_price, price)
                plan.deals.append(deal)
            _meet(plan, taker, deal, maker, shares)
            if maker.holding.free < 0:
                spent[maker.holding] = spent.get(maker.holding, 0) + deal.parts[-1].given
        if maker.open >= wanted:
            plan.is_filled = True
            return True
        maker = maker.after
    return False


def _wanted(plan: MatchPlan, taker: Order, price: int) -> int:
    if not taker.is_buy:
        return taker.open - plan.shares
    affordable = (taker.budget - plan.collateral) * MICRO // price
    return affordable if taker.is_by_collateral else min(affordable, taker.open - plan.shares)


def _meet(plan: MatchPlan, taker: Order, deal: Deal, maker: Order, shares: int) -> None:
    collateral = shares * maker.price // MICRO
    deal.parts.append(Part(maker, shares, collateral))
    takers = collateral if maker.is_yes is taker.is_yes else shares - collateral
    deal.shares += shares
    deal.collateral += takers
    plan.shares += shares
    plan.collateral += takers


def is_funded(maker: Order, spent: dict[Holding, int]) -> bool:
    """Tell whether an order's owner still has, and still allows, all that the order offers."""
    holding = maker.holding
    if holding.allowances.get(maker.market.spender, 0) < maker.committed:
        return False
    if holding.free >= 0:
        return True
    return holding.balance - holding.unsettled - spent.get(holding, 0) >= maker.committed
