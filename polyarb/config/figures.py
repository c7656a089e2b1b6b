"""How each kind of value is read: strictly, from text, into whole micros and counts.

A number is a plain scalar ("0.015"), never quoted, signed or with an exponent; a text is never a
number or a truth value. Nothing is coerced.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NoReturn

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from polyarb.config.faults import nearest
from polyarb.config.nodes import Items, Kind, Scalar, describe
from polyarb.domain.units import MICRO, format_micros, parse_micros

_WHOLE = re.compile(r"0|[1-9][0-9]*")
_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]{1,6})?")
_SERVER = re.compile(r"[\w.-]+(:[0-9]{1,5})?")
_VISIBLE = re.compile(r"\S+")
_TRUTHS = ("true", "false")


class Tighter(StrEnum):
    """In which direction a figure may be overridden outside the profile; ANY is neither risk."""

    LOWER = "lower"
    HIGHER = "higher"
    ANY = "any"


class Unit(StrEnum):
    """What a figure counts, as the reference writes it."""

    USD = "USD"
    FRACTION = "fraction"
    MILLISECONDS = "ms"
    SECONDS = "s"
    SHARES = "shares"
    MINUTES = "minutes"
    COUNT = "count"
    GIB = "GiB"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit and inclusive bounds. Units: bounds in micros if is_decimal."""

    unit: Unit
    lowest: int
    highest: int
    is_decimal: bool = False

    def write(self, value: int) -> str:
        """Write a value as a file spells it."""
        return format_micros(value) if self.is_decimal else str(value)

    @property
    def expected(self) -> str:
        """Say what is accepted."""
        kind = "a plain decimal" if self.is_decimal else "a whole number"
        return f"{kind} from {self.write(self.lowest)} to {self.write(self.highest)}"

    def read(self, node: object) -> int:
        """Read one value."""
        pattern = _DECIMAL if self.is_decimal else _WHOLE
        if not isinstance(node, Scalar) or node.kind is not Kind.NUMBER:
            mistaken(self.expected, node)
        if not pattern.fullmatch(node.text):
            mistaken(self.expected, node)
        value = parse_micros(node.text) if self.is_decimal else int(node.text)
        if not self.lowest <= value <= self.highest:
            mistaken(self.expected, node)
        return value


@dataclass(frozen=True, slots=True)
class FigureList:
    """A list of different figures, in any order."""

    figure: Figure

    def write(self, values: tuple[int, ...]) -> str:
        """Write values as a file spells them."""
        return f"[{', '.join(self.figure.write(value) for value in values)}]"

    def read(self, node: object) -> tuple[int, ...]:
        """Read a list, into rising order."""
        if not isinstance(node, Items):
            mistaken(f"a list: each {self.figure.expected}", node)
        values: list[int] = []
        for item in node.nodes:
            value = self.figure.read(item)
            if value in values:
                mistaken("each entry once", item)
            values.append(value)
        return tuple(sorted(values))


def mistaken(expected: str, node: object) -> NoReturn:
    """Tell pydantic what was expected and found."""
    place = node.origin.place if isinstance(node, Scalar | Items) else ""
    values = {"expected": expected, "found": describe(node), "place": place}
    raise PydanticCustomError("mistaken", "expected {expected}, found {found}", values)


def read_text(node: object) -> str:
    """Read a text, quoted or not."""
    if not isinstance(node, Scalar) or node.kind is not Kind.TEXT:
        mistaken("a text (quote what looks like a number)", node)
    return node.text


def read_truth(node: object) -> bool:
    """Read `true` or `false`, spelled so."""
    is_truth = isinstance(node, Scalar) and node.kind is Kind.TRUTH
    if not isinstance(node, Scalar) or not is_truth or node.text not in _TRUTHS:
        mistaken("true or false", node)
    return node.text == _TRUTHS[0]


def read_id(node: object) -> str:
    """Read an identifier: any text without white space, also one that looks like a number."""
    is_id = isinstance(node, Scalar) and node.kind in {Kind.TEXT, Kind.NUMBER}
    if not isinstance(node, Scalar) or not is_id or not _VISIBLE.fullmatch(node.text):
        mistaken("an id without white space", node)
    return node.text


def read_texts(node: object) -> tuple[str, ...]:
    """Read a list of different texts."""
    if not isinstance(node, Items):
        mistaken("a list of texts", node)
    return _all_different(tuple(read_text(item) for item in node.nodes), node)


def read_ids(node: object) -> tuple[str, ...]:
    """Read a list of different identifiers."""
    if not isinstance(node, Items):
        mistaken("a list of ids", node)
    return _all_different(tuple(read_id(item) for item in node.nodes), node)


def read_servers(node: object) -> tuple[str, ...]:
    """Read a list of different HOST or HOST:PORT."""
    servers = read_texts(node)
    assert isinstance(node, Items)
    for server, item in zip(servers, node.nodes, strict=True):
        if not _SERVER.fullmatch(server):
            mistaken("HOST or HOST:PORT", item)
    return servers


def _all_different(texts: tuple[str, ...], node: Items) -> tuple[str, ...]:
    for index, text in enumerate(texts):
        if text in texts[:index]:
            mistaken("each entry once", node.nodes[index])
    return texts


