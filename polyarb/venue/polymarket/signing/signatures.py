"""Signing with a private key, and judging signatures the way the venue does.

The key stays inside `Signer`; nothing here prints, logs or stores it.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final, NoReturn

import msgspec
from coincurve import PrivateKey, PublicKey

from polyarb.domain.errors import RefusedError, UsageError
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID, address_of, checksum
from polyarb.venue.polymarket.signing.digests import (
    DOMAINS,
    ORDER_TYPE,
    Domain,
    login_digest,
    nested_digest,
    order_hash,
    personal_digest,
    typed_digest,
)
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32, SignatureType, SignedOrder
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.polymarket.signing.words import WORD, address_word, hex_bytes, uint_word

SIGNATURE_BYTES: Final = 65
"""Length of r, s and v."""

_V_OFFSET: Final = 27
_RECOVERY_IDS: Final = {0: 0, 1: 1, 27: 0, 28: 1}
_CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER: Final = _CURVE_ORDER // 2
_TYPE_LENGTH: Final = len(ORDER_TYPE).to_bytes(2, "big")
_SESSION_MAGIC: Final = bytes.fromhex("6492") * 16
_SESSION_HEAD: Final = 4 * WORD
_LEGACY_FIELDS: Final = frozenset({"taker", "nonce", "feeRateBps"})
_CURRENT_FIELDS: Final = frozenset({"timestamp", "metadata", "builder"})


class SignatureFault(StrEnum):
    """Why an order's signature does not count, in the venue's words."""

    VERSION_MISMATCH = "order_version_mismatch"
    INVALID_SIGNATURE = "invalid signature"
    INVALID_PAYLOAD = "Invalid order payload"


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """An order whose signature holds: its id, and the account (EOA) whose key signed it."""

    order_id: Bytes32
    owner: Address


class Signer:
    """A private key that signs and is never shown.

    Errors: UsageError where the text is no key; RefusedError for an order of somebody else.
    """

    __slots__ = ("_key", "address")

    def __init__(self, private_key: Secret) -> None:
        self._key = _private_key(private_key)
        self.address: Address = _address_of_key(self._key.public_key)

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest.

        Shape: r, s and v, with s in the lower half and v 27 or 28; the same digest always gives
        the same bytes.
        """
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[: SIGNATURE_BYTES - 1] + bytes((raw[-1] + _V_OFFSET,))

    def sign_personal(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest as a personal message."""
        return self.sign(personal_digest(digest))

    def sign_login(self, timestamp_s: int, nonce: int = 0, *, chain_id: int = CHAIN_ID) -> str:
        """Sign the message that creates or derives an API key."""
        digest = login_digest(self.address, str(timestamp_s), nonce, chain_id=chain_id)
        return "0x" + self.sign(digest).hex()

    def sign_order(self, order: SignedOrder, domain: Domain) -> SignedOrder:
        """Return the order with its signature, formed as its signature type wants it."""
        if not _belongs(order, self.address):
            raise RefusedError(
                f"expected an order whose maker and signer belong to {self.address}, found maker"
                f" {order.maker} and signer {order.signer} of type {order.signature_type.name}."
                " Use the key of that account, or derive its wallet again"
            )
        contents = order_hash(order)
        if order.signature_type is SignatureType.POLY_1271:
            inner = self.sign(nested_digest(contents, order.signer, domain))
            signature = nested_signature(inner, contents, domain)
        else:
            signature = self.sign(typed_digest(domain.separator, contents))
        return msgspec.structs.replace(order, signature="0x" + signature.hex())

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not written anywhere")


def recover(digest: bytes, signature: bytes) -> Address | None:
    """Return the account that signed a digest; None where the signature is malformed.

    Shape: 65 bytes with v in {0, 1, 27, 28} and s in the lower half of the curve, so that no
    second form of the same signature passes.
    """
    if len(signature) != SIGNATURE_BYTES or signature[-1] not in _RECOVERY_IDS:
        return None
    if int.from_bytes(signature[WORD : 2 * WORD], "big") > _HALF_ORDER:
        return None
    compact = signature[: 2 * WORD] + bytes((_RECOVERY_IDS[signature[-1]],))
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError:
        return None
    return _address_of_key(key)


def nested_signature(inner: bytes, contents: bytes, domain: Domain) -> bytes:
    """Form the 317 bytes of a deposit wallet's signature around the owner's 65.

    Source: ERC-7739.
    """
    return inner + domain.separator + contents + ORDER_TYPE + _TYPE_LENGTH


def session_signature(session_signer: Address, signature: bytes) -> bytes:
    """Wrap a deposit wallet's signature that a session key made."""
    padding = b"\0" * (-len(signature) % WORD)
    words = (address_word(session_signer), uint_word(0), uint_word(3 * WORD))
    return b"".join((*words, uint_word(len(signature)), signature, padding, _SESSION_MAGIC))


def unwrap_session(signature: bytes) -> tuple[Address, bytes] | None:
    """Read a session wrapper as the session's signer and the signature; None where it is none."""
    if not signature.endswith(_SESSION_MAGIC) or len(signature) < _SESSION_HEAD + WORD:
        return None
    signer = address_of(signature[12:WORD])
    length = int.from_bytes(signature[3 * WORD : _SESSION_HEAD], "big")
    inner = signature[_SESSION_HEAD : _SESSION_HEAD + min(length, len(signature))]
    return (signer, inner) if session_signature(signer, inner) == signature else None


def attest(order: SignedOrder, domain: Domain) -> Attested | SignatureFault:
    """Judge an order's signature under the domain that its market demands.

    Types 0-2 want the account itself as signer, and as maker the account, its proxy or its safe.
    Type 3 wants maker = signer = a deposit wallet of the account that signed. A session key
    passes only where it owns the wallet: which others a wallet admits is not documented.
    """
    try:
        contents = order_hash(order)
    except (ValueError, OverflowError):
        return SignatureFault.INVALID_PAYLOAD
    signature = hex_bytes(order.signature)
    if signature is None:
        return SignatureFault.INVALID_SIGNATURE
    if owner := _owner(signature, contents, order, domain):
        digest = typed_digest(domain.separator, contents)
        return Attested(order_id=Bytes32("0x" + digest.hex()), owner=owner)
    others = (other for other in DOMAINS if other.version != domain.version)
    if any(_owner(signature, contents, order, other) for other in others):
        return SignatureFault.VERSION_MISMATCH
    return SignatureFault.INVALID_SIGNATURE


def verify_order(order: SignedOrder, domain: Domain) -> SignatureFault | None:
    """Tell why an order's signature does not count; None where it does."""
    found = attest(order, domain)
    return found if isinstance(found, SignatureFault) else None


def is_legacy_order(fields: Collection[str]) -> bool:
    """Tell whether an order's JSON has the fields of the dead V1 struct and not those of today.

    The venue answers such an order with `order_version_mismatch`.
    """
    return not _LEGACY_FIELDS.isdisjoint(fields) and not _CURRENT_FIELDS.issubset(fields)


def _private_key(private_key: Secret) -> PrivateKey:
    text = private_key.reveal()
    content = hex_bytes(text if text.startswith("0x") else "0x" + text) or b""
    number = int.from_bytes(content, "big")
    if len(content) != WORD or not 0 < number < _CURVE_ORDER:
        raise UsageError(
            "expected a private key: 0x and 64 hex digits within the curve; found another text,"
            " which is not shown. Check where the key is read from"
        )
    return PrivateKey(content)


def _owner(signature: bytes, contents: bytes, order: SignedOrder, domain: Domain) -> Address | None:
    """Return the account that signed an order for a domain, where it may sign for its maker."""
    if order.signature_type is SignatureType.POLY_1271:
        owner = _nested_owner(signature, contents, order, domain)
    else:
        owner = recover(typed_digest(domain.separator, contents), signature)
    return owner if owner is not None and _belongs(order, owner) else None


def _nested_owner(
    signature: bytes, contents: bytes, order: SignedOrder, domain: Domain
) -> Address | None:
    session = unwrap_session(signature)
    claimed, nested = (None, signature) if session is None else session
    inner = nested[:SIGNATURE_BYTES]
    if nested != nested_signature(inner, contents, domain):
        return None
    owner = recover(nested_digest(contents, order.signer, domain), inner)
    return owner if claimed in (None, owner) else None


def _belongs(order: SignedOrder, owner: Address) -> bool:
    """Tell whether an order's maker and signer are what an account's key may sign for."""
    maker, signer = checksum(order.maker), checksum(order.signer)
    match order.signature_type:
        case SignatureType.EOA:
            return maker == signer == owner
        case SignatureType.POLY_PROXY:
            return signer == owner and maker == wallets_of(owner).proxy
        case SignatureType.POLY_GNOSIS_SAFE:
            return signer == owner and maker == wallets_of(owner).safe
        case SignatureType.POLY_1271:
            return maker == signer and maker in wallets_of(owner).deposit


def _address_of_key(key: PublicKey) -> Address:
    return address_of(keccak256(key.format(compressed=False)[1:])[12:])
