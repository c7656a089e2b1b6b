"""The answer to a problem: a refusal with its reason, or a plan whose money adds up."""

from polyarb.domain.plan import Family, Plan, Problem, SizeReason
from polyarb.domain.units import PICO
from polyarb.engine.size.sides import Basket


def refuse(problem: Problem, reason: SizeReason) -> Plan:
    """Answer that nothing is traded."""
    return Plan(problem_id=problem.id, family=problem.family, reason=reason)


def accept(
    problem: Problem, reason: SizeReason, *, quantity: int, gained: int, basket: Basket
) -> Plan:
    """Write the plan of a quantity; its orders must come to what the solve gained before gas."""
    family, sets = problem.family, quantity * PICO
    capital, payoff = basket.notional + basket.fee, sets
    if family is Family.NEGRISK_SPLIT:
        capital, payoff = sets, basket.notional - basket.fee
    elif family is Family.NEGRISK_NO:
        payoff = basket.shares * PICO - sets
    assert payoff - capital == gained, "the orders and the solve must agree"
    return Plan(
        problem_id=problem.id,
        family=family,
        reason=reason,
        quantity=quantity,
        profit=gained - problem.constraints.gas * PICO,
        capital=capital,
        payoff=payoff,
        orders=basket.orders,
    )
