"""Gamma and CLOB descriptions of markets as domain markets and groups; unknown stays unknown.

Numbers are read from their text, never through a float. Source: polymarket.md 2.1 to 2.5, 3.2.
"""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from polyarb.domain.fees import NO_FEE, RATE_SCALE, FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import Market, MarketGroup, MarketVersion
from polyarb.domain.units import MICRO, Price, Shares

TICKS = frozenset({100_000, 10_000, 5_000, 2_500, 1_000, 100})
"""Micros. Source: polymarket.md 2.4."""
ORDER_DELAY_MS = 250
"""Stands for the taker hold of a market that only says it has one (`itode`)."""
_V2_CONDITION_LENGTH = len("0x") + 62
_V1_CONDITION_LENGTH = len("0x") + 64
_SHOWN_MAX = 60
_TEXT_LIST = msgspec.json.Decoder(list[str])


class FeeBody(msgspec.Struct):
    """`feeSchedule` of Gamma."""

    rate: Decimal | None = None
    exponent: Decimal | None = None


class GammaMarket(msgspec.Struct, rename="camel"):
    """A market as Gamma describes it."""

    condition_id: str | None = None
    question: str | None = None
    slug: str | None = None
    version: str | None = None
    outcomes: str | list[str] | None = None
    clob_token_ids: str | list[str] | None = None
    position_ids: str | list[str] | None = None
    active: bool | None = None
    closed: bool | None = None
    archived: bool | None = None
    accepting_orders: bool | None = None
    enable_order_book: bool | None = None
    neg_risk: bool | None = None
    neg_risk_market_id: str | None = msgspec.field(name="negRiskMarketID", default=None)
    neg_risk_other: bool | None = None
    question_id: str | None = msgspec.field(name="questionID", default=None)
    order_price_min_tick_size: Decimal | None = None
    order_min_size: Decimal | None = None
    seconds_delay: Decimal | None = None
    fees_enabled: bool | None = None
    fee_schedule: FeeBody | None = None
    end_date: str | None = None
    volume24hr: Decimal | None = None
    liquidity_num: Decimal | None = None
    liquidity: Decimal | None = None


class GammaEvent(msgspec.Struct, rename="camel"):
    """An event as Gamma describes it."""

    id: str | int | None = None
    title: str | None = None
    closed: bool | None = None
    neg_risk: bool | None = None
    neg_risk_augmented: bool | None = None
    neg_risk_market_id: str | None = msgspec.field(name="negRiskMarketID", default=None)
    neg_risk_fee_bips: Decimal | None = None
    cumulative_markets: bool | None = None
    markets: list[GammaMarket] = []


class CompactToken(msgspec.Struct):
    """A token of a compact market: id and outcome."""

    t: str
    o: str = ""


class CompactFee(msgspec.Struct):
    """The effective fee of a compact market: rate and exponent."""

    r: Decimal | None = None
    e: Decimal | None = None


class CompactMarket(msgspec.Struct):
    """`/clob-markets/{condition}`; a key that is false or unset is left out."""

    t: list[CompactToken]
    c: str | None = None
    mos: Decimal | None = None
    mts: Decimal | None = None
    fd: CompactFee | None = None
    v: str | None = None
    ao: bool = False
    itode: bool = False
    nr: bool = False


def market_of_gamma(body: GammaMarket, group_id: GroupId | None = None) -> Market | None:
    """Describe a market; None for one without a condition or without exactly two tokens."""
    tokens = _tokens(body)
    if not body.condition_id or len(tokens) != 2 or tokens[0] == tokens[1]:
        return None
    outcomes = _texts(body.outcomes, "outcomes")
    return Market(
        condition_id=_condition_id(body.condition_id),
        yes=TokenId(tokens[0]),
        no=TokenId(tokens[1]),
        question=body.question or "",
        slug=body.slug or "",
        outcomes=(outcomes[0], outcomes[1]) if len(outcomes) == 2 else ("Yes", "No"),
        version=_version(body.version),
        tick=_tick(body.order_price_min_tick_size),
        size_min=_size_min(body.order_min_size),
        fee=_gamma_fee(body),
        hold_ms=_hold_ms(body.seconds_delay),
        group_id=group_id,
        is_accepting_orders=_is_accepting(body),
        is_closed=body.closed is True,
    )


