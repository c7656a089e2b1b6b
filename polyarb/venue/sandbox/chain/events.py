"""PURE: the events of the contracts and how one is written as topics and data."""

from typing import Final

import msgspec
from eth_abi.abi import encode

from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address

_WORD_DIGITS: Final = 64


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a contract. Shape: kinds are ABI types, the first `indexed` ones are topics."""

    name: str
    kinds: tuple[str, ...]
    indexed: tuple[bool, ...]
    topic: str


Emitted = tuple[Address, Event, tuple[object, ...]]
"""A contract, its event and the arguments, not encoded yet."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the chain keeps it. Shape: topics are 0x and 64 hex digits."""

    address: Address
    topics: tuple[str, ...]
    data: bytes


def event(signature: str) -> Event:
    """Read an event from its text: `Name(type,*type)`, an asterisk marks an indexed argument."""
    name, _, rest = signature.partition("(")
    marked = tuple(part for part in rest.removesuffix(")").split(",") if part)
    plain = signature.replace("*", "")
    return Event(
        name=name,
        kinds=tuple(part.removeprefix("*") for part in marked),
        indexed=tuple(part.startswith("*") for part in marked),
        topic="0x" + keccak256(plain.encode()).hex(),
    )


TRANSFER: Final = event("Transfer(*address,*address,uint256)")
APPROVAL: Final = event("Approval(*address,*address,uint256)")
TRANSFER_SINGLE: Final = event("TransferSingle(*address,*address,*address,uint256,uint256)")
TRANSFER_BATCH: Final = event("TransferBatch(*address,*address,*address,uint256[],uint256[])")
APPROVAL_FOR_ALL: Final = event("ApprovalForAll(*address,*address,bool)")
CONDITION_PREPARATION: Final = event("ConditionPreparation(*bytes32,*address,*bytes32,uint256)")
CONDITION_RESOLUTION: Final = event(
    "ConditionResolution(*bytes32,*address,*bytes32,uint256,uint256[])"
)
POSITION_SPLIT: Final = event("PositionSplit(*address,address,*bytes32,*bytes32,uint256[],uint256)")
POSITIONS_MERGE: Final = event(
    "PositionsMerge(*address,address,*bytes32,*bytes32,uint256[],uint256)"
)
PAYOUT_REDEMPTION: Final = event(
    "PayoutRedemption(*address,*address,*bytes32,bytes32,uint256[],uint256)"
)
ADAPTER_SPLIT: Final = event("PositionSplit(*address,*bytes32,uint256)")
ADAPTER_MERGE: Final = event("PositionsMerge(*address,*bytes32,uint256)")
ADAPTER_CONVERT: Final = event("PositionsConverted(*address,*bytes32,*uint256,uint256)")
ADAPTER_REDEMPTION: Final = event("PayoutRedemption(*address,*bytes32,uint256[],uint256)")
OUTCOME_REPORTED: Final = event("OutcomeReported(*bytes32,*bytes32,bool)")
ORDER_FILLED: Final = event(
    "OrderFilled(*bytes32,*address,*address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)"
)
ORDERS_MATCHED: Final = event("OrdersMatched(*bytes32,*address,uint8,uint256,uint256,uint256)")
FEE_CHARGED: Final = event("FeeCharged(*address,uint256)")


def topics_of(emitted: Emitted) -> tuple[str, ...]:
    """Write what an event can be found by: its kind and its indexed arguments."""
    _, kind, arguments = emitted
    marked = zip(arguments, kind.kinds, kind.indexed, strict=True)
    return (kind.topic, *(_topic(value, abi) for value, abi, is_topic in marked if is_topic))


def encode_log(emitted: Emitted) -> Log:
    """Write an event as the chain keeps it."""
    address, kind, arguments = emitted
    rows = zip(arguments, kind.kinds, kind.indexed, strict=True)
    body = [(abi, plain(value, abi)) for value, abi, is_topic in rows if not is_topic]
    data = encode([abi for abi, _ in body], [value for _, value in body])
    return Log(address=address, topics=topics_of(emitted), data=data)


def _topic(value: object, abi: str) -> str:
    """Write an indexed argument as a word; arrays and texts are never indexed here."""
    if abi == "bytes32":
        return str(value)
    if abi == "address":
        return "0x" + str(value)[2:].lower().rjust(_WORD_DIGITS, "0")
    return f"0x{int(str(value)):0{_WORD_DIGITS}x}"


def plain(value: object, abi: str) -> object:
    """Turn our spelling of a value (decimal token id, hex word) into what the encoder takes."""
    if isinstance(value, str):
        if abi == "bytes32":
            return bytes.fromhex(value[2:])
        if abi == "uint256":
            return int(value)
    if abi.endswith("[]") and isinstance(value, tuple | list):
        return [plain(part, abi.removesuffix("[]")) for part in value]
    return value
