"""The CLOB's public reads of markets, of what was traded and of what prices were.

Sampled markets are those that take orders; nothing earns rewards here. Source: polymarket.md 3.2.
"""

from datetime import UTC, datetime
from typing import TypeVar

from polyarb.domain.fees import RATE_SCALE
from polyarb.domain.market import mirror
from polyarb.domain.units import MICRO, ONE, format_micros
from polyarb.venue.sandbox.server.clob.bodies import (
    CursorQuery,
    HistoryAnswer,
    HistoryPoint,
    HistoryQuery,
    MarketByTokenAnswer,
    MarketPath,
    Nothing,
    TokenPath,
)
from polyarb.venue.sandbox.server.clob.books import LEGACY_FEE_BPS, best
from polyarb.venue.sandbox.server.clob.calls import Call, Endpoint, endpoint
from polyarb.venue.sandbox.server.clob.market_bodies import (
    ActivityBody,
    ActivityMarket,
    ActivityUser,
    CompactFee,
    CompactMarket,
    CompactToken,
    MarketBody,
    MarketToken,
    Rewards,
    SimplifiedMarket,
)
from polyarb.venue.sandbox.server.clob.memory import SECONDS_PER_MINUTE, Midpoint
from polyarb.venue.sandbox.server.clob.pages import Page, page_of
from polyarb.venue.sandbox.server.clob.venue import ClobVenue
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.terms.announcements import Printed
from polyarb.venue.sandbox.terms.instruments import ListedMarket, MarketStanding
from polyarb.venue.sandbox.terms.orders import BookLevels

Row = TypeVar("Row")

NS_PER_S = 1_000_000_000
MS_PER_S = 1_000
NO_INTERVAL = "invalid filters: 'interval' or 'startTs' and 'endTs' are required"
INTERVALS: dict[str, int | None] = {
    "1h": 3_600,
    "6h": 21_600,
    "1d": 86_400,
    "1w": 604_800,
    "1m": 2_592_000,
    "max": None,
    "all": None,
}
"""Seconds before now that an interval begins; None is from the start."""


def market_body(venue: ClobVenue, market: ListedMarket) -> MarketBody:
    """Write a market as it stands."""
    standing = venue.standing(market)
    event = venue.event_of(market)
    fee = LEGACY_FEE_BPS if market.fee.rate else 0
    return MarketBody(
        enable_order_book=True,
        active=True,
        closed=standing.is_closed,
        archived=False,
        accepting_orders=standing.is_accepting,
        accepting_order_timestamp=_iso(standing.opened_ns),
        minimum_order_size=market.size_min / MICRO,
        minimum_tick_size=standing.tick / ONE,
        condition_id=market.condition_id,
        question_id=market.question_id,
        question=market.question,
        description=market.question,
        market_slug=market.slug,
        end_date_iso=_iso(event.ends_ns),
        game_start_time=None,
        seconds_delay=market.hold_ms // MS_PER_S,
        fpmm="",
        maker_base_fee=fee,
        taker_base_fee=fee,
        notifications_enabled=True,
        neg_risk=market.is_neg_risk,
        neg_risk_market_id=market.group_id or "",
        neg_risk_request_id=market.question_id if market.is_neg_risk else "",
        icon="",
        image="",
        rewards=Rewards(),
        is_50_50_outcome=_is_even(standing),
        tokens=_tokens(venue, market, standing),
        tags=(event.category,),
    )


def _compact(call: Call[MarketPath, Nothing]) -> CompactMarket:
    market = call.venue.market(call.query.condition_id)
    standing = call.venue.standing(market)
    fee = market.fee
    return CompactMarket(
        c=market.condition_id,
        t=(
            CompactToken(market.yes, market.outcomes[0]),
            CompactToken(market.no, market.outcomes[1]),
        ),
        mos=market.size_min / MICRO,
        mts=standing.tick / ONE,
        mbf=LEGACY_FEE_BPS if fee.rate else 0,
        tbf=LEGACY_FEE_BPS if fee.rate else 0,
        ao=standing.is_accepting,
        aot=_iso(standing.opened_ns),
        nr=market.is_neg_risk,
        itode=market.hold_ms > 0,
        fd=CompactFee(fee.rate / RATE_SCALE, fee.exponent) if fee.rate else None,
    )


