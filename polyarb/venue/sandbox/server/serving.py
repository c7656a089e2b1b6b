"""One process, one loop: every service of the sandbox on a loopback socket of its own.

The world is moved by the clock and by whoever asks for something. Its state lives in memory only:
the end of the process is the end of the venue.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final

import msgspec
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.server import serve

from polyarb.domain.errors import RefusedError, UsageError, VenueError
from polyarb.venue.sandbox.server.channels.channel import Channel, channel_log
from polyarb.venue.sandbox.server.state import SandboxState

LOOPBACK = "127.0.0.1"
PORT_MAX = 65_535
TICK_SECONDS_MAX = 0.01
"""The world is looked at this often, because a request may make something due earlier."""
KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2_048
_CLIENT_FRAME_BYTES_MAX = 1 << 20
_NS = 1e-9
CHANNEL_OPTIONS: Final[Mapping[str, Any]] = {
    "compression": None,
    "ping_interval": None,
    "max_size": _CLIENT_FRAME_BYTES_MAX,
    "close_timeout": 1,
    "server_header": None,
    "logger": channel_log(),
}
"""How the WebSockets are served: frames are encoded once for everybody, so they are not packed."""


class ServiceName(StrEnum):
    """The services, in the order of their ports from `--port` on."""

    CLOB = "clob"
    GAMMA = "gamma"
    DATA = "data"
    RELAYER = "relayer"
    RPC = "rpc"
    ADMIN = "admin"
    WS_MARKET = "ws_market"
    WS_USER = "ws_user"


FIRST_PORT_MAX = PORT_MAX - len(ServiceName) + 1
CHANNEL_SERVICES = (ServiceName.WS_MARKET, ServiceName.WS_USER)


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where each service is reached; addresses without a slash at their end."""

    clob: str
    gamma: str
    data: str
    relayer: str
    rpc: str
    admin: str
    ws_market: str
    ws_user: str


class Bound:
    """A listening socket for every service; close it unless it is served."""

    def __init__(self, sockets: Mapping[ServiceName, socket.socket]) -> None:
        self.sockets = dict(sockets)

    def close(self) -> None:
        """Let go of every port."""
        for one in self.sockets.values():
            one.close()

    def address(self, service: ServiceName, scheme: str, path: str = "") -> str:
        """Write the address of a service."""
        host, port = self.sockets[service].getsockname()[:2]
        named = f"[{host}]" if ":" in host else host
        return f"{scheme}://{named}:{port}{path}"


def bind(host: str = LOOPBACK, port: int = 0) -> Bound:
    """Take a port for each service: one after the other from `port` on, or any where it is 0.

    Errors: RefusedError for an address that others can reach, UsageError for an impossible port,
    VenueError for a port that is taken.
    """
    family = _loopback_family(host)
    if not 0 <= port <= FIRST_PORT_MAX:
        raise UsageError(f"--port: expected 0 to {FIRST_PORT_MAX}, found {port}")
    taken: dict[ServiceName, socket.socket] = {}
    try:
        for number, service in enumerate(ServiceName):
            taken[service] = _listen(family, host, port + number if port else 0)
    except VenueError:
        Bound(taken).close()
        raise
    return Bound(taken)


def _loopback_family(host: str) -> socket.AddressFamily:
    try:
        address = ip_address(host)
    except ValueError:
        raise UsageError(f"--host: expected an address such as {LOOPBACK}, found {host}") from None
    if not address.is_loopback:
        raise RefusedError(
            f"--host: expected a loopback address, found {host}: the sandbox gives its keys to"
            " everybody who asks and must not be reached from outside; tunnel to it instead"
        )
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.bind((host, port))
        one.listen(_BACKLOG)
    except OSError as fault:
        one.close()
        raise VenueError(
            f"{host}:{port}: expected a free port, found: {fault.strerror}; choose another --port"
            " (eight in a row are needed), or --port 0 for any"
        ) from fault
    one.setblocking(False)
    return one


class _Quiet(uvicorn.Server):
    """A server of one service that leaves signals to the whole."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals be."""
        yield


class Sandbox:
    """All services around one world; `run` serves until it is stopped."""

    def __init__(
        self,
        state: SandboxState,
        *,
        apps: Mapping[ServiceName, ASGIApp],
        channels: Mapping[ServiceName, Channel],
    ) -> None:
        """Shape: an app or a channel for each service."""
        self._state = state
        self._apps = apps
        self._channels = channels
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` end in order; may be called from a signal's callback in the loop."""
        self._stopping.set()

    async def run(self, bound: Bound, on_ready: Callable[[], None]) -> None:
        """Serve until stopped; `on_ready` is called once every service answers.

        A defect in one service ends all of them.
        """
        servers = {service: _Quiet(_config(app)) for service, app in self._apps.items()}
        async with contextlib.AsyncExitStack() as stack:
            for service, channel in self._channels.items():
                await stack.enter_async_context(_served(channel, bound.sockets[service]))
            async with asyncio.TaskGroup() as tasks:
                serving = [
                    tasks.create_task(server.serve([bound.sockets[service]]))
                    for service, server in servers.items()
                ]
                moving = [tasks.create_task(self._tick())]
                moving += [tasks.create_task(one.sweep()) for one in self._channels.values()]
                while not all(server.started for server in servers.values()):
                    await asyncio.sleep(0)
                on_ready()
                await self._stopping.wait()
                for server in servers.values():
                    server.should_exit = True
                await asyncio.wait(serving)
                for task in moving:
                    task.cancel()

    async def _tick(self) -> None:
        """Move the world and those who trade in it to the clock, whenever something is due."""
        while True:
            now_ns = self._state.now()
            wait_s = (self._state.next_due_ns - now_ns) * _NS
            await asyncio.sleep(min(max(wait_s, 0.0), TICK_SECONDS_MAX))


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


@contextlib.asynccontextmanager
async def _served(channel: Channel, listening: socket.socket) -> AsyncIterator[None]:
    """Serve a channel on its socket; at the end every connection is cut."""
    async with serve(
        channel.attend,
        sock=listening,
        process_request=channel.refuse_other_paths,
        **CHANNEL_OPTIONS,
    ):
        try:
            yield
        finally:
            for line in list(channel.lines):
                line.drop()


def places_of(bound: Bound, paths: Mapping[ServiceName, str]) -> Places:
    """Write where everything is."""
    return Places(
        **{
            service: bound.address(
                service, "ws" if service in CHANNEL_SERVICES else "http", paths.get(service, "")
            )
            for service in ServiceName
        }
    )
