"""A sized plan that asks to be sent, its worst cost, and the proof that risk approved it."""

from typing import Generic, TypeVar

import msgspec

from polyarb.domain.fees import FeeSchedule, fee_per_share
from polyarb.domain.ids import ConditionId, PlanId, RelationId
from polyarb.domain.plan import Family, Plan, PlannedOrder, Side
from polyarb.domain.units import ATTO, MICRO, PICO, Usdc, cost_up

T = TypeVar("T")


class Approved(msgspec.Struct, Generic[T], frozen=True):
    """Proof that every risk check passed; only the risk stage makes one."""

    value: T


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A sized plan that asks to be sent.

    Shape: condition_ids and fees a leg; best_prices an order, the traded token's best price at
    sizing, in micros; shared_with the further relations of a joint plan.
    """

    plan_id: PlanId
    plan: Plan
    relation_id: RelationId
    condition_ids: tuple[ConditionId, ...]
    fees: tuple[FeeSchedule, ...]
    best_prices: tuple[int, ...]
    now_ns: int
    shared_with: tuple[RelationId, ...] = ()

    @property
    def relation_ids(self) -> tuple[RelationId, ...]:
        """List every relation whose limits the plan counts against."""
        return (self.relation_id, *self.shared_with)

    @property
    def ordered(self) -> tuple[ConditionId, ...]:
        """List the markets that the plan has an order in, each once."""
        return tuple(dict.fromkeys(self.condition_ids[order.leg] for order in self.plan.orders))

    @property
    def reserved(self) -> Usdc:
        """Compute the most the plan can cost; a split pays 1 a set before anything is sold."""
        total = sum(worst_cost(order, self.fees[order.leg]) for order in self.plan.orders)
        is_split = self.plan.family is Family.NEGRISK_SPLIT
        return Usdc(max(total, self.plan.quantity if is_split else 0))


def worst_cost(order: PlannedOrder, fee: FeeSchedule) -> Usdc:
    """Compute the most one order can cost: all shares at the limit, the dearest fee below it.

    Units: micros of a USD. A sale costs nothing.
    """
    if order.side is Side.SELL:
        return Usdc(0)
    dearest = min(order.price_limit, MICRO // 2)
    fee_max = cost_up(fee_per_share(dearest, fee) * order.shares, ATTO)
    return Usdc(cost_up(order.price_limit * order.shares, PICO) + fee_max)
