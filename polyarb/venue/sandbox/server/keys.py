"""API keys that the sandbox handed out; the same seed gives the same keys and secrets.

Only `ApiCredentials` carry the secrets, as `Secret`s: no record or log can hold them by accident.
"""

import hmac
from base64 import urlsafe_b64encode
from enum import StrEnum
from uuid import UUID

import msgspec

from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.mac import ApiCredentials
from polyarb.venue.polymarket.signing.order import Address


class KeyKind(StrEnum):
    """What a key is good for."""

    TRADING = "trading"
    READ_ONLY = "read-only"
    BUILDER = "builder"
    RELAYER = "relayer"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key and whose it is; nonce is the login nonce, or the serial of the other kinds."""

    credentials: ApiCredentials
    address: Address
    kind: KeyKind
    nonce: int


class ApiKeys:
    """The keys that are valid now.

    A key of the TRADING kind is created once per address and nonce. One that is created again
    after its deletion has new secrets: what was deleted never becomes valid again.
    """

    def __init__(self, seed: int) -> None:
        self._seed = str(seed).encode()
        self._by_key: dict[str, ApiKey] = {}
        self._trading: dict[tuple[Address, int], str] = {}
        self._issued: dict[tuple[Address, KeyKind, int], int] = {}

    def create(self, address: Address, nonce: int = 0) -> ApiCredentials | None:
        """Create the trading key of an address and nonce; None where there is one."""
        if (address, nonce) in self._trading:
            return None
        made = self._make(address, KeyKind.TRADING, nonce)
        self._trading[address, nonce] = made.key
        return made

    def derive(self, address: Address, nonce: int = 0) -> ApiCredentials | None:
        """Return the trading key of an address and nonce; None where there is none."""
        key = self._trading.get((address, nonce))
        return None if key is None else self._by_key[key].credentials

    def issue(self, address: Address, kind: KeyKind) -> ApiCredentials:
        """Create one more key of another kind than TRADING."""
        assert kind is not KeyKind.TRADING
        return self._make(address, kind, 0)

    def listed(self, address: Address, kind: KeyKind = KeyKind.TRADING) -> tuple[str, ...]:
        """Return the valid keys of an address, in the order of their creation."""
        found = self._by_key.items()
        return tuple(key for key, made in found if (made.address, made.kind) == (address, kind))

    def find(self, key: str) -> ApiKey | None:
        """Return a valid key of any kind."""
        return self._by_key.get(key)

    def delete(self, key: str) -> bool:
        """Make a key invalid for good; False where it is not valid."""
        made = self._by_key.pop(key, None)
        if made is not None and made.kind is KeyKind.TRADING:
            del self._trading[made.address, made.nonce]
        return made is not None

    def _make(self, address: Address, kind: KeyKind, nonce: int) -> ApiCredentials:
        serial = self._issued.get((address, kind, nonce), 0)
        self._issued[address, kind, nonce] = serial + 1
        origin = f"{kind}|{address}|{nonce}|{serial}"
        credentials = ApiCredentials(
            key=str(UUID(bytes=self._draw(origin, "key")[:16], version=4)),
            secret=Secret(urlsafe_b64encode(self._draw(origin, "secret")).decode()),
            passphrase=Secret(self._draw(origin, "passphrase").hex()),
        )
        self._by_key[credentials.key] = ApiKey(
            credentials=credentials, address=address, kind=kind, nonce=nonce
        )
        return credentials

    def _draw(self, origin: str, purpose: str) -> bytes:
        return hmac.digest(self._seed, f"{origin}|{purpose}".encode(), "sha256")
