"""Clients for tests: in virtual time against a scripted transport, or against a local server."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import httpx
from polyarb.domain.venue import VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.rest.budget import Scope
from polyarb.venue.polymarket.rest.caller import Request
from polyarb.venue.polymarket.rest.client import PublicClient
from tests.rest_server import RestServer
from tests.virtual_time import LoopClock

Outcome = httpx.Response | Exception
Script = Callable[[httpx.Request], Awaitable[Outcome]]


class ScriptedTransport(httpx.AsyncBaseTransport):
    """Answers by a function, and remembers what was sent and when. Units: seconds."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.sent: list[httpx.Request] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        self.times.append(asyncio.get_running_loop().time())
        outcome = await self._script(request)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def in_turn(*outcomes: Outcome) -> ScriptedTransport:
    """Answer with these, one after the other; the last one for ever."""
    left = list(outcomes)

    async def script(_: httpx.Request) -> Outcome:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, httpx.Response):
            headers = [(k, v) for k, v in outcome.headers.raw if k.lower() != b"content-length"]
            return httpx.Response(outcome.status_code, headers=headers, content=outcome.content)
        return outcome

    return ScriptedTransport(script)


def virtual_client(
    transport: httpx.AsyncBaseTransport, settings: VenueSettings | None = None, seed: int = 1
) -> PublicClient:
    """Return a client that lives in the time of the running loop."""
    return PublicClient(settings or VenueSettings(), LoopClock(), Random(seed), transport=transport)


def local_client(
    server: RestServer, *, request_ms: int = 2_000, total_ms: int = 4_000, seed: int = 1
) -> PublicClient:
    """Return a client of a local server."""
    settings = VenueSettings(hosts=server.hosts, request_ms_max=request_ms, connect_ms_max=total_ms)
    return PublicClient(settings, SystemClock(), Random(seed))


def version(number: int = 2) -> httpx.Response:
    """Return a good answer of /version."""
    return httpx.Response(200, content=b'{"version":%d}' % number)


def order_like(path: str = "/order") -> Request:
    """Return a request that must not be sent twice."""
    return Request(
        method="POST",
        url=VenueSettings().hosts.clob + path,
        body=b"{}",
        scopes=(Scope.ALL, Scope.CLOB),
        is_idempotent=False,
    )
