"""`polyarb report`: write what the journal says of a day or of a range of days."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.domain.errors import BrokenJournalError
from polyarb.wiring.reports.files import AnyReport, ReportFormat, write_report
from polyarb.wiring.reports.reporting import compliance_report, daily_report, performance_report

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

FormatOption = Annotated[ReportFormat, typer.Option("--format", help="What to write.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="First UTC day; default: the journal's first.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="Last UTC day; default: the journal's last.")
]


@app.callback()
def root() -> None:
    """Write reports from the journal."""


@app.command()
def daily(
    date: Annotated[
        str | None, typer.Option(help="UTC day such as 2026-06-07; default: the journal's last.")
    ] = None,
    form: FormatOption = ReportFormat.ALL,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: reports/daily.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the report of a day and print where it lies.

    Exit 1 where the journal has holes or figures do not agree, 5 without a run on that day.
    """
    place = open_from(workspace)
    report = _built(lambda: daily_report(place, date))
    _hand_out(report, output or place.daily_reports_dir, form, as_json=as_json)


@app.command()
def performance(
    first: FromOption = None,
    last: ToOption = None,
    form: FormatOption = ReportFormat.ALL,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: reports/performance.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write what a range of UTC days came to: returns, drawdown, Sharpe, fills, edge bridge.

    Exit 1 where the journal has holes or figures do not agree, 5 without a run on those days.
    """
    place = open_from(workspace)
    report = _built(lambda: performance_report(place, first, last))
    _hand_out(report, output or place.performance_reports_dir, form, as_json=as_json)


@app.command()
def compliance(
    first: FromOption = None,
    last: ToOption = None,
    form: FormatOption = ReportFormat.ALL,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: reports/compliance.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write positions, exposure, every order with its intent, and the requirement matrix.

    Exit 1 where the journal has holes or figures do not agree, 5 without a run on those days.
    """
    place = open_from(workspace)
    report = _built(lambda: compliance_report(place, first, last))
    _hand_out(report, output or place.compliance_reports_dir, form, as_json=as_json)


def _built(build: Callable[[], AnyReport | None]) -> AnyReport | None:
    """Build a report; a journal too broken for any is told as the break that it is."""
    try:
        return build()
    except BrokenJournalError as fault:
        notice(f"polyarb: {fault}")
        raise typer.Exit(ExitCode.NO) from fault


def _hand_out(report: AnyReport | None, folder: Path, form: ReportFormat, *, as_json: bool) -> None:
    """Write a report, print it or where it lies, say loudly what is wrong, and exit."""
    if report is None:
        notice("polyarb: no run on that day or in that range; there is nothing to report")
        raise typer.Exit(ExitCode.INSUFFICIENT)
    paths = write_report(report, folder, form)
    if as_json:
        print_json(report)
    else:
        print_text("\n".join(str(path) for path in paths))
    for failure in report.failures:
        kind = "figures do not agree" if failure in report.breaks else "the journal has a hole"
        notice(f"polyarb: {kind}: {failure}")
    raise typer.Exit(ExitCode.NO if report.failures else ExitCode.DONE)
