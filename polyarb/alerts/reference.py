"""docs/ALERTS.md and docs/METRICS.md, written from the rules and the catalogue."""

from collections.abc import Iterable, Sequence

import msgspec

from polyarb.alerts.checking import FUNCTIONS
from polyarb.alerts.metrics import METRICS, PHASE_NAMES, SECOND_NS, Metric
from polyarb.alerts.routing import (
    ESCALATE_NS,
    HEARTBEAT_NS,
    INHIBITIONS,
    PAGE_REPEAT_NS,
    PAGE_SILENCE_NS_MAX,
    SILENCE_NS_MAX,
    STEPS_MAX,
    TICKET_GROUP_NS,
    TICKET_REPEAT_NS,
    TICKET_WAIT_NS,
)
from polyarb.alerts.rules import Rule
from polyarb.alerts.syntax import duration_text
from polyarb.domain.limits import Phase


class RuleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is told. Units: seconds."""

    rule_id: str
    severity: str
    expression: str
    for_s: float
    keep_firing_for_s: float
    cooldown_s: float
    actions: tuple[str, ...]
    actions_in: dict[str, tuple[str, ...]]
    labels: dict[str, str]
    nodata: str
    error: str
    phases: tuple[str, ...]
    summary: str
    runbook: str
    is_heartbeat: bool


def summarize(rule: Rule) -> RuleSummary:
    """Tell a rule as values that any program can read."""
    return RuleSummary(
        rule_id=rule.rule_id,
        severity=rule.severity,
        expression=rule.expression,
        for_s=rule.for_ns / SECOND_NS,
        keep_firing_for_s=rule.keep_firing_for_ns / SECOND_NS,
        cooldown_s=rule.cooldown_ns / SECOND_NS,
        actions=rule.actions,
        actions_in={str(phase): actions for phase, actions in rule.actions_in.items()},
        labels=rule.labels,
        nodata=rule.nodata,
        error=rule.error,
        phases=rule.phases,
        summary=rule.summary,
        runbook=rule.runbook,
        is_heartbeat=rule.is_heartbeat,
    )


def duration_or_none(duration_ns: int) -> str:
    """Write a duration, or a dash for none."""
    return duration_text(duration_ns) if duration_ns else "-"


def actions_text(rule: Rule) -> str:
    """Name what a rule does, and where it does something else."""
    elsewhere = (f"in {phase}: {', '.join(one)}" for phase, one in rule.actions_in.items())
    return "; ".join((", ".join(rule.actions), *elsewhere))


def phases_text(rule: Rule) -> str:
    """Name the phases in which a rule is judged."""
    return "all" if len(rule.phases) == len(Phase) else ", ".join(rule.phases)


_ALERTS_HEAD = """\
# Alerts

Written from `config/alerts.production.yaml` by `python scripts/generate_docs.py`; do not edit.
The metrics of the expressions are in [METRICS.md](METRICS.md), what to do about an alert in the
runbook.
"""


def alerts_reference(rules: Sequence[Rule]) -> str:
    """Write docs/ALERTS.md."""
    parts = [_ALERTS_HEAD, "## Rules\n", _rule_table(rules), _unknown_table(rules)]
    parts += [_life(), _routing(), _expressions()]
    return "\n".join(parts)


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _rule_table(rules: Sequence[Rule]) -> str:
    headings = ("rule", "severity", "condition", "for", "cooldown", "actions", "phases", "meaning")
    return _table(
        headings,
        (
            (
                f"`{rule.rule_id}`",
                str(rule.severity),
                f"`{rule.expression}`",
                duration_or_none(rule.for_ns),
                duration_or_none(rule.cooldown_ns),
                actions_text(rule),
                phases_text(rule),
                rule.summary,
            )
            for rule in rules
        ),
    )


def _unknown_table(rules: Sequence[Rule]) -> str:
    odd = [rule for rule in rules if not rule.is_event and rule.nodata != "alert"]
    rows = ((f"`{rule.rule_id}`", str(rule.nodata)) for rule in odd)
    return (
        "What cannot be judged alerts as if the condition held, with the cause NODATA or ERROR."
        " Exceptions, which raise no alert but never resolve one either:\n\n"
        + _table(("without data", "taken as"), rows)
    )


def _life() -> str:
    return """\
## Life of an alert

