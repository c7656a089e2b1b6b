"""Calls of contracts as bytes, their answers as values, and reverts as texts. No I/O."""

from functools import lru_cache
from typing import Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from polyarb.domain.errors import VenueError
from polyarb.venue.polymarket.rest.faults import printable
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.words import WORD, hex_bytes

_ERROR: Final = keccak256(b"Error(string)")[:4]
_PANIC: Final = keccak256(b"Panic(uint256)")[:4]
_CUSTOM_ERRORS: Final = {
    keccak256(name.encode())[:4]: name
    for name in (
        "EnforcedPause()",
        "InsufficientAllowance()",
        "InsufficientBalance()",
        "InvalidIndexSet()",
        "NoConvertiblePositions()",
        "NotApprovedForAll()",
        "OnlyUnpaused()",
        "Paused()",
        "TransferFailed()",
        "TransferFromFailed()",
        "Unauthorized()",
    )
}
"""Errors without arguments that the venue's contracts and their libraries give."""


@lru_cache(maxsize=64)
def selector(signature: str) -> bytes:
    """Return the four bytes that name a method."""
    return keccak256(signature.encode())[:4]


def encode_call(signature: str, *values: object) -> bytes:
    """Encode a call of a method without tuples, such as `approve(address,uint256)`."""
    kinds = signature.partition("(")[2].removesuffix(")")
    return selector(signature) + encode([kind for kind in kinds.split(",") if kind], values)


def read_number(answer: object) -> int:
    """Read one word of a call's answer. Errors: VenueError."""
    content = answer_bytes(answer)
    if len(content) != WORD:
        raise unreadable("one word", content.hex())
    return int.from_bytes(content, "big")


def read_numbers(answer: object, count: int) -> tuple[int, ...]:
    """Read an array of numbers of a call's answer. Errors: VenueError."""
    content = answer_bytes(answer)
    try:
        (numbers,) = decode(["uint256[]"], content)
    except (DecodingError, OverflowError):
        raise unreadable("an array of numbers", content.hex()) from None
    if len(numbers) != count:
        raise unreadable(f"{count} numbers", str(len(numbers)))
    return tuple(int(number) for number in numbers)


def answer_bytes(answer: object) -> bytes:
    """Read the bytes of an answer. Errors: VenueError."""
    content = hex_bytes(answer) if isinstance(answer, str) else None
    if content is None:
        raise unreadable("0x and hex digits", str(answer))
    return content


def unreadable(expected: str, found: str) -> VenueError:
    """Say that a node answered something else than it must."""
    return VenueError(
        f"expected {expected} from the chain's node, found {printable(found)[:80]!r};"
        " check that the address is a node of Polygon"
    )


def revert_reason(message: str, content: object) -> str:
    """Return why a contract gave up: its text, its error's name or selector, else the node's."""
    raw = hex_bytes(content) if isinstance(content, str) else None
    if raw:
        head, rest = raw[:4], raw[4:]
        try:
            if head == _ERROR:
                return printable(str(decode(["string"], rest)[0]))
            if head == _PANIC:
                return f"panic {int(decode(['uint256'], rest)[0]):#x}"
        except (DecodingError, OverflowError, UnicodeDecodeError):
            return f"unreadable error 0x{head.hex()}"
        return _CUSTOM_ERRORS.get(head, f"error 0x{head.hex()}")
    return printable(message).removeprefix("execution reverted").removeprefix(": ") or "no reason"
