"""Versions of the instrument master: data/instruments/, a history that is only ever added to.

Every entry of history.jsonl names the file it makes current, NNNNNN.json.gz, by its hash; the last
whole entry is the current version. A rollback is an entry, too: it names an older file again.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from polyarb.domain.errors import StoreError, UsageError
from polyarb.domain.instruments import Difference, Instruments, difference
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    remove_durably,
    replace_durably,
    store_faults,
    write_all,
)
from polyarb.store.locks import acquire

KEPT_CONTENTS = 10
"""How many different contents are kept; the entries of the history are all kept."""
_LEVEL = 5
_REMEDY = "run `polyarb markets sync`, or `polyarb markets rollback VERSION` to one that is whole"


class VersionKind(StrEnum):
    """How a version came to be."""

    SYNC = "sync"
    ROLLBACK = "rollback"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the history. Shape: content is the version whose file it makes current.

    Units: unix nanoseconds; added, removed and changed count markets against the entry before.
    """

    version: int
    kind: VersionKind
    content: int
    sha256: str
    written_ns: int
    actor: str
    source: str
    markets: int
    groups: int
    groups_complete: int
    refused: int
    added: int = 0
    removed: int = 0
    changed: int = 0


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a version, from what, and when. Units: unix nanoseconds."""

    actor: str
    source: str
    written_ns: int


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A version with its content."""

    version: Version
    instruments: Instruments


class _Content(NamedTuple):
    """Which file an entry makes current, and why."""

    kind: VersionKind
    number: int
    sha256: str