def _market(call: Call[MarketPath, Nothing]) -> MarketBody:
    return market_body(call.venue, call.venue.market(call.query.condition_id))


def _markets(call: Call[CursorQuery, Nothing]) -> Page[MarketBody]:
    page = _page(call, call.venue.exchange.markets())
    return _told(page, [market_body(call.venue, market) for market in page.data])


def _sampled(call: Call[CursorQuery, Nothing]) -> Page[MarketBody]:
    page = _page(call, _accepting(call.venue))
    return _told(page, [market_body(call.venue, market) for market in page.data])


def _simplified(call: Call[CursorQuery, Nothing]) -> Page[SimplifiedMarket]:
    page = _page(call, call.venue.exchange.markets())
    return _told(page, [_simple(call.venue, market) for market in page.data])


def _sampled_simplified(call: Call[CursorQuery, Nothing]) -> Page[SimplifiedMarket]:
    page = _page(call, _accepting(call.venue))
    return _told(page, [_simple(call.venue, market) for market in page.data])


def _by_token(call: Call[TokenPath, Nothing]) -> MarketByTokenAnswer:
    market = call.venue.market_of(call.query.token_id)
    return MarketByTokenAnswer(
        condition_id=market.condition_id, primary_token_id=market.yes, secondary_token_id=market.no
    )


def _activity(call: Call[MarketPath, Nothing]) -> tuple[ActivityBody, ...]:
    market = call.venue.market(call.query.condition_id)
    prints = call.venue.memory.prints(market.condition_id)
    return tuple(_activity_body(market, printed) for printed in prints)


def _history(call: Call[HistoryQuery, Nothing]) -> HistoryAnswer:
    query, now_s = call.query, call.now_ns // NS_PER_S
    if query.interval not in INTERVALS and None in (query.start_ts, query.end_ts):
        raise RejectedError(400, NO_INTERVAL)
    market = call.venue.market_of(query.market)
    length_s = INTERVALS.get(query.interval)
    starts_s = query.start_ts or 0
    if length_s is not None:
        starts_s = max(starts_s, now_s - length_s)
    ends_s = now_s if query.end_ts is None else query.end_ts
    is_yes = query.market == market.yes
    points = [
        _point(midpoint, is_yes)
        for midpoint in _known_midpoints(call.venue, market, now_s)
        if starts_s <= midpoint.minute * SECONDS_PER_MINUTE <= ends_s
    ]
    return HistoryAnswer(history=_thinned(points, max(1, query.fidelity)))


def _known_midpoints(venue: ClobVenue, market: ListedMarket, now_s: int) -> list[Midpoint]:
    """Return a market's midpoints with that of this moment at the end."""
    levels = venue.book(market.yes)
    known = list(venue.memory.midpoints(market.condition_id))
    minute = now_s // SECONDS_PER_MINUTE
    if levels.bids and levels.asks and not (known and known[-1].minute == minute):
        known.append(Midpoint(minute, sum(best(levels))))
    return known


