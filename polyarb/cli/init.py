"""`polyarb init`: a workspace from the shipped templates."""

from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.options import JsonOption
from polyarb.cli.output import notice, print_json, print_text
from polyarb.store.workspace import InitOutcome, create_workspace, shipped_templates


def init(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Where; created if need be.", show_default="."),
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", metavar="DIR", help="The same as DIR.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write config/, data/, reports/ and backups/; a file that exists is kept as it is.

    It can be repeated at any time: what is missing is written, whole or not at all.
    """
    outcome = create_workspace(directory or workspace or Path(), shipped_templates())
    if json:
        print_json(outcome)
        return
    print_text(_summary(outcome))
    for name in outcome.kept:
        notice(f"kept {name}")


def _summary(outcome: InitOutcome) -> str:
    counts = f"{len(outcome.written)} files written, {len(outcome.kept)} kept"
    return f"workspace {outcome.workspace}: {counts}\nnext: polyarb start --phase shadow"
