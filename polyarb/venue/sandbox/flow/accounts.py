"""Throw-away accounts: keys that follow from the seed, so that anybody can form them again."""

from uuid import UUID

import msgspec
from coincurve import PrivateKey

from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing import contracts
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ACCOUNT_BYTES = 20


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the sandbox; its key guards nothing but play money. Units: pusd in micros."""

    address: Address
    private_key: Secret
    pusd: int


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """Whose orders an agent places: its account, and the uuid that stands for its API key."""

    address: Address
    owner: str


def account_of(seed: int, name: str, *, pusd: int) -> Account:
    """Form the account that a seed and a name give."""
    key = private_key_of(seed, name)
    return Account(address=address_of(key), private_key=Secret("0x" + key.hex()), pusd=pusd)


def wallet_of(seed: int, name: str) -> Wallet:
    """Form the wallet of the agent of this name."""
    key = private_key_of(seed, name)
    return Wallet(address=address_of(key), owner=str(UUID(bytes=keccak256(key)[:16], version=4)))


def private_key_of(seed: int, name: str) -> bytes:
    """Hash a seed and a name until the digest is a key of the curve."""
    key = keccak256(f"polyarb sandbox {seed} {name}".encode())
    while not 0 < int.from_bytes(key, "big") < _CURVE_ORDER:
        key = keccak256(key)
    return key


def address_of(private_key: bytes) -> Address:
    """Return the account of a key."""
    point = PrivateKey(private_key).public_key.format(compressed=False)
    return contracts.address_of(keccak256(point[1:])[-_ACCOUNT_BYTES:])
