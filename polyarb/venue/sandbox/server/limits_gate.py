"""The limits of an address, in front of any app; one `AddressLimits` stands before all services."""

from collections.abc import Callable

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from polyarb.venue.sandbox.server.errors import TOO_MANY_REQUESTS, ErrorBody
from polyarb.venue.sandbox.server.limits import AddressLimits

NOWHERE = "unknown"


class AddressGate:
    """ASGI middleware; now_ns is monotonic or wall time, as long as it is always the same."""

    def __init__(
        self, app: ASGIApp, limits: AddressLimits, service: str, now_ns: Callable[[], int]
    ) -> None:
        self._app = app
        self._limits = limits
        self._service = service
        self._now_ns = now_ns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it with the time it has to wait."""
        wait_s = 0
        if scope["type"] == "http":
            address = scope["client"][0] if scope.get("client") else NOWHERE
            wait_s = self._limits.admit(
                address, self._service, scope["method"], scope["path"], self._now_ns()
            )
        if not wait_s:
            await self._app(scope, receive, send)
            return
        content = msgspec.json.encode(ErrorBody(error=TOO_MANY_REQUESTS))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"retry-after", str(wait_s).encode()),
        ]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": content})
