"""The drill `restore`: the newest backup is restored aside and proven to be what it was made of."""

from polyarb.wiring.backups import backups
from polyarb.wiring.drills.room import DrillRoom, check


def drill_restore(room: DrillRoom) -> None:
    """Restore the operator's newest backup, made anew unless it is fresh.

    Errors: UnprovenError where a step failed.
    """
    tried = backups.drill(room.own)
    for finding in tried.findings:
        room.note(finding)
    wrong = [f"{step.name}: {step.found}" for step in tried.steps if not step.is_passed]
    check(tried.is_passed, f"{tried.backup} to be restored", "; ".join(wrong))
    verified = list(backups.verify(room.own, [tried.backup]))
    faults = [one.text for found in verified for one in found.findings]
    check(not faults, f"{tried.backup} to be whole", "; ".join(faults))
    room.note(f"{tried.backup} was restored up to record {tried.sequence} and could be started")
