"""The five families with one unknown: minima, reasons and the second solves that explain them."""

from typing import NamedTuple, cast

import msgspec

from polyarb.domain.plan import Constraints, Family, Plan, Problem, SizeReason
from polyarb.domain.units import PICO
from polyarb.engine.size.answer import BASE, accept, money, refuse
from polyarb.engine.size.sides import (
    Basket,
    Sides,
    Track,
    edge_of,
    fill_basket,
    least_orders,
    takes_of,
    tracks_of,
)
from polyarb.engine.size.sweep import Summit, Sweep, Terms, climb

CONVERTED = (Family.NEGRISK_NO, Family.NEGRISK_SPLIT)
"""Families in which a leg without depth is kept instead of ending the plan."""


class Setup(NamedTuple):
    """The legs that can be ordered, their edge, the least order of each and the least quantity."""

    tracks: list[Track]
    edge: int
    least: list[int]
    start: int


class Found(NamedTuple):
    """What one solve came to, before gas, and the orders of it.

    is_capped: the limit on capital cut something off.
    """

    quantity: int
    gained: int
    is_capped: bool
    setup: Setup
    basket: Basket

    def is_deep(self) -> bool:
        """Tell whether every order got all shares of the quantity."""
        return self.basket.shares == self.quantity * len(self.setup.tracks)


def size_merged(problem: Problem) -> Plan:
    """Size a problem of a family with one unknown."""
    family = problem.family
    if family is Family.NEGRISK_YES and not problem.exhaustive:
        return refuse(problem, SizeReason.NON_EXHAUSTIVE)
    sides = tracks_of(problem.legs, takes_of(family, len(problem.legs)))
    tracks, edge = sides
    if len(tracks) < len(problem.legs) and family not in CONVERTED:
        return refuse(problem, SizeReason.INCOMPLETE)
    if BASE[family] + edge <= 0:
        return refuse(problem, SizeReason.NO_EDGE)
    constraints = problem.constraints
    found = _solve(family, sides, constraints)
    if found is None:
        return refuse(problem, SizeReason.INFEASIBLE)
    if found.gained <= 0:
        return refuse(problem, SizeReason.NO_GAIN)
    if found.gained <= constraints.gas * PICO:
        return refuse(problem, SizeReason.BELOW_GAS)
    return accept(
        problem,
        _reason(family, sides, constraints, found),
        quantity=found.quantity,
        gained=found.gained,
        basket=found.basket,
    )


def _setup(family: Family, sides: Sides, constraints: Constraints) -> Setup | None:
    """Find which legs can be ordered from which quantity on; None when no quantity is allowed."""
    tracks, edge = sides
    least = least_orders(tracks, constraints)
    if None not in least:
        known = cast("list[int]", least)
        return Setup(tracks, edge, known, min(known) if family in CONVERTED else max(known))
    kept = [(track, low) for track, low in zip(tracks, least, strict=True) if low is not None]
    if family not in CONVERTED or not kept:
        return None
    known = [low for _, low in kept]
    rest = [track for track, _ in kept]
    return Setup(rest, edge_of(rest), known, min(known))


def _solve(family: Family, sides: Sides, constraints: Constraints) -> Found | None:
    """Find the best quantity under these constraints."""
    setup = _setup(family, sides, constraints)
    if setup is None:
        return None
    tracks, edge, least, start = setup
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
    summit = None if jumps else climb(tracks, edge, terms)
    if summit is None:
        return _go_the_long_way(setup, terms, jumps)
    return _settle(family, setup, terms, summit)


def _go_the_long_way(setup: Setup, terms: Terms, jumps: dict[int, int]) -> Found | None:
    """Sweep every segment, which minima and legs that fall back between two lots need."""
    tracks, _, least, _ = setup
    best = Sweep(tracks, terms, jumps).best()
    if best is None:
        return None
    quantity = best.quantity
    wanted = [quantity if quantity >= low else 0 for low in least]
    basket = fill_basket(tracks, wanted, terms.lot)
    return Found(quantity, best.profit, best.is_capped, setup, basket)


def _settle(family: Family, setup: Setup, terms: Terms, summit: Summit) -> Found | None:
    """Go from the end of a climb to whole lots, minima and capital.

    Profit is concave: the best is the lot before the summit, the lot behind it or, when the
    summit is below the least quantity, the least quantity. Capital may seem to end a climb too
    early, because a leg's shares behind its last whole lot are paid for there; where the next lot
    can be paid for after all, the long way is taken.
    """
    _, lot, start, capital, _, is_terminal = terms
    quantity = max(summit.quantity // lot * lot, start)
    found, cost = _weigh(family, setup, quantity, lot)
    if (capital is not None and cost > capital) or not (is_terminal or found.is_deep()):
        return None
    is_at_summit = quantity >= summit.quantity and not summit.is_capped
    if is_at_summit or summit.is_exhausted:
        return found
    more, cost = _weigh(family, setup, quantity + lot, lot)
    if more.gained <= found.gained or not (is_terminal or more.is_deep()):
        return found
    if capital is not None and cost > capital:
        return found._replace(is_capped=True)
    return _go_the_long_way(setup, terms, {}) if summit.is_capped else more


def _weigh(family: Family, setup: Setup, quantity: int, lot: int) -> tuple[Found, int]:
    """Fill the orders of a quantity from which no leg is left out; add what capital it needs."""
    basket = fill_basket(setup.tracks, [quantity] * len(setup.tracks), lot)
    cost, payoff = money(family, quantity, basket)
    return Found(quantity, payoff - cost, False, setup, basket), cost


def _reason(family: Family, sides: Sides, constraints: Constraints, found: Found) -> SizeReason:
    """Name what kept a traded plan from earning more, by solving again without it."""
    profit = found.gained
    if found.is_capped:
        free = _solve(family, sides, msgspec.structs.replace(constraints, capital=None))
        if free is not None and free.gained > profit:
            return SizeReason.CAPITAL_BINDING
    if _may_minima_bind(family, len(sides[0]), constraints, found):
        loose = msgspec.structs.replace(constraints, size_min=0, notional_min=0)
        free = _solve(family, sides, loose)
        if free is not None and free.gained > profit:
            return SizeReason.MIN_SIZE_BINDING
    return SizeReason.OK


def _may_minima_bind(
    family: Family, tracks_count: int, constraints: Constraints, found: Found
) -> bool:
    """Tell whether a solve without minima could differ.

    With every leg in from one common quantity on, profit is concave, and a best quantity above
    the least one is the best of all.
    """
    if constraints.size_min <= constraints.lot and not constraints.notional_min:
        return False
    setup = found.setup
    if found.quantity == setup.start:
        return True
    is_whole = len(setup.tracks) == tracks_count and min(setup.least) == max(setup.least)
    return family in CONVERTED and not is_whole