@dataclass(frozen=True, slots=True)
class Choice:
    """Some words of an enumeration."""

    words: tuple[StrEnum, ...]

    def read(self, node: object) -> StrEnum:
        """Read one word."""
        if not isinstance(node, Scalar) or node.kind is not Kind.TEXT:
            mistaken(f"one of {', '.join(self.words)}", node)
        found = next((word for word in self.words if word == node.text), None)
        if found is None:
            mistaken(nearest(node.text, self.words), node)
        return found

    def read_or_none(self, node: object) -> StrEnum | None:
        """Read one word, or `null` for none."""
        if isinstance(node, Scalar) and node.kind is Kind.NULL and node.text:
            return None
        return self.read(node)

    def read_list(self, node: object) -> tuple[StrEnum, ...]:
        """Read a list of at least one word, into the order of the enumeration."""
        if not isinstance(node, Items) or not node.nodes:
            mistaken(f"a list of {', '.join(self.words)}", node)
        found = _all_different(tuple(self.read(item) for item in node.nodes), node)
        return tuple(word for word in self.words if word in found)


_USD_MAX = 1_000_000 * MICRO
_COUNT_MAX = 1_000_000
_DAY_MS = 86_400_000

_USD = Figure(Unit.USD, 1, _USD_MAX, is_decimal=True)
_USD_OR_ZERO = Figure(Unit.USD, 0, _USD_MAX, is_decimal=True)
_FRACTION = Figure(Unit.FRACTION, 0, MICRO, is_decimal=True)
_POSITIVE_FRACTION = Figure(Unit.FRACTION, 1, MICRO, is_decimal=True)
_SLIPPAGE = Figure(Unit.FRACTION, 0, MICRO // 2, is_decimal=True)
_MILLISECONDS = Figure(Unit.MILLISECONDS, 0, _DAY_MS)
_POSITIVE_MILLISECONDS = Figure(Unit.MILLISECONDS, 1, _DAY_MS)
_PERIOD = Figure(Unit.MILLISECONDS, 1, 600_000)
_MINUTES = Figure(Unit.MINUTES, 0, 525_600)
_CHECK_MINUTES = Figure(Unit.MINUTES, 1, 1_440)
_SYNC_MINUTES = Figure(Unit.MINUTES, 0, 10_080)
_GIB = Figure(Unit.GIB, 0, 1_000_000 * MICRO, is_decimal=True)
_DAYS = Figure(Unit.DAYS, 0, 36_500)
_COUNT = Figure(Unit.COUNT, 1, _COUNT_MAX)
_ASSETS = Figure(Unit.COUNT, 1, 500)
_COPIES = Figure(Unit.COUNT, 1, 2)
_RATES = FigureList(_FRACTION)
_SEED = Figure(Unit.COUNT, 0, 2**32 - 1)

Usd = Annotated[int, PlainValidator(_USD.read), _USD]
UsdOrZero = Annotated[int, PlainValidator(_USD_OR_ZERO.read), _USD_OR_ZERO]
Fraction = Annotated[int, PlainValidator(_FRACTION.read), _FRACTION]
PositiveFraction = Annotated[int, PlainValidator(_POSITIVE_FRACTION.read), _POSITIVE_FRACTION]
Slippage = Annotated[int, PlainValidator(_SLIPPAGE.read), _SLIPPAGE]
Milliseconds = Annotated[int, PlainValidator(_MILLISECONDS.read), _MILLISECONDS]
PositiveMilliseconds = Annotated[
    int, PlainValidator(_POSITIVE_MILLISECONDS.read), _POSITIVE_MILLISECONDS
]
Period = Annotated[int, PlainValidator(_PERIOD.read), _PERIOD]
Minutes = Annotated[int, PlainValidator(_MINUTES.read), _MINUTES]
CheckMinutes = Annotated[int, PlainValidator(_CHECK_MINUTES.read), _CHECK_MINUTES]
SyncMinutes = Annotated[int, PlainValidator(_SYNC_MINUTES.read), _SYNC_MINUTES]
Gibibytes = Annotated[int, PlainValidator(_GIB.read), _GIB]
Days = Annotated[int, PlainValidator(_DAYS.read), _DAYS]
Count = Annotated[int, PlainValidator(_COUNT.read), _COUNT]
Seed = Annotated[int, PlainValidator(_SEED.read), _SEED]
Assets = Annotated[int, PlainValidator(_ASSETS.read), _ASSETS]
Copies = Annotated[int, PlainValidator(_COPIES.read), _COPIES]
Rates = Annotated[tuple[int, ...], PlainValidator(_RATES.read), _RATES]
Truth = Annotated[bool, PlainValidator(read_truth)]
Text = Annotated[str, PlainValidator(read_text)]
Texts = Annotated[tuple[str, ...], PlainValidator(read_texts)]
Servers = Annotated[tuple[str, ...], PlainValidator(read_servers)]
Id = Annotated[str, PlainValidator(read_id)]
Ids = Annotated[tuple[str, ...], PlainValidator(read_ids)]
