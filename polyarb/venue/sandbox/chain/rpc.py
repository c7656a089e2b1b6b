"""PURE: the JSON-RPC face of the chain: a body in, a body out; single requests and batches.

Errors follow geth: -32700 what is no JSON, -32600 what is no request, -32601 an unknown method,
-32602 parameters that cannot be read, 3 a revert with its data, -32000 what a node refuses.
"""

from typing import Final, cast

import msgspec

from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.rpc_methods import METHODS
from polyarb.venue.sandbox.chain.rpc_params import INVALID_PARAMS, Params, RpcError
from polyarb.venue.sandbox.chain.rpc_view import View
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.ports import Faults

SCOPE: Final = "rpc"
BATCH_MAX: Final = 1_000
PARSE_ERROR: Final = -32_700
INVALID_REQUEST: Final = -32_600
UNKNOWN_METHOD: Final = -32_601

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder()


def answer(chain: Chain, body: bytes, *, faults: Faults) -> bytes:
    """Answer a body of requests; an armed lag or reorg of the scope `rpc` hits it as a whole.

    Shape: empty where every request was a notification, which gets no answer.
    """
    try:
        asked = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _ENCODER.encode(_failed(None, RpcError(PARSE_ERROR, "parse error")))
    view = _view(chain, faults)
    if isinstance(asked, list):
        return _batch(view, asked)
    reply = _reply(view, asked)
    return _ENCODER.encode(reply) if reply is not None else b""


def _view(chain: Chain, faults: Faults) -> View:
    if fault := faults.strike(FaultKind.REORG, SCOPE):
        chain.reorg(fault.amount)
    lag = faults.strike(FaultKind.RPC_LAG, SCOPE)
    return View(chain, lag=lag.amount if lag else 0)


def _batch(view: View, asked: list[object]) -> bytes:
    if not asked:
        return _ENCODER.encode(_failed(None, RpcError(INVALID_REQUEST, "empty batch")))
    if len(asked) > BATCH_MAX:
        return _ENCODER.encode(_failed(None, RpcError(INVALID_REQUEST, "batch too large")))
    replies = [reply for each in asked if (reply := _reply(view, each)) is not None]
    return _ENCODER.encode(replies) if replies else b""


def _reply(view: View, asked: object) -> dict[str, object] | None:
    request = cast(dict[str, object], asked) if isinstance(asked, dict) else {}
    method = request.get("method")
    request_id = request.get("id")
    if (
        not isinstance(method, str)
        or request.get("jsonrpc") != "2.0"
        or not isinstance(request_id, str | int | float | None)
    ):
        return _failed(None, RpcError(INVALID_REQUEST, "invalid request"))
    try:
        result = _result(view, method, request.get("params"))
    except RpcError as error:
        return _failed(request_id, error) if "id" in request else None
    if "id" not in request:
        return None
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def _result(view: View, name: str, listed: object) -> object:
    method = METHODS.get(name)
    if method is None:
        message = f"the method {name[:80]} does not exist/is not available"
        raise RpcError(UNKNOWN_METHOD, message)
    if listed is None:
        listed = []
    if not isinstance(listed, list):
        raise RpcError(INVALID_PARAMS, "non-array args")
    values = cast(list[object], listed)
    if len(values) > method.params_max:
        raise RpcError(INVALID_PARAMS, f"too many arguments, want at most {method.params_max}")
    if len(values) < method.params_min:
        raise RpcError(INVALID_PARAMS, f"missing value for required argument {len(values)}")
    return method.run(view, Params(values))


def _failed(request_id: object, error: RpcError) -> dict[str, object]:
    shape: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        shape["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": shape}
