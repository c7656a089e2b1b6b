"""One process, one loop: what is bound, what answers, how all of it ends."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest
from polyarb.domain.errors import RefusedError, UsageError, VenueError
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.channels.channel import Channel, channel_log
from polyarb.venue.sandbox.server.channels.market import MarketChannel
from polyarb.venue.sandbox.server.json_app import json_app, json_response
from polyarb.venue.sandbox.server.serving import (
    CHANNEL_SERVICES,
    Bound,
    Sandbox,
    ServiceName,
    bind,
    places_of,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.channel_cases import Exchange, client, kinds, market_opening
from websockets.exceptions import ConnectionClosed

APP_SERVICES = [service for service in ServiceName if service not in CHANNEL_SERVICES]


class Moved:
    """A state that counts how often it is moved; breaks when it is told to."""

    def __init__(self) -> None:
        self.moves = 0
        self.next_due_ns = FAR_FUTURE_NS
        self.is_broken = False

    def now(self) -> int:
        assert not self.is_broken, "broken"
        self.moves += 1
        return self.moves


class Stage:
    """A sandbox of small apps, each of which says its name."""

    def __init__(self) -> None:
        self.state = Moved()
        self.exchange = Exchange()
        self.channels: dict[ServiceName, Channel] = {
            service: MarketChannel(
                self.exchange,
                FaultBoard(1),
                now_ns=lambda: self.exchange.changed_ns,
                market_id=str,
            )
            for service in CHANNEL_SERVICES
        }
        self.bound = bind()
        self.sandbox = Sandbox(
            self.state,  # type: ignore[arg-type]
            apps={service: app_of(service) for service in APP_SERVICES},
            channels=self.channels,
        )
        self.ready = asyncio.Event()

    async def running(self, acts: Callable[["Stage"], Awaitable[None]]) -> None:
        """Serve, act, stop, and wait for the end."""
        async with asyncio.timeout(20):
            serving = asyncio.create_task(self.sandbox.run(self.bound, self.ready.set))
            await self.ready.wait()
            try:
                await acts(self)
            finally:
                self.sandbox.stop()
                await serving


def app_of(service: ServiceName) -> object:
    async def name(_request: Request) -> Response:
        return json_response(str(service))

    return json_app([Route("/", name)])


def play(acts: Callable[[Stage], Awaitable[None]]) -> Stage:
    async def main() -> Stage:
        stage = Stage()
        try:
            await stage.running(acts)
        finally:
            stage.bound.close()
        return stage

    return asyncio.run(main())


def port_of(address: str) -> int:
    return int(address.split(":")[2].partition("/")[0])


def test_every_service_answers_at_its_own_address_when_it_is_said_to_be_ready() -> None:
    async def acts(stage: Stage) -> None:
        paths = dict.fromkeys(CHANNEL_SERVICES, MarketChannel.path)
        places = places_of(stage.bound, paths)
        async with httpx.AsyncClient() as asking:
            for service in APP_SERVICES:
                answer = await asking.get(getattr(places, service))
                assert answer.json() == service
        for address in (places.ws_market, places.ws_user):
            async with client(address, market_opening(stage.exchange.markets())) as found:
                assert kinds(await found.heard()) == ["book"] * 4

    play(acts)


def test_the_world_is_moved_though_nobody_asks_for_anything() -> None:
    async def acts(stage: Stage) -> None:
        async with asyncio.timeout(5):
            while stage.state.moves < 5:
                await asyncio.sleep(0)

    play(acts)


def test_at_the_end_every_connection_is_cut_and_every_port_is_free() -> None:
    addresses: list[str] = []

    async def acts(stage: Stage) -> None:
        places = places_of(stage.bound, dict.fromkeys(CHANNEL_SERVICES, MarketChannel.path))
        addresses.extend((places.clob, places.ws_market))
        async with client(places.ws_market) as found:
            await found.heard()
            stage.sandbox.stop()
            with pytest.raises(ConnectionClosed):
                await found.connection.recv()

    play(acts)
    for address in addresses:
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port_of(address)))


def test_a_defect_anywhere_ends_all_of_it() -> None:
    async def acts(stage: Stage) -> None:
        stage.state.is_broken = True
        await asyncio.Event().wait()

    async def main() -> None:
        stage = Stage()
        serving = asyncio.create_task(stage.sandbox.run(stage.bound, stage.ready.set))
        await stage.ready.wait()
        stage.state.is_broken = True
        with pytest.raises(ExceptionGroup) as ended:
            async with asyncio.timeout(20):
                await serving
        stage.bound.close()
        assert ended.group_contains(AssertionError, match="broken")

    asyncio.run(main())


def free_row() -> int:
    """Find eight free ports in a row."""
    for port in range(20_000, 60_000, 16):
        try:
            bound = bind(port=port)
        except VenueError:
            continue
        bound.close()
        return port
    raise AssertionError("no eight free ports")


def test_ports_follow_each_other_and_all_are_let_go_when_one_is_taken() -> None:
    port = free_row()
    bound = bind(port=port)
    try:
        ports = [bound.sockets[service].getsockname()[1] for service in ServiceName]
        assert ports == list(range(port, port + 8))
        with pytest.raises(VenueError, match=rf"127\.0\.0\.1:{port}: expected a free port"):
            bind(port=port - 7)
    finally:
        bound.close()
    bind(port=port - 7).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "8.8.8.8"])
def test_what_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(RefusedError, match="loopback"):
        bind(host)


@pytest.mark.parametrize(
    ("host", "port"), [("localhost", 0), ("", 0), ("127.0.0.1", 65_529), ("127.0.0.1", -1)]
)
def test_what_is_no_place_is_a_wrong_argument(host: str, port: int) -> None:
    with pytest.raises(UsageError, match="expected"):
        bind(host, port)


def test_the_loopback_of_the_other_protocol_is_written_with_brackets() -> None:
    with socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        port = one.getsockname()[1]
        address = Bound({ServiceName.CLOB: one}).address(ServiceName.CLOB, "http")
    assert address == f"http://[::1]:{port}"


def test_only_defects_of_ours_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    log = channel_log()
    log.error("opening handshake failed")
    log.error("connection handler failed")
    assert caplog.messages == ["connection handler failed"]
    assert channel_log() is log and len(log.filters) == 1


def test_a_task_that_is_cancelled_cuts_every_connection_and_ends() -> None:
    async def main() -> None:
        stage = Stage()
        serving = asyncio.create_task(stage.sandbox.run(stage.bound, stage.ready.set))
        await stage.ready.wait()
        places = places_of(stage.bound, dict.fromkeys(CHANNEL_SERVICES, MarketChannel.path))
        async with (
            asyncio.timeout(20),
            httpx.AsyncClient() as asking,
            client(places.ws_market, market_opening(stage.exchange.markets())) as found,
        ):
            assert (await asking.get(places.clob)).json() == ServiceName.CLOB
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            with pytest.raises(ConnectionClosed):
                while True:
                    await found.connection.recv()
        stage.bound.close()

    asyncio.run(main())
