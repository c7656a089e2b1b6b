"""What the Data API answers, from the chain's balances and the settled trades.

Each answer is one function of what is indexed and what is asked. No clock. Source: polymarket.md
2.6.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.server.data_api.bodies import (
    ActivityBody,
    LiveVolumeBody,
    MarketVolumeBody,
    OpenInterestBody,
    PnlBody,
    PricePointBody,
    ResolutionBody,
    TokenBody,
    TradeBody,
    VolumeBody,
)
from polyarb.venue.sandbox.server.data_api.index import Index
from polyarb.venue.sandbox.server.data_api.ledger import Leg
from polyarb.venue.sandbox.server.data_api.portfolio import Outcome
from polyarb.venue.sandbox.server.data_api.queries import (
    Envelope,
    Inquiry,
    PageBody,
    cut_page,
    is_whole,
    is_within,
    unreadable,
)
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.wire.gamma import open_interest_of, usd

SIDES = ("BUY", "SELL")
DIRECTIONS = ("ASC", "DESC")
ACTIVITY_TYPES = (
    *("TRADE", "SPLIT", "MERGE", "REDEEM", "CONVERSION", "REWARD", "MIGRATION", "DEPOSIT"),
    *("WITHDRAWAL", "YIELD", "MAKER_REBATE", "TAKER_REBATE", "REFERRAL_REWARD", "TIP"),
)
INTERVALS_S = {"1h": 3_600, "6h": 21_600, "1d": 86_400, "1w": 604_800, "1m": 2_592_000}
WHOLE_LIFE = ("max", "all")
BUCKET_S_DEFAULT = 60
DAY_S = 86_400
EVENTS_MAX = 20
TOKENS_MAX = 50
GLOBAL = "GLOBAL"
_NS = 1_000_000_000


def trades(index: Index, inquiry: Inquiry) -> PageBody[TradeBody]:
    """List settled trades, the latest first; takers' parts only unless told otherwise."""
    is_taker_only = inquiry.flag("taker_only")
    outcomes = index.outcomes()
    legs = _chosen_legs(index, inquiry)
    rows = [
        _trade_body(leg, outcomes[leg.fill.token_id])
        for leg in legs
        if leg.is_taker or is_taker_only is False
    ]
    page, pagination = cut_page(rows[::-1], inquiry)
    return PageBody(data=page, pagination=pagination)


def activity(index: Index, inquiry: Inquiry) -> PageBody[ActivityBody]:
    """List what a wallet did: trades, splits, merges, redemptions, conversions."""
    user = inquiry.required_user()
    types = inquiry.texts("type")
    for each in types:
        if each not in ACTIVITY_TYPES:
            raise unreadable("type", f"one of {', '.join(ACTIVITY_TYPES)}", each)
    wanted, side = index.conditions(inquiry), inquiry.choice("side", SIDES)
    direction = inquiry.choice("sort_direction", DIRECTIONS)
    start, end = inquiry.seconds("start"), inquiry.seconds("end")
    outcomes = index.outcomes()
    did = [
        (leg.at_ns, _activity_body(leg, outcomes[leg.fill.token_id]))
        for leg in index.ledger.legs(user)
    ]
    did += index.activity.of(user, outcomes)
    did.sort(key=lambda pair: pair[0], reverse=direction != "ASC")
    rows = [
        row
        for _, row in did
        if not types or row.type in types
        if wanted is None or row.condition_id in wanted
        if side is None or row.side == side
        if is_within(row.timestamp, start, end)
    ]
    page, pagination = cut_page(rows, inquiry)
    return PageBody(data=page, pagination=pagination)


def open_interest(index: Index, inquiry: Inquiry) -> Envelope[tuple[OpenInterestBody, ...]]:
    """Tell how many complete sets are out, of some markets or of all together."""
    wanted = inquiry.condition_ids()
    listed = {market.condition_id: market for market in index.exchange.markets()}
    interest = {each: open_interest_of(index.chain, market) for each, market in listed.items()}
    if not wanted:
        total = sum(interest.values())
        return Envelope(data=(OpenInterestBody(condition_id=GLOBAL, value=usd(total)),))
    return Envelope(
        data=tuple(
            OpenInterestBody(condition_id=each, value=usd(interest.get(each, 0))) for each in wanted
        )
    )


def resolutions(index: Index, inquiry: Inquiry) -> Envelope[tuple[ResolutionBody, ...]]:
    """Tell how far the resolution of some markets is."""
    question = inquiry.text("question_id")
    if sum(map(bool, (question, inquiry.condition_ids(), inquiry.event_ids()))) != 1:
        raise RejectedError(400, "Provide exactly one of question_id, condition_id, or event_id")
    if len(inquiry.event_ids()) > EVENTS_MAX:
        raise RejectedError(400, f"event_id accepts at most {EVENTS_MAX} distinct values")
    wanted = index.conditions(inquiry)
    return Envelope(
        data=tuple(
            _resolution_body(outcome)
            for outcome in index.outcomes().values()
            if outcome.index == 0
            if question is None or outcome.market.question_id == question.lower()
            if wanted is None or outcome.market.condition_id in wanted
        )
    )


