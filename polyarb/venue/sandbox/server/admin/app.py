"""The admin port: what hurts is switched here while the sandbox runs. JSON, loopback only.

A page in a browser can reach a loopback port, too: whoever names another host than this machine,
or comes from a page of another origin, is refused. Nothing changes by a GET.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.admin.actions import (
    Admin,
    Endowment,
    Funding,
    KeyOrder,
    ModeOrder,
    ReorgOrder,
    TickOrder,
    Verdict,
)
from polyarb.venue.sandbox.server.errors import ErrorBody, RejectedError
from polyarb.venue.sandbox.server.json_app import json_app, json_response, read_body
from polyarb.venue.sandbox.server.state import SandboxState

BODY_BYTES_MAX = 65_536
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
FOREIGN = "this port answers this machine only"

Order = TypeVar("Order")
Endpoint = Callable[[Request], Awaitable[Response]]
Act = Callable[[Admin, Request, bytes], object]


class LoopbackOnly:
    """ASGI middleware that refuses whoever asks for another host or comes from another page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request of this machine through."""
        if scope["type"] != "http" or _is_local(Request(scope)):
            await self._app(scope, receive, send)
            return
        refusal = json_response(ErrorBody(error=FOREIGN), status=403)
        await refusal(scope, receive, send)


def admin_app(state: SandboxState, faults: FaultBoard) -> Starlette:
    """Build the service `admin`."""
    admin = Admin(state, faults)
    routes = [
        Route(path, _endpoint(state, admin, act), methods=[method])
        for (method, path), act in ACTS.items()
    ]
    return json_app(routes, [Middleware(LoopbackOnly)])


def _endpoint(state: SandboxState, admin: Admin, act: Act) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        content = await read_body(request, bytes_max=BODY_BYTES_MAX)
        state.now()
        answer = act(admin, request, content)
        state.settle_down()
        return json_response(answer)

    return endpoint


def _is_local(request: Request) -> bool:
    """Tell whether host and origin, if there is one, are this machine."""
    origin = request.headers.get("origin")
    places = [f"//{request.headers.get('host', '')}", *([origin] if origin is not None else [])]
    return all(_host_of(place) in LOOPBACK_NAMES for place in places)


def _host_of(place: str) -> str:
    try:
        return urlsplit(place).hostname or ""
    except ValueError:
        return ""


def _read(content: bytes, kind: type[Order]) -> Order:
    """Read what is ordered. Errors: RejectedError 400."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise RejectedError(400, str(problem)) from problem


def _named(request: Request) -> str:
    return str(request.path_params["condition_id"])


ACTS: dict[tuple[str, str], Act] = {
    ("GET", "/status"): lambda admin, _, __: admin.status(),
    ("GET", "/faults"): lambda admin, _, __: admin.faults(),
    ("POST", "/faults"): lambda admin, _, content: admin.arm(content),
    ("DELETE", "/faults"): lambda admin, _, __: admin.clear(),
    ("DELETE", "/faults/{fault_id}"): lambda admin, request, __: admin.clear(
        str(request.path_params["fault_id"])
    ),
    ("POST", "/mode"): lambda admin, _, content: admin.set_mode(_read(content, ModeOrder)),
    ("POST", "/restart"): lambda admin, _, __: admin.restart(),
    ("POST", "/markets/{condition_id}/tick"): lambda admin, request, content: admin.change_tick(
        _named(request), _read(content, TickOrder)
    ),
    ("POST", "/markets/{condition_id}/close"): lambda admin, request, _: admin.close(
        _named(request)
    ),
    ("POST", "/markets/{condition_id}/reopen"): lambda admin, request, _: admin.reopen(
        _named(request)
    ),
    ("POST", "/markets/{condition_id}/resolve"): lambda admin, request, content: admin.resolve(
        _named(request), _read(content, Verdict)
    ),
    ("POST", "/accounts/fund"): lambda admin, _, content: admin.fund(_read(content, Funding)),
    ("POST", "/accounts/endow"): lambda admin, _, content: admin.endow(_read(content, Endowment)),
    ("POST", "/accounts/keys"): lambda admin, _, content: admin.issue_key(_read(content, KeyOrder)),
    ("POST", "/chain/reorg"): lambda admin, _, content: admin.reorg(_read(content, ReorgOrder)),
}
"""Every act by method and path."""
