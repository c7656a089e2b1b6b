"""What the exchange tells the world as it happens, in order; channels turn it into frames."""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.plan import Side
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.orders import ExchangeMode, OrderRecord
from polyarb.venue.sandbox.terms.trades import TradeRecord


class LevelChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A level of the one book got a new total by a placement or a cancel, in YES terms.

    Units: price in micros, size in micro-shares (0: the level is gone). best_bid and best_ask are
    the top after it, 0 and ONE where a side is empty.
    """

    condition_id: ConditionId
    is_bid: bool
    price: int
    size: int
    best_bid: int
    best_ask: int
    at_ns: int


class Printed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade touched the book; both books are sent anew after it.

    Shape: token, price and side are the taker's. Units: micros, micro-shares.
    """

    condition_id: ConditionId
    token_id: TokenId
    price: int
    size: int
    side: Side
    at_ns: int


class OrderStep(StrEnum):
    """The `type` of a user channel's order message."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something happened to an order; for its owner only."""

    step: OrderStep
    order: OrderRecord
    at_ns: int


class TradeChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade was matched, or the chain had a new word on it; for its owners only."""

    trade: TradeRecord
    at_ns: int


class TickChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A market's tick changed. Units: micros."""

    condition_id: ConditionId
    old_tick: int
    new_tick: int
    at_ns: int


class MarketOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A market was listed while the venue runs."""

    market: ListedMarket
    at_ns: int


class MarketClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A market takes no more orders; with payouts it is resolved.

    Shape: payouts are the micros of a USD that a YES and a NO share pay, None before the verdict.
    """

    condition_id: ConditionId
    payouts: tuple[int, int] | None
    at_ns: int


class ModeChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The engine takes more or less than before."""

    mode: ExchangeMode
    at_ns: int


Announcement = (
    LevelChanged
    | Printed
    | OrderChanged
    | TradeChanged
    | TickChanged
    | MarketOpened
    | MarketClosed
    | ModeChanged
)
