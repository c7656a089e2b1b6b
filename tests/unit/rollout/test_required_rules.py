"""The required alert rules: all there, severe enough, stopping what they must, in their phases."""

import pytest
from polyarb.domain.limits import Phase
from polyarb.rollout.required_rules import REQUIRED_RULES, FoundRule, RequiredRule, rule_faults

EVERY = frozenset(Phase)


def rule(required: RequiredRule) -> FoundRule:
    return FoundRule(severity=required.severity, actions=frozenset({"halt"}), phases=EVERY)


def all_rules() -> dict[str, FoundRule]:
    return {one.rule_id: rule(one) for one in REQUIRED_RULES}


def test_the_twelve_rules_are_enough() -> None:
    assert len(all_rules()) == 12
    assert rule_faults(all_rules(), Phase.SHADOW) == ()


@pytest.mark.parametrize("required", REQUIRED_RULES, ids=lambda one: one.rule_id)
def test_a_rule_that_is_absent_is_told(required: RequiredRule) -> None:
    found = all_rules()
    del found[required.rule_id]
    assert rule_faults(found, Phase.SHADOW) == (f"{required.rule_id} is absent",)


@pytest.mark.parametrize(
    ("rule_id", "severity", "told"),
    [
        ("WS_DISCONNECTED", "WARNING", ("WS_DISCONNECTED: expected CRITICAL, found WARNING",)),
        ("PNL_DRAWDOWN", "INFO", ("PNL_DRAWDOWN: expected WARNING, found INFO",)),
        ("TRADE_EXECUTED", "CRITICAL", ()),
    ],
)
def test_a_rule_may_be_more_severe_and_never_less(
    rule_id: str, severity: str, told: tuple[str, ...]
) -> None:
    changed = FoundRule(severity=severity, actions=frozenset({"halt"}), phases=EVERY)
    assert rule_faults({**all_rules(), rule_id: changed}, Phase.SHADOW) == told


@pytest.mark.parametrize("action", ["halt", "demote", "kill", "log", "reduce"])
@pytest.mark.parametrize("phase", Phase)
def test_a_stopping_rule_must_stop_and_may_let_go_again_in_shadow_only(
    action: str, phase: Phase
) -> None:
    changed = FoundRule(severity="CRITICAL", actions=frozenset({action}), phases=EVERY)
    found = rule_faults({**all_rules(), "WS_DISCONNECTED": changed}, phase)
    is_enough = action in ("halt", "demote", "kill") or (action, phase) == ("reduce", "shadow")
    assert bool(found) is not is_enough


def test_a_rule_holds_in_every_phase_that_needs_it() -> None:
    live = FoundRule(
        severity="CRITICAL", actions=frozenset({"halt"}), phases=EVERY - {Phase.SHADOW}
    )
    shadow = FoundRule(severity="CRITICAL", actions=frozenset(), phases=frozenset({Phase.SHADOW}))
    found = {
        **all_rules(),
        "WS_DISCONNECTED": live,
        "LIVE_NO_FILLS": live,
        "DRY_RUN_NO_FILLS": shadow,
    }
    assert rule_faults(found, Phase.SCALED) == ()
    assert rule_faults(found, Phase.SHADOW) == ("WS_DISCONNECTED does not hold in shadow",)
