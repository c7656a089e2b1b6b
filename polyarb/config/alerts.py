"""Alert rules from YAML: config/alerts.production.yaml, or a file of the smaller form.

Everything wrong is told at once with file, line and key, and the nearest valid word.
"""

import re
from pathlib import Path

import msgspec

from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.checking import compile_condition
from polyarb.alerts.expression import Condition, Constant, is_event, metrics_of
from polyarb.alerts.metrics import METRICS
from polyarb.alerts.rules import FORCEFUL, Behaviour, PhaseFigures, Rule, runbook_link
from polyarb.alerts.syntax import COMPARISONS, ExpressionError
from polyarb.config.document import read_document, refuse_absent
from polyarb.config.faults import Fault, nearest, refuse
from polyarb.config.figures import Choice, Figure, Unit, mistaken, read_text, read_truth
from polyarb.config.keyed import Keyed, read_duration, read_line
from polyarb.config.nodes import Items, Kind, Layer, Origin, Scalar, Section
from polyarb.domain.limits import Envelope, Phase
from polyarb.domain.units import MICRO
from polyarb.store.workspace import Workspace

CHANNELS = ("ui", "console", "webhook", "telegram", "apprise")
"""Where the smaller form may send an alert; `ui` alone is a record and no notification."""
CHANNELS_LABEL = "channels"

_FILE_KEYS = ("phases", "rules")
_PHASE_KEYS = ("capital_usd", "drawdown_percent", "balance_percent_min")
_RULE_KEYS = (
    *("severity", "expr", "for", "keep_firing_for", "cooldown", "summary", "actions"),
    *("actions_in", "labels", "runbook", "nodata", "error", "phases", "heartbeat"),
    *("metric", "thresholds", "conditions", "window", "notify_channels"),
)
_RULE_ID = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED_LABELS = frozenset({"alertname", "severity", "rule"})
_KIND_OF_KEY = Kind.TEXT
_NO_TEXTS: dict[str, str] = {}
_NO_LINES: tuple[str, ...] = ()
_NO_ACTIONS: tuple[Action, ...] = ()
_NO_PHASES: dict[Phase, tuple[Action, ...]] = {}
_CAPITAL = Figure(Unit.USD, 1, 1_000_000 * MICRO, is_decimal=True)
_PERCENT = Figure(Unit.FRACTION, 1, 100 * MICRO, is_decimal=True)


class PhaseMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert file says of a phase. Units: capital in micros of a USD."""

    capital: int
    drawdown_percent: float
    balance_percent_min: float


class AlertFile(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a file in its order, and what its thresholds are relative to."""

    rules: tuple[Rule, ...]
    phases: dict[Phase, PhaseMoney]

    def figures(self, phase: Phase, envelope: Envelope) -> PhaseFigures:
        """Join the money of a phase with the limits that its profile sets."""
        money = self.phases[phase]
        return PhaseFigures(
            phase=phase,
            capital=money.capital,
            daily_loss=envelope.daily_loss_max,
            drawdown_percent=money.drawdown_percent,
            balance_percent_min=money.balance_percent_min,
        )


def load_alerts(workspace: Workspace, file: Path | None = None) -> AlertFile:
    """Load the alert rules of a workspace, or of another file.

    Errors: UsageError with everything that is wrong, and for another file that is not there;
    StoreError when it cannot be read.
    """
    path = file or workspace.alerts_file
    if file is not None:
        refuse_absent(file)
    return read_alerts(read_document(path, Origin(Layer.CONFIG, workspace.shown(path))))


def read_alerts(root: Section) -> AlertFile:
    """Read the rules of a document."""
    faults: list[Fault] = []
    whole = Keyed(root, "", faults)
    whole.refuse_others(_FILE_KEYS)
    phases = {phase: _phase_money(whole, phase) for phase in Phase}
    rules = [_rule(rule_id, keys) for rule_id, keys in whole.below("rules").sections()]
    if not rules and not faults:
        faults.append(Fault(root.origin.place, "rules", "at least one rule", "none"))
    if faults:
        refuse(faults)
    return AlertFile(
        rules=tuple(rule for rule in rules if rule is not None),
        phases={phase: money for phase, money in phases.items() if money is not None},
    )


def _phase_money(whole: Keyed, phase: Phase) -> PhaseMoney | None:
    phases = whole.below("phases") if phase is Phase.SHADOW else _quiet(whole, "phases")
    key = phase.replace("-", "_")
    if phase is Phase.SHADOW:
        phases.refuse_others([each.replace("-", "_") for each in Phase])
    keys = phases.below(key)
    keys.refuse_others(_PHASE_KEYS)
    return PhaseMoney(
        capital=keys.need("capital_usd", _CAPITAL.read, 0),
        drawdown_percent=keys.need("drawdown_percent", _PERCENT.read, 0) / MICRO,
        balance_percent_min=keys.need("balance_percent_min", _PERCENT.read, 0) / MICRO,
    )


