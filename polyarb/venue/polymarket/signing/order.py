"""An order as it is signed: the fields of the exchange's `Order` struct and how they are typed."""

from enum import IntEnum
from typing import NewType

import msgspec

from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side

Address = NewType("Address", str)
"""An account on chain: 0x and 40 hex digits in EIP-55 checksum case."""
Bytes32 = NewType("Bytes32", str)
"""0x and 64 lower-case hex digits."""

ZERO_BYTES32 = Bytes32("0x" + "00" * 32)


class SignatureType(IntEnum):
    """Which kind of wallet holds the funds and how its signature is formed."""

    EOA = 0
    POLY_PROXY = 1
    POLY_GNOSIS_SAFE = 2
    POLY_1271 = 3


class SignedOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order with its signature; amounts are exactly what was signed.

    Units: a BUY gives maker_amount in micros of a USD for taker_amount in micro-shares, a SELL
    the other way round; timestamp_ms is unix time at signing; expiration_s (not signed) is unix
    seconds or 0.
    """

    salt: int
    maker: Address
    signer: Address
    token_id: TokenId
    maker_amount: int
    taker_amount: int
    side: Side
    signature_type: SignatureType = SignatureType.EOA
    timestamp_ms: int
    metadata: Bytes32 = ZERO_BYTES32
    builder: Bytes32 = ZERO_BYTES32
    expiration_s: int = 0
    signature: str = ""
