"""How the smaller services answer: JSON in and out, a refusal as a body with its reason.

A request body is read only up to a limit, and nothing a caller sends ends in a 500.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from polyarb.venue.sandbox.server.errors import (
    NO_METHOD,
    NO_PATH,
    TOO_LARGE,
    TOO_SLOW,
    ErrorBody,
    RejectedError,
)

BODY_BYTES_MAX = 1_048_576
BODY_SECONDS_MAX = 30.0
JSON = "application/json"
Answer = Callable[[Request], Awaitable[Response]]
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_TEXTS = {404: NO_PATH, 405: NO_METHOD}


def json_app(routes: Sequence[Route], middleware: Sequence[Middleware] = ()) -> Starlette:
    """Build an app whose refusals are JSON, those of its router included."""
    return Starlette(
        routes=list(routes),
        middleware=list(middleware),
        exception_handlers={
            RejectedError: _rejected,
            HTTPException: _unrouted,
            ClientDisconnect: _gone,
        },
    )


def json_response(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a body; exact decimals are written as numbers."""
    return Response(_ENCODER.encode(body), status, headers=dict(headers or {}), media_type=JSON)


async def read_body(
    request: Request,
    *,
    bytes_max: int = BODY_BYTES_MAX,
    seconds_max: float = BODY_SECONDS_MAX,
) -> bytes:
    """Read a request's body.

    Errors: RejectedError 413 as soon as it is longer than allowed, 408 when it does not end.
    """
    content = bytearray()
    with anyio.move_on_after(seconds_max):
        async for chunk in request.stream():
            content += chunk
            if len(content) > bytes_max:
                raise RejectedError(413, TOO_LARGE)
        return bytes(content)
    raise RejectedError(408, TOO_SLOW)


async def _rejected(_: Request, error: Exception) -> Response:
    assert isinstance(error, RejectedError)
    return json_response(error.body, status=error.status, headers=error.headers)


async def _unrouted(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = _TEXTS.get(error.status_code, str(error.detail))
    return json_response(ErrorBody(error=text), status=error.status_code, headers=error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    """Answer nobody: whoever asked has left before the body was read."""
    return Response(status_code=400)