def _quiet(whole: Keyed, key: str) -> Keyed:
    """Go below a section whose absence was told already."""
    node = whole.section.entries.get(key)
    found = node if isinstance(node, Section) else Section({}, whole.section.origin)
    return Keyed(found, key, whole.faults)


def _rule(rule_id: str, keys: Keyed) -> Rule | None:
    """Read one rule; None when it is none."""
    before = len(keys.faults)
    keys.refuse_others(_RULE_KEYS)
    if not _RULE_ID.fullmatch(rule_id):
        place = keys.section.origin.place
        keys.faults.append(Fault(place, keys.path, "an id in capitals: WS_DISCONNECTED", rule_id))
    _refuse_both(keys, ("expr",), ("metric", "thresholds", "conditions"))
    _refuse_both(keys, ("for",), ("window",))
    _refuse_both(keys, ("actions", "actions_in"), ("notify_channels",))
    text, condition = _condition(keys)
    severity = keys.need("severity", _read_severity, Severity.WARNING)
    actions, labels = _actions(keys)
    summary = keys.need("summary", read_line, "")
    is_heartbeat = keys.read("heartbeat", read_truth, default=False)
    is_about_events = condition is not None and is_event(condition)
    unknown = Behaviour.OK if is_about_events else Behaviour.ALERT
    rule = Rule(
        rule_id=rule_id,
        expression=text,
        condition=condition or Constant(value=False),
        severity=severity,
        summary=summary,
        runbook=keys.read("runbook", read_line, runbook_link(rule_id)),
        actions=actions,
        actions_in=keys.read("actions_in", _read_actions_in, _NO_PHASES),
        for_ns=keys.read("window" if keys.has("window") else "for", read_duration, 0),
        keep_firing_for_ns=keys.read("keep_firing_for", read_duration, 0),
        cooldown_ns=keys.read("cooldown", read_duration, 0),
        labels={**keys.read("labels", _read_labels, _NO_TEXTS), **labels},
        nodata=keys.read("nodata", _read_behaviour, unknown),
        error=keys.read("error", _read_behaviour, Behaviour.ALERT),
        phases=keys.read("phases", _read_phases, tuple(Phase)),
        is_heartbeat=is_heartbeat,
    )
    if len(keys.faults) == before:
        _refuse_unfit(keys, rule)
    return rule if len(keys.faults) == before else None


def _refuse_both(keys: Keyed, first: tuple[str, ...], second: tuple[str, ...]) -> None:
    for key in second:
        if any(map(keys.has, first)) and keys.has(key):
            keys.blame(key, f"only one of {first[0]} and {key}", "both")


def _condition(keys: Keyed) -> tuple[str, Condition | None]:
    """Read what the rule is about, in either form, and check it against the catalogue."""
    if keys.has("expr"):
        text = keys.read("expr", _read_expression, "")
        return text, _compiled(keys, "expr", text)
    metric = keys.read("metric", _read_metric, "")
    parts = []
    if keys.has("thresholds"):
        for sign, value in keys.read("thresholds", _read_thresholds, _NO_TEXTS).items():
            part = f"{metric} {sign} {value}"
            parts.append(part)
            _compiled(keys, "thresholds", part)
    for part in keys.read("conditions", _read_conditions, _NO_LINES):
        parts.append(part)
        _compiled(keys, "conditions", part)
    if not parts:
        keys.blame("expr", "expr, or metric with thresholds, or conditions", "nothing")
        return "", None
    if keys.has("thresholds") and not keys.has("metric"):
        keys.blame("metric", "the metric of the thresholds", "nothing")
        return "", None
    text = " and ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
    return text, _compiled(keys, "thresholds", text) if not keys.faults else None


def _compiled(keys: Keyed, key: str, text: str) -> Condition | None:
    if not text:
        return None
    try:
        return compile_condition(text)
    except ExpressionError as fault:
        expected = nearest(fault.found, fault.choices) if fault.choices else fault.expected
        keys.blame(key, expected, f"{fault.found} (column {fault.column} of `{text}`)")
        return None


def _actions(keys: Keyed) -> tuple[tuple[Action, ...], dict[str, str]]:
    """Read what is done, in either form; the channels of the smaller one become a label."""
    if keys.has("notify_channels"):
        channels = keys.read("notify_channels", _read_channels, _NO_LINES)
        actions = (Action.LOG, Action.NOTIFY) if set(channels) - {"ui"} else (Action.LOG,)
        return actions, {CHANNELS_LABEL: " ".join(channels)}
    return keys.need("actions", _read_actions, _NO_ACTIONS), {}


