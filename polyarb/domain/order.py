"""Orders, trades and sets in flight: their states and the tables of allowed steps."""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, PlanId, RelationId, TokenId
from polyarb.domain.plan import Family, Outcome, Side


class OrderStatus(StrEnum):
    """Life of one order; UNKNOWN counts as fully filled for every limit."""

    PLANNED = "PLANNED"
    RESERVED = "RESERVED"
    SIGNED = "SIGNED"
    SENT = "SENT"
    LIVE = "LIVE"
    MATCHED = "MATCHED"
    DELAYED = "DELAYED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class TradeStatus(StrEnum):
    """Life of one match on chain; only CONFIRMED is money."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"


class SetStatus(StrEnum):
    """Life of an arbitrage in flight; MISSED is one of which no leg filled: nothing is at risk."""

    LEGGING = "LEGGING"
    COMPLETE = "COMPLETE"
    MISSED = "MISSED"
    MERGED = "MERGED"
    CONVERTED = "CONVERTED"
    HELD = "HELD"
    SETTLED = "SETTLED"
    BROKEN = "BROKEN"
    REPAIRED = "REPAIRED"
    UNWOUND = "UNWOUND"


class TradingState(StrEnum):
    """What the engine may do; boot, restore and failover begin HALTED."""

    HALTED = "HALTED"
    RECONCILING = "RECONCILING"
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"


class TimeInForce(StrEnum):
    """How long an order stands, in the venue's names."""

    GTC = "GTC"
    GTD = "GTD"
    FOK = "FOK"
    FAK = "FAK"


ORDER_STEPS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PLANNED: frozenset({OrderStatus.RESERVED}),
    OrderStatus.RESERVED: frozenset({OrderStatus.SIGNED, OrderStatus.CANCELED}),
    OrderStatus.SIGNED: frozenset({OrderStatus.SENT, OrderStatus.CANCELED}),
    OrderStatus.SENT: frozenset(
        {
            OrderStatus.LIVE,
            OrderStatus.MATCHED,
            OrderStatus.DELAYED,
            OrderStatus.REJECTED,
            OrderStatus.UNKNOWN,
            OrderStatus.CANCELED,
        }
    ),
    OrderStatus.LIVE: frozenset(
        {OrderStatus.MATCHED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.UNKNOWN}
    ),
    OrderStatus.DELAYED: frozenset(
        {OrderStatus.LIVE, OrderStatus.MATCHED, OrderStatus.CANCELED, OrderStatus.UNKNOWN}
    ),
    OrderStatus.UNKNOWN: frozenset(
        {
            OrderStatus.LIVE,
            OrderStatus.MATCHED,
            OrderStatus.REJECTED,
            OrderStatus.CANCELED,
            OrderStatus.EXPIRED,
        }
    ),
    OrderStatus.MATCHED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
}

TRADE_STEPS: dict[TradeStatus, frozenset[TradeStatus]] = {
    TradeStatus.MATCHED: frozenset(
        {TradeStatus.MINED, TradeStatus.CONFIRMED, TradeStatus.RETRYING, TradeStatus.FAILED}
    ),
    TradeStatus.MINED: frozenset({TradeStatus.CONFIRMED, TradeStatus.RETRYING, TradeStatus.FAILED}),
    TradeStatus.RETRYING: frozenset({TradeStatus.MINED, TradeStatus.CONFIRMED, TradeStatus.FAILED}),
    TradeStatus.CONFIRMED: frozenset(),
    TradeStatus.FAILED: frozenset(),
}

SET_STEPS: dict[SetStatus, frozenset[SetStatus]] = {
    SetStatus.LEGGING: frozenset({SetStatus.COMPLETE, SetStatus.MISSED, SetStatus.BROKEN}),
    SetStatus.MISSED: frozenset(),
    SetStatus.COMPLETE: frozenset(
        {SetStatus.MERGED, SetStatus.CONVERTED, SetStatus.HELD, SetStatus.BROKEN}
    ),
    SetStatus.MERGED: frozenset({SetStatus.SETTLED}),
    SetStatus.CONVERTED: frozenset({SetStatus.SETTLED}),
    SetStatus.HELD: frozenset({SetStatus.SETTLED}),
    SetStatus.BROKEN: frozenset({SetStatus.REPAIRED, SetStatus.UNWOUND}),
    SetStatus.REPAIRED: frozenset({SetStatus.MERGED, SetStatus.CONVERTED, SetStatus.HELD}),
    SetStatus.UNWOUND: frozenset({SetStatus.SETTLED}),
    SetStatus.SETTLED: frozenset(),
}

TRADING_STEPS: dict[TradingState, frozenset[TradingState]] = {
    TradingState.HALTED: frozenset({TradingState.RECONCILING}),
    TradingState.RECONCILING: frozenset({TradingState.ACTIVE, TradingState.HALTED}),
    TradingState.ACTIVE: frozenset({TradingState.REDUCING, TradingState.HALTED}),
    TradingState.REDUCING: frozenset({TradingState.ACTIVE, TradingState.HALTED}),
}


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True):
    """One order we mean to send; exactly one per leg of a plan.

    Units: price_limit in micros, shares in micro-shares, reserved (worst cost with fee) in
    micros of a USD.
    """

    order_id: OrderId
    plan_id: PlanId
    leg: int
    condition_id: ConditionId
    token_id: TokenId
    outcome: Outcome
    side: Side
    price_limit: int
    shares: int
    reserved: int
    time_in_force: TimeInForce


class HeldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What one order of a set brought before its run ended. Units: micro-shares, micros of a USD.

    is_final: nothing of it can be matched any more; is_confirmed or is_failed is its final word.
    """

    intent: OrderIntent
    shares: int
    notional: int
    fee: int
    is_final: bool = True
    is_confirmed: bool = True
    is_failed: bool = False


class HeldSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set that an earlier run left: one that waits for its markets, or was cut off in flight.

    Shape: relation_ids are those whose limits it counts against, its own first; states as in the
    plan. Units: reserved in micros of a USD; held_ns is when it took its last step.
    """

    plan_id: PlanId
    family: Family
    relation_ids: tuple[RelationId, ...]
    quantity: int
    reserved: int
    held_ns: int
    orders: tuple[HeldOrder, ...]
    status: SetStatus = SetStatus.HELD
    states: tuple[tuple[bool, ...], ...] = ()


class DayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one run settled on one UTC day.

    Units: day in days since 1970, pnl in micros of a USD; began_ns is when the run began.
    """

    run: int
    day: int
    pnl: int
    began_ns: int
