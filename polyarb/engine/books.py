"""Stage 1: fold market data into one mirrored ladder per market and say when it may be trusted.

All changes of a message are applied before anything is asked. A book that is crossed inside a
venue timestamp is unsettled; one that is crossed, or disagrees with the feed's own top, after it
is invalid until a fresh snapshot comes.
"""

from polyarb.domain.book import BookFault, BookStatus, Depth
from polyarb.domain.messages import UNKNOWN_PRICE, BookReplaced, LevelChanged
from polyarb.domain.plan import Level
from polyarb.domain.units import ONE
from polyarb.engine.state import Ladder

FAULT_STATUS: dict[BookFault, BookStatus] = {
    BookFault.CROSSED_BOOK: BookStatus.CROSSED,
    BookFault.TOP_MISMATCH: BookStatus.GAPPED,
    BookFault.MIRROR_BROKEN: BookStatus.GAPPED,
    BookFault.FEED_LOST: BookStatus.EMPTY,
    BookFault.CONTENT_STALE: BookStatus.STALE,
}


def apply_level(ladder: Ladder, is_bid: bool, price: int, size: int) -> None:
    """Set one level's total size and keep the best price; size 0 removes the level.

    Units: micros and micro-shares.
    """
    if ladder.tick and price % ladder.tick:
        ladder.is_off_tick = True
    if is_bid:
        if size:
            ladder.bids[price] = size
            if price > ladder.best_bid:
                ladder.best_bid = price
        elif ladder.bids.pop(price, 0) and price == ladder.best_bid:
            ladder.best_bid = max(ladder.bids, default=0)
    elif size:
        ladder.asks[price] = size
        if price < ladder.best_ask:
            ladder.best_ask = price
    elif ladder.asks.pop(price, 0) and price == ladder.best_ask:
        ladder.best_ask = min(ladder.asks, default=ONE)


def fold_level(ladder: Ladder, event: LevelChanged) -> bool:
    """Take a message of one level; tell whether the book must be judged once it is settled.

    It must when the top moved, when it is not the one that the feed tells, or when something
    waits for depth behind the top.
    """
    bid, ask = ladder.best_bid, ladder.best_ask
    apply_level(ladder, event.is_bid, event.price, event.size)
    ladder.venue_time_ns = event.venue_time_ns
    ladder.receive_time_ns = event.receive_time_ns
    ladder.wire_bid = event.best_bid
    ladder.wire_ask = event.best_ask
    return (
        event.best_bid != bid
        or event.best_ask != ask
        or ladder.best_bid != bid
        or ladder.best_ask != ask
        or ladder.is_watched
    )


def is_late(ladder: Ladder, event: BookReplaced) -> bool:
    """Tell whether a snapshot is older than what a book already holds."""
    return ladder.status is not BookStatus.EMPTY and event.venue_time_ns < ladder.venue_time_ns


def breaks_mirror(ladder: Ladder, event: BookReplaced) -> bool:
    """Tell whether the sister token's snapshot of the same venue time shows another book.

    It may once a level of that time has changed between the two.
    """
    return (
        ladder.status is BookStatus.LIVE
        and event.venue_time_ns == ladder.snapshot_ns
        and ladder.snapshot_outcome not in (None, event.outcome)
        and (dict(event.bids) != ladder.bids or dict(event.asks) != ladder.asks)
    )


def replace(ladder: Ladder, event: BookReplaced) -> None:
    """Take a snapshot in place of everything known; the book is live again."""
    ladder.bids = dict(event.bids)
    ladder.asks = dict(event.asks)
    ladder.best_bid = max(ladder.bids, default=0)
    ladder.best_ask = min(ladder.asks, default=ONE)
    ladder.wire_bid = ladder.wire_ask = UNKNOWN_PRICE
    ladder.status = BookStatus.LIVE
    ladder.snapshot_ns = event.venue_time_ns
    ladder.snapshot_outcome = event.outcome
    tick = ladder.tick
    ladder.is_off_tick = bool(tick) and any(
        price % tick for side in (ladder.bids, ladder.asks) for price in side
    )


def set_tick(ladder: Ladder, tick: int) -> None:
    """Begin a new tick epoch."""
    ladder.tick = tick
    ladder.epoch += 1
    ladder.is_off_tick = any(price % tick for side in (ladder.bids, ladder.asks) for price in side)


def fault_of(ladder: Ladder) -> BookFault | None:
    """Judge a book at the end of a venue timestamp; a locked book is crossed."""
    if ladder.best_bid >= ladder.best_ask:
        return BookFault.CROSSED_BOOK
    if ladder.wire_bid not in (UNKNOWN_PRICE, ladder.best_bid):
        return BookFault.TOP_MISMATCH
    if ladder.wire_ask not in (UNKNOWN_PRICE, ladder.best_ask):
        return BookFault.TOP_MISMATCH
    return None


def depth_of(ladder: Ladder) -> Depth:
    """Sort a book into levels, best first."""
    bids: list[Level] = sorted(ladder.bids.items(), reverse=True)
    return Depth(bids=tuple(bids), asks=tuple(sorted(ladder.asks.items())))
