"""What the Data API answers of wallets: their positions, their worth, the holders of a token."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID, CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.addresses import (
    COLLATERAL_SPENDERS,
    PROTOCOL_OPERATORS,
    SHARE_OPERATORS,
)
from polyarb.venue.sandbox.chain.state import UNLIMITED
from polyarb.venue.sandbox.server.data_api.bodies import (
    ApprovalBody,
    ApprovalsBody,
    HolderBody,
    HoldersBody,
    PositionBody,
    StatsBody,
    ValueBody,
)
from polyarb.venue.sandbox.server.data_api.index import Index
from polyarb.venue.sandbox.server.data_api.portfolio import (
    CLOSED,
    OPEN,
    REDEEMABLE,
    Holding,
    Outcome,
    holdings_of,
    position_body,
)
from polyarb.venue.sandbox.server.data_api.queries import (
    Envelope,
    Inquiry,
    PageBody,
    cut_page,
    is_within,
)
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.wire.gamma import usd

REDEEMABLE_LOST, MERGEABLE = "REDEEMABLE_LOST", "MERGEABLE"
STATUS_TESTS: Mapping[str, Callable[[Holding], bool]] = {
    OPEN: lambda holding: holding.status == OPEN,
    REDEEMABLE: lambda holding: holding.status == REDEEMABLE,
    REDEEMABLE_LOST: lambda holding: holding.status == REDEEMABLE and not holding.outcome.payout,
    MERGEABLE: lambda holding: holding.is_mergeable,
    CLOSED: lambda holding: holding.status == CLOSED,
}
ORDERS: Mapping[str, Callable[[PositionBody], Decimal | int]] = {
    "CURRENT_VALUE": lambda row: row.current_value,
    "PRICE": lambda row: row.current_price,
    "TOKENS": lambda row: row.current_size,
    "UNREALIZED_PNL": lambda row: row.unrealized_pnl,
    "REALIZED_PNL": lambda row: row.realized_pnl,
    "TOTAL_PNL": lambda row: row.total_pnl,
    "TIMESTAMP": lambda row: row.last_event_at,
}
DIRECTIONS = ("ASC", "DESC")
AMOUNTS = ("CASH", "TOKENS")
_NS = 1_000_000_000


class PositionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which positions are asked for, and in which order. Units: seconds, dollars or shares."""

    user: Address | None
    conditions: frozenset[ConditionId] | None
    status: str | None
    title: str
    least: Decimal
    is_least_shares: bool
    start: int | None
    end: int | None
    order: str
    is_rising: bool


def positions(index: Index, inquiry: Inquiry) -> PageBody[PositionBody]:
    """List what a wallet holds, or who holds a market."""
    wanted = _position_query(index, inquiry)
    rows = [
        row
        for wallet in _wallets(index, wanted)
        for holding in holdings_of(index.exchange, index.chain, index.ledger, wallet)
        if _is_wanted(holding, wanted)
        if _passes(row := position_body(wallet, holding), wanted)
    ]
    order = ORDERS[wanted.order]
    rows.sort(key=lambda row: (order(row), row.key), reverse=not wanted.is_rising)
    page, pagination = cut_page(rows, inquiry)
    return PageBody(data=page, pagination=pagination)


def value(index: Index, inquiry: Inquiry) -> Envelope[ValueBody]:
    """Tell what a wallet's positions are worth."""
    user, wanted = inquiry.required_user(), frozenset(inquiry.condition_ids())
    worth = sum(
        holding.value
        for holding in holdings_of(index.exchange, index.chain, index.ledger, user)
        if not wanted or holding.outcome.market.condition_id in wanted
    )
    return Envelope(data=ValueBody(proxy_wallet=user, value=usd(worth)))


def holders(index: Index, inquiry: Inquiry) -> PageBody[HoldersBody]:
    """List who holds each token of some markets, the largest first."""
    wanted = inquiry.condition_ids()
    if not wanted:
        raise RejectedError(400, "condition_id is required")
    least = inquiry.micros("min_balance") or 0
    outcomes = [
        outcome for outcome in index.outcomes().values() if outcome.market.condition_id in wanted
    ]
    held = index.activity.holders([outcome.token_id for outcome in outcomes])
    rows = [
        HoldersBody(
            token_id=outcome.token_id,
            holders=_holder_bodies(held[outcome.token_id], outcome, least),
        )
        for outcome in outcomes
    ]
    page, pagination = cut_page(rows, inquiry)
    return PageBody(data=page, pagination=pagination)


