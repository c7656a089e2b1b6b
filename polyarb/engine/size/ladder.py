"""The ladder family: nested outcomes, exact with minima and capital by branch and bound.

Without minima one pairing is the answer. With them an order is 0 or at least its minimum; a
pairing over levelled-out orders is a bound, an order between 0 and its minimum is the branch
(left out, or taken up to its minimum). The best bound is opened first, so the first legal
pairing is the optimum with the smallest quantity.
"""

from collections.abc import Iterator
from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from polyarb.domain.plan import Constraints, Plan, Problem, SizeReason
from polyarb.domain.units import PICO
from polyarb.engine.size.answer import accept, refuse
from polyarb.engine.size.pairing import FORCED, Pairing, Run, level_out, lot_runs, pair
from polyarb.engine.size.sides import BUY_NO, BUY_YES, Track, order_min, plan_order, track_of

NODES_MAX = 20_000
"""Pairings tried before a problem is given up as undecided."""


class Choice(IntEnum):
    """What is decided about an order."""

    OPEN = 0
    LEFT_OUT = 1
    TAKEN = 2


class Undecided(Exception):  # noqa: N818
    """The branches of a problem are too many; there is no exact answer in reasonable time."""


class Rungs(NamedTuple):
    """The orders of a ladder: the YES sides of all legs, then their NO sides."""

    tracks: list[Track]
    legs_count: int


def size_ladder(problem: Problem) -> Plan:
    """Size a ladder."""
    legs = problem.legs
    tracks = [track_of(position, leg, BUY_YES) for position, leg in enumerate(legs)]
    tracks += [track_of(position, leg, BUY_NO) for position, leg in enumerate(legs)]
    rungs = Rungs(tracks, len(legs))
    if best_gain(rungs) <= 0:
        return refuse(problem, SizeReason.NO_EDGE)
    try:
        return _decide(problem, rungs)
    except Undecided:
        return refuse(problem, SizeReason.UNDECIDED)


def best_gain(rungs: Rungs) -> int:
    """Compute the most a pair can gain at best prices, in picos; 0 when nothing can be paired."""
    cheapest, best = -PICO, -PICO
    for yes, no in zip(rungs.tracks, rungs.tracks[rungs.legs_count :], strict=False):
        if yes.levels:
            cheapest = max(cheapest, yes.gains[yes.levels[0][0]])
        if no.levels:
            best = max(best, no.gains[no.levels[0][0]] + cheapest)
    return best


def _decide(problem: Problem, rungs: Rungs) -> Plan:
    constraints = problem.constraints
    found = _solve(rungs, constraints)
    if found is None:
        return refuse(problem, SizeReason.INFEASIBLE)
    gained = _gain(found, constraints)
    if gained <= 0:
        return refuse(problem, SizeReason.NO_GAIN)
    if gained <= constraints.gas * PICO:
        return refuse(problem, SizeReason.BELOW_GAS)
    lot = constraints.lot
    counts = zip(rungs.tracks, found.yes_lots + found.no_lots, strict=True)
    orders = [plan_order(track, lots * lot) for track, lots in counts if lots]
    return accept(
        problem,
        _reason(rungs, constraints, gained),
        quantity=found.quantity * lot,
        gained=gained,
        orders=sorted(orders, key=lambda order: order.leg),
    )


def _gain(found: Pairing, constraints: Constraints) -> int:
    return found.quantity * constraints.lot * PICO - found.cost


def _reason(rungs: Rungs, constraints: Constraints, gained: int) -> SizeReason:
    """Name what kept a traded plan from earning more, by solving again without it."""
    if constraints.capital is not None:
        loose = msgspec.structs.replace(constraints, capital=None)
        free = _solve(rungs, loose)
        if free is not None and _gain(free, loose) > gained:
            return SizeReason.CAPITAL_BINDING
    if has_minima(constraints):
        loose = msgspec.structs.replace(constraints, size_min=0, notional_min=0)
        free = _solve(rungs, loose)
        if free is not None and _gain(free, loose) > gained:
            return SizeReason.MIN_SIZE_BINDING
    return SizeReason.OK


def has_minima(constraints: Constraints) -> bool:
    """Tell whether an order of one lot may be too small."""
    return constraints.size_min > constraints.lot or constraints.notional_min > 0


def _solve(rungs: Rungs, constraints: Constraints) -> Pairing | None:
    """Find the best plan of at least one pair; None when there is none.

    Errors: Undecided when it takes too many branches.
    """
    branching = Branching(rungs, constraints)
    branching.open(branching.root())
    while branching.heap:
        *_, choices, pairing = heappop(branching.heap)
        doubt = branching.doubt(choices, pairing)
        if doubt is None:
            return pairing
        for choice in (Choice.TAKEN, Choice.LEFT_OUT):
            branching.open([*choices[:doubt], choice, *choices[doubt + 1 :]])
    return None


class Branching:
    """The open branches of one solve, best bound first."""

    __slots__ = ("capital", "heap", "least", "lot", "nodes", "rungs")

    def __init__(self, rungs: Rungs, constraints: Constraints) -> None:
        self.rungs = rungs
        self.lot = constraints.lot
        self.capital = None if constraints.capital is None else constraints.capital * PICO
        self.nodes = 0
        self.heap: list[tuple[int, int, int, list[Choice], Pairing]] = []
        self.least: list[int] = [1] * len(rungs.tracks)
        if has_minima(constraints):
            minima = [order_min(track, constraints) for track in rungs.tracks]
            self.least = [(shares or 0) // self.lot for shares in minima]

    def root(self) -> list[Choice]:
        """Decide only what has no choice: an order whose depth does not reach its minimum."""
        return [Choice.OPEN if least else Choice.LEFT_OUT for least in self.least]

    def open(self, choices: list[Choice]) -> None:
        """Solve a branch and keep it with its bound, unless nothing in it is allowed."""
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise Undecided
        lot_value = PICO * self.lot
        runs = [self._runs(position, choice) for position, choice in enumerate(choices)]
        legs_count = self.rungs.legs_count
        pairing = pair(runs[:legs_count], runs[legs_count:], lot_value, self.capital)
        if pairing is not None:
            loss = pairing.cost - pairing.quantity * lot_value
            heappush(self.heap, (loss, pairing.quantity, self.nodes, choices, pairing))

    def _runs(self, position: int, choice: Choice) -> Iterator[Run]:
        if choice is Choice.LEFT_OUT:
            return iter(())
        runs, least = lot_runs(self.rungs.tracks[position], self.lot), self.least[position]
        if choice is Choice.TAKEN:
            return level_out(runs, least, FORCED * PICO * self.lot)
        return level_out(runs, least) if least > 1 else runs

    def doubt(self, choices: list[Choice], pairing: Pairing) -> int | None:
        """Find the open order that lies furthest between 0 and its minimum."""
        worst, doubt = 0, None
        for position, lots in enumerate(pairing.yes_lots + pairing.no_lots):
            short = min(lots, self.least[position] - lots)
            if choices[position] is Choice.OPEN and short > worst:
                worst, doubt = short, position
        return doubt
