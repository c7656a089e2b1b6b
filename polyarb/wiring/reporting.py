"""The journal of a workspace made into ledgers, reports and censuses."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from polyarb.config.loading import load_phase_profile, load_relations
from polyarb.domain.errors import BrokenJournalError, StoreError, UsageError
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Phase
from polyarb.domain.plan import Outcome
from polyarb.domain.units import parse_micros
from polyarb.ledger.fold import Ledger
from polyarb.ledger.invariants import Violation, violations
from polyarb.ledger.reconcile import Statement, StatementPosition
from polyarb.reports.census import Census, Instruments, build_census
from polyarb.reports.daily import DailyReport, build_daily, last_day
from polyarb.reports.records import ChainCheck
from polyarb.reports.runs import Run, list_runs, with_run
from polyarb.store.locks import find_holder
from polyarb.store.reading import read_journal
from polyarb.store.records import JournalRecord
from polyarb.store.verification import JournalBreak, JournalReport, verify_journal
from polyarb.store.workspace import Workspace
from polyarb.wiring.census import census_records
from polyarb.wiring.recipe import load_recipe
from polyarb.wiring.tapes import catalogue_of

BREAKS_TOLD = 20


class JournalReading(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a journal up to its first break, and what a check of its chain found."""

    records: tuple[JournalRecord, ...]
    chain: ChainCheck


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


def read_as_far_as_whole(workspace: Workspace) -> JournalReading:
    """Read a journal that may be broken: everything before the first break.

    Errors: StoreError for a record that this version cannot read.
    """
    report = verify_journal(workspace.journal_file, workspace.journal_dir)
    records: list[JournalRecord] = []
    breaks = [_break_text(workspace, one) for one in report.breaks[:BREAKS_TOLD]]
    if len(report.breaks) > BREAKS_TOLD:
        breaks.append(f"and {len(report.breaks) - BREAKS_TOLD} more breaks of the chain")
    try:
        records.extend(read_journal(workspace.journal_file, workspace.journal_dir))
    except BrokenJournalError as fault:
        breaks.append(f"figures end at record {len(records)}: {fault}")
    torn = report.torn
    text = f"record {torn.sequence} is not whole, {torn.size} bytes" if torn else ""
    chain = ChainCheck(is_verified=True, breaks=tuple(breaks), torn=text)
    return JournalReading(records=tuple(records), chain=chain)


def _break_text(workspace: Workspace, found: JournalBreak) -> str:
    place = f"{workspace.shown(Path(found.file))} line {found.line}"
    return f"{place}: {found.kind}: expected {found.expected}, found {found.found}"


def daily_report(workspace: Workspace, day: str | None) -> DailyReport | None:
    """Build the report of a UTC day, by default the journal's last; None without a run on it.

    Errors: UsageError if the day is not a date.
    """
    reading = read_as_far_as_whole(workspace)
    wanted = day or last_day(reading.records)
    if wanted is None:
        return None
    is_running = find_holder(workspace.lock_file) is not None
    titles = _titles(workspace, list_runs(reading.records))
    try:
        return build_daily(
            reading.records, wanted, chain=reading.chain, is_running=is_running, titles=titles
        )
    except ValueError as fault:
        raise UsageError(f"--date: expected such as 2026-06-07, found {wanted!r}") from fault


def _titles(workspace: Workspace, runs: Sequence[Run]) -> dict[ConditionId, str]:
    """Take the markets' questions from the recipes of runs; a lost recipe loses only names."""
    titles: dict[ConditionId, str] = {}
    for run in runs:
        try:
            markets = load_recipe(workspace, run.run_id).catalogue.markets
        except StoreError:
            continue
        titles.update({key: market.question for key, market in markets.items() if market.question})
    return titles


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
    journal = verify_journal(workspace.journal_file, workspace.journal_dir)
    ledger = Ledger()
    for record in read_as_far_as_whole(workspace).records:
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
