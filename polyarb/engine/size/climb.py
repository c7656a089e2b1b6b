"""The climb: the quantity behind which a set gains nothing, where no leg begins late.

Profit is then concave, so the first summit is the only one. Where whole lots lead away from the
stretches beside it, the climb gives no answer and the sweep must.
"""

from heapq import heapify, heappop, heapreplace

import msgspec

from polyarb.domain.units import PICO, floor_to
from polyarb.engine.size.columns import Columns
from polyarb.engine.size.sweep import NOWHERE, Best, Cap, Terms


class Summit(msgspec.Struct, frozen=True, gc=False):
    """The stretch that holds the best: where it begins, what is gained until there, where it ends.

    margin is what a set gains on the stretch, beyond what it gains behind it, until `until`; None
    where depth ends. Units: micro-sets, attos, picos a set.
    """

    begin: int
    gained: int
    margin: int
    end: int
    beyond: int
    until: int | None
    is_capped: bool


def climb(columns: Columns, terms: Terms) -> Best | None:
    """Find the best quantity of whole lots; None where the sweep must."""
    summit = _ascend(columns, terms)
    return None if summit is None else _settle(summit, terms)


def _ascend(columns: Columns, terms: Terms) -> Summit | None:
    """Merge the levels until a set gains nothing and minima are met, or depth or capital ends.

    None when a leg falls away between two lots, because its last whole lot is then not where its
    levels end, or when all fall away.
    """
    base, start, capital = terms.base, terms.start, terms.capital
    levels, tables, gains = columns.levels, columns.tables, list(columns.gains)
    margin = base + columns.edge
    bought = 0 if capital is None else sum([take.is_bid for take in columns.takes])
    bits = len(gains).bit_length()
    mask = (1 << bits) - 1
    ends = [size << bits | at for at, size in enumerate(columns.sizes)]
    heapify(ends)
    done = [0] * len(gains)
    begin = gained = 0
    while ends:
        code = ends[0]
        end, at = code >> bits, code & mask
        if capital is not None:
            spend = PICO if terms.is_split else PICO * bought - margin + base
            cost = spend * (end - begin)
            if cost > capital:
                reach = begin + capital // spend
                return Summit(begin, gained, margin, reach, margin, end, is_capped=True)
            capital -= cost
        side = levels[at]
        done[at] = level = done[at] + 1
        beyond = margin - gains[at]
        if level < len(side):
            price, size = side[level]
            gains[at] = gain = tables[at][price]
            beyond += gain
            heapreplace(ends, end + size << bits | at)
        elif not terms.is_terminal:
            return Summit(begin, gained, margin, end, 0, None, is_capped=False)
        elif end % terms.lot:
            return None
        else:
            heappop(ends)
            bought -= 1
        if beyond <= 0 and end >= start:
            until = ends[0] >> bits if ends else None
            return Summit(begin, gained, margin, end, beyond, until, is_capped=False)
        gained += margin * (end - begin)
        begin, margin = end, beyond
    return None


def _settle(summit: Summit, terms: Terms) -> Best | None:
    """Go to whole lots: the best is the last lot before the summit or the first one behind it."""
    end, until, is_capped = summit.end, summit.until, summit.is_capped
    start, lot = terms.start, terms.lot
    if end < start:
        return NOWHERE
    quantity = floor_to(end, lot) if summit.margin > 0 else start
    if quantity < summit.begin:
        return None
    gained = summit.gained + summit.margin * (quantity - summit.begin)
    if summit.margin <= 0:
        return Best(quantity, gained, Cap.LOOSE)
    if until is None or (quantity == end and not is_capped):
        return Best(quantity, gained, Cap.LOOSE)
    if quantity + lot > until:
        return None
    more = summit.margin * (end - quantity) + summit.beyond * (quantity + lot - end)
    if more <= 0:
        return Best(quantity, gained, Cap.LOOSE)
    if is_capped:
        return Best(quantity, gained, Cap.BINDING)
    return Best(quantity + lot, gained + more, Cap.LOOSE) if terms.capital is None else None
