"""PURE: transactions, receipts and blocks as values."""

from collections.abc import Callable
from enum import IntEnum

import msgspec

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.events import Emitted
from polyarb.venue.sandbox.chain.frame import Frame
from polyarb.venue.sandbox.terms.trades import Match


class Kind(IntEnum):
    """How a transaction is written on the wire."""

    LEGACY = 0
    DYNAMIC_FEE = 2


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The signature under a transaction, all 0 where nobody signed (relayed, simulated)."""

    v: int = 0
    r: int = 0
    s: int = 0


Act = Callable[[Frame], None]
"""What a transaction of the sandbox itself does, where it is no call of a contract."""


class Transaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call from outside; match is set for the operator's settlements,
    batch for calls that a wallet makes in one go.

    Shape: what is not signed comes from the relayer or the sandbox itself: it needs no nonce and
    its gas is not the sender's. Units: wei, gas; gas_price is the most paid for a unit of gas.
    """

    hash: str
    sender: Address
    to: Address | None
    data: bytes = b""
    value: int = 0
    nonce: int
    gas_limit: int
    gas_price: int
    priority_price: int = 0
    kind: Kind = Kind.LEGACY
    signature: Signature = Signature()
    is_signed: bool = False
    match: Match | None = None
    is_ghost: bool = False
    batch: tuple[tuple[Address, bytes], ...] = ()
    act: Act | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a transaction ended. Units: gas; price in wei. reason is empty when it went well."""

    transaction: Transaction
    is_success: bool
    block_number: int
    index: int
    gas_used: int
    gas_price: int
    reason: str = ""
    emitted: tuple[Emitted, ...] = ()


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block. Units: made_s is unix time."""

    number: int
    hash: str
    parent_hash: str
    made_s: int
    gas_used: int = 0
    transaction_hashes: tuple[str, ...] = ()


class Reverted(msgspec.Struct, frozen=True, kw_only=True):
    """A call gave up. Shape: data is the ABI encoding of the reason."""

    reason: str
    data: bytes = b""


class ChainRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The node did not take a transaction. Shape: code and message of the JSON-RPC error."""

    code: int
    message: str
