"""Sends one request to the venue's public hosts until it is answered, refused or out of time.

Every wait has a deadline: the governor's, between attempts, and of each attempt.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from random import Random
from typing import TypeVar

import anyio
import httpx
import msgspec

from polyarb import __version__
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.ports import Clock
from polyarb.venue.polymarket.rest.answers import ACCEPTED, read_beginning, read_body
from polyarb.venue.polymarket.rest.budget import Governor, GovernorState, Priority, Scope
from polyarb.venue.polymarket.rest.faults import (
    RestError,
    RestFaultKind,
    fault_of,
    fault_of_status,
)
from polyarb.venue.polymarket.rest.mode import ModeWatch
from polyarb.venue.polymarket.rest.retries import Breaker, RetryBudget
from polyarb.venue.polymarket.stream.backoff import Backoff

ATTEMPTS_MAX = 5
PAUSE_MS = 1_000
"""How long a limited scope is left alone when the venue does not say."""
RECYCLE_AFTER = 5_000
"""Requests on one set of connections. The venue ends them at 10,000. Source: polymarket.md 0.1."""
CONNECTIONS_MAX = 16
KEEP_ALIVE_S = 15.0
FIRST_WAIT_MS = 100
MOST_WAIT_MS = 5_000
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000

CALL_ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError, EOFError, UnicodeError, ExceptionGroup)
"""What a request raises where the venue, its address or the way to it is at fault."""

Sleep = Callable[[float], Awaitable[None]]
Answer = TypeVar("Answer")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. A POST that only reads is idempotent; what is not is sent once."""

    url: str
    scopes: tuple[Scope, ...]
    method: str = "GET"
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    priority: Priority = Priority.BACKGROUND
    is_idempotent: bool = True

    @property
    def asked(self) -> str:
        """Return what is asked, for messages; without the query, which may be long."""
        return f"{self.method} {self.url}"


class RestState(msgspec.Struct, frozen=True, kw_only=True):
    """What a client has done up to now. Shape: down is the host to why it counts as down."""

    requests: int
    attempts: int
    retries: int
    retries_left: int
    failures: int
    down: dict[str, str]
    governor: GovernorState


class Connections:
    """Kept-alive connections that are replaced before the venue ends them in mid-flight."""

    def __init__(
        self,
        new_client: Callable[[], httpx.AsyncClient],
        recycle_after: int,
    ) -> None:
        self._new_client = new_client
        self._recycle_after = recycle_after
        self._current = _Lot(new_client())
        self._lots = {self._current}

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Lend the client for one request."""
        if self._current.requests >= self._recycle_after:
            retired = self._current
            self._current = _Lot(self._new_client())
            self._lots.add(self._current)
            await self._close_if_idle(retired)
        lot = self._current
        lot.requests += 1
        lot.in_flight += 1
        try:
            yield lot.client
        finally:
            lot.in_flight -= 1
            await self._close_if_idle(lot)

    async def close(self) -> None:
        """Close every connection."""
        while self._lots:
            await self._lots.pop().client.aclose()

    async def _close_if_idle(self, lot: "_Lot") -> None:
        if lot is not self._current and not lot.in_flight and lot in self._lots:
            self._lots.discard(lot)
            await lot.client.aclose()


class _Lot:
    """A client and how much it was used."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.requests = 0
        self.in_flight = 0


