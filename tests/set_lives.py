"""Sets in flight for tests of the last stages: two legs of ten shares, and the answers to them."""

from polyarb.domain.approval import Approved, Request
from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, OrderId, PlanId
from polyarb.domain.messages import (
    OrderKilled,
    OrderMatched,
    SetSettled,
    TradeConfirmed,
    TradeFailed,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family, Outcome, Plan, PlannedOrder, Side, SizeReason
from polyarb.domain.units import MICRO
from polyarb.engine import execute
from polyarb.engine.state import Ladder, SetInFlight

from tests.worlds import RELATION, START_NS, market

PLAN = PlanId("plan")
SHARES = 10 * MICRO
NAMES = ("A", "B")


def request_of(family: Family, orders: tuple[PlannedOrder, ...]) -> Request:
    """Ask for a plan with these orders on two markets."""
    return Request(
        plan_id=PLAN,
        plan=Plan(
            problem_id="problem",
            family=family,
            reason=SizeReason.OK,
            quantity=SHARES,
            profit=5,
            capital=9,
            orders=orders,
        ),
        relation_id=RELATION,
        condition_ids=tuple(ConditionId(name) for name in NAMES),
        fees=(NO_FEE, NO_FEE),
        best_prices=tuple(order.price_limit for order in orders),
        now_ns=START_NS,
    )


def planned(leg: int, outcome: Outcome, side: Side, price: int) -> PlannedOrder:
    """Plan one order."""
    return PlannedOrder(
        leg=leg,
        outcome=outcome,
        side=side,
        price_limit=price,
        shares=SHARES,
        notional=price * SHARES * MICRO,
        fee=0,
    )


def orders_of(family: Family) -> tuple[PlannedOrder, ...]:
    """Plan the orders of a family: NO at .40 and .45, or YES sold at .60 and .55."""
    if family is Family.NEGRISK_SPLIT:
        prices, outcome, side = (600_000, 550_000), Outcome.YES, Side.SELL
    else:
        prices, outcome, side = (400_000, 450_000), Outcome.NO, Side.BUY
    return tuple(planned(leg, outcome, side, price) for leg, price in enumerate(prices))


def flight_of(
    family: Family = Family.NEGRISK_NO, orders: tuple[PlannedOrder, ...] | None = None
) -> SetInFlight:
    """Open a set as the engine does."""
    asked = request_of(family, orders_of(family) if orders is None else orders)
    return execute.open_set(Approved(asked), [Ladder(market(name)) for name in NAMES])


def order_id(flight: SetInFlight, leg: int) -> OrderId:
    """Find the order of a leg."""
    return list(flight.orders)[leg]


def matched(
    flight: SetInFlight, leg: int, shares: int = SHARES, *, fee: int = 0, when: int = 1
) -> OrderMatched:
    """Match so many shares of a leg at its limit."""
    intent = flight.orders[order_id(flight, leg)].intent
    return OrderMatched(
        receive_time_ns=START_NS + when,
        plan_id=flight.plan_id,
        order_id=intent.order_id,
        shares=shares,
        notional=intent.price_limit * shares // MICRO,
        fee=fee,
    )


def killed(flight: SetInFlight, leg: int) -> OrderKilled:
    """Kill what is left of a leg."""
    return OrderKilled(
        receive_time_ns=START_NS + 2,
        plan_id=flight.plan_id,
        order_id=order_id(flight, leg),
        reason="NO_DEPTH",
    )


def confirmed(flight: SetInFlight, leg: int) -> TradeConfirmed:
    """Confirm a leg's match."""
    return TradeConfirmed(
        receive_time_ns=START_NS + 3, plan_id=flight.plan_id, order_id=order_id(flight, leg)
    )


def failed(flight: SetInFlight, leg: int) -> TradeFailed:
    """Revert a leg's match."""
    return TradeFailed(
        receive_time_ns=START_NS + 3, plan_id=flight.plan_id, order_id=order_id(flight, leg)
    )


def settled(
    flight: SetInFlight, status: SetStatus, proceeds: int, *, gas: int = 20_000, when: int = 4
) -> SetSettled:
    """Settle the set."""
    return SetSettled(
        receive_time_ns=START_NS + when,
        plan_id=flight.plan_id,
        status=status,
        proceeds=proceeds,
        gas=gas,
    )
