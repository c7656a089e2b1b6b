"""What both WebSocket channels share: connections, their life, and how frames get to them.

A frame is encoded once for everybody and written at once: a connection whose buffer fills up is
dropped, so that nobody waits for it. The venue's idle limits are not documented; ours are
settings. Faults strike each connection by itself, in the scope of its name such as `market 3`.
Source: polymarket.md 4.1, 4.2.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from http import HTTPStatus

import msgspec
from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.ports import Faults

NS_PER_MS = 1_000_000
PING, PONG = "PING", "PONG"
_SWEEP_SECONDS = 0.5
_MS = 1e-3


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a connection; the venue documents none of them.

    Units: milliseconds, bytes, counts. subscribe_ms_max passes without a first frame, and
    silence_ms_max without anything from the client, before the connection is closed.
    buffer_bytes_max is what may wait for a slow reader.
    """

    subscribe_ms_max: int = 10_000
    silence_ms_max: int = 60_000
    buffer_bytes_max: int = 4 << 20
    assets_max: int = 500


DEFAULTS = ChannelSettings()


class Line:
    """One accepted connection of a channel."""

    def __init__(self, connection: ServerConnection, scope: str, now_s: float) -> None:
        self.connection = connection
        self.scope = scope
        self.opened_s = now_s
        self.heard_s = now_s
        self.is_subscribed = False
        self.is_cut = False
        self.frozen_until_ns = 0
        self.held: list[str] = []

    def drop(self) -> None:
        """Cut the connection without a word."""
        self.is_cut = True
        self.connection.transport.abort()


class Outlet:
    """Writes frames to connections, through the faults that are armed."""

    def __init__(
        self, faults: Faults, settings: ChannelSettings, now_ns: Callable[[], int]
    ) -> None:
        self._faults = faults
        self._settings = settings
        self._now_ns = now_ns
        self.dropped = 0
        """How many connections were too slow."""

    def send(self, lines: Iterable[Line], frame: str, *, stale: str | None = None) -> None:
        """Write one frame to every line; stale is what a stale book says instead of it."""
        whole: list[Line] = []
        odd: list[Line] = []
        for line in lines:
            if self._is_cut(line):
                continue
            told = self._struck(line, frame, stale)
            if told is None:
                whole.append(line)
                continue
            odd.append(line)
            for each in told:
                broadcast((line.connection,), each)
        broadcast([line.connection for line in whole], frame)
        self._drop_slow(whole)
        self._drop_slow(odd)

    def answer(self, line: Line, frame: str) -> None:
        """Write a frame that no fault touches: PONG."""
        broadcast((line.connection,), frame)
        self._drop_slow((line,))

    def _is_cut(self, line: Line) -> bool:
        """Tell whether nothing gets through to a line: it is frozen or cut, maybe this moment."""
        faults, now_ns = self._faults, self._now_ns()
        if line.is_cut or line.frozen_until_ns > now_ns:
            return True
        if fault := faults.strike(FaultKind.FREEZE, line.scope):
            line.frozen_until_ns = now_ns + fault.amount * NS_PER_MS
            return True
        if faults.strike(FaultKind.DISCONNECT, line.scope):
            line.drop()
            return True
        return False

    def _struck(self, line: Line, frame: str, stale: str | None) -> list[str] | None:
        """Return what is written instead of a frame; None where nothing struck."""
        faults, scope = self._faults, line.scope
        is_stale = stale is not None and faults.strike(FaultKind.STALE_BOOK, scope) is not None
        told = stale if is_stale and stale is not None else frame
        for kind, distort in FRAME_FAULTS:
            if fault := faults.strike(kind, scope):
                return distort(line, told, fault)
        if line.held:
            held, line.held = line.held, []
            return [told, *held]
        return [told] if is_stale else None

    def _drop_slow(self, lines: Iterable[Line]) -> None:
        limit = self._settings.buffer_bytes_max
        for line in lines:
            if line.connection.transport.get_write_buffer_size() > limit:
                self.dropped += 1
                line.drop()


def _lose(_line: Line, _frame: str, _fault: Fault) -> list[str]:
    return []


def _duplicate(_line: Line, frame: str, _fault: Fault) -> list[str]:
    return [frame, frame]


def _tear(_line: Line, frame: str, _fault: Fault) -> list[str]:
    return [frame[: len(frame) // 2]]


def _hold(line: Line, frame: str, _fault: Fault) -> list[str]:
    """Keep a frame back until the next one was written."""
    line.held.append(frame)
    return []


Distortion = Callable[[Line, str, Fault], list[str]]
FRAME_FAULTS: tuple[tuple[FaultKind, Distortion], ...] = (
    (FaultKind.LOST_FRAME, _lose),
    (FaultKind.DUPLICATE_FRAME, _duplicate),
    (FaultKind.TORN_FRAME, _tear),
    (FaultKind.REORDERED_FRAMES, _hold),
)
"""What may become of one frame on its way to one connection; the first that strikes does."""


class Channel(ABC):
    """The connections of one channel; a channel of its own takes what they say and tells them."""

    name = ""
    path = ""

    def __init__(
        self, faults: Faults, settings: ChannelSettings, now_ns: Callable[[], int]
    ) -> None:
        self.settings = settings
        self.outlet = Outlet(faults, settings, now_ns)
        self.lines: dict[Line, None] = {}
        self._accepted = 0

    @abstractmethod
    def take(self, line: Line, frame: str) -> bool:
        """Take what a client said; False ends the connection."""

    @abstractmethod
    def forget(self, line: Line) -> None:
        """Let go of what a connection subscribed to."""

    async def attend(self, connection: ServerConnection) -> None:
        """Serve one connection to its end."""
        self._accepted += 1
        loop = asyncio.get_running_loop()
        line = Line(connection, f"{self.name} {self._accepted}", loop.time())
        self.lines[line] = None
        try:
            async for message in connection:
                line.heard_s = loop.time()
                if message == PING:
                    self.outlet.answer(line, PONG)
                elif isinstance(message, str) and not self.take(line, message):
                    return
        except ConnectionClosed:
            return
        finally:
            del self.lines[line]
            self.forget(line)

    def refuse_other_paths(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a handshake on any other path than the channel's."""
        if request.path.partition("?")[0].rstrip("/") == self.path:
            return None
        return connection.respond(HTTPStatus.NOT_FOUND, "404 page not found\n")

    async def sweep(self) -> None:
        """Close connections that never subscribe or are silent for too long, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for line in [line for line in self.lines if self._is_idle(line, loop.time())]:
                line.drop()

    def _is_idle(self, line: Line, now_s: float) -> bool:
        if not line.is_subscribed and now_s - line.opened_s > self.settings.subscribe_ms_max * _MS:
            return True
        return now_s - line.heard_s > self.settings.silence_ms_max * _MS


class _Defects(logging.Filter):
    """Lets pass what is a defect of ours; what clients do to a handshake is theirs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is told."""
        return record.msg == "connection handler failed"


def channel_log() -> logging.Logger:
    """Return where channels report defects."""
    log = logging.getLogger("polyarb.sandbox.channels")
    if not log.filters:
        log.addFilter(_Defects())
    return log
