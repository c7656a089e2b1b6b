"""What our own orders took of levels that may still display it; only the rest can be had again.

What was taken of a level is never more than the level displays: shares that left are thought to be
ours at last, shares that came are new. Every look at a relation follows what its books display, so
we remember at least as much as the shadow gateway does, and at a live venue, which no longer
displays what we took, too much until the level falls or goes. No level gives us more than it has.
"""

from polyarb.domain.book import BookStatus, Depth
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Level, Outcome, Side
from polyarb.domain.units import ONE
from polyarb.engine.state import Ladder, Watch


def take(ladder: Ladder, intent: OrderIntent, shares: int) -> None:
    """Remember that so many shares of an order were matched, best level first, up to its limit."""
    is_yes = intent.outcome is Outcome.YES
    limit = intent.price_limit if is_yes else ONE - intent.price_limit
    _walk(ladder, (intent.side is Side.SELL) is is_yes, limit, shares)


def sell_off(ladder: Ladder, outcome: Outcome, shares: int) -> None:
    """Remember that so many shares of a token will be sold at any price."""
    is_yes = outcome is Outcome.YES
    _walk(ladder, is_yes, 0 if is_yes else ONE, shares)


def free(ladder: Ladder, depth: Depth) -> Depth:
    """Return the levels of a book less what we took of them."""
    if not ladder.taken:
        return depth
    _cap(ladder)
    return Depth(
        bids=_rest(ladder, True, depth.bids),
        asks=_rest(ladder, False, depth.asks),
    )


def follow(watch: Watch) -> None:
    """Forget what the books of a relation no longer display."""
    watch.is_taken_from = False
    for ladder in watch.ladders:
        if ladder.taken:
            _cap(ladder)
            watch.is_taken_from |= bool(ladder.taken)


def _walk(ladder: Ladder, takes_bids: bool, limit: int, shares: int) -> None:
    """Take the free shares of one side, best first. Units: limit in micros in YES terms."""
    _cap(ladder)
    side, taken = (ladder.bids if takes_bids else ladder.asks), ladder.taken
    for price in sorted(side, reverse=takes_bids):
        if not shares or (price < limit if takes_bids else price > limit):
            break
        before = taken.get((takes_bids, price), 0)
        part = min(side[price] - before, shares)
        if part:
            taken[takes_bids, price] = before + part
            shares -= part
    if taken:
        for watch, _leg in ladder.watches:
            watch.is_taken_from = True


def _cap(ladder: Ladder) -> None:
    """Hold what was taken to what is displayed; a book that is not live displays nothing true."""
    if ladder.status is not BookStatus.LIVE:
        return
    for (is_bid, price), size in list(ladder.taken.items()):
        displayed = (ladder.bids if is_bid else ladder.asks).get(price, 0)
        if not displayed:
            del ladder.taken[is_bid, price]
        elif displayed < size:
            ladder.taken[is_bid, price] = displayed


def _rest(ladder: Ladder, is_bid: bool, levels: tuple[Level, ...]) -> tuple[Level, ...]:
    taken = ladder.taken
    left = ((price, size - taken.get((is_bid, price), 0)) for price, size in levels)
    return tuple((price, size) for price, size in left if size)
