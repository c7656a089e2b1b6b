"""Brings a belief to what the venue says, by reading alone."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from polyarb.domain.ids import OrderId
from polyarb.venue.polymarket.trading.belief import Belief
from polyarb.venue.polymarket.trading.reading import Reader

Key = TypeVar("Key", bound=str)


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconciliation changed; strangers are open orders that we know nothing of."""

    orders_changed: tuple[str, ...]
    trades_changed: tuple[str, ...]
    strangers: tuple[str, ...]


async def reconcile(belief: Belief, reader: Reader, *, after_s: int | None = None) -> Reconciled:
    """Read open orders and trades, and every order and trade of ours that they do not tell.

    Orders come first: one that was matched in between is among the trades then. Trades before
    after_s are read only where they had no final word. Errors: RestError; what was read stays.
    """
    orders_before, trades_before = dict(belief.orders), dict(belief.trades)
    listed = await reader.open_orders()
    for order in listed:
        belief.read_order(order)
    for order_id in sorted(belief.open_orders() - {order.order_id for order in listed}):
        await _read_one(belief, reader, order_id)
    told = await reader.trades(after_s=after_s)
    for trade in told:
        belief.read_trade(trade)
    for trade_id in sorted(belief.open_trades() - {trade.trade_id for trade in told}):
        found = await reader.trade(trade_id)
        if found is not None:
            belief.read_trade(found)
    return Reconciled(
        orders_changed=_changed(orders_before, belief.orders),
        trades_changed=_changed(trades_before, belief.trades),
        strangers=tuple(each.order_id for each in listed if each.order_id not in orders_before),
    )


async def _read_one(belief: Belief, reader: Reader, order_id: OrderId) -> None:
    """Read an order that is not open; one that the venue never told of is searched for longer."""
    if belief.orders[order_id].told is None:
        belief.resolved(await reader.resolve(order_id))
        return
    order = await reader.order(order_id)
    if order is not None:
        belief.read_order(order)


def _changed(before: Mapping[Key, object], after: Mapping[Key, object]) -> tuple[str, ...]:
    return tuple(key for key, told in after.items() if before.get(key) != told)
