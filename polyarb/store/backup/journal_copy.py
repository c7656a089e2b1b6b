"""The journal as it stands: every segment verified, the current one cut behind a whole record."""

from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.backup.copying import Copier, open_regular
from polyarb.store.backup.manifest import FileEntry, JournalPart
from polyarb.store.backup.parts import ARCHIVE, CURRENT
from polyarb.store.backup.state import StateFold
from polyarb.store.filesystem import store_faults
from polyarb.store.records import START, Anchor, Flaw, FlawKind, open_envelope
from polyarb.store.segments import broken, is_torn_tail, open_segments, walk


class JournalCopy(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied; passed is the wanted place, or None where the journal never had it."""

    part: JournalPart
    entries: tuple[FileEntry, ...]
    passed: Anchor | None


def copy_journal(
    current: Path, archive: Path, copier: Copier, fold: StateFold, wanted: Anchor
) -> JournalCopy:
    """Copy the journal while a writer may append to it, and fold what is copied.

    Errors: BrokenJournalError where the chain does not hold.
    """
    finished, handle = open_segments(current, archive)
    walker = _Walker(fold, wanted)
    entries = []
    try:
        for path in finished:
            with open_regular(path) as segment:
                size = walker.measure(path, segment, is_current=False)
                segment.seek(0)
                entries.append(copier.copy(segment, f"{ARCHIVE}/{path.name}", size))
        if handle is not None:
            size = walker.measure(current, handle, is_current=True)
            handle.seek(0)
            entries.append(copier.copy(handle, CURRENT, size))
    finally:
        if handle is not None:
            handle.close()
    part = JournalPart(head=walker.place, segments=len(entries))
    passed = wanted if walker.is_reached else None
    return JournalCopy(part=part, entries=tuple(entries), passed=passed)


class _Walker:
    """Goes through the segments in order and stands behind the last whole record."""

    def __init__(self, fold: StateFold, wanted: Anchor) -> None:
        self.place = START
        self.is_reached = wanted == START
        self._fold = fold
        self._wanted = wanted

    def measure(self, path: Path, segment: BinaryIO, *, is_current: bool) -> int:
        """Verify and fold a segment; return how many bytes of it are whole records."""
        size = 0
        with store_faults("read", path):
            for step in walk(segment, self.place):
                found = step.found
                if isinstance(found, Flaw):
                    is_end = found.kind is FlawKind.UNFINISHED or is_torn_tail(segment, step.offset)
                    if is_current and is_end:
                        break
                    raise broken(path, step.line_number, found.expected, found.found)
                try:
                    self._fold.apply(open_envelope(found).message)
                except msgspec.DecodeError as fault:
                    raise StoreError(
                        f"cannot read {path} line {step.line_number}: expected a message of this "
                        f"version, found {found.event_type} ({fault}); use the version of polyarb "
                        "that wrote it"
                    ) from fault
                self.place, size = found.anchor, step.end
                self.is_reached = self.is_reached or self.place == self._wanted
        return size
