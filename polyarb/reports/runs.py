"""Runs of the journal: when each began and ended, how, and which of them a report counts."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from polyarb.domain.messages import RunStarted, RunStopped
from polyarb.reports.records import Record


class RunEnd(StrEnum):
    """How a run ended; one without its last record crashed, unless it still goes on."""

    STOPPED = "stopped"
    CRASHED = "crashed"
    RUNNING = "running"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    superseded_by is the ordinal of a run that played the same feed over the same time and longer,
    or 0: the figures of both would count everything twice.
    Units: ordinals from 1; times of its first and last record in unix nanoseconds.
    """

    ordinal: int
    run_id: str
    phase: str
    profile: str
    feed: str
    code_digest: str
    config_digest: str
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


def list_runs(records: Iterable[Record], *, is_running: bool = False) -> tuple[Run, ...]:
    """List the runs of a journal; is_running tells that the last one has a live process."""
    runs: list[Run] = []
    for record in records:
        message = record.message
        if isinstance(message, RunStarted):
            runs.append(_begin(len(runs) + 1, record, message))
        elif runs:
            runs[-1] = _go_on(runs[-1], record)
    if is_running and runs and runs[-1].end is RunEnd.CRASHED:
        runs[-1] = replace(runs[-1], end=RunEnd.RUNNING)
    return tuple(_supersede(runs))


def with_run(records: Iterable[Record], runs: Sequence[Run]) -> Iterator[tuple[Run | None, Record]]:
    """Yield every record with the run it belongs to; None before the first run."""
    ordinal = 0
    for record in records:
        ordinal += isinstance(record.message, RunStarted)
        yield (runs[ordinal - 1] if ordinal else None), record


def _begin(ordinal: int, record: Record, message: RunStarted) -> Run:
    return Run(
        ordinal=ordinal,
        run_id=message.run_id,
        phase=message.phase,
        profile=message.profile,
        feed=message.feed,
        code_digest=message.code_digest,
        config_digest=message.config_digest,
        started_ns=record.time_ns,
        ended_ns=record.time_ns,
        end=RunEnd.CRASHED,
        stop_reason="",
        records=1,
        sequence_first=record.sequence,
        sequence_last=record.sequence,
    )


def _go_on(run: Run, record: Record) -> Run:
    run = replace(
        run,
        ended_ns=max(run.ended_ns, record.time_ns),
        records=run.records + 1,
        sequence_last=record.sequence,
    )
    if isinstance(record.message, RunStopped):
        return replace(run, end=RunEnd.STOPPED, stop_reason=record.message.reason)
    return run


def _supersede(runs: Sequence[Run]) -> list[Run]:
    """Of runs that played one feed over one time the longest counts, of equal ones the last."""
    counted: list[Run] = []
    judged: list[Run] = []
    for run in sorted(runs, key=lambda run: (run.started_ns - run.ended_ns, -run.ordinal)):
        better = next((other for other in counted if _is_replay(run, other)), None)
        if better is None:
            counted.append(run)
        judged.append(run if better is None else replace(run, superseded_by=better.ordinal))
    return sorted(judged, key=lambda run: run.ordinal)


def _is_replay(run: Run, other: Run) -> bool:
    return (
        run.feed == other.feed
        and run.started_ns < other.ended_ns
        and other.started_ns < run.ended_ns
    )