def _thinned(points: list[HistoryPoint], fidelity: int) -> tuple[HistoryPoint, ...]:
    """Keep the last point of every so many minutes."""
    width_s = fidelity * SECONDS_PER_MINUTE
    return tuple({point.t // width_s: point for point in points}.values())


def _point(midpoint: Midpoint, is_yes: bool) -> HistoryPoint:
    doubled = midpoint.doubled if is_yes else 2 * ONE - midpoint.doubled
    return HistoryPoint(t=midpoint.minute * SECONDS_PER_MINUTE, p=doubled / (2 * ONE))


def _activity_body(market: ListedMarket, printed: Printed) -> ActivityBody:
    index = 0 if printed.token_id == market.yes else 1
    return ActivityBody(
        event_type="trade",
        market=ActivityMarket(
            condition_id=market.condition_id,
            asset_id=printed.token_id,
            question=market.question,
            icon="",
            slug=market.slug,
        ),
        user=ActivityUser(),
        side=printed.side,
        size=format_micros(printed.size),
        fee_rate_bps="0",
        price=format_micros(printed.price),
        outcome=market.outcomes[index],
        outcome_index=index,
        transaction_hash="",
        timestamp=str(printed.at_ns // NS_PER_S),
    )


def _simple(venue: ClobVenue, market: ListedMarket) -> SimplifiedMarket:
    standing = venue.standing(market)
    return SimplifiedMarket(
        condition_id=market.condition_id,
        rewards=Rewards(),
        tokens=_tokens(venue, market, standing),
        active=True,
        closed=standing.is_closed,
        archived=False,
        accepting_orders=standing.is_accepting,
    )


def _tokens(
    venue: ClobVenue, market: ListedMarket, standing: MarketStanding
) -> tuple[MarketToken, MarketToken]:
    yes = standing.payouts[0] if standing.payouts else _price(venue.book(market.yes))
    winner = _winner(standing)
    prices = (yes / ONE, mirror(yes) / ONE)
    first, second = (
        MarketToken(token_id=token_id, outcome=outcome, price=price, winner=winner == index)
        for index, (token_id, outcome, price) in enumerate(
            zip((market.yes, market.no), market.outcomes, prices, strict=True)
        )
    )
    return first, second


def _price(levels: BookLevels) -> int:
    """Return what a token is shown to be worth: its last trade, or the middle of its book."""
    return sum(best(levels)) // 2 if levels.last_price is None else levels.last_price


def _winner(standing: MarketStanding) -> int | None:
    if standing.payouts is None or _is_even(standing):
        return None
    return 0 if standing.payouts[0] > standing.payouts[1] else 1


def _is_even(standing: MarketStanding) -> bool:
    return standing.payouts is not None and standing.payouts[0] == standing.payouts[1]


def _accepting(venue: ClobVenue) -> tuple[ListedMarket, ...]:
    return tuple(
        market for market in venue.exchange.markets() if venue.standing(market).is_accepting
    )


def _page(
    call: Call[CursorQuery, Nothing], markets: tuple[ListedMarket, ...]
) -> Page[ListedMarket]:
    return page_of(markets, call.query.next_cursor, call.venue.settings.market_page)


def _told(page: Page[ListedMarket], rows: list[Row]) -> Page[Row]:
    return Page(limit=page.limit, count=page.count, next_cursor=page.next_cursor, data=rows)


def _iso(at_ns: int) -> str:
    moment = datetime.fromtimestamp(at_ns // NS_PER_S, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


MARKET_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(
        "GET",
        "/clob-markets/{condition_id}",
        _compact,
        summary="A market's parameters in short",
        query=MarketPath,
        answer=CompactMarket,
    ),
    endpoint(
        "GET",
        "/markets-by-token/{token_id}",
        _by_token,
        summary="The market of a token",
        query=TokenPath,
        answer=MarketByTokenAnswer,
    ),
    endpoint(
        "GET",
        "/markets",
        _markets,
        summary="All markets",
        query=CursorQuery,
        answer=Page[MarketBody],
    ),
    endpoint(
        "GET",
        "/sampling-markets",
        _sampled,
        summary="Markets that take orders",
        query=CursorQuery,
        answer=Page[MarketBody],
    ),
    endpoint(
        "GET",
        "/simplified-markets",
        _simplified,
        summary="All markets, with less of each",
        query=CursorQuery,
        answer=Page[SimplifiedMarket],
    ),
    endpoint(
        "GET",
        "/sampling-simplified-markets",
        _sampled_simplified,
        summary="Markets that take orders, with less of each",
        query=CursorQuery,
        answer=Page[SimplifiedMarket],
    ),
    endpoint(
        "GET",
        "/markets/live-activity/{condition_id}",
        _activity,
        summary="A market's last trades",
        query=MarketPath,
        answer=tuple[ActivityBody, ...],
    ),
    endpoint(
        "GET",
        "/markets/{condition_id}",
        _market,
        summary="One market",
        query=MarketPath,
        answer=MarketBody,
    ),
    endpoint(
        "GET",
        "/prices-history",
        _history,
        summary="Midpoints that were",
        query=HistoryQuery,
        answer=HistoryAnswer,
    ),
)
