"""The same rules as Prometheus writes them, so that both can be held against the same cases.

One alert a rule: its condition, or what it needs is missing, or cannot be computed. Cooldown,
flapping and acknowledgement have no counterpart there.
"""

import json
from collections.abc import Iterator, Sequence
from typing import assert_never

from polyarb.alerts.expression import (
    Absent,
    Age,
    Arithmetic,
    Both,
    Comparison,
    Condition,
    Constant,
    Either,
    Function,
    Leaf,
    Literal,
    Numeric,
    Reading,
    Window,
    leaves,
    nodes,
)
from polyarb.alerts.history import BOUNDARY_NS
from polyarb.alerts.metrics import SECOND_NS, Metric, Unit
from polyarb.alerts.rules import OTHER_EVERY_NS, PAGE_EVERY_NS, Behaviour, Rule
from polyarb.alerts.syntax import duration_text

SEEN_NS = 3_600 * SECOND_NS
"""How long a set of labels that is silent is remembered there."""
_FUNCTIONS: dict[Function, str] = {
    Function.RATE: "rate({})",
    Function.AVG: "avg_over_time({})",
    Function.MAX: "max_over_time({})",
    Function.MIN: "min_over_time({})",
    Function.P95: "quantile_over_time(0.95, {})",
}
_HEAD = """\
# Written by `polyarb alerts export --prometheus`; do not edit.
# A window ends a millisecond short (4m59s999ms), so that it holds the same samples under every
# version of Prometheus, whether its windows include their beginning or not.
"""


def prometheus_rules(rules: Sequence[Rule]) -> str:
    """Write rules as a rule file of Prometheus."""
    groups = (
        ("polyarb-page", PAGE_EVERY_NS, [rule for rule in rules if rule.is_page]),
        ("polyarb", OTHER_EVERY_NS, [rule for rule in rules if not rule.is_page]),
    )
    lines = [_HEAD + "groups:"]
    for name, every_ns, members in groups:
        if members:
            lines += [f"- name: {name}", f"  interval: {duration_text(every_ns)}", "  rules:"]
            lines += [line for rule in members for line in _lines(rule)]
    return "\n".join(lines) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"  - alert: {rule.rule_id}"
    yield f"    expr: {json.dumps(promql(rule))}"
    if rule.for_ns:
        yield f"    for: {duration_text(rule.for_ns)}"
    if rule.keep_firing_for_ns:
        yield f"    keep_firing_for: {duration_text(rule.keep_firing_for_ns)}"
    yield "    labels:"
    for name, value in labels_of(rule).items():
        yield f"      {name}: {json.dumps(value)}"
    yield "    annotations:"
    for name, value in annotations_of(rule).items():
        yield f"      {name}: {json.dumps(value)}"


def labels_of(rule: Rule) -> dict[str, str]:
    """Return the labels that every alert of a rule carries there."""
    return {"severity": rule.severity, **rule.labels}


def annotations_of(rule: Rule) -> dict[str, str]:
    """Return what is told beside the labels."""
    return {"summary": rule.summary, "runbook_url": rule.runbook}


def promql(rule: Rule) -> str:
    """Write when a rule alerts, what is not known included."""
    writer = _Writer(rule)
    parts = [writer.condition(rule.condition)]
    missing, faulty = writer.missing(), writer.faulty(rule.condition)
    if missing and not rule.is_event:
        masked = (
            f"(({missing}) unless ({faulty}))" if faulty and not writer.is_error_alert else missing
        )
        parts.append(writer.taken(masked, rule.nodata))
    if faulty:
        parts.append(writer.taken(faulty, rule.error))
    return " or ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]


