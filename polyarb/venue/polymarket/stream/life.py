"""What is heard on one connection of the market channel, and what all of a pool share.

A frame goes on as it came; all that is looked at is whether it is JSON at all.
"""

import ssl
from collections import deque
from collections.abc import Callable
from random import Random

import msgspec

from polyarb.domain.venue import VenueSettings
from polyarb.ports import Clock
from polyarb.venue.polymarket.sources import FrameSink
from polyarb.venue.polymarket.stream.backoff import FIRST_MS, MOST_MS
from polyarb.venue.polymarket.stream.connection import DirectConnection
from polyarb.venue.polymarket.stream.faults import LossReason, StreamFault

NS_PER_MS = 1_000_000
_REMARK_BYTES_MAX = 64
_PONG = b"PONG"
_NOTHING = frozenset({b"", b"[]"})
_OPENINGS = frozenset({b"{", b"["})
_check_json = msgspec.json.Decoder(msgspec.Raw).decode


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast connections are opened, at once and one after the other. Units: milliseconds."""

    stagger_ms: int = 10
    backoff_first_ms: int = FIRST_MS
    backoff_most_ms: int = MOST_MS


class SocketStatistics(msgspec.Struct, kw_only=True):
    """What one connection did since the start, over all its lives.

    Units: round_trip_ms is between the latest PING and its PONG. Shape: losses by reason, also of
    single tokens.
    """

    assets: int = 0
    is_open: bool = False
    connects: int = 0
    failures: int = 0
    losses: dict[LossReason, int] = {}
    frames: int = 0
    bytes: int = 0
    last_frame_ns: int = 0
    round_trip_ms: float | None = None
    last_fault: StreamFault | None = None


class Surroundings(msgspec.Struct, kw_only=True):
    """What all connections of a pool share."""

    settings: VenueSettings
    source: str
    sink: FrameSink
    clock: Clock
    random: Random
    pace: Pace
    tls: ssl.SSLContext | None
    is_stopped: bool = False
    has_delivered: bool = False
    first_fault: StreamFault | None = None


class Life:
    """One connection from its opening to its end, and what is heard on it.

    Units: monotonic nanoseconds. Shape: unanswered holds when those PINGs were sent that have no
    PONG yet; end is why we ended it ourselves.
    """

    def __init__(
        self,
        around: Surroundings,
        counted: SocketStatistics,
        lose: Callable[["Life", LossReason], None],
    ) -> None:
        """Shape: lose says, within the call, that what was heard is not true any more."""
        self._around = around
        self._counted = counted
        self._lose = lose
        self.opened_ns = self.heard_ns = self.pinged_ns = around.clock.monotonic_ns()
        self.unanswered: deque[int] = deque()
        self.has_delivered = False
        self.end: LossReason | None = None
        self.is_over = False
        self.fault: BaseException | None = None
        self.connection: DirectConnection | None = None

    def connected(self, connection: DirectConnection) -> None:
        """Begin to count the time, now that the connection is open."""
        self.connection = connection
        if self.is_over:
            connection.transport.abort()
        self.opened_ns = self.pinged_ns = self._around.clock.monotonic_ns()
        self.heard_ns = max(self.heard_ns, self.opened_ns)

    def take(self, frames: list[bytes]) -> None:
        """Deliver the frames of one read as they came, except what says nothing or is too late.

        What a torn frame was about is not known, so that all is lost, and at once. A fault of the
        sink is kept, because the event loop swallows it.
        """
        around, counted = self._around, self._counted
        source, deliver = around.source, around.sink.frame
        receive_ns = around.clock.now_ns()
        is_heard = False
        for frame in frames:
            if self.is_over or around.is_stopped:
                return
            if len(frame) <= len(_PONG) and self._says_nothing(frame):
                continue
            counted.frames += 1
            counted.bytes += len(frame)
            counted.last_frame_ns = receive_ns
            is_message = _is_message(frame)
            if is_message and not is_heard:
                is_heard = self.has_delivered = around.has_delivered = True
                self.heard_ns = around.clock.monotonic_ns()
            try:
                deliver(source, frame, receive_ns)
                if not (is_message or _is_remark(frame)):
                    self.finish(LossReason.TORN)
                    self._lose(self, LossReason.TORN)
            except BaseException as fault:
                self.fault = fault
                self.finish(None)
                raise

    def finish(self, reason: LossReason | None) -> None:
        """End it ourselves; nothing is heard any more."""
        if not self.is_over:
            self.is_over = True
            self.end = reason
        if self.connection is not None:
            self.connection.transport.abort()

    def _says_nothing(self, frame: bytes) -> bool:
        """Take a PONG, also one that nobody asked for, and frames without any message."""
        if frame != _PONG:
            return frame in _NOTHING
        if self.unanswered:
            round_trip_ns = self._around.clock.monotonic_ns() - self.unanswered.popleft()
            self._counted.round_trip_ms = round_trip_ns / NS_PER_MS
        return True


def _is_remark(frame: bytes) -> bool:
    """Tell whether a frame is a few plain words, as venues use them to refuse an operation."""
    return len(frame) <= _REMARK_BYTES_MAX and frame.replace(b" ", b"").isalpha()


def _is_message(frame: bytes) -> bool:
    """Tell whether a frame is a JSON object or array in UTF-8, without reading what it says."""
    if frame[:1] not in _OPENINGS and frame.lstrip()[:1] not in _OPENINGS:
        return False
    try:
        if not frame.isascii():
            frame.decode()
        _check_json(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
