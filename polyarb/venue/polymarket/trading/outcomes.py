"""What the venue's private side answers, as values: nothing that was sent is ever left without one.

Units: prices in micros, shares in micro-shares, money in micros of a USD, times in their names.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import OrderStatus, TradeStatus
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.trading.reasons import RejectReason


class AcceptedStatus(StrEnum):
    """What became of an accepted order at once, in the venue's spelling."""

    LIVE = "live"
    MATCHED = "matched"
    DELAYED = "delayed"


class UnknownCause(StrEnum):
    """Why it is not known what became of a request that may have reached the venue."""

    TIMEOUT = "no answer in time"
    CONNECTION_LOST = "connection lost"
    SERVER_ERROR = "server error"
    RESTARTING = "restarting"
    UNREADABLE = "unreadable answer"
    MISSING_ENTRY = "no entry for it"
    CONTRADICTORY = "contradictory answer"
    FOREIGN_ID = "another order's id"
    UNDOCUMENTED = "undocumented refusal"
    DUPLICATED = "already known to the venue"
    DEFERRED = "match delayed"
    REFUSED_AGAIN = "refused when sent again"
    NOT_SENT_AGAIN = "not sent again"


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue took an order. Units: making and taking are what it gave and got at once."""

    order_id: OrderId
    status: AcceptedStatus
    making: int = 0
    taking: int = 0
    trade_ids: tuple[str, ...] = ()


class Rejected(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing of an order is with the venue; status is 0 where nothing was even sent."""

    order_id: OrderId
    reason: RejectReason
    told: str
    status: int = 0
    retry_after_ms: int = 0


class Unknown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An order may be with the venue, live or filled: it counts as filled until it is read."""

    order_id: OrderId
    cause: UnknownCause
    told: str
    status: int = 0


Placement = Accepted | Rejected | Unknown


class CancelRefusal(StrEnum):
    """Why the venue did not cancel an order."""

    GONE = "GONE"
    DELAYED = "DELAYED"
    OTHER = "OTHER"


class NotCanceled(msgspec.Struct, frozen=True, kw_only=True):
    """An order that the venue did not cancel; GONE tells not whether it was matched: read it."""

    order_id: OrderId
    reason: CancelRefusal
    told: str


class Cancellation(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a cancel did; unknown are those that were asked for and not mentioned."""

    canceled: tuple[OrderId, ...]
    not_canceled: tuple[NotCanceled, ...] = ()
    unknown: tuple[OrderId, ...] = ()


class CancelRejected(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A cancel that did nothing."""

    reason: RejectReason
    told: str
    status: int = 0
    retry_after_ms: int = 0


class CancelUnknown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A cancel that may have worked; asking again is safe."""

    cause: UnknownCause
    told: str
    status: int = 0


CancelAnswer = Cancellation | CancelRejected | CancelUnknown


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An accepted heartbeat: the id that the next one carries."""

    heartbeat_id: str


class WrongBeat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A heartbeat that did not count, and the id that the venue expects."""

    expected_id: str


class BeatMissed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A heartbeat of which it is not known whether it counted, or that the venue refused."""

    told: str
    is_maybe_counted: bool


HeartbeatAnswer = Beat | WrongBeat | BeatMissed


class OrderRead(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An order as the venue tells it. UNKNOWN is a state that is not documented."""

    order_id: OrderId
    status: OrderStatus
    condition_id: ConditionId
    token_id: TokenId
    side: Side
    price: int
    shares: int
    shares_matched: int
    trade_ids: tuple[str, ...] = ()


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our own orders had of a trade, in terms of its own token and side."""

    order_id: OrderId
    token_id: TokenId
    side: Side
    price: int
    shares: int
    is_maker: bool


class TradeRead(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A trade as the venue tells it, and the fills in it that are ours. Only CONFIRMED is money."""

    trade_id: str
    status: TradeStatus
    condition_id: ConditionId
    fills: tuple[Fill, ...]
    transaction_hash: str = ""


class Absent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue does not know an order, however often it was asked, after the time of grace."""

    order_id: OrderId
    reads: int


class Found(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What became of an order; it is None where only trades tell of it."""

    order_id: OrderId
    order: OrderRead | None
    trades: tuple[TradeRead, ...] = ()


Resolution = Found | Absent


class BalanceRead(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue believes that a wallet has, and may be taken of it, by spender."""

    balance: int
    allowances: dict[str, int]
