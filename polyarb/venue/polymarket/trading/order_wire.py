"""An order as it is sent, and what the venue says of a placement, entry by entry. No I/O.

Numbers of the wire are whole micros or text; salt and signature type alone are JSON numbers.
"""

from collections.abc import Sequence

import msgspec

from polyarb.domain.ids import OrderId
from polyarb.domain.order import TimeInForce
from polyarb.domain.units import parse_micros
from polyarb.venue.polymarket.rest.faults import error_body, printable
from polyarb.venue.polymarket.signing.order import Bytes32, SignedOrder
from polyarb.venue.polymarket.trading.outcomes import (
    Accepted,
    AcceptedStatus,
    Placement,
    Rejected,
    Unknown,
    UnknownCause,
)
from polyarb.venue.polymarket.trading.reasons import (
    DUPLICATED,
    MATCH_DELAYED,
    RejectReason,
    reason_of,
    text_of,
)
from polyarb.venue.polymarket.trading.sending import NoReply, Reply

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
_MS_PER_S = 1_000


class PreparedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The very bytes of one order: whatever is sent of it, and however often, is these.

    Units: signed_ms and expiration_s in unix time, expiration_s 0 for none.
    """

    order_id: OrderId
    entry: bytes
    time_in_force: TimeInForce
    is_post_only: bool
    signed_ms: int
    expiration_s: int


class _OrderWire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: str
    expiration: str
    signature_type: int
    timestamp: str
    metadata: str
    builder: str
    signature: str


class _SendOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    defer_exec: bool
    order: _OrderWire
    owner: str
    order_type: str
    post_only: bool


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    error_msg: str = msgspec.field(name="errorMsg", default="")
    order_id: str = msgspec.field(name="orderID", default="")
    status: str = ""
    making: str = msgspec.field(name="makingAmount", default="")
    taking: str = msgspec.field(name="takingAmount", default="")
    trade_ids: tuple[str, ...] | None = msgspec.field(name="tradeIDs", default=())


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Answer).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


def prepare(
    order: SignedOrder,
    order_id: Bytes32,
    *,
    owner: str,
    time_in_force: TimeInForce,
    is_post_only: bool = False,
) -> PreparedOrder:
    """Write a signed order; owner is the API key that sends it."""
    wire = _OrderWire(
        salt=order.salt,
        maker=order.maker,
        signer=order.signer,
        token_id=order.token_id,
        maker_amount=str(order.maker_amount),
        taker_amount=str(order.taker_amount),
        side=order.side.value,
        expiration=str(order.expiration_s),
        signature_type=int(order.signature_type),
        timestamp=str(order.timestamp_ms),
        metadata=order.metadata,
        builder=order.builder,
        signature=order.signature,
    )
    sent = _SendOrder(
        defer_exec=False,
        order=wire,
        owner=owner,
        order_type=time_in_force.value,
        post_only=is_post_only,
    )
    return PreparedOrder(
        order_id=OrderId(order_id),
        entry=_encode(sent),
        time_in_force=time_in_force,
        is_post_only=is_post_only,
        signed_ms=order.timestamp_ms,
        expiration_s=order.expiration_s,
    )


def read_one(order_id: OrderId, reply: Reply) -> Placement:
    """Say what became of an order that was sent alone."""
    if reply.status == 200:
        return read_entry(order_id, reply.body)
    return read_refusal((order_id,), reply, is_batch=False)[0]


def read_batch(order_ids: Sequence[OrderId], reply: Reply) -> tuple[Placement, ...]:
    """Say what became of every order of a batch; one that is not mentioned is unknown."""
    if reply.status != 200:
        return read_refusal(order_ids, reply, is_batch=True)
    try:
        entries = _split(reply.body)
    except UNREADABLE:
        return tuple(_unknown(each, UnknownCause.UNREADABLE, reply) for each in order_ids)
    if len(entries) == len(order_ids):
        pairs = zip(order_ids, entries, strict=True)
        return tuple(read_entry(order_id, bytes(entry)) for order_id, entry in pairs)
    named = _by_id(entries)
    return tuple(
        read_entry(each, named[each])
        if each in named
        else _unknown(each, UnknownCause.MISSING_ENTRY, reply)
        for each in order_ids
    )


def read_entry(order_id: OrderId, content: bytes) -> Placement:
    """Judge one answer: the order's id and the message count, then the status.

    Source: polymarket.md 3.3; accepted is success without a message, with the id, in a state of
    AcceptedStatus; a documented message without success is a refusal; all else is to be read.
    """
    try:
        told = _decode(content)
        making, taking = _micros(told.making), _micros(told.taking)
    except UNREADABLE:
        shown = printable(content.decode("utf-8", "replace"))
        return Unknown(order_id=order_id, cause=UnknownCause.UNREADABLE, told=shown, status=200)
    message = printable(told.error_msg)
    if told.order_id and told.order_id.lower() != order_id.lower():
        cause = UnknownCause.FOREIGN_ID
        return Unknown(order_id=order_id, cause=cause, told=printable(told.order_id), status=200)
    if told.success and not told.error_msg and told.order_id:
        if told.status in set(AcceptedStatus):
            return Accepted(
                order_id=order_id,
                status=AcceptedStatus(told.status),
                making=making,
                taking=taking,
                trade_ids=told.trade_ids or (),
            )
        if told.status == "unmatched" and not told.trade_ids:
            reason = RejectReason.UNMATCHED
            return Rejected(order_id=order_id, reason=reason, told=told.status, status=200)
    is_plain_no = not (told.success or told.status in set(AcceptedStatus) or told.trade_ids)
    return _refused(order_id, message, 200) if is_plain_no else _contradictory(order_id, told)


def read_refusal(
    order_ids: Sequence[OrderId], reply: Reply, *, is_batch: bool
) -> tuple[Placement, ...]:
    """Say what an answer with another status than 200 means for every order of the request."""
    body = error_body(reply.body)
    reason = reason_of(reply.status, body.error, body.code, is_batch=is_batch)
    if reason is None and 400 <= reply.status < 500 and reply.status != 425 and not is_batch:
        return tuple(_refused(each, body.error, reply.status) for each in order_ids)
    if reason is None:
        return tuple(_unknown(each, cause_of(reply.status), reply) for each in order_ids)
    retry_ms = _retry_ms(reply, body.retry_after_seconds)
    return tuple(
        Rejected(
            order_id=each,
            reason=reason,
            told=body.error,
            status=reply.status,
            retry_after_ms=retry_ms,
        )
        for each in order_ids
    )


def unanswered(order_id: OrderId, missing: NoReply) -> Placement:
    """Say what a request without an answer leaves of an order."""
    told = str(missing.fault)
    if not missing.was_sent:
        return Rejected(order_id=order_id, reason=RejectReason.NEVER_SENT, told=told)
    return Unknown(order_id=order_id, cause=cause_of_silence(missing), told=told)


def cause_of_silence(missing: NoReply) -> UnknownCause:
    """Say why there is no answer to what was sent."""
    return UnknownCause.TIMEOUT if missing.is_late else UnknownCause.CONNECTION_LOST


def cause_of(status: int) -> UnknownCause:
    """Say what kind of answer it is that tells nothing certain."""
    if status == 425:
        return UnknownCause.RESTARTING
    return UnknownCause.SERVER_ERROR if status >= 500 else UnknownCause.UNDOCUMENTED


def again(first: Placement) -> Accepted | Unknown:
    """Say what a second sending of the same bytes tells.

    A refusal says nothing of the first copy, which may be with the venue or still on its way.
    """
    if isinstance(first, Accepted | Unknown):
        return first
    is_sent = first.reason not in (RejectReason.NEVER_SENT, RejectReason.BUDGET)
    return Unknown(
        order_id=first.order_id,
        cause=UnknownCause.REFUSED_AGAIN if is_sent else UnknownCause.NOT_SENT_AGAIN,
        told=first.told,
        status=first.status,
    )


def _refused(order_id: OrderId, message: str, status: int) -> Placement:
    """Judge the words of a refusal of one order."""
    lowered = message.lower()
    if DUPLICATED in lowered:
        cause = UnknownCause.DUPLICATED
        return Unknown(order_id=order_id, cause=cause, told=message, status=status)
    if MATCH_DELAYED in lowered:
        cause = UnknownCause.DEFERRED
        return Unknown(order_id=order_id, cause=cause, told=message, status=status)
    found = text_of(message)
    if found is None:
        cause = UnknownCause.UNDOCUMENTED
        return Unknown(order_id=order_id, cause=cause, told=message, status=status)
    return Rejected(order_id=order_id, reason=found.reason, told=message, status=status)


def _contradictory(order_id: OrderId, told: _Answer) -> Unknown:
    shown = f"success {told.success}, status {told.status!r}, message {told.error_msg!r}"
    cause = UnknownCause.CONTRADICTORY
    return Unknown(order_id=order_id, cause=cause, told=printable(shown), status=200)


def _unknown(order_id: OrderId, cause: UnknownCause, reply: Reply) -> Unknown:
    shown = error_body(reply.body).error
    return Unknown(order_id=order_id, cause=cause, told=shown, status=reply.status)


def _by_id(entries: Sequence[msgspec.Raw]) -> dict[str, bytes]:
    """Return the entries that name an order which no other one names."""
    named: dict[str, list[bytes]] = {}
    for entry in entries:
        try:
            told = _decode(entry)
        except UNREADABLE:
            continue
        named.setdefault(told.order_id.lower(), []).append(bytes(entry))
    return {order_id: found[0] for order_id, found in named.items() if order_id and len(found) == 1}


def _micros(text: str) -> int:
    return parse_micros(text) if text else 0


def _retry_ms(reply: Reply, seconds: float) -> int:
    told = reply.headers.get("Retry-After", "")
    header_s = int(told) if told.isascii() and told.isdecimal() and len(told) <= 6 else 0
    body_ms = int(seconds * _MS_PER_S) if 0 < seconds < 1_000_000 else 0
    return max(header_s * _MS_PER_S, body_ms)
