"""The relayer on the wire: gasless actions of deposit, safe and proxy wallets.

What changes or tells of an action needs a builder's or a relayer's key; what only reads the chain
does not. Source: polymarket-chain 4.
"""

from collections.abc import Mapping

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.sandbox.server import auth
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.server.json_app import json_app, json_response, read_body
from polyarb.venue.sandbox.server.relayer.desk import RelayDesk, RelayState
from polyarb.venue.sandbox.server.relayer.submissions import RELAY, read_submission, verify
from polyarb.venue.sandbox.server.state import SandboxState

WALLET, SAFE, PROXY = "WALLET", "SAFE", "PROXY"
BODY_BYTES_MAX = 262_144
_NS = 1_000_000_000


class DeployedBody(msgspec.Struct, frozen=True):
    """Whether a wallet is there."""

    deployed: bool


class NonceBody(msgspec.Struct, frozen=True):
    """With which nonce a wallet's next action is signed; address is the owner, or the relay."""

    address: Address
    nonce: str


class SubmittedBody(msgspec.Struct, frozen=True, kw_only=True):
    """An action that was taken."""

    transaction_id: str = msgspec.field(name="transactionID")
    state: RelayState
    transaction_hash: str = msgspec.field(name="transactionHash", default="")


class ActionBody(msgspec.Struct, frozen=True, kw_only=True):
    """Where an action stands."""

    transaction_id: str
    transaction_hash: str
    state: RelayState
    error_msg: str | None


class Relayer:
    """The answers of the relayer of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._desk = RelayDesk(state.world.chain)

    async def deployed(self, request: Request) -> Response:
        """Tell whether a wallet is deployed; safes and proxies of older accounts always are."""
        self._state.now()
        address = _asked_address(request.query_params)
        kind = request.query_params.get("type", WALLET)
        is_deployed = kind in (SAFE, PROXY) or self._desk.is_deployed(address)
        return json_response(DeployedBody(is_deployed))

    async def parameters(self, request: Request) -> Response:
        """Tell the nonce of an owner's deposit wallet or safe."""
        await self._authenticated(request)
        owner = _asked_address(request.query_params)
        kind = _asked_kind(request.query_params, (WALLET, SAFE))
        wallet_nonce = self._desk.wallet_nonce(owner)
        nonce = wallet_nonce if kind == WALLET else self._desk.nonce(wallets_of(owner).safe)
        return json_response(NonceBody(owner, str(nonce)))

    async def relay_payload(self, request: Request) -> Response:
        """Tell the nonce of an owner's proxy, and who will send for it."""
        self._state.now()
        owner = _asked_address(request.query_params)
        _asked_kind(request.query_params, (PROXY,))
        return json_response(NonceBody(RELAY, str(self._desk.nonce(wallets_of(owner).proxy))))

    async def submit(self, request: Request) -> Response:
        """Take an action of a wallet."""
        content = await self._authenticated(request)
        now_s = self._state.world.now_ns // _NS
        self._desk.admit(request.client.host if request.client else "", now_s)
        action = self._desk.submit(verify(read_submission(content)), now_s)
        self._state.settle_down()
        return json_response(SubmittedBody(transaction_id=action.action_id, state=RelayState.NEW))

    async def action(self, request: Request) -> Response:
        """Tell where an action stands."""
        await self._authenticated(request)
        action = self._desk.find(request.path_params["id"])
        if action is None:
            raise RejectedError(404, "transaction not found")
        return json_response(
            ActionBody(
                transaction_id=action.action_id,
                transaction_hash=action.transaction_hash,
                state=self._desk.state_of(action),
                error_msg=self._desk.reason_of(action),
            )
        )

    async def _authenticated(self, request: Request) -> bytes:
        """Check who asks and return the body. Errors: RejectedError 401."""
        content = await read_body(request, bytes_max=BODY_BYTES_MAX)
        asked = auth.Request(
            method=request.method,
            path=request.url.path,
            headers=request.headers,
            body=content,
        )
        found = auth.authenticate_relayed(self._state.keys, asked, self._state.told_ns() // _NS)
        if isinstance(found, auth.Unauthorized):
            raise RejectedError(found.status, found.error)
        return content


def relayer_app(state: SandboxState) -> Starlette:
    """Build the service `relayer`."""
    relayer = Relayer(state)
    return json_app(
        [
            Route("/deployed", relayer.deployed, methods=["GET"]),
            Route("/relay-payload", relayer.relay_payload, methods=["GET"]),
            Route("/submit", relayer.submit, methods=["POST"]),
            Route("/v1/account/transactions/params", relayer.parameters, methods=["GET"]),
            Route("/v1/account/transactions/{id}", relayer.action, methods=["GET"]),
        ]
    )


def _asked_address(query: Mapping[str, str]) -> Address:
    found = checksum(query.get("address", ""))
    if found is None:
        raise RejectedError(400, "address: expected 0x and 40 hex digits")
    return found


def _asked_kind(query: Mapping[str, str], kinds: tuple[str, ...]) -> str:
    kind = query.get("type", kinds[0])
    if kind not in kinds:
        raise RejectedError(400, f"type: expected {' or '.join(kinds)}")
    return kind
