"""Cases of alert rules from YAML, in the format that `promtool test rules` reads.

Of that format everything is read but `promql_expr_test`, which asks a PromQL engine.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from polyarb.alerts.cases import (
    AlertTest,
    CaseGroup,
    FiringAlert,
    InputSeries,
    Outcome,
    coverage,
    firing_alert,
    run_group,
)
from polyarb.alerts.metrics import METRICS
from polyarb.alerts.rules import Rule
from polyarb.alerts.series import Point, parse_series, parse_values
from polyarb.alerts.syntax import ExpressionError
from polyarb.config.document import read_document, refuse_absent
from polyarb.config.faults import Fault, nearest, refuse
from polyarb.config.figures import mistaken, read_text
from polyarb.config.keyed import Keyed, read_duration, read_line
from polyarb.config.nodes import Items, Layer, Origin, Scalar, Section
from polyarb.domain.errors import UsageError
from polyarb.store.workspace import Workspace

Value = TypeVar("Value")

CASES_DIR = "alert_cases"
MINUTE_NS = 60 * 10**9
"""The interval of promtool where a file names none."""
EVALUATIONS_MAX = 100_000
_ROOT_KEYS = ("rule_files", "evaluation_interval", "group_eval_order", "tests")
_GROUP_KEYS = ("name", "interval", "input_series", "alert_rule_test", "external_labels")
_SERIES_KEYS = ("series", "values")
_TEST_KEYS = ("eval_time", "alertname", "exp_alerts")
_EXPECTED_KEYS = ("exp_labels", "exp_annotations")
_NO_LABELS: dict[str, str] = {}


def case_files(workspace: Workspace) -> tuple[Path, ...]:
    """List the case files of a workspace."""
    return tuple(sorted((workspace.config_file.parent / CASES_DIR).glob("*.yaml")))


def load_cases(
    workspace: Workspace, path: Path, rule_ids: Collection[str]
) -> tuple[CaseGroup, ...]:
    """Load the cases of one file.

    Errors: UsageError with everything that is wrong, a rule or metric that does not exist among it.
    """
    root = read_document(path, Origin(Layer.CONFIG, workspace.shown(path)))
    faults: list[Fault] = []
    whole = Keyed(root, "", faults)
    whole.refuse_others(_ROOT_KEYS)
    evaluation_ns = whole.read("evaluation_interval", read_duration, MINUTE_NS)
    groups = [
        _group(keys, evaluation_ns or MINUTE_NS, rule_ids, default_name=f"{path.stem} {place + 1}")
        for place, keys in enumerate(_listed(whole, "tests"))
    ]
    if not groups and not faults:
        faults.append(Fault(root.origin.place, "tests", "at least one test", "none"))
    if faults:
        refuse(faults)
    return tuple(groups)


class CaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the cases of some files said.

    Shape: lacking names, for every rule that lacks one, the kinds of case; only asked of all files.
    """

    files: int
    passed: int
    failures: tuple[Outcome, ...]
    lacking: dict[str, tuple[str, ...]] = {}

    @property
    def is_passed(self) -> bool:
        """Tell whether every test passed and no rule goes untested."""
        return not self.failures and not self.lacking


def run_cases(
    workspace: Workspace, rules: Sequence[Rule], paths: Sequence[Path] = ()
) -> CaseReport:
    """Run the cases of some files, or all of the workspace, whose rules then all need cases.

    Errors: UsageError of a file, or when there is none at all.
    """
    files = tuple(paths) or case_files(workspace)
    if not files:
        place = workspace.shown(workspace.config_file.parent / CASES_DIR)
        raise UsageError(f"{place}: expected case files (*.yaml), found none; run `polyarb init`")
    for path in paths:
        refuse_absent(path)
    rule_ids = [rule.rule_id for rule in rules]
    groups = [group for path in files for group in load_cases(workspace, path, rule_ids)]
    outcomes = [outcome for group in groups for outcome in run_group(rules, group)]
    needs = {} if paths else coverage(rules, groups)
    return CaseReport(
        files=len(files),
        passed=sum(outcome.is_passed for outcome in outcomes),
        failures=tuple(outcome for outcome in outcomes if not outcome.is_passed),
        lacking={rule_id: need.lacks for rule_id, need in needs.items() if need.lacks},
    )


