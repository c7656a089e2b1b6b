"""PURE: the JSON-RPC methods of the chain, by name."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import msgspec

from polyarb.venue.polymarket.signing.contracts import ZERO_ADDRESS
from polyarb.venue.sandbox.chain.contracts import is_contract
from polyarb.venue.sandbox.chain.raw import SERVER_ERROR
from polyarb.venue.sandbox.chain.rpc_logs import logs_between
from polyarb.venue.sandbox.chain.rpc_params import Call, Params, RpcError, call_of, invalid
from polyarb.venue.sandbox.chain.rpc_shapes import (
    Json,
    block_json,
    bloom_of,
    hexed,
    quantity,
    receipt_json,
    transaction_json,
)
from polyarb.venue.sandbox.chain.rpc_view import View
from polyarb.venue.sandbox.chain.running import nonce_of, pol_of
from polyarb.venue.sandbox.chain.transactions import Block, ChainRefused, Receipt, Reverted

CLIENT_VERSION: Final = "polyarb-sandbox/v1"
REVERTED: Final = 3
HISTORY_MAX: Final = 1_024

_CODE: Final = "0xfe"
"""What stands at every contract: the one instruction that means `invalid`."""
_GAS_USED_RATIO: Final = 0.5


class RpcMethod(msgspec.Struct, frozen=True, kw_only=True):
    """One method and how many parameters it takes."""

    run: Callable[[View, Params], object]
    params_min: int = 0
    params_max: int


def _block_number(view: View, params: Params) -> object:
    return quantity(view.head)


def _block_by_number(view: View, params: Params) -> object:
    return _block(view, view.block(view.number(params.at(0), 0)), is_full=params.flag(1))


def _block_by_hash(view: View, params: Params) -> object:
    return _block(view, view.block_by_hash(params.word(0)), is_full=params.flag(1))


def _block(view: View, block: Block | None, *, is_full: bool) -> Json | None:
    if block is None:
        return None
    chain = view.chain
    receipts = chain.receipts_of(block.number)
    carried: list[object] = list(block.transaction_hashes)
    if is_full:
        carried = [_transaction_json(view, receipt, block) for receipt in receipts]
    logged = (each for receipt in receipts for each in chain.emitted_by(receipt))
    return block_json(
        block,
        gas_max=chain.settings.block_gas_max,
        base_fee=chain.prices.base,
        bloom=bloom_of(logged),
        transactions=carried,
    )


def _count_by_number(view: View, params: Params) -> object:
    return _count(view.block(view.number(params.at(0), 0)))


def _count_by_hash(view: View, params: Params) -> object:
    return _count(view.block_by_hash(params.word(0)))


def _count(block: Block | None) -> str | None:
    return quantity(len(block.transaction_hashes)) if block else None


def _transaction_count(view: View, params: Params) -> object:
    sender = params.address(0)
    if params.at(1) == "pending":
        return quantity(view.chain.pending_nonce(sender))
    with view.state(params.at(1), 1) as state:
        return quantity(nonce_of(state, sender))


def _balance(view: View, params: Params) -> object:
    with view.state(params.at(1), 1) as state:
        return quantity(pol_of(state, params.address(0)))


def _code(view: View, params: Params) -> object:
    view.known(params.at(1), 1)
    return _CODE if is_contract(params.address(0)) else "0x"


def _call(view: View, params: Params) -> object:
    call = call_of(params.record(0), 0, sender=ZERO_ADDRESS)
    number = view.known(params.at(1), 1)
    view.need_state(number)
    if call.to is None:
        raise RpcError(SERVER_ERROR, "the sandbox runs no code of others: `to` is missing")
    return hexed(_went_well(view.chain.call(call.sender, call.to, call.data, block=number)))


def _estimate_gas(view: View, params: Params) -> object:
    call = call_of(params.record(0), 0, sender=ZERO_ADDRESS)
    view.known(params.at(1), 1)
    if call.to is None:
        raise RpcError(SERVER_ERROR, "the sandbox runs no code of others: `to` is missing")
    _need_value(view, call)
    estimate = view.chain.estimate_gas(call.sender, call.to, call.data)
    if isinstance(estimate, Reverted):
        raise _reverted(estimate)
    return quantity(estimate)


def _need_value(view: View, call: Call) -> None:
    if call.value > pol_of(view.chain.state, call.sender):
        raise RpcError(SERVER_ERROR, "insufficient funds for transfer")


def _went_well(answer: bytes | Reverted) -> bytes:
    if isinstance(answer, Reverted):
        raise _reverted(answer)
    return answer


def _reverted(reverted: Reverted) -> RpcError:
    """Write a revert as geth does: with its text, and with its data under the code 3."""
    is_text = reverted.reason and not reverted.reason.endswith("()")
    message = "execution reverted" + (f": {reverted.reason}" if is_text else "")
    if not reverted.data:
        return RpcError(SERVER_ERROR, message)
    return RpcError(REVERTED, message, hexed(reverted.data))


def _send_raw(view: View, params: Params) -> object:
    sent = view.chain.send_raw(params.content(0))
    if isinstance(sent, ChainRefused):
        raise RpcError(sent.code, sent.message)
    return sent


def _transaction_by_hash(view: View, params: Params) -> object:
    transaction_hash = params.word(0)
    receipt = view.receipt(transaction_hash)
    if receipt is not None:
        return _transaction_json(view, receipt, view.block(receipt.block_number))
    transaction = view.chain.transaction(transaction_hash)
    if transaction is None:
        return None
    chain_id = view.chain.settings.chain_id
    return transaction_json(transaction, chain_id=chain_id, block=None, receipt=None)


def _transaction_at_number(view: View, params: Params) -> object:
    return _transaction_at(view, view.block(view.number(params.at(0), 0)), params.number(1))


def _transaction_at_hash(view: View, params: Params) -> object:
    return _transaction_at(view, view.block_by_hash(params.word(0)), params.number(1))


def _transaction_at(view: View, block: Block | None, index: int) -> Json | None:
    receipts = view.chain.receipts_of(block.number) if block else ()
    return _transaction_json(view, receipts[index], block) if index < len(receipts) else None


def _transaction_json(view: View, receipt: Receipt, block: Block | None) -> Json:
    return transaction_json(
        receipt.transaction,
        chain_id=view.chain.settings.chain_id,
        block=block,
        receipt=receipt,
    )


def _receipt(view: View, params: Params) -> object:
    receipt = view.receipt(params.word(0))
    return _receipt_json(view, receipt) if receipt else None


def _block_receipts(view: View, params: Params) -> object:
    number = view.number(params.at(0), 0)
    if number > view.head:
        return None
    view.need_history(number, number)
    return [_receipt_json(view, receipt) for receipt in view.chain.receipts_of(number)]


def _receipt_json(view: View, receipt: Receipt) -> Json:
    block = view.block(receipt.block_number)
    assert block is not None
    emitted = view.chain.emitted_by(receipt)
    return receipt_json(receipt, block, before=view.before(receipt), emitted=emitted)


def _fee_history(view: View, params: Params) -> object:
    count = params.number(0)
    newest = view.known(params.at(1), 1)
    if not 0 < count <= HISTORY_MAX:
        raise invalid(0, f"expected 1 to {HISTORY_MAX} blocks")
    count = min(count, newest + 1)
    prices = view.chain.prices
    history: Json = {
        "oldestBlock": quantity(newest - count + 1),
        "baseFeePerGas": [quantity(prices.base)] * (count + 1),
        "gasUsedRatio": [_GAS_USED_RATIO] * count,
    }
    percentiles = params.at(2)
    if isinstance(percentiles, list) and percentiles:
        history["reward"] = [[quantity(prices.priority)] * len(percentiles)] * count
    return history


METHODS: Final = MappingProxyType(
    {
        "web3_clientVersion": RpcMethod(run=lambda view, params: CLIENT_VERSION, params_max=0),
        "net_version": RpcMethod(
            run=lambda view, params: str(view.chain.settings.chain_id), params_max=0
        ),
        "net_listening": RpcMethod(run=lambda view, params: True, params_max=0),
        "eth_chainId": RpcMethod(
            run=lambda view, params: quantity(view.chain.settings.chain_id), params_max=0
        ),
        "eth_syncing": RpcMethod(run=lambda view, params: False, params_max=0),
        "eth_accounts": RpcMethod(run=lambda view, params: [], params_max=0),
        "eth_blockNumber": RpcMethod(run=_block_number, params_max=0),
        "eth_getBlockByNumber": RpcMethod(run=_block_by_number, params_min=1, params_max=2),
        "eth_getBlockByHash": RpcMethod(run=_block_by_hash, params_min=1, params_max=2),
        "eth_getBlockReceipts": RpcMethod(run=_block_receipts, params_min=1, params_max=1),
        "eth_getBlockTransactionCountByNumber": RpcMethod(
            run=_count_by_number, params_min=1, params_max=1
        ),
        "eth_getBlockTransactionCountByHash": RpcMethod(
            run=_count_by_hash, params_min=1, params_max=1
        ),
        "eth_getTransactionCount": RpcMethod(run=_transaction_count, params_min=1, params_max=2),
        "eth_getBalance": RpcMethod(run=_balance, params_min=1, params_max=2),
        "eth_getCode": RpcMethod(run=_code, params_min=1, params_max=2),
        "eth_gasPrice": RpcMethod(
            run=lambda view, params: quantity(view.chain.prices.gas), params_max=0
        ),
        "eth_maxPriorityFeePerGas": RpcMethod(
            run=lambda view, params: quantity(view.chain.prices.priority), params_max=0
        ),
        "eth_feeHistory": RpcMethod(run=_fee_history, params_min=2, params_max=3),
        "eth_call": RpcMethod(run=_call, params_min=1, params_max=2),
        "eth_estimateGas": RpcMethod(run=_estimate_gas, params_min=1, params_max=2),
        "eth_sendRawTransaction": RpcMethod(run=_send_raw, params_min=1, params_max=1),
        "eth_getTransactionByHash": RpcMethod(run=_transaction_by_hash, params_min=1, params_max=1),
        "eth_getTransactionByBlockNumberAndIndex": RpcMethod(
            run=_transaction_at_number, params_min=2, params_max=2
        ),
        "eth_getTransactionByBlockHashAndIndex": RpcMethod(
            run=_transaction_at_hash, params_min=2, params_max=2
        ),
        "eth_getTransactionReceipt": RpcMethod(run=_receipt, params_min=1, params_max=1),
        "eth_getLogs": RpcMethod(
            run=lambda view, params: logs_between(view, params.record(0)),
            params_min=1,
            params_max=1,
        ),
    }
)
