"""The user channel: kept open, opened again, and what it tells handed on as it comes.

It has no snapshot and repeats nothing. A PING right after the credentials is answered when they
were taken in: from then on it listens, which is said by a Resync. Source: polymarket.md 4.2.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from random import Random

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from polyarb.domain.venue import VenueSettings
from polyarb.ports import Clock
from polyarb.venue.polymarket.signing.mac import ApiCredentials
from polyarb.venue.polymarket.stream.backoff import FIRST_MS, MOST_MS, Backoff
from polyarb.venue.polymarket.stream.connection import DirectConnection
from polyarb.venue.polymarket.stream.faults import OPENING_ERRORS, StreamFault, fault_of
from polyarb.venue.polymarket.trading.user_events import (
    ChannelLoss,
    ChannelLost,
    Resync,
    TornFrameError,
    UserEvent,
    read_frame,
)

FRAME_BYTES_MAX = 8 * 1024 * 1024
_LOOK_MS_MAX = 250
_NS_PER_MS = 1_000_000
_PING, _PONG = b"PING", b"PONG"
_NOTHING = frozenset({b"", b"[]", b"{}"})

_encode = msgspec.json.Encoder().encode


class UserStatistics(msgspec.Struct, kw_only=True):
    """What the channel did since the start. Shape: losses by reason."""

    is_listening: bool = False
    connects: int = 0
    failures: int = 0
    frames: int = 0
    losses: dict[ChannelLoss, int] = {}
    last_fault: StreamFault | None = None


class UserChannel:
    """One connection of an API key, of whatever market."""

    def __init__(
        self,
        address: str,
        credentials: ApiCredentials,
        settings: VenueSettings,
        clock: Clock,
        *,
        tell: Callable[[UserEvent], None],
        random: Random,
        backoff_ms: tuple[int, int] = (FIRST_MS, MOST_MS),
    ) -> None:
        """Shape: tell is called within the event loop and must not wait."""
        self._address = address
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._backoff = Backoff(random, first_ms=backoff_ms[0], most_ms=backoff_ms[1])
        self._tls = ssl.create_default_context() if address.lower().startswith("wss:") else None
        self._life: _Life | None = None
        self.statistics = UserStatistics(losses={})

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            await asyncio.sleep(await self._live_once() / 1_000)

    def reopen(self) -> None:
        """End a connection that did not tell what was read since, and open another one.

        The venue may answer every PING and tell nothing else: only reads can show it.
        """
        if self._life is not None:
            self._life.finish(ChannelLoss.DEAF)

    async def _live_once(self) -> float:
        """Open a connection and listen until it ends; return how long to wait. Units: ms."""
        life = _Life(self)
        try:
            connection = await connect(
                self._address,
                open_timeout=self._settings.request_ms_max / 1_000,
                ping_interval=None,
                max_size=FRAME_BYTES_MAX,
                proxy=True if self._tls is not None else None,
                ssl=self._tls,
                create_connection=partial(DirectConnection, take=life.take),  # type: ignore[arg-type]
            )
        except OPENING_ERRORS as error:
            fault = fault_of(error, self._address)
            self.statistics.failures += 1
            self.statistics.last_fault = fault
            return self._backoff.wait_ms(fault.retry_after_ms)
        assert isinstance(connection, DirectConnection)
        opened_ns = self._clock.monotonic_ns()
        await self._converse(life, connection)
        if life.is_listening:
            lived_ns = self._clock.monotonic_ns() - opened_ns
            self._backoff.delivered(lived_ns / _NS_PER_MS)
        return self._backoff.wait_ms()

    async def _converse(self, life: "_Life", connection: DirectConnection) -> None:
        life.connection = connection
        self._life = life
        keeper = asyncio.create_task(self._keep(life, connection), name="user channel keeper")
        try:
            await connection.wait_closed()
        finally:
            keeper.cancel()
            connection.transport.abort()
            await asyncio.gather(keeper, connection.wait_closed(), return_exceptions=True)
            self.statistics.is_listening = False
            self._life = None
        if life.fault is not None:
            raise life.fault
        reason = life.end or _loss_of(connection.protocol.close_exc)
        if not life.is_listening:
            reason = ChannelLoss.REFUSED if reason is ChannelLoss.CLOSED else reason
        self.statistics.losses[reason] = self.statistics.losses.get(reason, 0) + 1
        if life.is_listening:
            self._tell(ChannelLost(reason=reason, receive_time_ns=self._clock.now_ns()))

    async def _keep(self, life: "_Life", connection: DirectConnection) -> None:
        """Show the credentials, ask for signs of life, and end what does not give them."""
        try:
            await self._send(connection, self._opening())
            while life.end is None:
                now_ns = self._clock.monotonic_ns()
                if life.is_ping_due(now_ns, self._settings.ping_ms):
                    life.pinged(now_ns)
                    await self._send(connection, _PING)
                if life.is_unanswered(now_ns, self._settings.pong_ms_max):
                    life.finish(ChannelLoss.NO_PONG)
                looks_ms = min(_LOOK_MS_MAX, self._settings.ping_ms, self._settings.pong_ms_max / 4)
                await asyncio.sleep(max(1, looks_ms) / 1_000)
        except TimeoutError:
            life.finish(ChannelLoss.NO_PONG)
        except ConnectionClosed:
            return

    async def _send(self, connection: DirectConnection, frame: bytes) -> None:
        async with asyncio.timeout(self._settings.request_ms_max / 1_000):
            await connection.send(frame, text=True)

    def _opening(self) -> bytes:
        shown = {
            "apiKey": self._credentials.key,
            "secret": self._credentials.secret.reveal(),
            "passphrase": self._credentials.passphrase.reveal(),
        }
        return _encode({"type": "user", "auth": shown})

    def listens(self) -> None:
        """Say that what happens from now on is told."""
        self.statistics.connects += 1
        self.statistics.is_listening = True
        told = Resync(connects=self.statistics.connects, receive_time_ns=self._clock.now_ns())
        self._tell(told)

    def heard(self, frame: bytes) -> None:
        """Hand on what a frame tells. Errors: TornFrameError."""
        self.statistics.frames += 1
        for event in read_frame(frame, self._credentials.key, self._clock.now_ns()):
            self._tell(event)


class _Life:
    """One connection from its opening to its end. Units: monotonic nanoseconds."""

    def __init__(self, channel: UserChannel) -> None:
        self._channel = channel
        self._asked_ns = 0
        self._unanswered_ns = 0
        self.connection: DirectConnection | None = None
        self.is_listening = False
        self.end: ChannelLoss | None = None
        self.fault: BaseException | None = None

    def take(self, frames: list[bytes]) -> None:
        """Take the frames of one read; a torn one ends the connection, as what it told is lost.

        A fault of the listener is kept, because the event loop swallows it.
        """
        for frame in frames:
            if self.end is not None or self.fault is not None:
                return
            try:
                self._take(frame)
            except TornFrameError:
                self.finish(ChannelLoss.TORN)
            except BaseException as fault:
                self.fault = fault
                self.finish(ChannelLoss.DROPPED)
                raise

    def _take(self, frame: bytes) -> None:
        if frame == _PONG:
            self._unanswered_ns = 0
            if not self.is_listening:
                self.is_listening = True
                self._channel.listens()
        elif frame not in _NOTHING:
            self._channel.heard(frame)

    def is_ping_due(self, now_ns: int, ping_ms: int) -> bool:
        """Tell whether a PING is to be sent: the first one at once, one at a time."""
        if not self._asked_ns:
            return True
        return not self._unanswered_ns and now_ns - self._asked_ns >= ping_ms * _NS_PER_MS

    def pinged(self, now_ns: int) -> None:
        """Take note of a PING."""
        self._asked_ns = self._unanswered_ns = now_ns

    def is_unanswered(self, now_ns: int, pong_ms_max: int) -> bool:
        """Tell whether a PING has waited too long for its PONG."""
        return bool(self._unanswered_ns) and now_ns - self._unanswered_ns > pong_ms_max * _NS_PER_MS

    def finish(self, reason: ChannelLoss) -> None:
        """End it ourselves."""
        self.end = self.end or reason
        if self.connection is not None:
            self.connection.transport.abort()


def _loss_of(error: ConnectionClosed | None) -> ChannelLoss:
    is_told = error is not None and error.rcvd is not None
    return ChannelLoss.CLOSED if is_told else ChannelLoss.DROPPED
