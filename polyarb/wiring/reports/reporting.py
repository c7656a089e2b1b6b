"""The journal of a workspace made into ledgers, reports and censuses."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from polyarb.config.loading import load_phase_profile, load_relations
from polyarb.domain.errors import BrokenJournalError, UsageError
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Phase
from polyarb.domain.plan import Outcome
from polyarb.domain.units import parse_micros
from polyarb.ledger.fold import Ledger
from polyarb.ledger.invariants import Violation, violations
from polyarb.ledger.pnl import day_of
from polyarb.ledger.reconcile import Statement, StatementPosition
from polyarb.reports.census import Census, Instruments, build_census
from polyarb.reports.compliance import ComplianceReport, build_compliance
from polyarb.reports.daily import DailyReport, build_daily
from polyarb.reports.performance import PerformanceReport, build_performance
from polyarb.reports.runs import Run, list_runs, with_run
from polyarb.reports.survey import Survey
from polyarb.reports.window import Window, day_window, range_window
from polyarb.store.reading import read_journal
from polyarb.store.verification import JournalReport, verify_anew
from polyarb.store.workspace import Workspace
from polyarb.wiring.census import census_records
from polyarb.wiring.reports.sources import (
    ScannedJournal,
    as_far_as_whole,
    read_beside,
    scan_journal,
)
from polyarb.wiring.tapes import catalogue_of


class LedgerReading(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of the counted runs and the runs that were left out as played again."""

    ledger: Ledger
    left_out: tuple[Run, ...]


class LedgerVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What `ledger verify` found; sound is a whole chain and a ledger without a violation."""

    is_sound: bool
    journal: JournalReport
    plans: int
    transactions: int
    violations: tuple[Violation, ...]


def daily_report(workspace: Workspace, day: str | None) -> DailyReport | None:
    """Build the report of a UTC day, by default the journal's last; None without a run on it.

    Errors: UsageError if the day is not a date.
    """
    journal = scan_journal(workspace)
    wanted = day or _last_day(journal.survey)
    if wanted is None:
        _refuse_broken(journal)
        return None
    try:
        day_window(wanted)
    except ValueError as fault:
        raise UsageError(f"--date: expected such as 2026-06-07, found {wanted!r}") from fault
    report = build_daily(
        journal.records,
        wanted,
        chain=journal.chain,
        survey=journal.survey,
        beside=read_beside(workspace, journal.survey.runs),
    )
    if report is None:
        _refuse_broken(journal)
    return report


def performance_report(
    workspace: Workspace, first: str | None, last: str | None
) -> PerformanceReport | None:
    """Build the report of a range of UTC days, by default all; None without a run on them.

    Errors: UsageError if a day is not a date, or the last lies before the first.
    """
    journal = scan_journal(workspace)
    window = _range(journal.survey, first, last)
    if window is None:
        _refuse_broken(journal)
        return None
    return build_performance(
        journal.records,
        window,
        chain=journal.chain,
        survey=journal.survey,
        beside=read_beside(workspace, journal.survey.runs),
    )


def compliance_report(
    workspace: Workspace, first: str | None, last: str | None
) -> ComplianceReport | None:
    """Build the report of a range of UTC days, by default all; None without a run on them.

    Errors: as performance_report.
    """
    journal = scan_journal(workspace)
    window = _range(journal.survey, first, last)
    if window is None:
        _refuse_broken(journal)
        return None
    return build_compliance(
        journal.records,
        window,
        chain=journal.chain,
        survey=journal.survey,
        beside=read_beside(workspace, journal.survey.runs),
    )


def _refuse_broken(journal: ScannedJournal) -> None:
    """Return only if there is no run because none was recorded. Errors: BrokenJournalError."""
    if journal.chain.breaks:
        raise BrokenJournalError(
            "nothing can be reported, and the journal is broken: "
            f"{'; '.join(journal.chain.breaks)}; `polyarb ledger verify` lists every break"
        )


def _last_day(survey: Survey) -> str | None:
    return None if survey.last_ns is None else day_of(survey.last_ns)


def _range(survey: Survey, first: str | None, last: str | None) -> Window | None:
    if not survey.runs:
        return None
    began_ns = min(run.started_ns for run in survey.runs)
    ended_ns = max(run.ended_ns for run in survey.runs)
    since, until = first or day_of(began_ns), last or day_of(ended_ns)
    try:
        return range_window(since, until)
    except ValueError as fault:
        raise UsageError(
            "--from and --to: expected days such as 2026-06-07, the last not before the first, "
            f"found {since!r} and {until!r}"
        ) from fault


def read_ledger(workspace: Workspace) -> LedgerReading:
    """Fold the journal's counted runs into a ledger.

    Errors: BrokenJournalError where the chain does not hold.
    """
    records = tuple(read_journal(workspace.journal_file, workspace.journal_dir))
    runs = list_runs(records)
    ledger = Ledger()
    for run, record in with_run(records, runs):
        if run is None or run.is_counted:
            ledger.apply(record.message)
    return LedgerReading(ledger=ledger, left_out=tuple(run for run in runs if not run.is_counted))


def verify_ledger(workspace: Workspace) -> LedgerVerification:
    """Check the journal's chain, and every invariant of the ledger of all its runs."""
    journal = verify_anew(
        workspace.journal_file, workspace.journal_dir, workspace.verified_segments_file
    )
    ledger = Ledger()
    for record in as_far_as_whole(workspace):
        ledger.apply(record.message)
    found = violations(ledger)
    return LedgerVerification(
        is_sound=journal.is_whole and not found,
        journal=journal,
        plans=len(ledger.plans),
        transactions=ledger.transactions,
        violations=found,
    )


class _PositionText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    condition_id: ConditionId
    outcome: Outcome
    shares: str


class _StatementText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    positions: tuple[_PositionText, ...]
    cash: str | None = None
    opening_cash: str = "0"


def read_statement(path: Path) -> Statement:
    """Read a statement: positions of {condition_id, outcome, shares}, cash, opening_cash.

    Shape: amounts are decimal strings.
    Errors: UsageError when it is absent or something else.
    """
    try:
        text = msgspec.json.decode(path.read_bytes(), type=_StatementText)
        return Statement(
            positions=tuple(
                StatementPosition(
                    condition_id=one.condition_id,
                    outcome=one.outcome,
                    shares=parse_micros(one.shares),
                )
                for one in text.positions
            ),
            cash=None if text.cash is None else parse_micros(text.cash),
            opening_cash=parse_micros(text.opening_cash),
        )
    except (OSError, ValueError) as fault:
        raise UsageError(
            f"{path}: expected a statement such as "
            '{"cash": "99.5", "opening_cash": "100", "positions": [{"condition_id": "0x…", '
            f'"outcome": "YES", "shares": "10"}}]}}, found {fault}'
        ) from fault


def run_census(
    workspace: Workspace, tapes: Sequence[Path], sidecars: Sequence[Path] = ()
) -> Census:
    """Play tapes through the engine with the shadow profile and count what they held.

    Errors: UsageError for a missing tape; the faults of tapes and sidecars.
    """
    relations = load_relations(workspace)
    profile = load_phase_profile(workspace, Phase.SHADOW).profile
    records = census_records(profile, relations, tapes, sidecars)
    catalogues = [catalogue_of([tape], sidecars, relations) for tape in tapes]
    markets = {key: market for one in catalogues for key, market in one.markets.items()}
    tokens = {token for market in markets.values() for token in (market.yes, market.no)}
    watched = Instruments(markets=len(markets), tokens=len(tokens))
    return build_census((record.message for record in records), watched)
