"""What a rule is, and the figures of the phase that it may speak of."""

from enum import StrEnum
from functools import cached_property

import msgspec

from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.expression import (
    Comparison,
    Condition,
    comparisons,
    is_event,
    label_names,
    metrics_of,
)
from polyarb.alerts.metrics import SECOND_NS
from polyarb.domain.limits import Phase
from polyarb.domain.units import MICRO

RUNBOOK = "docs/PRODUCTION_RUNBOOK.md"
PAGE_EVERY_NS = SECOND_NS
"""How often page-class rules are judged beside the events that concern them."""
OTHER_EVERY_NS = 5 * SECOND_NS
FORCEFUL: tuple[Action, ...] = (Action.KILL, Action.DEMOTE, Action.HALT, Action.REDUCE)
"""Actions that change what the trader does, the strongest first."""


class Behaviour(StrEnum):
    """What it means that a condition cannot be judged; none of them ever resolves an alert.

    Shape: ALERT as if it held, OK no reason to begin, KEEP as it was before.
    """

    ALERT = "alert"
    OK = "ok"
    KEEP = "keep"


class Rule(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One rule: what is wrong when, how it is told, and what is done.

    Shape: a CRITICAL rule is of the page class; INFO rules are about events, or the heartbeat;
    actions_in is what is done instead of `actions` in some phases.
    """

    rule_id: str
    expression: str
    condition: Condition
    severity: Severity
    summary: str
    runbook: str
    actions: tuple[Action, ...] = (Action.LOG,)
    actions_in: dict[Phase, tuple[Action, ...]] = {}
    for_ns: int = 0
    keep_firing_for_ns: int = 0
    cooldown_ns: int = 0
    labels: dict[str, str] = {}
    nodata: Behaviour = Behaviour.ALERT
    error: Behaviour = Behaviour.ALERT
    phases: tuple[Phase, ...] = tuple(Phase)
    is_heartbeat: bool = False

    @property
    def is_page(self) -> bool:
        """Tell whether it is judged on events and each second, and told at once."""
        return self.severity is Severity.CRITICAL

    @cached_property
    def is_event(self) -> bool:
        """Tell whether it is about occurrences, each of which is told."""
        return is_event(self.condition)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Name every metric it looks at."""
        return tuple(metric.name for metric in metrics_of(self.condition))

    @cached_property
    def by_labels(self) -> tuple[str, ...]:
        """Name the labels of which each set has an alert of its own."""
        return label_names(self.condition)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """List its comparisons from the left: one of them gives an alert value and threshold."""
        return comparisons(self.condition)

    def in_phase(self, phase: Phase) -> "Rule":
        """Return the rule as it acts in one phase."""
        return msgspec.structs.replace(
            self, actions=self.actions_in.get(phase, self.actions), actions_in={}
        )

    @cached_property
    def forceful(self) -> tuple[Action, ...]:
        """List the actions that change what the trader does, the strongest first."""
        return tuple(action for action in FORCEFUL if action in self.actions)


class PhaseFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What thresholds are relative to. Units: capital and daily_loss in micros of a USD."""

    phase: Phase
    capital: int
    daily_loss: int
    drawdown_percent: float = 3.0
    balance_percent_min: float = 50.0

    def values(self) -> dict[str, float]:
        """Return them as metrics that never go stale."""
        return {
            "phase_capital_usd": self.capital / MICRO,
            "phase_daily_loss_usd": self.daily_loss / MICRO,
            "phase_drawdown_percent": self.drawdown_percent,
            "phase_balance_min_percent": self.balance_percent_min,
        }


def runbook_link(rule_id: str) -> str:
    """Return where the runbook says what to do."""
    return f"{RUNBOOK}#{rule_id.lower()}"
