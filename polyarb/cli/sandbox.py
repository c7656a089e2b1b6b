"""`polyarb sandbox`: a local venue to trade against, what it can play, what goes wrong in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli import sandbox_faults
from polyarb.cli.documents import print_table
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json, print_text
from polyarb.domain.errors import UsageError
from polyarb.reports.document import Table
from polyarb.venue.sandbox.server.limits import TierName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polyarb.config.scenarios import ScenarioSummary
    from polyarb.store.workspace import Workspace
    from polyarb.wiring.sandbox.whereabouts import Whereabouts

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_URLS = ("clob", "gamma", "data", "ws_market", "ws_user", "rpc", "relayer", "admin")


@app.callback()
def root() -> None:
    """Serve a local venue, list its scenarios, switch its faults."""


app.add_typer(sandbox_faults.app, name="fault")


@app.command()
def serve(
    scenario: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE", help="What is played: a name, a .yaml file or a recorded tape."
        ),
    ] = "default",
    seed: Annotated[
        int, typer.Option(min=0, help="Of all chance: the same seed, the same ids and keys.")
    ] = 1,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, help="First of eight ports in a row; 0 takes any that are free.")
    ] = 0,
    info: Annotated[
        Path | None,
        typer.Option(help="Write URLs, accounts and markets here as JSON once all answers."),
    ] = None,
    tier: Annotated[
        TierName,
        typer.Option(help="Rate limits: generous ones, or those of a tier of the venue."),
    ] = TierName.GENEROUS,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve a local venue until Ctrl-C.

    It listens on this machine only, and what happened in it is forgotten at its end.
    """
    from polyarb.wiring.sandbox.serving import ServeOptions
    from polyarb.wiring.sandbox.serving import serve as serve_venue

    options = ServeOptions(scenario=scenario, seed=seed, host=host, port=port, info=info, tier=tier)
    serve_venue(_place(workspace), options, show_whereabouts)


@app.command()
def scenarios(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List what can be played."""
    from polyarb.wiring.sandbox.scenarios import scenarios_of

    found = scenarios_of(_place(workspace))
    if as_json:
        print_json(found)
    else:
        print_table(scenario_table(found))


def show_whereabouts(found: "Whereabouts", files: "Sequence[Path]") -> None:
    """Tell where the venue is and who may trade in it; the keys are in the files alone."""
    width = max(map(len, _URLS))
    lines = [f"sandbox: scenario {found.scenario}, seed {found.seed}, {len(found.markets)} markets"]
    lines += [f"  {name:<{width}}  {getattr(found, name)}" for name in _URLS]
    keys = f"their keys are in {files[0]}" if files else "--info FILE tells their keys"
    lines.append(f"accounts, funded with play money; {keys}:")
    lines += [f"  {one.address}  {one.pusd:f} pUSD" for one in found.accounts]
    lines.append("`polyarb start --phase shadow --venue sandbox` runs here; Ctrl-C stops")
    print_text("\n".join(lines))


def scenario_table(found: "tuple[ScenarioSummary, ...]") -> Table:
    """Lay out scenarios as a table."""
    return Table(
        headings=("name", "markets", "groups", "orders an hour", "jumps a day", "rivals", "what"),
        rows=tuple(
            (
                one.name,
                str(one.markets),
                str(one.groups),
                f"{one.takers_per_hour:g}",
                f"{one.jumps_per_day:g}",
                str(one.rivals),
                one.description or one.title,
            )
            for one in found
        ),
        numbers=frozenset(range(1, 6)),
        empty="no scenario here",
    )


def _place(flag: Path | None) -> "Workspace | None":
    """Open the workspace, if there is one: the shipped scenarios need none."""
    if flag is not None:
        return open_from(flag)
    try:
        return open_from(None)
    except UsageError:
        return None
