"""Read tape files through and say what they hold and what is wrong with them."""

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from hashlib import file_digest
from pathlib import Path

import msgspec

from polyarb.store.filesystem import store_faults
from polyarb.store.tape import TapeStatus, read_tape
from polyarb.store.tape_index import INDEX_NAME, IndexEntry, read_index

_RECORDED = re.compile(r"(?P<day>\d{8})/(?P<hour>\d{2})-\d{4}\.jsonl\.gz$")
_VENUE_MS = re.compile(rb'"timestamp":"([1-9][0-9]{12})"')
_NS_PER_MS = 1_000_000
HOLES_MAX = 20
"""So many holes of one file are told, all are counted."""


class FlawKind(StrEnum):
    """What can be wrong with a tape."""

    TORN = "torn"
    UNREADABLE = "unreadable"
    HOLE = "hole"
    CHANGED = "changed"
    MISSING = "missing"


class TapeFlaw(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with one file. Shape: line counts from 1, 0 is the whole file."""

    file: str
    kind: FlawKind
    text: str
    line: int = 0


class TapeContent(msgspec.Struct, frozen=True, kw_only=True):
    """What one file was found to hold; times are 0, numbers None, where its lines tell none."""

    path: str
    entry: IndexEntry
    losses: int
    flaws: tuple[TapeFlaw, ...]


class TapeVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying tapes gave; unindexed files are those of a crash, or being written."""

    files: int
    lines: int
    losses: int
    bytes: int
    unindexed: int
    flaws: tuple[TapeFlaw, ...]


class _Stamp(msgspec.Struct):
    recv_ns: int | None = None
    recv_ms: int | None = None
    seq: int | None = None
    lost: msgspec.Raw = msgspec.Raw(b"")


_decode_stamp = msgspec.json.Decoder(_Stamp).decode


def recording_of(path: Path) -> Path:
    """Say which directory a recorded file belongs to: the one that its index lies in."""
    is_recorded = _RECORDED.search(path.as_posix()) is not None
    return path.parent.parent if is_recorded else path.parent


def hour_of(path: Path) -> str:
    """Return the hour that a recorded file is of, YYYYMMDDHH; nothing for another file."""
    found = _RECORDED.search(path.as_posix())
    return found["day"] + found["hour"] if found else ""


def time_of(line: bytes) -> int:
    """Return when a line was received, or else sent, in ns; 0 where it does not say."""
    try:
        stamp = _decode_stamp(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
    return _time_in(stamp, line)


def number_of(line: bytes) -> int | None:
    """Return which line of its recording a line is; None where it does not say."""
    try:
        return _decode_stamp(line).seq
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def scan_tape(path: Path) -> TapeContent:
    """Read one file through."""
    reading = read_tape(path)
    scan = _Scan(str(path))
    for block in reading.blocks():
        for line in block:
            scan.take(line)
    end = reading.ends[0]
    if end.status is TapeStatus.TORN:
        scan.flaw(FlawKind.TORN, f"{end.reason}; {end.lines} lines before it are whole")
    with store_faults("read", path), path.open("rb") as handle:
        digest = file_digest(handle, "sha256").hexdigest()
        size = handle.tell()
    entry = IndexEntry(
        file=path.relative_to(recording_of(path)).as_posix(),
        first_ns=scan.first_ns,
        last_ns=scan.last_ns,
        lines=scan.lines,
        bytes=size,
        sha256=digest,
        first_seq=scan.first_seq,
        last_seq=scan.last_seq,
        is_torn=end.status is TapeStatus.TORN,
    )
    return TapeContent(path=str(path), entry=entry, losses=scan.losses, flaws=scan.flaws())


def verify_tapes(paths: Iterable[Path], writing: Collection[Path] = ()) -> TapeVerification:
    """Read files through, in order, and hold them against the indexes of their directories.

    A file that is being written may end anywhere.
    """
    contents = [(path, scan_tape(path)) for path in paths]
    indexes = {root: read_index(root) for path, _ in contents for root in (recording_of(path),)}
    flaws: list[TapeFlaw] = []
    before: dict[Path, int] = {}
    for path, content in contents:
        root = recording_of(path)
        is_written = path in writing
        flaws += [flaw for flaw in content.flaws if not is_written or flaw.kind != FlawKind.TORN]
        flaws += _joint(content, before.get(root))
        before[root] = _number(content.entry.last_seq, before.get(root, -1))
        if not is_written:
            flaws += _against_index(content, indexes[root].get(content.entry.file))
    for root, index in indexes.items():
        flaws += _missing(root, index)
    return TapeVerification(
        files=len(contents),
        lines=sum(content.entry.lines for _, content in contents),
        losses=sum(content.losses for _, content in contents),
        bytes=sum(content.entry.bytes for _, content in contents),
        unindexed=sum(
            content.entry.file not in indexes[recording_of(path)] for path, content in contents
        ),
        flaws=tuple(flaws),
    )


def _joint(content: TapeContent, before: int | None) -> list[TapeFlaw]:
    """Look for a hole between a file and the one before; numbers may begin anew from 0."""
    first = content.entry.first_seq
    if before is None or before < 0 or first is None or first in {0, before + 1}:
        return []
    text = f"expected line number {before + 1} after the file before, found {first}"
    return [TapeFlaw(file=content.path, kind=FlawKind.HOLE, text=text, line=1)]


def _against_index(content: TapeContent, entry: IndexEntry | None) -> list[TapeFlaw]:
    if entry is None or (entry.bytes, entry.sha256) == (content.entry.bytes, content.entry.sha256):
        return []
    text = (
        f"expected {entry.bytes} bytes of sha256 {entry.sha256[:12]}, "
        f"found {content.entry.bytes} of {content.entry.sha256[:12]}"
    )
    return [TapeFlaw(file=content.path, kind=FlawKind.CHANGED, text=text)]


def _missing(root: Path, index: dict[str, IndexEntry]) -> list[TapeFlaw]:
    return [
        TapeFlaw(
            file=str(root / name),
            kind=FlawKind.MISSING,
            text=f"{root / INDEX_NAME} names it, with {entry.lines} lines; the file is not there",
        )
        for name, entry in index.items()
        if not (root / name).exists()
    ]


class _Scan:
    """What is counted while a file is read."""

    def __init__(self, file: str) -> None:
        self.lines = self.losses = self.first_ns = self.last_ns = 0
        self.first_seq: int | None = None
        self.last_seq: int | None = None
        self._file = file
        self._flaws: list[TapeFlaw] = []
        self._holes = 0
        self._unreadable = 0

    def take(self, line: bytes) -> None:
        self.lines += 1
        try:
            stamp = _decode_stamp(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._unreadable += 1
            if self._unreadable == 1:
                self.flaw(FlawKind.UNREADABLE, "expected a line of a tape", self.lines)
            return
        self.losses += bool(bytes(stamp.lost))
        time_ns = _time_in(stamp, line)
        self.first_ns = self.first_ns or time_ns
        self.last_ns = max(self.last_ns, time_ns)
        if stamp.seq is not None:
            self._take_number(stamp.seq)

    def flaw(self, kind: FlawKind, text: str, line: int = 0) -> None:
        self._flaws.append(TapeFlaw(file=self._file, kind=kind, text=text, line=line))

    def flaws(self) -> tuple[TapeFlaw, ...]:
        if self._unreadable > 1:
            self.flaw(FlawKind.UNREADABLE, f"{self._unreadable} lines are no lines of a tape")
        if self._holes > HOLES_MAX:
            self.flaw(FlawKind.HOLE, f"{self._holes} holes in all")
        return tuple(self._flaws)

    def _take_number(self, found: int) -> None:
        if self.first_seq is None:
            self.first_seq = found
        elif self.last_seq is not None and found != self.last_seq + 1:
            self._holes += 1
            if self._holes <= HOLES_MAX:
                text = f"expected line number {self.last_seq + 1}, found {found}"
                self.flaw(FlawKind.HOLE, text, self.lines)
        self.last_seq = found


def _number(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _time_in(stamp: _Stamp, line: bytes) -> int:
    if stamp.recv_ns is not None:
        return stamp.recv_ns
    if stamp.recv_ms is not None:
        return stamp.recv_ms * _NS_PER_MS
    found = _VENUE_MS.search(line)
    return int(found[1]) * _NS_PER_MS if found else 0
