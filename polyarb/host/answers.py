"""Whether a host answers as it should: one HTTP request, one WebSocket handshake."""

import ssl

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

from polyarb.domain.errors import VenueError
from polyarb.host.reach import fault_text


def tls_of_requests() -> ssl.SSLContext:
    """Return what certificates are held against in requests."""
    return httpx.create_ssl_context()


def tls_of_streams() -> ssl.SSLContext:
    """Return what certificates are held against in streams."""
    return ssl.create_default_context()


async def request_once(url: str, *, deadline_ms: int, context: ssl.SSLContext) -> None:
    """Ask for an address and expect 200. Errors: VenueError with what came instead."""
    try:
        async with httpx.AsyncClient(verify=context, timeout=deadline_ms / 1000) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, OSError) as fault:
        told = "nothing in time" if isinstance(fault, httpx.TimeoutException) else str(fault)
        raise VenueError(told or type(fault).__name__) from fault
    if answer.status_code != httpx.codes.OK:
        raise VenueError(f"expected status 200, found {answer.status_code}")


async def greet(url: str, *, deadline_ms: int, context: ssl.SSLContext) -> None:
    """Open a WebSocket and close it again. Errors: VenueError with what came instead."""
    is_secure = url.startswith("wss:")
    try:
        async with connect(
            url,
            ssl=context if is_secure else None,
            open_timeout=deadline_ms / 1000,
            close_timeout=0.1,
            ping_interval=None,
            proxy=True if is_secure else None,
        ):
            pass
    except InvalidStatus as fault:
        raise VenueError(f"expected an upgrade, found {fault.response.status_code}") from fault
    except (InvalidHandshake, InvalidURI, EOFError) as fault:
        raise VenueError(
            f"expected an upgrade, found {fault or 'the end of the answer'}"
        ) from fault
    except OSError as fault:
        raise VenueError(fault_text(fault, deadline_ms)) from fault