def market_of_compact(body: CompactMarket) -> Market | None:
    """Describe a market; a missing `fd` is an unknown fee, not none.

    None for one that does not say its condition or has not exactly two tokens.
    """
    if not body.c or len(body.t) != 2 or body.t[0].t == body.t[1].t:
        return None
    return Market(
        condition_id=_condition_id(body.c),
        yes=TokenId(body.t[0].t),
        no=TokenId(body.t[1].t),
        outcomes=(body.t[0].o, body.t[1].o),
        version=_version(body.v),
        tick=_tick(body.mts),
        size_min=_size_min(body.mos),
        fee=None if body.fd is None else schedule_of(body.fd),
        hold_ms=ORDER_DELAY_MS if body.itode else 0,
        is_accepting_orders=body.ao,
    )


def schedule_of(body: CompactFee) -> FeeSchedule | None:
    """Read the fee of a market info; None where it has a form that is not understood."""
    return _schedule(body.r, body.e)


def end_time_ms_of(body: GammaMarket) -> int | None:
    """Read the end date; None when it is not told or is none."""
    try:
        end = datetime.fromisoformat(body.end_date or "")
    except ValueError:
        return None
    whole = end if end.tzinfo else end.replace(tzinfo=UTC)
    return int(whole.timestamp()) * 1_000


def volume_24h_of(body: GammaMarket) -> int | None:
    """Read the turnover of a day, rounded down to micros of a USD; None when it is not told."""
    return _floored(body.volume24hr)


def liquidity_of(body: GammaMarket) -> int | None:
    """Read the worth of the resting orders, rounded down to micros; None when it is not told."""
    return _floored(body.liquidity if body.liquidity_num is None else body.liquidity_num)


def group_id_of(market: GammaMarket, event: GammaEvent | None = None) -> GroupId | None:
    """Return the neg-risk group of a market, or None if it is in none."""
    if market.neg_risk is False or not (market.neg_risk or (event and event.neg_risk)):
        return None
    group_id = market.neg_risk_market_id or (event.neg_risk_market_id if event else None)
    return GroupId(group_id) if group_id else None


def group_of_event(
    group_id: GroupId, event: GammaEvent, condition_ids: tuple[ConditionId, ...]
) -> MarketGroup:
    """Describe a neg-risk group with its certificate of completeness, as far as Gamma tells."""
    fee_bips = _whole(event.neg_risk_fee_bips, 1)
    return MarketGroup(
        group_id=group_id,
        condition_ids=condition_ids,
        title=event.title or "",
        incomplete=next((reason for failed, reason in _certificate(group_id, event) if failed), ""),
        convert_fee_bips=fee_bips,
    )


def _certificate(group_id: GroupId, event: GammaEvent) -> tuple[tuple[bool, str], ...]:
    """List why the markets of an event may not be every outcome; all must be False.

    A market that is closed counts: what it resolved to is not known here. The last byte of a
    question id is the outcome's number, so that a gap there is an outcome that is not listed.
    """
    markets = event.markets
    return (
        (event.neg_risk_augmented is not False, "outcomes may be added (negRiskAugmented)"),
        (event.cumulative_markets is True, "the markets are nested (cumulativeMarkets)"),
        (event.closed is not False, "the event is closed or does not say"),
        (len(markets) < 2, "fewer than two markets are listed"),
        (
            any(group_id_of(market, event) != group_id for market in markets),
            "the event lists markets outside of the group",
        ),
        (
            any(market.neg_risk_other for market in markets),
            "an outcome is a placeholder (negRiskOther)",
        ),
        (any(not market.condition_id for market in markets), "an outcome has no conditionId"),
        (
            len({market.condition_id for market in markets}) < len(markets),
            "an outcome is listed twice",
        ),
        (
            any(market_of_gamma(market) is None for market in markets),
            "an outcome has no two tokens",
        ),
        (any(market.closed is not False for market in markets), "an outcome is closed"),
        (
            any(not _is_accepting(market) for market in markets),
            "an outcome takes no orders",
        ),
        (_has_question_gap(markets), "an outcome's number is missing (questionID)"),
    )


