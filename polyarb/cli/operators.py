"""`polyarb operators`: the people who may sign go/no-go records, each with a key of their own."""

from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json, print_text

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def root() -> None:
    """List the people who may sign, and add one with a key of their own."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Lower-case name of the person.")],
    role: Annotated[str, typer.Option(help="What the person answers for, such as trader.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="Where the private key goes; default: data/keys/NAME.ed25519.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a key that its owner alone can read, and list the person in config/operators.yaml."""
    from polyarb.wiring.go_no_go.signing import add_operator, key_file

    place = open_from(workspace)
    operator = add_operator(place, name, role, key)
    if as_json:
        print_json(operator)
    else:
        path = place.shown(key or key_file(place, name))
        print_text(f"{operator.name} ({operator.role}) may sign with {path}; keep it to yourself")


@app.command("list")
def list_(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List who may sign."""
    from polyarb.config.operators import load_operators

    found = load_operators(open_from(workspace))
    if as_json:
        print_json(found)
    else:
        rows = [f"{one.name:<20} {one.role:<20} {one.public_key}" for one in found]
        print_text("\n".join(rows) or "nobody may sign yet: `polyarb operators add NAME`")
