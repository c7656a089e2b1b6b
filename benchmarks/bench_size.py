"""Time of one sizing by family and legs: `python -m benchmarks.bench_size [--quick]`.

Shape: a row a family and number of legs, microseconds at the median and the 95th percentile over
problems with books of ten levels on both sides and an edge of a cent and a half after a fee of 4 %.
"plain" is `size` as it is called, gross books in, the plan with all its orders out, no limits;
"first" the same when no net price is known yet; "limits" with 5 shares and $1 of minima and $50 of
capital. "greedy" is the yardstick: a bare heap greedy over net ladders made beforehand, which finds
the quantity and no orders. The best of several calls counts for each problem, because a shared
machine is only ever disturbed towards slowness.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heapify, heapreplace
from random import Random
from time import perf_counter_ns

import msgspec
from polyarb.domain.fees import FeeSchedule, net_ask, net_bid
from polyarb.domain.plan import Constraints, Family, Leg, Level, Problem
from polyarb.domain.units import MICRO, PICO
from polyarb.engine.size import size
from polyarb.engine.size.sides import forget_gains

LEVELS = 10
EDGE = 15_000
TICK = 1_000
FEE = FeeSchedule(rate=400)
LIMITS = Constraints(size_min=5 * MICRO, notional_min=MICRO, capital=50 * MICRO)
SIZES = {
    Family.BINARY: (2,),
    Family.NEGRISK_YES: (5, 20, 100),
    Family.NEGRISK_NO: (5, 20, 100),
    Family.NEGRISK_SPLIT: (5, 20, 100),
    Family.IMPLICATION: (2,),
    Family.LADDER: (5, 20),
}
SOLD = (Family.NEGRISK_NO, Family.NEGRISK_SPLIT)


def draw_side(seeded: Random, best: int, sign: int, tick: int) -> tuple[Level, ...]:
    """Draw ten levels from a best price outwards, or as many as fit."""
    levels = []
    for _ in range(LEVELS):
        if not 0 < best < MICRO:
            break
        levels.append((best, seeded.randrange(500, 50_000) * MICRO // 100))
        best += sign * tick * seeded.randrange(1, 12)
    return tuple(levels)


def draw_leg(seeded: Random, bid: int, ask: int, tick: int) -> Leg:
    """Draw a book with the given best prices."""
    return Leg(
        fee=FeeSchedule(rate=FEE.rate),
        asks=draw_side(seeded, ask, 1, tick),
        bids=draw_side(seeded, bid, -1, tick),
    )


def draw_problem(seeded: Random, family: Family, legs_count: int) -> Problem:
    """Draw a problem whose best prices leave the edge after fees."""
    tick = TICK if legs_count <= 20 else TICK // 10
    if family in (Family.LADDER, Family.IMPLICATION):
        legs = [_nested_leg(seeded, position, tick) for position in range(legs_count)]
    else:
        legs = _set_legs(seeded, family, legs_count, tick)
    return Problem(id="bench", family=family, legs=tuple(legs), exhaustive=True)


def _nested_leg(seeded: Random, position: int, tick: int) -> Leg:
    middle = 400_000 + 40_000 * (position % 2) + seeded.randrange(-5, 6) * tick
    gap = seeded.randrange(1, 3) * tick
    return draw_leg(seeded, middle - gap, middle + gap, tick)


def _set_legs(seeded: Random, family: Family, legs_count: int, tick: int) -> list[Leg]:
    is_sold = family in SOLD
    weights = [seeded.random() ** 2 + 0.05 for _ in range(legs_count)]
    fees = int(0.04 * (MICRO - sum((w / sum(weights)) ** 2 for w in weights) * MICRO))
    total = MICRO + EDGE + fees if is_sold else MICRO - EDGE - fees
    prices = [max(tick, int(total * w / sum(weights)) // tick * tick) for w in weights]
    prices[weights.index(max(weights))] += (total - sum(prices)) // tick * tick
    legs = []
    for price in prices:
        gap = tick * seeded.randrange(1, 4)
        bid, ask = (price, price + gap) if is_sold else (price - gap, price)
        legs.append(draw_leg(seeded, bid, ask, tick))
    return legs


def net_ladders(problem: Problem) -> list[tuple[Level, ...]]:
    """Make the net ladders of a set family beforehand, for the yardstick."""
    is_sold = problem.family in SOLD
    return [
        tuple((net_bid(price, leg.fee), size_) for price, size_ in leg.bids)
        if is_sold
        else tuple((-net_ask(price, leg.fee), size_) for price, size_ in leg.asks)
        for leg in problem.legs
    ]


def greedy(ladders: list[tuple[Level, ...]], base: int) -> int:
    """Find the quantity behind which a set gains nothing, on net ladders, without limits."""
    margin = base + sum([ladder[0][0] for ladder in ladders])
    heap = [(ladder[0][1], position, 0) for position, ladder in enumerate(ladders)]
    heapify(heap)
    quantity = 0
    while margin > 0:
        quantity, position, level = heap[0]
        ladder = ladders[position]
        if level + 1 == len(ladder):
            break
        margin += ladder[level + 1][0] - ladder[level][0]
        heapreplace(heap, (quantity + ladder[level + 1][1], position, level + 1))
    return quantity


def time_calls(
    calls: Sequence[Callable[[], object]],
    rounds: int,
    before: Callable[[], None] = lambda: None,
) -> str:
    """Time every call, its best of several rounds; write median and p95 in microseconds."""
    best = []
    for call in calls:
        times = []
        for _ in range(rounds):
            before()
            start = perf_counter_ns()
            call()
            times.append(perf_counter_ns() - start)
        best.append(min(times) / 1_000)
    best.sort()
    return f"{best[len(best) // 2]:9.1f} {best[len(best) * 95 // 100]:8.1f}"


def measure(family: Family, legs_count: int, problems_count: int, rounds: int) -> str:
    """Measure one row of the table."""
    seeded = Random(f"{family} {legs_count}")
    drawn = [draw_problem(seeded, family, legs_count) for _ in range(problems_count)]
    limited = [msgspec.structs.replace(problem, constraints=LIMITS) for problem in drawn]
    plain = [partial(size, problem) for problem in drawn]
    row = [
        time_calls(plain, rounds),
        time_calls(plain, rounds, forget_gains),
        time_calls([partial(size, problem) for problem in limited], rounds),
    ]
    if family not in (Family.IMPLICATION, Family.LADDER):
        base = -PICO if family in SOLD else PICO
        ladders = [net_ladders(problem) for problem in drawn]
        row.append(time_calls([partial(greedy, net, base) for net in ladders], rounds))
    orders = sum(len(call().orders) for call in plain) / problems_count
    return f"{family:14}{legs_count:4}{orders:8.1f}{''.join(row)}"


def main() -> None:
    """Print the table."""
    problems_count, rounds = (20, 5) if "--quick" in sys.argv else (200, 25)
    columns = "".join(f"{name:>9}      p95" for name in ("plain", "first", "limits", "greedy"))
    print(f"{'family':14}legs  orders{columns}")
    for family, sizes in SIZES.items():
        for legs_count in sizes:
            print(measure(family, legs_count, problems_count, rounds), flush=True)


if __name__ == "__main__":
    main()
