"""`polyarb drill`: inject a fault, prove the reaction, record the evidence."""

from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.rollout.drills import DRILL_SPECS, DrillName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polyarb.store.workspace import Workspace
    from polyarb.wiring.drills.drilling import DrillReport, DrillStanding


def drill(
    name: Annotated[
        DrillName | None, typer.Argument(help="Drill to run; default: every one in order.")
    ] = None,
    is_list: Annotated[
        bool, typer.Option("--list", help="List the drills and their last outcomes instead.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Run drills in temporary workspaces: exit 0 all passed, 1 one failed, 5 one cannot be run."""
    place = open_from(workspace)
    if is_list:
        list_all(place, as_json=as_json)
        return
    raise typer.Exit(run_all(place, [name] if name else list(DrillName), as_json=as_json))


def list_all(place: "Workspace", *, as_json: bool) -> None:
    """Show every drill."""
    from polyarb.wiring.drills.drilling import list_drills

    found = list_drills(place)
    if as_json:
        print_json(found)
    else:
        print_text("\n".join(line for one in found for line in _listed(one)))


def run_all(place: "Workspace", names: "Iterable[DrillName]", *, as_json: bool) -> ExitCode:
    """Run drills and tell each as it ends."""
    from polyarb.wiring.drills.drilling import run_drills

    told: list[DrillReport] = []
    for report in run_drills(place, _announced(names)):
        told.append(report)
        if not as_json:
            print_text("\n".join(_lines(report)))
    if as_json:
        print_json(told)
    return exit_code(told)


def exit_code(reports: "list[DrillReport]") -> ExitCode:
    """Choose the exit code: a drill that cannot be run is never a pass."""
    if any(one.outcome is not None and not one.outcome.passed for one in reports):
        return ExitCode.NO
    if any(one.outcome is None for one in reports):
        return ExitCode.INSUFFICIENT
    return ExitCode.DONE


def _announced(names: "Iterable[DrillName]") -> "Iterable[DrillName]":
    for name in names:
        notice(f"polyarb: drill {name}: {DRILL_SPECS[name].fault}")
        yield name


def _lines(report: "DrillReport") -> list[str]:
    outcome = report.outcome
    if outcome is None:
        return [f"cannot  {report.name}: {report.reason}"]
    word = "passed" if outcome.passed else "FAILED"
    head = f"{word}  {report.name} in {outcome.took_ms / 1000:.1f} s"
    return [head, *(f"        {finding}" for finding in outcome.findings)]


def _listed(one: "DrillStanding") -> list[str]:
    last = one.last
    state = "never run" if last is None else ("passed" if last.passed else "FAILED")
    needed = ", ".join(one.required_in)
    return [
        f"{one.name:<15} {one.unavailable or state}; required in {needed}",
        f"{'':<15} when {one.fault}: {one.proves}",
    ]
