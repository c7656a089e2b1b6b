"""The alert rules without which nothing starts: which, how severe, and which must stop trading.

Source: production-kit.md 4.1.
"""

from collections.abc import Iterator, Mapping

import msgspec

from polyarb.domain.limits import Phase

SEVERITIES = ("INFO", "WARNING", "CRITICAL")
"""The least severe first."""
STOPPING = frozenset({"halt", "demote", "kill"})
"""Actions that stop trading until a person comes."""
_SHADOW_STOPPING = STOPPING | {"reduce"}
"""In shadow nothing is at stake: what lets go again by itself is enough."""


_LIVE = frozenset(Phase) - {Phase.SHADOW}


class RequiredRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that must be there, at least so severe.

    Shape: stops is that it must stop trading, phases are where it must hold.
    """

    rule_id: str
    severity: str
    stops: bool = False
    phases: frozenset[Phase] = frozenset(Phase)


class FoundRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it was loaded. Shape: actions are those of the phase that is looked at."""

    severity: str
    actions: frozenset[str]
    phases: frozenset[Phase]


REQUIRED_RULES: tuple[RequiredRule, ...] = (
    RequiredRule(rule_id="WS_DISCONNECTED", severity="CRITICAL", stops=True),
    RequiredRule(rule_id="LIVE_NO_FILLS", severity="CRITICAL", stops=True, phases=_LIVE),
    RequiredRule(rule_id="CIRCUIT_BREAKER_OPEN", severity="CRITICAL"),
    RequiredRule(rule_id="RPC_UNHEALTHY", severity="WARNING"),
    RequiredRule(rule_id="HIGH_REJECT_RATE", severity="WARNING"),
    RequiredRule(rule_id="LATENCY_P95_HIGH", severity="WARNING"),
    RequiredRule(rule_id="PNL_DRAWDOWN", severity="WARNING"),
    RequiredRule(rule_id="LOW_BALANCE", severity="WARNING", phases=_LIVE),
    RequiredRule(rule_id="POSITION_LIMIT_NEAR", severity="WARNING"),
    RequiredRule(rule_id="TRADE_EXECUTED", severity="INFO"),
    RequiredRule(rule_id="OPPORTUNITY_DETECTED", severity="INFO"),
    RequiredRule(rule_id="DRY_RUN_NO_FILLS", severity="WARNING", phases=frozenset({Phase.SHADOW})),
)


def rule_faults(found: Mapping[str, FoundRule], phase: Phase) -> tuple[str, ...]:
    """Say which required rules are absent, too mild, stop nothing, or leave a phase out."""
    return tuple(_faults(found, phase))


def _faults(found: Mapping[str, FoundRule], phase: Phase) -> Iterator[str]:
    for required in REQUIRED_RULES:
        rule = found.get(required.rule_id)
        if rule is None:
            yield f"{required.rule_id} is absent"
            continue
        if _rank(rule.severity) < _rank(required.severity):
            yield f"{required.rule_id}: expected {required.severity}, found {rule.severity}"
        if phase in required.phases and phase not in rule.phases:
            yield f"{required.rule_id} does not hold in {phase}"
        stopping = _SHADOW_STOPPING if phase is Phase.SHADOW else STOPPING
        if required.stops and not rule.actions & stopping:
            yield f"{required.rule_id}: expected an action that stops trading, found none"


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)
