"""Who sent a request: logins signed by an account (L1), requests signed with an API secret (L2).

A timestamp counts from PAST_S before to FUTURE_S after the venue's time, so that what was recorded
earlier cannot be sent again. Within that window the very same request passes again, because a
client must be able to repeat one whose answer was lost: an order sent twice is refused as a
duplicate, a cancel finds nothing more to cancel, and a heartbeat id is good once.
"""

import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.digests import login_digest
from polyarb.venue.polymarket.signing.mac import request_mac
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.signatures import recover
from polyarb.venue.polymarket.signing.words import hex_bytes
from polyarb.venue.sandbox.server.keys import ApiKey, ApiKeys, KeyKind

PAST_S: Final = 30
"""How old a request may be. The venue documents no figure."""
FUTURE_S: Final = 10
"""How far a client's clock may be ahead."""
INVALID_KEY: Final = "Unauthorized/Invalid api key"
INVALID_LOGIN: Final = "Invalid L1 Request headers"

_TIMESTAMP_DIGITS_MAX: Final = 12
_NONCE_DIGITS_MAX: Final = 18
_READING: Final = frozenset({"GET", "HEAD"})
_PRIVATE: Final = frozenset({KeyKind.TRADING, KeyKind.READ_ONLY})


class Unauthorized(msgspec.Struct, frozen=True, kw_only=True):
    """A request of nobody known: the venue's status and the text of its `error`."""

    error: str
    status: int = 401


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """An account that proved that it holds its private key."""

    address: Address
    nonce: int


class Authenticated(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a request; owner is the API key."""

    address: Address
    owner: str
    kind: KeyKind


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request is signed; path has no query, body is exactly what came.

    Shape: headers are asked for by the venue's spelling, POLY_ADDRESS.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


def authenticate_login(headers: Mapping[str, str], now_s: int) -> Login | Unauthorized:
    """Judge a login (L1): the account of POLY_ADDRESS signed this timestamp and nonce."""
    refusal = Unauthorized(error=INVALID_LOGIN)
    address = checksum(headers.get("POLY_ADDRESS", ""))
    signature = hex_bytes(headers.get("POLY_SIGNATURE", ""))
    stamp = headers.get("POLY_TIMESTAMP", "")
    nonce = _number(headers.get("POLY_NONCE", "0"), _NONCE_DIGITS_MAX)
    if address is None or signature is None or nonce is None or not _is_timely(stamp, now_s):
        return refusal
    if recover(login_digest(address, stamp, nonce), signature) != address:
        return refusal
    return Login(address=address, nonce=nonce)


def authenticate(keys: ApiKeys, request: Request, now_s: int) -> Authenticated | Unauthorized:
    """Judge a private request (L2). A read-only key passes only where nothing changes."""
    headers = request.headers
    found = _signed(keys, request, now_s, prefix="POLY_")
    if found is None or found.kind not in _PRIVATE:
        return Unauthorized(error=INVALID_KEY)
    if checksum(headers.get("POLY_ADDRESS", "")) != found.address:
        return Unauthorized(error=INVALID_KEY)
    if found.kind is KeyKind.READ_ONLY and request.method not in _READING:
        return Unauthorized(error=INVALID_KEY)
    return _authenticated(found)


def authenticate_builder(
    keys: ApiKeys, request: Request, now_s: int
) -> Authenticated | Unauthorized:
    """Judge a request of a builder: the same keyed hash under POLY_BUILDER headers."""
    found = _signed(keys, request, now_s, prefix="POLY_BUILDER_")
    if found is None or found.kind is not KeyKind.BUILDER:
        return Unauthorized(error=INVALID_KEY)
    return _authenticated(found)


def authenticate_relayed(
    keys: ApiKeys, request: Request, now_s: int
) -> Authenticated | Unauthorized:
    """Judge a request to the relayer: a relayer key with its address, or a builder's headers."""
    if "RELAYER_API_KEY" not in request.headers:
        return authenticate_builder(keys, request, now_s)
    found = keys.find(request.headers["RELAYER_API_KEY"])
    address = checksum(request.headers.get("RELAYER_API_KEY_ADDRESS", ""))
    if found is None or found.kind is not KeyKind.RELAYER or found.address != address:
        return Unauthorized(error=INVALID_KEY)
    return _authenticated(found)


def authenticate_channel(
    keys: ApiKeys, *, key: str, secret: str, passphrase: str
) -> Authenticated | Unauthorized:
    """Judge the credentials that the first frame of the user channel carries."""
    found = keys.find(key)
    if found is None or found.kind not in _PRIVATE:
        return Unauthorized(error=INVALID_KEY)
    is_secret = _is_same(found.credentials.secret, secret)
    if not (_is_same(found.credentials.passphrase, passphrase) and is_secret):
        return Unauthorized(error=INVALID_KEY)
    return _authenticated(found)


def _signed(keys: ApiKeys, request: Request, now_s: int, *, prefix: str) -> ApiKey | None:
    """Return the key that signed a request under the headers with a prefix."""
    headers = request.headers
    stamp = headers.get(f"{prefix}TIMESTAMP", "")
    found = keys.find(headers.get(f"{prefix}API_KEY", ""))
    if found is None or not _is_timely(stamp, now_s):
        return None
    expected = request_mac(
        found.credentials.secret,
        stamp,
        method=request.method,
        path=request.path,
        body=request.body,
    )
    is_mac = _is_same(Secret(expected), headers.get(f"{prefix}SIGNATURE", ""))
    is_passphrase = _is_same(found.credentials.passphrase, headers.get(f"{prefix}PASSPHRASE", ""))
    return found if is_mac and is_passphrase else None


def _authenticated(found: ApiKey) -> Authenticated:
    return Authenticated(address=found.address, owner=found.credentials.key, kind=found.kind)


def _is_same(expected: Secret, given: str) -> bool:
    """Compare in a time that tells nothing of where the two differ."""
    return hmac.compare_digest(expected.reveal().encode(), given.encode())


def _is_timely(stamp: str, now_s: int) -> bool:
    sent_s = _number(stamp, _TIMESTAMP_DIGITS_MAX)
    return sent_s is not None and -PAST_S <= sent_s - now_s <= FUTURE_S


def _number(text: str, digits_max: int) -> int | None:
    if text.isascii() and text.isdecimal() and len(text) <= digits_max:
        return int(text)
    return None
