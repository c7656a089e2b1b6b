"""A restore drill, recorded as the evidence that gates read."""

from polyarb.domain.drills import DrillOutcome
from polyarb.rollout.drills import DrillName
from polyarb.store.evidence import drill_outcomes
from polyarb.store.workspace import Workspace
from polyarb.wiring.backups.backups import RestoreDrill, drill
from polyarb.wiring.drills.digests import evidence_digests

_NS_PER_MS = 1_000_000


def drill_and_record(place: Workspace) -> RestoreDrill:
    """Drill a restore and record its outcome for the running code and configuration.

    Errors: as of `drill`; StoreError when the outcome cannot be recorded.
    """
    digests = evidence_digests(place)
    done = drill(place)
    drill_outcomes(place).append(
        DrillOutcome(
            name=DrillName.RESTORE,
            passed=done.is_passed,
            began_ns=done.began_ns,
            took_ms=sum(step.took_ns for step in done.steps) // _NS_PER_MS,
            code_digest=digests.code,
            config_digest=digests.config,
            findings=done.findings,
        )
    )
    return done
