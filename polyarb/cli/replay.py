"""`polyarb replay`: run the past again and hold it against the record."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.config.loading import load_phase_profile, load_relations
from polyarb.domain.limits import Phase
from polyarb.domain.messages import JournalMessage
from polyarb.wiring.census import census_records
from polyarb.wiring.replay import RunVerification, verify_runs

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
RunOption = Annotated[
    str | None, typer.Option("--run", help="Only this run; default: every run of the journal.")
]


@app.callback()
def root() -> None:
    """Run recorded runs again; verify their decisions."""


@app.command()
def run(
    tapes: Annotated[list[Path], typer.Argument(help="Tapes to run again with today's profile.")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Run tapes and print every decision and command, a line each; nothing is journaled."""
    place = open_from(workspace)
    profile = load_phase_profile(place, Phase.SHADOW).profile
    for record in census_records(profile, load_relations(place), tapes):
        if as_json:
            print_json(record.message)
        else:
            print_text(f"{record.time_ns} {type(record.message).__name__} {brief(record.message)}")


@app.command()
def verify(
    run: RunOption = None, as_json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """Compare every decision with the record, byte for byte; exit 1 where one differs."""
    code = ExitCode.INSUFFICIENT
    for verification in verify_runs(open_from(workspace), run):
        if as_json:
            print_json(verification)
        else:
            print_text(tell(verification))
        code = worse(code, verification)
    if code is ExitCode.INSUFFICIENT:
        notice("polyarb: the journal holds no run to compare")
    raise typer.Exit(code)


def brief(message: JournalMessage) -> str:
    """Write the fields of a message for a person, its time left out."""
    fields = msgspec.to_builtins(message)
    skipped = ("type", "receive_time_ns")
    return " ".join(f"{key}={value}" for key, value in fields.items() if key not in skipped)


def worse(code: ExitCode, verification: RunVerification) -> ExitCode:
    """Fold one verification into the exit code: missing evidence is a no, as a difference is."""
    comparison = verification.comparison
    if code is ExitCode.NO or comparison is None or not comparison.is_identical:
        return ExitCode.NO
    return ExitCode.DONE


def tell(verification: RunVerification) -> str:
    """Say one verification for a person."""
    comparison = verification.comparison
    if comparison is None:
        return f"{verification.run_id}: not comparable: {verification.reason}"
    found = f"{comparison.compared:,} decisions over {comparison.events:,} market events"
    ending = "" if comparison.is_whole else " (the run was cut off; compared up to its end)"
    ending += "" if verification.is_same_code else " (by newer code than the run's)"
    if comparison.difference is None:
        return f"{verification.run_id}: identical: {found}{ending}"
    difference = comparison.difference
    return (
        f"{verification.run_id}: DIFFERENT after {found}, at record {difference.sequence}\n"
        f"  expected {difference.expected or 'nothing'}\n  found    {difference.found or 'nothing'}"
    )
