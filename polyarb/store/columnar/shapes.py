"""A line of a tape taken apart into its shape and its values, and put together again.

The shape is the line with a "$" for every value, so that any spelling and order of fields comes
back byte for byte; the values are those of the market channel. No pyarrow here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from polyarb.store.columnar.numerals import EMPTY, FLOAT, PLAIN, Numerals

ONE = 1_000_000
SIDES = ("SELL", "BUY")
STYLES: dict[str, Numerals] = {"p": PLAIN, "f": FLOAT}
"""The first letter of a shape: how its decimals are spelled."""
APART, MIRRORED, SWAPPED = "-", "m", "w"
"""The second letter: whether one of two entries follows from the other, and which came first.

The token whose id comes first in the order of texts is kept, so that one market is told from one
side all the time.
"""

LINE_KEYS = (
    *("receive", "seq", "market", "timestamp"),
    *("transaction_hash", "last_trade_price", "bids", "asks"),
)
"""What stands once in a line, in the order of its values."""
MARKET = LINE_KEYS.index("market")
ENTRY_KEYS = ("asset_id", "price", "size", "side", "best_bid", "best_ask", "hash")
"""What stands once in an entry, in the order of its values."""
ASSET, PRICE, SIZE, SIDE, BEST_BID, BEST_ASK, HASH = range(len(ENTRY_KEYS))

_SHAPES_MAX = 512
_RECENT_MAX = 6
_ENTRIES_MAX = 64
_NUMBER = r"[0-9.]*"
_LEVEL = rf'\{{"price":"{_NUMBER}","size":"{_NUMBER}"\}}'
_LEVEL_LIST = rf"(?:{_LEVEL}(?:,{_LEVEL})*)?"
_WHOLE = r"0|[1-9][0-9]{0,18}"
_WHOLE_MAX = 2**63 - 1
_TEXT = r"[^\"\\$\x00-\x1f]*"
_FIELD = re.compile(
    rf'"(recv_ns|recv_ms|seq)":(?:{_WHOLE})(?=[,}}])'
    rf'|"(bids|asks)":\[{_LEVEL_LIST}\]'
    r'|"(asset_id|market|price|size|side|best_bid|best_ask|timestamp|hash|transaction_hash|'
    rf'last_trade_price)":"{_TEXT}"'
)
_PLACE = re.compile(r'"([a-z_]+)":("\$"|\$|\[\$\])')
_VALUES = {'"$"': f'"({_TEXT})"', "$": f"({_WHOLE})", "[$]": rf"\[({_LEVEL_LIST})\]"}
_LEVELS = re.compile(r'"price":"([0-9.]*)","size":"([0-9.]*)"')
_KNOWN = re.compile(
    r'"event_type":"(?:price_change|book|last_trade_price|tick_size_change|best_bid_ask)"'
)
_DIGITS = re.compile(r"[1-9][0-9]{0,18}")
_HASH = re.compile(r"[0-9a-f]{40}")

Levels = tuple[list[int], list[int]]
Value = int | str | bool | bytes | Levels | None
Values = list[Value]
_Read = Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class Parts:
    """A line taken apart; values by LINE_KEYS, entries by ENTRY_KEYS, None for what is absent."""

    shape: str
    line: Values
    entries: list[Values]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: entry is its number, -1 for the line, slot the number of its key."""

    entry: int
    slot: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What all lines of one form have in common; template takes the values as texts, in order."""

    places: tuple[Place, ...]
    entries: int
    template: str
    match: Callable[[str], re.Match[str] | None]
    readers: dict[str, tuple[_Read, ...]]


def read_shape(text: str) -> Shape:
    """Read a shape without its two letters. Errors: ValueError for text that is none."""
    places: list[Place] = []
    readers: dict[str, list[_Read]] = {style: [] for style in STYLES}
    literal: list[str] = []
    pattern: list[str] = []
    end, entry, seen = 0, -1, set[str]()
    for found in _PLACE.finditer(text):
        key, form = found.groups()
        if key in ENTRY_KEYS:
            if entry < 0 or key in seen:
                entry += 1
                seen.clear()
            seen.add(key)
            places.append(Place(entry, ENTRY_KEYS.index(key)))
        else:
            key = "receive" if key.startswith("recv_") else key
            places.append(Place(-1, LINE_KEYS.index(key)))
        for style, numerals in STYLES.items():
            readers[style].append(_reader(key, numerals))
        before = text[end : found.start(2)]
        literal += (before.replace("%", "%%"), form.replace("$", "%s"))
        pattern += (re.escape(before), _VALUES[form])
        end = found.end(2)
    literal.append(text[end:].replace("%", "%%"))
    pattern.append(re.escape(text[end:]))
    if len(set(places)) != len(places) or "$" in "".join(literal) or entry >= _ENTRIES_MAX:
        raise ValueError(f"expected the shape of a line, found {text[:80]!r}")
    return Shape(
        places=tuple(places),
        entries=entry + 1,
        template="".join(literal),
        match=re.compile("".join(pattern)).fullmatch,
        readers={style: tuple(found) for style, found in readers.items()},
    )


class Dismantler:
    """Takes lines apart; remembers the shapes it met, the latest ones foremost."""

    def __init__(self) -> None:
        self._shapes: dict[str, Shape | None] = {}
        self._recent: list[tuple[str, Shape]] = []

    def take_apart(self, line: bytes) -> Parts | None:
        """Take a line apart; None for one that would not come back byte for byte."""
        try:
            text = line.decode()
            for number, (name, shape) in enumerate(self._recent):
                found = shape.match(text)
                if found:
                    if number:
                        self._recent.insert(0, self._recent.pop(number))
                    return _parts(name, shape, text, found.groups())
            return self._first_of_shape(text)
        except ValueError:
            return None

    def _first_of_shape(self, text: str) -> Parts | None:
        if "$" in text or not _KNOWN.search(text):
            return None
        name = _FIELD.sub(_masked, text)
        shape = self._shape(name)
        found = shape.match(text) if shape else None
        if shape is None or found is None:
            return None
        self._recent.insert(0, (name, shape))
        del self._recent[_RECENT_MAX:]
        return _parts(name, shape, text, found.groups())

    def _shape(self, name: str) -> Shape | None:
        """Return a shape; None for one that is none, and for all new ones after too many."""
        if name not in self._shapes and len(self._shapes) < _SHAPES_MAX:
            try:
                self._shapes[name] = read_shape(name)
            except ValueError:
                self._shapes[name] = None
        return self._shapes.get(name)


def levels_text(prices: list[str], sizes: list[str]) -> str:
    """Write the levels of one side of a book."""
    return ",".join([f'{{"price":"{p}","size":"{s}"}}' for p, s in zip(prices, sizes, strict=True)])


def mirrored(micros: int | None) -> int | None:
    """Return the price that the other token has; what is absent or empty stays so."""
    return micros if micros is None or micros == EMPTY else ONE - micros


def _masked(found: re.Match[str]) -> str:
    whole, side, key = found.groups()
    return f'"{whole}":$' if whole else f'"{side}":[$]' if side else f'"{key}":"$"'


def _parts(name: str, shape: Shape, text: str, values: tuple[str, ...]) -> Parts:
    """Errors: ValueError for a value that its shape would write otherwise."""
    style = "f" if '.0"' in text else "p"
    line: Values = [None] * len(LINE_KEYS)
    entries: list[Values] = [[None] * len(ENTRY_KEYS) for _ in range(shape.entries)]
    for place, read, value in zip(shape.places, shape.readers[style], values, strict=True):
        (entries[place.entry] if place.entry >= 0 else line)[place.slot] = read(value)
    relation = APART
    if _is_mirrored(entries):
        relation = MIRRORED if text_of(entries[0][ASSET]) < text_of(entries[1][ASSET]) else SWAPPED
    if relation == SWAPPED:
        entries.reverse()
    return Parts(style + relation + name, line, entries)


def text_of(value: Value) -> str:
    """Return a value that is known to be a text."""
    assert isinstance(value, str)
    return value


def _reader(key: str, numerals: Numerals) -> _Read:
    match key:
        case "receive" | "seq":
            return _whole
        case "market" | "asset_id" | "transaction_hash":
            return str
        case "timestamp":
            return _timestamp
        case "hash":
            return _hash
        case "side":
            return _is_bid
        case "bids" | "asks":
            return lambda text: _levels(text, numerals)
        case _:
            return numerals.micros


def _timestamp(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise ValueError(text)
    return _whole(text)


def _whole(text: str) -> int:
    number = int(text)
    if number > _WHOLE_MAX:
        raise ValueError(text)
    return number


def _hash(text: str) -> bytes:
    if not _HASH.fullmatch(text):
        raise ValueError(text)
    return bytes.fromhex(text)


def _is_bid(text: str) -> bool:
    return bool(SIDES.index(text))


def _levels(text: str, numerals: Numerals) -> Levels:
    micros = numerals.micros
    pairs = _LEVELS.findall(text)
    return [micros(price) for price, _ in pairs], [micros(size) for _, size in pairs]


def _is_mirrored(entries: list[Values]) -> bool:
    """Tell whether the second of two entries says of the other token what the first says."""
    if len(entries) != 2:
        return False
    one, two = entries
    if None in one[:BEST_BID] or None in two[:BEST_BID] or one[PRICE] == EMPTY:
        return False
    return (
        two[PRICE] == _mirror(one[PRICE])
        and two[SIZE] == one[SIZE]
        and two[SIDE] is not one[SIDE]
        and two[BEST_BID] == _mirror(one[BEST_ASK])
        and two[BEST_ASK] == _mirror(one[BEST_BID])
        and (one[HASH] is None) is (two[HASH] is None)
    )


def _mirror(value: Value) -> int | None:
    assert value is None or isinstance(value, int)
    return mirrored(value)
