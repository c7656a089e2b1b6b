"""The daily report: one value, built from the journal alone; `--json` is exactly this value."""

from collections.abc import Mapping, Sequence

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.ledger.fold import Ledger
from polyarb.ledger.pnl import day_of
from polyarb.reports.completeness import (
    Completeness,
    CompletenessFold,
    Window,
    covered_ns,
    day_window,
    find_holes,
    is_within,
)
from polyarb.reports.diagnosis import Evidence, diagnose
from polyarb.reports.execution import Execution, ExecutionFold
from polyarb.reports.gates import GateProgress, progress
from polyarb.reports.incidents import CRITICAL, IncidentFold, IncidentKind, Incidents
from polyarb.reports.latency import Latency, read_latency
from polyarb.reports.money import Money, read_money
from polyarb.reports.opportunities import Opportunities, OpportunityFold
from polyarb.reports.records import ChainCheck, Record
from polyarb.reports.runs import Run, RunEnd, list_runs, with_run
from polyarb.reports.verdict import EdgeVerdict, judge

UNITS = (
    "money in micros of a USD; shares and sets in millionths of one; edges in picos of a USD a "
    "set; times in unix nanoseconds, durations in nanoseconds; null is not measured or no sample"
)


class DailyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the journal says of one UTC day.

    failures are the first lines of every form of the report; they are empty when the journal is
    whole. titles names the markets of lost books by condition id, where somebody knew.
    """

    day: str
    units: str
    is_whole: bool
    failures: tuple[str, ...]
    completeness: Completeness
    phase: str
    profiles: tuple[str, ...]
    opportunities: Opportunities
    execution: Execution
    money: Money
    latency: Latency
    incidents: Incidents
    diagnosis: tuple[str, ...]
    gates: tuple[GateProgress, ...]
    verdict: EdgeVerdict
    titles: dict[ConditionId, str]


def last_day(records: Sequence[Record]) -> str | None:
    """Name the day of the journal's last record; None for an empty journal."""
    return day_of(records[-1].time_ns) if records else None


def build_daily(
    records: Sequence[Record],
    day: str,
    *,
    chain: ChainCheck,
    is_running: bool = False,
    titles: Mapping[ConditionId, str] | None = None,
) -> DailyReport | None:
    """Build the report of a UTC day; None when no run touched that day.

    Shape: records is the whole journal, since plans and books outlive a day.
    Errors: ValueError if the day is not an ISO date.
    """
    window = day_window(day)
    runs = list_runs(records, is_running=is_running)
    touching = tuple(run for run in runs if is_within(run, window))
    if not touching:
        return None
    fold = _DayFold(window)
    for run, record in with_run(records, runs):
        if run is not None and run.is_counted:
            fold.apply(run, record)
    fold.note_ends(touching, chain)
    return fold.conclude(_Frame(records, runs, touching, chain, day), titles or {})


class _Frame(msgspec.Struct, frozen=True):
    """What a day's report is built around."""

    records: Sequence[Record]
    runs: tuple[Run, ...]
    touching: tuple[Run, ...]
    chain: ChainCheck
    day: str


class _DayFold:
    """All folds of a day side by side; the ledger goes on from the journal's beginning."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._ledger = Ledger()
        self._completeness = CompletenessFold(window)
        self._opportunities = OpportunityFold()
        self._execution = ExecutionFold()
        self._incidents = IncidentFold()

    def apply(self, run: Run, record: Record) -> None:
        message, window = record.message, self._window
        self._completeness.apply(run, record)
        self._incidents.follow(message)
        if record.time_ns < window.end_ns:
            self._ledger.apply(message)
        if window.has(record.time_ns):
            self._opportunities.apply(message)
            self._execution.apply(message)
            self._incidents.apply(message)
        if record.sequence == run.sequence_last and is_within(run, window):
            self._opportunities.end_run(min(run.ended_ns, window.end_ns))
            self._incidents.end_run()

    def note_ends(self, runs: Sequence[Run], chain: ChainCheck) -> None:
        for run in runs:
            if run.end is RunEnd.CRASHED:
                text = f"run {run.run_id} has no end"
                self._incidents.note(run.ended_ns, IncidentKind.CRASH, text, severity=CRITICAL)
        if chain.torn:
            self._incidents.note(runs[-1].ended_ns, IncidentKind.TORN_TAIL, chain.torn)

    def conclude(self, frame: _Frame, titles: Mapping[ConditionId, str]) -> DailyReport:
        evidence = Evidence(
            completeness=self._complete(frame),
            execution=self._execution.execution(),
            money=read_money(self._ledger, frame.day),
            latency=read_latency(self._completeness.measured()),
            incidents=self._incidents.incidents(),
        )
        opportunities = self._opportunities.census()
        verdict = judge(opportunities, evidence.execution)
        phase = frame.touching[-1].phase
        return DailyReport(
            day=frame.day,
            units=UNITS,
            is_whole=evidence.completeness.is_whole,
            failures=tuple(hole.text for hole in evidence.completeness.holes),
            completeness=evidence.completeness,
            phase=phase,
            profiles=tuple(dict.fromkeys(run.profile for run in frame.touching)),
            opportunities=opportunities,
            execution=evidence.execution,
            money=evidence.money,
            latency=evidence.latency,
            incidents=evidence.incidents,
            diagnosis=diagnose(evidence),
            gates=progress(phase, frame.runs, evidence, verdict),
            verdict=verdict,
            titles={
                book.condition_id: titles[book.condition_id]
                for book in evidence.completeness.books
                if book.condition_id in titles
            },
        )

    def _complete(self, frame: _Frame) -> Completeness:
        holes = find_holes(frame.records, frame.runs, self._window, frame.chain)
        inside = [record for record in frame.records if self._window.has(record.time_ns)]
        return Completeness(
            is_whole=not holes,
            is_chain_verified=frame.chain.is_verified,
            holes=holes,
            torn=frame.chain.torn,
            records=len(inside),
            sequence_first=min((record.sequence for record in inside), default=0),
            sequence_last=max((record.sequence for record in inside), default=0),
            runs=frame.touching,
            covered_ns=covered_ns(frame.touching, self._window),
            silences=self._completeness.silences(),
            feed=self._completeness.feed(),
            books=self._completeness.books(),
        )
