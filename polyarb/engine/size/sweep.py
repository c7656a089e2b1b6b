"""The merged-level sweep: the best whole-lot quantity of a family with one unknown, exact.

Profit is linear between two ends of levels, so its best lattice point in such a segment is the
first or the last one; gains fall with every level, so the sweep stops where nothing can rise.
A neg-risk leg on the NO side counts from its own minimum on and nothing behind its last whole
lot: its YES is kept there, worth nothing.
"""

from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

from polyarb.domain.units import PICO, ceil_to
from polyarb.engine.size.sides import Track


class Best(NamedTuple):
    """The best quantity found and what it gains before gas.

    Units: micro-sets, attos of a USD. is_capped: the limit on capital cut something off.
    """

    quantity: int
    profit: int
    is_capped: bool


class Terms(NamedTuple):
    """What the sweep keeps.

    base is what a set gains without any leg, in picos; start the least quantity; capital in
    attos. is_split: a set needs 1 USD whatever the legs cost. is_terminal: an exhausted leg
    falls away instead of ending the sweep.
    """

    base: int
    lot: int
    start: int
    capital: int | None
    is_split: bool
    is_terminal: bool


class Summit(NamedTuple):
    """Where a climb ends, in micro-sets, and whether capital or depth ended it."""

    quantity: int
    is_capped: bool
    is_exhausted: bool


def climb(tracks: list[Track], edge: int, terms: Terms) -> Summit | None:
    """Go to the quantity behind which a set gains nothing, or as far as capital and depth reach.

    Right when every track counts from the beginning, because profit is then concave; lots and
    minima are not looked at. None when a leg falls away between two lots: its last whole lot is
    then not where its levels end, and the long way must be taken. edge is what the tracks gain at
    their best prices, in picos.
    """
    base, lot, _, capital, is_split, is_terminal = terms
    bits = len(tracks).bit_length()
    mask = (1 << bits) - 1
    margin = base + edge
    bought = sum([track[1][2] for track in tracks])
    heap = [track[2][0][1] << bits | position for position, track in enumerate(tracks)]
    heapify(heap)
    done = [0] * len(tracks)
    quantity = 0
    while margin > 0:
        code = heap[0]
        end, position = code >> bits, code & mask
        if capital is not None:
            spend = PICO if is_split else PICO * bought - margin + base
            cost = spend * (end - quantity)
            if cost > capital:
                return Summit(quantity + capital // spend, is_capped=True, is_exhausted=False)
            capital -= cost
        quantity = end
        levels, gains = tracks[position][2:]
        level = done[position]
        margin -= gains[levels[level][0]]
        level += 1
        if level < len(levels):
            done[position] = level
            price, size = levels[level]
            margin += gains[price]
            heapreplace(heap, end + size << bits | position)
            continue
        if not is_terminal:
            return Summit(quantity, is_capped=False, is_exhausted=True)
        if end % lot:
            return None
        heappop(heap)
        bought -= 1
    return Summit(quantity, is_capped=False, is_exhausted=False)


class Sweep:
    """One pass over the merged levels of all tracks; used once."""

    __slots__ = (
        "bits",
        "bought",
        "done",
        "heap",
        "is_over",
        "margin",
        "outlay",
        "pending",
        "quantity",
        "terms",
        "tracks",
        "value",
    )

    def __init__(self, tracks: list[Track], terms: Terms, jumps: dict[int, int]) -> None:
        """Begin at quantity 0; jumps maps a track to the quantity from which it counts."""
        self.tracks = tracks
        self.terms = terms
        self.bits = bits = (2 * len(tracks)).bit_length()
        self.done = [0] * len(tracks)
        self.quantity = self.value = self.outlay = self.bought = 0
        self.is_over = False
        self.pending = len(jumps)
        margin = terms.base
        heap = []
        for position, (_, take, levels, gains) in enumerate(tracks):
            if position in jumps:
                heap.append(jumps[position] << bits | position + len(tracks))
                continue
            price, size = levels[0]
            margin += gains[price]
            self.bought += take.is_bid
            heap.append(size << bits | position)
        heapify(heap)
        self.heap = heap
        self.margin = margin

    def best(self) -> Best | None:
        """Return the best quantity, the smallest on ties; None when none is allowed."""
        _, lot, start, capital, _, _ = self.terms
        best_quantity = best_value = 0
        while True:
            quantity, margin = self.quantity, self.margin
            end = quantity + 1 if self.is_over else self.heap[0] >> self.bits
            first = ceil_to(max(quantity, start), lot)
            last = (end - 1) // lot * lot
            if first <= last:
                reach = last if capital is None else self._reach(last, capital)
                if reach >= first:
                    point = reach if margin > 0 else first
                    value = self.value + margin * (point - quantity)
                    if value > best_value or not best_quantity:
                        best_quantity, best_value = point, value
                if reach < last and (margin > 0 or reach < first or self.pending):
                    return Best(best_quantity, best_value, True) if best_quantity else None
                if margin <= 0 and not self.pending:
                    break
            if self.is_over:
                break
            self._advance(end)
        return Best(best_quantity, best_value, False) if best_quantity else None

    def _reach(self, last: int, capital: int) -> int:
        """Find the last lattice point of this segment that the capital pays for, or below it."""
        room = capital - self.outlay
        if room < 0:
            return -1
        spend = self._spend()
        if not spend:
            return last
        lot = self.terms.lot
        return min(last, (self.quantity + room // spend) // lot * lot)

    def _spend(self) -> int:
        """Compute the capital of one more set, in picos."""
        if self.terms.is_split:
            return PICO
        return PICO * self.bought - self.margin + self.terms.base

    def _advance(self, end: int) -> None:
        """Move to the end of the segment and take up the level or the leg that begins there."""
        width = end - self.quantity
        self.value += self.margin * width
        if self.terms.capital is not None:
            self.outlay += self._spend() * width
        self.quantity = end
        position = self.heap[0] & ((1 << self.bits) - 1)
        if position >= len(self.tracks):
            self._jump(position - len(self.tracks))
            return
        _, _, levels, gains = self.tracks[position]
        done = self.done[position]
        self.margin -= gains[levels[done][0]]
        self.done[position] = done = done + 1
        if done < len(levels):
            price, size = levels[done]
            self.margin += gains[price]
            heapreplace(self.heap, end + size << self.bits | position)
        else:
            self._exhaust(position)

    def _exhaust(self, position: int) -> None:
        """End the sweep, or on the NO side let the leg fall back to its last whole lot."""
        heappop(self.heap)
        self.is_over = not (self.terms.is_terminal and self.heap)
        _, take, levels, gains = self.tracks[position]
        self.bought -= take.is_bid
        excess = self.quantity % self.terms.lot
        for price, size in reversed(levels):
            if not excess:
                break
            amount = min(excess, size)
            self._count(-amount, gains[price])
            excess -= amount

    def _jump(self, position: int) -> None:
        """Take up a leg at its minimum with everything it has gained up to there."""
        heappop(self.heap)
        self.pending -= 1
        self.bought += 1
        _, _, levels, gains = self.tracks[position]
        done = -1
        price = passed = 0
        while passed < self.quantity:
            done += 1
            price, size = levels[done]
            self._count(min(size, self.quantity - passed), gains[price])
            passed += size
        self.done[position] = done
        self.margin += gains[price]
        heappush(self.heap, passed << self.bits | position)

    def _count(self, shares: int, gain: int) -> None:
        """Add shares of a bid side at one gain to what has been gained and spent."""
        self.value += gain * shares
        if not self.terms.is_split:
            self.outlay += (PICO - gain) * shares
