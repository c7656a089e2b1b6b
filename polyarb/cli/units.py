"""`polyarb units`: the shipped systemd units, or the cron file, written for this installation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text

if TYPE_CHECKING:
    from polyarb.wiring.units import Written

_ENABLED = (
    *("polyarb-trader@shadow", "polyarb-watch", "polyarb-backup.timer", "polyarb-report.timer"),
    "polyarb-restore-drill.timer",
)
"""What is started at once and after each boot; the rest is started by these."""


def units(
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="Folder to write to; made if need be.")
    ],
    cron: Annotated[
        bool, typer.Option("--cron", help="Write the file for /etc/cron.d instead of units.")
    ] = False,
    user: Annotated[
        str, typer.Option(help="Who runs them; default: the owner of the workspace.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Write those anew that stand there with other lines.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the shipped units with program, workspace and user of this installation."""
    from polyarb.wiring.units import write_for

    done = write_for(open_from(workspace), into, is_cron=cron, user=user, may_replace=replace)
    if as_json:
        print_json(done)
    else:
        tell(done)


def tell(done: "Written") -> None:
    """Say what was written, what would not work, and what is to be done next."""
    print_text(f"{done.folder}: {len(done.written)} written, {len(done.unchanged)} unchanged")
    for name in done.written:
        print_text(f"  {name}")
    for doubt in done.doubts:
        notice(doubt)
    if any(name.endswith(".service") for name in done.written):
        print_text(f"next: systemctl daemon-reload; systemctl enable --now {' '.join(_ENABLED)}")
