"""The linear programme of a joint problem and the whole-lot portfolios it proposes.

Floats live here and only here; nothing of them is believed before it is verified. scipy is
imported on use, because most sizing never needs it; a live run imports it before it begins.
"""

from collections.abc import Iterator
from typing import Any

from polyarb.domain.plan import Constraints
from polyarb.domain.units import MICRO, PICO
from polyarb.engine.size.orders import least_orders
from polyarb.engine.size.sides import Track
from polyarb.engine.size.states import State

BRANCHES_MAX = 2_000
"""Nodes of the integer programme; a count, not a time, so that a replay proposes the same."""
CAPITAL_SLACKS = (0.0, 1e-5)
"""USD kept back: the solver may overdraw a limit by its tolerance, then a second try does not."""
NEAR = 1e-6


def load_solver() -> None:
    """Import the solver now, because it takes a second that no decision should wait for."""
    import scipy.optimize  # noqa: F401


class Programme:
    """Levels as bounded variables, one row a state; then whole lots and minima as integers."""

    def __init__(
        self, tracks: list[Track], constraints: Constraints, states: tuple[State, ...]
    ) -> None:
        self.tracks = tracks
        self.constraints = constraints
        self.states = states
        self.least = least_orders(tracks, constraints)
        self.levels = [
            (owner, gains[price] / PICO, size / MICRO)
            for owner, (_, _, levels, gains) in enumerate(tracks)
            for price, size in levels
        ]

    def proposals(self) -> Iterator[list[int]]:
        """Yield the optimum rounded to lots, and the whole-lot optimum where that differs."""
        lot = self.constraints.lot
        for slack in CAPITAL_SLACKS:
            lots = self._solve(slack, is_whole=False)
            if lots is None:
                return
            for shift in (0.5, NEAR):
                yield self._legal([int(count + shift) for count in lots])
            if all(self._is_legal(count, owner) for owner, count in enumerate(lots)):
                continue
            whole = self._solve(slack, is_whole=True)
            if whole is not None:
                yield [int(count + 0.5) * lot for count in whole]

    def _is_legal(self, count: float, owner: int) -> bool:
        """Tell whether a number of lots is whole and meets the minima, but for float dust."""
        low = self.least[owner]
        is_whole = abs(count - int(count + 0.5)) < NEAR
        return count < NEAR or (
            is_whole and low is not None and count + NEAR >= low / self.constraints.lot
        )

    def _legal(self, lots: list[int]) -> list[int]:
        """Write lots as shares and leave out every order below its minimum."""
        lot = self.constraints.lot
        return [
            count * lot if low is not None and count * lot >= low else 0
            for count, low in zip(lots, self.least, strict=True)
        ]

    def _solve(self, slack: float, *, is_whole: bool) -> list[float] | None:
        """Solve and return the lots of every track; None without a solution that gains."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp

        shape = _Shape(len(self.levels), len(self.tracks))
        rows, low, high = self._rows(shape, slack, is_whole=is_whole)
        objective = np.zeros(shape.width)
        for column, (_, gain, _) in enumerate(self.levels):
            objective[column] = -gain
        objective[shape.least_payoff] = -1.0
        integral = np.zeros(shape.width)
        if is_whole:
            integral[shape.lots(0) : shape.least_payoff] = 1
        upper = np.full(shape.width, np.inf)
        upper[: len(self.levels)] = [size for _, _, size in self.levels]
        upper[shape.placed(0) : shape.least_payoff] = 1
        lower = np.zeros(shape.width)
        lower[shape.least_payoff] = -np.inf
        answer = milp(
            objective,
            integrality=integral,
            bounds=Bounds(lower, upper),
            constraints=LinearConstraint(rows, low, high),
            options={"node_limit": BRANCHES_MAX},
        )
        if answer.x is None or answer.fun > -NEAR:
            return None
        lots = answer.x[shape.lots(0) : shape.placed(0)]
        return [float(count) for count in lots]

    def _rows(self, shape: "_Shape", slack: float, *, is_whole: bool) -> Any:
        """Build the rows: every state pays at least the least payoff, lots add up, limits hold.

        Bought NO count 1 in every state and are in the objective, so a row only has where they
        do not pay; that keeps it sparse.
        """
        from scipy.sparse import lil_array

        constraints = self.constraints
        lot = constraints.lot / MICRO
        tracks_count = len(self.tracks)
        height = len(self.states) + 3 * tracks_count + 1
        rows = lil_array((height, shape.width))
        low, high = [0.0] * height, [float("inf")] * height
        for row, state in enumerate(self.states):
            rows[row, shape.least_payoff] = -1.0
            for column, (owner, _, _) in enumerate(self.levels):
                position, take, _, _ = self.tracks[owner]
                if state[position]:
                    rows[row, column] = -1.0 if take.is_bid else 1.0
        row = len(self.states)
        for column, (owner, _, _) in enumerate(self.levels):
            rows[row + owner, column] = 1.0
        for owner, least in enumerate(self.least):
            rows[row + owner, shape.lots(owner)] = -lot
            high[row + owner] = 0.0
            if not is_whole:
                continue
            depth = sum(size for _, size in self.tracks[owner][2]) // constraints.lot
            floor, ceiling = row + tracks_count + owner, row + 2 * tracks_count + owner
            rows[floor, shape.lots(owner)] = 1.0
            rows[floor, shape.placed(owner)] = -(least or 0) / constraints.lot
            rows[ceiling, shape.lots(owner)] = -1.0
            rows[ceiling, shape.placed(owner)] = 0.0 if least is None else float(depth)
        if constraints.capital is not None:
            for column, (owner, gain, _) in enumerate(self.levels):
                rows[height - 1, column] = (1.0 if self.tracks[owner][1].is_bid else 0.0) - gain
            low[height - 1] = -float("inf")
            high[height - 1] = constraints.capital / MICRO - slack
        return rows.tocsr(), low, high


class _Shape:
    """Where the variables stand: levels, lots of each track, whether it is placed, least payoff."""

    __slots__ = ("least_payoff", "levels_count", "tracks_count", "width")

    def __init__(self, levels_count: int, tracks_count: int) -> None:
        self.levels_count = levels_count
        self.tracks_count = tracks_count
        self.least_payoff = levels_count + 2 * tracks_count
        self.width = self.least_payoff + 1

    def lots(self, owner: int) -> int:
        """Return the column of a track's lots."""
        return self.levels_count + owner

    def placed(self, owner: int) -> int:
        """Return the column of whether a track's order is placed."""
        return self.levels_count + self.tracks_count + owner
