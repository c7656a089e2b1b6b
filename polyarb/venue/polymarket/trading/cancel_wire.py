"""What the venue says of cancels and heartbeats. No I/O."""

from collections.abc import Sequence

import msgspec

from polyarb.domain.ids import OrderId
from polyarb.venue.polymarket.rest.faults import error_body, printable
from polyarb.venue.polymarket.trading.order_wire import (
    UNREADABLE,
    cause_of,
    cause_of_silence,
)
from polyarb.venue.polymarket.trading.outcomes import (
    Beat,
    BeatMissed,
    CancelAnswer,
    Cancellation,
    CancelRefusal,
    CancelRejected,
    CancelUnknown,
    HeartbeatAnswer,
    NotCanceled,
    UnknownCause,
    WrongBeat,
)
from polyarb.venue.polymarket.trading.reasons import RejectReason, reason_of
from polyarb.venue.polymarket.trading.sending import NoReply, Reply


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    canceled: tuple[str, ...]
    not_canceled: dict[str, str] = {}


class _Beat(msgspec.Struct, frozen=True, kw_only=True):
    heartbeat_id: str
    error_msg: str = ""


_decode = msgspec.json.Decoder(_Answer).decode
_decode_beat = msgspec.json.Decoder(_Beat).decode


def read_cancel(asked: Sequence[OrderId], answer: Reply | NoReply) -> CancelAnswer:
    """Say what a cancel did; asked is empty where it was for all of something."""
    if isinstance(answer, NoReply):
        told = str(answer.fault)
        if not answer.was_sent:
            return CancelRejected(reason=RejectReason.NEVER_SENT, told=told)
        return CancelUnknown(cause=cause_of_silence(answer), told=told)
    if answer.status != 200:
        return _refused(answer)
    try:
        told_of = _decode(answer.body)
    except UNREADABLE:
        shown = printable(answer.body.decode("utf-8", "replace"))
        return CancelUnknown(cause=UnknownCause.UNREADABLE, told=shown, status=200)
    mentioned = {each.lower() for each in (*told_of.canceled, *told_of.not_canceled)}
    return Cancellation(
        canceled=tuple(OrderId(each) for each in told_of.canceled),
        not_canceled=tuple(
            NotCanceled(order_id=OrderId(each), reason=_refusal(why), told=printable(why))
            for each, why in told_of.not_canceled.items()
        ),
        unknown=tuple(each for each in asked if each.lower() not in mentioned),
    )


def read_beat(answer: Reply | NoReply) -> HeartbeatAnswer:
    """Say whether a heartbeat counted."""
    if isinstance(answer, NoReply):
        return BeatMissed(told=str(answer.fault), is_maybe_counted=answer.was_sent)
    try:
        told = _decode_beat(answer.body)
    except UNREADABLE:
        is_refusal = 400 <= answer.status < 500 and answer.status != 425
        return BeatMissed(told=error_body(answer.body).error, is_maybe_counted=not is_refusal)
    if answer.status == 200 and told.heartbeat_id:
        return Beat(heartbeat_id=told.heartbeat_id)
    if answer.status == 400:
        return WrongBeat(expected_id=told.heartbeat_id)
    return BeatMissed(told=printable(told.error_msg), is_maybe_counted=True)


def _refused(reply: Reply) -> CancelAnswer:
    body = error_body(reply.body)
    reason = reason_of(reply.status, body.error, body.code, is_batch=False)
    if reason is None:
        cause = cause_of(reply.status)
        return CancelUnknown(cause=cause, told=body.error, status=reply.status)
    return CancelRejected(reason=reason, told=body.error, status=reply.status)


def _refusal(why: str) -> CancelRefusal:
    lowered = why.lower()
    if "can't be found" in lowered or "already canceled" in lowered or "matched" in lowered:
        return CancelRefusal.GONE
    return CancelRefusal.DELAYED if "delay" in lowered else CancelRefusal.OTHER
