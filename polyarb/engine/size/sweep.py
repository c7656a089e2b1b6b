"""The merged-level sweep: the best whole-lot quantity of a family with one unknown, exact.

Profit is linear between two ends of levels, so its best lattice point in such a segment is the
first or the last one; gains fall with every level, so the sweep stops where nothing can rise.
A neg-risk leg on the NO side counts from its own minimum on and nothing behind its last whole
lot: its YES is kept there, worth nothing.
"""

from enum import Enum
from heapq import heapify, heappop, heappush, heapreplace

import msgspec

from polyarb.domain.units import PICO, ceil_to
from polyarb.engine.size.sides import Track


class Cap(Enum):
    """What the limit on capital did to a solve."""

    LOOSE = 0
    """Nothing."""
    DOUBTFUL = 1
    """It cut something off, which need not have gained more."""
    BINDING = 2
    """One lot more would have gained more."""


class Best(msgspec.Struct, frozen=True, gc=False):
    """The best quantity found and what it gains before gas; none is allowed where it is 0.

    Units: micro-sets, attos of a USD.
    """

    quantity: int
    gained: int
    cap: Cap


NOWHERE = Best(0, 0, Cap.LOOSE)
"""What a solve comes to when no quantity is allowed."""


class Terms(msgspec.Struct, frozen=True, gc=False):
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

    def best(self) -> Best:
        """Return the best quantity, the smallest on ties."""
        lot, start, capital = self.terms.lot, self.terms.start, self.terms.capital
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
                    return Best(best_quantity, best_value, Cap.DOUBTFUL)
                if margin <= 0 and not self.pending:
                    break
            if self.is_over:
                break
            self._advance(end)
        return Best(best_quantity, best_value, Cap.LOOSE)

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
