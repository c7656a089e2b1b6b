"""The right to write a workspace: an epoch that only grows, and the fence that rests on it.

The lock of a living process keeps others out; the epoch keeps out one that only believes it holds
the lock: it was stopped, its lock file was removed, or the folder is shared between machines.
Whoever holds an older epoch writes nothing and sends nothing any more.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path

import msgspec

from polyarb.domain.errors import FencedError, StoreError
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    replace_durably,
    store_faults,
)
from polyarb.store.lines import LineFile


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who may write since when; the file is never removed, so that no epoch comes twice.

    released_ns is 0 until the holder ended in order.
    """

    epoch: int
    host: str
    pid: int
    taken_ns: int
    released_ns: int = 0


class Crash(msgspec.Struct, frozen=True, kw_only=True):
    """A holder that never released its lease, found so by the next one."""

    lease: Lease
    found_ns: int


class Fence:
    """What a holder looks at before it writes: whether its epoch is still the newest."""

    def __init__(self, path: Path, lease: Lease) -> None:
        self.lease = lease
        self._path = path
        self._seen = _mark(path)

    def check(self) -> None:
        """Return if this process may still write.

        Errors: FencedError naming who took over, or that the lease is gone.
        """
        seen = _mark(self._path)
        if seen == self._seen:
            return
        found = read_lease(self._path)
        if found != self.lease:
            raise FencedError(
                f"{self._path}: expected epoch {self.lease.epoch} of this process, found "
                f"{_told(found)}; this process writes nothing more: make sure that one trader "
                "alone uses this workspace, then start again"
            )
        self._seen = seen

    def release(self, now_ns: int, files: FileSystem = REAL) -> None:
        """Say that this process ended in order; one that was fenced says nothing."""
        with suppress(FencedError):
            self.check()
            self.lease = msgspec.structs.replace(self.lease, released_ns=now_ns)
            with store_faults("write", self._path):
                replace_durably(files, self._path, msgspec.json.encode(self.lease))
            self._seen = _mark(self._path)


def take_lease(path: Path, now_ns: int, files: FileSystem = REAL) -> Fence:
    """Take the next epoch, durably; whoever had the one before is fenced from now on.

    A holder before that never released its lease is recorded as a crash.
    Errors: StoreError when the last epoch cannot be told.
    """
    found = read_lease(path)
    if found is not None and not found.released_ns:
        crashes(path, files).append(Crash(lease=found, found_ns=now_ns))
    lease = Lease(
        epoch=found.epoch + 1 if found else 1,
        host=socket.gethostname(),
        pid=os.getpid(),
        taken_ns=now_ns,
    )
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        replace_durably(files, path, msgspec.json.encode(lease))
    return Fence(path, lease)


def read_lease(path: Path) -> Lease | None:
    """Return the newest lease, None where nobody ever took one."""
    try:
        with store_faults("read", path):
            content = path.read_bytes() if path.exists() else None
        return None if content is None else msgspec.json.decode(content, type=Lease)
    except msgspec.DecodeError as fault:
        raise StoreError(
            f"{path}: expected a lease, found {fault}; write the epoch of the journal's last "
            "RunStarted there, or restore the file from a backup"
        ) from fault


def crashes(path: Path, files: FileSystem = REAL) -> LineFile[Crash]:
    """Open the record of the crashes of a lease's holders."""
    return LineFile(path.with_name("crashes.jsonl"), Crash, files)


def _mark(path: Path) -> tuple[int, int, int]:
    """Return what changes with every replacement of a file, cheaply; zeros where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _told(lease: Lease | None) -> str:
    if lease is None:
        return "no lease"
    return f"epoch {lease.epoch} of process {lease.pid} on {lease.host}"
