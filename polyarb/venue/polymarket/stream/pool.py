"""The market channel: many connections that tell the books of many tokens, each kept alive.

What is received goes on as it is, with the time of receipt; what a frame says is not looked at
beyond whether it is JSON. Runs in one asyncio loop, whose thread alone may call it.
Source: polymarket.md 4.1.
"""

import asyncio
import ssl
from collections.abc import Collection, Iterable
from random import Random

import msgspec
from websockets.exceptions import InvalidURI
from websockets.uri import parse_uri

from polyarb.domain.errors import UsageError
from polyarb.domain.venue import VenueSettings
from polyarb.ports import Clock
from polyarb.venue.polymarket.sources import FrameSink
from polyarb.venue.polymarket.stream.faults import LossReason, StreamFault
from polyarb.venue.polymarket.stream.life import Pace, SocketStatistics, Surroundings
from polyarb.venue.polymarket.stream.socket import StreamSocket
from polyarb.venue.polymarket.stream.subscription import Group, grouped

__all__ = ["Pace", "SocketStatistics", "StreamPool", "StreamStatistics"]


class StreamStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool did since its start. Shape: one entry a connection that still has tokens."""

    source: str
    sockets: tuple[SocketStatistics, ...]
    first_fault: StreamFault | None = None

    @property
    def frames(self) -> int:
        """Count the frames of all connections."""
        return sum(socket.frames for socket in self.sockets)

    @property
    def open_sockets(self) -> int:
        """Count the connections that are open."""
        return sum(socket.is_open for socket in self.sockets)


class StreamPool:
    """Listens to groups of tokens on as many connections as they need.

    Both tokens of a market are one group, and a group never spans two connections. On every end
    of a connection the sink is told once which books are lost, before anything of the next one.
    """

    def __init__(
        self,
        settings: VenueSettings,
        source: str,
        sink: FrameSink,
        *,
        clock: Clock,
        random: Random,
        assets: Iterable[Collection[str]] = (),
        pace: Pace | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; nothing is opened before `run`. Errors: UsageError of an impossible address."""
        self.source = source
        self._settings = settings
        self._sink = sink
        self._clock = clock
        self._around = Surroundings(
            settings=settings,
            source=source,
            sink=sink,
            clock=clock,
            random=random,
            pace=pace if pace is not None else Pace(),
            tls=tls if tls is not None else _tls_of(settings.hosts.stream),
        )
        self._groups: dict[Group, StreamSocket] = {}
        self._sockets: list[StreamSocket] = []
        self._tasks: dict[asyncio.Task[None], StreamSocket] = {}
        self._changed = asyncio.Event()
        self.set_assets(assets)

    @property
    def first_fault(self) -> StreamFault | None:
        """Return what the first attempt that failed ran into, whatever happened later."""
        return self._around.first_fault

    @property
    def has_delivered(self) -> bool:
        """Tell whether any message came since the start."""
        return self._around.has_delivered

    @property
    def statistics(self) -> StreamStatistics:
        """Return the counts up to now; may be called from any thread."""
        return StreamStatistics(
            source=self.source,
            sockets=tuple(socket.statistics for socket in tuple(self._sockets)),
            first_fault=self.first_fault,
        )

    def set_assets(self, assets: Iterable[Collection[str]]) -> None:
        """Listen to these groups of tokens and to no others; only what changed is told.

        Errors: UsageError where a group fits no connection or a token is in two groups.
        """
        wanted = grouped(assets, self._settings.assets_per_socket_max)
        leaving = [group for group in self._groups if group not in wanted]
        lost: set[str] = set()
        for socket in self._sockets:
            lost |= socket.remove(leaving)
        for group in leaving:
            del self._groups[group]
        self._say_lost(lost, LossReason.UNSUBSCRIBED)
        for group in wanted:
            if group not in self._groups:
                self._place(group)
        self._sockets = [socket for socket in self._sockets if not socket.is_idle]
        self._changed.set()

    def resubscribe(self, assets: Collection[str]) -> None:
        """Ask for fresh books of some tokens; until they come their books count as lost.

        Tokens of a connection that is not open get a fresh book when it is.
        """
        lost: set[str] = set()
        for socket in self._sockets:
            lost |= socket.ask_anew(assets)
        self._say_lost(lost, LossReason.ASKED_ANEW)

    def stop(self) -> None:
        """Deliver nothing any more and let `run` return."""
        self._around.is_stopped = True
        self._changed.set()

    async def run(self) -> None:
        """Listen until stopped or cancelled; a fault of the sink ends it, the venue cannot."""
        try:
            while not self._around.is_stopped:
                self._changed.clear()
                self._begin()
                await self._wait()
        finally:
            self._around.is_stopped = True
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks.clear()

    def _begin(self) -> None:
        """Give every connection that has none its task; those of one moment open one by one."""
        running = set(self._tasks.values())
        fresh = [socket for socket in self._sockets if socket not in running]
        for place, socket in enumerate(fresh):
            delay_ms = place * self._around.pace.stagger_ms
            task = asyncio.create_task(socket.run(delay_ms), name=f"{self.source} socket")
            self._tasks[task] = socket

    async def _wait(self) -> None:
        """Wait until the tokens change, a connection's work ends, or it fails."""
        changed = asyncio.create_task(self._changed.wait(), name=f"{self.source} changes")
        try:
            done, _ = await asyncio.wait(
                {changed, *self._tasks}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
            await asyncio.gather(changed, return_exceptions=True)
        for task in [task for task in self._tasks if task in done]:
            del self._tasks[task]
            task.result()

    def _place(self, group: Group) -> None:
        """Put a group on the first connection that has room, or on a new one."""
        found = next((socket for socket in self._sockets if socket.has_room(group)), None)
        if found is None:
            found = StreamSocket(self._around)
            self._sockets.append(found)
        found.add(group)
        self._groups[group] = found

    def _say_lost(self, assets: set[str], reason: LossReason) -> None:
        if assets and not self._around.is_stopped:
            self._sink.lost(self.source, frozenset(assets), reason, self._clock.now_ns())


def _tls_of(address: str) -> ssl.SSLContext | None:
    """Load the certificates once for all connections. Errors: UsageError of a bad address."""
    try:
        place = parse_uri(address)
        place.host.encode("idna")
    except (InvalidURI, ValueError) as error:
        raise UsageError(
            f"venue.hosts.stream must be a ws:// or wss:// address, found {address!r}: mend it"
        ) from error
    return ssl.create_default_context() if place.secure else None
