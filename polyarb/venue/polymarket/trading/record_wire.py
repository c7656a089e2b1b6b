"""Orders and trades as the venue tells them, over REST and on the user channel. No I/O.

A fill of ours is the taker's side where our key is the taker's, and else every maker's entry with
our key, whose token and side may differ from the top. Source: polymarket.md 3.3, 4.2.
"""

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, TokenId, condition_key
from polyarb.domain.order import OrderStatus, TradeStatus
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.channel.numerals import read_size
from polyarb.venue.polymarket.trading.outcomes import Fill, OrderRead, TradeRead

ORDER_STATES: dict[str, OrderStatus] = {
    "LIVE": OrderStatus.LIVE,
    "MATCHED": OrderStatus.MATCHED,
    "DELAYED": OrderStatus.DELAYED,
    "UNMATCHED": OrderStatus.CANCELED,
    "CANCELED": OrderStatus.CANCELED,
    "CANCELED_MARKET_RESOLVED": OrderStatus.CANCELED,
    "CANCELED_NOT_ENOUGH_BALANCE": OrderStatus.CANCELED,
    "CANCELED_MARKET_NOT_FOUND": OrderStatus.CANCELED,
    "CANCELED_EXPIRED_ORDER": OrderStatus.EXPIRED,
    "CANCELED_ORDER_TIMED_OUT": OrderStatus.CANCELED,
    "INVALID": OrderStatus.REJECTED,
}
TRADE_STATES: dict[str, TradeStatus] = {
    "MATCHED": TradeStatus.MATCHED,
    "MATCHED_NOT_BROADCASTED": TradeStatus.MATCHED,
    "MINED": TradeStatus.MINED,
    "CONFIRMED": TradeStatus.CONFIRMED,
    "RETRYING": TradeStatus.RETRYING,
    "FAILED": TradeStatus.FAILED,
}
_TAKER = "TAKER"


class OrderWire(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order; more keys than these are let pass."""

    id: str
    status: str = ""
    market: str
    asset_id: str
    side: str
    price: str
    original_size: str
    size_matched: str
    associate_trades: tuple[str, ...] | None = ()


class MakerWire(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A maker's part of a trade."""

    order_id: str
    owner: str
    matched_amount: str
    price: str
    asset_id: str
    side: str


class TradeWire(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade; its top is the taker's, whoever reads it."""

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: str
    size: str
    price: str
    status: str
    trader_side: str
    transaction_hash: str = ""
    maker_orders: tuple[MakerWire, ...]


def order_of(wire: OrderWire) -> OrderRead:
    """Read an order. Errors: ValueError for a number or a side that is none."""
    state = wire.status.upper().removeprefix("ORDER_STATUS_")
    return OrderRead(
        order_id=OrderId(wire.id),
        status=ORDER_STATES.get(state, OrderStatus.UNKNOWN),
        condition_id=ConditionId(condition_key(wire.market)),
        token_id=TokenId(wire.asset_id),
        side=Side(wire.side.upper()),
        price=read_size(wire.price)[0],
        shares=read_size(wire.original_size)[0],
        shares_matched=read_size(wire.size_matched)[0],
        trade_ids=wire.associate_trades or (),
    )


def trade_of(wire: TradeWire, owner: str) -> TradeRead:
    """Read a trade as the owner of an API key. Errors: ValueError for what is not documented.

    Who is on both sides of a trade reads it as its taker and has its maker's entry besides.
    """
    state = wire.status.upper().removeprefix("TRADE_STATUS_")
    if state not in TRADE_STATES:
        raise ValueError(f"expected a documented state of a trade, found {wire.status!r}")
    fills = [_maker_fill(each) for each in wire.maker_orders if each.owner == owner]
    if wire.trader_side.upper() == _TAKER:
        fills.insert(0, _taker_fill(wire))
    if not fills:
        raise ValueError(f"expected a fill of ours in trade {wire.id!r}, found none")
    return TradeRead(
        trade_id=wire.id,
        status=TRADE_STATES[state],
        condition_id=ConditionId(condition_key(wire.market)),
        fills=tuple(fills),
        transaction_hash=wire.transaction_hash,
    )


def _taker_fill(wire: TradeWire) -> Fill:
    return Fill(
        order_id=OrderId(wire.taker_order_id),
        token_id=TokenId(wire.asset_id),
        side=Side(wire.side.upper()),
        price=read_size(wire.price)[0],
        shares=read_size(wire.size)[0],
        is_maker=False,
    )


def _maker_fill(wire: MakerWire) -> Fill:
    return Fill(
        order_id=OrderId(wire.order_id),
        token_id=TokenId(wire.asset_id),
        side=Side(wire.side.upper()),
        price=read_size(wire.price)[0],
        shares=read_size(wire.matched_amount)[0],
        is_maker=True,
    )