def prices_history(index: Index, inquiry: Inquiry) -> PageBody[PricePointBody]:
    """List the prices at which a token was traded, in buckets, or the last one at a time."""
    outcome = _asked_token(index, inquiry)
    start, end, as_of = (inquiry.seconds(key) for key in ("start", "end", "as_of"))
    interval = inquiry.choice("interval", (*INTERVALS_S, *WHOLE_LIFE))
    if sum(each is not None for each in (interval, start, as_of)) != 1:
        raise RejectedError(400, "Provide exactly one of interval, start, or as_of")
    bucket_s = inquiry.whole("bucket_seconds", least=60, most=DAY_S) or BUCKET_S_DEFAULT
    points = _price_points(index, outcome)
    if as_of is not None:
        last = [
            PricePointBody(timestamp=at_s, price=usd(price), resolution_seconds=0)
            for at_s, price in points
            if at_s <= as_of
        ][-1:]
        page, pagination = cut_page(last, inquiry)
        return PageBody(data=page, pagination=pagination)
    if interval in INTERVALS_S:
        start = index.state.world.now_ns // _NS - INTERVALS_S[interval]
    last_s = None if end is None else end - 1
    buckets = {
        at_s // bucket_s * bucket_s: price
        for at_s, price in points
        if is_within(at_s, start, last_s)
    }
    rows = [
        PricePointBody(timestamp=at_s, price=usd(price), resolution_seconds=bucket_s)
        for at_s, price in sorted(buckets.items())
    ]
    page, pagination = cut_page(rows, inquiry, limit_max=10_000)
    return PageBody(data=page, pagination=pagination)


def tokens(index: Index, inquiry: Inquiry) -> Envelope[tuple[TokenBody, ...]]:
    """Tell what some tokens are."""
    by_token, by_condition = inquiry.texts("token_id"), inquiry.condition_ids("condition")
    if bool(by_token) == bool(by_condition):
        raise RejectedError(400, "Provide exactly one of token_id or condition")
    if len(by_token) > TOKENS_MAX:
        raise RejectedError(400, f"token_id accepts at most {TOKENS_MAX} distinct values")
    outcomes = index.outcomes()
    named = [outcomes[TokenId(each)] for each in by_token if each in outcomes]
    named += [each for each in outcomes.values() if each.market.condition_id in by_condition]
    return Envelope(data=tuple(map(_token_body, named)))


def live_volume(index: Index, inquiry: Inquiry) -> Envelope[LiveVolumeBody]:
    """Tell what takers traded in some events, in shares."""
    if not inquiry.event_ids():
        raise RejectedError(400, "event_id is required")
    wanted = index.conditions(inquiry) or frozenset()
    volumes: dict[ConditionId, int] = dict.fromkeys(sorted(wanted), 0)
    for leg in index.ledger.market_legs(tuple(volumes)):
        if leg.is_taker:
            volumes[leg.condition_id] += leg.fill.shares
    return Envelope(
        data=LiveVolumeBody(
            taker_volume_total=usd(sum(volumes.values())),
            conditions=tuple(
                MarketVolumeBody(condition_id=each, taker_volume=usd(shares))
                for each, shares in volumes.items()
            ),
        )
    )


