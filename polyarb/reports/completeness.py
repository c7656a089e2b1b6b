"""What of a day the journal covers, and what is missing from it; told before anything else."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from polyarb.domain.book import BookFault
from polyarb.domain.ids import ConditionId
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
)
from polyarb.reports.records import ChainCheck, Record
from polyarb.reports.runs import Run, RunEnd
from polyarb.reports.survey import Survey
from polyarb.reports.window import Window

SILENCE_NS = 150 * 10**9
"""A run notes its feed and its counts every minute; longer without any record is a silence."""


class HoleKind(StrEnum):
    """How something is missing from the journal."""

    CRASHED_RUN = "CRASHED_RUN"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    BROKEN_CHAIN = "BROKEN_CHAIN"


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is missing; figures behind it cannot be trusted to be whole."""

    kind: HoleKind
    text: str


class FeedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the feed delivered; None of markets and tokens: nobody told.

    Shape: by_type, rejected (unusable) and noted (odd and yet used) map a name to a count.
    """

    frames: int
    messages: int
    by_type: dict[str, int]
    rejected: dict[str, int]
    unknown_tokens: int
    noted: dict[str, int]
    markets: int | None
    tokens: int | None


class BookLoss(msgspec.Struct, frozen=True, kw_only=True):
    """How long one market's book could not be decided on. Units: lost in nanoseconds."""

    condition_id: ConditionId
    invalidations: int
    lost_ns: int
    by_fault: dict[str, int]


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a run without any record. Units: unix nanoseconds."""

    start_ns: int
    end_ns: int


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """What was covered and what is missing.

    covered is the union of the counted runs' time; books is worst first; feed None: the feed was
    not measured.
    Units: nanoseconds.
    """

    is_whole: bool
    is_chain_verified: bool
    holes: tuple[Hole, ...]
    torn: str
    records: int
    sequence_first: int
    sequence_last: int
    runs: tuple[Run, ...]
    covered_ns: int
    silences: tuple[Silence, ...]
    feed: FeedCounts | None
    books: tuple[BookLoss, ...]


class _Loss:
    """What was lost of one book so far."""

    __slots__ = ("faults", "lost_ns")

    def __init__(self) -> None:
        self.lost_ns = 0
        self.faults: Counter[str] = Counter()


class CompletenessFold:
    """Folds records of counted runs into feed counts, book losses and silences of a window."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._feeds: dict[int, tuple[FeedMeasured | None, FeedMeasured | None]] = {}
        self._invalid: dict[ConditionId, int] = {}
        self._losses: dict[ConditionId, _Loss] = {}
        self._silences: list[Silence] = []
        self._heard = self._last_ns = 0

    def apply(self, run: Run, record: Record) -> None:
        """Take one record of a counted run, in order."""
        self.hear(run, record.time_ns)
        self.note(run, record)
        if record.sequence == run.sequence_last:
            self.end_run(run)

    def note(self, run: Run, record: Record) -> None:
        """Take what one record says of the feed and of books."""
        message, now_ns = record.message, record.time_ns
        match message:
            case FeedMeasured():
                before, last = self._feeds.get(run.ordinal, (None, None))
                if now_ns < self._window.start_ns:
                    before = message
                elif now_ns < self._window.end_ns:
                    last = message
                self._feeds[run.ordinal] = (before, last)
            case BookInvalidated():
                self._lose(message.condition_id, message.fault, now_ns)
            case BookRestored():
                self._restore(message.condition_id, now_ns)
            case _:
                pass

    def end_run(self, run: Run) -> None:
        """Close the losses of a run that is over."""
        for condition_id in list(self._invalid):
            self._restore(condition_id, run.ended_ns)

    def feed(self) -> FeedCounts | None:
        """Add up what the feeds of all runs delivered inside the window."""
        measured = [(before, last) for before, last in self._feeds.values() if last is not None]
        if not measured:
            return None
        counts = [_difference(last, before) for before, last in measured if last is not None]
        return FeedCounts(
            frames=sum(count.frames for count in counts),
            messages=sum(count.messages for count in counts),
            by_type=add_counts(count.by_type for count in counts),
            rejected=add_counts(count.rejected for count in counts),
            unknown_tokens=sum(count.unknown_tokens for count in counts),
            noted=add_counts(count.noted for count in counts),
            markets=_largest(count.markets for count in counts),
            tokens=_largest(count.tokens for count in counts),
        )

    def measured(self) -> tuple[FeedMeasured, ...]:
        """Return the last measurement of every run inside the window."""
        return tuple(last for _, last in self._feeds.values() if last is not None)

    def books(self) -> tuple[BookLoss, ...]:
        """List what was lost of each book, worst first."""
        losses = [
            BookLoss(
                condition_id=condition_id,
                invalidations=sum(loss.faults.values()),
                lost_ns=loss.lost_ns,
                by_fault=dict(sorted(loss.faults.items())),
            )
            for condition_id, loss in self._losses.items()
            if loss.lost_ns or loss.faults
        ]
        return tuple(sorted(losses, key=lambda loss: (-loss.lost_ns, loss.condition_id)))

    def silences(self) -> tuple[Silence, ...]:
        """List the stretches of runs without any record."""
        return tuple(self._silences)

    def hear(self, run: Run, now_ns: int) -> None:
        """Take the time of one record of a counted run."""
        if run.ordinal != self._heard:
            self._heard, self._last_ns = run.ordinal, now_ns
        last_ns = self._last_ns
        if now_ns - last_ns > SILENCE_NS and self._window.overlap_ns(last_ns, now_ns) > SILENCE_NS:
            self._silences.append(Silence(start_ns=last_ns, end_ns=now_ns))
        if now_ns > last_ns:
            self._last_ns = now_ns

    def _lose(self, condition_id: ConditionId, fault: BookFault, now_ns: int) -> None:
        self._invalid.setdefault(condition_id, now_ns)
        if self._window.has(now_ns):
            loss = self._losses.get(condition_id)
            if loss is None:
                loss = self._losses[condition_id] = _Loss()
            loss.faults[fault] += 1

    def _restore(self, condition_id: ConditionId, now_ns: int) -> None:
        since_ns = self._invalid.pop(condition_id, None)
        if since_ns is not None:
            loss = self._losses.get(condition_id)
            if loss is None:
                loss = self._losses[condition_id] = _Loss()
            loss.lost_ns += self._window.overlap_ns(since_ns, now_ns)


