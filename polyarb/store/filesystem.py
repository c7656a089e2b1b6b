"""The side effects that crash safety rests on, one method each, for a simulation to fail.

Everything durable is written through here: a file is real only after `sync`, its name only after
`sync_directory`.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from polyarb.domain.errors import StoreError, UsageError

_FULL = "free space on that disk, then start again; everything recorded before is kept"
_RIGHTS = "give the workspace to the user who runs polyarb"
_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REMEDIES = {
    **dict.fromkeys(_FULL_ERRORS, _FULL),
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "find in the system's journal why that disk takes no writes, and mount it anew",
    errno.ENOENT: "check the path; `polyarb init` makes a workspace",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


@contextmanager
def store_faults(action: str, path: Path) -> Iterator[None]:
    """Turn a fault of the operating system into a StoreError with a remedy."""
    try:
        yield
    except OSError as fault:
        raise store_fault(action, path, fault) from fault


def store_fault(action: str, path: Path | str, fault: OSError) -> StoreError:
    """Say a fault of the operating system with its remedy."""
    remedy = _REMEDIES.get(fault.errno or 0, "check the disk and its file system")
    return StoreError(f"cannot {action} {path}: {fault.strerror or fault}; {remedy}")


def is_full(fault: OSError) -> bool:
    """Tell whether there was no room for what was to be written."""
    return fault.errno in _FULL_ERRORS


class FileSystem:
    """The real one."""

    def open_append(self, path: Path, *, is_new: bool = False) -> int:
        """Open a file for appending and return its descriptor; it is created where absent."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(path, flags | (os.O_EXCL if is_new else 0), 0o644)

    def write(self, descriptor: int, content: bytes) -> int:
        """Write some of the content and return how many bytes that was."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Return only when the content of a file survives a power cut."""
        getattr(os, "fdatasync", os.fsync)(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Let go of a descriptor."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name at once, replacing what bore it."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a name."""
        path.unlink()

    def make_directory(self, path: Path) -> None:
        """Make one directory."""
        path.mkdir()

    def sync_directory(self, path: Path) -> None:
        """Return only when the names in a directory survive a power cut."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


REAL = FileSystem()


def write_all(files: FileSystem, descriptor: int, content: bytes) -> None:
    """Write everything, however often the system stops half way."""
    written = files.write(descriptor, content)
    while written < len(content):
        written += files.write(descriptor, content[written:])


def ensure_directory(files: FileSystem, path: Path) -> None:
    """Make a directory and those above it, durably, where they are absent."""
    if path.is_dir():
        return
    ensure_directory(files, path.parent)
    files.make_directory(path)
    files.sync_directory(path.parent)


def replace_durably(files: FileSystem, path: Path, content: bytes) -> None:
    """Put a whole file in place: after a crash there is the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = files.open_append(draft)
    try:
        files.truncate(descriptor, 0)
        write_all(files, descriptor, content)
        files.sync(descriptor)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
    finally:
        files.close(descriptor)
    files.rename(draft, path)
    files.sync_directory(path.parent)


@contextmanager
def new_file(files: FileSystem, path: Path) -> Iterator[int]:
    """Give a descriptor to write to; the file appears whole at the end, or not at all.

    Errors: UsageError when there is one already, StoreError when it cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path}: expected no file, found one; choose another name")
    draft = path.with_name(f".{path.name}.partial")
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        draft.unlink(missing_ok=True)
        descriptor = files.open_append(draft, is_new=True)
        try:
            yield descriptor
            files.sync(descriptor)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        finally:
            files.close(descriptor)
        files.rename(draft, path)
        files.sync_directory(path.parent)


def remove_durably(files: FileSystem, path: Path) -> None:
    """Remove a file so that it does not come back after a power cut."""
    files.remove(path)
    files.sync_directory(path.parent)
