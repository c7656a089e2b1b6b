"""`polyarb halt` and `polyarb resume`: the operator's word to this workspace's trading."""

import time
from typing import Annotated

import msgspec
import typer

from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json, print_text
from polyarb.host.login import login_name
from polyarb.store import control
from polyarb.store.locks import find_holder
from polyarb.store.workspace import Workspace

ReasonOption = Annotated[str, typer.Option(help="Why, for the journal.")]


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and of whom. process is None when none runs; the latch holds for the next."""

    order: str
    actor: str
    reason: str
    process: int | None
    was_halted: bool


def halt(
    reason: ReasonOption = "by hand", as_json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """Stop trading, latched on disk: it holds for the running process and every later one."""
    place, order = open_from(workspace), _order(reason)
    was_halted = control.read_halt(place.halt_file) is not None
    control.halt(place.halt_file, place.inbox_dir, order)
    _tell(place, "halt", order, was_halted=was_halted, as_json=as_json)


def resume(
    reason: ReasonOption = "by hand", as_json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """Lift the latch and allow trading again, after reconciliation."""
    place, order = open_from(workspace), _order(reason)
    was_halted = control.resume(place.halt_file, place.inbox_dir, order)
    _tell(place, "resume", order, was_halted=was_halted, as_json=as_json)


def _order(reason: str) -> control.Halt:
    return control.Halt(actor=login_name(), reason=reason, time_ns=time.time_ns())


def _tell(
    place: Workspace, name: str, order: control.Halt, *, was_halted: bool, as_json: bool
) -> None:
    ordered = Ordered(
        order=name,
        actor=order.actor,
        reason=order.reason,
        process=find_holder(place.lock_file),
        was_halted=was_halted,
    )
    if as_json:
        print_json(ordered)
        return
    before = "halted" if was_halted else "allowed"
    told = f"process {ordered.process} is told" if ordered.process else "no process runs"
    print_text(f"{name} by {order.actor}: {order.reason}; trading was {before} before; {told}")
