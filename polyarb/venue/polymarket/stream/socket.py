"""One connection of the market channel: opened, kept alive, told what is wanted, opened again.

The venue numbers nothing and repeats nothing, so that every end of a connection loses its books;
the next connection begins with fresh ones. Source: polymarket.md 4.1.
"""

import asyncio
from collections.abc import Collection, Iterable
from functools import partial

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import OPEN

from polyarb.domain.venue import VenueSettings
from polyarb.venue.polymarket.stream.backoff import Backoff
from polyarb.venue.polymarket.stream.connection import DirectConnection
from polyarb.venue.polymarket.stream.faults import (
    OPENING_ERRORS,
    FaultKind,
    LossReason,
    StreamFault,
    fault_of,
    loss_of,
)
from polyarb.venue.polymarket.stream.life import NS_PER_MS, Life, SocketStatistics, Surroundings
from polyarb.venue.polymarket.stream.subscription import Group, Subscription

FRAME_BYTES_MAX = 8 * 1024 * 1024
_LOOK_MS_MAX = 250
"""A connection is looked at this often even where nothing is due."""
_PING = b"PING"


class StreamSocket:
    """Listens to up to as many tokens as one connection may carry."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._settings = around.settings
        self._subscription = Subscription(around.settings.assets_per_socket_max)
        self._changed = asyncio.Event()
        self._counted = SocketStatistics(losses={})
        self._backoff = Backoff(
            around.random,
            first_ms=around.pace.backoff_first_ms,
            most_ms=around.pace.backoff_most_ms,
        )

    @property
    def statistics(self) -> SocketStatistics:
        """Return a copy of the counts."""
        return msgspec.structs.replace(
            self._counted,
            assets=len(self._subscription.wanted),
            losses=dict(self._counted.losses),
        )

    @property
    def is_idle(self) -> bool:
        """Tell whether it has no tokens left."""
        return not self._subscription.wanted

    def has_room(self, group: Group) -> bool:
        """Tell whether a group still fits."""
        return self._subscription.has_room(group)

    def add(self, group: Group) -> None:
        """Listen to one more group."""
        self._subscription.add(group)
        self._changed.set()

    def remove(self, groups: Iterable[Group]) -> frozenset[str]:
        """Listen to these groups no longer; return which of their tokens were being told."""
        return self._lose(self._subscription.remove(groups), LossReason.UNSUBSCRIBED)

    def ask_anew(self, assets: Collection[str]) -> frozenset[str]:
        """Ask for fresh books; return the tokens that it concerns."""
        return self._lose(self._subscription.ask_anew(assets), LossReason.ASKED_ANEW)

    async def run(self, delay_ms: float) -> None:
        """Stay connected until there are no tokens left."""
        await asyncio.sleep(delay_ms / 1000)
        while not self.is_idle:
            await asyncio.sleep(await self._live_once() / 1000)

    async def _live_once(self) -> float:
        """Open a connection and listen until it ends; return how long to wait then.

        Units: milliseconds.
        """
        life = Life(self._around, self._counted, self._say_lost)
        try:
            connection = await self._open(life)
        except OPENING_ERRORS as error:
            fault = fault_of(error, self._settings.hosts.stream)
            self._counted.failures += 1
            self._note(fault)
            return self._backoff.wait_ms(fault.retry_after_ms)
        self._counted.connects += 1
        await self._converse(life, connection)
        if life.has_delivered:
            lived_ns = self._around.clock.monotonic_ns() - life.opened_ns
            self._backoff.delivered(lived_ns / NS_PER_MS)
        return self._backoff.wait_ms()

    async def _open(self, life: Life) -> DirectConnection:
        """Open a connection within the time of a request.

        Compression is offered: reading a message takes some 3 us more, and 19 of 20 bytes that
        need not come save more than that on any line below 1 Gbit/s (benchmarks/bench_stream.py).
        """
        connection = await connect(
            self._settings.hosts.stream,
            compression="deflate",
            open_timeout=self._settings.request_ms_max / 1000,
            ping_interval=None,
            max_size=FRAME_BYTES_MAX,
            proxy=True if self._around.tls is not None else None,
            ssl=self._around.tls,
            create_connection=partial(DirectConnection, take=life.take),  # type: ignore[arg-type]
        )
        assert isinstance(connection, DirectConnection)
        life.connected(connection)
        return connection

    async def _converse(self, life: Life, connection: DirectConnection) -> None:
        """Keep a connection alive until it ends; then say what is lost by it."""
        self._counted.is_open = True
        name = f"{self._around.source} keeper"
        keeper = asyncio.create_task(self._keep(life, connection), name=name)
        try:
            await connection.wait_closed()
        finally:
            self._counted.is_open = False
            keeper.cancel()
            life.finish(life.end)
            await asyncio.gather(keeper, connection.wait_closed(), return_exceptions=True)
        if not keeper.cancelled():
            keeper.result()
        if life.fault is not None:
            raise life.fault
        reason = life.end or loss_of(connection.protocol.close_exc)
        self._say_lost(life, reason)
        if not life.has_delivered:
            self._note(_no_books(self._settings, reason))

    async def _keep(self, life: Life, connection: DirectConnection) -> None:
        """Send what is due and end a connection that is dead, until it is ended."""
        try:
            life.finish(await self._keep_until_dead(life, connection))
        except TimeoutError:
            life.finish(LossReason.STUCK)
        except ConnectionClosed:
            life.finish(None)
        finally:
            connection.transport.abort()

    async def _keep_until_dead(self, life: Life, connection: DirectConnection) -> LossReason | None:
        await self._send(connection, self._subscription.opening())
        while True:
            self._changed.clear()
            reason = self._death(life)
            is_over = life.is_over or connection.state is not OPEN
            if reason is not None or is_over or self.is_idle:
                return reason
            if self._subscription.is_changed:
                for frame in self._subscription.changes():
                    await self._send(connection, frame)
            if self._is_ping_due(life):
                await self._send(connection, _PING)
            await self._rest(life)

    async def _send(self, connection: DirectConnection, frame: bytes) -> None:
        """Send a text frame within the time of a request. Errors: TimeoutError."""
        async with asyncio.timeout(self._settings.request_ms_max / 1000):
            await connection.send(frame, text=True)

    def _is_ping_due(self, life: Life) -> bool:
        """Tell whether a PING is due, and note that it is sent now."""
        now_ns = self._around.clock.monotonic_ns()
        if now_ns - life.pinged_ns < self._settings.ping_ms * NS_PER_MS:
            return False
        life.pinged_ns = now_ns
        life.unanswered.append(now_ns)
        return True

    def _death(self, life: Life) -> LossReason | None:
        """Tell whether a connection that is still open is of no use any more."""
        now_ns = self._around.clock.monotonic_ns()
        settings = self._settings
        silence_ms_max = settings.silence_ms_max
        if not life.has_delivered:
            silence_ms_max = min(silence_ms_max, settings.request_ms_max)
        if life.unanswered and now_ns - life.unanswered[0] > settings.pong_ms_max * NS_PER_MS:
            return LossReason.NO_PONG
        if now_ns - life.heard_ns > silence_ms_max * NS_PER_MS:
            return LossReason.SILENT
        return None

    async def _rest(self, life: Life) -> None:
        """Wait until something is due, or the tokens change."""
        now_ns = self._around.clock.monotonic_ns()
        settings = self._settings
        ping_ms = settings.ping_ms - (now_ns - life.pinged_ns) / NS_PER_MS
        periods = (settings.pong_ms_max, settings.silence_ms_max, settings.request_ms_max)
        wait_ms = min(_LOOK_MS_MAX, ping_ms, *(period / 4 for period in periods))
        try:
            async with asyncio.timeout(max(wait_ms, 1) / 1000):
                await self._changed.wait()
        except TimeoutError:
            return

    def _note(self, fault: StreamFault) -> None:
        self._counted.last_fault = fault
        if self._around.first_fault is None:
            self._around.first_fault = fault

    def _say_lost(self, life: Life, reason: LossReason) -> None:
        """Say once what is lost by the end of a connection that had told anything."""
        lost = self._lose(self._subscription.ended(), reason)
        if lost and life.has_delivered and not self._around.is_stopped:
            now_ns = self._around.clock.now_ns()
            self._around.sink.lost(self._around.source, lost, reason, now_ns)

    def _lose(self, assets: frozenset[str], reason: LossReason) -> frozenset[str]:
        """Count a loss that concerns any token."""
        if assets:
            losses = self._counted.losses
            losses[reason] = losses.get(reason, 0) + 1
            self._changed.set()
        return assets


def _no_books(settings: VenueSettings, reason: LossReason) -> StreamFault:
    return StreamFault(
        kind=FaultKind.NO_BOOKS,
        text=f"expected books from {settings.hosts.stream} within {settings.request_ms_max} ms, "
        f"found: {reason}; wait, or check that the chosen markets are open",
    )
