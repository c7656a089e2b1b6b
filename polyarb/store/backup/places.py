"""Where backups lie: their names, the lock over them, and what an interrupted one leaves.

A backup's directory gets its name only when everything in it is durable, and loses it before
anything in it is removed; whatever has the name is whole.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from polyarb.domain.errors import StoreError, UsageError
from polyarb.store.backup.copying import remove_tree
from polyarb.store.backup.manifest import Finding, FindingKind, Manifest, decode_manifest
from polyarb.store.backup.parts import MANIFEST_NAME
from polyarb.store.filesystem import FileSystem, ensure_directory, store_faults
from polyarb.store.locks import FileLock, acquire

_NAME = re.compile(r"(\d{8}_\d{4})(?:-([2-9]|[1-9]\d+))?")
_PARTIAL = re.compile(rf"\.{_NAME.pattern}\.partial")
_TIME = "%Y%m%d_%H%M"


def lock_backups(folder: Path, files: FileSystem) -> FileLock:
    """Let nobody else create or prune backups meanwhile.

    Errors: RefusedError naming the process that does.
    """
    with store_faults("make", folder):
        ensure_directory(files, folder)
    return acquire(folder / ".lock", "the folder of backups")


def list_names(folder: Path) -> tuple[str, ...]:
    """List the backups in a folder, oldest first by their names."""
    if not folder.is_dir():
        return ()
    with store_faults("read", folder):
        names = [path.name for path in folder.iterdir() if path.is_dir()]
    found = [match for match in map(_NAME.fullmatch, names) if match]
    ordered = sorted(found, key=lambda match: (match[1], int(match[2] or 1)))
    return tuple(match[0] for match in ordered if time_of(match[0]) is not None)


def free_name(folder: Path, now_ns: int) -> str:
    """Name a new backup by the UTC minute; the second of one minute ends in -2."""
    first = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime(_TIME)
    name, number = first, 1
    while (folder / name).exists() or (folder / name).is_symlink():
        number += 1
        name = f"{first}-{number}"
    return name


def time_of(name: str) -> int | None:
    """Read the minute off a backup's name, in unix nanoseconds; None if it is no such name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 10**9


def find_backup(folder: Path, name: str) -> Path:
    """Find a backup by its name in the folder. Errors: UsageError when there is none."""
    if name not in list_names(folder):
        raise UsageError(
            f"expected a backup in {folder}, found none named {name!r}; "
            "`polyarb backup list` names them"
        )
    return folder / name


def read_manifest(directory: Path) -> Manifest | Finding:
    """Read the manifest of a backup, or tell why it cannot be trusted."""
    path = directory / MANIFEST_NAME
    try:
        with store_faults("read", path):
            content = path.read_bytes() if not path.is_symlink() else b""
    except StoreError as fault:
        return Finding(
            kind=FindingKind.MANIFEST,
            path=MANIFEST_NAME,
            expected="a manifest",
            found=f"none that can be read ({fault})",
        )
    return decode_manifest(content, directory.name)


def partial_of(directory: Path) -> Path:
    """Say where a directory is built, or taken apart."""
    return directory.with_name(f".{directory.name}.partial")


def sweep(folder: Path, files: FileSystem) -> tuple[str, ...]:
    """Remove what interrupted calls left behind; only under the lock. Return its names."""
    with store_faults("remove", folder):
        left = sorted(path for path in folder.iterdir() if _PARTIAL.fullmatch(path.name))
        for path in left:
            remove_tree(files, path)
    return tuple(path.name for path in left)


def remove_backup(directory: Path, files: FileSystem) -> None:
    """Remove a backup: its name first, durably, so that no half of it is ever taken for one."""
    partial = partial_of(directory)
    with store_faults("remove", directory):
        files.rename(directory, partial)
        files.sync_directory(directory.parent)
        remove_tree(files, partial)
