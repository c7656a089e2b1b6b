"""What is signed so that the relayer sends a transaction for a wallet, and who signed it."""

from typing import Final

import msgspec

from polyarb.venue.polymarket.signing.contracts import (
    CHAIN_ID,
    CONTRACTS,
    ZERO_ADDRESS,
)
from polyarb.venue.polymarket.signing.digests import personal_digest, typed_digest, wallet_separator
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.signatures import SIGNATURE_BYTES, Signer, recover
from polyarb.venue.polymarket.signing.words import account_bytes, address_word, uint_word

_CALL_TYPE: Final = b"Call(address target,uint256 value,bytes data)"
_CALL_TYPE_HASH: Final = keccak256(_CALL_TYPE)
_BATCH_TYPE_HASH: Final = keccak256(
    b"Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)" + _CALL_TYPE
)
_SAFE_DOMAIN_TYPE_HASH: Final = keccak256(
    b"EIP712Domain(uint256 chainId,address verifyingContract)"
)
_SAFE_TYPE_HASH: Final = keccak256(
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,"
    b"uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)
_PROXY_PREFIX: Final = b"rlx:"
_SAFE_V_SHIFT: Final = 4
_SAFE_V: Final = frozenset({31, 32})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call that a wallet makes. Units: value in wei."""

    target: Address
    value: int = 0
    data: bytes = b""


class WalletBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of a deposit wallet under one signature. Units: deadline_s in unix seconds."""

    wallet: Address
    nonce: int
    deadline_s: int
    calls: tuple[Call, ...]
    chain_id: int = CHAIN_ID


class SafeTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a safe; operation 1 is a delegate call, as for a multisend."""

    safe: Address
    call: Call
    operation: int = 0
    nonce: int
    gas_token: Address = ZERO_ADDRESS
    refund_receiver: Address = ZERO_ADDRESS
    safe_gas: int = 0
    base_gas: int = 0
    gas_price: int = 0
    chain_id: int = CHAIN_ID


class ProxyTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of a proxy wallet, sent through the relay hub."""

    owner: Address
    to: Address
    data: bytes
    nonce: int
    gas_limit: int
    relay: Address
    relayer_fee: int = 0
    gas_price: int = 0
    relay_hub: Address = CONTRACTS.relay_hub


def batch_digest(batch: WalletBatch) -> bytes:
    """Hash a batch; it is signed as it is.

    Errors: ValueError or OverflowError for a field that does not fit its type; so do all here.
    """
    calls = keccak256(b"".join(_call_hash(call) for call in batch.calls))
    words = (address_word(batch.wallet), uint_word(batch.nonce), uint_word(batch.deadline_s))
    struct_hash = keccak256(b"".join((_BATCH_TYPE_HASH, *words, calls)))
    return typed_digest(wallet_separator(batch.wallet, batch.chain_id), struct_hash)


def safe_digest(transaction: SafeTransaction) -> bytes:
    """Hash a safe's transaction; it is signed as a personal message."""
    call = transaction.call
    words = (
        address_word(call.target),
        uint_word(call.value),
        keccak256(call.data),
        uint_word(transaction.operation),
        uint_word(transaction.safe_gas),
        uint_word(transaction.base_gas),
        uint_word(transaction.gas_price),
        address_word(transaction.gas_token),
        address_word(transaction.refund_receiver),
        uint_word(transaction.nonce),
    )
    domain = (uint_word(transaction.chain_id), address_word(transaction.safe))
    separator = keccak256(b"".join((_SAFE_DOMAIN_TYPE_HASH, *domain)))
    return typed_digest(separator, keccak256(b"".join((_SAFE_TYPE_HASH, *words))))


def proxy_digest(transaction: ProxyTransaction) -> bytes:
    """Hash a proxy's transaction; it is signed as a personal message."""
    return keccak256(
        b"".join(
            (
                _PROXY_PREFIX,
                account_bytes(transaction.owner),
                account_bytes(transaction.to),
                transaction.data,
                uint_word(transaction.relayer_fee),
                uint_word(transaction.gas_price),
                uint_word(transaction.gas_limit),
                uint_word(transaction.nonce),
                account_bytes(transaction.relay_hub),
                account_bytes(transaction.relay),
            )
        )
    )


def sign_batch(signer: Signer, batch: WalletBatch) -> bytes:
    """Sign a deposit wallet's batch."""
    return signer.sign(batch_digest(batch))


def sign_safe(signer: Signer, transaction: SafeTransaction) -> bytes:
    """Sign a safe's transaction; v is raised by 4, the mark of a personal message."""
    signature = signer.sign_personal(safe_digest(transaction))
    return signature[:-1] + bytes((signature[-1] + _SAFE_V_SHIFT,))


def sign_proxy(signer: Signer, transaction: ProxyTransaction) -> bytes:
    """Sign a proxy's transaction."""
    return signer.sign_personal(proxy_digest(transaction))


def batch_signer(batch: WalletBatch, signature: bytes) -> Address | None:
    """Return who signed a batch; None where the signature is malformed."""
    return recover(batch_digest(batch), signature)


def safe_signer(transaction: SafeTransaction, signature: bytes) -> Address | None:
    """Return who signed a safe's transaction; None where the signature is malformed."""
    if len(signature) != SIGNATURE_BYTES or signature[-1] not in _SAFE_V:
        return None
    lowered = signature[:-1] + bytes((signature[-1] - _SAFE_V_SHIFT,))
    return recover(personal_digest(safe_digest(transaction)), lowered)


def proxy_signer(transaction: ProxyTransaction, signature: bytes) -> Address | None:
    """Return who signed a proxy's transaction; None where the signature is malformed."""
    return recover(personal_digest(proxy_digest(transaction)), signature)


def _call_hash(call: Call) -> bytes:
    words = (address_word(call.target), uint_word(call.value), keccak256(call.data))
    return keccak256(b"".join((_CALL_TYPE_HASH, *words)))
