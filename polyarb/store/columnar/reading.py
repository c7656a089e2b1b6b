"""Read columnar tapes: lines byte for byte as they were, or the columns themselves."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from polyarb.domain.errors import StoreError
from polyarb.store.columnar.extra import load_extra
from polyarb.store.columnar.layout import CARRIED_COLUMNS, TEXT_COLUMNS, VERSION, VERSION_KEY
from polyarb.store.columnar.numerals import EMPTY, Numerals
from polyarb.store.columnar.shapes import (
    APART,
    ASSET,
    BEST_ASK,
    BEST_BID,
    ENTRY_KEYS,
    HASH,
    LINE_KEYS,
    ONE,
    PRICE,
    SIDE,
    SIDES,
    STYLES,
    SWAPPED,
    Place,
    Shape,
    levels_text,
    read_shape,
)
from polyarb.store.filesystem import store_faults

if TYPE_CHECKING:
    import pyarrow

_BATCH_LINES = 1 << 14
_NUMBERS = frozenset({"price", "size", "best_bid", "best_ask", "last_trade_price"})
_ARCHIVE_COLUMN = "timestamp_received"


class ColumnarReading:
    """One pass over the lines of a columnar file; fault says why it ended early."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.fault = ""

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines in lists. Errors: StoreError for a file of another form."""
        pa = load_extra("pyarrow")
        with store_faults("read", self.path):
            size = self.path.stat().st_size
        shapes: dict[str, Shape] = {}
        try:
            for batch in column_batches(self.path):
                yield _lines_of(batch, shapes)
        except (pa.ArrowException, OSError) as fault:
            self.fault = f"the columnar file is damaged ({fault})"
        else:
            self.offset = size


def column_batches(
    path: Path, columns: Sequence[str] | None = None, *, batch_lines: int = _BATCH_LINES
) -> "Iterator[pyarrow.RecordBatch]":
    """Yield the columns of a columnar tape, some or all, in batches; nothing is carried any more.

    The columns that are carried by token are filled in where asset_id is among the columns.

    Errors: StoreError for a file of another form; pyarrow's own for a damaged one.
    """
    parquet = load_extra("pyarrow.parquet")
    with store_faults("read", path):
        handle = path.open("rb")
    with handle:
        check_form(path, parquet.read_schema(handle))
        handle.seek(0)
        source = parquet.ParquetFile(handle, read_dictionary=list(TEXT_COLUMNS))
        carried = {name: _Carried() for name in CARRIED_COLUMNS}
        for batch in source.iter_batches(batch_size=batch_lines, columns=columns):
            yield _filled_in(batch, carried)


def check_form(path: Path, schema: "pyarrow.Schema") -> None:
    """Refuse what is no columnar tape of this version. Errors: StoreError."""
    version = (schema.metadata or {}).get(VERSION_KEY)
    if version == VERSION:
        return
    found = f"version {version.decode()}" if version else "other columns"
    remedy = "use the version of polyarb that wrote it" if version else "name another file"
    if _ARCHIVE_COLUMN in schema.names:
        found, remedy = "an archive of the venue", "import it first: polyarb tape import"
    raise StoreError(f"cannot read tape {path}: expected a columnar tape, found {found}; {remedy}")


class _Carried:
    """Fills in what was left out, because it was the same the last time."""

    def __init__(self) -> None:
        self._latest: dict[str, str] = {}

    def fill(self, tokens: "pyarrow.DictionaryArray", column: "pyarrow.Array") -> "pyarrow.Array":
        pa, numpy = load_extra("pyarrow"), load_extra("numpy")
        codes = numpy.asarray(tokens.indices.fill_null(-1))
        names: list[str] = tokens.dictionary.to_pylist()
        if column.null_count < len(column):
            return self._walk([names[code] if code >= 0 else "" for code in codes], column)
        found = [self._latest.get(name) for name in (*names, "")]
        if not any(found):
            return column
        is_absent = numpy.array([value is None for value in found])[codes]
        texts = pa.array(["" if value is None else value for value in found])
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=is_absent), texts)

    def _walk(self, tokens: list[str], column: "pyarrow.Array") -> "pyarrow.Array":
        latest = self._latest
        filled = []
        for token, value in zip(tokens, column.to_pylist(), strict=True):
            if value is None:
                filled.append(latest.get(token))
            else:
                if token:
                    latest[token] = value
                filled.append(value)
        return load_extra("pyarrow").array(filled, "string").dictionary_encode()


def _filled_in(batch: "pyarrow.RecordBatch", carried: dict[str, _Carried]) -> "pyarrow.RecordBatch":
    names = batch.schema.names
    if "asset_id" not in names or not set(names) & set(carried):
        return batch
    pa = load_extra("pyarrow")
    tokens = batch.column("asset_id")
    columns = [
        carried[name].fill(tokens, column) if name in carried else column
        for name, column in zip(names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names)


def _lines_of(batch: "pyarrow.RecordBatch", shapes: dict[str, Shape]) -> list[bytes]:
    """Put the lines of a batch together, all of one shape at a time."""
    pa, numpy = load_extra("pyarrow"), load_extra("numpy")
    column = batch.column("shape")
    codes = numpy.asarray(column.indices.fill_null(-1))
    names: list[str] = column.dictionary.to_pylist()
    lines: list[bytes] = [b""] * batch.num_rows
    for code in numpy.unique(codes).tolist():
        rows = numpy.flatnonzero(codes == code)
        chosen = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows))
        if code < 0:
            made: list[bytes] = chosen.column("raw").to_pylist()
        else:
            name = names[code]
            if name not in shapes:
                shapes[name] = read_shape(name[2:])
            made = _filled(chosen, shapes[name], name)
        if len(made) == len(lines):
            return made
        for row, line in zip(rows.tolist(), made, strict=True):
            lines[row] = line
    return lines


def _filled(batch: "pyarrow.RecordBatch", shape: Shape, name: str) -> list[bytes]:
    if not shape.places:
        return [(shape.template % ()).encode()] * batch.num_rows
    columns = _Columns(batch, STYLES[name[0]], name[1])
    texts = [columns.texts(place) for place in shape.places]
    template = shape.template
    return "\n".join([template % row for row in zip(*texts, strict=True)]).encode().split(b"\n")


class _Columns:
    """The values of lines of one shape as texts."""

    def __init__(self, batch: "pyarrow.RecordBatch", numerals: Numerals, relation: str) -> None:
        self._batch = batch
        self._numerals = numerals
        self._mirrored_entry = -1 if relation == APART else 0 if relation == SWAPPED else 1
        self._kept: dict[Place, list[str]] = {}

    def texts(self, place: Place) -> list[str]:
        if place not in self._kept:
            self._kept[place] = self._made(place)
        return self._kept[place]

    def _made(self, place: Place) -> list[str]:
        if place.entry < 0:
            key = LINE_KEYS[place.slot]
            if key in {"bids", "asks"}:
                return self._levels(self._batch.column(key))
            return self._values(key, self._batch.column(key))
        if place.entry == self._mirrored_entry:
            return self._mirrored(place.slot)
        if place.entry == 0 or self._mirrored_entry >= 0:
            key = ENTRY_KEYS[place.slot]
            return self._values(key, self._batch.column(key))
        entries = self._batch.column("more")
        compute = load_extra("pyarrow.compute")
        key = ENTRY_KEYS[place.slot]
        return self._values(key, compute.list_element(entries, place.entry - 1).field(place.slot))

    def _values(self, key: str, column: "pyarrow.Array") -> list[str]:
        if key in _NUMBERS:
            return self._numerals.texts(_numbers(column))
        if key == "side":
            return [SIDES[is_bid] for is_bid in _numbers(column)]
        if key == "hash":
            return [value.hex() for value in column.to_pylist()]
        if key in {"receive", "seq", "timestamp"}:
            return list(map(str, _numbers(column)))
        return _texts(column)

    def _mirrored(self, slot: int) -> list[str]:
        match slot:
            case _ if slot == ASSET:
                return _texts(self._batch.column("sister_id"))
            case _ if slot == HASH:
                return self._values("hash", self._batch.column("sister_hash"))
            case _ if slot == SIDE:
                return [SIDES[not is_bid] for is_bid in _numbers(self._batch.column("side"))]
            case _ if slot == PRICE:
                source = "price"
            case _ if slot == BEST_BID:
                source = "best_ask"
            case _ if slot == BEST_ASK:
                source = "best_bid"
            case _:
                return self.texts(Place(1 - self._mirrored_entry, slot))
        numbers = _numbers(self._batch.column(source))
        return self._numerals.texts([n if n == EMPTY else ONE - n for n in numbers])

    def _levels(self, column: "pyarrow.Array") -> list[str]:
        offsets = _numbers(column.offsets)
        levels = column.values
        prices = self._numerals.texts(_numbers(levels.field(0)))
        sizes = self._numerals.texts(_numbers(levels.field(1)))
        return [
            levels_text(prices[start:end], sizes[start:end]) for start, end in pairwise(offsets)
        ]


def _numbers(column: "pyarrow.Array") -> list[int]:
    numbers: list[int] = column.to_numpy(zero_copy_only=False).tolist()
    return numbers


def _texts(column: "pyarrow.Array") -> list[str]:
    pa, numpy = load_extra("pyarrow"), load_extra("numpy")
    if not pa.types.is_dictionary(column.type):
        texts: list[str] = column.to_pylist()
        return texts
    words = numpy.array(column.dictionary.to_pylist(), dtype=object)
    taken: list[str] = words[numpy.asarray(column.indices)].tolist()
    return taken
