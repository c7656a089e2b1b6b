"""Digests of what is signed for the venue: orders, logins, and orders of deposit wallets.

EIP-712 structs are encoded by hand from 32-byte words, with type hashes computed once and domain
separators kept: an order is hashed on the way to the wire.
"""

from functools import lru_cache
from typing import Final

import msgspec

from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID, CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32, SignedOrder
from polyarb.venue.polymarket.signing.positions import is_protocol_v2, position_number
from polyarb.venue.polymarket.signing.words import address_word, bytes32_word, uint_word

ORDER_TYPE: Final = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    b"uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    b"bytes32 builder)"
)
LOGIN_MESSAGE: Final = "This message attests that I control the given wallet"

_EIP712: Final = b"\x19\x01"
_ORDER_TYPE_HASH: Final = keccak256(ORDER_TYPE)
_DOMAIN_TYPE_HASH: Final = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_EXCHANGE_NAME_HASH: Final = keccak256(b"Polymarket CTF Exchange")
_WALLET_NAME_HASH: Final = keccak256(b"DepositWallet")
_WALLET_VERSION_HASH: Final = keccak256(b"1")
_NESTED_TYPE_HASH: Final = keccak256(
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    b"address verifyingContract,bytes32 salt)" + ORDER_TYPE
)
_LOGIN_DOMAIN_TYPE_HASH: Final = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId)"
)
_LOGIN_TYPE_HASH: Final = keccak256(
    b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
)
_LOGIN_MESSAGE_HASH: Final = keccak256(LOGIN_MESSAGE.encode())
_PERSONAL: Final = b"\x19Ethereum Signed Message:\n32"
_SIDE_WORDS: Final = {Side.BUY: uint_word(0), Side.SELL: uint_word(1)}
_ZERO_WORD: Final = uint_word(0)


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """Which exchange an order is meant for; its separator makes a signature worthless elsewhere."""

    version: str
    chain_id: int
    exchange: Address
    separator: bytes


def exchange_domain(version: str, exchange: Address, chain_id: int = CHAIN_ID) -> Domain:
    """Build the domain of an exchange contract."""
    version_hash = keccak256(version.encode())
    separator = domain_separator(_EXCHANGE_NAME_HASH, version_hash, exchange, chain_id)
    return Domain(version=version, chain_id=chain_id, exchange=exchange, separator=separator)


def domain_separator(name_hash: bytes, version_hash: bytes, contract: str, chain_id: int) -> bytes:
    """Hash a domain that has all four of name, version, chain and contract."""
    words = (uint_word(chain_id), address_word(contract))
    return keccak256(b"".join((_DOMAIN_TYPE_HASH, name_hash, version_hash, *words)))


BINARY: Final = exchange_domain("2", CONTRACTS.exchange)
NEG_RISK: Final = exchange_domain("2", CONTRACTS.neg_risk_exchange)
PROTOCOL_V2: Final = exchange_domain("3", CONTRACTS.exchange_v3)
LEGACY_BINARY: Final = exchange_domain("1", CONTRACTS.legacy_exchange)
LEGACY_NEG_RISK: Final = exchange_domain("1", CONTRACTS.legacy_neg_risk_exchange)
DOMAINS: Final = (BINARY, NEG_RISK, PROTOCOL_V2, LEGACY_BINARY, LEGACY_NEG_RISK)
"""Every exchange that ever was, so that an order for the wrong one can be told from a forgery."""


def domain_of(is_neg_risk: bool) -> Domain:
    """Choose the exchange of a market with classic (v1) tokens."""
    return NEG_RISK if is_neg_risk else BINARY


def domain_of_token(token_id: TokenId, *, is_neg_risk: bool) -> Domain:
    """Choose the exchange by the token: a Protocol V2 position has its own, neg-risk or not."""
    return PROTOCOL_V2 if is_protocol_v2(token_id) else domain_of(is_neg_risk)


def order_hash(order: SignedOrder) -> bytes:
    """Hash the fields of an order that are signed, whatever the exchange.

    Errors: ValueError or OverflowError for a field that does not fit its type.
    """
    token = position_number(order.token_id)
    if token is None:
        raise ValueError(f"expected a token id below 2**256, found {order.token_id!r}")
    return keccak256(
        b"".join(
            (
                _ORDER_TYPE_HASH,
                uint_word(order.salt),
                address_word(order.maker),
                address_word(order.signer),
                uint_word(token),
                uint_word(order.maker_amount),
                uint_word(order.taker_amount),
                _SIDE_WORDS[order.side],
                uint_word(order.signature_type),
                uint_word(order.timestamp_ms),
                bytes32_word(order.metadata),
                bytes32_word(order.builder),
            )
        )
    )


def order_digest(order: SignedOrder, domain: Domain) -> Bytes32:
    """Return the order's id: its digest, known before it is sent, whatever its signature type."""
    return Bytes32("0x" + typed_digest(domain.separator, order_hash(order)).hex())


def typed_digest(separator: bytes, struct_hash: bytes) -> bytes:
    """Bind the hash of a struct to a domain."""
    return keccak256(_EIP712 + separator + struct_hash)


def personal_digest(digest: bytes) -> bytes:
    """Wrap a 32-byte digest as a personal message."""
    return keccak256(_PERSONAL + digest)


def nested_hash(contents: bytes, wallet: Address, chain_id: int) -> bytes:
    """Hash what the owner of a deposit wallet signs around the hash of an order.

    Source: ERC-7739 nested typed data with the wallet's own domain inside.
    """
    return keccak256(
        b"".join(
            (
                _NESTED_TYPE_HASH,
                contents,
                _WALLET_NAME_HASH,
                _WALLET_VERSION_HASH,
                uint_word(chain_id),
                address_word(wallet),
                _ZERO_WORD,
            )
        )
    )


def nested_digest(contents: bytes, wallet: Address, domain: Domain) -> bytes:
    """Return what the owner of a deposit wallet signs for an order."""
    return typed_digest(domain.separator, nested_hash(contents, wallet, domain.chain_id))


def wallet_separator(wallet: Address, chain_id: int = CHAIN_ID) -> bytes:
    """Hash the domain of a deposit wallet."""
    return domain_separator(_WALLET_NAME_HASH, _WALLET_VERSION_HASH, wallet, chain_id)


@lru_cache(maxsize=8)
def _login_separator(chain_id: int) -> bytes:
    names = keccak256(b"ClobAuthDomain") + keccak256(b"1")
    return keccak256(_LOGIN_DOMAIN_TYPE_HASH + names + uint_word(chain_id))


def login_hash(address: Address, timestamp_s: str, nonce: int) -> bytes:
    """Hash the login message; the timestamp is signed as the text that is sent.

    Errors: ValueError or OverflowError for a field that does not fit its type.
    """
    return keccak256(
        b"".join(
            (
                _LOGIN_TYPE_HASH,
                address_word(address),
                keccak256(timestamp_s.encode()),
                uint_word(nonce),
                _LOGIN_MESSAGE_HASH,
            )
        )
    )


def login_digest(
    address: Address, timestamp_s: str, nonce: int, *, chain_id: int = CHAIN_ID
) -> bytes:
    """Return what an account signs to create or derive an API key (ClobAuth)."""
    return typed_digest(_login_separator(chain_id), login_hash(address, timestamp_s, nonce))
