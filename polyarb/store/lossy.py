"""A file system that crashes at the k-th side effect and forgets what was not synced.

For simulations and drills: it works on real files below one directory, so that readers and locks
see them; `cut_power` then turns that directory into what a disk may hold after the crash.
"""

import errno
import os
import random
from pathlib import Path

from polyarb.store.filesystem import FileSystem


class SimulatedCrash(BaseException):
    """The process is gone; nobody may catch it as a fault."""


class LossyFileSystem(FileSystem):
    """Counts side effects; from number `crash_at` (from 1) on nothing happens any more.

    The write that a crash hits is half done. `space` is how many bytes the disk still takes.
    """

    def __init__(self, root: Path, *, crash_at: int = 0, space: int | None = None) -> None:
        self.root = root
        self.effects = 0
        self.space = space
        self._crash_at = crash_at
        self._synced: dict[int, bytes] = {}
        self._names: dict[Path, int] = {}
        self._pending: list[tuple[Path | None, Path | None, int]] = []
        self._directories: set[Path] = {root}
        for path in root.rglob("*"):
            if path.is_dir():
                self._directories.add(path)
            else:
                inode = path.stat().st_ino
                self._names[path] = inode
                self._synced[inode] = path.read_bytes()

    def open_append(self, path: Path, *, is_new: bool = False) -> int:
        """Open; a new name is lost unless its directory is synced."""
        is_created = not path.exists()
        if is_created:
            self._step()
        descriptor = super().open_append(path, is_new=is_new)
        if is_created:
            inode = os.fstat(descriptor).st_ino
            self._synced[inode] = b""
            self._pending.append((None, path, inode))
        return descriptor

    def write(self, descriptor: int, content: bytes) -> int:
        """Write, as far as the disk has space."""
        if self._is_crash():
            super().write(descriptor, content[: len(content) // 2])
            raise SimulatedCrash
        if self.space is not None:
            content = content[: self.space]
            self.space -= len(content)
            if not content:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Keep the content of a file."""
        self._step()
        inode = os.fstat(descriptor).st_ino
        paths = (path for path in self._live_files() if path.stat().st_ino == inode)
        self._synced[inode] = next(paths).read_bytes()

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut; not kept until synced."""
        self._step()
        super().truncate(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        """Rename at once; kept as a whole, when the target's directory is synced."""
        self._step()
        self._pending.append((source, target, source.stat().st_ino))
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        """Remove; not kept until the directory is synced."""
        self._step()
        self._pending.append((path, None, path.stat().st_ino))
        super().remove(path)

    def make_directory(self, path: Path) -> None:
        """Make a directory; kept at once, for a lost one is only an empty workspace."""
        self._step()
        super().make_directory(path)
        self._directories.add(path)

    def sync_directory(self, path: Path) -> None:
        """Keep the names in a directory."""
        self._step()
        self._keep_names(
            [path == (target or source or path).parent for source, target, _ in self._pending]
        )

    def revive(self) -> None:
        """Let a new process go on with the disk as the killed one left it, synced or not."""
        self._crash_at = 0

    def cut_power(self, seed: int) -> None:
        """Leave on the disk what was synced and, by chance, some of what was not."""
        chance = random.Random(seed)
        live = {path.stat().st_ino: path.read_bytes() for path in self._live_files()}
        kept = chance.randint(0, len(self._pending))
        self._keep_names([number < kept for number in range(len(self._pending))])
        for path in self._live_files():
            path.unlink()
        for path, inode in self._names.items():
            synced = self._synced[inode]
            path.write_bytes(_survivor(synced, live.get(inode, synced), chance))

    def _live_files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]

    def _keep_names(self, chosen: list[bool]) -> None:
        for (source, target, inode), is_chosen in zip(self._pending, chosen, strict=True):
            if is_chosen and source is not None:
                self._names.pop(source, None)
            if is_chosen and target is not None:
                self._names[target] = inode
        self._pending = [
            pair for pair, is_chosen in zip(self._pending, chosen, strict=True) if not is_chosen
        ]

    def _is_crash(self) -> bool:
        self.effects += 1
        return 0 < self._crash_at <= self.effects

    def _step(self) -> None:
        if self._is_crash():
            raise SimulatedCrash


def _survivor(synced: bytes, live: bytes, chance: random.Random) -> bytes:
    """Choose what is left of a file: an unsynced end may be missing, short or full of zeros."""
    if not live.startswith(synced):
        return chance.choice((synced, live))
    added = live[len(synced) :]
    cut = chance.randint(0, len(added))
    zeros = bytes(len(added) - cut) if chance.random() < 0.25 else b""
    return synced + added[:cut] + zeros
