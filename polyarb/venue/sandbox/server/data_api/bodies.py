"""The rows of the Data API. Source: polymarket.md 2.6 and the models of the official client.

Units on the wire: shares, dollars and percentages as exact decimal numbers, times in unix seconds.
"""

from decimal import Decimal

import msgspec

from polyarb.venue.polymarket.signing.order import Address


class PositionBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet holds of one token."""

    proxy_wallet: Address
    token_id: str
    condition_id: str
    current_size: Decimal
    avg_price: Decimal
    entry_cost_usdc: Decimal
    entry_fees_usdc: Decimal
    total_cost_usdc: Decimal
    current_price: Decimal
    current_value: Decimal
    total_size: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    total_pnl: Decimal
    percent_pnl: Decimal
    percent_realized_pnl: Decimal
    status: str
    redeemable: bool
    mergeable: bool
    negative_risk: bool
    archived: bool = False
    verified: bool = False
    title: str
    slug: str
    icon: str = ""
    event_slug: str
    event_id: str
    outcome: str
    outcome_index: int
    opposite_outcome: str
    opposite_token_id: str
    end_date: str
    name: str = ""
    profile_image: str = ""
    first_entry_at: int
    last_event_at: int

    @property
    def key(self) -> str:
        """Return what names the row in a list of many wallets."""
        return f"{self.proxy_wallet}:{self.token_id}"


class TradeBody(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet's part of a settled trade."""

    key: str
    proxy_wallet: Address
    token_id: str
    condition_id: str
    side: str
    size: Decimal
    price: Decimal
    timestamp: int
    transaction_hash: str
    title: str
    slug: str
    icon: str = ""
    event_slug: str
    outcome: str
    outcome_index: int
    name: str = ""
    pseudonym: str = ""
    bio: str = ""
    profile_image: str = ""
    profile_image_optimized: str = ""


class ActivityBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a wallet did; what does not belong to its type is left out."""

    key: str
    type: str
    proxy_wallet: Address
    timestamp: int
    condition_id: str
    transaction_hash: str
    usdc_size: Decimal
    size: Decimal | None = None
    price: Decimal | None = None
    token_id: str = ""
    side: str = ""
    is_combo: bool | None = None
    outcome: str = ""
    outcome_index: int | None = None
    title: str = ""
    slug: str = ""
    event_slug: str = ""


class ValueBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet's positions are worth."""

    proxy_wallet: Address
    value: Decimal


class ApprovalBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a contract may take a wallet's tokens; amount is `max` or whole units."""

    token: Address
    spender: Address
    standard: str
    approved: bool
    amount: str


class ApprovalsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Every approval of a wallet that trading needs."""

    address: Address
    chain_id: int
    contracts: tuple[ApprovalBody, ...]


class HolderBody(msgspec.Struct, frozen=True, kw_only=True):
    """One holder of a token."""

    proxy_wallet: Address
    token_id: str
    amount: Decimal
    outcome_index: int
    display_username_public: bool = False
    verified: bool = False
    name: str = ""
    pseudonym: str = ""
    bio: str = ""
    profile_image: str = ""
    profile_image_optimized: str = ""


class HoldersBody(msgspec.Struct, frozen=True, kw_only=True):
    """The holders of a token, the largest first."""

    token_id: str
    holders: tuple[HolderBody, ...]

    @property
    def key(self) -> str:
        """Return what names the row."""
        return self.token_id


class OpenInterestBody(msgspec.Struct, frozen=True, kw_only=True):
    """The complete sets of a market that are out; condition GLOBAL is all of them."""

    condition_id: str
    value: Decimal


class ResolutionBody(msgspec.Struct, frozen=True, kw_only=True):
    """Where a market's resolution stands; payouts are micros of a USD."""

    question_id: str
    condition_id: str
    status: str
    extended_review: bool = False
    was_disputed: bool = False
    was_arbitrated: bool = False
    new_version_q: bool = False
    price: Decimal | None
    last_update_timestamp: int
    market_type: str
    payouts: tuple[int, int] | None
    resolution_source: str | None
    reporter: str
    resolved_at: str | None


class PricePointBody(msgspec.Struct, frozen=True, kw_only=True):
    """A price at a time; a resolution of 0 seconds is an exact trade."""

    timestamp: int
    price: Decimal
    resolution_seconds: int

    @property
    def key(self) -> str:
        """Return what names the row."""
        return str(self.timestamp)


class MarketVolumeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What takers traded in one market, in shares."""

    condition_id: str
    taker_volume: Decimal


class LiveVolumeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What takers traded in an event, in shares."""

    taker_volume_total: Decimal
    conditions: tuple[MarketVolumeBody, ...]


class TokenBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is."""

    token_id: str
    condition_id: str
    structural_condition_id: None = None
    module: str = "v1_ctf"
    outcome_index: int
    clob_index: int
    outcome: str
    opposite_token_id: str
    resolved: bool
    final_price: Decimal | None
    title: str
    market_slug: str
    closed: bool
    neg_risk: bool
    neg_risk_market_id: str | None
    question_index: int | None
    event_id: int
    event_slug: str


class VolumeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet traded."""

    volume: Decimal
    volume_usdc: Decimal
    trade_count: int


class StatsBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a wallet."""

    proxy_wallet: Address
    trades: int
    biggest_win: Decimal
    views: int = 0
    join_date: int | None
    all_time_pnl: None = None


class PnlBody(msgspec.Struct, frozen=True, kw_only=True):
    """A series of profit and loss; the sandbox keeps none."""

    proxy_wallet: Address
    interval: str
    fidelity: str
    source_fidelity: str
    points: tuple[()] = ()
