"""PURE: the parameters of JSON-RPC methods, read strictly."""

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.words import UINT256_MAX, WORD, hex_bytes

INVALID_PARAMS: Final = -32_602


class RpcError(Exception):
    """The answer to one request is an error. Shape: data is the hex text beside the message."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Params:
    """The positional parameters of one request."""

    def __init__(self, values: Sequence[object]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def at(self, place: int) -> object:
        """Return a parameter as it came, None where there is none."""
        return self._values[place] if place < len(self._values) else None

    def address(self, place: int) -> Address:
        """Read an account."""
        return address_of(self.at(place), place)

    def word(self, place: int) -> str:
        """Read a hash: 32 bytes."""
        return word_of(self.at(place), place)

    def content(self, place: int) -> bytes:
        """Read bytes."""
        return bytes_of(self.at(place), place)

    def number(self, place: int) -> int:
        """Read a quantity."""
        return number_of(self.at(place), place)

    def flag(self, place: int) -> bool:
        """Read a truth; it is false where there is none."""
        value = self.at(place)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise invalid(place, "expected true or false")
        return value

    def record(self, place: int) -> dict[str, object]:
        """Read an object."""
        value = self.at(place)
        if not isinstance(value, dict):
            raise invalid(place, "expected an object")
        return cast(dict[str, object], value)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What `eth_call` and `eth_estimateGas` are asked to run. Units: wei, gas."""

    sender: Address
    to: Address | None
    data: bytes
    value: int


def invalid(place: int, why: str) -> RpcError:
    """Say that a parameter cannot be read."""
    return RpcError(INVALID_PARAMS, f"invalid argument {place}: {why}")


def address_of(value: object, place: int) -> Address:
    """Read an account in any letter case."""
    found = checksum(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(place, "expected an address: 0x and 40 hex digits")
    return found


def bytes_of(value: object, place: int) -> bytes:
    """Read 0x and an even number of hex digits."""
    content = hex_bytes(value) if isinstance(value, str) else None
    if content is None:
        raise invalid(place, "expected bytes: 0x and an even number of hex digits")
    return content


def word_of(value: object, place: int) -> str:
    """Read 0x and 64 hex digits."""
    content = bytes_of(value, place)
    if len(content) != WORD:
        raise invalid(place, f"expected a hash of {WORD} bytes, found {len(content)}")
    return "0x" + content.hex()


def number_of(value: object, place: int) -> int:
    """Read 0x and hex digits of a whole number."""
    if isinstance(value, str) and value.startswith("0x") and value[2:].isalnum():
        try:
            number = int(value, 16)
        except ValueError:
            number = -1
        if 0 <= number <= UINT256_MAX:
            return number
    raise invalid(place, "expected a quantity: 0x and hex digits")


def call_of(record: dict[str, object], place: int, *, sender: Address) -> Call:
    """Read a call object; `sender` calls where it names nobody."""
    data = record.get("input", record.get("data"))
    value, to, named = record.get("value"), record.get("to"), record.get("from")
    return Call(
        sender=sender if named is None else address_of(named, place),
        to=None if to is None else address_of(to, place),
        data=b"" if data is None else bytes_of(data, place),
        value=0 if value is None else number_of(value, place),
    )
