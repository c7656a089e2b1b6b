"""Go/no-go checks of alerts: the required rules are there, and an alert has reached somebody."""

from polyarb.config.alerts import load_alerts
from polyarb.rollout.checks import Status
from polyarb.rollout.drills import DrillName
from polyarb.rollout.required_rules import REQUIRED_RULES, FoundRule, rule_faults
from polyarb.wiring.go_no_go.context import Seen, Sight, failed, missing, passed, weigh


def check_rules(sight: Sight) -> Seen:
    """Y3: the required rules load, severe enough."""
    found = _rules(sight)
    return weigh(
        rule_faults(found, sight.phase),
        f"{len(found)} rules load, all {len(REQUIRED_RULES)} required ones among them",
    )


def check_delivery(sight: Sight) -> Seen:
    """O3: the rules load, and a test alert was delivered."""
    found, drill = _rules(sight), sight.drill(DrillName.ALERT_DELIVERY)
    told = f"{len(found)} rules load"
    tried = f"{drill.name}: {drill.evidence}"
    if drill.status is Status.FAIL:
        return failed(told, tried, remedy=drill.remedy)
    if drill.status is Status.PASS:
        return passed(told, tried)
    return missing(told, tried, remedy=drill.remedy)


def _rules(sight: Sight) -> dict[str, FoundRule]:
    """Load the rules. Errors: UsageError with everything that is wrong in them."""
    return {
        rule.rule_id: FoundRule(
            severity=rule.severity.value,
            actions=frozenset(one.value for one in rule.in_phase(sight.phase).actions),
            phases=frozenset(rule.phases),
        )
        for rule in load_alerts(sight.place).rules
    }
