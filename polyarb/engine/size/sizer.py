"""Pick the sizer of a problem's family."""

from polyarb.domain.plan import Family, Plan, Problem, SizeReason
from polyarb.engine.size.answer import refuse
from polyarb.engine.size.branching import BRANCHES_MAX
from polyarb.engine.size.ladder import size_ladder
from polyarb.engine.size.merged import size_merged
from polyarb.engine.size.sides import is_crossed


def size(problem: Problem, branches_max: int = BRANCHES_MAX) -> Plan:
    """Answer a problem: the most profitable plan that keeps every constraint.

    Always exact. A ladder with minima that needs more branches than allowed is UNDECIDED.
    Source: reference/plan-format.md.
    """
    if is_crossed(problem.legs):
        return refuse(problem, SizeReason.CROSSED_BOOK)
    if problem.family is Family.LADDER:
        return size_ladder(problem, branches_max)
    return size_merged(problem)
