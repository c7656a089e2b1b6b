"""The CLOB's writes: orders one by one or in a batch, and cancels.

A batch is not atomic: each of its orders has an answer of its own. What the engine takes of nobody
refuses the whole request. Nothing of a refused order reaches a book. Source: polymarket.md 3.3.
"""

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.plan import Side
from polyarb.domain.units import format_micros
from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.digests import domain_of_token
from polyarb.venue.polymarket.signing.order import Address, Bytes32, SignatureType, SignedOrder
from polyarb.venue.polymarket.signing.signatures import (
    Attested,
    SignatureFault,
    attest,
    is_legacy_order,
)
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.sandbox.server.clob.bodies import (
    CancelAnswer,
    CancelMarket,
    CancelOrder,
    Nothing,
    OrderAnswer,
    OrderWire,
    SendOrder,
)
from polyarb.venue.sandbox.server.clob.calls import (
    UNREADABLE,
    Access,
    Call,
    Caller,
    Charge,
    Endpoint,
    Result,
    endpoint,
)
from polyarb.venue.sandbox.server.clob.venue import ClobVenue
from polyarb.venue.sandbox.server.errors import (
    ANSWERS,
    EOA_NOT_ALLOWED,
    INVALID_ORDER,
    INVALID_REQUEST,
    NO_BOOK,
    VERSION_MISMATCH,
    WRONG_OWNER,
    WRONG_SIGNER,
    RejectedError,
    rejection_of,
)
from polyarb.venue.sandbox.server.limits import Bucket
from polyarb.venue.sandbox.terms.orders import (
    Cancellation,
    OrderRequest,
    Placement,
    Refused,
)


class _AnyOrder(msgspec.Struct):
    """An order of whatever version, as far as it tells which."""

    order: dict[str, msgspec.Raw]


_ONE = msgspec.json.Decoder(SendOrder)
_MANY = msgspec.json.Decoder(list[SendOrder])
_ANY_ONE = msgspec.json.Decoder(_AnyOrder)
_ANY_MANY = msgspec.json.Decoder(list[_AnyOrder])


def _read_order(raw: bytes) -> SendOrder:
    try:
        return _ONE.decode(raw)
    except UNREADABLE as error:
        raise _unreadable(raw, is_batch=False) from error


def _read_orders(raw: bytes) -> list[SendOrder]:
    try:
        orders = _MANY.decode(raw)
    except UNREADABLE as error:
        raise _unreadable(raw, is_batch=True) from error
    if not orders:
        raise RejectedError(400, INVALID_ORDER)
    return orders


def _unreadable(raw: bytes, *, is_batch: bool) -> RejectedError:
    """Tell an order of a dead version from one that is none."""
    try:
        found = _ANY_MANY.decode(raw) if is_batch else [_ANY_ONE.decode(raw)]
    except UNREADABLE:
        return RejectedError(400, INVALID_ORDER)
    is_legacy = any(is_legacy_order(each.order) for each in found)
    return RejectedError(400, VERSION_MISMATCH if is_legacy else INVALID_ORDER)


def _place(call: Call[Nothing, SendOrder]) -> OrderAnswer:
    request = _admit(call.venue, call.caller, call.body)
    placed = call.venue.world.place(request)
    if isinstance(placed, Refused):
        raise rejection_of(placed, retry_after_s=call.venue.wait_s(placed))
    return _accepted(placed)


def _place_all(call: Call[Nothing, list[SendOrder]]) -> tuple[OrderAnswer, ...]:
    most = call.venue.settings.exchange.batch_orders_max
    if len(call.body) > most:
        text = f"Too many orders in payload: {len(call.body)}, max allowed: {most}"
        raise RejectedError(400, text)
    return tuple(_place_entry(call, sent) for sent in call.body)


def _place_entry(call: Call[Nothing, list[SendOrder]], sent: SendOrder) -> OrderAnswer:
    try:
        request = _admit(call.venue, call.caller, sent)
    except RejectedError as refusal:
        return _refused(str(refusal), "")
    placed = call.venue.world.place(request)
    if isinstance(placed, Placement):
        return _accepted(placed)
    if ANSWERS[placed.reason].is_general:
        raise rejection_of(placed, retry_after_s=call.venue.wait_s(placed))
    return _refused(placed.message, placed.order_id)


def _admit(venue: ClobVenue, caller: Caller, sent: SendOrder) -> OrderRequest:
    """Check whose order it is and that it was signed for its market.

    A signature that counts is that of whoever owns the order's signer, so of the caller.
    Errors: RejectedError.
    """
    if sent.owner != caller.owner:
        raise RejectedError(400, WRONG_OWNER)
    order = _signed_order(sent.order)
    _check_signer(venue, caller, order)
    market = venue.market_of(order.token_id, NO_BOOK)
    found = attest(order, domain_of_token(order.token_id, is_neg_risk=market.is_neg_risk))
    if isinstance(found, SignatureFault):
        raise RejectedError(400, found)
    return _request(sent, order, found)


def _request(sent: SendOrder, order: SignedOrder, found: Attested) -> OrderRequest:
    return OrderRequest(
        order_id=OrderId(found.order_id),
        order=order,
        owner=sent.owner,
        time_in_force=sent.order_type,
        is_post_only=sent.post_only,
        is_deferred=sent.defer_exec,
    )


