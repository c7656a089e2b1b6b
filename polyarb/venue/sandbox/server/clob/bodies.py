"""The bodies of the CLOB's REST endpoints: what is read from a request and what is answered.

Strict where the venue is strict: an unknown key, a missing key or another type is no order.
Source: polymarket.md 3.2, 3.3.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from polyarb.domain.order import TimeInForce

SALT_MAX = 2**53
BATCH_TOKENS_MAX = 500
OWNER_LENGTH_MAX = 64

AddressText = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]
Bytes32Text = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{64}\Z")]
DigitsText = Annotated[str, Meta(pattern=r"^[0-9]{1,77}\Z")]
StampText = Annotated[str, Meta(pattern=r"^[0-9]{1,16}\Z")]
TokenText = Annotated[str, Meta(pattern=r"^[0-9]{1,78}\Z")]
HexText = Annotated[str, Meta(pattern=r"^0x(?:[0-9a-fA-F]{2}){1,2048}\Z")]
OrderIdText = Annotated[str, Meta(max_length=256)]
SideText = Literal["BUY", "SELL"]


class OrderWire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A signed order as it is sent."""

    salt: Annotated[int, Meta(ge=0, le=SALT_MAX)]
    maker: AddressText
    signer: AddressText
    token_id: TokenText = msgspec.field(name="tokenId")
    maker_amount: DigitsText = msgspec.field(name="makerAmount")
    taker_amount: DigitsText = msgspec.field(name="takerAmount")
    side: SideText
    expiration: StampText
    signature_type: Literal[0, 1, 2, 3] = msgspec.field(name="signatureType")
    timestamp: StampText
    metadata: Bytes32Text
    builder: Bytes32Text
    signature: HexText


class SendOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An order with what is not signed of it."""

    order: OrderWire
    owner: Annotated[str, Meta(max_length=OWNER_LENGTH_MAX)]
    order_type: TimeInForce = msgspec.field(name="orderType")
    defer_exec: bool = msgspec.field(name="deferExec", default=False)
    post_only: bool = msgspec.field(name="postOnly", default=False)


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a placement is answered with.

    Shape: the first six keys are always there; amounts are shares or USD in plain decimals, empty
    when nothing was matched.
    """

    success: bool
    error_msg: str = msgspec.field(name="errorMsg")
    order_id: str = msgspec.field(name="orderID")
    status: str
    making_amount: str = msgspec.field(name="makingAmount")
    taking_amount: str = msgspec.field(name="takingAmount")
    trade_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.field(
        name="tradeIDs", default=msgspec.UNSET
    )
    transactions_hashes: tuple[str, ...] | msgspec.UnsetType = msgspec.field(
        name="transactionsHashes", default=msgspec.UNSET
    )


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which order to cancel."""

    order_id: OrderIdText = msgspec.field(name="orderID")


class CancelMarket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which market or token to cancel all orders."""

    market: str = ""
    asset_id: str = ""


class CancelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a cancel did."""

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]


class SendHeartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sign of life with the id of the last answer."""

    heartbeat_id: Annotated[str, Meta(max_length=64)] | None = ""


class HeartbeatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The id that the next sign of life carries."""

    heartbeat_id: str


class TokenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One token of a batch of reads; its side counts for prices only."""

    token_id: str
    side: str = ""


class TokenQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which token is asked for."""

    token_id: str = ""


class PriceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which side of which token is asked for."""

    token_id: str = ""
    side: str = ""


class MarketPath(msgspec.Struct, frozen=True, kw_only=True):
    """Which market is asked for."""

    condition_id: str


class TokenPath(msgspec.Struct, frozen=True, kw_only=True):
    """Which token's market is asked for."""

    token_id: str


class BuilderPath(msgspec.Struct, frozen=True, kw_only=True):
    """Which builder is asked for."""

    builder_code: str


class OrderPath(msgspec.Struct, frozen=True, kw_only=True):
    """Which order is asked for."""

    order_id: str


class CursorQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page is asked for."""

    next_cursor: str = ""


class MarketRewardsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which market's rewards are asked for."""

    condition_id: str
    next_cursor: str = ""


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which token (market is its id), and of which time. Units: unix seconds, minutes."""

    market: str = ""
    interval: str = ""
    fidelity: Annotated[int, Meta(ge=0, le=525_600)] = 0
    start_ts: Annotated[int, Meta(ge=0, le=10**11)] | None = msgspec.field(
        name="startTs", default=None
    )
    end_ts: Annotated[int, Meta(ge=0, le=10**11)] | None = msgspec.field(name="endTs", default=None)


class OrdersQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the open orders."""

    id: str = ""
    market: str = ""
    asset_id: str = ""
    next_cursor: str = ""


class TradesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the trades. Units: after and before in unix seconds."""

    id: str = ""
    market: str = ""
    asset_id: str = ""
    maker_address: str = ""
    after: Annotated[int, Meta(ge=0, le=10**11)] | None = None
    before: Annotated[int, Meta(ge=0, le=10**11)] | None = None
    next_cursor: str = ""


class BalanceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose balance of what."""

    asset_type: Literal["COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"]
    token_id: str = ""
    signature_type: Literal[0, 1, 2, 3] = 0


class NoticesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which notifications to drop: ids with commas between them, empty for all."""

    ids: str = ""


class ScoringQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose scoring is asked for."""

    order_id: str = ""


class DropKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which read-only key to drop."""

    key: str


class Nothing(msgspec.Struct, frozen=True):
    """No body, or no query that counts."""


class PriceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A price."""

    price: str


class MidpointAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A midpoint."""

    mid: str


class SpreadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A spread."""

    spread: str


class LastTradeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The last trade; its side is empty when there was none."""

    price: str = "0.5"
    side: str = ""


class LastTradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """The last trade of one token of several."""

    token_id: str
    price: str
    side: str


class TickAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A tick; a number as on the venue."""

    minimum_tick_size: float


class NegRiskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a market belongs to a neg-risk group."""

    neg_risk: bool


class FeeRateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The legacy fee, which is not the effective one. Units: basis points."""

    base_fee: int


class BuilderFeesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A builder's fees. Units: basis points."""

    builder_maker_fee_rate_bps: int = 0
    builder_taker_fee_rate_bps: int = 0


class MarketByTokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A token's market and both of its tokens."""

    condition_id: str
    primary_token_id: str
    secondary_token_id: str


class HistoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A midpoint that was. Units: t in unix seconds."""

    t: int
    p: float


class HistoryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Midpoints that were, oldest first."""

    history: tuple[HistoryPoint, ...]


class OpenOrderBody(msgspec.Struct, frozen=True, kw_only=True):
    """One order as its owner reads it. Units: created_at in unix seconds."""

    id: str
    status: str
    owner: str
    maker_address: str
    market: str
    asset_id: str
    side: str
    original_size: str
    size_matched: str
    price: str
    outcome: str
    expiration: str
    order_type: str
    associate_trades: tuple[str, ...]
    created_at: int


class MakerOrderBody(msgspec.Struct, frozen=True, kw_only=True):
    """A maker's part of a trade."""

    order_id: str
    owner: str
    maker_address: str
    matched_amount: str
    price: str
    fee_rate_bps: str
    asset_id: str
    outcome: str
    side: str


class TradeBody(msgspec.Struct, frozen=True, kw_only=True):
    """One trade; its top level is the taker's, whoever reads it."""

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: str
    size: str
    fee_rate_bps: str
    price: str
    status: str
    match_time: str
    last_update: str
    outcome: str
    owner: str
    maker_address: str
    bucket_index: int
    transaction_hash: str
    trader_side: str
    maker_orders: tuple[MakerOrderBody, ...]


class BalanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A cached balance and what every spender may take of it, in base units."""

    balance: str
    allowances: dict[str, str]


class ScoringAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an order earns rewards; nothing does here."""

    scoring: bool = False


class ClosedOnlyAnswer(msgspec.Struct, frozen=True):
    """Whether an account may only close what it holds."""

    closed_only: bool = False
