"""The five families with one unknown: minima, reasons and the second solves that explain them."""

from typing import NamedTuple, cast

import msgspec

from polyarb.domain.plan import Constraints, Family, Plan, Problem, SizeReason
from polyarb.domain.units import PICO
from polyarb.engine.size.answer import accept, refuse
from polyarb.engine.size.sides import Track, fill_basket, least_orders, takes_of, tracks_of
from polyarb.engine.size.sweep import Best, Sweep, Terms, climb

CONVERTED = (Family.NEGRISK_NO, Family.NEGRISK_SPLIT)
"""Families in which a leg without depth is kept instead of ending the plan."""

BASE: dict[Family, int] = {
    Family.BINARY: PICO,
    Family.NEGRISK_YES: PICO,
    Family.NEGRISK_NO: -PICO,
    Family.NEGRISK_SPLIT: -PICO,
    Family.IMPLICATION: 0,
}
"""What a set gains beside its legs when a NO bought at 1 - bid counts as the bid, in picos."""


class Setup(NamedTuple):
    """The legs that can be ordered, the least order of each and the least quantity."""

    tracks: list[Track]
    least: list[int]
    start: int


class Found(NamedTuple):
    """What one solve came to, and the setup it was solved in."""

    best: Best
    setup: Setup


def size_merged(problem: Problem) -> Plan:
    """Size a problem of a family with one unknown."""
    family = problem.family
    if family is Family.NEGRISK_YES and not problem.exhaustive:
        return refuse(problem, SizeReason.NON_EXHAUSTIVE)
    tracks = tracks_of(problem.legs, takes_of(family, len(problem.legs)))
    if len(tracks) < len(problem.legs) and family not in CONVERTED:
        return refuse(problem, SizeReason.INCOMPLETE)
    if best_edge(family, tracks) <= 0:
        return refuse(problem, SizeReason.NO_EDGE)
    constraints = problem.constraints
    found = _solve(family, tracks, constraints)
    if found is None:
        return refuse(problem, SizeReason.INFEASIBLE)
    if found.best.profit <= 0:
        return refuse(problem, SizeReason.NO_GAIN)
    if found.best.profit <= constraints.gas * PICO:
        return refuse(problem, SizeReason.BELOW_GAS)
    return _plan(problem, found, _reason(family, tracks, constraints, found))


def best_edge(family: Family, tracks: list[Track]) -> int:
    """Compute what a set gains at best prices alone, in picos."""
    return BASE[family] + sum([gains[levels[0][0]] for _, _, levels, gains in tracks])


def _setup(family: Family, tracks: list[Track], constraints: Constraints) -> Setup | None:
    """Find which legs can be ordered from which quantity on; None when no quantity is allowed."""
    least = least_orders(tracks, constraints)
    if None not in least:
        known = cast("list[int]", least)
        return Setup(tracks, known, min(known) if family in CONVERTED else max(known))
    kept = [(track, low) for track, low in zip(tracks, least, strict=True) if low is not None]
    if family not in CONVERTED or not kept:
        return None
    known = [low for _, low in kept]
    return Setup([track for track, _ in kept], known, min(known))


def _solve(family: Family, tracks: list[Track], constraints: Constraints) -> Found | None:
    """Find the best quantity under these constraints."""
    setup = _setup(family, tracks, constraints)
    if setup is None:
        return None
    tracks, least, start = setup
    capital = constraints.capital
    terms = Terms(
        BASE[family],
        constraints.lot,
        start,
        None if capital is None else capital * PICO,
        is_split=family is Family.NEGRISK_SPLIT,
        is_terminal=family in CONVERTED,
    )
    jumps = {}
    if terms.is_terminal and max(least) > start:
        jumps = {position: low for position, low in enumerate(least) if low > start}
    best = None if jumps else climb(tracks, terms)
    if best is None or not _is_affordable(family, len(tracks), best, terms.capital):
        best = Sweep(tracks, terms, jumps).best()
    return None if best is None else Found(best, setup)


def _is_affordable(family: Family, legs_count: int, best: Best, capital: int | None) -> bool:
    """Tell whether a quantity surely needs no more than the capital.

    Capital is payoff - profit; a plan with NO bought pays at most one less than its legs a set.
    """
    if capital is None:
        return True
    sets = best.quantity * PICO
    if family is Family.NEGRISK_SPLIT:
        return sets <= capital
    if family is Family.NEGRISK_NO:
        sets *= legs_count - 1
    return sets - best.profit <= capital


def _reason(
    family: Family, tracks: list[Track], constraints: Constraints, found: Found
) -> SizeReason:
    """Name what kept a traded plan from earning more, by solving again without it."""
    profit = found.best.profit
    if found.best.is_capped:
        free = _solve(family, tracks, msgspec.structs.replace(constraints, capital=None))
        if free is not None and free.best.profit > profit:
            return SizeReason.CAPITAL_BINDING
    if _may_minima_bind(family, tracks, constraints, found):
        loose = msgspec.structs.replace(constraints, size_min=0, notional_min=0)
        free = _solve(family, tracks, loose)
        if free is not None and free.best.profit > profit:
            return SizeReason.MIN_SIZE_BINDING
    return SizeReason.OK


def _may_minima_bind(
    family: Family, tracks: list[Track], constraints: Constraints, found: Found
) -> bool:
    """Tell whether a solve without minima could differ.

    With every leg in from one common quantity on, profit is concave, and a best quantity above
    the least one is the best of all.
    """
    if constraints.size_min <= constraints.lot and not constraints.notional_min:
        return False
    setup = found.setup
    if found.best.quantity == setup.start:
        return True
    is_whole = len(setup.tracks) == len(tracks) and min(setup.least) == max(setup.least)
    return family in CONVERTED and not is_whole


def _plan(problem: Problem, found: Found, reason: SizeReason) -> Plan:
    """Write the plan of the best quantity with its orders."""
    (quantity, gained, _), (tracks, least, _) = found
    shares = [quantity if quantity >= low else 0 for low in least]
    basket = fill_basket(tracks, shares, problem.constraints.lot)
    return accept(problem, reason, quantity=quantity, gained=gained, basket=basket)