def _check_signer(venue: ClobVenue, caller: Caller, order: SignedOrder) -> None:
    """Refuse an order of somebody else before its signature is looked at."""
    if order.signature_type is SignatureType.POLY_1271:
        owned: tuple[Address, ...] = wallets_of(caller.address).deposit
    else:
        owned = (caller.address,)
    if order.signer not in owned:
        raise RejectedError(400, WRONG_SIGNER)
    if order.signature_type is SignatureType.EOA and not venue.settings.is_eoa_allowed:
        raise RejectedError(400, EOA_NOT_ALLOWED)


def _signed_order(wire: OrderWire) -> SignedOrder:
    return SignedOrder(
        salt=wire.salt,
        maker=_address(wire.maker),
        signer=_address(wire.signer),
        token_id=TokenId(wire.token_id),
        maker_amount=int(wire.maker_amount),
        taker_amount=int(wire.taker_amount),
        side=Side(wire.side),
        signature_type=SignatureType(wire.signature_type),
        timestamp_ms=int(wire.timestamp),
        metadata=Bytes32(wire.metadata.lower()),
        builder=Bytes32(wire.builder.lower()),
        expiration_s=int(wire.expiration),
        signature=wire.signature,
    )


def _address(text: str) -> Address:
    address = checksum(text)
    assert address is not None
    return address


def _accepted(placed: Placement) -> OrderAnswer:
    has_traded = bool(placed.trade_ids)
    return OrderAnswer(
        success=True,
        error_msg="",
        order_id=placed.order_id,
        status=placed.status,
        making_amount=_amount(placed.making),
        taking_amount=_amount(placed.taking),
        trade_ids=placed.trade_ids if has_traded else msgspec.UNSET,
        transactions_hashes=() if has_traded else msgspec.UNSET,
    )


def _refused(text: str, order_id: str) -> OrderAnswer:
    return OrderAnswer(
        success=False,
        error_msg=text,
        order_id=order_id,
        status="",
        making_amount="",
        taking_amount="",
    )


def _amount(micros: int) -> str:
    return format_micros(micros) if micros else ""


def _cancel(call: Call[Nothing, CancelOrder]) -> CancelAnswer:
    order_ids = (call.body.order_id,)
    return _canceled(call.venue, call.venue.exchange.cancel(order_ids, call.caller.owner))


def _cancel_some(call: Call[Nothing, list[str]]) -> CancelAnswer:
    most = call.venue.settings.exchange.cancels_max
    if len(call.body) > most:
        text = f"Too many orders in payload: {len(call.body)}, max allowed: {most}"
        raise RejectedError(400, text)
    order_ids = tuple(dict.fromkeys(call.body))
    return _canceled(call.venue, call.venue.exchange.cancel(order_ids, call.caller.owner))


def _cancel_all(call: Call[Nothing, Nothing]) -> Result:
    answer = _canceled(call.venue, call.venue.exchange.cancel_all(call.caller.owner))
    return Result(answer=answer, touched=len(answer.canceled))


def _cancel_market(call: Call[Nothing, CancelMarket]) -> Result:
    named = call.body
    if not (named.market or named.asset_id):
        raise RejectedError(400, INVALID_REQUEST)
    outcome = call.venue.exchange.cancel_market(
        call.caller.owner,
        condition_id=ConditionId(named.market.lower()) if named.market else None,
        token_id=TokenId(named.asset_id) if named.asset_id else None,
    )
    answer = _canceled(call.venue, outcome)
    return Result(answer=answer, touched=len(answer.canceled))


def _canceled(venue: ClobVenue, outcome: Cancellation | Refused) -> CancelAnswer:
    if isinstance(outcome, Refused):
        raise rejection_of(outcome, retry_after_s=venue.wait_s(outcome))
    return CancelAnswer(canceled=outcome.canceled, not_canceled=outcome.not_canceled)


ORDERS = Charge(bucket=Bucket.ORDERS, is_by_entry=True)
CANCELS = Charge(bucket=Bucket.CANCELS, is_by_entry=True)
SWEEPS = Charge(bucket=Bucket.CANCELS)

ORDER_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(
        "POST",
        "/order",
        _place,
        summary="Place an order",
        access=Access.TRADE,
        body=SendOrder,
        read=_read_order,
        answer=OrderAnswer,
        charge=ORDERS,
    ),
    endpoint(
        "DELETE",
        "/order",
        _cancel,
        summary="Cancel an order",
        access=Access.TRADE,
        body=CancelOrder,
        answer=CancelAnswer,
        charge=CANCELS,
    ),
    endpoint(
        "POST",
        "/orders",
        _place_all,
        summary="Place up to 15 orders, each for itself",
        access=Access.TRADE,
        body=list[SendOrder],
        read=_read_orders,
        answer=tuple[OrderAnswer, ...],
        charge=ORDERS,
    ),
    endpoint(
        "DELETE",
        "/orders",
        _cancel_some,
        summary="Cancel up to 1000 orders",
        access=Access.TRADE,
        body=list[str],
        answer=CancelAnswer,
        charge=CANCELS,
    ),
    endpoint(
        "DELETE",
        "/cancel-all",
        _cancel_all,
        summary="Cancel all orders of the key",
        access=Access.TRADE,
        answer=CancelAnswer,
        charge=SWEEPS,
    ),
    endpoint(
        "DELETE",
        "/cancel-market-orders",
        _cancel_market,
        summary="Cancel all orders of the key in a market or of a token",
        access=Access.TRADE,
        body=CancelMarket,
        answer=CancelAnswer,
        charge=SWEEPS,
    ),
)