class InstrumentStore:
    """The versions below one directory."""

    def __init__(self, directory: Path, files: FileSystem = REAL) -> None:
        self.directory = directory
        self._files = files

    @property
    def history_file(self) -> Path:
        """The entries, oldest first."""
        return self.directory / "history.jsonl"

    def content_file(self, content: int) -> Path:
        """Say where the content of a version lies."""
        return self.directory / f"{content:06d}.json.gz"

    def history(self) -> list[Version]:
        """Read every entry; an entry that a crash left unfinished does not count.

        Errors: StoreError for an entry that is whole and makes no sense.
        """
        return [entry for _, entry in self._entries()]

    def current(self) -> Version | None:
        """Return the current version, None before the first."""
        entries = self.history()
        return entries[-1] if entries else None

    def load(self, version: Version) -> Instruments:
        """Read the content of a version. Errors: StoreError when it is gone or not what it was."""
        path = self.content_file(version.content)
        with store_faults("read", path):
            if not path.exists():
                raise StoreError(
                    f"{path}: expected version {version.version}, found no file; {_REMEDY}"
                )
            packed = path.read_bytes()
        if sha256(packed).hexdigest() != version.sha256:
            raise StoreError(
                f"{path}: expected SHA-256 {version.sha256}, found another content; {_REMEDY}"
            )
        try:
            return msgspec.json.decode(gzip.decompress(packed), type=Instruments)
        except (msgspec.MsgspecError, OSError, EOFError, zlib.error) as fault:
            raise StoreError(
                f"{path}: expected instruments of this release, found {fault}; {_REMEDY}"
            ) from fault

    def load_current(self) -> Loaded | None:
        """Read the current version with its content, None before the first. Errors: StoreError."""
        version = self.current()
        return None if version is None else Loaded(version=version, instruments=self.load(version))

    def add(self, instruments: Instruments, provenance: Provenance) -> tuple[Version, Difference]:
        """Make a reading the current version and tell what is different from the one before.

        Before the last step the old version is current, after it the new one. A current version
        that cannot be read counts as empty. Errors: RefusedError while another process writes.
        """
        with self._writing():
            last = self.current()
            told = difference(self._readable(last), instruments)
            number = 1 if last is None else last.version + 1
            packed = gzip.compress(
                msgspec.json.encode(instruments, order="deterministic"), _LEVEL, mtime=0
            )
            path = self.content_file(number)
            with store_faults("write", path):
                replace_durably(self._files, path, packed)
            entry = _entry(
                _Content(VersionKind.SYNC, number, sha256(packed).hexdigest()),
                number,
                provenance,
                instruments,
                told,
            )
            self._append(entry)
            self._forget_old()
        return entry, told

    def roll_back(self, number: int | None, provenance: Provenance) -> tuple[Version, Difference]:
        """Make an older content current again; None is the one read before the current one.

        Errors: UsageError when there is no such version, StoreError when its content is gone.
        """
        with self._writing():
            history = self.history()
            target = _target(history, number)
            instruments = self.load(target)
            told = difference(self._readable(history[-1]), instruments)
            entry = _entry(
                _Content(VersionKind.ROLLBACK, target.content, target.sha256),
                history[-1].version + 1,
                provenance,
                instruments,
                told,
            )
            self._append(entry)
        return entry, told

    def _readable(self, version: Version | None) -> Instruments:
        try:
            return Instruments() if version is None else self.load(version)
        except StoreError:
            return Instruments()

    def _entries(self) -> Iterator[tuple[int, Version]]:
        """Yield every whole entry with the offset of its end."""
        if not self.history_file.exists():
            return
        with store_faults("read", self.history_file):
            content = self.history_file.read_bytes()
        end = 0
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                return
            end += len(line)
            try:
                yield end, msgspec.json.decode(line, type=Version)
            except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
                raise StoreError(
                    f"{self.history_file}:{number}: expected an entry of the history, found"
                    f" {fault}; restore the file from a backup"
                ) from fault

    def _append(self, entry: Version) -> None:
        """Add an entry in place of whatever a crash left unfinished behind the last one."""
        end = max((end for end, _ in self._entries()), default=0)
        path = self.history_file
        is_new = not path.exists()
        with store_faults("write", path):
            descriptor = self._files.open_append(path)
            try:
                self._files.truncate(descriptor, end)
                write_all(self._files, descriptor, msgspec.json.encode(entry) + b"\n")
                self._files.sync(descriptor)
            finally:
                self._files.close(descriptor)
            if is_new:
                self._files.sync_directory(path.parent)

    def _forget_old(self) -> None:
        """Remove the contents that were current longest ago."""
        recent: list[int] = []
        for entry in reversed(self.history()):
            if entry.content not in recent:
                recent.append(entry.content)
        kept = {self.content_file(content) for content in recent[:KEPT_CONTENTS]}
        for path in sorted(self.directory.glob("*.json.gz")):
            if path not in kept:
                with store_faults("remove", path):
                    remove_durably(self._files, path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with store_faults("create", self.directory):
            ensure_directory(self._files, self.directory)
        lock = acquire(self.directory / "lock", "the instrument master")
        try:
            yield
        finally:
            lock.release()


def _target(history: list[Version], number: int | None) -> Version:
    """Find the entry to go back to."""
    if not history:
        raise UsageError(
            "expected a version to go back to, found none at all; run `polyarb markets sync`"
        )
    current = history[-1]
    if number is None:
        older = [entry for entry in history if entry.content < current.content]
        if not older:
            raise UsageError(
                f"expected a content before that of version {current.version}, found none"
            )
        return max(older, key=lambda entry: entry.content)
    found = next((entry for entry in history if entry.version == number), None)
    if found is None:
        raise UsageError(
            f"VERSION: expected 1 to {current.version}, found {number}; `polyarb markets list"
            " --versions` shows them"
        )
    return found


def _entry(
    content: _Content,
    version: int,
    provenance: Provenance,
    instruments: Instruments,
    told: Difference,
) -> Version:
    groups = instruments.groups.values()
    return Version(
        version=version,
        kind=content.kind,
        content=content.number,
        sha256=content.sha256,
        written_ns=provenance.written_ns,
        actor=provenance.actor,
        source=provenance.source,
        markets=len(instruments.instruments),
        groups=len(groups),
        groups_complete=sum(not group.incomplete for group in groups),
        refused=len(instruments.refused),
        added=len(told.added),
        removed=len(told.removed),
        changed=len(told.changed),
    )
