"""Branch and bound over the minima of a ladder: an order is 0 or at least its minimum.

A pairing over levelled-out orders is a bound on every legal plan. Where it takes less of an order
than its minimum, that order is the branch: taken up to its minimum, or left out. The best bound
is opened first, and bounds rank by profit, then by the smaller quantity, so the first legal
pairing is the optimum with the smallest quantity.
"""

from collections.abc import Iterator
from enum import IntEnum
from heapq import heappop, heappush

from polyarb.domain.plan import Constraints
from polyarb.domain.units import PICO
from polyarb.engine.size.orders import least_orders
from polyarb.engine.size.pairing import FORCED, Pairing, Run, level_out, lot_runs, pair
from polyarb.engine.size.sides import BUY_NO, Track

BRANCHES_MAX = 1 << 15
"""Pairings tried before a problem is given up as undecided.

Every ladder with at most 14 orders that can fall below their minimum is decided within it (a tree
of k choices has fewer than 2^(k+1) nodes); books of 40 rungs need fewer than 20 as a rule.
"""


class Choice(IntEnum):
    """What is decided about an order."""

    OPEN = 0
    LEFT_OUT = 1
    TAKEN = 2


class UndecidedError(Exception):
    """Too many branches: there is no exact answer in reasonable time."""


def best_pairing(
    tracks: list[Track], legs_count: int, constraints: Constraints, branches_max: int
) -> Pairing | None:
    """Find the best plan of at least one pair; None when there is none.

    Shape: tracks of YES and NO sides that have depth. Errors: UndecidedError.
    """
    tree = _Tree(tracks, legs_count, constraints, branches_max)
    tree.open(tree.root())
    while tree.heap:
        *_, choices, pairing = heappop(tree.heap)
        doubt = tree.doubt(choices, pairing)
        if doubt is None:
            return pairing
        for choice in (Choice.TAKEN, Choice.LEFT_OUT):
            tree.open([*choices[:doubt], choice, *choices[doubt + 1 :]])
    return None


def has_minima(constraints: Constraints) -> bool:
    """Tell whether an order of one lot may be too small."""
    return constraints.size_min > constraints.lot or constraints.notional_min > 0


class _Tree:
    """The open branches of one solve, best bound first."""

    __slots__ = ("capital", "heap", "least", "legs_count", "lot", "nodes", "nodes_max", "tracks")

    def __init__(
        self, tracks: list[Track], legs_count: int, constraints: Constraints, nodes_max: int
    ) -> None:
        self.tracks = tracks
        self.legs_count = legs_count
        self.lot = constraints.lot
        self.capital = None if constraints.capital is None else constraints.capital * PICO
        self.nodes = 0
        self.nodes_max = nodes_max
        self.heap: list[tuple[int, int, int, list[Choice], Pairing]] = []
        self.least = [1] * len(tracks)
        if has_minima(constraints):
            least = least_orders(tracks, constraints)
            self.least = [(shares or 0) // self.lot for shares in least]

    def root(self) -> list[Choice]:
        """Decide only what has no choice: an order whose depth does not reach its minimum."""
        return [Choice.OPEN if least else Choice.LEFT_OUT for least in self.least]

    def open(self, choices: list[Choice]) -> None:
        """Solve a branch and keep it with its bound, unless nothing in it is allowed."""
        self.nodes += 1
        if self.nodes > self.nodes_max:
            raise UndecidedError
        lot_value = PICO * self.lot
        empty: Iterator[Run] = iter(())
        yes, no = [empty] * self.legs_count, [empty] * self.legs_count
        for position, (track, choice) in enumerate(zip(self.tracks, choices, strict=True)):
            if choice is not Choice.LEFT_OUT:
                runs = no if track[1] is BUY_NO else yes
                runs[track[0]] = self._runs(position, choice)
        pairing = pair(yes, no, lot_value, self.capital)
        if pairing is not None:
            loss = pairing.cost - pairing.quantity * lot_value
            heappush(self.heap, (loss, pairing.quantity, self.nodes, choices, pairing))

    def _runs(self, position: int, choice: Choice) -> Iterator[Run]:
        runs, least = lot_runs(self.tracks[position], self.lot), self.least[position]
        if choice is Choice.TAKEN:
            return level_out(runs, least, FORCED * PICO * self.lot)
        return level_out(runs, least) if least > 1 else runs

    def doubt(self, choices: list[Choice], pairing: Pairing) -> int | None:
        """Find the open order that lies furthest between 0 and its minimum."""
        worst, doubt = 0, None
        for position, track in enumerate(self.tracks):
            lots = pairing.lots(track)
            short = min(lots, self.least[position] - lots)
            if short > worst and choices[position] is Choice.OPEN:
                worst, doubt = short, position
        return doubt
