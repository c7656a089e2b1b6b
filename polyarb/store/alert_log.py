"""Append-only lines of numbered records: synced before anything is done about them.

A torn tail is repaired, damage in the middle is told and skipped; days are kept apart and old ones
removed.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    is_full,
    remove_durably,
    replace_durably,
    store_faults,
    write_all,
)

ROTATE_BYTES = 16 << 20
"""Size at which a file is finished before its day is over."""
KEPT_BYTES_MAX = 256 << 20
"""What finished files may take together, whatever their age."""
DAYS_KEPT = 30
_NS_PER_S = 1_000_000_000
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z")


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A record with its place in the log, from 1, and when it was recorded, ISO 8601 in UTC."""

    sequence: int
    recorded_at: str


R = TypeVar("R", bound=Numbered)


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """A line that cannot be read although records follow it."""

    file: str
    line: int


def iso_of(time_ns: int) -> str:
    """Write a time as ISO 8601 in UTC, exact to the nanosecond."""
    second, rest = divmod(time_ns, _NS_PER_S)
    return f"{_second_text(second)}.{rest:09d}Z"


@lru_cache(maxsize=1_024)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def time_ns_of(text: str) -> int:
    """Read a time that `iso_of` wrote. Errors: ValueError for anything else."""
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a UTC time such as {iso_of(0)}, found {text}")
    second = datetime.fromisoformat(f"{found[1]}+00:00")
    return int(second.timestamp()) * _NS_PER_S + int(found[2])


class RecordLog(Generic[R]):
    """A log of one kind of record; one writer at a time, readers whenever they like."""

    def __init__(
        self,
        path: Path,
        kind: type[R],
        *,
        rotate_bytes: int = ROTATE_BYTES,
        kept_bytes_max: int = KEPT_BYTES_MAX,
        files: FileSystem = REAL,
    ) -> None:
        self.path = path
        self.repaired_bytes = 0
        self.last_sequence = 0
        self._decoder: msgspec.json.Decoder[R] = msgspec.json.Decoder(kind)
        self._rotate_bytes = rotate_bytes
        self._kept_bytes_max = kept_bytes_max
        self._files = files
        self._descriptor = -1
        self._size = 0
        self._day = ""
        self._is_suspect = False
        self._torn = b""
        with store_faults("open", path):
            ensure_directory(files, path.parent)
            self._recover()

    def append(self, records: list[R]) -> None:
        """Write records and return only when they survive a power cut.

        Errors: StoreError; then nothing of it counts, and the call may simply be repeated.
        """
        if not records:
            return
        content = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        day = records[0].recorded_at[:10]
        with store_faults("write", self.path):
            if self._is_suspect:
                self._cut()
            if self._size and (self._size >= self._rotate_bytes or day != self._day):
                self._rotate()
                self.prune(day)
            self._is_suspect = True
            write_all(self._files, self._descriptor, content)
            self._files.sync(self._descriptor)
            self._is_suspect = False
        self._size += len(content)
        self._day = self._day if self._size > len(content) else day
        self.last_sequence = records[-1].sequence

    def read(self, after: int = 0) -> tuple[list[R], list[Damage]]:
        """Read what follows a place, oldest first, and every line that cannot be read."""
        return read_log(self.path, self._decoder, after)

    def prune(self, today: str) -> None:
        """Remove finished files beyond their days or beyond the space for all of them."""
        oldest = (date.fromisoformat(today) - timedelta(days=DAYS_KEPT)).strftime("%Y%m%d")
        with store_faults("remove", self.path):
            finished = finished_files(self.path)
            kept = sum(path.stat().st_size for path in finished)
            for path in finished:
                size = path.stat().st_size
                if kept > self._kept_bytes_max or _day_of(path) < oldest:
                    remove_durably(self._files, path)
                    kept -= size

    def close(self) -> None:
        """Let go of the file; a second close does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._files.close(descriptor)

    def _recover(self) -> None:
        self._files.sync_directory(self.path.parent)
        if self.path.exists():
            content = self.path.read_bytes()
            self._size = _whole_bytes(content, self._decoder)
            self._torn = content[self._size :]
            self.repaired_bytes = len(self._torn)
        self._descriptor = self._files.open_append(self.path)
        if self._torn:
            self._repair()
        self._files.sync(self._descriptor)
        self._files.sync_directory(self.path.parent)
        records, _ = _read_file(self.path, self._decoder)
        if not records:
            for path in finished_files(self.path)[-1:]:
                records, _ = _read_file(path, self._decoder)
            self.last_sequence = max((record.sequence for record in records), default=0)
            return
        self._day = records[0].recorded_at[:10]
        self.last_sequence = max(record.sequence for record in records)

    def _repair(self) -> None:
        """Keep the torn end aside and cut it off; on a full disk, when something is appended."""
        try:
            self._cut()
        except OSError as fault:
            if not is_full(fault):
                raise
            self._is_suspect = True

    def _cut(self) -> None:
        """Take back what a failed append may have left; what was found torn is kept before."""
        if self._torn:
            replace_durably(self._files, self.path.with_suffix(".torn"), self._torn)
            self._torn = b""
        self._files.truncate(self._descriptor, self._size)
        self._files.sync(self._descriptor)
        self._is_suspect = False

    def _rotate(self) -> None:
        first = self.last_sequence
        with self.path.open("rb") as handle:
            for line in handle:
                record = _decoded(line, self._decoder)
                if record is not None:
                    first = record.sequence
                    break
        stem, day = self.path.stem, self._day.replace("-", "")
        target = self.path.with_name(f"{stem}-{day}-{first:012d}{self.path.suffix}")
        self._files.rename(self.path, target)
        replaced, self._descriptor = self._descriptor, -1
        self._files.close(replaced)
        self._descriptor = self._files.open_append(self.path)
        self._files.sync_directory(self.path.parent)
        self._size = 0


def read_log(
    path: Path, decoder: msgspec.json.Decoder[R], after: int = 0
) -> tuple[list[R], list[Damage]]:
    """Read what follows a place, oldest first, and what cannot be read; changes nothing.

    Errors: StoreError of the disk.
    """
    records: list[R] = []
    damaged: list[Damage] = []
    finished = finished_files(path)
    first_of_next = [first_sequence_of(each) for each in finished[1:]]
    for place, each in enumerate((*finished, path)):
        if place < len(first_of_next) and first_of_next[place] <= after + 1:
            continue
        found, flaws = _read_file(each, decoder)
        records += (record for record in found if record.sequence > after)
        damaged += flaws
    return sorted(records, key=lambda record: record.sequence), damaged


def _read_file(path: Path, decoder: msgspec.json.Decoder[R]) -> tuple[list[R], list[Damage]]:
    records: list[R] = []
    flaws: list[Damage] = []
    with store_faults("read", path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return records, flaws
    whole = content[: _whole_bytes(content, decoder)]
    for number, line in enumerate(whole.splitlines(keepends=True), start=1):
        record = _decoded(line, decoder)
        if record is None:
            flaws.append(Damage(file=path.name, line=number))
        else:
            records.append(record)
    return records, flaws


def finished_files(path: Path) -> list[Path]:
    """List the finished files of a log, oldest first."""
    name = re.compile(re.escape(path.stem) + r"-\d{8}-\d{12}" + re.escape(path.suffix))
    if not path.parent.is_dir():
        return []
    return sorted(each for each in path.parent.iterdir() if name.fullmatch(each.name))


def first_sequence_of(path: Path) -> int:
    """Read the sequence of a finished file's first record off its name."""
    return int(path.stem.rsplit("-", 1)[1])


