"""Rules, samples and an engine with its clocks, as the tests of the alert rules need them."""

from pathlib import Path

import msgspec
from polyarb.alerts.alert import Action, Alert, Severity, Status
from polyarb.alerts.checking import compile_condition
from polyarb.alerts.engine import AlertEngine
from polyarb.alerts.history import Sample
from polyarb.alerts.lifecycle import Moment, Transition
from polyarb.alerts.rules import PhaseFigures, Rule, runbook_link
from polyarb.config.alerts import AlertFile, load_alerts
from polyarb.domain.limits import Phase
from polyarb.domain.units import MICRO
from polyarb.store.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = Workspace(ROOT)
SECOND_NS = 1_000_000_000
WALL_NS = 1_780_000_000 * SECOND_NS
FIGURES = PhaseFigures(phase=Phase.MICRO_LIVE, capital=20 * MICRO, daily_loss=3 * MICRO)


def shipped() -> AlertFile:
    """Load the shipped rules."""
    return load_alerts(SHIPPED)


def rule_of(expression: str, rule_id: str = "SOME_RULE", **changes: object) -> Rule:
    """Make a rule of an expression, WARNING and told unless changed."""
    rule = Rule(
        rule_id=rule_id,
        expression=expression,
        condition=compile_condition(expression),
        severity=Severity.WARNING,
        summary="Something is wrong",
        runbook=runbook_link(rule_id),
        actions=(Action.LOG, Action.NOTIFY),
    )
    return msgspec.structs.replace(rule, **changes)


class Course:
    """An engine with a course of samples; times are in seconds from its beginning."""

    def __init__(self, *rules: Rule, grace_s: float = 0, every_s: float = 1) -> None:
        every_ns = int(every_s * SECOND_NS)
        self.rules = rules
        self.every_ns, self.grace_ns = every_ns, int(grace_s * SECOND_NS)
        self.engine = self._engine()
        self.now_s = 0.0
        self.wall_shift_ns = 0

    def _engine(self) -> AlertEngine:
        return AlertEngine(
            self.rules,
            FIGURES,
            page_every_ns=self.every_ns,
            other_every_ns=self.every_ns,
            grace_ns=self.grace_ns,
        )

    def moment(self) -> Moment:
        passed_ns = int(self.now_s * SECOND_NS)
        return Moment(monotonic_ns=passed_ns, wall_ns=WALL_NS + passed_ns + self.wall_shift_ns)

    def at(self, now_s: float, value: float | None = None, metric: str = "") -> list[Transition]:
        """Observe one value of the first metric of the first rule, and judge."""
        self.now_s = now_s
        if value is not None or metric:
            self.observe(metric or self.rules[0].metrics[0], value)
        return list(self.engine.evaluate(self.moment()))

    def observe(self, metric: str, value: float | None, **labels: str) -> bool:
        time_ns = int(self.now_s * SECOND_NS)
        return self.engine.observe(
            Sample(metric=metric, value=value, time_ns=time_ns, labels=labels)
        )

    def restart(self, downtime_s: float = 0, reboot_s: float = 0) -> None:
        """Begin anew with what was active; the monotonic clock may begin anew as well."""
        active = self.engine.active
        self.engine = self._engine()
        self.wall_shift_ns += int((downtime_s + reboot_s) * SECOND_NS)
        self.now_s -= reboot_s
        assert not self.engine.restore(active, self.moment())

    @property
    def alert(self) -> Alert | None:
        found = self.engine.active
        return found[0] if found else None

    @property
    def status(self) -> Status | None:
        return self.alert.status if self.alert else None


def statuses(transitions: list[Transition]) -> list[Status]:
    """List the statuses that a judgement led to."""
    return [transition.alert.status for transition in transitions]
