"""Runs of the journal: when each began and ended, how, and which of them a report counts."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from polyarb.domain.messages import RunStarted, RunStopped
from polyarb.ledger.runs import RunSpan, superseded
from polyarb.reports.records import Record


class RunEnd(StrEnum):
    """How a run ended; one without its last record crashed, unless it still goes on."""

    STOPPED = "stopped"
    CRASHED = "crashed"
    RUNNING = "running"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    superseded_by is the ordinal of a run that played the same feed over the same time and longer,
    or 0: the figures of both would count everything twice. venue is empty in older records.
    Units: ordinals from 1; times of its first and last record in unix nanoseconds.
    """

    ordinal: int
    run_id: str
    phase: str
    profile: str
    feed: str
    venue: str = ""
    code_digest: str
    config_digest: str
    catalogue_digest: str
    started_ns: int
    ended_ns: int
    end: RunEnd
    stop_reason: str
    records: int
    sequence_first: int
    sequence_last: int
    superseded_by: int = 0

    @property
    def is_counted(self) -> bool:
        """Tell whether a report counts this run."""
        return not self.superseded_by


class RunListing:
    """Takes a journal's records one by one and lists its runs."""

    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._draft: _Draft | None = None
        self._ordinal = 0

    def take(self, sequence: int, time_ns: int, edge: RunStarted | RunStopped | None) -> int:
        """Take one record, in order; edge is its message if it begins or ends a run.

        Returns the ordinal of the run that the record belongs to, 0 before the first.
        """
        if edge is not None and self._turn(sequence, time_ns, edge):
            return self._ordinal
        draft = self._draft
        if draft is None:
            return 0
        draft.records += 1
        draft.sequence_last = sequence
        if time_ns > draft.ended_ns:
            draft.ended_ns = time_ns
        return self._ordinal

    def _turn(self, sequence: int, time_ns: int, edge: RunStarted | RunStopped) -> bool:
        """Begin a run or mark the present one stopped; tell whether one began."""
        if isinstance(edge, RunStopped):
            if self._draft is not None:
                self._draft.stopped = edge
            return False
        self._ordinal += 1
        self._draft = _Draft(self._ordinal, edge, time_ns, sequence)
        self._drafts.append(self._draft)
        return True

    def runs(self, *, is_running: bool = False) -> tuple[Run, ...]:
        """Conclude; is_running tells that the last one has a live process."""
        runs = [draft.run() for draft in self._drafts]
        if is_running and runs and runs[-1].end is RunEnd.CRASHED:
            runs[-1] = replace(runs[-1], end=RunEnd.RUNNING)
        return tuple(_supersede(runs))


def list_runs(records: Iterable[Record], *, is_running: bool = False) -> tuple[Run, ...]:
    """List the runs of a journal; is_running tells that the last one has a live process."""
    listing = RunListing()
    for record in records:
        message = record.message
        edge = message if isinstance(message, RunStarted | RunStopped) else None
        listing.take(record.sequence, record.time_ns, edge)
    return listing.runs(is_running=is_running)


def with_run(records: Iterable[Record], runs: Sequence[Run]) -> Iterator[tuple[Run | None, Record]]:
    """Yield every record with the run it belongs to; None before the first run."""
    ordinal = 0
    for record in records:
        ordinal += isinstance(record.message, RunStarted)
        yield (runs[ordinal - 1] if ordinal else None), record


def counted_records(records: Iterable[Record], runs: Sequence[Run]) -> Iterator[tuple[Run, Record]]:
    """Yield the records of counted runs with their run."""
    ordinal, here = 0, None
    for record in records:
        if type(record.message) is RunStarted:
            here = runs[ordinal] if runs[ordinal].is_counted else None
            ordinal += 1
        if here is not None:
            yield here, record


class _Draft:
    """A run of which more records may come."""

    __slots__ = (
        "ended_ns",
        "ordinal",
        "records",
        "sequence_first",
        "sequence_last",
        "started",
        "started_ns",
        "stopped",
    )

    def __init__(self, ordinal: int, started: RunStarted, time_ns: int, sequence: int) -> None:
        self.ordinal = ordinal
        self.started = started
        self.started_ns = self.ended_ns = time_ns
        self.sequence_first = self.sequence_last = sequence
        self.records = 1
        self.stopped: RunStopped | None = None

    def run(self) -> Run:
        started, stopped = self.started, self.stopped
        return Run(
            ordinal=self.ordinal,
            run_id=started.run_id,
            phase=started.phase,
            profile=started.profile,
            feed=started.feed,
            venue=started.venue,
            code_digest=started.code_digest,
            config_digest=started.config_digest,
            catalogue_digest=started.catalogue_digest,
            started_ns=self.started_ns,
            ended_ns=self.ended_ns,
            end=RunEnd.CRASHED if stopped is None else RunEnd.STOPPED,
            stop_reason="" if stopped is None else stopped.reason,
            records=self.records,
            sequence_first=self.sequence_first,
            sequence_last=self.sequence_last,
        )


def _supersede(runs: Sequence[Run]) -> Iterator[Run]:
    """Mark the runs that do not count with the one that does."""
    instead = superseded(
        RunSpan(
            ordinal=run.ordinal,
            feed=run.feed,
            venue=run.venue,
            started_ns=run.started_ns,
            ended_ns=run.ended_ns,
        )
        for run in runs
    )
    for run in runs:
        better = instead.get(run.ordinal)
        yield run if better is None else replace(run, superseded_by=better)
