"""Matches: the record that owners read, and the settlement that the chain is asked for."""

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import TradeStatus
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address, Bytes32


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order's part of a match.

    Units: given and got are micros (collateral or shares, as its side says) before the fee; fee
    in micros of a USD, on top of what a BUY gives, out of what a SELL gets; price is the order's
    own token's price of this match in micros.
    """

    order_id: OrderId
    owner: str
    maker: Address
    token_id: TokenId
    outcome: str
    side: Side
    shares: int
    price: int
    given: int
    got: int
    fee: int = 0
    builder: Bytes32 = ZERO_BYTES32
    metadata: Bytes32 = ZERO_BYTES32


class Match(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trade: a taker against one or more makers of one market, to be settled as one call."""

    trade_id: str
    condition_id: ConditionId
    is_neg_risk: bool
    taker: Fill
    makers: tuple[Fill, ...]
    matched_ns: int
    bucket_index: int = 0


class TradeRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade with the present word of the chain on it."""

    match: Match
    status: TradeStatus
    transaction_hash: str = ""
    updated_ns: int


def sides_of(match: Match) -> tuple[Fill, ...]:
    """Return the fills of everybody who took part, the taker first."""
    return (match.taker, *match.makers)
