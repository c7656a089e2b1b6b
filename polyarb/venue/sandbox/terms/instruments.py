"""What the sandbox lists: markets and the events that group them."""

import msgspec

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.order import Address, Bytes32


class ListedMarket(msgspec.Struct, frozen=True, kw_only=True):
    """One market as it is listed; what changes in its life is its `MarketStanding`.

    Units: tick in micros of a USD, size_min in micro-shares, hold_ms is how long a marketable
    order is held before it is matched. question_index is its place in a neg-risk group.
    """

    condition_id: ConditionId
    question_id: Bytes32
    oracle: Address
    yes: TokenId
    no: TokenId
    question: str
    slug: str
    event_id: str
    outcomes: tuple[str, str] = ("Yes", "No")
    tick: int
    size_min: int
    fee: FeeSchedule
    hold_ms: int = 0
    group_id: GroupId | None = None
    question_index: int = 0

    @property
    def is_neg_risk(self) -> bool:
        """Tell whether the market belongs to a neg-risk group."""
        return self.group_id is not None


class ListedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue calls an event: one market, or a group of mutually exclusive ones.

    Shape: condition_ids in the order of their question_index. group_id (negRiskMarketID) is None
    for an event that is no neg-risk group. Units: ends_ns is unix time.
    """

    event_id: str
    slug: str
    title: str
    condition_ids: tuple[ConditionId, ...]
    group_id: GroupId | None = None
    convert_fee_bips: int = 0
    category: str = "Other"
    starts_ns: int = 0
    ends_ns: int


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be traded in one sandbox."""

    events: tuple[ListedEvent, ...]
    markets: tuple[ListedMarket, ...]


class MarketStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in a market's life.

    Shape: payouts are the micros of a USD that a YES and a NO share pay once it is resolved.
    Units: tick in micros; opened_ns and resolved_ns are unix time.
    """

    tick: int
    is_accepting: bool = True
    is_closed: bool = False
    payouts: tuple[int, int] | None = None
    opened_ns: int = 0
    resolved_ns: int = 0
