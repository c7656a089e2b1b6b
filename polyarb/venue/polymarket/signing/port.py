"""What may be asked of whoever holds the key, and what comes back; nothing else crosses.

Requests and answers are plain structs, so that the holder may stand in this process or in another
one. No digest, no text and no transaction is ever signed on request: typed fields only.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from polyarb.domain.order import TimeInForce
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID
from polyarb.venue.polymarket.signing.order import Address, Bytes32, SignedOrder


class SigningRefusal(StrEnum):
    """Why no signature was given; nothing was charged then."""

    KIND = "KIND"
    COUNT = "COUNT"
    MALFORMED = "MALFORMED"
    CHAIN = "CHAIN"
    CONTRACT = "CONTRACT"
    SIGNATURE_TYPE = "SIGNATURE_TYPE"
    MAKER = "MAKER"
    TOKEN = "TOKEN"
    UNKNOWN_VERSION = "UNKNOWN_VERSION"
    BUILDER = "BUILDER"
    TIMESTAMP = "TIMESTAMP"
    TIME_IN_FORCE = "TIME_IN_FORCE"
    EXPIRATION = "EXPIRATION"
    PRICE = "PRICE"
    ORDER_NOTIONAL = "ORDER_NOTIONAL"
    DAY_NOTIONAL = "DAY_NOTIONAL"


class OrderToSign(msgspec.Struct, frozen=True, kw_only=True):
    """An order without its signature, and the exchange that it is meant for.

    Shape: the holder chooses the signing domain by the token; chain and exchange only say what
    the asker takes it for.
    """

    order: SignedOrder
    chain_id: int
    exchange: Address
    time_in_force: TimeInForce


class OrdersToSign(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The legs of one set: all are signed, or none."""

    orders: tuple[OrderToSign, ...]


class LoginToSign(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The login by which an API key is made or derived. Units: unix seconds."""

    timestamp_s: int
    nonce: int = 0
    chain_id: int = CHAIN_ID


class OrdersSigned(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every order with its signature, and its id, in the order that was asked."""

    orders: tuple[SignedOrder, ...]
    order_ids: tuple[Bytes32, ...]


class LoginSigned(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A login with its signature."""

    account: Address
    timestamp_s: int
    nonce: int
    signature: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers (L1) with which an account creates or derives an API key."""
        return {
            "POLY_ADDRESS": self.account,
            "POLY_SIGNATURE": self.signature,
            "POLY_TIMESTAMP": str(self.timestamp_s),
            "POLY_NONCE": str(self.nonce),
        }


class SignatureRefused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Why nothing was signed. Shape: index counts the orders from 0, None where it is not one."""

    reason: SigningRefusal
    told: str
    index: int | None = None


SigningRequest = OrdersToSign | LoginToSign
SigningAnswer = OrdersSigned | LoginSigned | SignatureRefused


class OrderSigner(Protocol):
    """Whoever holds the key, behind its policy."""

    def sign_orders(self, request: OrdersToSign) -> OrdersSigned | SignatureRefused:
        """Sign every order, or none; what they may cost is charged durably before.

        Errors: PolyarbError where that cannot be made durable; nothing is signed then.
        """
        ...

    def sign_login(self, request: LoginToSign) -> LoginSigned | SignatureRefused:
        """Sign a login; it costs nothing."""
        ...