def is_numbered(group_id: GroupId, markets: list[GammaMarket]) -> bool:
    """Tell whether the question ids are the group's own with the numbers 0 to n - 1.

    Source: polymarket.md 2.1, `questionId = marketId | index`.
    """
    stem = group_id[:-2].lower()
    found = sorted((market.question_id or "").lower() for market in markets)
    return found == [f"{stem}{number:02x}" for number in range(len(markets))]


def _has_question_gap(markets: list[GammaMarket]) -> bool:
    """Tell whether the outcomes that say their number are not 0 to n - 1."""
    numbers = [market.question_id[-2:] for market in markets if market.question_id]
    if len(numbers) < len(markets):
        return bool(numbers)
    return sorted(numbers) != [f"{number:02x}" for number in range(len(markets))]


def _tokens(body: GammaMarket) -> list[str]:
    """Choose the token ids by version; an unknown version cannot be traded, only looked at."""
    if body.version == MarketVersion.V2:
        return _texts(body.position_ids, "positionIds")
    if body.version == MarketVersion.V1:
        return _texts(body.clob_token_ids, "clobTokenIds")
    return _texts(body.clob_token_ids, "clobTokenIds") or _texts(body.position_ids, "positionIds")


def _texts(value: str | list[str] | None, field: str) -> list[str]:
    """Read a list of texts, which Gamma likes to wrap in a text. Errors: ValidationError."""
    if not isinstance(value, str):
        return value or []
    try:
        return _TEXT_LIST.decode(value) if value else []
    except msgspec.MsgspecError:
        raise msgspec.ValidationError(
            f"Expected a JSON list of texts, got {value[:_SHOWN_MAX]!r} - at `{field}`"
        ) from None


def _condition_id(text: str) -> ConditionId:
    """Bring a condition id of 31 bytes to the 32 bytes that the CLOB uses."""
    if len(text) == _V2_CONDITION_LENGTH and text.startswith("0x"):
        return ConditionId(text.ljust(_V1_CONDITION_LENGTH, "0"))
    return ConditionId(text)


def _version(text: str | None) -> MarketVersion | None:
    return MarketVersion(text) if text in tuple(MarketVersion) else None


def _is_accepting(body: GammaMarket) -> bool:
    """Tell whether orders are taken; every flag must say so, silence is a no."""
    is_open = body.closed is False and not body.archived
    return bool(is_open and body.active and body.accepting_orders and body.enable_order_book)


def _gamma_fee(body: GammaMarket) -> FeeSchedule | None:
    """Read the fee: none only where it is said to be off, and a schedule always counts."""
    if body.fee_schedule is not None:
        return _schedule(body.fee_schedule.rate, body.fee_schedule.exponent)
    return NO_FEE if body.fees_enabled is False else None


def _schedule(rate: Decimal | None, exponent: Decimal | None) -> FeeSchedule | None:
    """Read a schedule; None where it does not have the form that is understood."""
    scaled = _whole(rate, RATE_SCALE)
    power = _whole(exponent, 1)
    if scaled is None or scaled > RATE_SCALE or power not in (0, 1, 2):
        return None
    return FeeSchedule(rate=scaled, exponent=power)


def _tick(value: Decimal | None) -> Price | None:
    micros = _whole(value, MICRO)
    return Price(micros) if micros in TICKS else None


def _size_min(value: Decimal | None) -> Shares | None:
    micros = _whole(value, MICRO)
    return None if micros is None else Shares(micros)


def _hold_ms(seconds: Decimal | None) -> int:
    return _whole(seconds, 1_000) or 0


def _floored(value: Decimal | None) -> int | None:
    """Return whole micros of an amount, None for one that is absurd."""
    if value is None or not value.is_finite() or value < 0 or value.adjusted() >= 20:
        return None
    if value.adjusted() < -20:
        return 0
    numerator, denominator = value.as_integer_ratio()
    return numerator * MICRO // denominator


def _whole(value: Decimal | None, scale: int) -> int | None:
    """Return value x scale if that is a whole number, not negative and not absurd, else None."""
    if value is None or not value.is_finite() or value < 0 or not -20 < value.adjusted() < 20:
        return None
    numerator, denominator = value.as_integer_ratio()
    whole, rest = divmod(numerator * scale, denominator)
    return None if rest else whole
