"""The best prices of all markets as they change, and whom to wake when they do."""

from collections.abc import Callable, Sequence

from polyarb.domain.fees import FeeSchedule, net_ask, net_bid
from polyarb.domain.ids import ConditionId
from polyarb.domain.units import ONE
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.terms.announcements import Announcement, LevelChanged, Printed
from polyarb.venue.sandbox.terms.instruments import ListedMarket

NO_BID = 0
NO_ASK = ONE


class Top:
    """The best prices of one market in YES terms, gross in micros and net of the fee in picos."""

    __slots__ = ("ask", "bid", "net_ask", "net_bid")

    def __init__(self, bid: int, ask: int, fee: FeeSchedule) -> None:
        self.bid = bid
        self.ask = ask
        self.net_bid = net_bid(bid, fee)
        self.net_ask = net_ask(ask, fee)


class Tops:
    """Follows the announcements; tells the watchers of a market when its top has moved."""

    def __init__(self, markets: Sequence[ListedMarket], exchange: Exchange) -> None:
        self._exchange = exchange
        self._markets = {market.condition_id: market for market in markets}
        self._tops = {market.condition_id: Top(NO_BID, NO_ASK, market.fee) for market in markets}
        self._watchers: dict[ConditionId, list[Callable[[], None]]] = {}

    def top(self, condition_id: ConditionId) -> Top:
        """Return the best prices of a market."""
        return self._tops[condition_id]

    def watch(self, condition_ids: Sequence[ConditionId], watcher: Callable[[], None]) -> None:
        """Wake somebody whenever the top of one of these markets has moved."""
        for condition_id in condition_ids:
            self._watchers.setdefault(condition_id, []).append(watcher)

    def hear(self, announcements: Sequence[Announcement]) -> None:
        """Take what was announced; a trade tells no top, so the book is looked at once."""
        seen: dict[ConditionId, tuple[int, int] | None] = {}
        for announcement in announcements:
            if isinstance(announcement, LevelChanged):
                seen[announcement.condition_id] = (announcement.best_bid, announcement.best_ask)
            elif isinstance(announcement, Printed):
                seen[announcement.condition_id] = None
        woken: dict[Callable[[], None], None] = {}
        for condition_id, told in seen.items():
            bid, ask = told or self._look(condition_id)
            before = self._tops[condition_id]
            if (bid, ask) != (before.bid, before.ask):
                self._tops[condition_id] = Top(bid, ask, self._markets[condition_id].fee)
                woken.update(dict.fromkeys(self._watchers.get(condition_id, ())))
        for watcher in woken:
            watcher()

    def _look(self, condition_id: ConditionId) -> tuple[int, int]:
        levels = self._exchange.book(self._markets[condition_id].yes)
        bids, asks = (levels.bids, levels.asks) if levels else ((), ())
        return bids[-1][0] if bids else NO_BID, asks[-1][0] if asks else NO_ASK
