"""`polyarb sandbox fault`: list, arm and clear what goes wrong in a running sandbox."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.documents import print_table
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json, print_text
from polyarb.reports.document import Table
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind

if TYPE_CHECKING:
    from polyarb.wiring.sandbox.faults import AdminPort, FaultsArmed

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Switch what goes wrong in a sandbox."
)

InfoOption = Annotated[
    Path | None,
    typer.Option(
        "--sandbox-info",
        help="The file that `sandbox serve --info` wrote; default: the one of this workspace.",
    ),
]


@app.command("list")
def list_(
    as_json: JsonOption = False, info: InfoOption = None, workspace: WorkspaceOption = None
) -> None:
    """List what is armed, and how often it struck."""
    found = _port(workspace, info).armed()
    if as_json:
        print_json(found)
    else:
        print_table(fault_table(found))


@app.command()
def arm(
    kind: Annotated[FaultKind, typer.Argument(help="What goes wrong.")],
    scope: Annotated[
        str,
        typer.Option(
            help="Where: `market` or `user`, `market 3` for one connection, `clob POST /order`, a"
            " condition id, an address, `rpc`; whatever begins like it. Default: anywhere."
        ),
    ] = "",
    share: Annotated[float, typer.Option(help="Probability of each occasion.")] = 1.0,
    skip: Annotated[int, typer.Option(help="Occasions that pass before it strikes.")] = 0,
    times: Annotated[
        int | None, typer.Option(help="How often it strikes; default: until it is cleared.")
    ] = None,
    amount: Annotated[
        int, typer.Option(help="Milliseconds, blocks, micros of a tick, or tries, as of the kind.")
    ] = 0,
    as_json: JsonOption = False,
    info: InfoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Arm a fault and tell its id."""
    fault = Fault(kind=kind, scope=scope, share=share, skip=skip, times=times, amount=amount)
    armed = _port(workspace, info).arm(fault)
    if as_json:
        print_json(armed)
    else:
        print_text(f"{armed.fault_id}: {kind} is armed; `polyarb sandbox fault clear` ends it")


@app.command()
def clear(
    fault_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One fault; default: all of them.")
    ] = None,
    as_json: JsonOption = False,
    info: InfoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Disarm one fault, or all of them."""
    cleared = _port(workspace, info).clear(fault_id)
    if as_json:
        print_json(cleared)
    else:
        print_text(f"cleared: {', '.join(cleared.cleared) or 'nothing was armed'}")


def fault_table(found: "FaultsArmed") -> Table:
    """Lay out armed faults as a table."""
    return Table(
        headings=("id", "kind", "scope", "share", "skip", "times", "amount", "occasions", "struck"),
        rows=tuple(
            (
                one.fault_id,
                one.fault.kind,
                one.fault.scope or "anywhere",
                f"{one.fault.share:g}",
                str(one.fault.skip),
                "-" if one.fault.times is None else str(one.fault.times),
                str(one.fault.amount),
                str(one.occasions),
                str(one.strikes),
            )
            for one in found.faults
        ),
        numbers=frozenset(range(3, 9)),
        empty="nothing is armed",
    )


def _port(workspace: Path | None, info: Path | None) -> "AdminPort":
    from polyarb.wiring.sandbox.faults import AdminPort

    return AdminPort(open_from(workspace), info)