inactive, PENDING while the condition has not held for the whole of `for`, FIRING, ACKED when a
person took it on, RECOVERING while the condition is gone for less than `keep_firing_for` or goes
back and forth, RESOLVED. Within the cooldown after it was resolved an alert does not fire again but
stays PENDING; the actions of a CRITICAL rule run all the same. Flapping is told by the last 21
looks, newer changes weighing more: it begins at 30 % and ends below 20 %. INFO rules are about
occurrences: each is recorded, none is taken for a repeat of another.

Durations are measured by a clock that never jumps. CRITICAL rules are judged when one of their
metrics changes and each second, the others each five seconds.
"""


def _routing() -> str:
    rows = (
        (
            "CRITICAL",
            "at once",
            f"each {duration_text(PAGE_REPEAT_NS)} until acknowledged",
            f"each {duration_text(ESCALATE_NS)}, {STEPS_MAX} steps",
            duration_text(PAGE_SILENCE_NS_MAX),
        ),
        (
            "WARNING",
            f"with others after {duration_text(TICKET_WAIT_NS)}, then each"
            f" {duration_text(TICKET_GROUP_NS)}",
            f"each {duration_text(TICKET_REPEAT_NS)} until acknowledged",
            "no",
            duration_text(SILENCE_NS_MAX),
        ),
        ("INFO", "in the daily report", "no", "no", "-"),
        (
            *("heartbeat", "at once, to the channel `ping` alone"),
            *(f"each {duration_text(HEARTBEAT_NS)} while the trading loop turns", "no", "-"),
        ),
    )
    inhibited = (
        (f"`{one.source}`", ", ".join(f"`{target}`" for target in sorted(one.targets)))
        for one in INHIBITIONS
    )
    headings = ("severity", "told", "again", "escalated", "longest silence")
    return (
        "## Who is told when\n\n"
        + _table(headings, rows)
        + "\nWhile one rule fires its consequences are recorded and not told; a CRITICAL alert is"
        " never held back so:\n\n" + _table(("while it fires", "not told"), inhibited)
    )


def _expressions() -> str:
    functions = ", ".join(f"`{name}`" for name in FUNCTIONS)
    return f"""\
## Expressions

Comparisons `== != < <= > >=`, `and`, `or`, `not`, `+ - * /`, parentheses. Numbers carry their unit:
`500ms`, `10s`, `3%`, `$5`; a number without one is a count or a factor. A state is quoted and
compared whatever the case of its letters. Functions: {functions}; all but `age` have a window, as
in `avg(latency_p95_ms[5m])`. `rate` is of counters and a second, `max`, `min`, `avg` and `p95` of
gauges and flags; `absent(m[30s])` is true without a sample in the window; `age(m)` is the time
since the latest. `phase.capital` and the like are the figures of the phase.

An unknown name, a unit that does not fit, or a rule that is not yes or no is refused when the file
is read. Samples that are missing never make a condition false: it is NODATA, or true where the
other side of an `or` is. A division by zero or a value that is no number is an ERROR.

`polyarb alerts export --prometheus` writes the same rules for Prometheus, and the cases under
`config/alert_cases/` run in both. Cooldown, flapping and acknowledgement exist here only.
"""


_METRICS_HEAD = """\
# Metrics

Written from the catalogue by `python scripts/generate_docs.py`; do not edit.

What alert rules may speak of. A sample speaks for its metric for 30 seconds unless told
otherwise; after that there is no data.
"""


def metrics_reference() -> str:
    """Write docs/METRICS.md."""
    spelled = {name: text for text, name in PHASE_NAMES.items()}
    rows = (
        (
            f"`{metric.name}`",
            metric.unit
            if not metric.states
            else ", ".join(f"{number} {state}" for number, state in enumerate(metric.states)),
            str(metric.kind),
            _meaning(metric, spelled.get(metric.name, "")),
            str(metric.sampled_by),
        )
        for metric in METRICS.values()
    )
    headings = ("metric", "unit", "kind", "meaning", "sampled by")
    return f"{_METRICS_HEAD}\n{_table(headings, rows)}"


def _meaning(metric: Metric, spelled: str) -> str:
    notes = []
    if metric.labels:
        notes.append(f"label {', '.join(metric.labels)}")
    if spelled:
        notes.append(f"in rules `{spelled}`")
    return f"{metric.meaning} ({'; '.join(notes)})" if notes else metric.meaning
