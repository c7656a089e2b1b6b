"""Drills: the last of each kind, how old it is, and whether it was of the code that ran."""

from collections.abc import Sequence

import msgspec

from polyarb.domain.drills import DrillOutcome
from polyarb.reports.window import Window


class DrillSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The last drill of one name by the end of a stretch of time.

    is_of_this_code: it was drilled with the code digest of the time's last run, for which alone
    it counts.
    Units: age from the drill to the end of the time, or to the last record where the time is not
    over, in nanoseconds.
    """

    outcome: DrillOutcome
    is_inside: bool
    is_of_this_code: bool
    age_ns: int


class Drills(msgspec.Struct, frozen=True, kw_only=True):
    """What was drilled; is_recorded False: nobody ever drilled, so nothing is proven."""

    is_recorded: bool
    run: int = 0
    failed: int = 0
    last: tuple[DrillSeen, ...] = ()


def read_drills(
    outcomes: Sequence[DrillOutcome] | None, window: Window, code_digest: str, now_ns: int
) -> Drills:
    """Sum the record of drills up; None is no record. Units: now_ns is the last record's time."""
    if not outcomes:
        return Drills(is_recorded=False)
    inside = [one for one in outcomes if window.has(one.began_ns)]
    until_ns = min(window.end_ns, max(now_ns, window.start_ns))
    last: dict[str, DrillOutcome] = {}
    for one in sorted(outcomes, key=lambda one: one.began_ns):
        if one.began_ns < window.end_ns:
            last[one.name] = one
    return Drills(
        is_recorded=True,
        run=len(inside),
        failed=sum(not one.passed for one in inside),
        last=tuple(
            DrillSeen(
                outcome=one,
                is_inside=window.has(one.began_ns),
                is_of_this_code=one.code_digest == code_digest,
                age_ns=max(0, until_ns - one.began_ns),
            )
            for _, one in sorted(last.items())
        ),
    )
