"""What the user channel tells, as values; a frame that is not what it has to be is torn. No I/O.

Source: polymarket.md 4.2.
"""

from enum import StrEnum

import msgspec

from polyarb.venue.polymarket.trading.outcomes import OrderRead, TradeRead
from polyarb.venue.polymarket.trading.record_wire import OrderWire, TradeWire, order_of, trade_of


class OrderStep(StrEnum):
    """What happened to an order, in the venue's words."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"


class ChannelLoss(StrEnum):
    """Why a connection of the user channel ended; what was told since is not known."""

    CLOSED = "closed by the venue"
    DROPPED = "connection dropped"
    NO_PONG = "PING not answered"
    TORN = "torn frame"
    DEAF = "did not tell what was read"
    REFUSED = "closed before it answered: are the credentials right?"


class OrderTold(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An order took a step."""

    step: OrderStep
    order: OrderRead
    receive_time_ns: int


class TradeTold(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A trade, or a new word on one: the same id again and again, so put it in its place."""

    trade: TradeRead
    receive_time_ns: int


class Resync(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The channel listens from now on: read orders and trades, what was before is not repeated."""

    connects: int
    receive_time_ns: int


class ChannelLost(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The channel does not listen: until the next Resync nothing is told."""

    reason: ChannelLoss
    receive_time_ns: int


UserEvent = OrderTold | TradeTold | Resync | ChannelLost


class TornFrameError(ValueError):
    """A frame is not what it has to be, so that what it told is lost; raised in here only."""


class _Kind(msgspec.Struct, frozen=True):
    event_type: str = ""
    type: str = ""


_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode_order = msgspec.json.Decoder(OrderWire).decode
_decode_trade = msgspec.json.Decoder(TradeWire).decode
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


def read_frame(frame: bytes, owner: str, receive_time_ns: int) -> list[OrderTold | TradeTold]:
    """Read an object or an array of them; kinds that are not documented are left out.

    Errors: TornFrameError where it is no such thing, or a message of a known kind is not whole.
    """
    try:
        rows = _decode_rows(frame) if frame.lstrip()[:1] == b"[" else [msgspec.Raw(frame)]
        told = [_read(row, owner, receive_time_ns) for row in rows]
    except _FAULTS as error:
        raise TornFrameError(str(error)) from error
    return [each for each in told if each is not None]


def _read(row: msgspec.Raw, owner: str, receive_time_ns: int) -> OrderTold | TradeTold | None:
    kind = _decode_kind(row)
    if kind.event_type == "order":
        return OrderTold(
            step=OrderStep(kind.type.upper()),
            order=order_of(_decode_order(row)),
            receive_time_ns=receive_time_ns,
        )
    if kind.event_type == "trade":
        trade = trade_of(_decode_trade(row), owner)
        return TradeTold(trade=trade, receive_time_ns=receive_time_ns)
    return None
