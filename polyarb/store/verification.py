"""Verify the whole journal, and against places of it that were kept elsewhere.

The chain alone shows every change but two: a cut end and a chain made anew. These show against an
anchor from a report, a status or a backup.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.store.filesystem import store_faults
from polyarb.store.records import START, Anchor, Envelope, Flaw, FlawKind, read_envelope
from polyarb.store.segments import (
    Step,
    TornTail,
    archive_name,
    is_torn_tail,
    open_segments,
    walk,
)
from polyarb.store.verified import (
    OnSegment,
    VerifiedSegment,
    digest_of,
    keep_verified_segments,
    read_verified_segments,
)

_NONE: dict[str, VerifiedSegment] = {}
BREAKS_MAX = 1000
"""How many breaks are listed; a file of rubbish has as many as lines."""


class JournalBreak(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the chain does not hold; line 0 is the journal as a whole."""

    file: str
    line: int
    kind: FlawKind
    expected: str
    found: str


class JournalReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal holds and whether its chain does.

    Shape: records counts whole ones; times are of the first and last record, 0 without any.
    """

    records: int
    segments: int
    head: Anchor
    first_time_ns: int
    last_time_ns: int
    breaks: tuple[JournalBreak, ...]
    torn: TornTail | None

    @property
    def is_whole(self) -> bool:
        """Tell whether every record is what was written, in its place."""
        return not self.breaks


def verify_journal(
    current: Path,
    archive: Path,
    *,
    anchors: Sequence[Anchor] = (),
    on_record: Callable[[Envelope], None] | None = None,
) -> JournalReport:
    """Check every record of every segment; a break is listed and reading goes on behind it.

    An unfinished last line is told as torn; while a writer runs it is one being written.
    on_record is called with every whole record, in order.
    """
    return _Verification(anchors, on_record).run(current, archive)


def verify_anew(current: Path, archive: Path, verified: Path) -> JournalReport:
    """Check every record, whatever was verified before, and keep what that found."""
    found: dict[str, VerifiedSegment] = {}
    report = _Verification((), None, on_segment=found.__setitem__).run(current, archive)
    if found != read_verified_segments(verified):
        keep_verified_segments(verified, found)
    return report


def verify_news(
    current: Path,
    archive: Path,
    verified: Path,
    *,
    anchors: Sequence[Anchor] = (),
    on_record: Callable[[Envelope], None] | None = None,
) -> tuple[JournalReport, int]:
    """Check what was not verified before; return how many finished segments were passed over, too.

    A segment is passed over while its bytes are those that were verified, as `verified` has it.
    """
    known = read_verified_segments(verified)
    found: dict[str, VerifiedSegment] = {}

    def note(name: str, segment: VerifiedSegment) -> None:
        found[name] = segment
        if known.get(name) != segment:
            # At once: who is stopped half way, by a deadline say, goes on from here next time.
            keep_verified_segments(verified, {**known, **found})

    check = _Verification(anchors, on_record, known=known, on_segment=note)
    report = check.run(current, archive)
    if found != known:
        keep_verified_segments(verified, found)
    return report, check.passed_over


class _Verification:
    def __init__(
        self,
        anchors: Sequence[Anchor],
        on_record: Callable[[Envelope], None] | None,
        *,
        known: Mapping[str, VerifiedSegment] = _NONE,
        on_segment: OnSegment | None = None,
    ) -> None:
        self.passed_over = 0
        self._known = known
        self._on_segment = on_segment
        self._on_record = on_record
        self._wanted = {anchor.sequence: anchor.hash for anchor in anchors if anchor.sequence}
        self._place: Anchor | None = START
        self._head = START
        self._records = 0
        self._first_time_ns = self._last_time_ns = 0
        self._breaks: list[JournalBreak] = []
        self._torn: TornTail | None = None

    def run(self, current: Path, archive: Path) -> JournalReport:
        segments = 0
        for path, handle in _segments(current, archive):
            segments += 1
            if path == current:
                self._read(path, handle, is_current=True)
            else:
                self._read_finished(path, handle)
        for sequence, digest in sorted(self._wanted.items()):
            flaw = Flaw(
                kind=FlawKind.LOST,
                expected=f"record {sequence} with hash {digest}",
                found=f"record {self._head.sequence} as the last",
            )
            self._note(current, 0, flaw)
        return JournalReport(
            records=self._records,
            segments=segments,
            head=self._head,
            first_time_ns=self._first_time_ns,
            last_time_ns=self._last_time_ns,
            breaks=tuple(self._breaks),
            torn=self._torn,
        )

    def _read_finished(self, path: Path, handle: BinaryIO) -> None:
        """Read a segment unless it is the one that was verified, and tell of one without a flaw."""
        known = self._known.get(path.name)
        if known is not None and self._is_free_of_anchors(known):
            if known.is_still(handle, self._place):
                self._pass_over(path, handle, known)
                return
            handle.seek(0)
        before, records, breaks = self._place, self._records, len(self._breaks)
        first_time_ns, self._first_time_ns = self._first_time_ns, 0
        self._read(path, handle, is_current=False)
        begins_ns, self._first_time_ns = self._first_time_ns, first_time_ns or self._first_time_ns
        is_told = len(self._breaks) == breaks < BREAKS_MAX
        is_whole = is_told and before is not None and self._place is not None
        if self._on_segment is None or not is_whole or self._records == records:
            return
        assert before is not None
        found = VerifiedSegment(
            size=handle.seek(0, 2),
            digest=digest_of(handle),
            records=self._records - records,
            before=before,
            last=self._head,
            first_time_ns=begins_ns,
            last_time_ns=self._last_time_ns,
        )
        self._on_segment(path.name, found)

    def _is_free_of_anchors(self, known: VerifiedSegment) -> bool:
        """Tell whether no place inside is to be compared: its last one is, without reading."""
        first, last = known.before.sequence, known.last.sequence
        return not any(first < sequence < last for sequence in self._wanted)

    def _pass_over(self, path: Path, handle: BinaryIO, known: VerifiedSegment) -> None:
        self.passed_over += 1
        self._records += known.records
        self._first_time_ns = self._first_time_ns or known.first_time_ns
        self._last_time_ns = known.last_time_ns
        self._place = self._head = known.last
        if known.last.sequence in self._wanted:
            self._check_anchor(path, known.records, known.last)
        if self._on_record is not None:
            for line in handle:
                self._on_record(read_envelope(line))
        if self._on_segment is not None:
            self._on_segment(path.name, known)

    def _read(self, path: Path, handle: BinaryIO, *, is_current: bool) -> None:
        flawed: list[Step] = []
        last: Envelope | None = None
        on_record = self._on_record
        for step in walk(handle, self._place):
            found = step.found
            if isinstance(found, Flaw):
                flawed.append(step)
                continue
            if flawed:
                self._note_all(path, flawed)
            self._records += 1
            last = found
            if step.line_number == 1 and not is_current:
                self._check_name(path, found.sequence)
            if not self._first_time_ns:
                self._first_time_ns = found.time_ns
            if on_record is not None:
                on_record(found)
            if self._wanted and found.sequence in self._wanted:
                self._check_anchor(path, step.line_number, found.anchor)
        if last is not None:
            self._last_time_ns = last.time_ns
            self._place = self._head = last.anchor
        if flawed and is_current and is_torn_tail(handle, flawed[0].offset):
            offset = flawed[0].offset
            size = flawed[-1].end - offset
            self._torn = TornTail(sequence=self._head.sequence + 1, offset=offset, size=size)
        elif flawed:
            self._note_all(path, flawed)
            self._place = None

    def _check_name(self, path: Path, sequence: int) -> None:
        expected = archive_name(sequence)
        if path.name != expected:
            flaw = Flaw(kind=FlawKind.MISPLACED, expected=f"the name {expected}", found=path.name)
            self._note(path, 1, flaw)

    def _check_anchor(self, path: Path, line_number: int, place: Anchor) -> None:
        digest = self._wanted.pop(place.sequence)
        if digest != place.hash:
            flaw = Flaw(
                kind=FlawKind.CHANGED,
                expected=f"hash {digest} of record {place.sequence}, as kept elsewhere",
                found=f"hash {place.hash}",
            )
            self._note(path, line_number, flaw)

    def _note_all(self, path: Path, flawed: list[Step]) -> None:
        for step in flawed:
            assert isinstance(step.found, Flaw)
            self._note(path, step.line_number, step.found)
        flawed.clear()

    def _note(self, path: Path, line_number: int, flaw: Flaw) -> None:
        if len(self._breaks) < BREAKS_MAX:
            self._breaks.append(
                JournalBreak(
                    file=str(path),
                    line=line_number,
                    kind=flaw.kind,
                    expected=flaw.expected,
                    found=flaw.found,
                )
            )


def _segments(current: Path, archive: Path) -> Iterator[tuple[Path, BinaryIO]]:
    finished, handle = open_segments(current, archive)
    with ExitStack() as stack:
        if handle is not None:
            stack.enter_context(handle)
        for path in finished:
            with store_faults("read", path):
                segment = path.open("rb")
            with segment:
                yield path, segment
        if handle is not None:
            yield current, handle
