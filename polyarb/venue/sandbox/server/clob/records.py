"""What owners read of their orders and trades, in the venue's words."""

from polyarb.domain.units import format_micros
from polyarb.venue.sandbox.server.clob.bodies import MakerOrderBody, OpenOrderBody, TradeBody
from polyarb.venue.sandbox.terms.orders import OrderRecord
from polyarb.venue.sandbox.terms.trades import Fill, TradeRecord

NS_PER_S = 1_000_000_000
TAKER, MAKER = "TAKER", "MAKER"
LEGACY_FEE_BPS = "0"
"""Orders and trades carry it; it is not the fee that was taken. Source: polymarket.md 5.7."""


def open_order_body(order: OrderRecord) -> OpenOrderBody:
    """Write an order."""
    return OpenOrderBody(
        id=order.order_id,
        status=order.state,
        owner=order.owner,
        maker_address=order.maker,
        market=order.condition_id,
        asset_id=order.token_id,
        side=order.side,
        original_size=format_micros(order.shares),
        size_matched=format_micros(order.shares_matched),
        price=format_micros(order.price),
        outcome=order.outcome,
        expiration=str(order.expiration_s),
        order_type=order.time_in_force,
        associate_trades=order.trade_ids,
        created_at=order.created_s,
    )


def trade_body(trade: TradeRecord, reader: str) -> TradeBody:
    """Write a trade for one of those who took part.

    Shape: the top level is the taker's; a maker finds its own part among the maker_orders.
    """
    match, taker = trade.match, trade.match.taker
    return TradeBody(
        id=match.trade_id,
        taker_order_id=taker.order_id,
        market=match.condition_id,
        asset_id=taker.token_id,
        side=taker.side,
        size=format_micros(taker.shares),
        fee_rate_bps=LEGACY_FEE_BPS,
        price=format_micros(taker.price),
        status=trade.status,
        match_time=str(match.matched_ns // NS_PER_S),
        last_update=str(trade.updated_ns // NS_PER_S),
        outcome=taker.outcome,
        owner=taker.owner,
        maker_address=taker.maker,
        bucket_index=match.bucket_index,
        transaction_hash=trade.transaction_hash,
        trader_side=TAKER if reader == taker.owner else MAKER,
        maker_orders=tuple(_maker_order(fill) for fill in match.makers),
    )


def _maker_order(fill: Fill) -> MakerOrderBody:
    return MakerOrderBody(
        order_id=fill.order_id,
        owner=fill.owner,
        maker_address=fill.maker,
        matched_amount=format_micros(fill.shares),
        price=format_micros(fill.price),
        fee_rate_bps=LEGACY_FEE_BPS,
        asset_id=fill.token_id,
        outcome=fill.outcome,
        side=fill.side,
    )
