"""Events and markets in the words of Gamma, described from the world as it stands. No I/O.

Lists of texts are wrapped in a text, prices and volumes are numbers, as on the venue's wire; its
numbers are exact decimals here. Source: polymarket.md 2.5.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from zlib import crc32

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.conditional import held_slot
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, MarketStanding
from polyarb.venue.sandbox.terms.orders import BookLevels
from polyarb.venue.sandbox.wire.turnover import Turnover

REBATE_RATES = {"Crypto": Decimal("0.2"), "Sports": Decimal("0.15")}
"""Makers' part of the fees by category. Source: polymarket.md 5.7."""
OTHER_REBATE_RATE = Decimal("0.25")
_RATE_SCALE_DIGITS = 4
_MICRO_DIGITS = 6
_NS = 1_000_000_000
_MS_PER_S = 1_000
_HALF = MICRO // 2
_NUMBER_DIGITS = 12
_TAG_NUMBERS = 1_000_000


class TagBody(msgspec.Struct, frozen=True):
    """A tag: the category of an event."""

    id: str
    slug: str
    label: str


class EventReference(msgspec.Struct, frozen=True):
    """How a market names the event that it belongs to."""

    id: str
    slug: str
    title: str
    ticker: str


class FeeScheduleBody(msgspec.Struct, frozen=True, rename="camel"):
    """`feeSchedule` of a market."""

    exponent: int
    rate: Decimal
    taker_only: bool
    rebate_rate: Decimal


class MarketBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A market.

    Shape: outcomes, prices and token ids are JSON lists within a text; a hold of less than a
    second is told by the CLOB alone (`itode`).
    """

    id: str
    version: str = "v1"
    slug: str
    question: str
    condition_id: str
    description: str
    category: str
    outcomes: str
    outcome_prices: str
    clob_token_ids: str
    position_ids: None = None
    active: bool
    closed: bool
    archived: bool = False
    accepting_orders: bool
    enable_order_book: bool = True
    neg_risk: bool
    neg_risk_market_id: str = msgspec.field(name="negRiskMarketID")
    neg_risk_request_id: str = msgspec.field(name="negRiskRequestID")
    neg_risk_other: bool = False
    group_item_title: str
    question_id: str = msgspec.field(name="questionID")
    order_price_min_tick_size: Decimal
    order_min_size: Decimal
    seconds_delay: int
    fees_enabled: bool
    fee_type: str | None
    fee_schedule: FeeScheduleBody | None
    start_date: str
    end_date: str
    closed_time: str | None
    game_start_time: None = None
    uma_resolution_status: str
    resolution_status: None = None
    resolved_by: Address
    resolution_source: str = ""
    best_bid: Decimal
    best_ask: Decimal
    last_trade_price: Decimal
    spread: Decimal
    volume: str
    volume_num: Decimal
    volume24hr: Decimal
    volume_clob: Decimal
    liquidity: str
    liquidity_num: Decimal
    liquidity_clob: Decimal
    rewards_min_size: int = 0
    rewards_max_spread: int = 0
    clob_rewards: tuple[()] = ()
    events: tuple[EventReference, ...] = ()
    tags: tuple[TagBody, ...] = ()


class EventBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event with its markets."""

    id: str
    version: str = "v1"
    ticker: str
    slug: str
    title: str
    description: str
    category: str
    active: bool
    closed: bool
    archived: bool = False
    featured: bool = False
    restricted: bool = False
    enable_order_book: bool = True
    neg_risk: bool
    enable_neg_risk: bool
    neg_risk_market_id: str | None = msgspec.field(name="negRiskMarketID")
    neg_risk_fee_bips: int
    neg_risk_augmented: bool = False
    cumulative_markets: bool = False
    start_date: str
    end_date: str
    closed_time: str | None
    liquidity: Decimal
    liquidity_clob: Decimal
    volume: Decimal
    volume24hr: Decimal
    open_interest: Decimal
    markets: tuple[MarketBody, ...]
    tags: tuple[TagBody, ...]
    series: tuple[()] = ()


class MarketFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A market with what lists are filtered and ordered by. Units: micros, unix nanoseconds."""

    listed: ListedMarket
    event: ListedEvent
    standing: MarketStanding
    book: BookLevels | None
    last_price: int | None
    rank: int
    volume: int
    volume_day: int
    liquidity: int


class EventFigures(msgspec.Struct, frozen=True, kw_only=True):
    """An event with the figures of its markets. Units: micros, unix nanoseconds."""

    event: ListedEvent
    markets: tuple[MarketFigures, ...]
    rank: int
    open_interest: int

    @property
    def is_closed(self) -> bool:
        """Tell whether none of its markets is open any more."""
        return all(market.standing.is_closed for market in self.markets)

    @property
    def volume(self) -> int:
        """Return the turnover of its markets in micros."""
        return sum(market.volume for market in self.markets)

    @property
    def volume_day(self) -> int:
        """Return its markets' turnover of a day in micros."""
        return sum(market.volume_day for market in self.markets)

    @property
    def liquidity(self) -> int:
        """Return the worth of its markets' resting orders in micros."""
        return sum(market.liquidity for market in self.markets)


def market_number(condition_id: ConditionId) -> str:
    """Return the number by which Gamma knows a market: the first 48 bits of its condition."""
    return str(int(condition_id[2 : 2 + _NUMBER_DIGITS], 16))


def tag_of(category: str) -> TagBody:
    """Return a category's tag."""
    slug = "-".join(category.lower().split()) or "other"
    return TagBody(id=str(crc32(slug.encode()) % _TAG_NUMBERS + 1), slug=slug, label=category)


def open_interest_of(chain: Chain, market: ListedMarket) -> int:
    """Return the collateral behind a market's sets. Units: micros of a USD."""
    is_wrapped = market.is_neg_risk
    collateral = CONTRACTS.wrapped_collateral if is_wrapped else CONTRACTS.usdc_bridged
    return chain.state.read(held_slot(collateral, market.condition_id))


def events_of(
    exchange: Exchange, turnover: Turnover, now_ns: int, *, chain: Chain | None = None
) -> tuple[EventFigures, ...]:
    """Read the figures of every event, in the order in which they were listed.

    Without a chain nobody knows how many sets are out, which counts as none.
    """
    found: list[EventFigures] = []
    rank = 0
    for event in exchange.events():
        markets = tuple(
            _figures(exchange, turnover, now_ns, market, event=event, rank=rank + position)
            for position, condition_id in enumerate(event.condition_ids)
            if (market := exchange.market(condition_id)) is not None
        )
        rank += len(markets)
        listed = [market.listed for market in markets]
        interest = sum(open_interest_of(chain, market) for market in listed) if chain else 0
        found.append(
            EventFigures(event=event, markets=markets, rank=len(found), open_interest=interest)
        )
    return tuple(found)


def event_body(figures: EventFigures) -> EventBody:
    """Describe an event with all of its markets."""
    event = figures.event
    return EventBody(
        id=event.event_id,
        ticker=event.slug,
        slug=event.slug,
        title=event.title,
        description=f"A play market of the sandbox: {event.title}",
        category=event.category,
        active=True,
        closed=figures.is_closed,
        neg_risk=event.group_id is not None,
        enable_neg_risk=event.group_id is not None,
        neg_risk_market_id=event.group_id,
        neg_risk_fee_bips=event.convert_fee_bips,
        start_date=iso_of(event.starts_ns),
        end_date=iso_of(event.ends_ns),
        closed_time=_closed_time(figures.markets) if figures.is_closed else None,
        liquidity=usd(figures.liquidity),
        liquidity_clob=usd(figures.liquidity),
        volume=usd(figures.volume),
        volume24hr=usd(figures.volume_day),
        open_interest=usd(figures.open_interest),
        markets=tuple(market_body(market, is_nested=True) for market in figures.markets),
        tags=(tag_of(event.category),),
    )


