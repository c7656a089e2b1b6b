"""JSON-RPC in process: single calls, and a provider through which web3 talks to the chain."""

import json
import warnings
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.rpc import answer
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "websockets.legacy is deprecated", DeprecationWarning)
    from web3 import Web3
    from web3.middleware import ExtraDataToPOAMiddleware
    from web3.providers.base import JSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse

KEY = "0x" + "01" * 32
SIGNER: LocalAccount = Account.from_key(KEY)
OWNER = Address(SIGNER.address)


class NoFaults:
    """Nothing ever goes wrong."""

    def strike(self, kind: FaultKind, scope: str) -> Fault | None:
        return None


class Armed:
    """One fault that strikes a number of times."""

    def __init__(self, kind: FaultKind, amount: int, times: int = 1) -> None:
        self.fault = Fault(kind=kind, scope="rpc", amount=amount)
        self.left = times

    def strike(self, kind: FaultKind, scope: str) -> Fault | None:
        assert scope == "rpc"
        if kind is not self.fault.kind or not self.left:
            return None
        self.left -= 1
        return self.fault


class ChainProvider(JSONBaseProvider):
    """Hands the bodies that web3 writes to the chain."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain
        self.faults: NoFaults | Armed = NoFaults()

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        body = self.encode_rpc_request(method, params)
        return self.decode_rpc_response(answer(self.chain, body, faults=self.faults))

    def make_batch_request(self, requests: Any) -> Any:
        body = self.encode_batch_rpc_request(requests)
        return json.loads(answer(self.chain, body, faults=self.faults))


def web3_of(chain: Chain) -> Web3:
    """Return a web3 that talks to a chain, told as on Polygon that blocks are sealed by few."""
    web3 = Web3(ChainProvider(chain))
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3


def ask(chain: Chain, method: str, *params: object, faults: Any = None) -> dict[str, Any]:
    """Send one request and return its answer."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    raw = answer(chain, json.dumps(body).encode(), faults=faults or NoFaults())
    found: dict[str, Any] = json.loads(raw)
    assert found["jsonrpc"] == "2.0" and found["id"] == 1
    return found


def result(chain: Chain, method: str, *params: object, faults: Any = None) -> Any:
    """Send one request that must go well and return its result."""
    found = ask(chain, method, *params, faults=faults)
    assert "error" not in found, found
    return found["result"]


def error(chain: Chain, method: str, *params: object, faults: Any = None) -> dict[str, Any]:
    """Send one request that must fail and return its error."""
    found = ask(chain, method, *params, faults=faults)
    assert "result" not in found, found
    failed: dict[str, Any] = found["error"]
    return failed


def signed(chain: Chain, to: str, data: str | bytes = b"", **fields: Any) -> str:
    """Return a raw legacy transaction of the test key; the next nonce unless one is given."""
    transaction = {
        "to": to,
        "data": data,
        "value": 0,
        "gas": 2_000_000,
        "gasPrice": 30_000_000_000,
        "nonce": chain.pending_nonce(OWNER),
        "chainId": 137,
        **fields,
    }
    dropped = {name: value for name, value in transaction.items() if value is not None}
    return "0x" + SIGNER.sign_transaction(dropped).raw_transaction.hex()
