"""What the key may sign: lists and bounds, every one refused by default. No clock, no I/O.

Each check is a function with a reason. The rolling day is `budget`'s.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from polyarb.domain.ids import TokenId
from polyarb.domain.market import MarketVersion
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, format_micros
from polyarb.venue.polymarket.signing.digests import PROTOCOL_V2, Domain, domain_of_token
from polyarb.venue.polymarket.signing.order import (
    ZERO_BYTES32,
    Address,
    Bytes32,
    SignatureType,
    SignedOrder,
)
from polyarb.venue.polymarket.signing.port import (
    LoginToSign,
    OrdersToSign,
    OrderToSign,
    SignatureRefused,
    SigningRefusal,
)
from polyarb.venue.polymarket.signing.words import UINT256_MAX

SALT_MAX = 1 << 53
"""The venue reads the salt as a JSON number."""
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_MS_PER_S = 1_000


class SignatureKind(StrEnum):
    """What a holder may sign at all. Calling orders back needs an API key and no signature."""

    ORDER = "ORDER"
    LOGIN = "LOGIN"


class AllowedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that may be traded, and at what prices. Units: micros of a USD, inclusive.

    Shape: version None is not known, and is refused.
    """

    version: MarketVersion | None
    is_neg_risk: bool
    price_min: int
    price_max: int


class SigningPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What one key may sign in one phase.

    Shape: what no list names is refused. Units: micros of a USD per order, and of each side of the
    book in any 24 hours, so that what was bought can be sold; milliseconds that an order's time
    may be off ours; seconds that a resting order may rest. The venue's order has no expiration
    among what is signed: times in force bind what our own process posts, nothing else.
    """

    kinds: frozenset[SignatureKind]
    chain_id: int
    exchanges: frozenset[Address]
    account: Address
    maker: Address
    signature_type: SignatureType
    tokens: Mapping[TokenId, AllowedToken] = {}
    order_notional_max: int = 0
    day_notional_max: int = 0
    orders_max: int = 15
    times_in_force: frozenset[TimeInForce] = frozenset()
    rest_s_max: int = 0
    timestamp_ms_max: int = 30_000
    builder: Bytes32 = ZERO_BYTES32

    @property
    def order_signer(self) -> Address:
        """Return whom orders name as their signer: the account, or a deposit wallet itself."""
        return self.maker if self.signature_type is SignatureType.POLY_1271 else self.account


Check = Callable[[SigningPolicy, OrderToSign, int], str]
"""Return what was expected and found, or an empty text where all is well. Units: unix ns."""


def judge_orders(
    policy: SigningPolicy, request: OrdersToSign, now_ns: int
) -> SignatureRefused | None:
    """Tell why a set of orders is not signed, beside the budget of the day; None where it may be.

    Units: now in unix nanoseconds.
    """
    if SignatureKind.ORDER not in policy.kinds:
        return _refused(SigningRefusal.KIND, "this key signs no order")
    if not 0 < len(request.orders) <= policy.orders_max:
        told = f"expected 1 to {policy.orders_max} orders, found {len(request.orders)}"
        return _refused(SigningRefusal.COUNT, told)
    for index, one in enumerate(request.orders):
        for reason, check in ORDER_CHECKS:
            told = check(policy, one, now_ns)
            if told:
                return _refused(reason, told, index)
    return None


def judge_login(
    policy: SigningPolicy, request: LoginToSign, now_ns: int
) -> SignatureRefused | None:
    """Tell why a login is not signed; None where it may be. Units: now in unix nanoseconds."""
    if SignatureKind.LOGIN not in policy.kinds:
        return _refused(SigningRefusal.KIND, "this key signs no login")
    if request.chain_id != policy.chain_id:
        return _refused(SigningRefusal.CHAIN, _chain_told(policy, request.chain_id))
    if not 0 <= request.nonce <= UINT256_MAX:
        return _refused(SigningRefusal.MALFORMED, f"expected a nonce, found {request.nonce}")
    told = _time_told(policy, request.timestamp_s * _MS_PER_S, now_ns)
    return _refused(SigningRefusal.TIMESTAMP, told) if told else None


def notional_of(order: SignedOrder) -> int:
    """Return the money side of an order: what a BUY gives, what a SELL takes at least.

    Units: micros of a USD; a fee is not among what is signed.
    """
    return order.maker_amount if order.side is Side.BUY else order.taker_amount


def domain_allowed(policy: SigningPolicy, token_id: TokenId) -> Domain | None:
    """Choose the domain of a listed token; None where version, chain or contract say no."""
    token = policy.tokens.get(token_id)
    if token is None or token.version is None:
        return None
    domain = domain_of_token(token_id, is_neg_risk=token.is_neg_risk)
    is_of_version = (domain is PROTOCOL_V2) is (token.version is MarketVersion.V2)
    is_listed = domain.chain_id == policy.chain_id and domain.exchange in policy.exchanges
    return domain if is_of_version and is_listed else None


def _form(_policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    order = one.order
    if order.signature:
        return "expected an order without a signature, found one"
    if not 0 <= order.salt <= SALT_MAX:
        return f"expected a salt from 0 to 2^53, found {order.salt}"
    if not (0 < order.maker_amount <= UINT256_MAX and 0 < order.taker_amount <= UINT256_MAX):
        return f"expected two amounts, found {order.maker_amount} and {order.taker_amount}"
    return ""


def _chain(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    return "" if one.chain_id == policy.chain_id else _chain_told(policy, one.chain_id)


def _signature_type(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    found = one.order.signature_type
    if found is policy.signature_type:
        return ""
    return f"expected signature type {policy.signature_type.name}, found {found.name}"


def _maker(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    found, expected = (one.order.maker, one.order.signer), (policy.maker, policy.order_signer)
    if found == expected:
        return ""
    return f"expected maker {expected[0]} and signer {expected[1]}, found {found[0]} and {found[1]}"


def _token(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    found = one.order.token_id
    return "" if found in policy.tokens else f"{found} is no token of this phase"


def _version(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    token = policy.tokens[one.order.token_id]
    if token.version is not None:
        return ""
    return f"the version of the market of {one.order.token_id} is not known"


def _contract(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    domain = domain_allowed(policy, one.order.token_id)
    if domain is None:
        return f"no exchange of this key trades {one.order.token_id}"
    if one.exchange == domain.exchange:
        return ""
    return f"expected the exchange {domain.exchange} of that token, found {one.exchange}"


def _builder(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    found, expected = (one.order.builder, one.order.metadata), (policy.builder, ZERO_BYTES32)
    if found == expected:
        return ""
    return f"expected builder {expected[0]} and no metadata, found {found[0]} and {found[1]}"


def _timestamp(policy: SigningPolicy, one: OrderToSign, now_ns: int) -> str:
    return _time_told(policy, one.order.timestamp_ms, now_ns)


def _time_in_force(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    if one.time_in_force in policy.times_in_force:
        return ""
    return f"expected {', '.join(sorted(policy.times_in_force))}, found {one.time_in_force}"


def _expiration(policy: SigningPolicy, one: OrderToSign, now_ns: int) -> str:
    found = one.order.expiration_s
    if one.time_in_force is not TimeInForce.GTD:
        return f"expected no expiration, found {found}" if found else ""
    rest_s = found - now_ns // _NS_PER_S
    if 0 < rest_s <= policy.rest_s_max:
        return ""
    return f"expected an expiration within {policy.rest_s_max} s, found it in {rest_s} s"


def _price(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    token, order = policy.tokens[one.order.token_id], one.order
    is_buy = order.side is Side.BUY
    money = notional_of(order) * MICRO
    shares = order.taker_amount if is_buy else order.maker_amount
    if token.price_min * shares <= money <= token.price_max * shares:
        return ""
    band = f"{format_micros(token.price_min)} to {format_micros(token.price_max)}"
    return f"expected a price from {band}, found {format_micros(money // shares)}"


def _order_notional(policy: SigningPolicy, one: OrderToSign, _now_ns: int) -> str:
    found = notional_of(one.order)
    if found <= policy.order_notional_max:
        return ""
    most = format_micros(policy.order_notional_max)
    return f"expected at most {most} USD an order, found {format_micros(found)}"


ORDER_CHECKS: tuple[tuple[SigningRefusal, Check], ...] = (
    (SigningRefusal.MALFORMED, _form),
    (SigningRefusal.CHAIN, _chain),
    (SigningRefusal.SIGNATURE_TYPE, _signature_type),
    (SigningRefusal.MAKER, _maker),
    (SigningRefusal.TOKEN, _token),
    (SigningRefusal.UNKNOWN_VERSION, _version),
    (SigningRefusal.CONTRACT, _contract),
    (SigningRefusal.BUILDER, _builder),
    (SigningRefusal.TIMESTAMP, _timestamp),
    (SigningRefusal.TIME_IN_FORCE, _time_in_force),
    (SigningRefusal.EXPIRATION, _expiration),
    (SigningRefusal.PRICE, _price),
    (SigningRefusal.ORDER_NOTIONAL, _order_notional),
)
"""In this order: what is asked of a listed token comes after it is listed."""


def _refused(reason: SigningRefusal, told: str, index: int | None = None) -> SignatureRefused:
    return SignatureRefused(reason=reason, told=told, index=index)


def _chain_told(policy: SigningPolicy, found: int) -> str:
    return f"expected chain {policy.chain_id}, found {found}"


def _time_told(policy: SigningPolicy, found_ms: int, now_ns: int) -> str:
    off_ms = found_ms - now_ns // _NS_PER_MS
    if abs(off_ms) <= policy.timestamp_ms_max:
        return ""
    return f"expected a time within {policy.timestamp_ms_max} ms of ours, found it off {off_ms} ms"
