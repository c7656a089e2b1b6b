"""A file of records that only grows: one JSON value a line, durable before anybody relies on it.

For what is no decision of a run and so not in the journal, and stays small: audits, evidence. What
grows fast, and is rotated and removed, is `alert_log.RecordLog`. A write that
was cut off was never acknowledged: its piece is cut away by the next one and skipped by readers.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults, write_all

Record = TypeVar("Record", bound=msgspec.Struct)
_CHUNK = 1 << 16


class LineFile(Generic[Record]):
    """The records of one kind in one file; any number of processes may append and read."""

    def __init__(self, path: Path, kind: type[Record], files: FileSystem = REAL) -> None:
        self.path = path
        self._files = files
        self._decoder = msgspec.json.Decoder(kind)

    def append(self, *records: Record) -> None:
        """Add records, all durable when it returns.

        Errors: StoreError when they cannot be written; what was there before stays whole.
        """
        if not records:
            return
        content = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        with store_faults("write", self.path):
            ensure_directory(self._files, self.path.parent)
            with _locked(self._files.open_append(self.path), self._files) as descriptor:
                whole = _whole_bytes(self.path)
                if whole < self.path.stat().st_size:
                    self._files.truncate(descriptor, whole)
                try:
                    write_all(self._files, descriptor, content)
                    self._files.sync(descriptor)
                except BaseException:
                    # A half-written line must not become the beginning of the next one.
                    with suppress(OSError):
                        self._files.truncate(descriptor, whole)
                    raise
            if not whole:
                self._files.sync_directory(self.path.parent)

    def read(self) -> list[Record]:
        """Return every record, oldest first; none where there is no file.

        Errors: StoreError naming the first line that is no record of this kind.
        """
        return list(self.stream())

    def stream(self) -> Iterator[Record]:
        """Yield every record, oldest first. Errors: as `read`."""
        with (
            store_faults("read", self.path),
            suppress(FileNotFoundError),
            self.path.open("rb") as file,
        ):
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield self._decoder.decode(line)
                except msgspec.DecodeError as fault:
                    raise StoreError(
                        f"{self.path}:{number}: expected a record, found {fault}; "
                        "restore the file from a backup, or move it away to begin anew"
                    ) from fault


@contextmanager
def _locked(descriptor: int, files: FileSystem) -> Iterator[int]:
    """Keep other appending processes out; the lock goes with the descriptor."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        files.close(descriptor)


def _whole_bytes(path: Path) -> int:
    """Count the bytes up to the last line break."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _CHUNK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
