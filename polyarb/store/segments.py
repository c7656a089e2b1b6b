"""Where the journal's segments lie and how their lines follow each other.

The current segment is one file; finished ones are archived under the sequence of their first
record. Reading never needs the writer to stand still.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.domain.errors import BrokenJournalError
from polyarb.store.filesystem import store_faults
from polyarb.store.records import START, Anchor, Envelope, Flaw, check_line, has_record

_SEGMENT_NAME = re.compile(r"\d{12}\.jsonl")
_TAIL_BYTES = 1 << 16


class Step(msgspec.Struct, gc=False):
    """One line of a segment: its number from 1, where it begins, and what it turned out to be."""

    line_number: int
    offset: int
    found: Envelope | Flaw
    end: int


class TornTail(msgspec.Struct, frozen=True, kw_only=True):
    """What an interrupted write left behind the last whole record.

    Shape: sequence of the record that was cut; kept_in is the file that holds the bytes now, empty
    while they stand in the segment. Units: offset and size in bytes.
    """

    sequence: int
    offset: int
    size: int
    kept_in: str = ""


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """The first and the last record of a segment."""

    first: Envelope
    last: Envelope


def archived_segments(archive: Path) -> list[Path]:
    """List the finished segments, oldest first."""
    if not archive.is_dir():
        return []
    return sorted(path for path in archive.iterdir() if _SEGMENT_NAME.fullmatch(path.name))


def archive_name(first_sequence: int) -> str:
    """Name a finished segment."""
    return f"{first_sequence:012d}.jsonl"


def first_sequence_of(path: Path) -> int:
    """Read the sequence of a finished segment's first record off its name."""
    return int(path.stem)


def open_segments(current: Path, archive: Path) -> tuple[list[Path], BinaryIO | None]:
    """Take a view of the journal that a rotation during reading cannot tear.

    Shape: the finished segments, and the current one opened unless it is among them or absent.
    """
    handle: BinaryIO | None = None
    with store_faults("read", current), suppress(FileNotFoundError):
        handle = current.open("rb")
    finished = archived_segments(archive)
    if handle is not None and finished:
        inode = os.fstat(handle.fileno()).st_ino
        if any(path.stat().st_ino == inode for path in finished):
            handle.close()
            handle = None
    return finished, handle


def walk(handle: BinaryIO, previous: Anchor | None) -> Iterator[Step]:
    """Check every line against the one before; goes on behind a flaw.

    Behind a line that cannot be read, the next record's place is accepted as it stands.
    """
    offset = 0
    before: Anchor | Envelope | None = previous
    for number, line in enumerate(handle, start=1):
        found = check_line(line, before)
        end = offset + len(line)
        yield Step(number, offset, found, end)
        before = found if isinstance(found, Envelope) else _whole_or_none(line)
        offset = end


def _whole_or_none(line: bytes) -> Envelope | None:
    found = check_line(line, None)
    return found if isinstance(found, Envelope) else None


def is_torn_tail(handle: BinaryIO, offset: int) -> bool:
    """Tell whether the bytes from a flaw to the end are what an interrupted write leaves.

    They are not if a whole record stands among them: then something before it was changed.
    """
    here = handle.tell()
    handle.seek(offset)
    is_torn = not has_record(handle.read())
    handle.seek(here)
    return is_torn


def read_edges(path: Path) -> Edges:
    """Read the first and last record of a finished segment.

    Errors: BrokenJournalError if either is damaged.
    """
    with store_faults("read", path), path.open("rb") as handle:
        first, last = handle.readline(), read_last_line(handle)
    return Edges(first=_whole(path, first, "first"), last=_whole(path, last, "last"))


def check_joins(finished: list[Path]) -> Anchor:
    """Check that each finished segment goes on where the one before ends; return the last place.

    Errors: BrokenJournalError for a missing, misnamed or foreign segment.
    """
    place = START
    for path in finished:
        edges = read_edges(path)
        first = edges.first
        if first.sequence != place.sequence + 1 or first.previous != place.hash:
            raise broken(
                path,
                1,
                f"record {place.sequence + 1} after hash {place.hash}",
                f"record {first.sequence} after hash {first.previous}",
            )
        if path.name != archive_name(first.sequence):
            raise broken(path, 1, f"the name {archive_name(first.sequence)}", path.name)
        place = edges.last.anchor
    return place


def broken(path: Path, line_number: int, expected: str, found: str) -> BrokenJournalError:
    """Make the error that names the place of a break."""
    return BrokenJournalError(
        f"the journal is broken at {path} line {line_number}: expected {expected}, found {found}; "
        "see every break with `polyarb ledger verify`, then restore the file from a backup"
    )


def _whole(path: Path, line: bytes, which: str) -> Envelope:
    found = check_line(line, None)
    if isinstance(found, Flaw):
        line_number = 1 if which == "first" else _count_lines(path)
        raise broken(path, line_number, found.expected, found.found)
    return found


def _count_lines(path: Path) -> int:
    with path.open("rb") as handle:
        return sum(1 for _ in handle)


def read_last_line(handle: BinaryIO) -> bytes:
    """Read the last line of a file from its end, with the line break if it has one."""
    size = handle.seek(0, os.SEEK_END)
    span = _TAIL_BYTES
    while True:
        start = max(0, size - span)
        handle.seek(start)
        tail = handle.read(size - start)
        border = tail.rfind(b"\n", 0, len(tail) - 1)
        if border >= 0 or start == 0:
            return tail[border + 1 :]
        span *= 4
