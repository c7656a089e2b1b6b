"""Which drills there are, what each proves, and whether its recorded outcomes still count. Pure."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from polyarb.domain.drills import DrillOutcome
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import Status
from polyarb.rollout.verdict import Requirement

DAY_NS = 86_400 * 10**9
_LIVE = (Phase.MICRO_LIVE, Phase.CONSTRAINED, Phase.SCALED)
_EVERY = tuple(Phase)


class DrillName(StrEnum):
    """Every drill, in the order in which they run."""

    BREAKER = "breaker"
    FEED_LOSS = "feed-loss"
    HALT = "halt"
    KILL = "kill"
    RESTORE = "restore"
    ALERT_DELIVERY = "alert-delivery"
    WATCHDOG = "watchdog"


class DrillSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One drill. Shape: required_in lists the phases that need a pass that is not too old."""

    name: DrillName
    fault: str
    proves: str
    deadline_s: int
    age_days_max: int
    required_in: tuple[Phase, ...]


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """The code and the configuration that evidence must be of."""

    code: str
    config: str


DRILLS: tuple[DrillSpec, ...] = (
    DrillSpec(
        name=DrillName.BREAKER,
        fault="sets break one after the other",
        proves="trading halts by itself, sends nothing more, and the halt is latched on disk",
        deadline_s=30,
        age_days_max=30,
        required_in=_EVERY,
    ),
    DrillSpec(
        name=DrillName.FEED_LOSS,
        fault="the stream is cut while a set is within reach, and comes back",
        proves="open orders are called back, nothing trades on lost books, trading goes on after",
        deadline_s=30,
        age_days_max=30,
        required_in=_EVERY,
    ),
    DrillSpec(
        name=DrillName.HALT,
        fault="an operator halts a running process",
        proves="it halts within a second and stays halted when it is started again",
        deadline_s=90,
        age_days_max=30,
        required_in=_EVERY,
    ),
    DrillSpec(
        name=DrillName.KILL,
        fault="the process is killed in the middle of a run (kill -9)",
        proves="it starts again, the journal is whole, and both runs are made again byte for byte",
        deadline_s=120,
        age_days_max=30,
        required_in=_EVERY,
    ),
    DrillSpec(
        name=DrillName.RESTORE,
        fault="the workspace is lost and only its backup is left",
        proves="the backup restores into an empty place, equal to what was, and boots halted",
        deadline_s=120,
        age_days_max=7,
        required_in=_EVERY,
    ),
    DrillSpec(
        name=DrillName.ALERT_DELIVERY,
        fault="a page-class rule's condition comes true",
        proves="the alert fires, acts and is delivered within five seconds",
        deadline_s=60,
        age_days_max=30,
        required_in=_LIVE,
    ),
    DrillSpec(
        name=DrillName.WATCHDOG,
        fault="the trading loop stands still",
        proves="whoever watches it notices, and trading is stopped from outside",
        deadline_s=120,
        age_days_max=30,
        required_in=_LIVE,
    ),
)

DRILL_SPECS: dict[DrillName, DrillSpec] = {spec.name: spec for spec in DRILLS}


def drill_requirement(
    spec: DrillSpec, outcomes: Iterable[DrillOutcome], digests: Digests, now_ns: int
) -> Requirement:
    """Judge a drill by its last outcome for this code and configuration.

    A failure counts for as long as nothing newer is there; a pass only while it is recent.
    """
    own = [one for one in outcomes if one.name == spec.name]
    bound = [one for one in own if _is_of(one, digests)]
    if not bound:
        why = "it has never run" if not own else f"it last ran for {_other(own[-1], digests)}"
        return _requirement(spec, Status.INSUFFICIENT, why)
    last = max(bound, key=lambda one: one.began_ns)
    if not last.passed:
        return _requirement(spec, Status.FAIL, "; ".join(last.findings) or "it failed")
    age_ns = now_ns - last.began_ns
    if age_ns < 0:
        return _requirement(spec, Status.INSUFFICIENT, "its last pass lies in the future")
    if age_ns > spec.age_days_max * DAY_NS:
        told = f"its last pass is {age_ns // DAY_NS} days old, at most {spec.age_days_max} count"
        return _requirement(spec, Status.INSUFFICIENT, told)
    return _requirement(spec, Status.PASS, f"passed {age_ns // (60 * 10**9)} minutes ago")


def required_drills(
    phase: Phase, outcomes: Iterable[DrillOutcome], digests: Digests, now_ns: int
) -> tuple[Requirement, ...]:
    """Judge every drill that a phase requires."""
    told = tuple(outcomes)
    return tuple(
        drill_requirement(spec, told, digests, now_ns)
        for spec in DRILLS
        if phase in spec.required_in
    )


def _requirement(spec: DrillSpec, status: Status, evidence: str) -> Requirement:
    remedy = "" if status is Status.PASS else f"run `polyarb drill {spec.name}`"
    return Requirement(name=f"drill {spec.name}", status=status, evidence=evidence, remedy=remedy)


def _is_of(outcome: DrillOutcome, digests: Digests) -> bool:
    return (outcome.code_digest, outcome.config_digest) == (digests.code, digests.config)


def _other(outcome: DrillOutcome, digests: Digests) -> str:
    return "other code" if outcome.code_digest != digests.code else "another configuration"