def approvals(index: Index, inquiry: Inquiry) -> Envelope[ApprovalsBody]:
    """Tell which contracts may take a wallet's tokens, of those that trading needs."""
    user, read = inquiry.required_user(), index.chain.state.read
    rows = [
        _approval(CONTRACTS.pusd, spender, "ERC20", read((CONTRACTS.pusd, user, spender)))
        for spender in COLLATERAL_SPENDERS
    ]
    for token, operators in (
        (CONTRACTS.conditional_tokens, SHARE_OPERATORS),
        (CONTRACTS.position_manager, PROTOCOL_OPERATORS),
    ):
        rows += [
            _approval(token, operator, "ERC1155", read((token, user, operator)))
            for operator in operators
        ]
    return Envelope(data=ApprovalsBody(address=user, chain_id=CHAIN_ID, contracts=tuple(rows)))


def user_stats(index: Index, inquiry: Inquiry) -> Envelope[StatsBody]:
    """Tell in how many markets a wallet traded, and its largest profit of a position."""
    user = inquiry.required_user()
    legs = list(index.ledger.legs(user))
    held = holdings_of(index.exchange, index.chain, index.ledger, user)
    return Envelope(
        data=StatsBody(
            proxy_wallet=user,
            trades=len({leg.condition_id for leg in legs}),
            biggest_win=usd(max((holding.realized for holding in held), default=0)),
            join_date=legs[0].at_ns // _NS if legs else None,
        )
    )


def _position_query(index: Index, inquiry: Inquiry) -> PositionQuery:
    user, status = inquiry.user(), inquiry.choice("status", STATUS_TESTS)
    if user is None and (len(inquiry.condition_ids()) != 1 or inquiry.event_ids()):
        raise RejectedError(400, "Provide user or exactly one condition_id")
    if user is None and status in (REDEEMABLE_LOST, MERGEABLE):
        raise RejectedError(400, f"{status} requires user")
    inquiry.flag("include_archived")
    return PositionQuery(
        user=user,
        conditions=index.conditions(inquiry),
        status=status,
        title=(inquiry.text("title") or "").lower(),
        least=usd(inquiry.micros("filter_amount") or 0),
        is_least_shares=inquiry.choice("filter_type", AMOUNTS) == "TOKENS",
        start=inquiry.seconds("start"),
        end=inquiry.seconds("end"),
        order=inquiry.choice("sort_by", ORDERS) or "CURRENT_VALUE",
        is_rising=inquiry.choice("sort_direction", DIRECTIONS) == "ASC",
    )


def _wallets(index: Index, wanted: PositionQuery) -> Sequence[Address]:
    """Return whose positions are looked at: the user's, or those of a market's holders."""
    if wanted.user is not None:
        return (wanted.user,)
    tokens = [
        outcome.token_id
        for outcome in index.outcomes().values()
        if wanted.conditions is None or outcome.market.condition_id in wanted.conditions
    ]
    held: Mapping[TokenId, Mapping[Address, int]] = index.activity.holders(tokens)
    return sorted({owner for owners in held.values() for owner in owners})


def _is_wanted(holding: Holding, wanted: PositionQuery) -> bool:
    """Tell whether a holding has the status; without one, whether anything is held."""
    condition_id = holding.outcome.market.condition_id
    if wanted.conditions is not None and condition_id not in wanted.conditions:
        return False
    if wanted.status is None:
        return holding.shares > 0
    return STATUS_TESTS[wanted.status](holding)


def _passes(row: PositionBody, wanted: PositionQuery) -> bool:
    amount = row.current_size if wanted.is_least_shares else row.current_value
    is_named = wanted.title in row.title.lower()
    return (
        is_named
        and amount >= wanted.least
        and is_within(row.last_event_at, wanted.start, wanted.end)
    )


def _holder_bodies(
    held: Mapping[Address, int], outcome: Outcome, least: int
) -> tuple[HolderBody, ...]:
    ranked = sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(
        HolderBody(
            proxy_wallet=wallet,
            token_id=outcome.token_id,
            amount=usd(shares),
            outcome_index=outcome.index,
        )
        for wallet, shares in ranked
        if shares >= least
    )


def _approval(token: Address, spender: Address, standard: str, stored: int) -> ApprovalBody:
    is_all = standard == "ERC1155" or stored == UNLIMITED
    return ApprovalBody(
        token=token,
        spender=spender,
        standard=standard,
        approved=stored > 0,
        amount="max" if is_all else str(stored),
    )
