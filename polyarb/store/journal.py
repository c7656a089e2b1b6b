"""The writer of the journal: append in memory, commit a batch durably, rotate, repair a torn tail.

One writer at a time. After a fault of the disk the writer takes nothing more; opening again finds
every record that was made durable.
"""

from pathlib import Path

from polyarb.domain.errors import StoreError
from polyarb.domain.messages import JournalMessage
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    replace_durably,
    store_faults,
    write_all,
)
from polyarb.store.locks import FileLock, acquire
from polyarb.store.records import Anchor, Flaw, RecordChain
from polyarb.store.segments import (
    Step,
    TornTail,
    archive_name,
    archived_segments,
    broken,
    check_joins,
    is_torn_tail,
    read_edges,
    walk,
)

ROTATE_BYTES = 64 << 20
"""Default size at which a segment is finished, in bytes."""
_SPILL_BYTES = 1 << 20


class FileJournal:
    """The port `Journal` on files; made by `open_journal`."""

    def __init__(
        self,
        current: Path,
        archive: Path,
        *,
        lock: FileLock,
        rotate_bytes: int,
        files: FileSystem,
    ) -> None:
        self.current = current
        self.archive = archive
        self.repaired: TornTail | None = None
        self._lock = lock
        self._rotate_bytes = rotate_bytes
        self._files = files
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._is_synced = True
        self._why_closed = ""
        self._descriptor = -1
        self._size = 0

    @property
    def head(self) -> Anchor:
        """Return the place of the last record appended."""
        return self._chain.head

    @property
    def durable_head(self) -> Anchor:
        """Return the place of the last record that survives a power cut."""
        return self._durable

    def append(self, message: JournalMessage, frame: int) -> None:
        """Record one message at its place: after so many frames of the run's feed.

        Errors: StoreError after a fault or once closed.
        """
        if self._why_closed:
            self._refuse()
        line = self._chain.seal(message, frame)
        self._pending.append(line)
        self._pending_bytes += len(line)
        if self._pending_bytes >= _SPILL_BYTES:
            self._guarded_write()

    def make_durable(self) -> None:
        """Return only when everything appended survives a power cut.

        Errors: StoreError, after which the journal must be opened anew.
        """
        if self._why_closed:
            self._refuse()
        if self._is_synced and not self._pending:
            return
        self._guarded_write()
        self._why_closed = "a fault of the disk"
        with store_faults("write", self.current):
            self._files.sync(self._descriptor)
            self._is_synced = True
            self._durable = self.head
            if self._size >= self._rotate_bytes:
                self._rotate()
        self._why_closed = ""

    def close(self) -> None:
        """Make everything durable and let go of the file; a second close does nothing."""
        try:
            if not self._why_closed:
                self.make_durable()
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Close the file and free the lock, whatever state they are in."""
        self._why_closed = self._why_closed or "a call of close"
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if descriptor >= 0:
                self._files.close(descriptor)
        finally:
            self._lock.release()

    def recover(self) -> None:
        """Verify what is there, repair a torn tail and stand behind the last whole record."""
        ensure_directory(self._files, self.archive)
        # A killed writer may have renamed a segment and not synced its name.
        self._files.sync_directory(self.archive)
        finished = archived_segments(self.archive)
        place = check_joins(finished)
        size = 0
        self._segment_first = place.sequence + 1
        if self.current.exists():
            place, size = self._recover_current(place)
        if not size and finished:
            _verify_finished(finished[-1])
        self._chain = RecordChain(place)
        self._durable = place
        self._start_segment(size)
        # Whole records that a killed writer had not synced yet count from now on.
        self._files.sync(self._descriptor)

    def _refuse(self) -> None:
        raise StoreError(
            f"the journal {self.current} was closed by {self._why_closed} and takes no records; "
            "start again to open and verify it"
        )

    def _guarded_write(self) -> None:
        # A failed write or sync is never tried again: what reached the disk is not known.
        self._why_closed = "a fault of the disk"
        with store_faults("write", self.current):
            self._is_synced = False
            write_all(self._files, self._descriptor, b"".join(self._pending))
        self._size += self._pending_bytes
        self._pending.clear()
        self._pending_bytes = 0
        self._why_closed = ""

    def _rotate(self) -> None:
        target = self.archive / archive_name(self._segment_first)
        self._files.close(self._descriptor)
        self._descriptor = -1
        self._files.rename(self.current, target)
        self._files.sync_directory(self.archive)
        self._files.sync_directory(self.current.parent)
        self._start_segment(size=0)

    def _start_segment(self, size: int) -> None:
        self._descriptor = self._files.open_append(self.current)
        self._files.sync_directory(self.current.parent)
        self._size = size
        if not size:
            self._segment_first = self._chain.sequence + 1

    def _recover_current(self, place: Anchor) -> tuple[Anchor, int]:
        size = 0
        with self.current.open("rb") as handle:
            for step in walk(handle, place):
                if isinstance(step.found, Flaw):
                    if not is_torn_tail(handle, step.offset):
                        raise _broken_at(self.current, step, step.found)
                    handle.seek(step.offset)
                    self._cut(handle.read(), size, place)
                    break
                place, size = step.found.anchor, step.end
        return place, size

    def _cut(self, torn: bytes, size: int, place: Anchor) -> None:
        """Keep the torn bytes aside, durably, before they leave the segment."""
        kept = _keep_path(self.archive, place.sequence + 1, torn)
        if not kept.exists():
            replace_durably(self._files, kept, torn)
        descriptor = self._files.open_append(self.current)
        try:
            self._files.truncate(descriptor, size)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)
        self.repaired = TornTail(
            sequence=place.sequence + 1, offset=size, size=len(torn), kept_in=str(kept)
        )


def open_journal(
    current: Path,
    archive: Path,
    *,
    rotate_bytes: int = ROTATE_BYTES,
    files: FileSystem = REAL,
) -> FileJournal:
    """Open the journal for appending, alone, its last segment verified and its tail whole.

    Errors: BrokenJournalError where the chain does not hold, RefusedError for a second writer,
    StoreError for a fault of the disk.
    """
    with store_faults("open", current):
        ensure_directory(files, current.parent)
    lock = acquire(current.with_suffix(".lock"), "the journal")
    journal = FileJournal(current, archive, lock=lock, rotate_bytes=rotate_bytes, files=files)
    try:
        with store_faults("open", current):
            journal.recover()
    except BaseException:
        journal.let_go()
        raise
    return journal


def _verify_finished(path: Path) -> None:
    first = read_edges(path).first
    before = Anchor(sequence=first.sequence - 1, hash=first.previous)
    with path.open("rb") as handle:
        for step in walk(handle, before):
            if isinstance(step.found, Flaw):
                raise _broken_at(path, step, step.found)


def _broken_at(path: Path, step: Step, flaw: Flaw) -> StoreError:
    return broken(path, step.line_number, flaw.expected, flaw.found)


def _keep_path(archive: Path, sequence: int, torn: bytes) -> Path:
    """Name the file for torn bytes; one that holds exactly these is reused after a crash."""
    path = archive / f"torn-{sequence}.bin"
    number = 1
    while path.exists() and path.read_bytes() != torn:
        number += 1
        path = archive / f"torn-{sequence}-{number}.bin"
    return path
