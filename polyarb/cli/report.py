"""`polyarb report`: write what the journal says of a day."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.reports.daily import DailyReport
from polyarb.reports.daily_document import daily_document
from polyarb.reports.markdown import to_markdown
from polyarb.reports.page import to_html
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably, store_faults
from polyarb.wiring.reporting import daily_report

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class ReportFormat(StrEnum):
    """The forms of a report."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    ALL = "all"


@app.callback()
def root() -> None:
    """Write reports from the journal."""


@app.command()
def daily(
    date: Annotated[
        str | None, typer.Option(help="UTC day such as 2026-06-07; default: the journal's last.")
    ] = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="What to write.")] = (
        ReportFormat.ALL
    ),
    output: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: reports/daily.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the report of a day and print where it lies; exit 1 where the journal has holes."""
    place = open_from(workspace)
    report = daily_report(place, date)
    if report is None:
        notice("polyarb: no run on that day" if date else "polyarb: no run in the journal")
        raise typer.Exit(ExitCode.INSUFFICIENT)
    paths = write_daily(report, output or place.daily_reports_dir, form)
    if as_json:
        print_json(report)
    else:
        print_text("\n".join(str(path) for path in paths))
    raise typer.Exit(tell_holes(report))


def write_daily(report: DailyReport, folder: Path, form: ReportFormat) -> tuple[Path, ...]:
    """Write a report in its forms, each file whole or not at all.

    Errors: StoreError when the folder cannot be written.
    """
    wanted = [one for one in ReportFormat if form in (one, ReportFormat.ALL)]
    written = []
    with store_faults("write", folder):
        ensure_directory(REAL, folder.absolute())
        for one in wanted:
            if one is ReportFormat.ALL:
                continue
            path = folder / f"{report.day.replace('-', '')}.{one}"
            replace_durably(REAL, path, render_daily(report, one).encode())
            written.append(path)
    return tuple(written)


def render_daily(report: DailyReport, form: ReportFormat) -> str:
    """Write a report as text of one form."""
    if form is ReportFormat.JSON:
        return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    document = daily_document(report)
    return to_markdown(document) if form is ReportFormat.MD else to_html(document)


def tell_holes(report: DailyReport) -> ExitCode:
    """Say loudly what is missing from the journal, and what the exit code is."""
    for failure in report.failures:
        notice(f"polyarb: the journal has a hole: {failure}")
    return ExitCode.DONE if report.is_whole else ExitCode.NO