def market_body(
    figures: MarketFigures, *, is_nested: bool = False, is_tagged: bool = False
) -> MarketBody:
    """Describe a market; one within its event does not name the event again."""
    listed, event, standing = figures.listed, figures.event, figures.standing
    bid, ask = _tops(figures.book)
    return MarketBody(
        id=market_number(listed.condition_id),
        slug=listed.slug,
        question=listed.question,
        condition_id=listed.condition_id,
        description=f"A play market of the sandbox: {listed.question}",
        category=event.category,
        outcomes=_wrapped(listed.outcomes),
        outcome_prices=_wrapped(str(usd(price)) for price in _outcome_prices(figures)),
        clob_token_ids=_wrapped((listed.yes, listed.no)),
        active=True,
        closed=standing.is_closed,
        accepting_orders=standing.is_accepting and not standing.is_closed,
        neg_risk=listed.is_neg_risk,
        neg_risk_market_id=listed.group_id or "",
        neg_risk_request_id=listed.question_id if listed.is_neg_risk else "",
        group_item_title=listed.question if listed.is_neg_risk else "",
        question_id=listed.question_id,
        order_price_min_tick_size=usd(standing.tick),
        order_min_size=usd(listed.size_min),
        seconds_delay=listed.hold_ms // _MS_PER_S,
        fees_enabled=listed.fee.rate > 0,
        fee_type=f"{event.category.lower()}_fees" if listed.fee.rate else None,
        fee_schedule=_fee_schedule(listed, event.category),
        start_date=iso_of(max(event.starts_ns, standing.opened_ns)),
        end_date=iso_of(event.ends_ns),
        closed_time=_closed_time((figures,)) if standing.is_closed else None,
        uma_resolution_status="resolved" if standing.payouts else "",
        resolved_by=listed.oracle,
        best_bid=usd(bid),
        best_ask=usd(ask),
        last_trade_price=usd(figures.last_price or 0),
        spread=usd(ask - bid),
        volume=str(usd(figures.volume)),
        volume_num=usd(figures.volume),
        volume24hr=usd(figures.volume_day),
        volume_clob=usd(figures.volume),
        liquidity=str(usd(figures.liquidity)),
        liquidity_num=usd(figures.liquidity),
        liquidity_clob=usd(figures.liquidity),
        events=() if is_nested else (_reference(event),),
        tags=(tag_of(event.category),) if is_tagged else (),
    )


def usd(micros: int) -> Decimal:
    """Return micros as an exact decimal without an exponent."""
    exact = Decimal(micros).scaleb(-_MICRO_DIGITS)
    whole = exact.to_integral_value()
    return whole if exact == whole else exact.normalize()


def iso_of(time_ns: int) -> str:
    """Write a time as Gamma does, in whole seconds."""
    return datetime.fromtimestamp(time_ns // _NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _figures(
    exchange: Exchange,
    turnover: Turnover,
    now_ns: int,
    market: ListedMarket,
    *,
    event: ListedEvent,
    rank: int,
) -> MarketFigures:
    book = exchange.book(market.yes)
    standing = exchange.standing(market.condition_id)
    return MarketFigures(
        listed=market,
        event=event,
        standing=standing or MarketStanding(tick=market.tick, is_accepting=False, is_closed=True),
        book=book,
        last_price=book.last_price if book else None,
        rank=rank,
        volume=turnover.total(market.condition_id),
        volume_day=turnover.of_a_day(market.condition_id, now_ns),
        liquidity=_worth(book),
    )


def _worth(book: BookLevels | None) -> int:
    """Return what the resting orders hold back: bids their price, asks what is left to 1."""
    if book is None:
        return 0
    bids = sum(price * size for price, size in book.bids)
    asks = sum((MICRO - price) * size for price, size in book.asks)
    return (bids + asks) // MICRO


def _tops(book: BookLevels | None) -> tuple[int, int]:
    """Return the best bid and ask of YES; 0 and 1 where a side is empty."""
    bid = book.bids[-1][0] if book and book.bids else 0
    return bid, book.asks[-1][0] if book and book.asks else MICRO


def _outcome_prices(figures: MarketFigures) -> tuple[int, int]:
    """Return what YES and NO are worth: their payout, or the middle of a two-sided book."""
    if figures.standing.payouts is not None:
        return figures.standing.payouts
    bid, ask = _tops(figures.book)
    is_two_sided = bid > 0 and ask < MICRO
    middle = (bid + ask) // 2 if is_two_sided else figures.last_price or _HALF
    return middle, MICRO - middle


def _closed_time(markets: Iterable[MarketFigures]) -> str | None:
    """Return when the last of the markets was resolved; None while one waits for its verdict."""
    times = [market.standing.resolved_ns for market in markets]
    return iso_of(max(times)) if times and all(times) else None


def _fee_schedule(listed: ListedMarket, category: str) -> FeeScheduleBody | None:
    if not listed.fee.rate:
        return None
    return FeeScheduleBody(
        exponent=listed.fee.exponent,
        rate=Decimal(listed.fee.rate).scaleb(-_RATE_SCALE_DIGITS).normalize(),
        taker_only=True,
        rebate_rate=REBATE_RATES.get(category, OTHER_REBATE_RATE),
    )


def _reference(event: ListedEvent) -> EventReference:
    return EventReference(id=event.event_id, slug=event.slug, title=event.title, ticker=event.slug)


def _wrapped(texts: Iterable[str]) -> str:
    """Write a list of texts within a text, as Gamma does."""
    return msgspec.json.encode(tuple(texts)).decode()
