"""`polyarb doctor`: everything a run depends on, what was found, and what is to be done."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import out, print_json, print_rich, print_text
from polyarb.host.checkup import Check, Result

if TYPE_CHECKING:
    from rich.table import Table

    from polyarb.wiring.doctor.checkup import DoctorReport

UNITS_DIR = Path("/etc/systemd/system")
_STYLES = {
    Result.OK: "green",
    Result.WARN: "yellow",
    Result.FAIL: "bold red",
    Result.SKIPPED: "dim",
}


def doctor(
    host: Annotated[
        bool, typer.Option("--host", help="Check the machine itself instead, with advice.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Leave out whatever needs the network.")
    ] = False,
    time_server: Annotated[
        list[str] | None,
        typer.Option(
            help="Time server to ask, HOST or HOST:PORT (repeatable); default: four public ones.",
            show_default=False,
        ),
    ] = None,
    units: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the supervisor's units are installed.")
    ] = UNITS_DIR,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Check machine, workspace, clock and venue; exit 2 for configuration, 4 for other faults."""
    place, servers = open_from(workspace), tuple(time_server or ())
    if host:
        from polyarb.wiring.doctor.host import examine_host

        report = examine_host(place, is_offline=offline, time_servers=servers)
    else:
        from polyarb.wiring.doctor.checkup import examine

        report = examine(place, is_offline=offline, time_servers=servers, units=units)
    raise typer.Exit(show(report, as_json=as_json))


def show(report: "DoctorReport", *, as_json: bool) -> ExitCode:
    """Show a report in the form that is asked for and choose the exit code."""
    if as_json:
        print_json(report)
    elif out().is_terminal:
        print_rich(table(report))
        print_text(conclusion(report))
    else:
        print_text("\n".join([*lines(report), conclusion(report)]))
    return exit_code(report)


def exit_code(report: "DoctorReport") -> ExitCode:
    """Choose the exit code: a wrong configuration comes first, for it is the operator's to mend."""
    if report.has_failed(configuration=True):
        return ExitCode.USAGE
    return ExitCode.FAULT if report.has_failed(configuration=False) else ExitCode.DONE


def lines(report: "DoctorReport") -> list[str]:
    """Say a report in plain lines."""
    width = max(len(check.name) for check in report.checks)
    return [line for check in report.checks for line in _lines(check, width)]


def _lines(check: Check, width: int) -> list[str]:
    told = f"{check.result:<7} {check.name:<{width}} {check.found}"
    margin = " " * (width + 9)
    return [told, *(f"{margin}{line}" for line in _beneath(check))]


def _beneath(check: Check) -> list[str]:
    """Say what stands below a finding that is not well: why it matters, and what to do."""
    if not check.remedy:
        return []
    return [*([f"because {check.why}"] if check.why else []), f"-> {check.remedy}"]


def table(report: "DoctorReport") -> "Table":
    """Draw a report."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    for column in ("result", "check"):
        drawn.add_column(column, no_wrap=True)
    drawn.add_column("found", overflow="fold")
    for check in report.checks:
        found = Text(check.found)
        for line in _beneath(check):
            found.append(f"\n{line}", style="italic")
        drawn.add_row(Text(check.result, style=_STYLES[check.result]), check.name, found)
    return drawn


def conclusion(report: "DoctorReport") -> str:
    """Say the end of a report in one line."""
    counts = {result: sum(check.result is result for check in report.checks) for result in Result}
    told = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    took = f"{report.took_ns / 1e9:.1f} s"
    return f"{len(report.checks)} checks in {took}: {told}"
