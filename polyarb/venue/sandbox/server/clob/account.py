"""The CLOB's private reads and signs of life: orders, trades, balances, notices, heartbeats.

An order that is not the caller's is as unknown as one that never was: 404. Lists are newest first.
Source: polymarket.md 3.3.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec

from polyarb.domain.ids import OrderId, TokenId
from polyarb.domain.units import format_micros
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.wallets import Wallets, wallets_of
from polyarb.venue.sandbox.server.clob.bodies import (
    BalanceAnswer,
    BalanceQuery,
    ClosedOnlyAnswer,
    CursorQuery,
    HeartbeatAnswer,
    Nothing,
    NoticesQuery,
    OpenOrderBody,
    OrderPath,
    OrdersQuery,
    ScoringAnswer,
    ScoringQuery,
    SendHeartbeat,
    TradeBody,
    TradesQuery,
)
from polyarb.venue.sandbox.server.clob.books import NO_TOKEN
from polyarb.venue.sandbox.server.clob.calls import Access, Call, Endpoint, endpoint
from polyarb.venue.sandbox.server.clob.market_bodies import MarketBody
from polyarb.venue.sandbox.server.clob.markets import market_body
from polyarb.venue.sandbox.server.clob.memory import Notice, NoticeType
from polyarb.venue.sandbox.server.clob.pages import Page, page_of
from polyarb.venue.sandbox.server.clob.records import NS_PER_S, open_order_body, trade_body
from polyarb.venue.sandbox.server.clob.venue import ClobVenue
from polyarb.venue.sandbox.server.errors import INVALID_REQUEST, RejectedError, rejection_of
from polyarb.venue.sandbox.terms.orders import OrderRecord, Refused
from polyarb.venue.sandbox.terms.trades import TradeRecord, sides_of

NO_ORDER = "order not found"
NOTICE_ID_DIGITS_MAX = 18

WALLET_OF: dict[int, Callable[[Wallets], Address]] = {
    0: lambda wallets: wallets.owner,
    1: lambda wallets: wallets.proxy,
    2: lambda wallets: wallets.safe,
    3: lambda wallets: wallets.uups,
}
"""Whose balance is meant by a signature type."""


class OrderNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice of an order tells."""

    asset_id: str
    market: str
    order_id: str
    side: str
    type: str
    price: str
    original_size: str
    matched_size: str
    remaining_size: str
    outcome: str
    outcome_index: int
    transaction_hash: str
    trade_id: str
    question: str
    market_slug: str


class NoticeBody(msgspec.Struct, frozen=True, kw_only=True):
    """A notice.

    Shape: payload is an OrderNotice or a MarketBody. Units: timestamp in unix seconds.
    """

    id: int
    owner: str
    type: int
    timestamp: int
    payload: Annotated[object, msgspec.Meta(extra_json_schema={"type": "object"})]


def _order(call: Call[OrderPath, Nothing]) -> OpenOrderBody:
    order = call.venue.exchange.order(OrderId(call.query.order_id))
    if order is None or order.owner not in call.caller.owners:
        raise RejectedError(404, NO_ORDER)
    return open_order_body(order)


def _orders(call: Call[OrdersQuery, Nothing]) -> Page[OpenOrderBody]:
    query = call.query
    found = [order for order in _own_orders(call) if _is_wanted(order, query)]
    page = page_of(found, query.next_cursor, call.venue.settings.record_page)
    rows = [open_order_body(order) for order in page.data]
    return Page(limit=page.limit, count=page.count, next_cursor=page.next_cursor, data=rows)


def _own_orders(call: Call[OrdersQuery, Nothing]) -> list[OrderRecord]:
    exchange, owners = call.venue.exchange, call.caller.owners
    found = [order for owner in owners for order in exchange.open_orders(owner)]
    found.reverse()
    return found


def _is_wanted(order: OrderRecord, query: OrdersQuery) -> bool:
    return (
        query.id in ("", order.order_id)
        and query.market.lower() in ("", order.condition_id)
        and query.asset_id in ("", order.token_id)
    )