class _Writer:
    """Writes the parts of one rule.

    Where a rule is judged by labels, a metric without them is a number beside one with them, and
    what is known of such metrics alone holds for every set of labels that was seen.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._leaves = leaves(rule.condition)
        labelled = next((leaf.metric for leaf in self._leaves if leaf.metric.labels), None)
        self._seen = f"max_over_time({labelled.name}[{_window(SEEN_NS)}])" if labelled else ""
        self.is_error_alert = rule.error is Behaviour.ALERT

    def condition(self, condition: Condition) -> str:
        match condition:
            case Comparison(sign, left, right):
                is_beside = _has_labels(condition)
                sides = [self._numeric(side, is_beside=is_beside) for side in (left, right)]
                found = self._spread(f"{sides[0]} {sign} {sides[1]}", is_own=is_beside)
                fault = "" if self.is_error_alert else self.faulty(condition)
                return f"(({found}) unless ({fault}))" if fault else found
            case Absent(metric, window_ns, is_negated):
                name = "present_over_time" if is_negated else "absent_over_time"
                found = f"{name}({metric.name}[{_window(window_ns)}])"
                return self._spread(found, is_own=False)
            case Constant(value):
                return self._spread("vector(1)" if value else "vector(1) == 0", is_own=False)
            case Both(left, right):
                return f"({self.condition(left)}) and ({self.condition(right)})"
            case Either(left, right):
                return f"({self.condition(left)}) or ({self.condition(right)})"
            case _:
                assert_never(condition)

    def _spread(self, text: str, *, is_own: bool) -> str:
        """Let what has no labels hold for each set of them."""
        return text if is_own or not self._seen else f"({self._seen} and on() ({text}))"

    def _numeric(self, numeric: Numeric, *, is_beside: bool) -> str:
        match numeric:
            case Literal(value):
                return repr(value).removesuffix(".0")
            case Arithmetic(sign, left, right):
                one = self._numeric(left, is_beside=is_beside)
                other = self._numeric(right, is_beside=is_beside)
                return f"({one} {sign} {other})"
            case _:
                known = _known(numeric)
                return f"scalar({known})" if is_beside and not numeric.metric.labels else known

    def missing(self) -> str:
        """Write when something that the rule needs is not there."""
        return " or ".join(self._missing(leaf) for leaf in self._leaves)

    def _missing(self, leaf: Leaf) -> str:
        known = _known(leaf)
        if not leaf.metric.labels:
            return self._spread(f"absent({known})", is_own=False)
        seen = f"max_over_time({leaf.metric.name}[{_window(SEEN_NS)}])"
        return f"({seen} unless {known}) or (absent({known}) unless on() {seen})"

    def faulty(self, condition: Condition) -> str:
        """Write when something that a condition needs is no number, or is divided by zero."""
        faults = [
            self._spread(_fault(leaf), is_own=bool(leaf.metric.labels))
            for leaf in leaves(condition)
        ]
        for node in nodes(condition):
            if isinstance(node, Arithmetic) and node.operator == "/":
                is_beside = _has_labels(node)
                divided = self._numeric(node, is_beside=is_beside)
                faults.append(self._spread(f"{divided} * 0 != 0", is_own=is_beside))
        return " or ".join(f"({fault})" for fault in faults)

    def taken(self, unknown: str, behaviour: Behaviour) -> str:
        """Write what is made of the unknown: an alert, or nothing but what there is already."""
        if behaviour is Behaviour.ALERT:
            return unknown
        state = "" if behaviour is Behaviour.KEEP else ',alertstate="firing"'
        joined = f"on({', '.join(self._rule.by_labels)})"
        return f'({unknown}) and {joined} ALERTS{{alertname="{self._rule.rule_id}"{state}}}'


def _has_labels(node: Condition | Numeric) -> bool:
    return any(isinstance(each, Leaf) and bool(each.metric.labels) for each in nodes(node))


def _window(window_ns: int) -> str:
    return duration_text(window_ns - BOUNDARY_NS)


def _known(leaf: Leaf) -> str:
    """Write a value that is there as long as we know it."""
    name = leaf.metric.name
    match leaf:
        case Reading(Metric(fresh_ns=None)):
            return name
        case Reading(Metric(fresh_ns=int(fresh_ns))):
            return f"({name} and present_over_time({name}[{_window(fresh_ns)}]))"
        case Window(function, _, window_ns):
            return _FUNCTIONS[function].format(f"{name}[{_window(window_ns)}]")
        case Age():
            return f"(time() - timestamp({name}))"
        case _:
            raise AssertionError(leaf)


def _fault(leaf: Leaf) -> str:
    """Write when a value is there and is none that its metric can have."""
    known = _known(leaf)
    if isinstance(leaf, Window):
        return f"sum_over_time({leaf.metric.name}[{_window(leaf.window_ns)}]) * 0 != 0"
    if isinstance(leaf, Reading) and leaf.metric.unit is Unit.FLAG:
        return f"{known} * ({known} - 1) != 0"
    if isinstance(leaf, Reading) and leaf.metric.states:
        last = len(leaf.metric.states) - 1
        return f"{known} * 0 != 0 or {known} < 0 or {known} > {last} or floor({known}) != {known}"
    return f"{known} * 0 != 0"
