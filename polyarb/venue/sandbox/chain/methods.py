"""PURE: one method of a contract: how its call is read, what it runs, how its answer is written."""

from collections.abc import Callable
from typing import cast

import msgspec
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.contracts import address_of
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.sandbox.chain.events import plain
from polyarb.venue.sandbox.chain.frame import Frame, RevertError
from polyarb.venue.sandbox.chain.state import State

SELECTOR_BYTES = 4


class Arguments:
    """The arguments of one call, read by place in the spelling that the rest of the chain uses."""

    __slots__ = ("_values",)

    def __init__(self, values: tuple[object, ...]) -> None:
        self._values = values

    def number(self, place: int) -> int:
        """Read a whole number."""
        return cast(int, self._values[place])

    def flag(self, place: int) -> bool:
        """Read a truth."""
        return cast(bool, self._values[place])

    def address(self, place: int) -> Address:
        """Read an account."""
        return _account(self._values[place])

    def word(self, place: int) -> Bytes32:
        """Read 32 bytes."""
        return Bytes32("0x" + cast(bytes, self._values[place]).hex())

    def condition(self, place: int) -> ConditionId:
        """Read a condition id."""
        return ConditionId(self.word(place))

    def group(self, place: int) -> GroupId:
        """Read the id of a neg-risk group."""
        return GroupId(self.word(place))

    def token(self, place: int) -> TokenId:
        """Read a token id."""
        return TokenId(str(self.number(place)))

    def numbers(self, place: int) -> tuple[int, ...]:
        """Read a list of whole numbers."""
        return tuple(cast(tuple[int, ...], self._values[place]))

    def tokens(self, place: int) -> tuple[TokenId, ...]:
        """Read a list of token ids."""
        return tuple(TokenId(str(number)) for number in self.numbers(place))

    def addresses(self, place: int) -> tuple[Address, ...]:
        """Read a list of accounts."""
        return tuple(map(_account, cast(tuple[object, ...], self._values[place])))


Run = Callable[[Frame, Address, Arguments], object]
"""What a method does for a caller, on the contract that was called; None answers nothing."""


MoreGas = Callable[[State, Arguments], int]
"""What a call costs beyond its flat gas, by its arguments."""


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """A method of a contract. Units: gas beside what sending the call costs."""

    name: str
    selector: bytes
    takes: tuple[str, ...]
    gives: str
    gas: int
    more_gas: MoreGas | None
    run: Run


def method(
    signature: str, run: Run, *, gives: str = "", gas: int = 0, more_gas: MoreGas | None = None
) -> Method:
    """Describe a method. Shape: signature as in Solidity without names, gives is one ABI type."""
    name, _, rest = signature.partition("(")
    takes = _parts(rest.removesuffix(")"))
    selector = keccak256(signature.encode())[:SELECTOR_BYTES]
    return Method(
        name=name,
        selector=selector,
        takes=takes,
        gives=gives,
        gas=gas,
        more_gas=more_gas,
        run=run,
    )


def arguments_of(called: Method, data: bytes) -> Arguments:
    """Read the arguments of a call. Reverts when the bytes are no such arguments."""
    try:
        return Arguments(tuple(decode(called.takes, data[SELECTOR_BYTES:])))
    except (DecodingError, OverflowError, ValueError):
        raise RevertError("") from None


def answer_of(called: Method, answer: object) -> bytes:
    """Write what a method answers."""
    if not called.gives:
        return b""
    return encode([called.gives], [plain(answer, called.gives)])


def _account(value: object) -> Address:
    return address_of(bytes.fromhex(cast(str, value)[2:]))


def _parts(listed: str) -> tuple[str, ...]:
    """Split a list of ABI types at the commas that stand outside of parentheses."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(listed):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(listed[start:at])
            start = at + 1
    return (*parts, listed[start:]) if listed else ()
