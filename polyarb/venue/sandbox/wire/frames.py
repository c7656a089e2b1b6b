"""What the market channel and `/book` say of books and markets: bodies, their hash, their text.

Every number of the wire is a text. A body is encoded once, whoever reads it. No I/O, no clock.
Source: polymarket.md 3.2, 4.1.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha1

import msgspec

from polyarb.domain.fees import RATE_SCALE, FeeSchedule
from polyarb.domain.ids import TokenId
from polyarb.domain.market import mirror
from polyarb.domain.plan import Side
from polyarb.domain.units import ONE, format_micros
from polyarb.venue.sandbox.terms.announcements import LevelChanged, Printed, TickChanged
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket
from polyarb.venue.sandbox.terms.orders import BookLevels

NS_PER_MS = 1_000_000
STALE_SIZE = "500"
REBATE_RATE = 0.25
"""Share of the fee pool that makers get in most categories. Source: polymarket.md 5.7."""

_encode = msgspec.json.Encoder().encode


class Level(msgspec.Struct, frozen=True, gc=False):
    """One level of a book."""

    price: str
    size: str


class BookBody(msgspec.Struct, frozen=True, kw_only=True):
    """A book as `/book` answers it; the order of the fields is the order that is hashed."""

    market: str
    asset_id: str
    timestamp: str
    hash: str = ""
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    min_order_size: str
    tick_size: str
    neg_risk: bool
    last_trade_price: str


class BookFrame(msgspec.Struct, frozen=True, kw_only=True, tag="book", tag_field="event_type"):
    """A book as the market channel tells it."""

    asset_id: str
    market: str
    timestamp: str
    hash: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    tick_size: str
    last_trade_price: str


class PriceChange(msgspec.Struct, frozen=True, kw_only=True):
    """One level of one token with its new total, and the token's top after it."""

    asset_id: str
    price: str
    size: str
    side: str
    hash: str
    best_bid: str
    best_ask: str


class PriceChangeFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag="price_change", tag_field="event_type"
):
    """Levels that changed, each told for both tokens of the market."""

    market: str
    timestamp: str
    price_changes: tuple[PriceChange, ...]


class TradeFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag="last_trade_price", tag_field="event_type"
):
    """A trade, in terms of the taker's token."""

    asset_id: str
    market: str
    price: str
    size: str
    side: str
    fee_rate_bps: str = "0"
    timestamp: str
    transaction_hash: str = ""


class TickFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag="tick_size_change", tag_field="event_type"
):
    """A token's new tick."""

    asset_id: str
    market: str
    old_tick_size: str
    new_tick_size: str
    timestamp: str


class TopFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag="best_bid_ask", tag_field="event_type"
):
    """A token's new top of book."""

    asset_id: str
    market: str
    best_bid: str
    best_ask: str
    spread: str
    timestamp: str


class EventMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The event that a market belongs to."""

    id: str
    ticker: str
    slug: str
    title: str
    description: str = ""


class FeeBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A fee schedule in Gamma's spelling."""

    exponent: int
    rate: float
    taker_only: bool = True
    rebate_rate: float = REBATE_RATE


class NewMarketFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag="new_market", tag_field="event_type"
):
    """A market was listed."""

    id: str
    market: str
    condition_id: str
    question: str
    slug: str
    description: str = ""
    assets_ids: tuple[str, str]
    clob_token_ids: tuple[str, str]
    outcomes: tuple[str, str]
    event_message: EventMessage
    active: bool = True
    order_price_min_tick_size: str
    group_item_title: str = ""
    taker_base_fee: str = "0"
    fees_enabled: bool
    fee_schedule: FeeBody | None
    tags: tuple[str, ...]
    timestamp: str


class ResolvedFrame(
    msgspec.Struct, frozen=True, kw_only=True, tag="market_resolved", tag_field="event_type"
):
    """A market was resolved; without a winner where both outcomes pay alike."""

    id: str
    market: str
    assets_ids: tuple[str, str]
    winning_asset_id: str | None
    winning_outcome: str | None
    event_message: EventMessage
    timestamp: str


