"""What was paid against what was planned, order by order, in basis points."""

import msgspec

from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import JournalMessage, OrderMatched, PlaceOrders, PlanSized
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Outcome, PlannedOrder, Side
from polyarb.domain.units import MICRO, PICO
from polyarb.reports.statistics import rank

TOLERABLE_BPS = 250
"""Source: product specification, phases: at least 90 % of fills within 2.5 %."""
GRAVE_BPS = 500
"""Source: product specification, phases: more than 3 trades beyond 5 % end a phase."""
BUCKET_ENDS: tuple[int, ...] = (-1, 0, 10, 50, 100, TOLERABLE_BPS, GRAVE_BPS)
"""The largest value of each bucket, in basis points; one more is open above."""


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Orders above the end of the bucket before and up to this end; None is open.

    Units: basis points.
    """

    end: int | None
    orders: int


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """How much worse than planned orders were paid; below zero is better.

    unplanned counts matched orders whose planned price nobody recorded: they are in no figure.
    Units: basis points of the planned price, rounded against us; cost in micros of a USD, what the
    slippage cost over all shares; None is no sample.
    """

    orders: int
    unplanned: int
    buckets: tuple[Bucket, ...]
    p50: int | None
    p95: int | None
    worst: int | None
    within_tolerable: int
    grave: int
    cost: int | None


class SlippageFold:
    """Folds plans and matches of a stretch of time."""

    def __init__(self) -> None:
        self._planned: dict[PlanId, tuple[PlannedOrder, ...]] = {}
        self._intents: dict[OrderId, tuple[OrderIntent, PlannedOrder | None]] = {}
        self._paid: dict[OrderId, tuple[int, int]] = {}

    def apply(self, message: JournalMessage) -> None:
        """Take one message, in order."""
        match message:
            case PlanSized():
                self._planned[message.plan_id] = message.plan.orders
            case PlaceOrders():
                planned = self._planned.pop(message.plan_id, ())
                for intent in message.orders:
                    self._intents[intent.order_id] = (intent, _find(planned, intent))
            case OrderMatched():
                shares, notional = self._paid.get(message.order_id, (0, 0))
                paid = (shares + message.shares, notional + message.notional)
                self._paid[message.order_id] = paid
            case _:
                pass

    def slippage(self) -> Slippage:
        """Conclude."""
        found: list[int] = []
        cost = unplanned = 0
        for order_id, (shares, notional) in self._paid.items():
            intent, planned = self._intents.get(order_id, (None, None))
            if intent is None or planned is None or not shares:
                unplanned += 1
                continue
            sign = 1 if intent.side is Side.BUY else -1
            should = planned.notional * shares
            more = sign * (notional * PICO * planned.shares - should)
            found.append(-(-more * 10_000 // should))
            cost += -(-more // (planned.shares * PICO))
        return Slippage(
            orders=len(found),
            unplanned=unplanned,
            buckets=_buckets(found),
            p50=rank(found, 50),
            p95=rank(found, 95),
            worst=max(found, default=None),
            within_tolerable=sum(value <= TOLERABLE_BPS for value in found),
            grave=sum(value > GRAVE_BPS for value in found),
            cost=cost if found else None,
        )


def _find(planned: tuple[PlannedOrder, ...], intent: OrderIntent) -> PlannedOrder | None:
    wanted: tuple[int, Outcome, Side] = (intent.leg, intent.outcome, intent.side)
    return next(
        (
            order
            for order in planned
            if (order.leg, order.outcome, order.side) == wanted and order.shares and order.notional
        ),
        None,
    )


def _buckets(values: list[int]) -> tuple[Bucket, ...]:
    buckets, before = [], -MICRO * MICRO
    for end in BUCKET_ENDS:
        buckets.append(Bucket(end=end, orders=sum(before < value <= end for value in values)))
        before = end
    return (*buckets, Bucket(end=None, orders=sum(value > before for value in values)))
