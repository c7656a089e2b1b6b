"""Copy files into a directory durably, hashed and looked through on their way."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from polyarb.domain.errors import RefusedError
from polyarb.store.backup.canaries import CanaryScan, Feed
from polyarb.store.backup.manifest import FileEntry
from polyarb.store.filesystem import FileSystem, ensure_directory, store_faults, write_all

CHUNK = 1 << 20
"""Bytes that are read, written and synced at once: a trader's commit waits for no more of them."""
READ_ONLY = 0o400
_READ_ONLY_DIRECTORY = 0o500
_OWN_DIRECTORY = 0o700


class Copier:
    """Writes files below a directory; each is on the disk when its entry is returned."""

    def __init__(self, files: FileSystem, target: Path, scan: CanaryScan, mode: int) -> None:
        self.target = target
        self._files = files
        self._scan = scan
        self._mode = mode

    def copy(self, source: BinaryIO, path: str, size: int | None = None) -> FileEntry:
        """Copy an open file from where it stands, so many bytes of it or all there are."""
        return self.write(_pieces(source, size), path)

    def write(self, pieces: Iterable[bytes], path: str) -> FileEntry:
        """Write a new file."""
        place = self.target / path
        feed, digest, size = self._scan.begin(path), sha256(), 0
        with store_faults("write", place):
            ensure_directory(self._files, place.parent)
            descriptor = self._files.open_append(place, is_new=True)
            try:
                for piece in pieces:
                    feed(piece)
                    digest.update(piece)
                    size += len(piece)
                    write_all(self._files, descriptor, piece)
                    self._files.sync(descriptor)
                self._seal(descriptor)
            finally:
                self._files.close(descriptor)
        return FileEntry(path=path, size=size, sha256=digest.hexdigest())

    def adopt(self, path: str) -> FileEntry:
        """Make a file that already lies below the directory durable, hashed and looked through."""
        place = self.target / path
        feed = self._scan.begin(path)
        entry = hash_file(place, path, feed)
        with store_faults("write", place):
            descriptor = self._files.open_append(place)
            try:
                self._seal(descriptor)
            finally:
                self._files.close(descriptor)
        return entry

    def _seal(self, descriptor: int) -> None:
        os.fchmod(descriptor, self._mode)
        self._files.sync(descriptor)


def hash_file(place: Path, path: str, feed: Feed | None = None) -> FileEntry:
    """Hash a regular file. Errors: RefusedError for a symbolic link and the like."""
    with open_regular(place) as source:
        return hash_open(source, path, feed)


def hash_open(source: BinaryIO, path: str, feed: Feed | None = None) -> FileEntry:
    """Hash an open file from where it stands."""
    digest, size = sha256(), 0
    for piece in _pieces(source, None):
        if feed is not None:
            feed(piece)
        digest.update(piece)
        size += len(piece)
    return FileEntry(path=path, size=size, sha256=digest.hexdigest())


@contextmanager
def open_regular(place: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading, never what a symbolic link leads to.

    Errors: RefusedError for anything else, StoreError when it cannot be read.
    """
    with store_faults("read", place):
        mode = place.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise RefusedError(
                f"{place}: expected a regular file, found {kind_of(mode)}; "
                "a backup holds files only: put the file itself there"
            )
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source:
            yield source


def kind_of(mode: int) -> str:
    """Name what is no regular file."""
    return "a symbolic link" if stat.S_ISLNK(mode) else "something else than a file"


def list_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield everything below a folder that is no directory, by its path with forward slashes.

    A symbolic link to a directory is yielded itself, and nothing behind it.
    """
    for at, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        links = [name for name in folders if Path(at, name).is_symlink()]
        for name in sorted([*names, *links]):
            place = Path(at, name)
            yield place.relative_to(folder).as_posix(), place


def sync_tree(files: FileSystem, root: Path, mode: int | None = _READ_ONLY_DIRECTORY) -> None:
    """Make every name below a directory durable, deepest first, then give it its mode."""
    for at, _, _ in os.walk(root, topdown=False):
        files.sync_directory(Path(at))
        if mode is not None:
            Path(at).chmod(mode)
            files.sync_directory(Path(at))


def make_own_directory(files: FileSystem, path: Path) -> None:
    """Make a directory that nobody else may look into."""
    files.make_directory(path)
    path.chmod(_OWN_DIRECTORY)


def remove_tree(files: FileSystem, root: Path) -> None:
    """Remove a directory with all that it holds, read-only or not."""
    for at, folders, _ in os.walk(root):
        Path(at).chmod(_OWN_DIRECTORY)
        folders[:] = [name for name in folders if not Path(at, name).is_symlink()]
    for at, folders, names in os.walk(root, topdown=False):
        links = [name for name in folders if Path(at, name).is_symlink()]
        for name in (*names, *links):
            files.remove(Path(at, name))
        Path(at).rmdir()
    files.sync_directory(root.parent)


def _pieces(source: BinaryIO, size: int | None) -> Iterator[bytes]:
    left = size
    while piece := source.read(CHUNK if left is None else min(CHUNK, left)):
        if left is not None:
            left -= len(piece)
        yield piece
