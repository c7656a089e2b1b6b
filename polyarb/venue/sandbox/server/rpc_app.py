"""The chain's JSON-RPC on the wire: one path, one method; the chain itself answers."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polyarb.venue.sandbox.chain import rpc
from polyarb.venue.sandbox.server.json_app import JSON, json_app, read_body
from polyarb.venue.sandbox.server.state import SandboxState

BODY_BYTES_MAX = 1_048_576


def rpc_app(state: SandboxState) -> Starlette:
    """Build the service `rpc`."""

    async def answer(request: Request) -> Response:
        content = await read_body(request, bytes_max=BODY_BYTES_MAX)
        state.now()
        told = rpc.answer(state.world.chain, content, faults=state.world.faults)
        state.settle_down()
        return Response(told, media_type=JSON)

    return json_app([Route("/", answer, methods=["POST"])])
