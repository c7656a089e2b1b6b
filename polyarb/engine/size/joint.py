"""Several relations over shared books, sized as one: a linear programme, made whole and verified.

The programme (arbitrage.md 3.1) works in floats and only proposes. What is answered is a portfolio
of whole lots whose payoff is added up in integers in every state; it is never worse than the best
single relation sized alone, because those are proposals, too.
"""

from collections.abc import Iterator

from polyarb.domain.plan import (
    Bond,
    Family,
    JointPlan,
    JointProblem,
    JointReason,
    JointRelation,
    Problem,
)
from polyarb.domain.units import PICO
from polyarb.engine.size.orders import Basket, fill_basket, least_orders
from polyarb.engine.size.programme import Programme
from polyarb.engine.size.sides import BUY_YES, Track, both_sides, is_crossed
from polyarb.engine.size.sizer import size
from polyarb.engine.size.states import State, list_states

ALONE: dict[Bond, tuple[Family, ...]] = {
    Bond.NESTED: (Family.LADDER,),
    Bond.EXCLUSIVE: (Family.NEGRISK_NO,),
    Bond.EXHAUSTIVE: (Family.NEGRISK_YES,),
    Bond.PARTITION: (Family.NEGRISK_NO, Family.NEGRISK_YES),
}
"""The families in which one relation is sized by itself."""


def size_joint(problem: JointProblem) -> JointPlan:
    """Size several relations as one portfolio.

    The profit is exact and guaranteed in every state; that no other portfolio of whole lots
    earns more is up to the solver. Source: arbitrage.md 3.1.
    """
    legs = problem.legs
    if is_crossed(legs):
        return JointPlan(problem_id=problem.id, reason=JointReason.CROSSED_BOOK)
    states = list_states(len(legs), problem.relations)
    if states is None:
        return JointPlan(problem_id=problem.id, reason=JointReason.TOO_MANY_STATES)
    if not states:
        return JointPlan(problem_id=problem.id, reason=JointReason.CONTRADICTION)
    tracks = sorted(both_sides(legs), key=lambda track: track[0])
    best, gained = _best(problem, tracks, states)
    gas = problem.constraints.gas * PICO
    if best is None or gained <= gas:
        reason = JointReason.NO_GAIN if best is None else JointReason.BELOW_GAS
        return JointPlan(problem_id=problem.id, reason=reason)
    payoffs = tuple(_payoff(best, state) for state in states)
    return JointPlan(
        problem_id=problem.id,
        reason=JointReason.OK,
        profit=gained - gas,
        capital=_cost(best),
        payoff=min(payoffs),
        orders=tuple(best.orders),
        states=states,
        payoffs=payoffs,
    )


def _best(
    problem: JointProblem, tracks: list[Track], states: tuple[State, ...]
) -> tuple[Basket | None, int]:
    """Verify every proposal and keep the one that gains most before gas, if any gains."""
    best, best_gain = None, 0
    for shares in _proposals(problem, tracks, states):
        basket = fill_basket(tracks, shares, problem.constraints.lot)
        if not _is_allowed(problem, tracks, shares, basket):
            continue
        gain = min(_payoff(basket, state) for state in states) - _cost(basket)
        if gain > best_gain:
            best, best_gain = basket, gain
    return best, best_gain


def _proposals(
    problem: JointProblem, tracks: list[Track], states: tuple[State, ...]
) -> Iterator[list[int]]:
    """Yield portfolios: every relation alone, then what the programme makes of all of them."""
    for relation in problem.relations:
        for family in ALONE[relation.bond]:
            yield _alone(problem, relation, family, tracks)
    yield from Programme(tracks, problem.constraints, states).proposals()


def _alone(
    problem: JointProblem, relation: JointRelation, family: Family, tracks: list[Track]
) -> list[int]:
    """Size one relation by itself and write it as shares of the joint tracks."""
    plan = size(
        Problem(
            id=problem.id,
            family=family,
            legs=tuple(problem.legs[leg] for leg in relation.legs),
            constraints=problem.constraints,
            exhaustive=True,
        )
    )
    shares = {(relation.legs[order.leg], order.outcome): order.shares for order in plan.orders}
    return [shares.get((position, take.outcome), 0) for position, take, _, _ in tracks]


def _is_allowed(
    problem: JointProblem, tracks: list[Track], shares: list[int], basket: Basket
) -> bool:
    """Check lots, depth, minima and capital in whole numbers."""
    constraints = problem.constraints
    capital = constraints.capital
    if capital is not None and _cost(basket) > capital * PICO:
        return False
    if basket.shares != sum(shares):
        return False
    least = least_orders(tracks, constraints)
    return all(
        not wanted or (low is not None and wanted >= low and not wanted % constraints.lot)
        for wanted, low in zip(shares, least, strict=True)
    )


def _cost(basket: Basket) -> int:
    """Add up what a portfolio of buys costs, fees included, in attos."""
    return sum(order.notional + order.fee for order in basket.orders)


def _payoff(basket: Basket, state: State) -> int:
    """Add up what a portfolio pays in one state, in attos."""
    paid = 0
    for order in basket.orders:
        if state[order.leg] is (order.outcome is BUY_YES.outcome):
            paid += order.shares
    return paid * PICO
