"""`polyarb ledger`: the books folded from the journal, shown, compared and verified."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.documents import print_table
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.domain.units import format_micros
from polyarb.ledger.balances import AccountBalance, trial_balance
from polyarb.ledger.pnl import DayPnl, FamilyPnl, PlanPnl, PnlColumns, by_day, by_family, by_plan
from polyarb.ledger.reconcile import reconcile as compare
from polyarb.reports.document import Table
from polyarb.reports.wording import some, usd
from polyarb.store.projections import rebuild as rebuild_tables
from polyarb.wiring.reports.reporting import (
    LedgerReading,
    LedgerVerification,
    read_ledger,
    read_statement,
    verify_ledger,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class Grouping(StrEnum):
    """What PnL is added up by."""

    FAMILY = "family"
    DAY = "day"
    PLAN = "plan"


PnlRow = FamilyPnl | DayPnl | PlanPnl


@app.callback()
def root() -> None:
    """Show and verify the books folded from the journal."""


@app.command()
def balances(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List every account that holds something; each book sums to zero."""
    reading = read_ledger(open_from(workspace))
    lines = trial_balance(reading.ledger.balances)
    tell_left_out(reading)
    if as_json:
        print_json(lines)
    else:
        print_table(balance_table(lines))


@app.command()
def pnl(
    by: Annotated[Grouping, typer.Option(help="What to add up by.")] = Grouping.FAMILY,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show PnL in its four columns: expected, matched, settled, chain; they are never added."""
    reading = read_ledger(open_from(workspace))
    rows = pnl_rows(reading, by)
    tell_left_out(reading)
    if as_json:
        print_json(rows)
    else:
        print_table(pnl_table(rows, reading.ledger.total()))


@app.command()
def reconcile(
    statement: Annotated[Path, typer.Argument(help="What the venue says we hold, as JSON.")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Compare confirmed positions and cash with a statement; exit 1 where they differ."""
    wanted = read_statement(statement)
    reading = read_ledger(open_from(workspace))
    breaks = compare(reading.ledger.balances, wanted)
    tell_left_out(reading)
    if as_json:
        print_json(breaks)
    else:
        print_text("\n".join(one.text for one in breaks) or "ledger and statement agree")
    raise typer.Exit(ExitCode.NO if breaks else ExitCode.DONE)


@app.command()
def verify(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Check the journal's hash chain and every law of the ledger; exit 1 where one is broken."""
    found = verify_ledger(open_from(workspace))
    if as_json:
        print_json(found)
    else:
        print_text("\n".join(verification_lines(found)))
    raise typer.Exit(ExitCode.DONE if found.is_sound else ExitCode.NO)


@app.command()
def rebuild(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Drop the tables in data/polyarb.db and build them anew from the journal."""
    place = open_from(workspace)
    done = rebuild_tables(place.database_file, place.journal_file, place.journal_dir)
    if as_json:
        print_json(done)
    else:
        print_text(f"{some(done.applied, 'record')} applied, up to record {done.head.sequence}")


def tell_left_out(reading: LedgerReading) -> None:
    """Say which runs do not count, because their feed was played again."""
    if reading.left_out:
        number = some(len(reading.left_out), "run")
        notice(f"polyarb: {number} left out: another run played the same feed, as long or longer")


def balance_table(lines: Sequence[AccountBalance]) -> Table:
    """Tabulate a trial balance."""
    return Table(
        headings=("account", "USD", "shares"),
        rows=tuple(
            (line.account, format_micros(line.amount), format_micros(line.shares)) for line in lines
        ),
        numbers=frozenset({1, 2}),
        empty="nothing is booked",
    )


def pnl_rows(reading: LedgerReading, by: Grouping) -> Sequence[PnlRow]:
    """Add PnL up."""
    ledger = reading.ledger
    match by:
        case Grouping.FAMILY:
            return by_family(ledger.pnl, ledger.plans)
        case Grouping.DAY:
            return by_day(ledger.pnl)
        case Grouping.PLAN:
            return by_plan(ledger.pnl, ledger.plans)


def pnl_table(rows: Sequence[PnlRow], total: PnlColumns) -> Table:
    """Tabulate PnL with its total; nothing of a kind is "no sample"."""
    told = [(_label(row), *_columns(row.columns), *_apart(row)) for row in rows]
    return Table(
        headings=("", "expected", "matched", "settled", "chain", "unmatched", "held"),
        rows=(*told, ("total", *_columns(total), "", "")),
        numbers=frozenset(range(1, 7)),
    )


def _label(row: PnlRow) -> str:
    match row:
        case FamilyPnl():
            return row.family
        case DayPnl():
            return row.day
        case PlanPnl():
            return f"{row.key.plan_id} {row.family} {row.status}"


def _columns(columns: PnlColumns) -> tuple[str, str, str, str]:
    chain = "none" if columns.chain is None else usd(columns.chain)
    return usd(columns.expected), usd(columns.matched), usd(columns.settled), chain


def _apart(row: PnlRow) -> tuple[str, str]:
    """Legs without partners and held sets stand apart at cost; a day has no such thing."""
    return ("", "") if isinstance(row, DayPnl) else (usd(row.unmatched), usd(row.held))


def verification_lines(found: LedgerVerification) -> tuple[str, ...]:
    """Say what was verified and everything that is broken."""
    journal = found.journal
    chain = "whole" if journal.is_whole else f"broken in {some(len(journal.breaks), 'place')}"
    return (
        f"journal: {some(journal.records, 'record')} in {some(journal.segments, 'segment')}; "
        f"chain {chain}; head {journal.head.sequence} {journal.head.hash}",
        *(
            f"  {one.file} line {one.line}: {one.kind}: expected {one.expected}, found {one.found}"
            for one in journal.breaks
        ),
        *([f"  torn tail behind record {journal.torn.sequence - 1}"] if journal.torn else []),
        f"ledger: {some(found.plans, 'plan')}, {some(found.transactions, 'transaction')}; "
        + ("every law holds" if not found.violations else "laws broken:"),
        *(f"  {one.invariant}: {one.text}" for one in found.violations),
    )
