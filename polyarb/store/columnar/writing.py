"""Write lines of a tape as columns: in parts, so that memory stays flat however long the tape."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from polyarb.store.columnar.extra import load_extra
from polyarb.store.columnar.layout import (
    DELTA_COLUMNS,
    DICTIONARY_COLUMNS,
    entry_fields,
    schema,
)
from polyarb.store.columnar.shapes import (
    APART,
    ASSET,
    ENTRY_KEYS,
    HASH,
    LINE_KEYS,
    MARKET,
    Dismantler,
    Parts,
    Value,
    Values,
)
from polyarb.store.filesystem import REAL, FileSystem, new_file, write_all

if TYPE_CHECKING:
    import pyarrow

PART_LINES = 1 << 17
"""Lines of a part; more make smaller files and take more memory."""
PART_BYTES = 48 << 20
"""Bytes of lines that end a part before it has so many."""
_LEVEL = 15


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a columnar file was written of; raw lines are those that are no known message."""

    path: str
    lines: int
    raw: int
    bytes: int


def write_columnar(
    path: Path,
    blocks: Iterable[list[bytes]],
    *,
    keep_hashes: bool = True,
    files: FileSystem = REAL,
) -> Written:
    """Write lines to a new columnar file, which appears whole or not at all.

    Without hashes lines come back without the `hash` of a book, which no decision depends on.
    Errors: UsageError when the file exists or the extra is absent, StoreError when it cannot be
    written.
    """
    load_extra("pyarrow.parquet")
    with new_file(files, path) as descriptor:
        sink = _Sink(files, descriptor)
        lines, raw = _write(sink, blocks, keep_hashes)
    return Written(path=str(path), lines=lines, raw=raw, bytes=sink.size)


class _Sink:
    """A file as pyarrow wants one, that goes through our file system."""

    def __init__(self, files: FileSystem, descriptor: int) -> None:
        self.size = 0
        self.closed = False
        self._files = files
        self._descriptor = descriptor

    def write(self, content: bytes) -> int:
        write_all(self._files, self._descriptor, bytes(content))
        self.size += len(content)
        return len(content)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Everything is written at once."""

    def close(self) -> None:
        """The descriptor is closed by who opened it."""
        self.closed = True


def _write(sink: _Sink, blocks: Iterable[list[bytes]], keep_hashes: bool) -> tuple[int, int]:
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    part = _Part(keep_hashes)
    lines = raw = 0

    writer = parquet.ParquetWriter(
        pa.PythonFile(sink, "w"),
        schema(),
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=list(DICTIONARY_COLUMNS),
        column_encoding=dict.fromkeys(DELTA_COLUMNS, "DELTA_BINARY_PACKED"),
        write_statistics=list(DELTA_COLUMNS),
        data_page_size=1 << 20,
    )
    with writer:
        for block in blocks:
            for line in block:
                raw += part.take(line)
                if part.is_full:
                    lines += part.lines
                    part.write(writer.write_table)
                    part = _Part(keep_hashes)
        lines += part.lines
        part.write(writer.write_table)
    return lines, raw


class _Part:
    """Lines taken apart that wait to be written together."""

    def __init__(self, keep_hashes: bool) -> None:
        self.lines = 0
        self._bytes = 0
        self._keep_hashes = keep_hashes
        self._dismantler = Dismantler()
        self._shapes: list[str | None] = []
        self._raw: list[bytes | None] = []
        self._line: tuple[Values, ...] = tuple([] for _ in LINE_KEYS)
        self._first: tuple[Values, ...] = tuple([] for _ in ENTRY_KEYS)
        self._sister: tuple[Values, Values] = ([], [])
        self._more = _Entries()
        self._markets = _Carried()
        self._sisters = _Carried()

    @property
    def is_full(self) -> bool:
        return self.lines >= PART_LINES or self._bytes >= PART_BYTES

    def take(self, line: bytes) -> bool:
        """Take one line; tell whether it had to be kept as it is."""
        parts = self._dismantler.take_apart(line)
        if parts is not None and not self._keep_hashes:
            parts = without_hashes(parts)
        self.lines += 1
        self._bytes += len(line)
        self._shapes.append(None if parts is None else parts.shape)
        self._raw.append(line if parts is None else None)
        values: Values = [None] * len(LINE_KEYS) if parts is None else parts.line
        entries: list[Values] = [] if parts is None else parts.entries
        first: Values = entries[0] if entries else [None] * len(ENTRY_KEYS)
        values[MARKET] = self._markets.changed(first[ASSET], values[MARKET])
        for column, value in zip((*self._line, *self._first), (*values, *first), strict=True):
            column.append(value)
        is_apart = parts is None or parts.shape[1] == APART
        sister: Values = [None] * len(ENTRY_KEYS) if is_apart else entries[1]
        self._sister[0].append(self._sisters.changed(first[ASSET], sister[ASSET]))
        self._sister[1].append(sister[HASH])
        self._more.take(entries[1:] if is_apart else [])
        return parts is None

    def write(self, write_table: "Callable[[pyarrow.Table], None]") -> None:
        pa = load_extra("pyarrow")
        if not self.lines:
            return
        receive, seq, market, timestamp, transaction, last_trade, bids, asks = self._line
        columns = [
            *(self._shapes, receive, seq, market, timestamp, *self._first, *self._sister),
            *(transaction, last_trade, _level_lists(bids), _level_lists(asks)),
            *(self._more.lists(), self._raw),
        ]
        fields = schema()
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for column, field in zip(columns, fields, strict=True)
        ]
        write_table(pa.Table.from_arrays(arrays, schema=fields))


class _Carried:
    """Leaves out what was the same the last time."""

    def __init__(self) -> None:
        self._latest: dict[Value, Value] = {}

    def changed(self, key: Value, value: Value) -> Value:
        if key is None or value is None:
            return value
        if self._latest.get(key) == value:
            return None
        self._latest[key] = value
        return value


class _Entries:
    """The entries behind the first one of each line, end to end."""

    def __init__(self) -> None:
        self._offsets: list[int] = [0]
        self._columns: tuple[Values, ...] = tuple([] for _ in ENTRY_KEYS)

    def take(self, entries: list[Values]) -> None:
        for entry in entries:
            for column, value in zip(self._columns, entry, strict=True):
                column.append(value)
        self._offsets.append(self._offsets[-1] + len(entries))

    def lists(self) -> "pyarrow.Array":
        pa = load_extra("pyarrow")
        fields = entry_fields()
        arrays = [
            pa.array(column, kind) for column, (_, kind) in zip(self._columns, fields, strict=True)
        ]
        entries = pa.StructArray.from_arrays(arrays, [name for name, _ in fields])
        return pa.ListArray.from_arrays(pa.array(self._offsets, pa.int32()), entries)


def _level_lists(sides: Values) -> "pyarrow.Array":
    pa = load_extra("pyarrow")
    offsets: list[int | None] = []
    prices: list[int] = []
    sizes: list[int] = []
    for side in sides:
        if isinstance(side, tuple):
            offsets.append(len(prices))
            prices += side[0]
            sizes += side[1]
        else:
            offsets.append(None)
    offsets.append(len(prices))
    levels = pa.StructArray.from_arrays(
        [pa.array(prices, pa.int32()), pa.array(sizes, pa.int64())], ["price", "size"]
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), levels)


def without_hashes(parts: Parts) -> Parts:
    """Leave the hashes of books out of a line."""
    shape = parts.shape.replace(',"hash":"$"', "").replace('"hash":"$",', "")
    entries = [[*entry[:HASH], None] for entry in parts.entries]
    return Parts(shape, parts.line, entries)
