"""What signed amounts mean: price, size and budget, and the precision that each order type allows.

A limit order (GTC, GTD) names its price exactly: its amounts' ratio is a multiple of the tick, and
its size has two decimals. A market order (FOK, FAK) has amounts of two decimals given and four
got; its limit is its ratio brought onto the grid in its owner's favour: a BUY down, a SELL up.
Source: polymarket.md 2.4, 5.3 to 5.5.
"""

import msgspec

from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.sandbox.exchange import texts
from polyarb.venue.sandbox.exchange.markets import Market
from polyarb.venue.sandbox.terms.orders import OrderRequest, RefusalReason, Refused

CENT = 10_000
"""Micros in a unit of two decimals: the step of sizes, and of what a market order gives."""
FOUR_DECIMALS = 100
"""Micros in a unit of four decimals: the step of what a market order gets."""
AMOUNT_DECIMALS = {100_000: 3, 10_000: 4, 5_000: 5, 2_500: 6, 1_000: 5, 100: 6}
"""Tick to decimals of a limit order's collateral. Source: polymarket.md 5.4."""


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """What an order wants. Units: micros, micro-shares; budget 0 for a SELL."""

    price: int
    shares: int
    budget: int
    is_by_collateral: bool


def read_amounts(request: OrderRequest, market: Market) -> Amounts | Refused:
    """Read an order's amounts by the rules of its type, or say which rule they break."""
    order = request.order
    is_buy = order.side is Side.BUY
    given, got = order.maker_amount, order.taker_amount
    if given <= 0 or got <= 0:
        return _refused(request, RefusalReason.INVALID_PAYLOAD, texts.INVALID_PAYLOAD)
    shares, collateral = (got, given) if is_buy else (given, got)
    time_in_force = request.time_in_force
    if time_in_force is TimeInForce.GTC or time_in_force is TimeInForce.GTD:
        return _limit(request, market, shares=shares, collateral=collateral)
    if given % CENT or got % FOUR_DECIMALS:
        kind = "market buy" if is_buy else "market sell"
        message = texts.invalid_amounts(kind, maker_decimals=2, taker_decimals=4)
        return _refused(request, RefusalReason.INVALID_AMOUNTS, message)
    steps = collateral * MICRO // (shares * market.tick)
    if not is_buy:
        steps = -(-collateral * MICRO // (shares * market.tick))
    price = steps * market.tick
    if not market.tick <= price <= ONE - market.tick:
        return _off_tick(request, market, collateral * MICRO // shares)
    return Amounts(price, shares, collateral if is_buy else 0, is_by_collateral=is_buy)


def _limit(
    request: OrderRequest, market: Market, *, shares: int, collateral: int
) -> Amounts | Refused:
    tick = market.tick
    price, rest = divmod(collateral * MICRO, shares)
    if rest or price % tick or not tick <= price <= ONE - tick:
        return _off_tick(request, market, price)
    is_buy = request.order.side is Side.BUY
    if shares % CENT:
        decimals = AMOUNT_DECIMALS[tick]
        message = texts.invalid_amounts(
            "limit buy" if is_buy else "limit sell",
            maker_decimals=decimals if is_buy else 2,
            taker_decimals=2 if is_buy else decimals,
        )
        return _refused(request, RefusalReason.INVALID_AMOUNTS, message)
    if shares < market.listed.size_min:
        message = texts.too_small(request.order_id, shares=shares, size_min=market.listed.size_min)
        return _refused(request, RefusalReason.TOO_SMALL, message)
    return Amounts(price, shares, collateral if is_buy else 0, is_by_collateral=False)


def _off_tick(request: OrderRequest, market: Market, price: int) -> Refused:
    message = texts.off_tick(request.order_id, price=price, tick=market.tick)
    return _refused(request, RefusalReason.OFF_TICK, message)


def _refused(request: OrderRequest, reason: RefusalReason, message: str) -> Refused:
    return Refused(reason=reason, message=message, order_id=request.order_id)
