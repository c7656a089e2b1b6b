"""The state of a book and an immutable view of its depth."""

from enum import StrEnum

import msgspec

from polyarb.domain.plan import Level


class BookStatus(StrEnum):
    """Whether a book may be decided on; only LIVE may."""

    EMPTY = "EMPTY"
    LIVE = "LIVE"
    STALE = "STALE"
    GAPPED = "GAPPED"
    CROSSED = "CROSSED"


class BookFault(StrEnum):
    """What made a book invalid, so that it must be taken anew."""

    CROSSED_BOOK = "CROSSED_BOOK"
    TOP_MISMATCH = "TOP_MISMATCH"
    MIRROR_BROKEN = "MIRROR_BROKEN"
    FEED_LOST = "FEED_LOST"
    CONTENT_STALE = "CONTENT_STALE"


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """The levels of one market in YES terms, best first.

    Units: prices in micros of a USD, sizes in micro-shares.
    """

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
