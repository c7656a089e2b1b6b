"""The app: every command by name, each loaded only when it is called, so that help stays quick."""

import importlib
import signal
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from polyarb.cli.exit_codes import ExitCode
from polyarb.domain.errors import PolyarbError

if TYPE_CHECKING:
    from types import FrameType

    from typer._click import Command, Context, HelpFormatter

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init:init", "Write a workspace from the shipped templates."),
    "doctor": ("doctor:doctor", "Check machine, workspace, clock and venue."),
    "go-no-go": ("go_no_go:go_no_go", "Make the 22 checks: may a phase begin?"),
    "drill": ("drill:drill", "Inject a fault, prove the reaction, record the evidence."),
    "operators": ("operators:app", "List and add the people who may sign."),
    "keys": ("keys:app", "Make, import and show the wallet's key by its addresses."),
    "start": ("start:start", "Run a phase of the rollout."),
    "status": ("status:status", "Tell what a running process does, or how it ended."),
    "watch": ("watch:watch", "Watch the trader from a process of its own."),
    "halt": ("control:halt", "Stop trading; the process goes on watching."),
    "resume": ("control:resume", "Allow trading again."),
    "profiles": ("profiles:app", "List, show, check and change profiles."),
    "markets": ("markets:app", "Read, list and roll back the venue's instruments."),
    "plan": ("plan:plan", "Size arbitrage problems and explain the answers."),
    "census": ("census:census", "Count what tapes hold: seen, refused and why, tradable."),
    "replay": ("replay:app", "Run a tape or a journal again; verify decisions byte for byte."),
    "tape": ("tape:app", "List, verify, convert and prune recordings."),
    "sandbox": ("sandbox:app", "Serve a local venue to trade against; its scenarios and faults."),
    "report": ("report:app", "Write reports from the journal."),
    "ledger": ("ledger:app", "Show and verify the books folded from the journal."),
    "alerts": ("alerts:app", "List, test and export the alert rules; what fires, ack, silence."),
    "backup": ("backup:app", "Make, verify and restore backups of a workspace."),
    "units": ("units:units", "Write the systemd units, or the cron file, of this installation."),
}
"""Command name to where it lives and what its help says, in the order of the help."""


class LazyGroup(TyperGroup):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: "Context") -> list[str]:
        """List every command without importing any."""
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """Import the module of one command and build it."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module_name, _, attribute = entry[0].partition(":")
        found = getattr(importlib.import_module(f"polyarb.cli.{module_name}"), attribute)
        if isinstance(found, typer.Typer):
            found.info.help = entry[1]
            command: Command = typer.main.get_group(found)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(cmd_name)(found)
            command = typer.main.get_command(single)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the command list from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_place, text) in COMMANDS.items()])


app = typer.Typer(
    name="polyarb",
    cls=LazyGroup,
    help="Staged-rollout toolkit for prediction-market arbitrage on Polymarket.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Carry the options of the app itself; every command has its own."""


def _interrupted(_number: int, _frame: "FrameType | None") -> None:
    """End a command that was broken off: it did not do what it was asked to."""
    from polyarb.cli.output import notice  # loaded by `main` before it can be called

    notice("polyarb: interrupted")
    raise SystemExit(ExitCode.FAULT)


def main() -> None:
    """Run the app; every fault leaves as one line and an exit code.

    SIGPIPE stays ignored, as Python has it: a socket that the venue closed must not end a trader.
    """
    from polyarb.cli.output import fail

    signal.signal(signal.SIGINT, _interrupted)
    try:
        app()
    except PolyarbError as fault:
        fail(fault)
    except OSError as fault:
        from polyarb.store.filesystem import store_fault

        fail(store_fault("use", fault.filename or "a file", fault))
