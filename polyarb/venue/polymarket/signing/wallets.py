"""The wallets that belong to an account: CREATE2 addresses, known before they are deployed."""

from functools import lru_cache

import msgspec

from polyarb.venue.polymarket.signing.contracts import CONTRACTS, address_of
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.words import (
    account_bytes,
    address_word,
    bytes32_word,
    uint_word,
)

_ARGUMENTS_LENGTH_SHIFT = 56
_PREFIX_BYTES = 10

_PROXY_INIT = (
    bytes.fromhex("3d3d606380380380913d393d73"),
    bytes.fromhex("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73"),
    bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd"),
)
_UUPS_PREFIX = 0x61003D3D8160233D3973
_UUPS_BODY = bytes.fromhex(
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_PREFIX = 0x6100523D8160233D3973
_BEACON_BODY = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


class Wallets(msgspec.Struct, frozen=True, kw_only=True):
    """The four wallets of one externally owned account (EOA)."""

    owner: Address
    proxy: Address
    safe: Address
    uups: Address
    beacon: Address

    @property
    def deposit(self) -> tuple[Address, Address]:
        """Return the two addresses that a deposit wallet may have."""
        return (self.uups, self.beacon)


@lru_cache(maxsize=4096)
def wallets_of(owner: Address) -> Wallets:
    """Derive the wallets of an account.

    Source: the factories' init codes as the venue's official client has them.
    Errors: ValueError where the text is no address.
    """
    return Wallets(
        owner=owner,
        proxy=_proxy(owner),
        safe=_safe(owner),
        uups=_deposit(owner, _UUPS_PREFIX, CONTRACTS.deposit_wallet_implementation, _UUPS_BODY),
        beacon=_deposit(owner, _BEACON_PREFIX, CONTRACTS.deposit_wallet_beacon, _BEACON_BODY),
    )


def create2(factory: Address, salt: bytes, init_code_hash: bytes) -> Address:
    """Return the address at which a factory deploys a contract."""
    return address_of(keccak256(b"\xff" + account_bytes(factory) + salt + init_code_hash)[12:])


def _proxy(owner: Address) -> Address:
    head, middle, tail = _PROXY_INIT
    factory, implementation = CONTRACTS.proxy_factory, CONTRACTS.proxy_implementation
    code = head + account_bytes(factory) + middle + account_bytes(implementation) + tail
    init_code = code + uint_word(32) + uint_word(0)
    return create2(factory, keccak256(account_bytes(owner)), keccak256(init_code))


def _safe(owner: Address) -> Address:
    salt = keccak256(address_word(owner))
    return create2(CONTRACTS.safe_factory, salt, bytes32_word(CONTRACTS.safe_init_code_hash))


def _deposit(owner: Address, prefix: int, target: Address, body: bytes) -> Address:
    factory = CONTRACTS.deposit_wallet_factory
    arguments = address_word(factory) + address_word(owner)
    head = (prefix + (len(arguments) << _ARGUMENTS_LENGTH_SHIFT)).to_bytes(_PREFIX_BYTES, "big")
    init_code = head + account_bytes(target) + body + arguments
    return create2(factory, keccak256(arguments), keccak256(init_code))
