"""Readers of the journal: typed records in order across segments, while a writer may append."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.domain.messages import JournalMessage
from polyarb.store.filesystem import store_faults
from polyarb.store.records import (
    START,
    Anchor,
    Envelope,
    Flaw,
    FlawKind,
    JournalRecord,
    check_line,
    open_envelope,
)
from polyarb.store.segments import (
    broken,
    first_sequence_of,
    is_torn_tail,
    open_segments,
    read_edges,
    read_last_line,
    walk,
)


def read_journal(current: Path, archive: Path, *, after: int = 0) -> Iterator[JournalRecord]:
    """Yield every record behind sequence `after`, verified and typed.

    A last line that is not whole, being written or torn, is not there yet; no journal is no
    records.
    Errors: BrokenJournalError where the chain does not hold, StoreError for a record that this
    version cannot read.
    """
    for path, line_number, envelope in _envelopes(current, archive, after):
        if envelope.sequence > after:
            yield _read(path, line_number, envelope)


class _Line(JournalRecord, frozen=True, kw_only=True):
    """A record as it stands in the file, read in one go."""

    message: JournalMessage = msgspec.field(name="data")


_line_decoder: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)


def read_verified(current: Path, archive: Path, end: Anchor) -> Iterator[JournalRecord]:
    """Yield again every record up to a place up to which the chain was found whole just now.

    Half as dear as `read_journal`, since only the last record's hash is looked at.
    Errors: BrokenJournalError where that record is another one by now, StoreError for a record
    that this version cannot read.
    """
    if not end.sequence:
        return
    last, decode = end.sequence, _line_decoder.decode
    finished, handle = open_segments(current, archive)
    with ExitStack() as stack:
        if handle is not None:
            stack.enter_context(handle)
        for path in [*finished, *([current] if handle is not None else [])]:
            is_current = handle is not None and path == current
            lines = handle if is_current and handle else stack.enter_context(_opened(path))
            for number, line in enumerate(lines, start=1):
                try:
                    found = decode(line)
                except msgspec.DecodeError as fault:
                    raise _foreign(path, number, fault) from fault
                if found.sequence >= last:
                    _check_end(path, number, found, end)
                    yield found
                    return
                yield found


def _opened(path: Path) -> BinaryIO:
    with store_faults("read", path):
        return path.open("rb")


def _foreign(path: Path, number: int, fault: msgspec.DecodeError) -> StoreError:
    return StoreError(
        f"cannot read {path} line {number}: expected a record of this version, found {fault}; "
        "use the version of polyarb that wrote it"
    )


def _check_end(path: Path, number: int, found: _Line, end: Anchor) -> None:
    if (found.sequence, found.hash) != (end.sequence, end.hash):
        raise broken(
            path,
            number,
            f"record {end.sequence} with hash {end.hash}",
            f"record {found.sequence} with hash {found.hash}",
        )


def read_anchor(current: Path, archive: Path) -> Anchor:
    """Return the place of the last whole record; START for an empty journal."""
    finished, handle = open_segments(current, archive)
    place = read_edges(finished[-1]).last.anchor if finished else START
    if handle is None:
        return place
    with handle:
        last = check_line(read_last_line(handle), None)
        if isinstance(last, Envelope):
            return last.anchor
        handle.seek(0)
        for _, envelope in _walk_current(current, handle, place):
            place = envelope.anchor
    return place


def _envelopes(current: Path, archive: Path, after: int) -> Iterator[tuple[Path, int, Envelope]]:
    finished, handle = open_segments(current, archive)
    try:
        if handle is not None and _begins_by(handle, after + 1):
            skipped = len(finished)
        else:
            skipped = sum(first_sequence_of(path) <= after + 1 for path in finished[1:])
        place: Anchor | None = None if skipped else START
        for path in finished[skipped:]:
            for line_number, envelope in _walk_finished(path, place):
                place = envelope.anchor
                yield path, line_number, envelope
        if handle is not None:
            for line_number, envelope in _walk_current(current, handle, place):
                yield current, line_number, envelope
    finally:
        if handle is not None:
            handle.close()


def _begins_by(handle: BinaryIO, sequence: int) -> bool:
    first = check_line(handle.readline(), None)
    handle.seek(0)
    return isinstance(first, Envelope) and first.sequence <= sequence


def _walk_finished(path: Path, place: Anchor | None) -> Iterator[tuple[int, Envelope]]:
    with store_faults("read", path):
        handle = path.open("rb")
    with handle:
        for step in walk(handle, place):
            if isinstance(step.found, Flaw):
                raise broken(path, step.line_number, step.found.expected, step.found.found)
            yield step.line_number, step.found


def _walk_current(
    path: Path, handle: BinaryIO, place: Anchor | None
) -> Iterator[tuple[int, Envelope]]:
    for step in walk(handle, place):
        found = step.found
        if isinstance(found, Flaw):
            # An unfinished line ends what there is now; the writer may finish it meanwhile.
            if found.kind is FlawKind.UNFINISHED or is_torn_tail(handle, step.offset):
                return
            raise broken(path, step.line_number, found.expected, found.found)
        yield step.line_number, found


def _read(path: Path, line_number: int, envelope: Envelope) -> JournalRecord:
    try:
        return open_envelope(envelope)
    except msgspec.DecodeError as fault:
        raise StoreError(
            f"cannot read {path} line {line_number}: expected a message of this version, found "
            f"{envelope.event_type} ({fault}); use the version of polyarb that wrote it"
        ) from fault
