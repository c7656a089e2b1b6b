"""What wallets hold, what it cost and what it is worth: balances of the chain, costs of trades.

Shares that came by no trade (split, convert, gift) count at half of their set. No clock, no I/O.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.server.data_api.bodies import PositionBody
from polyarb.venue.sandbox.server.data_api.ledger import Cost, TradeLedger, split_cost
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, MarketStanding
from polyarb.venue.sandbox.terms.ports import Funds
from polyarb.venue.sandbox.wire.gamma import iso_of, usd

OPEN, REDEEMABLE, CLOSED = "OPEN", "REDEEMABLE", "CLOSED"
_HALF = MICRO // 2
_NS = 1_000_000_000
_PERCENT_STEP = Decimal("0.0001")
_ZERO = Decimal(0)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One token with what it belongs to. Shape: index 0 is YES."""

    market: ListedMarket
    event: ListedEvent
    standing: MarketStanding
    index: int

    @property
    def token_id(self) -> TokenId:
        """Return its token."""
        return (self.market.yes, self.market.no)[self.index]

    @property
    def opposite_token_id(self) -> TokenId:
        """Return the token of the other outcome."""
        return (self.market.no, self.market.yes)[self.index]

    @property
    def name(self) -> str:
        """Return what the outcome is called."""
        return self.market.outcomes[self.index]

    @property
    def payout(self) -> int | None:
        """Return what a share pays in micros; None before the verdict."""
        return None if self.standing.payouts is None else self.standing.payouts[self.index]


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet's stake in one token. Units: micros; entry is the cost of what is still held."""

    outcome: Outcome
    shares: int
    entry: int
    price: int
    realized: int
    cost: Cost
    is_mergeable: bool

    @property
    def status(self) -> str:
        """Return its status as a row tells it."""
        if not self.shares:
            return CLOSED
        return OPEN if self.outcome.payout is None else REDEEMABLE

    @property
    def value(self) -> int:
        """Return what it is worth, rounded down to micros of a USD."""
        return self.shares * self.price // MICRO


def outcomes_of(exchange: Exchange) -> Iterator[Outcome]:
    """Return every token of the sandbox in the order of listing."""
    for event in exchange.events():
        for condition_id in event.condition_ids:
            yield from outcomes_of_market(exchange, condition_id, event)


def outcomes_of_market(
    exchange: Exchange, condition_id: ConditionId, event: ListedEvent
) -> tuple[Outcome, ...]:
    """Return a market's two tokens; none where it is not listed."""
    market, standing = exchange.market(condition_id), exchange.standing(condition_id)
    if market is None or standing is None:
        return ()
    return tuple(
        Outcome(market=market, event=event, standing=standing, index=index) for index in (0, 1)
    )


def price_of(exchange: Exchange, outcome: Outcome) -> int:
    """Return what a share is worth: its payout, or the middle of a two-sided book."""
    if outcome.payout is not None:
        return outcome.payout
    book = exchange.book(outcome.token_id)
    if book is None:
        return _HALF
    if book.bids and book.asks:
        return (book.bids[-1][0] + book.asks[-1][0]) // 2
    return book.last_price or _HALF


def holdings_of(
    exchange: Exchange, funds: Funds, ledger: TradeLedger, wallet: Address
) -> Iterator[Holding]:
    """Return everything that a wallet holds or ever traded."""
    costs = ledger.costs(wallet)
    for outcome in outcomes_of(exchange):
        shares = funds.shares(wallet, outcome.token_id)
        cost = costs.get(outcome.token_id)
        if not shares and cost is None:
            continue
        others = funds.shares(wallet, outcome.opposite_token_id)
        yield _holding(
            outcome,
            shares,
            cost or Cost(),
            price=price_of(exchange, outcome),
            is_mergeable=bool(shares and others and outcome.payout is None),
        )


def position_body(wallet: Address, holding: Holding) -> PositionBody:
    """Describe a holding as a row."""
    outcome, cost = holding.outcome, holding.cost
    unrealized = holding.value - holding.entry
    total = unrealized + holding.realized
    bought = max(cost.bought, holding.shares)
    return PositionBody(
        proxy_wallet=wallet,
        token_id=outcome.token_id,
        condition_id=outcome.market.condition_id,
        current_size=usd(holding.shares),
        avg_price=usd(holding.entry * MICRO // holding.shares if holding.shares else 0),
        entry_cost_usdc=usd(holding.entry),
        entry_fees_usdc=usd(cost.fees),
        total_cost_usdc=usd(holding.entry + cost.fees),
        current_price=usd(holding.price),
        current_value=usd(holding.value),
        total_size=usd(bought),
        realized_pnl=usd(holding.realized),
        unrealized_pnl=usd(unrealized),
        total_pnl=usd(total),
        percent_pnl=_percent(total, holding.entry),
        percent_realized_pnl=_percent(holding.realized, holding.entry),
        status=holding.status,
        redeemable=holding.status == REDEEMABLE,
        mergeable=holding.is_mergeable,
        negative_risk=outcome.market.is_neg_risk,
        title=outcome.market.question,
        slug=outcome.market.slug,
        event_slug=outcome.event.slug,
        event_id=outcome.event.event_id,
        outcome=outcome.name,
        outcome_index=outcome.index,
        opposite_outcome=outcome.market.outcomes[1 - outcome.index],
        opposite_token_id=outcome.opposite_token_id,
        end_date=iso_of(outcome.event.ends_ns)[:10],
        first_entry_at=cost.first_ns // _NS,
        last_event_at=cost.last_ns // _NS,
    )


def _holding(
    outcome: Outcome, shares: int, cost: Cost, *, price: int, is_mergeable: bool
) -> Holding:
    """Set the balance against the trades: what exceeds them was split, what is missing is gone."""
    kept = min(shares, cost.shares)
    kept_cost = cost.cost * kept // cost.shares if cost.shares else 0
    gone = cost.shares - kept
    paid = outcome.payout
    proceeds = split_cost(gone) if paid is None else gone * paid // MICRO
    return Holding(
        outcome=outcome,
        shares=shares,
        entry=kept_cost + split_cost(shares - kept),
        price=price,
        realized=cost.realized + proceeds - (cost.cost - kept_cost),
        cost=cost,
        is_mergeable=is_mergeable,
    )


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole).quantize(_PERCENT_STEP) if whole else _ZERO
