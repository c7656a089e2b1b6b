"""Pairs along a ladder: the cheapest way to form them, one pair at a time, in runs of lots.

YES lots flow from wide legs to narrow NO lots along a chain that must never run dry. The next
pair is always one more YES lot and one more NO lot (a shortest augmenting path of this network
never gives a lot back), so the cost of q pairs is convex in q and every lot taken stays taken.
The NO lot may stand before the YES lot as long as unpaired YES lots flow past it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from polyarb.domain.units import PICO
from polyarb.engine.size.sides import Track

NO_LOT_LEFT = 16
"""In lot values: dearer than any pair can be."""
FORCED = 4
"""In lot values: what taking a forced lot is worth; two swaps of other lots never cost as much."""


class Run(NamedTuple):
    """Lots of equal cost: how many, the cost of one and the bonus for one, in attos."""

    lots: int
    cost: int
    bonus: int = 0


class Pairing(NamedTuple):
    """Lots taken of every order, by leg.

    Units: quantity and lots in lots, cost in attos.
    """

    quantity: int
    cost: int
    yes_lots: list[int]
    no_lots: list[int]

    def lots(self, track: Track) -> int:
        """Return the lots taken of one side."""
        return (self.no_lots if track[1].is_bid else self.yes_lots)[track[0]]


def lot_runs(track: Track, lot: int) -> Iterator[Run]:
    """Cut a side into whole lots; a lot that spans levels is a run of its own."""
    open_shares = open_cost = 0
    _, take, levels, gains = track
    for price, depth in levels:
        size = depth
        unit = PICO - gains[price] if take.is_bid else -gains[price]
        if open_shares:
            amount = min(lot - open_shares, size)
            open_shares += amount
            open_cost += unit * amount
            size -= amount
            if open_shares < lot:
                continue
            yield Run(1, open_cost)
        count, open_shares = divmod(size, lot)
        open_cost = unit * open_shares
        if count:
            yield Run(count, unit * lot)


def level_out(runs: Iterator[Run], least: int, bonus: int = 0) -> Iterator[Run]:
    """Spread the cost of the first lots evenly: convex, and true at 0 and from `least` on.

    An order of 0 or at least `least` lots costs the same as before and one between them no more
    than a part of its minimum, which makes a solve a bound on every legal choice.
    """
    missing, cost = least, 0
    rest = Run(0, 0)
    for run in runs:
        amount = min(run.lots, missing)
        cost += run.cost * amount
        missing -= amount
        if not missing:
            rest = Run(run.lots - amount, run.cost)
            break
    assert not missing, "the depth of an order must reach its minimum"
    unit, dearer = divmod(cost, least)
    yield Run(least - dearer, unit, bonus)
    if dearer:
        yield Run(dearer, unit + 1, bonus)
    if rest.lots:
        yield rest
    yield from runs


class _Orders:
    """The orders of one kind, one a leg: the run each stands at and the lots taken so far."""

    __slots__ = ("end", "left", "prices", "runs", "taken", "units")

    def __init__(self, sources: list[Iterator[Run]], end: Run) -> None:
        self.end = end
        self.runs = sources
        self.units = [next(source, end) for source in sources]
        self.left = [unit.lots for unit in self.units]
        self.prices = [unit.cost - unit.bonus for unit in self.units]
        self.taken = [0] * len(sources)

    def take(self, leg: int, lots: int) -> None:
        """Take lots of the run a leg stands at."""
        self.taken[leg] += lots
        self.left[leg] -= lots
        if not self.left[leg]:
            self.units[leg] = unit = next(self.runs[leg], self.end)
            self.left[leg] = unit.lots
            self.prices[leg] = unit.cost - unit.bonus

    def has_forced(self) -> bool:
        """Tell whether a lot that must be taken is left."""
        return any(unit.bonus for unit in self.units)


def pair(
    yes_runs: list[Iterator[Run]], no_runs: list[Iterator[Run]], lot_value: int, capital: int | None
) -> Pairing | None:
    """Form pairs while one more earns something, at least one; None when that cannot be.

    Shape: runs of each leg, widest first. Units: lot_value is what a pair of lots pays, attos.
    """
    end = Run(0, NO_LOT_LEFT * lot_value)
    yes, no = _Orders(yes_runs, end), _Orders(no_runs, end)
    chain = [0] * len(yes_runs)
    quantity = cost = 0
    is_capped = False
    while True:
        price, wide, narrow = _cheapest(yes.prices, no.prices, chain)
        if price >= (lot_value if quantity else FORCED * lot_value):
            break
        lots = min(yes.left[wide], no.left[narrow], *chain[narrow:wide])
        if price >= lot_value:
            lots = 1
        paid = yes.units[wide].cost + no.units[narrow].cost
        if capital is not None and price >= 0 and paid * lots > capital - cost:
            is_capped = True
            lots = max(capital - cost, 0) // paid
            if not lots:
                break
        yes.take(wide, lots)
        no.take(narrow, lots)
        _flow(chain, wide, narrow, lots)
        quantity += lots
        cost += paid * lots
        if is_capped or price >= lot_value:
            break
    if not quantity or yes.has_forced() or no.has_forced():
        return None
    if capital is not None and cost > capital:
        return None
    return Pairing(quantity, cost, yes.taken, no.taken)


def pair_costs(
    yes_runs: list[Iterator[Run]], no_runs: list[Iterator[Run]], lot_value: int
) -> Iterator[tuple[int, int]]:
    """Yield how many pairs come next at which cost a pair, until lots run out."""
    end = Run(0, NO_LOT_LEFT * lot_value)
    yes, no = _Orders(yes_runs, end), _Orders(no_runs, end)
    chain = [0] * len(yes_runs)
    while True:
        price, wide, narrow = _cheapest(yes.prices, no.prices, chain)
        if price >= FORCED * lot_value:
            return
        lots = min(yes.left[wide], no.left[narrow], *chain[narrow:wide])
        yes.take(wide, lots)
        no.take(narrow, lots)
        _flow(chain, wide, narrow, lots)
        yield lots, price


def _cheapest(yes: list[int], no: list[int], chain: list[int]) -> tuple[int, int, int]:
    """Find the cheapest pair: its price and the legs of its YES and NO lot.

    Legs joined by unpaired YES lots form a stretch; a NO lot of a stretch may go with a YES lot
    of any leg up to the end of it.
    """
    best = (yes[0] + no[0], 0, 0)
    wide = narrow = 0
    begins = True
    for leg, flow in enumerate(chain):
        if yes[leg] < yes[wide]:
            wide = leg
        if begins or no[leg] < no[narrow]:
            narrow = leg
        begins = not flow
        if begins and yes[wide] + no[narrow] < best[0]:
            best = (yes[wide] + no[narrow], wide, narrow)
    return best


def _flow(chain: list[int], wide: int, narrow: int, lots: int) -> None:
    """Lead lots along the chain from the YES leg to the NO leg, or take them back."""
    for leg in range(wide, narrow):
        chain[leg] += lots
    for leg in range(narrow, wide):
        chain[leg] -= lots
