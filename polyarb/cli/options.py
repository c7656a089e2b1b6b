"""Options that many commands share, and the readers of their texts."""

from pathlib import Path
from typing import Annotated

import typer

from polyarb.store.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="Folder of the workspace; default: POLYARB_WORKSPACE, else the current folder.",
        show_default=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def open_from(flag: Path | None) -> Workspace:
    """Open the workspace that a flag, the environment or the current folder names."""
    from polyarb.config import locate_workspace  # pydantic is slow to load; help needs none of it

    return locate_workspace(flag)
