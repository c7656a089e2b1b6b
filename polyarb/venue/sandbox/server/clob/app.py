"""The CLOB's REST app: the table of its endpoints, and the way of a request through one of them.

A request is read whole within its bounds, judged, charged for, and carried out at one go: nothing
else happens in the world between its admission and its answer. A refused request changes nothing.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polyarb.venue.sandbox.server import auth
from polyarb.venue.sandbox.server.clob.account import ACCOUNT_ENDPOINTS
from polyarb.venue.sandbox.server.clob.books import BOOK_ENDPOINTS
from polyarb.venue.sandbox.server.clob.calls import (
    ANYBODY,
    Access,
    Caller,
    Endpoint,
    Prepared,
    Result,
)
from polyarb.venue.sandbox.server.clob.keys import KEY_ENDPOINTS
from polyarb.venue.sandbox.server.clob.markets import MARKET_ENDPOINTS
from polyarb.venue.sandbox.server.clob.openapi import describe
from polyarb.venue.sandbox.server.clob.orders import ORDER_ENDPOINTS
from polyarb.venue.sandbox.server.clob.rewards import REWARD_ENDPOINTS, SIGN_ENDPOINTS
from polyarb.venue.sandbox.server.clob.venue import ClobSettings, ClobVenue
from polyarb.venue.sandbox.server.errors import TOO_MANY_REQUESTS, TOO_SLOW, RejectedError
from polyarb.venue.sandbox.server.json_app import JSON, json_app, json_response, read_body
from polyarb.venue.sandbox.server.keys import KeyKind
from polyarb.venue.sandbox.server.state import SandboxState

NS_PER_S = 1_000_000_000

CLOB_ENDPOINTS: tuple[Endpoint, ...] = (
    *ORDER_ENDPOINTS,
    *BOOK_ENDPOINTS,
    *ACCOUNT_ENDPOINTS,
    *MARKET_ENDPOINTS,
    *KEY_ENDPOINTS,
    *SIGN_ENDPOINTS,
    *REWARD_ENDPOINTS,
)
"""Everything that is answered; what is asked most often comes first."""

DESCRIPTION = "/openapi.json"
"""What only the sandbox answers: a description of all the rest."""
TITLE = "CLOB of the sandbox"
DEFAULTS = ClobSettings()

_encode = msgspec.json.Encoder().encode


def clob_app(state: SandboxState, settings: ClobSettings = DEFAULTS) -> Starlette:
    """Build the app over a sandbox."""
    venue = ClobVenue(state, settings)
    routes = [_route(venue, endpoint) for endpoint in CLOB_ENDPOINTS]
    return json_app([*routes, Route(DESCRIPTION, _describe)])


def _route(venue: ClobVenue, endpoint: Endpoint) -> Route:
    serve: Callable[[Request], Awaitable[Response]] = partial(_serve, venue, endpoint)
    return Route(endpoint.path, serve, methods=[endpoint.method])


async def _describe(_: Request) -> Response:
    return json_response(describe(CLOB_ENDPOINTS, title=TITLE))


async def _serve(venue: ClobVenue, endpoint: Endpoint, request: Request) -> Response:
    raw = await _body(venue.settings, request)
    now_ns = venue.state.now()
    caller = _caller(venue, endpoint.access, request, raw)
    asked = {**request.query_params, **request.path_params}
    prepared = endpoint.prepare(venue, now_ns, caller, asked, raw)
    headers = _charge(venue, endpoint, caller, prepared)
    try:
        answer = prepared.run()
    except RejectedError as refusal:
        refusal.headers.update(headers)
        raise
    finally:
        venue.state.settle_down()
    if isinstance(answer, Result):
        headers = _charge_result(venue, endpoint, caller, answer, headers)
        answer = answer.answer
    return Response(_encode(answer), headers=headers, media_type=JSON)


async def _body(settings: ClobSettings, request: Request) -> bytes:
    if request.method == "GET":
        return b""
    with anyio.move_on_after(settings.body_seconds_max):
        return await read_body(request, bytes_max=settings.body_bytes_max)
    raise RejectedError(408, TOO_SLOW)


def _caller(venue: ClobVenue, access: Access, request: Request, raw: bytes) -> Caller:
    """Judge who asks. Errors: RejectedError 401."""
    if access is Access.PUBLIC:
        return ANYBODY
    now_s = venue.state.told_ns() // NS_PER_S
    if access is Access.WALLET:
        login = auth.authenticate_login(request.headers, now_s)
        if isinstance(login, auth.Unauthorized):
            raise RejectedError(login.status, login.error)
        return Caller(address=login.address, nonce=login.nonce)
    signed = auth.Request(
        method=request.method, path=request.scope["path"], headers=request.headers, body=raw
    )
    judge = auth.authenticate_builder if access is Access.BUILDER else auth.authenticate
    found = judge(venue.state.keys, signed, now_s)
    if isinstance(found, auth.Unauthorized):
        raise RejectedError(found.status, found.error)
    is_reader = found.kind is KeyKind.READ_ONLY
    owners = venue.state.keys.listed(found.address) if is_reader else (found.owner,)
    return Caller(address=found.address, owner=found.owner, owners=owners)


def _charge(
    venue: ClobVenue, endpoint: Endpoint, caller: Caller, prepared: Prepared
) -> dict[str, str]:
    """Draw a request's tokens before it is carried out. Errors: RejectedError 429."""
    charge = endpoint.charge
    if charge is None:
        return {}
    cost = prepared.entries if charge.is_by_entry else 1
    allowance = venue.limits.draw(caller.address, charge.bucket, cost, venue.world.now_ns)
    headers = allowance.headers()
    if not allowance.is_admitted:
        raise RejectedError(429, TOO_MANY_REQUESTS, headers=headers)
    return headers


def _charge_result(
    venue: ClobVenue, endpoint: Endpoint, caller: Caller, result: Result, headers: dict[str, str]
) -> dict[str, str]:
    """Draw the tokens of what turned out to be touched; it was done already."""
    assert endpoint.charge is not None
    left = venue.limits.charge(
        caller.address, endpoint.charge.bucket, result.touched, venue.world.now_ns
    )
    return {**headers, "Poly-RateLimit-Remaining": str(left)}
