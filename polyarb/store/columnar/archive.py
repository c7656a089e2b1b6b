"""Read hourly archives of the venue's messages, one row a level, as frames in order of receipt.

The archives are sorted by market, token and receive time; rows are dealt out to spans of time on
the disk first, so that memory stays flat. Source: the archive's columns as published.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polyarb.domain.errors import StoreError
from polyarb.store.columnar.archive_messages import COLUMNS, ArchiveRow, frames_of
from polyarb.store.columnar.extra import load_extra
from polyarb.store.filesystem import store_faults

if TYPE_CHECKING:
    import numpy
    import pyarrow

SPAN_ROWS = 200_000
"""Rows of a span, the most that is sorted in memory; one second is never divided."""
_BATCH_ROWS = 1 << 16
_SLICE_ROWS = 1 << 13
_NS_PER_S = 10**9
_UNIT_NS = ((10**11, _NS_PER_S), (10**14, 10**6), (10**17, 10**3))
"""Whole numbers below the first are in units of the second."""
Frame = tuple[int, bytes]
"""A receive time in ns and the bytes of a frame."""


def is_archive(path: Path) -> bool:
    """Tell whether a Parquet file is an hourly archive. Errors: StoreError for no Parquet."""
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    with store_faults("read", path):
        try:
            names = parquet.read_schema(path).names
        except pa.ArrowException as fault:
            raise StoreError(
                f"cannot read {path}: expected a Parquet file, found {fault}; copy it again"
            ) from fault
    return {"timestamp_received", "event_type", "asset_id"} <= set(names)


def archive_frames(paths: Sequence[Path], scratch: Path) -> Iterator[Frame]:
    """Yield the messages of all files together in the order of their receipt.

    The scratch directory takes as much as the files; what is put there is removed.
    Errors: StoreError for a file that cannot be read.
    """
    pa = load_extra("pyarrow")
    try:
        spans = _Spans(_starts(paths), scratch)
        for path in paths:
            for batch in _batches(path, None):
                spans.deal(batch)
        for table in spans.tables():
            yield from _frames_in_order(table)
    except pa.ArrowException as fault:
        raise StoreError(
            f"cannot read {', '.join(map(str, paths))}: expected an hourly archive, found {fault}; "
            "copy the file again"
        ) from fault


class _Spans:
    """Files of rows, one for each span of time."""

    def __init__(self, starts: list[int], scratch: Path) -> None:
        self._starts = load_extra("numpy").array(starts, dtype="int64")
        self._scratch = scratch
        self._writers: dict[int, pyarrow.RecordBatchFileWriter] = {}

    def deal(self, batch: "pyarrow.RecordBatch") -> None:
        """Put every row into its span; rows of a span stay in their order."""
        pa, numpy = load_extra("pyarrow"), load_extra("numpy")
        seconds = receive_ns(batch.column("timestamp_received")) // _NS_PER_S
        spans = numpy.searchsorted(self._starts, seconds, side="right") - 1
        for span in numpy.unique(spans).tolist():
            rows = pa.array(numpy.flatnonzero(spans == span))
            self._writer(span, batch.schema).write_batch(batch.take(rows))

    def tables(self) -> "Iterator[pyarrow.Table]":
        """Yield the spans in order, and forget them."""
        ipc = load_extra("pyarrow.ipc")
        for writer in self._writers.values():
            writer.close()
        for span in sorted(self._writers):
            path = self._path(span)
            with path.open("rb") as handle:
                yield ipc.open_file(handle).read_all()
            path.unlink()

    def _writer(self, span: int, schema: "pyarrow.Schema") -> "pyarrow.RecordBatchFileWriter":
        if span not in self._writers:
            ipc = load_extra("pyarrow.ipc")
            options = ipc.IpcWriteOptions(compression="zstd")
            self._writers[span] = ipc.new_file(str(self._path(span)), schema, options=options)
        return self._writers[span]

    def _path(self, span: int) -> Path:
        return self._scratch / f"span-{span:06d}.arrow"


def _starts(paths: Sequence[Path]) -> list[int]:
    """Choose the seconds at which spans begin."""
    numpy = load_extra("numpy")
    counts: dict[int, int] = {}
    for path in paths:
        for batch in _batches(path, ["timestamp_received"]):
            seconds = receive_ns(batch.column(0)) // _NS_PER_S
            found, numbers = numpy.unique(seconds, return_counts=True)
            for second, number in zip(found.tolist(), numbers.tolist(), strict=True):
                counts[second] = counts.get(second, 0) + number
    starts = [min(counts, default=0)]
    rows = 0
    for second in sorted(counts):
        if rows and rows + counts[second] > SPAN_ROWS:
            starts.append(second)
            rows = 0
        rows += counts[second]
    return starts


def _batches(path: Path, columns: list[str] | None) -> "Iterator[pyarrow.RecordBatch]":
    parquet = load_extra("pyarrow.parquet")
    with store_faults("read", path):
        handle = path.open("rb")
    with handle:
        source = parquet.ParquetFile(handle)
        chosen = columns or [name for name in COLUMNS if name in source.schema_arrow.names]
        yield from source.iter_batches(batch_size=_BATCH_ROWS, columns=chosen)


def _frames_in_order(table: "pyarrow.Table") -> Iterator[Frame]:
    """Sort one span and make its frames; rows of one receipt are never divided."""
    pa, numpy = load_extra("pyarrow"), load_extra("numpy")
    received = receive_ns(table.column("timestamp_received").combine_chunks())
    order = numpy.argsort(received, kind="stable")
    table, received = table.take(pa.array(order)), received[order]
    waiting: list[ArchiveRow] = []
    for start in range(0, len(order), _SLICE_ROWS):
        rows = table.slice(start, _SLICE_ROWS)
        for row in _rows(rows, received[start : start + _SLICE_ROWS].tolist()):
            if waiting and waiting[0].receipt != row.receipt:
                yield from frames_of(waiting)
                waiting = []
            waiting.append(row)
    yield from frames_of(waiting)


def _rows(table: "pyarrow.Table", received: list[int]) -> Iterator[ArchiveRow]:
    texts = {name: _texts(table.column(name)) for name in table.column_names if name in COLUMNS[2:]}
    sent = receive_ns(table.column("timestamp").combine_chunks()).tolist()
    for number, (receive_time_ns, venue_ns) in enumerate(zip(received, sent, strict=True)):
        values = {name: column[number] for name, column in texts.items()}
        yield ArchiveRow(receive_time_ns, venue_ns // 10**6, values)


def receive_ns(column: "pyarrow.Array") -> "numpy.ndarray":
    """Read times as whole ns. Errors: StoreError for a column that is none."""
    pa, np = load_extra("pyarrow"), load_extra("numpy")
    if pa.types.is_timestamp(column.type):
        times: numpy.ndarray = np.asarray(
            column.cast(pa.timestamp("ns", column.type.tz)).cast("int64")
        )
        return times
    if not pa.types.is_integer(column.type) or column.null_count:
        raise StoreError(
            f"cannot read the archive: expected times, found {column.type}; "
            "the columns are described in docs/TAPES.md"
        )
    numbers: numpy.ndarray = np.array(column.cast("int64"))
    largest = int(numbers.max(initial=0))
    numbers *= next((unit for below, unit in _UNIT_NS if largest < below), 1)
    return numbers


def _texts(column: "pyarrow.ChunkedArray") -> list[str | None]:
    """Return any column as texts; numbers without the zeros that say nothing."""
    pa = load_extra("pyarrow")
    values = column.to_pylist()
    if pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type):
        return [None if value is None else value.decode() for value in values]
    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        return [None if value is None else _decimal(value) for value in values]
    return [None if value is None else str(value) for value in values]


def _decimal(value: object) -> str:
    text = f"{value:f}" if not isinstance(value, float) else repr(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
