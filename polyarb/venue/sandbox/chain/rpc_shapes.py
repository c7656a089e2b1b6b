"""PURE: blocks, transactions, receipts and logs as JSON-RPC writes them."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec
from eth_abi.abi import encode

from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import ZERO_ADDRESS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.contracts import MATCH_ORDERS
from polyarb.venue.sandbox.chain.events import Emitted, Log, encode_log, topics_of
from polyarb.venue.sandbox.chain.transactions import Block, Kind, Receipt, Transaction
from polyarb.venue.sandbox.terms.trades import Fill, Match

Json = dict[str, object]

_BLOOM_BYTES: Final = 256
_BLOOM_BITS: Final = 2_047
_BLOOM_PAIRS: Final = (0, 2, 4)
_EMPTY_WORD: Final = "0x" + "00" * 32
_EMPTY_UNCLES: Final = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
_EMPTY_NONCE: Final = "0x0000000000000000"
_SEALER_EXTRA: Final = "0x" + "00" * 97


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What a block used and logged before one of its transactions. Units: gas."""

    gas: int
    logs: int


def quantity(number: int) -> str:
    """Write a whole number."""
    return hex(number)


def hexed(content: bytes) -> str:
    """Write bytes."""
    return "0x" + content.hex()


def bloom_of(logged: Iterable[Emitted]) -> str:
    """Form the filter by which clients tell that a block has no log for them."""
    bits = 0
    for emitted in logged:
        for text in (emitted[0], *topics_of(emitted)):
            bits |= _bloom_bits(text)
    return hexed(bits.to_bytes(_BLOOM_BYTES, "big"))


@lru_cache(maxsize=16_384)
def _bloom_bits(text: str) -> int:
    digest = keccak256(bytes.fromhex(text[2:]))
    return sum(
        {1 << (int.from_bytes(digest[at : at + 2], "big") & _BLOOM_BITS) for at in _BLOOM_PAIRS}
    )


def block_json(
    block: Block, *, gas_max: int, base_fee: int, bloom: str, transactions: list[object]
) -> Json:
    """Write a block with what it carries, hashes or whole transactions."""
    return {
        "number": quantity(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": quantity(block.made_s),
        "nonce": _EMPTY_NONCE,
        "sha3Uncles": _EMPTY_UNCLES,
        "logsBloom": bloom,
        "transactionsRoot": hexed(keccak256("".join(block.transaction_hashes).encode())),
        "stateRoot": hexed(keccak256(block.hash.encode())),
        "receiptsRoot": hexed(keccak256(block.parent_hash.encode())),
        "miner": ZERO_ADDRESS,
        "difficulty": quantity(1),
        "totalDifficulty": quantity(block.number + 1),
        "extraData": _SEALER_EXTRA,
        "mixHash": _EMPTY_WORD,
        "size": quantity(1_000 + 300 * len(block.transaction_hashes)),
        "gasLimit": quantity(gas_max),
        "gasUsed": quantity(block.gas_used),
        "baseFeePerGas": quantity(base_fee),
        "transactions": transactions,
        "uncles": [],
    }


def transaction_json(
    transaction: Transaction, *, chain_id: int, block: Block | None, receipt: Receipt | None
) -> Json:
    """Write a transaction, with its place when it is mined."""
    signature = transaction.signature
    is_dynamic = transaction.kind is Kind.DYNAMIC_FEE
    price = receipt.gas_price if receipt else transaction.gas_price
    shape: Json = {
        "hash": transaction.hash,
        "type": quantity(transaction.kind),
        "chainId": quantity(chain_id),
        "nonce": quantity(transaction.nonce),
        "from": transaction.sender,
        "to": transaction.to,
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas_limit),
        "gasPrice": quantity(price if is_dynamic else transaction.gas_price),
        "input": hexed(calldata_of(transaction)),
        "v": quantity(signature.v),
        "r": quantity(signature.r),
        "s": quantity(signature.s),
        "blockHash": block.hash if block else None,
        "blockNumber": quantity(block.number) if block else None,
        "transactionIndex": quantity(receipt.index) if receipt else None,
    }
    if is_dynamic:
        shape["maxFeePerGas"] = quantity(transaction.gas_price)
        shape["maxPriorityFeePerGas"] = quantity(transaction.priority_price)
        shape["accessList"] = []
        shape["yParity"] = quantity(signature.v)
    return shape


def receipt_json(
    receipt: Receipt, block: Block, *, before: Before, emitted: tuple[Emitted, ...]
) -> Json:
    """Write how a transaction ended, with what it logged."""
    transaction = receipt.transaction
    return {
        "transactionHash": transaction.hash,
        "transactionIndex": quantity(receipt.index),
        "blockHash": block.hash,
        "blockNumber": quantity(block.number),
        "from": transaction.sender,
        "to": transaction.to,
        "cumulativeGasUsed": quantity(before.gas + receipt.gas_used),
        "gasUsed": quantity(receipt.gas_used),
        "effectiveGasPrice": quantity(receipt.gas_price),
        "contractAddress": None,
        "logs": [
            log_json(encode_log(each), receipt, block, index=before.logs + at)
            for at, each in enumerate(emitted)
        ],
        "logsBloom": bloom_of(emitted),
        "status": quantity(int(receipt.is_success)),
        "type": quantity(transaction.kind),
    }


def log_json(log: Log, receipt: Receipt, block: Block, *, index: int) -> Json:
    """Write a log with its place; index counts the logs of the block."""
    return {
        "address": log.address,
        "topics": list(log.topics),
        "data": hexed(log.data),
        "blockNumber": quantity(block.number),
        "blockHash": block.hash,
        "blockTimestamp": quantity(block.made_s),
        "transactionHash": receipt.transaction.hash,
        "transactionIndex": quantity(receipt.index),
        "logIndex": quantity(index),
        "removed": False,
    }


def calldata_of(transaction: Transaction) -> bytes:
    """Return what a transaction calls; a settlement shows its orders as far as it fills them."""
    return transaction.data if transaction.match is None else _match_orders(transaction.match)


def _match_orders(match: Match) -> bytes:
    values = [
        bytes.fromhex(match.condition_id[2:]),
        _order(match.taker),
        [_order(maker) for maker in match.makers],
        match.taker.given,
        [maker.given for maker in match.makers],
        match.taker.fee,
        [maker.fee for maker in match.makers],
    ]
    return MATCH_ORDERS.selector + encode(MATCH_ORDERS.takes, values)


def _order(fill: Fill) -> tuple[object, ...]:
    owner: Address = fill.maker
    return (
        0,
        owner,
        owner,
        int(fill.token_id),
        fill.given,
        fill.got,
        0 if fill.side is Side.BUY else 1,
        0,
        0,
        bytes.fromhex(fill.metadata[2:]),
        bytes.fromhex(fill.builder[2:]),
        b"",
    )
