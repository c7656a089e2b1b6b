"""Transactions as they are signed and sent: type 2 (EIP-1559). No I/O; the hash is known first."""

from typing import Final, Protocol

import msgspec
import rlp

from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.relays import Call
from polyarb.venue.polymarket.signing.words import WORD, account_bytes

_TYPE: Final = b"\x02"
_V_OFFSET: Final = 27


class DigestSigner(Protocol):
    """Whoever holds the wallet's key; `Signer` is one."""

    @property
    def address(self) -> Address:
        """Return the account of the key."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest: r, s, and v of 27 or 28."""
        ...


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction to be signed. Units: wei for a unit of gas; gas."""

    chain_id: int
    nonce: int
    priority_wei: int
    price_wei_max: int
    gas_limit: int
    call: Call

    @property
    def cost_wei_max(self) -> int:
        """Return the most that it may cost."""
        return self.gas_limit * self.price_wei_max + self.call.value


class SignedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction's bytes and the hash by which the chain will know it."""

    raw: bytes
    hash: str


def sign_transaction(signer: DigestSigner, transaction: Transaction) -> SignedTransaction:
    """Sign a transaction; the same one always gives the same bytes."""
    fields: list[object] = [
        transaction.chain_id,
        transaction.nonce,
        transaction.priority_wei,
        transaction.price_wei_max,
        transaction.gas_limit,
        account_bytes(transaction.call.target),
        transaction.call.value,
        transaction.call.data,
        [],
    ]
    signature = signer.sign(keccak256(_TYPE + rlp.encode(fields)))
    r = int.from_bytes(signature[:WORD], "big")
    s = int.from_bytes(signature[WORD : 2 * WORD], "big")
    raw = _TYPE + bytes(rlp.encode([*fields, signature[-1] - _V_OFFSET, r, s]))
    return SignedTransaction(raw=raw, hash="0x" + keccak256(raw).hex())