def _trades(call: Call[TradesQuery, Nothing]) -> Page[TradeBody]:
    query = call.query
    found = [(trade, owner) for trade, owner in _own_trades(call) if _is_wanted_trade(trade, query)]
    page = page_of(found, query.next_cursor, call.venue.settings.record_page)
    rows = [trade_body(trade, owner) for trade, owner in page.data]
    return Page(limit=page.limit, count=page.count, next_cursor=page.next_cursor, data=rows)


def _own_trades(call: Call[TradesQuery, Nothing]) -> list[tuple[TradeRecord, str]]:
    """Return the trades in which a caller's keys took part, each once, and as which key."""
    exchange, query, owners = call.venue.exchange, call.query, call.caller.owners
    if query.id:
        trade = exchange.trade(query.id)
        parties = [fill.owner for fill in sides_of(trade.match)] if trade else []
        reader = next((owner for owner in parties if owner in owners), None)
        return [(trade, reader)] if trade and reader else []
    found = {
        trade.match.trade_id: (trade, owner)
        for owner in reversed(owners)
        for trade in exchange.trades(owner)
    }
    return sorted(
        found.values(), key=lambda each: (each[0].match.matched_ns, each[0].match.bucket_index)
    )[::-1]


def _is_wanted_trade(trade: TradeRecord, query: TradesQuery) -> bool:
    match = trade.match
    matched_s = match.matched_ns // NS_PER_S
    fills = sides_of(match)
    maker = query.maker_address.lower()
    return (
        query.market.lower() in ("", match.condition_id)
        and (not query.asset_id or any(fill.token_id == query.asset_id for fill in fills))
        and (not maker or any(fill.maker.lower() == maker for fill in fills))
        and (query.after is None or matched_s > query.after)
        and (query.before is None or matched_s < query.before)
    )


def _balance(call: Call[BalanceQuery, Nothing]) -> BalanceAnswer:
    owner, token_id = _asset(call)
    exchange = call.venue.exchange
    return BalanceAnswer(
        balance=str(exchange.balance(owner, token_id)),
        allowances={
            spender: str(amount) for spender, amount in exchange.allowances(owner, token_id).items()
        },
    )


def _update_balance(call: Call[BalanceQuery, Nothing]) -> str:
    owner, token_id = _asset(call)
    call.venue.world.refresh(owner, token_id)
    return ""


def _asset(call: Call[BalanceQuery, Nothing]) -> tuple[Address, TokenId | None]:
    query = call.query
    owner = WALLET_OF[query.signature_type](wallets_of(call.caller.address))
    if query.asset_type == "COLLATERAL":
        return owner, None
    token_id = TokenId(query.token_id)
    if call.venue.exchange.condition_of(token_id) is None:
        raise RejectedError(400, NO_TOKEN)
    return owner, token_id


def _notices(call: Call[Nothing, Nothing]) -> tuple[NoticeBody, ...]:
    venue = call.venue
    return tuple(
        NoticeBody(
            id=notice.notice_id,
            owner=owner,
            type=notice.type,
            timestamp=notice.at_ns // NS_PER_S,
            payload=payload,
        )
        for owner in call.caller.owners
        for notice in venue.memory.notices(owner, call.now_ns)
        if (payload := _payload(venue, notice)) is not None
    )


def _payload(venue: ClobVenue, notice: Notice) -> OrderNotice | MarketBody | None:
    market = venue.market(notice.condition_id)
    if notice.type is NoticeType.RESOLVED:
        return market_body(venue, market)
    order = venue.exchange.order(OrderId(notice.order_id))
    if order is None:
        return None
    return OrderNotice(
        asset_id=order.token_id,
        market=order.condition_id,
        order_id=order.order_id,
        side=order.side,
        type=order.time_in_force,
        price=format_micros(order.price),
        original_size=format_micros(order.shares),
        matched_size=format_micros(order.shares_matched),
        remaining_size=format_micros(order.shares - order.shares_matched),
        outcome=order.outcome,
        outcome_index=0 if order.token_id == market.yes else 1,
        transaction_hash=notice.transaction_hash,
        trade_id=notice.trade_id,
        question=market.question,
        market_slug=market.slug,
    )


