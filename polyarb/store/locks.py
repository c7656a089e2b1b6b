"""One process at a time: an advisory lock on a file that names its holder.

The lock dies with the process, however that ends; the file stays and means nothing by itself.
"""

import fcntl
import os
import time
from pathlib import Path

from polyarb.domain.errors import RefusedError
from polyarb.store.filesystem import is_full, store_faults

_ATTEMPTS = 5
_PAUSE_S = 0.01


class FileLock:
    """A lock that is held until released or until the process ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let the next one in; a second release does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def acquire(path: Path, what: str, *, needs_name: bool = True) -> FileLock:
    """Take the lock of `what` for this process; without needs_name a full disk is no obstacle.

    Errors: RefusedError naming the process that holds it; StoreError.
    """
    with store_faults("lock", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    lock = FileLock(path, descriptor)
    if not _is_taken_within_attempts(descriptor):
        holder = _pid_in(descriptor) or "(not told yet)"
        lock.release()
        raise RefusedError(
            f"{what} is in use by process {holder} (lock {path}); "
            "stop that process first, or use another workspace"
        )
    try:
        with store_faults("write", path):
            _write_name(descriptor, needs_name=needs_name)
    except BaseException:
        lock.release()
        raise
    return lock


def _write_name(descriptor: int, *, needs_name: bool) -> None:
    os.ftruncate(descriptor, 0)
    try:
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    except OSError as fault:
        if needs_name or not is_full(fault):
            raise


def find_holder(path: Path) -> int | None:
    """Return the process that holds a lock (0 if it has not said who it is), or None.

    Errors: StoreError when that cannot be told.
    """
    with store_faults("read", path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
    try:
        return None if _try(descriptor, fcntl.LOCK_SH) else _pid_in(descriptor)
    finally:
        os.close(descriptor)


def _is_taken_within_attempts(descriptor: int) -> bool:
    # Somebody who only asks find_holder() holds the lock for an instant.
    for attempt in range(_ATTEMPTS):
        if _try(descriptor, fcntl.LOCK_EX):
            return True
        if attempt + 1 < _ATTEMPTS:
            time.sleep(_PAUSE_S)
    return False


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