def user_volume(index: Index, inquiry: Inquiry) -> Envelope[VolumeBody]:
    """Tell what a wallet traded."""
    user = inquiry.required_user()
    start, end = inquiry.seconds("start"), inquiry.seconds("end")
    legs = [leg for leg in index.ledger.legs(user) if is_within(leg.at_ns // _NS, start, end)]
    return Envelope(
        data=VolumeBody(
            volume=usd(sum(leg.fill.shares for leg in legs)),
            volume_usdc=usd(sum(leg.collateral for leg in legs)),
            trade_count=len(legs),
        )
    )


def user_pnl(_: Index, inquiry: Inquiry) -> Envelope[PnlBody]:
    """Tell that no series of profit and loss is kept."""
    interval = inquiry.choice("interval", ("max", "all", "1m", "1w", "1d", "12h", "6h")) or "1d"
    fidelity = inquiry.choice("fidelity", ("1d", "18h", "12h", "3h", "1h")) or "1h"
    return Envelope(
        data=PnlBody(
            proxy_wallet=inquiry.required_user(),
            interval=interval,
            fidelity=fidelity,
            source_fidelity=fidelity,
        )
    )


def _chosen_legs(index: Index, inquiry: Inquiry) -> list[Leg]:
    """Return the legs that pass the filters of a list of trades, oldest first."""
    user, wanted, side = inquiry.user(), index.conditions(inquiry), inquiry.choice("side", SIDES)
    start, end = inquiry.seconds("start"), inquiry.seconds("end")
    kind, least = inquiry.choice("filter_type", ("CASH", "TOKENS")), inquiry.micros("filter_amount")
    legs: Iterable[Leg]
    if user is not None:
        legs = index.ledger.legs(user)
    elif wanted is not None:
        legs = index.ledger.market_legs(tuple(sorted(wanted)))
    else:
        legs = index.ledger.all_legs()
    return [
        leg
        for leg in legs
        if wanted is None or leg.condition_id in wanted
        if side is None or leg.fill.side.value == side
        if least is None or (leg.fill.shares if kind == "TOKENS" else leg.collateral) >= least
        if is_within(leg.at_ns // _NS, start, end)
    ]


def _trade_body(leg: Leg, outcome: Outcome) -> TradeBody:
    return TradeBody(
        key=leg.leg_id,
        proxy_wallet=leg.fill.maker,
        token_id=leg.fill.token_id,
        condition_id=leg.condition_id,
        side=leg.fill.side.value,
        size=usd(leg.fill.shares),
        price=usd(leg.fill.price),
        timestamp=leg.at_ns // _NS,
        transaction_hash=leg.transaction_hash,
        title=outcome.market.question,
        slug=outcome.market.slug,
        event_slug=outcome.event.slug,
        outcome=outcome.name,
        outcome_index=outcome.index,
    )


def _activity_body(leg: Leg, outcome: Outcome) -> ActivityBody:
    return ActivityBody(
        key=leg.leg_id,
        type="TRADE",
        proxy_wallet=leg.fill.maker,
        timestamp=leg.at_ns // _NS,
        condition_id=leg.condition_id,
        transaction_hash=leg.transaction_hash,
        usdc_size=usd(leg.collateral),
        size=usd(leg.fill.shares),
        price=usd(leg.fill.price),
        token_id=leg.fill.token_id,
        side=leg.fill.side.value,
        is_combo=False,
        outcome=outcome.name,
        outcome_index=outcome.index,
        title=outcome.market.question,
        slug=outcome.market.slug,
        event_slug=outcome.event.slug,
    )


def _resolution_body(outcome: Outcome) -> ResolutionBody:
    market, standing = outcome.market, outcome.standing
    is_resolved = standing.payouts is not None
    at_s = (standing.resolved_ns if is_resolved else standing.opened_ns) // _NS
    return ResolutionBody(
        question_id=market.question_id,
        condition_id=market.condition_id,
        status="resolved" if is_resolved else "initialized",
        price=usd(standing.payouts[0]) if standing.payouts else None,
        last_update_timestamp=at_s,
        market_type="INCREMENTAL_NEGRISK" if market.is_neg_risk else "BINARY",
        payouts=standing.payouts,
        resolution_source="reported" if is_resolved else None,
        reporter="UMA_OO",
        resolved_at=datetime.fromtimestamp(at_s, UTC).isoformat() if is_resolved else None,
    )


def _token_body(outcome: Outcome) -> TokenBody:
    market = outcome.market
    return TokenBody(
        token_id=outcome.token_id,
        condition_id=market.condition_id,
        outcome_index=outcome.index,
        clob_index=outcome.index,
        outcome=outcome.name,
        opposite_token_id=outcome.opposite_token_id,
        resolved=outcome.payout is not None,
        final_price=None if outcome.payout is None else usd(outcome.payout),
        title=market.question,
        market_slug=market.slug,
        closed=outcome.standing.is_closed,
        neg_risk=market.is_neg_risk,
        neg_risk_market_id=market.group_id,
        question_index=market.question_index if market.is_neg_risk else None,
        event_id=int(outcome.event.event_id) if is_whole(outcome.event.event_id) else 0,
        event_slug=outcome.event.slug,
    )


def _asked_token(index: Index, inquiry: Inquiry) -> Outcome:
    token_id = inquiry.text("token_id")
    if token_id is None:
        raise RejectedError(400, "token_id is required")
    outcome = index.outcomes().get(TokenId(token_id))
    if outcome is None:
        raise RejectedError(404, "token not found")
    return outcome


def _price_points(index: Index, outcome: Outcome) -> Iterator[tuple[int, int]]:
    """Return when and at what price a token was traded; one of the other token is its mirror."""
    for leg in index.ledger.market_legs((outcome.market.condition_id,)):
        if leg.is_taker:
            price = leg.fill.price
            is_own = leg.fill.token_id == outcome.token_id
            yield leg.at_ns // _NS, price if is_own else MICRO - price
