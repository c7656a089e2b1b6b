"""`polyarb census`: count what tapes hold, and say whether an edge can be reached."""

from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.documents import print_document
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json
from polyarb.domain.errors import UsageError
from polyarb.reports.census_document import census_document
from polyarb.store.workspace import Workspace
from polyarb.wiring.reports.reporting import run_census


def census(
    tapes: Annotated[
        list[Path] | None, typer.Argument(help="Recorded tapes; default: the shipped ones.")
    ] = None,
    sidecar: Annotated[
        list[Path] | None,
        typer.Option(help="What describes the tapes' markets; default: the files beside them."),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Count what tapes hold: what looked like arbitrage, what was refused and why, what stayed."""
    place = open_from(workspace)
    found = run_census(place, tapes or shipped_tapes(place), sidecar or [])
    if as_json:
        print_json(found)
    else:
        print_document(census_document(found))


def shipped_tapes(place: Workspace) -> list[Path]:
    """List the sample tapes of a workspace. Errors: UsageError when there is none."""
    tapes = sorted(place.samples_dir.glob("tape_*.jsonl.gz"))
    if not tapes:
        raise UsageError(f"expected tapes in {place.samples_dir}, found none; name a recorded tape")
    return tapes
