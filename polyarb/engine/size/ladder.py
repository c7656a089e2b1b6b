"""The ladder family: nested outcomes, widest first, whose YES and NO form pairs."""

from typing import NamedTuple

import msgspec

from polyarb.domain.plan import Constraints, Plan, Problem, SizeReason
from polyarb.domain.units import PICO
from polyarb.engine.size.answer import accept, refuse
from polyarb.engine.size.branching import UndecidedError, best_pairing, has_minima
from polyarb.engine.size.orders import fill_basket
from polyarb.engine.size.pairing import Pairing
from polyarb.engine.size.sides import BUY_NO, Track, both_sides


def size_ladder(problem: Problem, branches_max: int) -> Plan:
    """Size a ladder; UNDECIDED when minima need more branches."""
    legs = problem.legs
    tracks = both_sides(legs)
    if best_gain(tracks) <= 0:
        return refuse(problem, SizeReason.NO_EDGE)
    try:
        return _decide(problem, Solver(tracks, len(legs), branches_max))
    except UndecidedError:
        return refuse(problem, SizeReason.UNDECIDED)


def best_gain(tracks: list[Track]) -> int:
    """Compute the most a pair gains at best prices, in picos; below 0 when there is no pair."""
    cheapest = best = -PICO
    for _, take, levels, gains in sorted(tracks, key=lambda track: (track[0], track[1].is_bid)):
        gain = gains[levels[0][0]]
        if take is BUY_NO:
            best = max(best, gain + cheapest)
        else:
            cheapest = max(cheapest, gain)
    return best


class Solver(NamedTuple):
    """The sides of a ladder, to be solved under one set of constraints after another."""

    tracks: list[Track]
    legs_count: int
    branches_max: int

    def best(self, constraints: Constraints) -> Pairing | None:
        """Find the best plan of at least one pair."""
        return best_pairing(self.tracks, self.legs_count, constraints, self.branches_max)


def _decide(problem: Problem, solver: Solver) -> Plan:
    constraints = problem.constraints
    found = solver.best(constraints)
    if found is None:
        return refuse(problem, SizeReason.INFEASIBLE)
    gained = _gain(found, constraints)
    if gained <= 0:
        return refuse(problem, SizeReason.NO_GAIN)
    if gained <= constraints.gas * PICO:
        return refuse(problem, SizeReason.BELOW_GAS)
    lot = constraints.lot
    tracks = sorted(solver.tracks, key=lambda track: track[0])
    basket = fill_basket(tracks, [found.lots(track) * lot for track in tracks], lot)
    return accept(
        problem,
        _reason(solver, constraints, gained),
        quantity=found.quantity * lot,
        gained=gained,
        basket=basket,
    )


def _gain(found: Pairing, constraints: Constraints) -> int:
    return found.quantity * constraints.lot * PICO - found.cost


def _reason(solver: Solver, constraints: Constraints, gained: int) -> SizeReason:
    """Name what kept a traded plan from earning more, by solving again without it."""
    if constraints.capital is not None:
        loose = msgspec.structs.replace(constraints, capital=None)
        free = solver.best(loose)
        if free is not None and _gain(free, loose) > gained:
            return SizeReason.CAPITAL_BINDING
    if has_minima(constraints):
        loose = msgspec.structs.replace(constraints, size_min=0, notional_min=0)
        free = solver.best(loose)
        if free is not None and _gain(free, loose) > gained:
            return SizeReason.MIN_SIZE_BINDING
    return SizeReason.OK
