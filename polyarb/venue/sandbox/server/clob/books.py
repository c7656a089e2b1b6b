"""The CLOB's public reads of books and prices.

`/price` of BUY is the best bid, which is what the documented samples show; the documentation
contradicts itself. A side that is empty counts as 0 or as one USD. Source: polymarket.md 3.2.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from polyarb.domain.plan import Side
from polyarb.domain.units import ONE, format_micros, format_scaled
from polyarb.venue.sandbox.server.clob.bodies import (
    BATCH_TOKENS_MAX,
    FeeRateAnswer,
    LastTradeAnswer,
    LastTradeRow,
    MidpointAnswer,
    NegRiskAnswer,
    Nothing,
    PriceAnswer,
    PriceQuery,
    SpreadAnswer,
    TickAnswer,
    TokenEntry,
    TokenQuery,
)
from polyarb.venue.sandbox.server.clob.calls import Call, Endpoint, endpoint
from polyarb.venue.sandbox.server.clob.venue import ClobVenue
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.terms.orders import BookLevels
from polyarb.venue.sandbox.wire.frames import BookBody, book_body

Told = TypeVar("Told")
Tokens = Call[Nothing, list[TokenEntry]]
Token = Call[TokenQuery, Nothing]

NO_TOKEN = "Invalid token id"
NO_SIDE = "Invalid side"
TOO_MANY = "Payload exceeds the limit"
LEGACY_FEE_BPS = 1_000
_TENTH_MICROS = 10 * ONE
_SIDES = frozenset({"BUY", "SELL"})


def best(levels: BookLevels) -> tuple[int, int]:
    """Return a token's best bid and ask. Units: micros; 0 and one USD where a side is empty."""
    bid = levels.bids[-1][0] if levels.bids else 0
    ask = levels.asks[-1][0] if levels.asks else ONE
    return bid, ask


def _book(call: Token) -> BookBody:
    return _write(call.venue, call.venue.book(_token(call)))


def _books(call: Tokens) -> tuple[BookBody, ...]:
    return tuple(_write(call.venue, levels) for levels in _known(call).values())


def _price(call: Call[PriceQuery, Nothing]) -> PriceAnswer:
    levels = call.venue.book(_named(call.query.token_id))
    return PriceAnswer(price=_price_text(levels, call.query.side))


def _prices(call: Tokens) -> dict[str, dict[str, str]]:
    known = _known(call)
    told: dict[str, dict[str, str]] = {}
    for entry in call.body:
        if entry.token_id in known:
            price = _price_text(known[entry.token_id], entry.side)
            told.setdefault(entry.token_id, {})[entry.side.upper()] = price
    return told


def _midpoint(call: Token) -> MidpointAnswer:
    return MidpointAnswer(mid=_mid_text(call.venue.book(_token(call))))


def _midpoints(call: Tokens) -> dict[str, str]:
    return _each(call, _mid_text)


def _spread(call: Token) -> SpreadAnswer:
    return SpreadAnswer(spread=_spread_text(call.venue.book(_token(call))))


def _spreads(call: Tokens) -> dict[str, str]:
    return _each(call, _spread_text)


def _last_trade(call: Token) -> LastTradeAnswer:
    token_id = call.venue.book(_token(call)).token_id
    last = call.venue.exchange.last_print(token_id)
    if last is None:
        return LastTradeAnswer()
    return LastTradeAnswer(price=format_micros(last[0]), side=last[1])


def _last_trades(call: Tokens) -> tuple[LastTradeRow, ...]:
    lasts = [
        (token_id, call.venue.exchange.last_print(levels.token_id))
        for token_id, levels in _known(call).items()
    ]
    return tuple(
        LastTradeRow(token_id=token_id, price=format_micros(last[0]), side=last[1])
        for token_id, last in lasts
        if last is not None
    )


def _tick(call: Token) -> TickAnswer:
    return TickAnswer(minimum_tick_size=call.venue.book(_token(call)).tick / ONE)


