"""Relations that share legs: the published portfolio, verified states, never worse than alone."""

from itertools import pairwise, product
from random import Random

import pytest
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.plan import (
    Bond,
    Constraints,
    Family,
    JointPlan,
    JointProblem,
    JointReason,
    JointRelation,
    Leg,
    Outcome,
    Problem,
)
from polyarb.domain.units import MICRO, PICO, format_attos
from polyarb.engine.size import size, size_joint
from polyarb.engine.size.states import STATES_MAX, list_states

CENT = MICRO // 100
WHOLE = Constraints(lot=MICRO)


def levels(*pairs: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Write levels from cents and whole shares."""
    return tuple((price * CENT, shares * MICRO) for price, shares in pairs)


def bond(kind: Bond, *legs: int) -> JointRelation:
    return JointRelation(bond=kind, legs=legs)


def election(rate: int, constraints: Constraints = WHOLE) -> JointProblem:
    """V17: R wins, two R candidates, two D candidates; R's asks are wanted twice."""
    fee = FeeSchedule(rate=rate)
    return JointProblem(
        id="V17",
        legs=(
            Leg(fee=fee, asks=levels((50, 100), (52, 100)), bids=levels((49, 100))),
            Leg(fee=fee, bids=levels((35, 60))),
            Leg(fee=fee, bids=levels((20, 90))),
            Leg(fee=fee, asks=levels((30, 80))),
            Leg(fee=fee, asks=levels((16, 80))),
        ),
        relations=(
            bond(Bond.NESTED, 0, 1),
            bond(Bond.NESTED, 0, 2),
            bond(Bond.EXCLUSIVE, 1, 2),
            bond(Bond.PARTITION, 0, 3, 4),
        ),
        constraints=constraints,
    )


@pytest.mark.parametrize(("rate", "profit"), [(0, "5.4"), (400, "2.11896")])
def test_the_shared_leg_of_v17_is_not_used_twice(rate: int, profit: str) -> None:
    plan = size_joint(election(rate))
    assert (plan.reason, format_attos(plan.profit)) == (JointReason.OK, profit)
    assert len(plan.states) == len(plan.payoffs) == 5
    assert plan.payoff == min(plan.payoffs)


def test_the_portfolio_of_v17_is_the_published_one() -> None:
    plan = size_joint(election(0))
    bought = {(order.leg, order.outcome): order.shares // MICRO for order in plan.orders}
    assert bought == {
        (0, Outcome.YES): 140,
        (1, Outcome.NO): 60,
        (2, Outcome.NO): 60,
        (3, Outcome.YES): 80,
        (4, Outcome.YES): 80,
    }
    assert plan.payoff == 200 * MICRO * PICO


def test_a_crossed_leg_is_refused() -> None:
    crossed = Leg(fee=FeeSchedule(rate=0), asks=levels((40, 9)), bids=levels((40, 9)))
    problem = JointProblem(id="x", legs=(crossed, crossed), relations=())
    assert size_joint(problem).reason is JointReason.CROSSED_BOOK


def test_more_states_than_can_be_listed_are_refused() -> None:
    legs = (Leg(fee=FeeSchedule(rate=0)),) * 13
    free = JointProblem(id="x", legs=legs, relations=())
    assert size_joint(free).reason is JointReason.TOO_MANY_STATES
    assert list_states(12, ()) is not None
    assert STATES_MAX == 2**12


def test_relations_that_are_too_tangled_are_refused() -> None:
    impossible = (
        bond(Bond.NESTED, 30, 31),
        bond(Bond.NESTED, 31, 30),
        bond(Bond.PARTITION, 30, 31),
    )
    assert list_states(32, impossible) is None


def test_relations_that_contradict_each_other_leave_no_state() -> None:
    legs = (Leg(fee=FeeSchedule(rate=0)),) * 2
    relations = (
        bond(Bond.NESTED, 0, 1),
        bond(Bond.NESTED, 1, 0),
        bond(Bond.PARTITION, 0, 1),
    )
    problem = JointProblem(id="x", legs=legs, relations=relations)
    assert size_joint(problem).reason is JointReason.CONTRADICTION


def test_nothing_to_gain_and_gas_are_reasons() -> None:
    fair = Leg(fee=FeeSchedule(rate=0), asks=levels((51, 9)), bids=levels((49, 9)))
    problem = JointProblem(id="x", legs=(fair, fair), relations=(bond(Bond.PARTITION, 0, 1),))
    assert size_joint(problem).reason is JointReason.NO_GAIN
    dear = Constraints(lot=MICRO, gas=5_400_000)
    assert size_joint(election(0, dear)).reason is JointReason.BELOW_GAS
    cheap = Constraints(lot=MICRO, gas=5_399_999)
    assert size_joint(election(0, cheap)).profit == PICO


def holds(relation: JointRelation, state: tuple[bool, ...]) -> bool:
    """Say what a bond means, straight from its words."""
    values = [state[leg] for leg in relation.legs]
    match relation.bond:
        case Bond.NESTED:
            return all(wide or not narrow for wide, narrow in pairwise(values))
        case Bond.EXCLUSIVE:
            return sum(values) <= 1
        case Bond.EXHAUSTIVE:
            return sum(values) >= 1
        case Bond.PARTITION:
            return sum(values) == 1


def verify(problem: JointProblem, plan: JointPlan) -> None:
    """Add the portfolio up in every joint outcome and check every limit."""
    limits = problem.constraints
    worst = None
    states = product((True, False), repeat=len(problem.legs))
    allowed = [s for s in states if all(holds(r, s) for r in problem.relations)]
    for state in allowed:
        paid = sum(o.shares for o in plan.orders if state[o.leg] is (o.outcome is Outcome.YES))
        worst = paid if worst is None else min(worst, paid)
    cost = sum(order.notional + order.fee for order in plan.orders)
    assert worst is not None
    assert set(plan.states) == set(allowed)
    assert (plan.payoff, plan.capital) == (worst * PICO, cost)
    assert plan.profit == worst * PICO - cost - limits.gas * PICO > 0
    assert limits.capital is None or cost <= limits.capital * PICO
    for order in plan.orders:
        assert not order.shares % limits.lot
        assert order.shares >= limits.size_min
        assert order.notional >= limits.notional_min * PICO


def draw(seeded: Random) -> JointProblem:
    """Draw two or three relations over few legs, with edges likely."""
    count = seeded.randrange(3, 6)
    legs = []
    for _ in range(count):
        middle = seeded.randrange(15, 60)
        asks = [(middle + seeded.randrange(1, 4), seeded.randrange(3, 40))]
        asks.append((asks[0][0] + seeded.randrange(1, 6), seeded.randrange(3, 40)))
        bids = [(middle - seeded.randrange(0, 4), seeded.randrange(3, 40))]
        fee = FeeSchedule(rate=seeded.choice((0, 100, 400)))
        legs.append(Leg(fee=fee, asks=levels(*asks), bids=levels(*bids)))
    relations = []
    for _ in range(seeded.randrange(2, 4)):
        chosen = seeded.sample(range(count), seeded.randrange(2, count))
        relations.append(bond(seeded.choice(list(Bond)), *chosen))
    constraints = Constraints(
        lot=seeded.choice((MICRO, CENT, 3 * MICRO, MICRO // 2)),
        size_min=seeded.choice((0, 0, 5 * MICRO)),
        notional_min=seeded.choice((0, MICRO)),
        capital=seeded.choice((None, None, 20 * MICRO, 7_310_000)),
        gas=seeded.choice((0, 20_000)),
    )
    return JointProblem(
        id="drawn", legs=tuple(legs), relations=tuple(relations), constraints=constraints
    )


ALONE = {
    Bond.NESTED: (Family.LADDER, Family.IMPLICATION),
    Bond.EXCLUSIVE: (Family.NEGRISK_NO,),
    Bond.EXHAUSTIVE: (Family.NEGRISK_YES,),
    Bond.PARTITION: (Family.NEGRISK_NO, Family.NEGRISK_YES),
}


def best_alone(problem: JointProblem) -> int:
    best = 0
    for relation in problem.relations:
        for family in ALONE[relation.bond]:
            if family is Family.IMPLICATION and len(relation.legs) > 2:
                continue
            alone = Problem(
                id="alone",
                family=family,
                legs=tuple(problem.legs[leg] for leg in relation.legs),
                constraints=problem.constraints,
                exhaustive=True,
            )
            best = max(best, size(alone).profit)
    return best


def test_drawn_portfolios_hold_in_every_state_and_beat_every_relation_alone() -> None:
    seeded = Random(17)
    traded = better = 0
    for _ in range(80):
        problem = draw(seeded)
        plan = size_joint(problem)
        if plan.reason is JointReason.CONTRADICTION:
            continue
        alone = best_alone(problem)
        assert plan.profit >= alone
        better += plan.profit > alone
        if plan.reason is JointReason.OK:
            traded += 1
            verify(problem, plan)
    assert traded > 30
    assert better > 10
