"""Sends one private request once: signed, within its time, and either answered or said not to be.

Whether a byte of it may have reached the venue is told with every request that got no answer.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping

import anyio
import httpx
import msgspec

from polyarb.domain.venue import VenueSettings
from polyarb.ports import Clock
from polyarb.venue.polymarket.rest.answers import read_beginning, read_body
from polyarb.venue.polymarket.rest.caller import (
    CALL_ERRORS,
    RECYCLE_AFTER,
    Connections,
    client_of,
)
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind, fault_of
from polyarb.venue.polymarket.signing.mac import ApiCredentials, request_headers
from polyarb.venue.polymarket.signing.order import Address

_NS_PER_S = 1_000_000_000
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
)
"""What is raised before the first byte of a request has left."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, whatever its status; of one that is no 200 the body may be cut short."""

    status: int
    headers: httpx.Headers
    body: bytes


class NoReply(msgspec.Struct, frozen=True, kw_only=True):
    """No whole answer. Shape: was_sent says that the venue may have the request all the same."""

    was_sent: bool
    fault: RestError

    @property
    def is_late(self) -> bool:
        """Tell whether time ran out."""
        return self.fault.kind is RestFaultKind.TIMEOUT


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the account whose key signs, and its API key."""

    address: Address
    credentials: ApiCredentials


class ServerClock:
    """The venue's time as far as it is known: ours until it was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_ns = 0
        self.is_known = False

    def now_s(self) -> int:
        """Return the venue's time in unix seconds."""
        return (self._clock.now_ns() + self.offset_ns) // _NS_PER_S

    def learn(self, server_s: int, asked_ns: int, answered_ns: int) -> None:
        """Take the venue's whole second, which it told between two moments of ours.

        What it tells is up to a second old, so that half of one is added.
        """
        middle_ns = (asked_ns + answered_ns) // 2
        offset_ns = server_s * _NS_PER_S + _NS_PER_S // 2 - middle_ns
        is_within = abs(offset_ns) <= _NS_PER_S // 2 + (answered_ns - asked_ns) // 2
        self.offset_ns = 0 if is_within else offset_ns
        self.is_known = True


class Sender:
    """One set of connections to one host; no request is repeated here."""

    def __init__(
        self,
        settings: VenueSettings,
        clock: Clock,
        *,
        new_client: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        self._host = settings.hosts.clob
        self._within_s = settings.request_ms_max / 1_000
        self._connections = Connections(new_client or _factory(settings), RECYCLE_AFTER)
        self.server_clock = ServerClock(clock)

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    async def send_signed(
        self,
        account: Account,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> Reply | NoReply:
        """Send a request with the keyed hash (L2) of its very bytes."""
        headers = request_headers(
            account.credentials,
            account.address,
            self.server_clock.now_s(),
            method=method,
            path=path,
            body=body,
        )
        return await self.send(method, path, query=query, body=body, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        headers: Mapping[str, str],
    ) -> Reply | NoReply:
        """Send a request once, in a task of its own, so that no connection is left half open."""
        told: list[Reply | NoReply] = []

        async def exchange() -> None:
            try:
                with anyio.fail_after(self._within_s):
                    told.append(await self._exchange(method, path, query, body, headers))
            except RestError as fault:
                told.append(NoReply(was_sent=True, fault=fault))
            except CALL_ERRORS as error:
                was_sent = not isinstance(error, _NEVER_SENT)
                asked = f"{method} {self._host}{path}"
                told.append(NoReply(was_sent=was_sent, fault=fault_of(error, asked)))

        await asyncio.create_task(exchange(), name=f"{method} {path}")
        return told[0]

    async def _exchange(
        self,
        method: str,
        path: str,
        query: tuple[tuple[str, str], ...],
        body: bytes,
        headers: Mapping[str, str],
    ) -> Reply:
        media = {"Content-Type": "application/json"} if body else {}
        async with (
            self._connections.client() as client,
            client.stream(
                method,
                self._host + path,
                params=query or None,
                content=body or None,
                headers={**headers, **media},
            ) as response,
        ):
            asked = f"{method} {self._host}{path}"
            is_ok = response.status_code == httpx.codes.OK
            content = await (
                read_body(response, asked) if is_ok else read_beginning(response, asked)
            )
            return Reply(status=response.status_code, headers=response.headers, body=content)


def _factory(settings: VenueSettings) -> Callable[[], httpx.AsyncClient]:
    """Return what makes clients; certificates are read once."""
    is_tls = settings.hosts.clob.lower().startswith("https:")
    context = httpx.create_ssl_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return lambda: client_of(settings, context)