class Caller:
    """Makes requests under one governor, one budget of retries and a breaker for each host."""

    def __init__(
        self,
        settings: VenueSettings,
        clock: Clock,
        random: Random,
        *,
        mode: ModeWatch,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._mode = mode
        self._connections = Connections(_client_factory(settings, transport), RECYCLE_AFTER)
        self._governor = Governor(clock.monotonic_ns, sleep)
        self._retry_budget = RetryBudget()
        self._breakers: defaultdict[str, Breaker] = defaultdict(Breaker)
        self._requests = 0
        self._attempts = 0
        self._retries = 0
        self._failures = 0

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    def deadline_ns(self) -> int:
        """Return until when what is asked now has to be answered."""
        return self._clock.monotonic_ns() + self._settings.connect_ms_max * _NS_PER_MS

    async def call(
        self, request: Request, read: Callable[[bytes], Answer], deadline_ns: int | None = None
    ) -> Answer:
        """Return what `read` makes of the body of a 200; it raises RestError if it cannot.

        Errors: RestError, by the deadline; that of the settings unless one is given.
        """
        self._requests += 1
        self._retry_budget.earn()
        deadline_ns = self.deadline_ns() if deadline_ns is None else deadline_ns
        try:
            return await self._persist(request, read, deadline_ns)
        except RestError:
            self._failures += 1
            raise

    async def _persist(
        self, request: Request, read: Callable[[bytes], Answer], deadline_ns: int
    ) -> Answer:
        """Ask until there is an answer or another attempt is not allowed or of no use."""
        backoff = Backoff(self._random, first_ms=FIRST_WAIT_MS, most_ms=MOST_WAIT_MS)
        attempts_left = ATTEMPTS_MAX
        while True:
            self._refuse_while_down(request)
            await self._governor.admit(request.scopes, request.priority, deadline_ns)
            attempts_left -= 1
            try:
                answer = read(await self._attempt(request, deadline_ns))
            except RestError as fault:
                self._note_failure(request, fault)
                wait_ms = fault.retry_after_ms + backoff.wait_ms()
                if not attempts_left or not self._may_retry(request, fault, wait_ms, deadline_ns):
                    raise
                self._retries += 1
                await self._sleep(wait_ms / 1_000)
            else:
                self._note_answer(request)
                return answer

    def state(self) -> RestState:
        """Return what was done up to now."""
        return RestState(
            requests=self._requests,
            attempts=self._attempts,
            retries=self._retries,
            retries_left=self._retry_budget.left,
            failures=self._failures,
            down={
                host: breaker.reason for host, breaker in self._breakers.items() if breaker.is_open
            },
            governor=self._governor.state(),
        )

    async def _attempt(self, request: Request, deadline_ns: int) -> bytes:
        """Send a request once, in a task of its own.

        Connections are put away under shields that hold against the cancelling of such a task
        only: who waits here may be cancelled in any way without leaving one open.
        """
        left_s = (deadline_ns - self._clock.monotonic_ns()) / _NS_PER_S
        within_s = min(left_s, self._settings.request_ms_max / 1_000)
        self._attempts += 1
        told: list[bytes] = []
        faults: list[RestError] = []

        async def exchange() -> None:
            try:
                with anyio.fail_after(within_s):
                    told.append(await self._exchange(request))
            except RestError as fault:
                faults.append(fault)
            except CALL_ERRORS as error:
                faults.append(fault_of(error, request.asked))

        async with anyio.create_task_group() as group:
            group.start_soon(exchange)
        if faults:
            raise faults[0]
        return told[0]

    async def _exchange(self, request: Request) -> bytes:
        async with (
            self._connections.client() as client,
            client.stream(
                request.method,
                request.url,
                params=request.query or None,
                content=request.body or None,
                headers={"Content-Type": "application/json"} if request.body else None,
            ) as response,
        ):
            if response.status_code == httpx.codes.OK:
                return await read_body(response, request.asked)
            beginning = await read_beginning(response, request.asked)
            raise fault_of_status(
                response.status_code,
                beginning,
                asked=request.asked,
                headers=response.headers,
                now_ns=self._clock.now_ns(),
            )

    def _may_retry(
        self, request: Request, fault: RestError, wait_ms: float, deadline_ns: int
    ) -> bool:
        """Tell whether another attempt is allowed, can help and is in time; takes it if so."""
        due_ns = self._clock.monotonic_ns() + int(wait_ms * _NS_PER_MS)
        is_sensible = request.is_idempotent and fault.retryable and due_ns < deadline_ns
        is_down = self._breakers[_host(request)].is_open
        return is_sensible and not is_down and self._retry_budget.spend()

    def _refuse_while_down(self, request: Request) -> None:
        host = _host(request)
        breaker = self._breakers[host]
        wait_ms = breaker.wait_ms(self._clock.monotonic_ns())
        if wait_ms:
            raise RestError(
                f"expected {host} to answer, found: {breaker.failures} failures in a row, the last "
                f"was: {breaker.reason}; it is asked again in {wait_ms / 1_000:.1f} s",
                RestFaultKind.OUTAGE,
                retry_after_ms=wait_ms,
                retryable=True,
            )

    def _note_failure(self, request: Request, fault: RestError) -> None:
        host, now_ns = _host(request), self._clock.now_ns()
        is_clob = Scope.CLOB in request.scopes
        if is_clob:
            self._mode.failed(fault, now_ns)
        if fault.status == httpx.codes.TOO_MANY_REQUESTS:
            narrow = [scope for scope in request.scopes if scope is not Scope.ALL]
            self._governor.pause(narrow, fault.retry_after_ms or PAUSE_MS)
        if not fault.is_outage:
            self._breakers[host].answered()
        elif self._breakers[host].failed(str(fault), self._clock.monotonic_ns()) and is_clob:
            self._mode.unreachable(str(fault), now_ns)

    def _note_answer(self, request: Request) -> None:
        self._breakers[_host(request)].answered()
        if Scope.CLOB in request.scopes:
            self._mode.answered(self._clock.now_ns())


def _host(request: Request) -> str:
    """Return scheme, host and port; of whatever the address is, as it is checked elsewhere."""
    return "/".join(request.url.split("/", 3)[:3])


def _certificates(hosts: VenueHosts) -> ssl.SSLContext:
    """Return what certificates are held against; reading them takes long, and may be of no use."""
    if any(address.lower().startswith("https:") for address in msgspec.structs.astuple(hosts)):
        return httpx.create_ssl_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _client_factory(
    settings: VenueSettings, transport: httpx.AsyncBaseTransport | None
) -> Callable[[], httpx.AsyncClient]:
    """Return what makes clients; certificates are read once, half the time is for connecting."""
    context = True if transport is not None else _certificates(settings.hosts)
    return lambda: client_of(settings, context, transport)


def client_of(
    settings: VenueSettings,
    certificates: ssl.SSLContext | bool,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """Make a client that keeps few connections, no cookies, and says who it is."""
    seconds = settings.request_ms_max / 1_000
    return httpx.AsyncClient(
        verify=certificates,
        transport=transport,
        timeout=httpx.Timeout(seconds, connect=seconds / 2),
        limits=httpx.Limits(
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEEP_ALIVE_S,
        ),
        headers={
            "User-Agent": f"polyarb/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
