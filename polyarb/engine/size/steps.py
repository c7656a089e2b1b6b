"""The cost of one more set, step by step: what explains where a plan ends.

Depth and fees only; lots, minima, capital and gas are left out, but a ladder's pairs are formed
in whole lots.
"""

from collections.abc import Iterator
from itertools import islice, pairwise

from polyarb.domain.plan import CostStep, Family, Problem
from polyarb.domain.units import PICO
from polyarb.engine.size.answer import BASE
from polyarb.engine.size.merged import CONVERTED
from polyarb.engine.size.pairing import Run, lot_runs, pair_costs
from polyarb.engine.size.sides import BUY_NO, BUY_YES, Track, takes_of, tracks_of


def cost_steps(problem: Problem, count_max: int) -> tuple[CostStep, ...]:
    """List the first steps of a problem; none where a side that every set needs is empty."""
    if problem.family is Family.LADDER:
        return _pair_steps(problem, count_max)
    legs = problem.legs
    tracks = tracks_of(legs, takes_of(problem.family, len(legs)))
    is_converted = problem.family in CONVERTED
    if len(tracks) < len(legs) and not is_converted:
        return ()
    changes, end = _changes(tracks, is_converted)
    ends = sorted(at for at in changes if end is None or at < end)
    margin = BASE[problem.family]
    margin += sum(gains[levels[0][0]] for _, _, levels, gains in tracks)
    steps = []
    for start, until in islice(pairwise([0, *ends, end]), count_max):
        assert start is not None, "only the last end is open"
        margin += changes.get(start, 0)
        cost, payoff = _cost_and_payoff(problem.family, len(legs), margin)
        steps.append(CostStep(start=start, end=until, cost=cost, payoff=payoff))
    return tuple(steps)


def _changes(tracks: list[Track], is_converted: bool) -> tuple[dict[int, int], int | None]:
    """Find by how much the gain of a set changes at every end of a level, and where sets end."""
    changes: dict[int, int] = {}
    depths = []
    for _, _, levels, gains in tracks:
        at = 0
        for (price, size), (next_price, _) in pairwise(levels):
            at += size
            changes[at] = changes.get(at, 0) + gains[next_price] - gains[price]
        price, size = levels[-1]
        at += size
        depths.append(at)
        if is_converted:
            changes[at] = changes.get(at, 0) - gains[price]
    return changes, None if is_converted else min(depths)


def _cost_and_payoff(family: Family, legs_count: int, margin: int) -> tuple[int, int]:
    if family is Family.NEGRISK_SPLIT:
        return PICO, PICO + margin
    payoff = PICO * (legs_count - 1) if family is Family.NEGRISK_NO else PICO
    return payoff - margin, payoff


def _pair_steps(problem: Problem, count_max: int) -> tuple[CostStep, ...]:
    lot, legs = problem.constraints.lot, problem.legs
    empty: Iterator[Run] = iter(())
    yes, no = [empty] * len(legs), [empty] * len(legs)
    for take, runs in ((BUY_YES, yes), (BUY_NO, no)):
        for track in tracks_of(legs, (take,) * len(legs)):
            runs[track[0]] = lot_runs(track, lot)
    steps = []
    start = 0
    for lots, cost in islice(pair_costs(yes, no, PICO * lot), count_max):
        end = start + lots * lot
        steps.append(CostStep(start=start, end=end, cost=cost // lot, payoff=PICO))
        start = end
    return tuple(steps)
