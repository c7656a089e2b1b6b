"""The GO rule: from results and required evidence to an outcome. Pure; nothing overrides it.

GO is: every P0 passes, at most two P1 do not, all required evidence passes. What is merely
missing may still turn out well or badly: where that decides, the outcome is INSUFFICIENT.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CHECKS, SPECS, CheckId, CheckResult, Priority, Status

P1_UNMET_MAX = 2


class Outcome(StrEnum):
    """What the gate says, the worst first."""

    NO_GO = "NO_GO"
    INSUFFICIENT = "INSUFFICIENT"
    GO_WITH_WARNINGS = "GO_WITH_WARNINGS"
    GO = "GO"

    @property
    def is_go(self) -> bool:
        """Tell whether the phase may begin."""
        return self in (Outcome.GO, Outcome.GO_WITH_WARNINGS)


EXIT_CODES: dict[Outcome, int] = {
    Outcome.GO: 0,
    Outcome.GO_WITH_WARNINGS: 0,
    Outcome.NO_GO: 1,
    Outcome.INSUFFICIENT: 5,
}
"""What the command exits with."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that the phase requires beside the checks, such as a passed drill or gate."""

    name: str
    status: Status
    evidence: str
    remedy: str


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome and what stands against a clean GO, worst first."""

    outcome: Outcome
    obstacles: tuple[str, ...]


def judge(
    phase: Phase, results: Sequence[CheckResult], requirements: Sequence[Requirement]
) -> Judgement:
    """Apply the GO rule.

    A check that is absent, told twice or not applicable where the phase needs it counts as failed.
    """
    statuses = _statuses(phase, results)
    required = [one.status for one in requirements]
    worst = _outcome(statuses, required, missing_as=Status.FAIL)
    best = _outcome(statuses, required, missing_as=Status.PASS)
    # Where missing evidence decides between yes and no, there is no answer yet.
    outcome = worst if worst.is_go or not best.is_go else Outcome.INSUFFICIENT
    return Judgement(outcome=outcome, obstacles=_obstacles(statuses, requirements))


def _statuses(phase: Phase, results: Iterable[CheckResult]) -> dict[CheckId, Status]:
    """Give every check of the list one status, in the order of the list."""
    told: dict[CheckId, list[Status]] = {spec.check_id: [] for spec in CHECKS}
    for result in results:
        told[result.check_id].append(result.status)
    found: dict[CheckId, Status] = {}
    for check_id, statuses in told.items():
        status = statuses[0] if len(statuses) == 1 else Status.ERROR
        is_moot = status is Status.NOT_APPLICABLE and not SPECS[check_id].may_be_moot(phase)
        found[check_id] = Status.ERROR if is_moot else status
    return found


def _outcome(
    statuses: dict[CheckId, Status], required: Sequence[Status], *, missing_as: Status
) -> Outcome:
    """Apply the rule with everything missing taken as passed or as failed."""
    unmet = [
        SPECS[check_id].priority
        for check_id, status in statuses.items()
        if not _is_met(status, missing_as)
    ]
    p1_unmet = unmet.count(Priority.P1)
    is_blocked = Priority.P0 in unmet or p1_unmet > P1_UNMET_MAX
    if is_blocked or any(_settled(status, missing_as) is not Status.PASS for status in required):
        return Outcome.NO_GO
    return Outcome.GO_WITH_WARNINGS if p1_unmet else Outcome.GO


def _settled(status: Status, missing_as: Status) -> Status:
    return missing_as if status is Status.INSUFFICIENT else status


def _is_met(status: Status, missing_as: Status) -> bool:
    return _settled(status, missing_as) in (Status.PASS, Status.NOT_APPLICABLE)


def _obstacles(
    statuses: dict[CheckId, Status], requirements: Sequence[Requirement]
) -> tuple[str, ...]:
    checks = [
        (SPECS[check_id].priority, f"{check_id} {status}: {SPECS[check_id].title}")
        for check_id, status in statuses.items()
        if status not in (Status.PASS, Status.NOT_APPLICABLE)
    ]
    evidence = [
        f"{one.name} {one.status}: {one.evidence}"
        for one in requirements
        if one.status is not Status.PASS
    ]
    ordered = [f"{priority} {text}" for priority, text in sorted(checks, key=lambda one: one[0])]
    at = sum(priority is Priority.P0 for priority, _ in checks)
    return (*ordered[:at], *evidence, *ordered[at:])
