"""`polyarb alerts drill`: prove of every rule that it fires, acts and is told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.documents import print_table
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.reports.document import Table
from polyarb.rollout.drills import DRILL_SPECS, DrillName

if TYPE_CHECKING:
    from polyarb.wiring.alerts.drill import RuleDrill
    from polyarb.wiring.drills.drilling import DrillReport

FAULTS: dict[str, DrillName] = {
    "CIRCUIT_BREAKER_OPEN": DrillName.BREAKER,
    "WS_DISCONNECTED": DrillName.FEED_LOSS,
    "TRADER_CRASHED": DrillName.KILL,
    "TRADER_HUNG": DrillName.WATCHDOG,
}
"""Rules whose fault is also made for real, and the drill that makes it."""


def drill(
    rules: Annotated[
        list[str] | None, typer.Argument(metavar="[RULE]...", help="Rules; else all of them.")
    ] = None,
    is_quick: Annotated[
        bool, typer.Option("--quick", help="Play the rules only, make no fault for real.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Play each rule's own case through real alerting until it fires, acts and is told.

    A receiver on this machine stands for people. Then the faults of feed and process are made for
    real by their drills. Exit 1 when anything is not as it must be.
    """
    from polyarb.wiring.alerts.drill import drill_rules
    from polyarb.wiring.drills.drilling import run_drills

    place, wanted = open_from(workspace), tuple(rules or ())
    rows = list(drill_rules(place, wanted))
    if not as_json:
        print_table(_rule_table(rows))
    faults = [] if is_quick else list(run_drills(place, _announced(wanted)))
    if as_json:
        print_json({"rules": rows, "faults": faults})
    elif faults:
        print_text("\n".join(_fault_line(one) for one in faults))
    is_passed = all(one.is_passed for one in rows) and all(map(_has_passed, faults))
    raise typer.Exit(ExitCode.DONE if is_passed else ExitCode.NO)


def register(app: typer.Typer) -> None:
    """Add the command to the group of alerts."""
    app.command("drill")(drill)


def _announced(wanted: tuple[str, ...]) -> Iterator[DrillName]:
    for rule_id, name in FAULTS.items():
        if not wanted or rule_id in wanted:
            notice(f"polyarb: drill {name} for {rule_id}: {DRILL_SPECS[name].fault}")
            yield name


def _has_passed(report: "DrillReport") -> bool:
    return report.outcome is not None and report.outcome.passed


def _fault_line(report: "DrillReport") -> str:
    if report.outcome is None:
        return f"cannot  {report.name}: {report.reason}"
    word = "passed" if report.outcome.passed else "FAILED"
    return f"{word}  drill {report.name}: {report.outcome.findings[-1]}"


def _rule_table(rows: "list[RuleDrill]") -> Table:
    return Table(
        headings=(
            *("rule", "severity", "phase", "actions"),
            *("acted ms", "first attempt ms", "delivered ms", "outcome"),
        ),
        rows=tuple(
            (
                *(row.rule_id, row.severity, row.phase, ", ".join(row.actions)),
                *map(_ms, (row.acted_ms, row.attempted_ms, row.delivered_ms)),
                "passed" if row.is_passed else f"FAILED: {row.fault}",
            )
            for row in rows
        ),
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
