"""Checks of the machine: interpreter, SQLite, open files, disk. Judging is apart from looking."""

import platform
import resource
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from polyarb.host.checkup import Finding, fail, ok, warn
from polyarb.host.disk import Disk, measure_disk

PYTHON_MIN = (3, 11)
WAL_FAULT = ((3, 7, 0), (3, 51, 2))
"""First and last SQLite that may corrupt a WAL database. Source: sqlite.org, WAL-reset bug."""
SQLITE_WITHDRAWN = (3, 52, 0)
SQLITE_MIN = (3, 24, 0)
"""The projections use ON CONFLICT DO UPDATE."""
FREE_BYTES_MIN = 1 << 30
FREE_BYTES_WARN = 5 << 30
SYNC_NS_MAX = 100_000_000
SYNC_NS_WARN = 10_000_000
FILES_OWN = 64
"""What a process opens beside sockets: journal, tape, database, logs, libraries."""
_WAL_MARK = b"\x02\x02"
_WAL_MARK_AT = 18

Version = tuple[int, ...]


def check_interpreter() -> Finding:
    """Look at the running Python."""
    return judge_interpreter(sys.version_info[:3], platform.python_implementation())


def judge_interpreter(version: Version, implementation: str) -> Finding:
    """Judge a Python."""
    told = f"{implementation} {dotted(version)}"
    if version < PYTHON_MIN:
        return fail(f"{told}, needed is {dotted(PYTHON_MIN)} or later")
    if implementation != "CPython":
        return warn(f"{told}, tested is CPython only")
    return ok(told)


def check_sqlite(database: Path) -> Finding:
    """Look at the SQLite that Python is linked with and at the mode of our database."""
    version = sqlite3.sqlite_version_info
    return judge_sqlite(version, is_wal=is_wal(database))


def is_wal(database: Path) -> bool:
    """Tell whether a database is in WAL mode, from its header."""
    try:
        with database.open("rb") as stream:
            header = stream.read(_WAL_MARK_AT + len(_WAL_MARK))
    except FileNotFoundError:
        return False
    return header[_WAL_MARK_AT:] == _WAL_MARK


def judge_sqlite(version: Version, *, is_wal: bool) -> Finding:
    """Judge a SQLite: what corrupts WAL databases is harmless as long as ours is none."""
    told = f"SQLite {dotted(version)}"
    if version < SQLITE_MIN:
        return fail(f"{told}, needed is {dotted(SQLITE_MIN)} or later")
    if version == SQLITE_WITHDRAWN:
        return warn(f"{told} was withdrawn by its makers")
    if not WAL_FAULT[0] <= version <= WAL_FAULT[1]:
        return ok(told)
    if is_wal:
        return fail(f"{told} can corrupt a database in WAL mode, and data/polyarb.db is in it")
    return warn(f"{told} can corrupt a database in WAL mode; polyarb's own is not in it")


def check_descriptors(needed_sockets: int) -> Finding:
    """Look at how many files and sockets this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = None if soft == resource.RLIM_INFINITY else soft
    return judge_descriptors(limit, needed_sockets)


def judge_descriptors(limit: int | None, needed_sockets: int) -> Finding:
    """Judge a limit of open files; None is no limit."""
    needed = needed_sockets + FILES_OWN
    told = f"{'any number of' if limit is None else limit} files may be open, needed are {needed}"
    if limit is not None and limit < needed:
        return fail(told, limit=limit, needed=needed)
    if limit is not None and limit < 2 * needed:
        return warn(told, limit=limit, needed=needed)
    return ok(told, limit=-1 if limit is None else limit, needed=needed)


def check_disk(folder: Path, monotonic_ns: Callable[[], int]) -> Finding:
    """Measure the disk of a folder."""
    try:
        disk = measure_disk(folder, monotonic_ns)
    except OSError as fault:
        return fail(f"nothing can be written in {folder.name}/: {fault.strerror}")
    return judge_disk(disk)


def judge_disk(disk: Disk) -> Finding:
    """Judge a disk by its worst side."""
    told = (
        f"{disk.free_bytes / (1 << 30):.1f} GiB free, a write is safe after"
        f" {disk.sync_ns_median / 1e6:.2f} ms (at most {disk.sync_ns_max / 1e6:.2f} ms)"
    )
    weigh: Callable[..., Finding] = ok
    if disk.free_bytes < FREE_BYTES_WARN or disk.sync_ns_median > SYNC_NS_WARN:
        weigh = warn
    if disk.free_bytes < FREE_BYTES_MIN or disk.sync_ns_median > SYNC_NS_MAX:
        weigh = fail
    return weigh(
        told,
        free_bytes=disk.free_bytes,
        sync_ns_median=disk.sync_ns_median,
        sync_ns_max=disk.sync_ns_max,
    )


def dotted(version: Version) -> str:
    """Write a version."""
    return ".".join(str(part) for part in version)
