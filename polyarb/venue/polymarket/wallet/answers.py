"""What a node answers, as values. No I/O. Errors: VenueError for what is no such answer."""

from typing import TypeVar

import msgspec

from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.wallet.abi import answer_bytes, unreadable
from polyarb.venue.polymarket.wallet.node import NodeError, NodeFault

Wire = TypeVar("Wire", bound=msgspec.Struct)


class BlockSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A block. Units: wei for a unit of gas."""

    number: int
    hash: str
    base_wei: int


class ReceiptSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How a transaction ended in a block. Units: gas, wei for a unit of it."""

    hash: str
    block_number: int
    block_hash: str
    is_success: bool
    gas_used: int
    price_wei: int


class LogSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One log and its place."""

    address: Address
    topics: tuple[str, ...]
    content: bytes
    block_number: int
    block_hash: str
    transaction_hash: str
    index: int


class _Block(msgspec.Struct, rename="camel"):
    number: str
    hash: str
    base_fee_per_gas: str = "0x0"


class _Receipt(msgspec.Struct, rename="camel"):
    transaction_hash: str
    block_number: str
    block_hash: str
    status: str
    gas_used: str
    effective_gas_price: str = "0x0"


class _Log(msgspec.Struct, rename="camel"):
    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


def known(answer: object) -> object:
    """Return a result that must be one. Errors: NodeError where the node answered an error."""
    if isinstance(answer, NodeFault):
        raise NodeError(
            f"expected a result from the chain's node, found: {answer.message} ({answer.code});"
            " it may lag behind: ask again, or use another node"
        )
    return answer


def quantity(answer: object) -> int:
    """Read a whole number."""
    text = known(answer)
    if isinstance(text, str) and text.startswith("0x"):
        try:
            return int(text, 16)
        except ValueError:
            pass
    raise unreadable("a number as 0x and hex digits", str(text))


def read_block(answer: object) -> BlockSeen | None:
    """Read a block; None where there is none."""
    if known(answer) is None:
        return None
    wire = _wire(answer, _Block)
    return BlockSeen(
        number=quantity(wire.number),
        hash=wire.hash.lower(),
        base_wei=quantity(wire.base_fee_per_gas),
    )


def read_receipt(answer: object) -> ReceiptSeen | None:
    """Read a receipt; None while there is none."""
    if known(answer) is None:
        return None
    wire = _wire(answer, _Receipt)
    return ReceiptSeen(
        hash=wire.transaction_hash.lower(),
        block_number=quantity(wire.block_number),
        block_hash=wire.block_hash.lower(),
        is_success=quantity(wire.status) == 1,
        gas_used=quantity(wire.gas_used),
        price_wei=quantity(wire.effective_gas_price),
    )


def read_logs(answer: object) -> tuple[LogSeen, ...]:
    """Read logs in the order of the chain; those that the node calls removed are left out."""
    listed = known(answer)
    if not isinstance(listed, list):
        raise unreadable("a list of logs", str(listed))
    wires = [_wire(each, _Log) for each in listed]
    logs = [_log(wire) for wire in wires if not wire.removed]
    return tuple(sorted(logs, key=lambda log: (log.block_number, log.index)))


def _log(wire: _Log) -> LogSeen:
    address = checksum(wire.address)
    if address is None:
        raise unreadable("an address", wire.address)
    return LogSeen(
        address=address,
        topics=tuple(topic.lower() for topic in wire.topics),
        content=answer_bytes(wire.data),
        block_number=quantity(wire.block_number),
        block_hash=wire.block_hash.lower(),
        transaction_hash=wire.transaction_hash.lower(),
        index=quantity(wire.log_index),
    )


def _wire(answer: object, kind: type[Wire]) -> Wire:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as fault:
        raise unreadable(kind.__name__.strip("_").lower(), str(fault)) from None