def _drop_notices(call: Call[NoticesQuery, Nothing]) -> str:
    texts = [text for text in call.query.ids.split(",") if text]
    if not all(text.isdecimal() and len(text) <= NOTICE_ID_DIGITS_MAX for text in texts):
        raise RejectedError(400, INVALID_REQUEST)
    notice_ids = frozenset(int(text) for text in texts) if texts else None
    for owner in call.caller.owners:
        call.venue.memory.drop_notices(owner, notice_ids)
    return "OK"


def _heartbeat(call: Call[Nothing, SendHeartbeat]) -> HeartbeatAnswer:
    answer = call.venue.exchange.heartbeat(call.caller.owner, call.body.heartbeat_id or "")
    if isinstance(answer, Refused):
        raise rejection_of(answer, retry_after_s=call.venue.wait_s(answer))
    return HeartbeatAnswer(heartbeat_id=answer.heartbeat_id)


def _scoring(call: Call[ScoringQuery, Nothing]) -> ScoringAnswer:
    if not call.query.order_id:
        raise RejectedError(400, INVALID_REQUEST)
    return ScoringAnswer()


def _scorings(call: Call[Nothing, list[str]]) -> dict[str, bool]:
    if len(call.body) > call.venue.settings.exchange.cancels_max:
        raise RejectedError(400, INVALID_REQUEST)
    return dict.fromkeys(call.body, False)


def _closed_only(_: Call[Nothing, Nothing]) -> ClosedOnlyAnswer:
    return ClosedOnlyAnswer()


def _legacy_orders(call: Call[CursorQuery, Nothing]) -> Page[OpenOrderBody]:
    return page_of((), call.query.next_cursor, call.venue.settings.record_page)


ACCOUNT_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(
        "GET",
        "/data/order/{order_id}",
        _order,
        summary="One order in any state",
        access=Access.READ,
        query=OrderPath,
        answer=OpenOrderBody,
    ),
    endpoint(
        "GET",
        "/data/orders",
        _orders,
        summary="Open orders",
        access=Access.READ,
        query=OrdersQuery,
        answer=Page[OpenOrderBody],
    ),
    endpoint(
        "GET",
        "/data/trades",
        _trades,
        summary="Trades in which the key took part",
        access=Access.READ,
        query=TradesQuery,
        answer=Page[TradeBody],
    ),
    endpoint(
        "GET",
        "/data/pre-migration-orders",
        _legacy_orders,
        summary="Orders of a dead version: none",
        access=Access.READ,
        query=CursorQuery,
        answer=Page[OpenOrderBody],
    ),
    endpoint(
        "GET",
        "/balance-allowance",
        _balance,
        summary="A cached balance and what may be taken of it",
        access=Access.READ,
        query=BalanceQuery,
        answer=BalanceAnswer,
    ),
    endpoint(
        "GET",
        "/balance-allowance/update",
        _update_balance,
        summary="Read a balance from the chain again",
        access=Access.READ,
        query=BalanceQuery,
        answer=str,
    ),
    endpoint(
        "GET",
        "/notifications",
        _notices,
        summary="Notices of the last 48 hours",
        access=Access.READ,
        answer=tuple[NoticeBody, ...],
    ),
    endpoint(
        "DELETE",
        "/notifications",
        _drop_notices,
        summary="Drop notices",
        access=Access.TRADE,
        query=NoticesQuery,
        answer=str,
    ),
    endpoint(
        "POST",
        "/v1/heartbeats",
        _heartbeat,
        summary="A sign of life; silence after it cancels all orders of the key",
        access=Access.TRADE,
        body=SendHeartbeat,
        answer=HeartbeatAnswer,
    ),
    endpoint(
        "GET",
        "/order-scoring",
        _scoring,
        summary="Whether an order earns rewards: none does",
        access=Access.READ,
        query=ScoringQuery,
        answer=ScoringAnswer,
    ),
    endpoint(
        "POST",
        "/orders-scoring",
        _scorings,
        summary="Whether orders earn rewards: none does",
        access=Access.TRADE,
        body=list[str],
        answer=dict[str, bool],
    ),
    endpoint(
        "GET",
        "/auth/ban-status/closed-only",
        _closed_only,
        summary="Whether the account may only close what it holds",
        access=Access.READ,
        answer=ClosedOnlyAnswer,
    ),
)
