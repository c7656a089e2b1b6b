"""`polyarb alerts`: the rules, their cases, and the same rules for Prometheus."""

from pathlib import Path
from typing import Annotated

import typer

from polyarb.alerts.cases import FiringAlert, Outcome
from polyarb.alerts.export_prometheus import prometheus_rules
from polyarb.alerts.reference import actions_text, duration_or_none, phases_text, summarize
from polyarb.alerts.rules import Rule
from polyarb.alerts.syntax import duration_text
from polyarb.cli import alerts_active, alerts_drill
from polyarb.cli.documents import print_table
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json, print_text
from polyarb.config.alert_cases import CaseReport, run_cases
from polyarb.config.alerts import load_alerts
from polyarb.domain.errors import UsageError
from polyarb.reports.document import Table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RulesOption = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        help="Another rule file than the workspace's config/alerts.production.yaml.",
    ),
]


@app.callback()
def root() -> None:
    """List, test, drill and export the alert rules; take alerts on and silence them."""


alerts_active.register(app)
alerts_drill.register(app)


@app.command("rules")
def list_rules(
    rules: RulesOption = None, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """List the alert rules as they were read; every fault of the file is told, with exit 2."""
    found = load_alerts(open_from(workspace), rules).rules
    if json:
        print_json([summarize(rule) for rule in found])
    else:
        print_table(_rule_table(found))


@app.command("test")
def run_tests(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Case files; else all of config/alert_cases/."),
    ] = None,
    rules: RulesOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Run cases in the format of `promtool test rules` on the rules.

    Exit 1 when one fails, or when a rule lacks a case: one in which it fires and one in which it
    does not, with missing and with stale samples.
    """
    place = open_from(workspace)
    report = run_cases(place, load_alerts(place, rules).rules, files or ())
    if json:
        print_json(report)
    else:
        print_text("\n".join(_report_lines(report)))
    raise typer.Exit(ExitCode.DONE if report.is_passed else ExitCode.NO)


@app.command("export")
def export(
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="As a rule file of Prometheus.")
    ] = False,
    rules: RulesOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the rules on standard output in the form of another program."""
    if not prometheus:
        raise UsageError("alerts export: expected a form to write (--prometheus), found none")
    print_text(prometheus_rules(load_alerts(open_from(workspace), rules).rules).rstrip())


def _rule_table(rules: tuple[Rule, ...]) -> Table:
    return Table(
        headings=("rule", "severity", "condition", "for", "cooldown", "actions", "phases"),
        rows=tuple(
            (
                rule.rule_id,
                str(rule.severity),
                rule.expression,
                duration_or_none(rule.for_ns),
                duration_or_none(rule.cooldown_ns),
                actions_text(rule),
                phases_text(rule),
            )
            for rule in rules
        ),
    )


def _report_lines(report: CaseReport) -> list[str]:
    lines = [_failure(outcome) for outcome in report.failures]
    lines += [f"{rule_id} lacks {', '.join(kinds)}" for rule_id, kinds in report.lacking.items()]
    counts = f"{report.passed} tests passed, {len(report.failures)} failed"
    return [*lines, f"{counts}, {report.files} files"]


def _failure(outcome: Outcome) -> str:
    return (
        f"{outcome.group}: {outcome.rule_id} at {duration_text(outcome.eval_time_ns)}:"
        f" expected {_firing(outcome.expected)}, found {_firing(outcome.found)}"
    )


def _firing(alerts: tuple[FiringAlert, ...]) -> str:
    return "; ".join(str({**dict(each.labels), **dict(each.annotations)}) for each in alerts) or (
        "no alert"
    )
