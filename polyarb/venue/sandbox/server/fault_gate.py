"""Faults of HTTP scope, in front of any app: what hurts on the way to a service and back.

The scope of a request is `service METHOD path `, with a blank at its end so that a fault can be
armed for `clob POST /order ` alone, and not for what begins alike. Some faults strike before
anything is done, the others when it was done and only the answer is lost, late or untrue.
"""

from asyncio import sleep as asyncio_sleep
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polyarb.venue.sandbox.server.errors import ErrorBody
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.ports import Faults

GEOBLOCKED = "Trading restricted in your region, please refer to available regions"
BEFORE_ERROR = "could not insert order"
AFTER_ERROR = "order timed out"
RETRY_AFTER_S = 1
_MS_PER_S = 1_000
_PAGE = (
    b"<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n"
    b"<center><h1>502 Bad Gateway</h1></center>\n<hr><center>cloudflare</center>\n"
    b"</body>\n</html>\n"
)

Sleep = Callable[[float], Awaitable[None]]
Answer = Callable[[Fault], "_Answer"]


class LostError(ConnectionError):
    """There is no connection under the app that could be cut, so this cuts it."""


class _Transport(Protocol):
    def abort(self) -> None:
        """Cut the connection at once."""
        ...


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that a fault gives. Shape: headers beside type and length."""

    status: int
    content: bytes
    media: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


def _geoblocked(_: Fault) -> _Answer:
    return _Answer(status=403, content=_error(GEOBLOCKED))


def _rate_limited(fault: Fault) -> _Answer:
    wait_s = max(RETRY_AFTER_S, -(-fault.amount // _MS_PER_S))
    told = ((b"retry-after", str(wait_s).encode()),)
    return _Answer(status=429, content=_error("Too Many Requests"), headers=told)


def _html_error(_: Fault) -> _Answer:
    return _Answer(status=502, content=_PAGE, media=b"text/html")


def _server_error(_: Fault) -> _Answer:
    return _Answer(status=500, content=_error(BEFORE_ERROR))


def _error_after(_: Fault) -> _Answer:
    return _Answer(status=500, content=_error(AFTER_ERROR))


def _error(text: str) -> bytes:
    return msgspec.json.encode(ErrorBody(error=text))


FAULTS_BEFORE: Mapping[FaultKind, Answer] = {
    FaultKind.GEOBLOCKED: _geoblocked,
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.HTML_ERROR: _html_error,
    FaultKind.SERVER_ERROR: _server_error,
}
"""What is answered instead of doing anything, in the order in which a request meets it."""


class FaultGate:
    """ASGI middleware; it stands outside everything else of its app."""

    def __init__(
        self, app: ASGIApp, faults: Faults, service: str, *, sleep: Sleep = asyncio_sleep
    ) -> None:
        self._app = app
        self._faults = faults
        self._service = service
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or let a fault strike it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        place = f"{self._service} {scope['method']} {scope['path']} "
        strike = self._faults.strike
        for kind, answer in FAULTS_BEFORE.items():
            if fault := strike(kind, place):
                await _send(send, answer(fault))
                return
        lost = strike(FaultKind.LOST_RESPONSE, place)
        wrong = strike(FaultKind.ERROR_AFTER_ACCEPT, place)
        slow = strike(FaultKind.SLOW_RESPONSE, place)
        if not (lost or wrong or slow):
            await self._app(scope, receive, send)
            return
        messages = await self._carry_out(scope, receive)
        if slow:
            await self._sleep(slow.amount / _MS_PER_S)
        if lost:
            await _hang_up(receive, send)
        elif wrong:
            await _send(send, _error_after(wrong))
        else:
            for message in messages:
                await send(message)

    async def _carry_out(self, scope: Scope, receive: Receive) -> list[Message]:
        """Let the app do its work and keep what it answers."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        return messages


async def _send(send: Send, answer: _Answer) -> None:
    headers = [
        (b"content-type", answer.media),
        (b"content-length", str(len(answer.content)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})


async def _hang_up(receive: Receive, send: Send) -> None:
    """Cut the connection before a byte of an answer, and wait until it is cut.

    ASGI has no word for this: the server's connection is found behind its `send`. Where there is
    none, as in a test without sockets, the call itself ends as a cut connection.
    """
    transport: _Transport | None = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise LostError("the connection was cut by a fault that is armed")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
