"""A snapshot of the database in one go, and whether one is whole.

One go because SQLite begins a paged copy anew with every commit of another process. The database
can be built anew from the journal, so one that cannot be copied is left out with the reason and
never stops a backup.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.backup.manifest import DatabasePart
from polyarb.store.filesystem import store_faults
from polyarb.store.records import Anchor

_BUSY_SECONDS = 2.0
_ATTEMPTS = 5
_WAL_MODE = 2
_DISK_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
REBUILD = "`polyarb ledger rebuild` makes it anew"


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """What a database says of itself: how far it followed the journal, or what is wrong."""

    applied: Anchor | None
    fault: str = ""


def take_snapshot(database: Path, target: Path) -> DatabasePart:
    """Copy a database that others may be using; afterwards the copy is there, or it is left out.

    Errors: StoreError when the copy cannot be written.
    """
    if not database.exists():
        return DatabasePart(left_out="there is none")
    if is_wal(database):
        return DatabasePart(left_out=f"it is in WAL mode, which old SQLite can corrupt; {REBUILD}")
    try:
        _copy(database, target)
    except sqlite3.Error as fault:
        _remove(target)
        if getattr(fault, "sqlite_errorcode", 0) & 0xFF in _DISK_CODES:
            raise StoreError(
                f"cannot write {target}: {fault}; free space on that disk, then try again"
            ) from fault
        return DatabasePart(left_out=f"it cannot be copied ({fault}); {REBUILD}")
    found = check_integrity(target)
    if found.fault:
        _remove(target)
        return DatabasePart(left_out=f"{found.fault}; {REBUILD}")
    return DatabasePart(applied=found.applied)


def check_integrity(database: Path) -> Integrity:
    """Read a database that nobody writes through and through."""
    if is_wal(database):
        return Integrity(applied=None, fault="it is in WAL mode")
    address = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                return Integrity(applied=None, fault=f"it is damaged: {' '.join(verdict.split())}")
            found = connection.execute("SELECT sequence, hash FROM progress").fetchone()
    except sqlite3.Error as fault:
        return Integrity(applied=None, fault=f"it is no database of ours: {fault}")
    if found is None:
        return Integrity(applied=None, fault="it does not say how far it followed the journal")
    return Integrity(applied=Anchor(sequence=found[0], hash=found[1]))


def is_wal(database: Path) -> bool:
    """Tell by its header whether a database is in WAL mode, without opening it as one."""
    with store_faults("read", database), database.open("rb") as handle:
        header = handle.read(20)
    return header.startswith(b"SQLite format 3\0") and _WAL_MODE in header[18:20]


def _copy(database: Path, target: Path) -> None:
    attempts = 0

    def count(_status: int, _remaining: int, _total: int) -> None:
        # Called after every attempt; a copy in one go is done with the first that is let in.
        nonlocal attempts
        attempts += 1
        if attempts >= _ATTEMPTS:
            raise sqlite3.OperationalError("another process does not let go of it")

    with (
        closing(_connect(f"{database.absolute().as_uri()}?mode=ro")) as source,
        closing(_connect(target.absolute().as_uri())) as copy,
    ):
        copy.execute("PRAGMA synchronous=OFF")
        source.backup(copy, pages=-1, progress=count)


def _connect(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def _remove(target: Path) -> None:
    with store_faults("remove", target):
        target.unlink(missing_ok=True)
        target.with_name(f"{target.name}-journal").unlink(missing_ok=True)