def _neg_risk(call: Token) -> NegRiskAnswer:
    return NegRiskAnswer(neg_risk=call.venue.market_of(_token(call)).is_neg_risk)


def _fee_rate(call: Token) -> FeeRateAnswer:
    market = call.venue.market_of(_token(call))
    return FeeRateAnswer(base_fee=LEGACY_FEE_BPS if market.fee.rate else 0)


def _write(venue: ClobVenue, levels: BookLevels) -> BookBody:
    return book_body(levels, venue.market(levels.condition_id))


def _token(call: Token) -> str:
    return _named(call.query.token_id)


def _named(token_id: str) -> str:
    if not token_id:
        raise RejectedError(400, NO_TOKEN)
    return token_id


def _known(call: Tokens) -> Mapping[str, BookLevels]:
    """Return the books of the tokens that exist; the others are left out without a word."""
    if len(call.body) > BATCH_TOKENS_MAX:
        raise RejectedError(400, TOO_MANY)
    books: Iterable[tuple[str, BookLevels | None]] = (
        (entry.token_id, call.venue.find_book(entry.token_id)) for entry in call.body
    )
    return {token_id: levels for token_id, levels in books if levels is not None}


def _each(call: Tokens, tell: Callable[[BookLevels], Told]) -> dict[str, Told]:
    return {token_id: tell(levels) for token_id, levels in _known(call).items()}


def _price_text(levels: BookLevels, side: str) -> str:
    if side.upper() not in _SIDES:
        raise RejectedError(400, NO_SIDE)
    bid, ask = best(levels)
    return format_micros(bid if side.upper() == Side.BUY else ask)


def _mid_text(levels: BookLevels) -> str:
    return format_scaled(5 * sum(best(levels)), _TENTH_MICROS)


def _spread_text(levels: BookLevels) -> str:
    bid, ask = best(levels)
    return format_micros(ask - bid)


BOOK_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint("GET", "/book", _book, summary="One token's book", query=TokenQuery, answer=BookBody),
    endpoint(
        "POST",
        "/books",
        _books,
        summary="Books of several tokens",
        body=list[TokenEntry],
        answer=tuple[BookBody, ...],
    ),
    endpoint(
        "GET", "/price", _price, summary="The best price", query=PriceQuery, answer=PriceAnswer
    ),
    endpoint(
        "POST",
        "/prices",
        _prices,
        summary="The best prices of several tokens",
        body=list[TokenEntry],
        answer=dict[str, dict[str, str]],
    ),
    endpoint(
        "GET", "/midpoint", _midpoint, summary="The middle", query=TokenQuery, answer=MidpointAnswer
    ),
    endpoint(
        "POST",
        "/midpoints",
        _midpoints,
        summary="The middles of several tokens",
        body=list[TokenEntry],
        answer=dict[str, str],
    ),
    endpoint(
        "GET", "/spread", _spread, summary="The spread", query=TokenQuery, answer=SpreadAnswer
    ),
    endpoint(
        "POST",
        "/spreads",
        _spreads,
        summary="The spreads of several tokens",
        body=list[TokenEntry],
        answer=dict[str, str],
    ),
    endpoint(
        "GET",
        "/last-trade-price",
        _last_trade,
        summary="The last trade",
        query=TokenQuery,
        answer=LastTradeAnswer,
    ),
    endpoint(
        "POST",
        "/last-trades-prices",
        _last_trades,
        summary="The last trades of several tokens, of those that traded",
        body=list[TokenEntry],
        answer=tuple[LastTradeRow, ...],
    ),
    endpoint("GET", "/tick-size", _tick, summary="The tick", query=TokenQuery, answer=TickAnswer),
    endpoint(
        "GET",
        "/neg-risk",
        _neg_risk,
        summary="Whether a market is one of a neg-risk group",
        query=TokenQuery,
        answer=NegRiskAnswer,
    ),
    endpoint(
        "GET",
        "/fee-rate",
        _fee_rate,
        summary="The legacy fee, not the effective one",
        query=TokenQuery,
        answer=FeeRateAnswer,
    ),
)
