"""The keyed hash by which every private request proves that its sender knows an API secret."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.signatures import Signer


class ApiCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """An API key with its two secrets."""

    key: str
    secret: Secret
    passphrase: Secret


def request_mac(
    secret: Secret, timestamp_s: str, *, method: str, path: str, body: bytes = b""
) -> str:
    """Return the signature of a request.

    Shape: url-safe base64 with padding, of HMAC-SHA256 over timestamp, method, path and body;
    path has no query, body is exactly what is sent.
    Errors: ValueError where the secret is no base64.
    """
    text = secret.reveal()
    key = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    message = f"{timestamp_s}{method}{path}".encode() + body
    return urlsafe_b64encode(hmac.digest(key, message, "sha256")).decode()


def login_headers(signer: Signer, timestamp_s: int, nonce: int = 0) -> dict[str, str]:
    """Return the headers (L1) with which an account creates or derives an API key."""
    return {
        "POLY_ADDRESS": signer.address,
        "POLY_SIGNATURE": signer.sign_login(timestamp_s, nonce),
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_NONCE": str(nonce),
    }


def request_headers(
    credentials: ApiCredentials,
    address: Address,
    timestamp_s: int,
    *,
    method: str,
    path: str,
    body: bytes = b"",
) -> dict[str, str]:
    """Return the headers (L2) of a private request; address is the account, not its wallet."""
    stamp = str(timestamp_s)
    return {
        "POLY_ADDRESS": address,
        "POLY_API_KEY": credentials.key,
        "POLY_PASSPHRASE": credentials.passphrase.reveal(),
        "POLY_TIMESTAMP": stamp,
        "POLY_SIGNATURE": request_mac(
            credentials.secret, stamp, method=method, path=path, body=body
        ),
    }
