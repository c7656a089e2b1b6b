"""The five families with one unknown: minima, reasons and the second solves that explain them."""

import msgspec

from polyarb.domain.plan import Constraints, Family, Plan, Problem, SizeReason
from polyarb.domain.units import MICRO, PICO
from polyarb.engine.size.answer import BASE, accept, refuse
from polyarb.engine.size.climb import climb
from polyarb.engine.size.columns import Columns, columns_from, columns_of, fill_columns
from polyarb.engine.size.orders import Basket, least_orders, order_floor
from polyarb.engine.size.sides import BUY_NO
from polyarb.engine.size.sweep import Best, Cap, Sweep, Terms

CONVERTED = (Family.NEGRISK_NO, Family.NEGRISK_SPLIT)
"""Families in which a leg without depth is kept instead of ending the plan."""


class Setup(msgspec.Struct, frozen=True):
    """The legs that can be ordered, the least quantity, and the legs that begin later than that.

    Shape: jumps maps an entry of the columns to its least order.
    """

    columns: Columns
    start: int
    jumps: dict[int, int]


class Found(msgspec.Struct, frozen=True):
    """What one solve came to, and from where."""

    best: Best
    setup: Setup

    def fill(self, lot: int) -> Basket:
        """Order the best quantity on every side that does not begin later."""
        columns, jumps = self.setup.columns, self.setup.jumps
        quantity = self.best.quantity
        if jumps:
            tracks = columns.tracks()
            reached = [track for at, track in enumerate(tracks) if jumps.get(at, 0) <= quantity]
            columns = columns_from(reached)
        return fill_columns(columns, quantity, lot)


def size_merged(problem: Problem) -> Plan:
    """Size a problem of a family with one unknown."""
    family, legs, constraints = problem.family, problem.legs, problem.constraints
    if family is Family.NEGRISK_YES and not problem.exhaustive:
        return refuse(problem, SizeReason.NON_EXHAUSTIVE)
    columns = columns_of(family, legs)
    if len(columns.levels) < len(legs) and family not in CONVERTED:
        return refuse(problem, SizeReason.INCOMPLETE)
    if BASE[family] + columns.edge <= 0:
        return refuse(problem, SizeReason.NO_EDGE)
    found = _solve(family, columns, constraints)
    if found is None:
        return refuse(problem, SizeReason.INFEASIBLE)
    quantity, gained = found.best.quantity, found.best.gained
    if gained <= 0:
        return refuse(problem, SizeReason.NO_GAIN)
    if gained <= constraints.gas * PICO:
        return refuse(problem, SizeReason.BELOW_GAS)
    reason = _reason(family, columns, constraints, found)
    basket = found.fill(constraints.lot)
    return accept(problem, reason, quantity=quantity, gained=gained, basket=basket)


def _solve(family: Family, columns: Columns, constraints: Constraints) -> Found | None:
    """Find the best quantity under these constraints; None when none is allowed."""
    setup = _setup(family, columns, constraints)
    if setup is None:
        return None
    columns, start, jumps = setup.columns, setup.start, setup.jumps
    capital = constraints.capital
    terms = Terms(
        BASE[family],
        constraints.lot,
        start,
        None if capital is None else capital * PICO,
        is_split=family is Family.NEGRISK_SPLIT,
        is_terminal=family in CONVERTED,
    )
    best = None if jumps else climb(columns, terms)
    if best is None:
        best = Sweep(columns.tracks(), terms, jumps).best()
    return Found(best, setup) if best.quantity else None


def _setup(family: Family, columns: Columns, constraints: Constraints) -> Setup | None:
    """Find which legs can be ordered from which quantity on; None when no quantity is allowed."""
    floor = order_floor(constraints)
    if _is_enough(columns, floor, constraints.notional_min * MICRO):
        return Setup(columns, floor, {})
    tracks = columns.tracks()
    least = least_orders(tracks, constraints)
    known = [low for low in least if low is not None]
    if family not in CONVERTED:
        return Setup(columns, max(known), {}) if len(known) == len(tracks) else None
    if not known:
        return None
    if len(known) < len(tracks):
        kept = [track for track, low in zip(tracks, least, strict=True) if low is not None]
        columns = columns_from(kept)
    start = min(known)
    return Setup(columns, start, {at: low for at, low in enumerate(known) if low > start})


def _is_enough(columns: Columns, shares: int, notional: int) -> bool:
    """Tell whether so many shares are an order at every best level."""
    if min(columns.sizes, default=0) < shares:
        return False
    if not notional:
        return True
    sides = zip(columns.takes, columns.prices, strict=True)
    return (
        shares * min([MICRO - price if take is BUY_NO else price for take, price in sides])
        >= notional
    )


def _reason(family: Family, columns: Columns, constraints: Constraints, found: Found) -> SizeReason:
    """Name what kept a traded plan from gaining more, if need be by solving again without it."""
    if found.best.cap is Cap.BINDING:
        return SizeReason.CAPITAL_BINDING
    if found.best.cap is Cap.DOUBTFUL:
        free = _solve(family, columns, msgspec.structs.replace(constraints, capital=None))
        if free is not None and free.best.gained > found.best.gained:
            return SizeReason.CAPITAL_BINDING
    if _may_minima_bind(family, len(columns.levels), constraints, found):
        loose = msgspec.structs.replace(constraints, size_min=0, notional_min=0)
        free = _solve(family, columns, loose)
        if free is not None and free.best.gained > found.best.gained:
            return SizeReason.MIN_SIZE_BINDING
    return SizeReason.OK


def _may_minima_bind(
    family: Family, legs_count: int, constraints: Constraints, found: Found
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
    is_whole = len(setup.columns.levels) == legs_count and not setup.jumps
    return family in CONVERTED and not is_whole
