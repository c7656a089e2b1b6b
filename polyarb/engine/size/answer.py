"""The answer to a problem: a refusal with its reason, or a plan whose money adds up."""

from polyarb.domain.plan import Family, Plan, PlannedOrder, Problem, SizeReason
from polyarb.domain.units import PICO


def refuse(problem: Problem, reason: SizeReason) -> Plan:
    """Answer that nothing is traded."""
    return Plan(problem_id=problem.id, family=problem.family, reason=reason)


def accept(
    problem: Problem,
    reason: SizeReason,
    *,
    quantity: int,
    gained: int,
    orders: list[PlannedOrder],
) -> Plan:
    """Write the plan of a quantity; its orders must come to what the solve gained before gas."""
    capital, payoff = _money(problem.family, quantity, orders)
    assert payoff - capital == gained, "the orders and the solve must agree"
    return Plan(
        problem_id=problem.id,
        family=problem.family,
        reason=reason,
        quantity=quantity,
        profit=gained - problem.constraints.gas * PICO,
        capital=capital,
        payoff=payoff,
        orders=tuple(orders),
    )


def _money(family: Family, quantity: int, orders: list[PlannedOrder]) -> tuple[int, int]:
    """Compute the capital a plan needs and what it pays at least, in attos."""
    worth = sum([order.notional for order in orders])
    fees = sum([order.fee for order in orders])
    sets = quantity * PICO
    if family is Family.NEGRISK_SPLIT:
        return sets, worth - fees
    if family is Family.NEGRISK_NO:
        return worth + fees, sum([order.shares for order in orders]) * PICO - sets
    return worth + fees, sets
