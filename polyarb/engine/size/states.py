"""The joint outcomes that relations between legs allow, listed one by one up to a bound."""

from polyarb.domain.plan import Bond, JointRelation

STATES_MAX = 4_096
"""More joint outcomes than this are refused, not sampled."""
VISITS_MAX = 16 * STATES_MAX
"""Partial outcomes looked at before a set of relations is refused as too tangled."""

State = tuple[bool, ...]


def list_states(legs_count: int, relations: tuple[JointRelation, ...]) -> tuple[State, ...] | None:
    """List every truth value of all legs that keeps every relation; None when too many.

    Shape: YES before NO, leg by leg.
    """
    watching: list[list[JointRelation]] = [[] for _ in range(legs_count)]
    for relation in relations:
        for leg in relation.legs:
            watching[leg].append(relation)
    states: list[State] = []
    stack: list[State] = [()]
    for _ in range(VISITS_MAX):
        if not stack:
            return tuple(states)
        partial = stack.pop()
        if partial and not all(
            _may_hold(relation, partial) for relation in watching[len(partial) - 1]
        ):
            continue
        if len(partial) < legs_count:
            stack += [(*partial, False), (*partial, True)]
            continue
        states.append(partial)
        if len(states) > STATES_MAX:
            return None
    return None


def _may_hold(relation: JointRelation, partial: State) -> bool:
    """Tell whether a relation can still hold when only the first legs are known."""
    known = [partial[leg] if leg < len(partial) else None for leg in relation.legs]
    if relation.bond is Bond.NESTED:
        has_failed = False
        for is_true in known:
            if is_true and has_failed:
                return False
            has_failed |= is_true is False
        return True
    is_possible = True
    if relation.bond is not Bond.EXHAUSTIVE:
        is_possible = known.count(True) <= 1
    if relation.bond is not Bond.EXCLUSIVE:
        is_possible &= known.count(False) < len(known)
    return is_possible
