"""Write the documents that are generated from code: python scripts/generate_docs.py."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer
from polyarb.alerts.reference import alerts_reference, metrics_reference
from polyarb.cli.app import app
from polyarb.cli.exit_codes import ExitCode
from polyarb.config.alerts import load_alerts
from polyarb.config.reference import configuration_reference
from polyarb.domain.order import ORDER_STEPS, SET_STEPS, TRADE_STEPS, TRADING_STEPS
from polyarb.rollout.checklist import checklist_reference
from polyarb.store.workspace import Workspace
from polyarb.wiring.doctor.checks import doctor_reference

if TYPE_CHECKING:
    from typer._click import Command

DOCS = Path(__file__).resolve().parent.parent / "docs"

_EXITS: dict[ExitCode, str] = {
    ExitCode.DONE: "done; for a question: the answer is yes",
    ExitCode.NO: "the answer is no: a check found something, a verification failed",
    ExitCode.USAGE: "the command line, a configuration file or an input cannot be used as it is",
    ExitCode.REFUSED: "refused for safety",
    ExitCode.FAULT: "something that should work did not, or the command was interrupted",
    ExitCode.INSUFFICIENT: "there is not enough evidence for an answer",
}

_CLI_INTRODUCTION = """\
# Commands

Written from the app by `python scripts/generate_docs.py`; do not edit.

Every command answers `--help`. Values are printed on standard output, notices on standard error;
with `--json` standard output holds JSON only.
"""

State = TypeVar("State", bound=StrEnum)
STATES_BEGIN, STATES_END = "<!-- states -->\n", "<!-- /states -->"


def command_reference() -> str:
    """Write docs/CLI.md: the exit codes and every command, whatever the terminal's width."""
    root = typer.main.get_command(app)
    parts = [_CLI_INTRODUCTION, _exit_codes(), *_commands(root, typer.Context(root))]
    return "\n".join(parts)


def _exit_codes() -> str:
    rows = "".join(f"| {code.value} | `{code.name}` | {_EXITS[code]} |\n" for code in ExitCode)
    return f"## Exit codes\n\n| code | name | meaning |\n|---|---|---|\n{rows}"


def _commands(group: "Command", context: typer.Context) -> Iterator[str]:
    """Describe what is below a group, depth first, in the order of its help."""
    assert isinstance(group, typer.core.TyperGroup)
    path = context.info_name or "polyarb"
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        inner = typer.Context(command, info_name=f"{path} {name}")
        yield _describe(command, inner)
        if isinstance(command, typer.core.TyperGroup):
            yield from _commands(command, inner)


def _describe(command: "Command", context: typer.Context) -> str:
    path = context.info_name or ""
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    heading = "#" * (path.count(" ") + 1)
    text = f"{heading} `{path}`\n\n{(command.help or '').strip()}\n\n```\n{usage}\n```\n"
    found = [parameter.get_help_record(context) for parameter in command.params]
    records = [record for record in found if record is not None]
    if records:
        rows = "".join(f"| `{_cell(name)}` | {_cell(help_)} |\n" for name, help_ in records)
        text += f"\n| argument or option | meaning |\n|---|---|\n{rows}"
    return text


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def state_tables() -> str:
    """Write every state machine as its states and where each may go, in the order of its enum."""
    machines = (
        _machine("Order", ORDER_STEPS),
        _machine("Trade", TRADE_STEPS),
        _machine("Set", SET_STEPS),
        _machine("Trading", TRADING_STEPS),
    )
    return "\n".join(machines)


def _machine(name: str, steps: dict[State, frozenset[State]]) -> str:
    states = list(type(next(iter(steps))))
    width = max(map(len, states))
    lines = []
    for state in states:
        nexts = ", ".join(other for other in states if other in steps[state])
        lines.append(f"{state:<{width}} -> {nexts or '(final)'}")
    return "\n".join([f"{name}:", "", "```", *lines, "```", ""])


def with_states(text: str) -> str:
    """Put the state machines between the markers of a document."""
    before, _, rest = text.partition(STATES_BEGIN)
    _, marker, after = rest.partition(STATES_END)
    assert marker, "the document has lost its markers of the state machines"
    return f"{before}{STATES_BEGIN}{state_tables()}{STATES_END}{after}"


def alert_reference() -> str:
    """Write docs/ALERTS.md from the shipped rules."""
    return alerts_reference(load_alerts(Workspace(DOCS.parent)).rules)


def main() -> None:
    """Write every generated document."""
    architecture = DOCS / "ARCHITECTURE.md"
    written = {
        DOCS / "CONFIGURATION.md": configuration_reference(),
        DOCS / "CLI.md": command_reference(),
        DOCS / "DOCTOR.md": doctor_reference(),
        DOCS / "GO_NO_GO_CHECKLIST.md": checklist_reference(),
        DOCS / "ALERTS.md": alert_reference(),
        DOCS / "METRICS.md": metrics_reference(),
        architecture: with_states(architecture.read_text(encoding="utf-8")),
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