def find_holes(survey: Survey, window: Window, chain: ChainCheck) -> tuple[Hole, ...]:
    """List what is missing: breaks of the chain, gaps of the sequence, runs that crashed.

    A crashed run is a hole of the days it ran on, unless a later run played the same feed again.
    """
    return (
        *(Hole(kind=HoleKind.BROKEN_CHAIN, text=text) for text in chain.breaks),
        *(Hole(kind=HoleKind.SEQUENCE_GAP, text=text) for text in survey.gaps),
        *(
            Hole(
                kind=HoleKind.CRASHED_RUN,
                text=f"run {run.run_id} has no end after record {run.sequence_last}",
            )
            for run in survey.runs
            if run.end is RunEnd.CRASHED and run.is_counted and is_within(run, window)
        ),
    )


def is_within(run: Run, window: Window) -> bool:
    """Tell whether any of a run lies inside a window."""
    return run.started_ns < window.end_ns and run.ended_ns >= window.start_ns


def covered_ns(runs: Sequence[Run], window: Window) -> int:
    """Measure the time that counted runs cover inside a window, overlaps once."""
    spans = sorted((run.started_ns, run.ended_ns) for run in runs if run.is_counted)
    total, reached_ns = 0, window.start_ns
    for start_ns, end_ns in spans:
        total += window.overlap_ns(max(start_ns, reached_ns), end_ns)
        reached_ns = max(reached_ns, end_ns)
    return total


def _difference(last: FeedMeasured, before: FeedMeasured | None) -> FeedMeasured:
    if before is None:
        return last
    return msgspec.structs.replace(
        last,
        frames=last.frames - before.frames,
        messages=last.messages - before.messages,
        by_type=_less(last.by_type, before.by_type),
        rejected=_less(last.rejected, before.rejected),
        unknown_tokens=last.unknown_tokens - before.unknown_tokens,
        noted=_less(last.noted, before.noted),
    )


def _less(last: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in last.items()}


def add_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add counts by name, in the order of names."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
