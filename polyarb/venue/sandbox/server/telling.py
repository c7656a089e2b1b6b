"""What a venue whose clock is wrong tells: books and announcements with shifted times.

Shifted are `/time`, the window in which a login or a signed request counts, and the times of books
and of the frames of both channels. Blocks, holds, expiries and rate limits keep the true time, and
so do the times inside records: when an order was created or a trade matched, Gamma's dates.
"""

from collections.abc import Callable, Sequence

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.server.state import Listener
from polyarb.venue.sandbox.terms.announcements import Announcement
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket
from polyarb.venue.sandbox.terms.orders import BookLevels

Skew = Callable[[], int]
"""Tells how far the venue's clock is ahead of the true time. Units: nanoseconds."""


class ToldExchange:
    """An exchange as its channel reads it: books change at the time of the venue's clock."""

    def __init__(self, exchange: Exchange, skew_ns: Skew) -> None:
        self._exchange = exchange
        self._skew_ns = skew_ns

    def book(self, token_id: TokenId) -> BookLevels | None:
        """Return a token's book with the time that is told of it."""
        return told_book(self._exchange.book(token_id), self._skew_ns())

    def market(self, condition_id: ConditionId) -> ListedMarket | None:
        """Return a market."""
        return self._exchange.market(condition_id)

    def condition_of(self, token_id: TokenId) -> ConditionId | None:
        """Return the market of a token."""
        return self._exchange.condition_of(token_id)

    def events(self) -> Sequence[ListedEvent]:
        """List the events."""
        return self._exchange.events()


def told_book(levels: BookLevels | None, skew_ns: int) -> BookLevels | None:
    """Return a book as it is told."""
    if levels is None or not skew_ns:
        return levels
    return msgspec.structs.replace(levels, changed_ns=levels.changed_ns + skew_ns)


def telling(listener: Listener, skew_ns: Skew) -> Listener:
    """Hand announcements on with the time that is told of them."""

    def listen(announcements: Sequence[Announcement]) -> None:
        ahead_ns = skew_ns()
        if ahead_ns:
            announcements = [
                msgspec.structs.replace(one, at_ns=one.at_ns + ahead_ns) for one in announcements
            ]
        listener(announcements)

    return listen
