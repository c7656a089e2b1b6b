"""The answer to a problem: a refusal with its reason, or a plan whose money adds up."""

from polyarb.domain.plan import Family, Plan, Problem, SizeReason
from polyarb.domain.units import PICO
from polyarb.engine.size.orders import Basket


def refuse(problem: Problem, reason: SizeReason) -> Plan:
    """Answer that nothing is traded."""
    return Plan(problem_id=problem.id, family=problem.family, reason=reason)


BASE: dict[Family, int] = {
    Family.BINARY: PICO,
    Family.NEGRISK_YES: PICO,
    Family.NEGRISK_NO: -PICO,
    Family.NEGRISK_SPLIT: -PICO,
    Family.IMPLICATION: 0,
    Family.LADDER: 0,
}
"""What a set gains beside its legs when a NO bought at 1 - bid counts as the bid, in picos."""


def money(family: Family, quantity: int, basket: Basket) -> tuple[int, int]:
    """Compute the capital a quantity needs and what it pays at least, in attos.

    What orders gain counts a NO's dollar as received, so that capital is what a payoff leaves.
    """
    gained = BASE[family] * quantity + basket.gain
    sets = quantity * PICO
    if family is Family.NEGRISK_SPLIT:
        return sets, sets + gained
    payoff = basket.shares * PICO - sets if family is Family.NEGRISK_NO else sets
    return payoff - gained, payoff


def accept(
    problem: Problem, reason: SizeReason, *, quantity: int, gained: int, basket: Basket
) -> Plan:
    """Write the plan of a quantity; its orders must come to what the solve gained before gas."""
    capital, payoff = money(problem.family, quantity, basket)
    assert payoff - capital == gained, "the orders and the solve must agree"
    return Plan(
        problem_id=problem.id,
        family=problem.family,
        reason=reason,
        quantity=quantity,
        profit=gained - problem.constraints.gas * PICO,
        capital=capital,
        payoff=payoff,
        orders=tuple(basket.orders),
    )