def _refuse_unfit(keys: Keyed, rule: Rule) -> None:
    """Refuse what does not go together, each part being right."""
    ways = [("actions", rule.actions), *(("actions_in", one) for one in rule.actions_in.values())]
    if rule.is_event or rule.is_heartbeat:
        if rule.severity is not Severity.INFO:
            keys.blame("severity", "INFO: an event or the heartbeat is no state", rule.severity)
        for key, actions in ways:
            forceful = [action for action in FORCEFUL if action in actions]
            if forceful:
                keys.blame(key, "log or notify of an INFO rule", ", ".join(forceful))
    elif rule.severity is Severity.INFO:
        keys.blame("severity", "WARNING or CRITICAL: INFO rules are about events", "INFO")
    if rule.is_event and (rule.for_ns or rule.keep_firing_for_ns or rule.cooldown_ns):
        keys.blame("for", "no durations of an event, which is told each time", "one")
    if rule.is_event and rule.nodata is not Behaviour.OK:
        keys.blame("nodata", "ok: no event is no news", rule.nodata)
    for key, actions in ways:
        if rule.is_page and Action.NOTIFY not in actions:
            keys.blame(key, "notify among the actions of a CRITICAL rule", "none")
    for phase in rule.actions_in:
        if phase not in rule.phases:
            keys.blame("actions_in", f"phases of the rule ({', '.join(rule.phases)})", phase)
    if not metrics_of(rule.condition):
        keys.blame("expr", "a metric", "a condition that nothing can change")


def _read_severity(node: object) -> Severity:
    return Severity(Choice(tuple(Severity)).read(node))


def _read_behaviour(node: object) -> Behaviour:
    return Behaviour(Choice(tuple(Behaviour)).read(node))


def _read_actions(node: object) -> tuple[Action, ...]:
    return tuple(map(Action, Choice(tuple(Action)).read_list(node)))


def _read_actions_in(node: object) -> dict[Phase, tuple[Action, ...]]:
    if not isinstance(node, Section) or not node.entries:
        mistaken("phases, each with a list of actions", node)
    found = {}
    for name, value in node.entries.items():
        if name not in tuple(Phase):
            mistaken(nearest(name, tuple(Phase)), _key(name, node))
        found[Phase(name)] = _read_actions(value)
    return found


def _read_phases(node: object) -> tuple[Phase, ...]:
    return tuple(map(Phase, Choice(tuple(Phase)).read_list(node)))


def _read_expression(node: object) -> str:
    if not isinstance(node, Scalar) or not node.text.strip():
        mistaken("an expression such as latency_p95_ms >= 500ms", node)
    return node.text


def _read_metric(node: object) -> str:
    text = read_text(node)
    if text not in METRICS:
        mistaken(nearest(text, METRICS), node)
    return text


def _read_thresholds(node: object) -> dict[str, str]:
    if not isinstance(node, Section) or not node.entries:
        mistaken("comparisons such as {'>=': 500ms}", node)
    found = {}
    for sign, value in node.entries.items():
        if sign not in COMPARISONS:
            mistaken(f"one of {' '.join(COMPARISONS)}", Scalar(sign, _KIND_OF_KEY, value.origin))
        if not isinstance(value, Scalar):
            mistaken("a value", value)
        is_state = value.is_quoted and value.text.isidentifier()
        found[sign] = f'"{value.text}"' if is_state else value.text
    return found


def _read_conditions(node: object) -> tuple[str, ...]:
    if not isinstance(node, Items) or not node.nodes:
        mistaken("a list of expressions, all of which must hold", node)
    return tuple(_read_expression(item) for item in node.nodes)


def _read_channels(node: object) -> tuple[str, ...]:
    if not isinstance(node, Items) or not node.nodes:
        mistaken(f"a list of {', '.join(CHANNELS)}", node)
    found: list[str] = []
    for item in node.nodes:
        name = read_text(item)
        if name not in CHANNELS or name in found:
            mistaken(f"{nearest(name, CHANNELS)}, each once", item)
        found.append(name)
    return tuple(found)


def _read_labels(node: object) -> dict[str, str]:
    if not isinstance(node, Section):
        mistaken("names with texts", node)
    found = {}
    for name, value in node.entries.items():
        if not _LABEL.fullmatch(name) or name in _RESERVED_LABELS:
            mistaken("label names in lower case, not alertname, severity or rule", _key(name, node))
        found[name] = read_text(value)
    return found


def _key(name: str, section: Section) -> Scalar:
    return Scalar(name, _KIND_OF_KEY, section.entries[name].origin)
