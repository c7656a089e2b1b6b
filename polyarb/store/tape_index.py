"""The index of a directory of recordings: what each finished file holds, one line of JSON each.

It saves reading the files to list them and is never trusted over them: a file without a line, or
of another size, is read; the index can always be built anew from the files.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.filesystem import FileSystem, replace_durably, store_faults, write_all

INDEX_NAME = "index.jsonl"
"""The name that no tape file may have."""


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one file holds.

    Shape: file is the path below the directory, with forward slashes; sha256 is of the file as it
    is stored. Units: bytes as stored; times are receive times, 0 where the lines tell none.
    """

    file: str
    first_ns: int
    last_ns: int
    lines: int
    bytes: int
    sha256: str
    first_seq: int | None = None
    last_seq: int | None = None
    is_torn: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(IndexEntry).decode


def index_path(directory: Path) -> Path:
    """Say where the index of a directory lies."""
    return directory / INDEX_NAME


def append_entry(files: FileSystem, directory: Path, entry: IndexEntry) -> None:
    """Add one line durably, or leave the index as it was.

    Errors: OSError when the disk takes no more.
    """
    path = index_path(directory)
    is_new = not path.exists()
    size = 0 if is_new else path.stat().st_size
    descriptor = files.open_append(path)
    try:
        # A torn end, left by a crash, must not swallow this line.
        line = (b"\n" if size and not _ends_line(path) else b"") + _encode(entry) + b"\n"
        try:
            write_all(files, descriptor, line)
            files.sync(descriptor)
        except OSError:
            files.truncate(descriptor, size)
            raise
    finally:
        files.close(descriptor)
    if is_new:
        files.sync_directory(directory)


def read_index(directory: Path) -> dict[str, IndexEntry]:
    """Read what the index says by file, the last word counting; lines that are none are skipped."""
    path = index_path(directory)
    with store_faults("read", path):
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
    entries: dict[str, IndexEntry] = {}
    for line in lines:
        try:
            entry = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        entries[entry.file] = entry
    return entries


def write_index(files: FileSystem, directory: Path, entries: Iterable[IndexEntry]) -> None:
    """Put a whole index in place of the one there is. Errors: StoreError."""
    content = b"".join(_encode(entry) + b"\n" for entry in entries)
    path = index_path(directory)
    if not directory.is_dir():
        raise StoreError(f"cannot write {path}: expected a directory of recordings, found none")
    with store_faults("write", path):
        replace_durably(files, path, content)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as handle:
        handle.seek(-1, 2)
        return handle.read(1) == b"\n"