def _listed(keys: Keyed, key: str) -> list[Keyed]:
    """Go into every section of a list."""
    node = keys.section.entries.get(key)
    if node is None:
        return []
    if not isinstance(node, Items):
        keys.blame(key, "a list", "something else")
        return []
    found = []
    for place, item in enumerate(node.nodes):
        if isinstance(item, Section):
            found.append(Keyed(item, f"{keys.named(key)}[{place}]", keys.faults))
        else:
            fault = Fault(item.origin.place, f"{keys.named(key)}[{place}]", "a section", "another")
            keys.faults.append(fault)
    return found


def _group(
    keys: Keyed, evaluation_ns: int, rule_ids: Collection[str], *, default_name: str
) -> CaseGroup:
    keys.refuse_others(_GROUP_KEYS)
    tests = tuple(_test(each, rule_ids) for each in _listed(keys, "alert_rule_test"))
    longest_ns = max((test.eval_time_ns for test in tests), default=0)
    if longest_ns // evaluation_ns > EVALUATIONS_MAX:
        keys.blame("alert_rule_test", f"at most {EVALUATIONS_MAX} evaluations", "more")
    return CaseGroup(
        name=keys.read("name", read_line, default_name),
        interval_ns=keys.read("interval", read_duration, MINUTE_NS) or MINUTE_NS,
        evaluation_ns=evaluation_ns,
        series=tuple(_series(each) for each in _listed(keys, "input_series")),
        tests=tests,
    )


def _series(keys: Keyed) -> InputSeries:
    keys.refuse_others(_SERIES_KEYS)
    nothing: tuple[Point, ...] = ()
    metric, labels = keys.need("series", _notation(parse_series), ("", _NO_LABELS))
    if metric and metric not in METRICS:
        keys.blame("series", nearest(metric, METRICS), metric)
    elif metric and not labels.keys() <= set(METRICS[metric].labels):
        expected = ", ".join(METRICS[metric].labels) or "no labels"
        keys.blame("series", expected, ", ".join(labels))
    points = keys.need("values", _notation(parse_values), nothing)
    return InputSeries(metric=metric, labels=labels, points=points)


def _test(keys: Keyed, rule_ids: Collection[str]) -> AlertTest:
    keys.refuse_others(_TEST_KEYS)
    rule_id = keys.need("alertname", read_line, "")
    if rule_id and rule_id not in rule_ids:
        keys.blame("alertname", nearest(rule_id, rule_ids), rule_id)
    return AlertTest(
        rule_id=rule_id,
        eval_time_ns=keys.need("eval_time", read_duration, 0),
        expected=tuple(_expected(each) for each in _listed(keys, "exp_alerts")),
    )


def _expected(keys: Keyed) -> FiringAlert:
    keys.refuse_others(_EXPECTED_KEYS)
    return firing_alert(
        keys.read("exp_labels", _read_texts, _NO_LABELS),
        keys.read("exp_annotations", _read_texts, _NO_LABELS),
    )


def _read_texts(node: object) -> dict[str, str]:
    if not isinstance(node, Section):
        mistaken("names with texts", node)
    return {name: read_text(value) for name, value in node.entries.items()}


def _notation(parse: Callable[[str], Value]) -> Callable[[object], Value]:
    """Read a text in a notation of its own."""

    def read(node: object) -> Value:
        if not isinstance(node, Scalar):
            mistaken("a text", node)
        try:
            return parse(node.text)
        except ExpressionError as fault:
            mistaken(fault.expected, node)

    return read