def _day_of(path: Path) -> str:
    return path.stem.rsplit("-", 2)[1]


def _decoded(line: bytes, decoder: msgspec.json.Decoder[R]) -> R | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return decoder.decode(line)
    except msgspec.DecodeError:
        return None


def _whole_bytes(content: bytes, decoder: msgspec.json.Decoder[R]) -> int:
    """Find where the last whole record ends; what is behind it an interrupted write left."""
    end = len(content)
    for line in _backwards(content):
        if _decoded(line, decoder) is not None:
            return end
        end -= len(line)
    return 0


def _backwards(content: bytes) -> Iterator[bytes]:
    end = len(content)
    while end:
        start = content.rfind(b"\n", 0, end - 1) + 1
        yield content[start:end]
        end = start


S = TypeVar("S", bound=msgspec.Struct)


class StateFile(Generic[S]):
    """One value in a file that is replaced as a whole; unreadable, it is kept aside and told."""

    def __init__(self, path: Path, kind: type[S], *, files: FileSystem = REAL) -> None:
        self.path = path
        self.damage = ""
        self._decoder: msgspec.json.Decoder[S] = msgspec.json.Decoder(kind)
        self._files = files

    def read(self) -> S | None:
        """Return the value; None where there is none or it cannot be understood."""
        with store_faults("read", self.path):
            try:
                content = self.path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            return self._decoder.decode(content)
        except msgspec.DecodeError as fault:
            self.damage = f"{self.path.name}: {fault}"
            return None

    def write(self, state: S) -> None:
        """Replace the value: after a crash there is the old one or the new one.

        Errors: StoreError of the disk.
        """
        with store_faults("write", self.path):
            ensure_directory(self._files, self.path.parent)
            if self.damage:
                self._files.rename(self.path, self.path.with_suffix(".damaged"))
                self.damage = ""
            replace_durably(self._files, self.path, msgspec.json.encode(state))
