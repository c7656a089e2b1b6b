"""What is asked of the exchange, and what it answers; a refusal is a value with its reason."""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.order import Address, SignedOrder


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order to be placed; its signature was verified before, its id is its digest.

    owner is the API key (a uuid) that placed it.
    """

    order_id: OrderId
    order: SignedOrder
    owner: str
    time_in_force: TimeInForce = TimeInForce.GTC
    is_post_only: bool = False
    is_deferred: bool = False


class PlacementStatus(StrEnum):
    """What the venue answers to a placement, in its own spelling."""

    LIVE = "live"
    MATCHED = "matched"
    DELAYED = "delayed"
    UNMATCHED = "unmatched"


class Placement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An accepted order. Units: micros given and got at once, 0 when nothing was matched."""

    order_id: OrderId
    status: PlacementStatus
    making: int = 0
    taking: int = 0
    trade_ids: tuple[str, ...] = ()


class RefusalReason(StrEnum):
    """Why the exchange refuses a request; the server owns the HTTP status of each."""

    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"
    MARKET_NOT_READY = "MARKET_NOT_READY"
    INVALID_PAYLOAD = "INVALID_PAYLOAD"
    OFF_TICK = "OFF_TICK"
    TOO_SMALL = "TOO_SMALL"
    INVALID_AMOUNTS = "INVALID_AMOUNTS"
    INVALID_EXPIRATION = "INVALID_EXPIRATION"
    DUPLICATE = "DUPLICATE"
    NOT_ENOUGH_BALANCE = "NOT_ENOUGH_BALANCE"
    NOT_ENOUGH_ALLOWANCE = "NOT_ENOUGH_ALLOWANCE"
    POST_ONLY_CROSSES = "POST_ONLY_CROSSES"
    FOK_NOT_FILLED = "FOK_NOT_FILLED"
    FAK_NOT_FILLED = "FAK_NOT_FILLED"
    RESTARTING = "RESTARTING"
    POST_ONLY_MODE = "POST_ONLY_MODE"
    CANCEL_ONLY_MODE = "CANCEL_ONLY_MODE"
    TRADING_DISABLED = "TRADING_DISABLED"
    INVALID_HEARTBEAT = "INVALID_HEARTBEAT"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal; nothing of the request reached a book. message is the venue's documented text."""

    reason: RefusalReason
    message: str
    order_id: str = ""


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """What a cancel request did, by order id; not_canceled says why, in the venue's words."""

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]


class ExchangeMode(StrEnum):
    """What the engine takes: everything, or a part of it after a restart or by decree."""

    OPEN = "open"
    RESTARTING = "restarting"
    POST_ONLY = "post-only"
    CANCEL_ONLY = "cancel-only"
    DISABLED = "disabled"


class OrderState(StrEnum):
    """The venue's names of an order's states on its user channel and in `/data/order`."""

    LIVE = "LIVE"
    MATCHED = "MATCHED"
    DELAYED = "DELAYED"
    UNMATCHED = "UNMATCHED"
    CANCELED = "CANCELED"
    CANCELED_MARKET_RESOLVED = "CANCELED_MARKET_RESOLVED"
    CANCELED_NOT_ENOUGH_BALANCE = "CANCELED_NOT_ENOUGH_BALANCE"
    CANCELED_EXPIRED_ORDER = "CANCELED_EXPIRED_ORDER"
    INVALID = "INVALID"


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as its owner may read it, in any state.

    Units: shares and shares_matched in micro-shares, price in micros, created_s unix seconds.
    """

    order_id: OrderId
    state: OrderState
    owner: str
    maker: Address
    condition_id: ConditionId
    token_id: TokenId
    outcome: str
    side: Side
    price: int
    shares: int
    shares_matched: int
    time_in_force: TimeInForce
    expiration_s: int
    created_s: int
    trade_ids: tuple[str, ...] = ()


class BookLevels(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of one token's book, best level LAST as on the venue's wire.

    Units: price in micros, size in micro-shares.
    """

    condition_id: ConditionId
    token_id: TokenId
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    tick: int
    last_price: int | None
    changed_ns: int


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted heartbeat: the id that the next one must carry."""

    heartbeat_id: str
