"""Private files of people: one key each, readable by its owner alone, never in a backup."""

import os
import stat
from pathlib import Path

from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults, write_all

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: Path, content: bytes, *, files: FileSystem = REAL) -> None:
    """Write a new file that nobody else can read at any moment.

    Errors: UsageError when there is one already: a key is never overwritten.
    """
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        path.parent.chmod(0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageError(f"{path}: expected no key, found one; it is not overwritten") from None
        try:
            write_all(files, descriptor, content)
            files.sync(descriptor)
        finally:
            files.close(descriptor)
        files.sync_directory(path.parent)


def read_private(path: Path) -> bytes:
    """Read a private file.

    Errors: StoreError when it is absent, RefusedError when others may read it.
    """
    if not path.exists():
        raise StoreError(f"{path}: expected a key, found no file; name it with --key")
    refuse_open(path)
    with store_faults("read", path):
        return path.read_bytes()


def refuse_open(path: Path) -> None:
    """Refuse a private file that others may read. Errors: RefusedError."""
    mode = open_mode(path)
    if mode:
        raise RefusedError(
            f"{path}: expected mode 600, found {mode:03o}; run `chmod 600 {path}` and make a new"
            " key if somebody else may have read it"
        )


def open_mode(path: Path) -> int:
    """Return the mode of a file that others may read or write, 0 where they may not."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return mode if mode & _OTHERS else 0
