"""Stage 5: turn an approved plan into orders and follow them until every leg is final."""

from collections.abc import Sequence

from polyarb.domain.approval import Approved, Request, worst_cost
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import OrderId, derive_id
from polyarb.domain.market import Market
from polyarb.domain.messages import OrderKilled, OrderMatched, Output, PlaceOrders, SetChanged
from polyarb.domain.order import (
    SET_STEPS,
    OrderIntent,
    OrderStatus,
    SetStatus,
    TimeInForce,
)
from polyarb.domain.plan import Outcome, PlannedOrder
from polyarb.engine import taken
from polyarb.engine.state import Ladder, OrderProgress, SetInFlight


def open_set(approved: Approved[Request], ladders: Sequence[Ladder]) -> SetInFlight:
    """Write down the intents of an approved plan: one order a leg, with its id known beforehand.

    Shape: ladders are the books of the plan's legs.
    """
    request = approved.value
    progresses = [
        OrderProgress(
            _intent(request, order, ladders[order.leg].market, request.fees[order.leg]),
            ladders[order.leg],
        )
        for order in request.plan.orders
    ]
    return SetInFlight(
        plan_id=request.plan_id,
        family=request.plan.family,
        relation_id=request.relation_id,
        condition_ids=request.ordered,
        quantity=request.plan.quantity,
        reserved=request.reserved,
        orders={progress.intent.order_id: progress for progress in progresses},
        states=request.plan.states,
    )


def _intent(request: Request, order: PlannedOrder, market: Market, fee: FeeSchedule) -> OrderIntent:
    """Derive one order; a marketable GTC, since only its size is in shares for a BUY.

    A rung of a ladder may be bought on both sides, so leg and outcome name an order.

    The venue's FAK and FOK buys target collateral, so their legs would not end equal.
    Source: order types of the venue.
    """
    return OrderIntent(
        order_id=OrderId(derive_id("order", request.plan_id, str(order.leg), order.outcome)),
        plan_id=request.plan_id,
        leg=order.leg,
        condition_id=market.condition_id,
        token_id=market.yes if order.outcome is Outcome.YES else market.no,
        outcome=order.outcome,
        side=order.side,
        price_limit=order.price_limit,
        shares=order.shares,
        reserved=worst_cost(order, fee),
        time_in_force=TimeInForce.GTC,
    )


def place(flight: SetInFlight, profit: int, now_ns: int) -> PlaceOrders:
    """Command the orders of a set to be sent together. Units: profit in attos, as planned."""
    return PlaceOrders(
        receive_time_ns=now_ns,
        plan_id=flight.plan_id,
        family=flight.family,
        quantity=flight.quantity,
        profit=profit,
        orders=tuple(progress.intent for progress in flight.orders.values()),
        states=flight.states,
    )


def step(flight: SetInFlight, status: SetStatus, now_ns: int) -> SetChanged:
    """Take one step of the set's table; any other step is a programmer's error."""
    assert status in SET_STEPS[flight.status], (flight.status, status)
    previous, flight.status = flight.status, status
    return SetChanged(
        receive_time_ns=now_ns,
        plan_id=flight.plan_id,
        family=flight.family,
        previous=previous,
        current=status,
    )


def on_matched(flight: SetInFlight, event: OrderMatched) -> list[Output]:
    """Take a match; a set whose every order is final is complete, missed or broken."""
    progress = flight.orders[event.order_id]
    taken.take(progress.ladder, progress.intent, event.shares)
    progress.shares += event.shares
    progress.notional += event.notional
    progress.fee += event.fee
    progress.status = OrderStatus.MATCHED
    assert progress.shares <= progress.intent.shares, event
    progress.is_final = progress.shares == progress.intent.shares
    return conclude(flight, event.receive_time_ns)


def on_killed(flight: SetInFlight, event: OrderKilled) -> list[Output]:
    """Take the end of an order's remainder."""
    progress = flight.orders[event.order_id]
    if not progress.shares:
        progress.status = OrderStatus.CANCELED
    progress.is_final = True
    return conclude(flight, event.receive_time_ns)


def conclude(flight: SetInFlight, now_ns: int) -> list[Output]:
    """Take the step of a set whose every order is final, once."""
    progresses = flight.orders.values()
    if flight.status is not SetStatus.LEGGING or not all(p.is_final for p in progresses):
        return []
    if all(p.shares == p.intent.shares for p in progresses):
        return [step(flight, SetStatus.COMPLETE, now_ns)]
    if not any(p.shares for p in progresses) and not flight.is_split_first:
        return [step(flight, SetStatus.MISSED, now_ns)]
    return [step(flight, SetStatus.BROKEN, now_ns)]