def text_of(body: msgspec.Struct | Sequence[msgspec.Struct]) -> str:
    """Encode one message, or several as one frame."""
    return _encode(body).decode()


def stamp(at_ns: int) -> str:
    """Write a time as the venue does: milliseconds."""
    return str(at_ns // NS_PER_MS)


@lru_cache(maxsize=200_000)
def price_text(price: int, tick: int) -> str:
    """Write a price with at least the decimals of its tick; no bid is "0" and no ask "1"."""
    if price <= 0 or price >= ONE:
        return format_micros(price)
    shortest = format_micros(price)
    digits = len(format_micros(tick))
    return shortest.ljust(digits, "0")


def book_body(levels: BookLevels, market: ListedMarket) -> BookBody:
    """Write one token's book with its hash.

    Source: `book_hash.json`: SHA-1 of the compact JSON with an empty hash, keys in this order.
    """
    tick = levels.tick
    last = levels.last_price
    body = BookBody(
        market=levels.condition_id,
        asset_id=levels.token_id,
        timestamp=stamp(levels.changed_ns),
        bids=_levels(levels.bids, tick),
        asks=_levels(levels.asks, tick),
        min_order_size=format_micros(market.size_min),
        tick_size=format_micros(tick),
        neg_risk=market.is_neg_risk,
        last_trade_price="" if last is None else price_text(last, tick),
    )
    return msgspec.structs.replace(body, hash=hash_of(body))


def hash_of(body: BookBody) -> str:
    """Hash a body whose hash is empty."""
    return sha1(_encode(body), usedforsecurity=False).hexdigest()


def book_frame(body: BookBody) -> BookFrame:
    """Say a book on the market channel."""
    return BookFrame(
        asset_id=body.asset_id,
        market=body.market,
        timestamp=body.timestamp,
        hash=body.hash,
        bids=body.bids,
        asks=body.asks,
        tick_size=body.tick_size,
        last_trade_price=body.last_trade_price,
    )


def stale_frame(body: BookBody, now_ns: int) -> BookFrame:
    """Say the untrue .01/.99 book of a token, as fresh as any. Source: polymarket.md 7.2."""
    untrue = msgspec.structs.replace(
        body,
        hash="",
        timestamp=stamp(now_ns),
        bids=(Level(price_text(10_000, 10_000), STALE_SIZE),),
        asks=(Level(price_text(990_000, 10_000), STALE_SIZE),),
    )
    return book_frame(msgspec.structs.replace(untrue, hash=hash_of(untrue)))


def price_change_frame(
    market: ListedMarket, changes: Sequence[LevelChanged], *, tick: int, hashes: tuple[str, str]
) -> PriceChangeFrame:
    """Say levels that changed together, each for both tokens, with the top after the last one.

    Shape: changes of one market in YES terms, not empty; hashes of the YES and the NO book.
    """
    last = changes[-1]
    told = _tops(last.best_bid, last.best_ask, tick)
    return PriceChangeFrame(
        market=market.condition_id,
        timestamp=stamp(last.at_ns),
        price_changes=tuple(
            said(market, change, tick, hashes, told)
            for change in changes
            for said in (_yes_change, _no_change)
        ),
    )


def trade_frame(trade: Printed, *, tick: int) -> TradeFrame:
    """Say a trade."""
    return TradeFrame(
        asset_id=trade.token_id,
        market=trade.condition_id,
        price=price_text(trade.price, tick),
        size=format_micros(trade.size),
        side=trade.side,
        timestamp=stamp(trade.at_ns),
    )


def tick_frame(change: TickChanged, token_id: TokenId) -> TickFrame:
    """Say a new tick for one token."""
    return TickFrame(
        asset_id=token_id,
        market=change.condition_id,
        old_tick_size=format_micros(change.old_tick),
        new_tick_size=format_micros(change.new_tick),
        timestamp=stamp(change.at_ns),
    )


def top_frame(market: ListedMarket, token_id: TokenId, *, top: "Top", at_ns: int) -> TopFrame:
    """Say a token's top; the top is given in YES terms."""
    bid, ask = (
        (top.best_bid, top.best_ask)
        if token_id == market.yes
        else (mirror(top.best_ask), mirror(top.best_bid))
    )
    return TopFrame(
        asset_id=token_id,
        market=market.condition_id,
        best_bid=price_text(bid, top.tick),
        best_ask=price_text(ask, top.tick),
        spread=price_text(ask - bid, top.tick),
        timestamp=stamp(at_ns),
    )


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """The top of a market's one book in YES terms. Units: micros."""

    best_bid: int
    best_ask: int
    tick: int


def new_market_frame(
    market: ListedMarket, event: ListedEvent, *, market_id: str, at_ns: int
) -> NewMarketFrame:
    """Say that a market was listed; market_id is Gamma's."""
    tokens = (market.yes, market.no)
    return NewMarketFrame(
        id=market_id,
        market=market.condition_id,
        condition_id=market.condition_id,
        question=market.question,
        slug=market.slug,
        assets_ids=tokens,
        clob_token_ids=tokens,
        outcomes=market.outcomes,
        event_message=_event_message(event),
        order_price_min_tick_size=format_micros(market.tick),
        fees_enabled=market.fee.rate > 0,
        fee_schedule=_fee_body(market.fee),
        tags=(event.category.lower(),),
        timestamp=stamp(at_ns),
    )


def resolved_frame(
    market: ListedMarket,
    event: ListedEvent,
    *,
    market_id: str,
    payouts: tuple[int, int],
    at_ns: int,
) -> ResolvedFrame:
    """Say how a market was resolved."""
    won = None if payouts[0] == payouts[1] else int(payouts[1] > payouts[0])
    tokens = (market.yes, market.no)
    return ResolvedFrame(
        id=market_id,
        market=market.condition_id,
        assets_ids=tokens,
        winning_asset_id=None if won is None else tokens[won],
        winning_outcome=None if won is None else market.outcomes[won],
        event_message=_event_message(event),
        timestamp=stamp(at_ns),
    )


def _levels(levels: Iterable[tuple[int, int]], tick: int) -> tuple[Level, ...]:
    return tuple(Level(price_text(price, tick), format_micros(size)) for price, size in levels)


def _tops(best_bid: int, best_ask: int, tick: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Write the top of the YES and of the NO token."""
    return (
        (price_text(best_bid, tick), price_text(best_ask, tick)),
        (price_text(mirror(best_ask), tick), price_text(mirror(best_bid), tick)),
    )


_Tops = tuple[tuple[str, str], tuple[str, str]]


def _yes_change(
    market: ListedMarket, change: LevelChanged, tick: int, hashes: tuple[str, str], tops: _Tops
) -> PriceChange:
    return PriceChange(
        asset_id=market.yes,
        price=price_text(change.price, tick),
        size=format_micros(change.size),
        side=Side.BUY if change.is_bid else Side.SELL,
        hash=hashes[0],
        best_bid=tops[0][0],
        best_ask=tops[0][1],
    )


def _no_change(
    market: ListedMarket, change: LevelChanged, tick: int, hashes: tuple[str, str], tops: _Tops
) -> PriceChange:
    return PriceChange(
        asset_id=market.no,
        price=price_text(mirror(change.price), tick),
        size=format_micros(change.size),
        side=Side.SELL if change.is_bid else Side.BUY,
        hash=hashes[1],
        best_bid=tops[1][0],
        best_ask=tops[1][1],
    )


def _event_message(event: ListedEvent) -> EventMessage:
    return EventMessage(id=event.event_id, ticker=event.slug, slug=event.slug, title=event.title)


def _fee_body(fee: FeeSchedule) -> FeeBody | None:
    return FeeBody(exponent=fee.exponent, rate=fee.rate / RATE_SCALE) if fee.rate else None
