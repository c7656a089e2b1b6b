"""Builders for the tests of the shadow gateway: decimals in, whole micros out."""

from collections.abc import Sequence
from typing import TypeVar

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, OrderId, PlanId, TokenId
from polyarb.domain.limits import ShadowModel
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import (
    GatewayEvent,
    OrderMatched,
    PlaceOrders,
    SetSettled,
    SettleSet,
    TierMeasured,
    TradeFailed,
    UnwindSet,
)
from polyarb.domain.order import OrderIntent, SetStatus, TimeInForce
from polyarb.domain.plan import Family, Level, Outcome, Side
from polyarb.domain.units import Shares, parse_micros
from polyarb.venue.shadow import ShadowGateway
from polyarb.venue.shadow.fakes import FakeBooks

T = TypeVar("T")

START_NS = 1_000_000_000_000
MS_NS = 1_000_000
STEADY = ShadowModel(
    seed=7, latency_ms_p50=100, latency_ms_p95=100, fade_fraction=0, revert_fraction=0
)
"""Every draw of latency is 100 ms; nothing fades or reverts."""
NEVER_NS = START_NS * 1_000

BUY, SELL, YES, NO = Side.BUY, Side.SELL, Outcome.YES, Outcome.NO
Row = tuple[str, Side, Outcome, str, str]
"""Market, side, outcome, limit of the traded token, shares."""


def levels(*pairs: str) -> tuple[Level, ...]:
    """Read "0.40x30" as a level."""
    rows = (pair.split("x") for pair in pairs)
    return tuple((parse_micros(price), parse_micros(size)) for price, size in rows)


def market(name: str, rate: int = 0, hold_ms: int = 0, size_min: str = "0") -> Market:
    return Market(
        condition_id=ConditionId(name),
        yes=TokenId(f"{name}-yes"),
        no=TokenId(f"{name}-no"),
        fee=FeeSchedule(rate=rate),
        hold_ms=hold_ms,
        size_min=Shares(parse_micros(size_min)),
    )


def catalogue(*markets: Market) -> Catalogue:
    return Catalogue(markets={each.condition_id: each for each in markets})


def place(
    family: Family, quantity: str, rows: Sequence[Row], plan: str = "plan-1", at_ns: int = START_NS
) -> PlaceOrders:
    """Build the command of a plan; leg numbers follow the order in which markets first appear."""
    legs = list(dict.fromkeys(row[0] for row in rows))
    return PlaceOrders(
        receive_time_ns=at_ns,
        plan_id=PlanId(plan),
        family=family,
        quantity=parse_micros(quantity),
        profit=0,
        orders=tuple(
            OrderIntent(
                order_id=OrderId(f"{plan}-{number}"),
                plan_id=PlanId(plan),
                leg=legs.index(name),
                condition_id=ConditionId(name),
                token_id=TokenId(f"{name}-{outcome.lower()}"),
                outcome=outcome,
                side=side,
                price_limit=parse_micros(limit),
                shares=parse_micros(shares),
                reserved=0,
                time_in_force=TimeInForce.GTC,
            )
            for number, (name, side, outcome, limit, shares) in enumerate(rows)
        ),
    )


def settle(placed: PlaceOrders, status: SetStatus, at_ns: int) -> SettleSet:
    return SettleSet(
        receive_time_ns=at_ns,
        plan_id=placed.plan_id,
        family=placed.family,
        status=status,
        quantity=placed.quantity,
    )


def unwind(placed: PlaceOrders, at_ns: int) -> UnwindSet:
    return UnwindSet(receive_time_ns=at_ns, plan_id=placed.plan_id)


def gateway(
    books: FakeBooks, *markets: Market, model: ShadowModel = STEADY, gas: str = "0"
) -> ShadowGateway:
    return ShadowGateway(books, model, catalogue(*markets), gas_per_plan=parse_micros(gas))


def tiers(events: Sequence[GatewayEvent]) -> dict[str, TierMeasured]:
    return {event.tier.value: event for event in events if isinstance(event, TierMeasured)}


def of_type(events: Sequence[GatewayEvent], kind: type[T]) -> list[T]:
    return [event for event in events if isinstance(event, kind)]


def cash_of(events: Sequence[GatewayEvent], placed: PlaceOrders) -> int:
    """Add up what a ledger would book: matches that settled, proceeds, gas."""
    sides = {order.order_id: order.side for order in placed.orders}
    failed = {event.order_id for event in of_type(events, TradeFailed)}
    total = 0
    for event in of_type(events, OrderMatched):
        if event.order_id not in failed:
            sign = 1 if sides[event.order_id] is SELL else -1
            total += sign * event.notional - event.fee
    return total + sum(event.proceeds - event.gas for event in of_type(events, SetSettled))
