"""The evidence of a plan: what it would have filled and earned at one tier, all legs jointly."""

from dataclasses import dataclass, field

from polyarb.domain.ids import OrderId
from polyarb.domain.messages import PlaceOrders, Tier, TierMeasured
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Family
from polyarb.venue.shadow.consumption import Taker
from polyarb.venue.shadow.matching import (
    NOTHING,
    Counterparty,
    Fill,
    is_below_minimum,
    sale_of,
    taking_of,
)
from polyarb.venue.shadow.payoff import joint_quantity, kept_shares, redemption, spare_shares

STRICT_TIERS = frozenset({Tier.T2, Tier.T3})
"""Tiers at which an order below the venue's minimum is refused."""


@dataclass(slots=True)
class Probe:
    """One plan at one tier between its first and its last leg's match."""

    placed: PlaceOrders
    tier: Tier
    fills: dict[OrderId, Fill] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Tell whether every leg had its match."""
        return len(self.fills) == len(self.placed.orders)

    def match(
        self, counterparty: Counterparty, order: OrderIntent, ceiling: Fill | None = None
    ) -> Fill:
        """Match one leg against the book of this moment."""
        market = counterparty.market(order.condition_id)
        if self.tier in STRICT_TIERS and is_below_minimum(order, market):
            fill = NOTHING
        else:
            fill = counterparty.take(Taker(self.tier), taking_of(order), ceiling)
        self.fills[order.order_id] = fill
        return fill

    def miss(self, order: OrderIntent) -> None:
        """Let one leg fill nothing: a maker withdrew, or its settlement failed."""
        self.fills[order.order_id] = NOTHING

    def measure(self, counterparty: Counterparty, gas: int, now_ns: int) -> TierMeasured:
        """Conclude: complete sets pay out, what is left over is sold into this moment's book.

        Profit = cash of all fills + guaranteed payoff of the complete sets + sale of the rest
        - gas, which is paid once if anything filled, and for a split in any case.
        """
        placed = self.placed
        fills = [self.fills[order.order_id] for order in placed.orders]
        filled = [fill.shares for fill in fills]
        quantity = joint_quantity(placed, filled)
        is_split = placed.family is Family.NEGRISK_SPLIT
        profit = sum(fill.cash for fill in fills)
        profit += redemption(placed, filled if is_split else kept_shares(placed, filled, quantity))
        for order, spare in zip(placed.orders, spare_shares(placed, filled, quantity), strict=True):
            if spare:
                profit += counterparty.take(Taker(self.tier), sale_of(order, spare)).cash
        return TierMeasured(
            receive_time_ns=now_ns,
            plan_id=placed.plan_id,
            family=placed.family,
            tier=self.tier,
            quantity=quantity,
            planned=placed.quantity,
            profit=profit - (gas if is_split or any(filled) else 0),
            latency_ns=now_ns - placed.receive_time_ns,
            is_complete=quantity == placed.quantity,
        )
