"""Read tapes: raw lines of recorded frames, fast, flat in memory, whatever state a file is in.

A tape is one file, or a directory of files in the order of their names, each .jsonl, gzip of it, or
a columnar one (.parquet).
"""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.filesystem import store_faults
from polyarb.store.tape_index import INDEX_NAME

_READ_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 20
_LINE_BYTES_MAX = 16 << 20
_SALVAGE_BYTES = 64
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
COLUMNAR = ".parquet"
"""What the name of a columnar tape ends in."""
_SUFFIXES = (".jsonl", ".jsonl.gz", COLUMNAR)

_validator = msgspec.json.Decoder(msgspec.Raw)


class TapeStatus(StrEnum):
    """How a tape file ended."""

    OK = "ok"
    TORN = "torn"


class TapeEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How one tape file ended and how many lines it gave.

    Units: offset is where the whole bytes end, in bytes of the file as it is stored.
    """

    path: str
    status: TapeStatus
    lines: int
    offset: int
    reason: str = ""


class TapeReading:
    """One pass over tape files; `ends` grows by one as each file ends."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self.paths = paths
        self.ends: list[TapeEnd] = []

    def __iter__(self) -> Iterator[bytes]:
        """Yield every whole line, without its line break."""
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines in lists of about a megabyte; the fastest way to read."""
        for path in self.paths:
            is_columnar = path.name.endswith(COLUMNAR)
            yield from self._columnar_blocks(path) if is_columnar else self._blocks_of(path)

    @property
    def is_torn(self) -> bool:
        """Tell whether a file read so far ended before its end."""
        return any(end.status is TapeStatus.TORN for end in self.ends)

    def _columnar_blocks(self, path: Path) -> Iterator[list[bytes]]:
        # Loaded here, because pyarrow is an extra and slow to load.
        from polyarb.store.columnar.reading import ColumnarReading

        source = ColumnarReading(path)
        count = 0
        for lines in source.blocks():
            count += len(lines)
            yield lines
        self._end(path, count, source.offset, source.fault)

    def _end(self, path: Path, lines: int, offset: int, fault: str) -> None:
        status = TapeStatus.TORN if fault else TapeStatus.OK
        end = TapeEnd(path=str(path), status=status, lines=lines, offset=offset, reason=fault)
        self.ends.append(end)

    def _blocks_of(self, path: Path) -> Iterator[list[bytes]]:
        source = _open_source(path)
        count = 0
        rest = b""
        with source.handle:
            for chunk in source.chunks():
                block = (rest + chunk).split(b"\n")
                rest = block.pop()
                if len(rest) > _LINE_BYTES_MAX:
                    source.fault = f"a line of more than {_LINE_BYTES_MAX} bytes"
                    rest = b""
                    break
                lines = [line for line in block if line]
                count += len(lines)
                if lines:
                    yield lines
            if rest and not source.fault:
                if _is_json(rest):
                    count += 1
                    yield [rest]
                else:
                    source.fault = "the last line is not whole"
        self._end(path, count, source.offset, source.fault)


def read_tape(*paths: Path) -> TapeReading:
    """Open tape files, or directories of them, for one pass in order.

    Errors: StoreError for a path that is absent or no tape; a torn file is no error but an end.
    """
    return TapeReading(tuple(file for path in paths for file in tape_files(path)))


def tape_files(path: Path) -> tuple[Path, ...]:
    """List the files of a tape: itself, or what lies below a directory, in order of name."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if is_tape_file(file))
        if not files:
            raise StoreError(
                f"cannot read tape {path}: expected .jsonl or .jsonl.gz files in the directory, "
                "found none; name a tape file, or record one first"
            )
        return tuple(files)
    if not path.exists():
        raise StoreError(
            f"cannot read tape {path}: expected a file, found none; check the path, "
            "the shipped tapes are in data/samples"
        )
    return (path,)


def is_tape_file(path: Path) -> bool:
    """Tell by its name whether a file is part of a tape."""
    return path.name.endswith(_SUFFIXES) and path.name != INDEX_NAME


def _is_json(line: bytes) -> bool:
    try:
        _validator.decode(line)
    except msgspec.DecodeError:
        return False
    return True


class _Source:
    """A plain file; offset is how far its bytes are whole, fault why they end there."""

    def __init__(self, path: Path, handle: BinaryIO) -> None:
        self.path = path
        self.handle = handle
        self.offset = 0
        self.fault = ""

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._read(_BLOCK_BYTES):
            self.offset += len(chunk)
            yield chunk

    def _read(self, size: int) -> bytes:
        with store_faults("read", self.path):
            return self.handle.read(size)


class _GzipSource(_Source):
    """Members of gzip one behind the other; offset is the end of the last whole one."""

    def chunks(self) -> Iterator[bytes]:
        compressed = b""
        while not self.fault and (compressed := compressed or self._read(_READ_BYTES)):
            member = zlib.decompressobj(_GZIP_WINDOW)
            size = 0
            while not member.eof and not self.fault:
                size += len(compressed)
                chunk = self._inflate(member, compressed)
                size -= len(member.unconsumed_tail)
                if chunk:
                    yield chunk
                if not member.eof and not self.fault:
                    compressed = member.unconsumed_tail or self._read(_READ_BYTES)
                    if not compressed and not chunk:
                        self.fault = f"the gzip member at byte {self.offset} is cut off"
            compressed = member.unused_data
            if member.eof:
                self.offset += size - len(compressed)

    def _inflate(self, member: "zlib._Decompress", compressed: bytes) -> bytes:
        before = member.copy()
        try:
            return member.decompress(compressed, _BLOCK_BYTES)
        except zlib.error as fault:
            self.fault = f"the gzip member at byte {self.offset} is damaged ({fault})"
            return _salvage(before, compressed)


def _salvage(member: "zlib._Decompress", compressed: bytes) -> bytes:
    """Decompress what stands before the damage."""
    whole = b""
    with suppress(zlib.error):
        for start in range(0, len(compressed), _SALVAGE_BYTES):
            whole += member.decompress(compressed[start : start + _SALVAGE_BYTES])
    return whole


def _open_source(path: Path) -> _Source:
    with store_faults("read", path):
        handle = path.open("rb")
        magic = handle.read(len(_GZIP_MAGIC))
        handle.seek(0)
    if magic == _GZIP_MAGIC:
        return _GzipSource(path, handle)
    if magic and path.name.endswith(".gz"):
        handle.close()
        raise StoreError(
            f"cannot read tape {path}: expected gzip (1f 8b), found {magic.hex(' ')}; "
            "copy the file again, or drop .gz from the name of a plain one"
        )
    return _Source(path, handle)
