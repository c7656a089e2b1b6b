"""What simulated orders took from the live book, which still displays it.

A taker can have what a level displays less what it had of it. What it had is never more than
what is displayed: shares that left were its own at last, shares that came are new. So nobody ever
gets more of a level than it began with and what was added since.
Source: own impact, arbitrage reference 6.3; the conservative reading of its release rule.
"""

from enum import StrEnum
from typing import assert_never

from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import (
    BookReplaced,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketEvent,
    MarketResolved,
    TickChanged,
    TradePrinted,
)
from polyarb.domain.surroundings import InstrumentsChanged, VenueModeChanged


class Taker(StrEnum):
    """Who took: the executed orders or one tier of the evidence; they never see each other."""

    ORDERS = "ORDERS"
    T0 = "T0"
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"


LevelKey = tuple[bool, int, Taker]
"""Whether it is a bid, the price in YES terms, who took."""


class Consumption:
    """The micro-shares that were taken from every level, by market."""

    def __init__(self) -> None:
        self._markets: dict[ConditionId, dict[LevelKey, int]] = {}
        self._venue_times_ns: dict[ConditionId, int] = {}

    def has(self, condition_id: ConditionId) -> bool:
        """Tell whether anything of a market is remembered."""
        return condition_id in self._markets

    def free(self, condition_id: ConditionId, key: LevelKey, displayed: int) -> int:
        """Return how much of a level its taker can still have, given what it displays now."""
        self._cap(condition_id, key, displayed)
        return displayed - self._markets.get(condition_id, {}).get(key, 0)

    def take(self, condition_id: ConditionId, key: LevelKey, size: int) -> None:
        """Remember that a taker had some of a level."""
        levels = self._markets.setdefault(condition_id, {})
        levels[key] = levels.get(key, 0) + size

    def observe(self, event: MarketEvent) -> None:
        """Follow what the levels display; a snapshot older than what was seen says nothing."""
        match event:
            case LevelChanged():
                change = (event.is_bid, event.price, event.size)
                self._change(event.condition_id, (change,), event.venue_time_ns)
            case LevelsChanged():
                self._change(event.condition_id, event.changes, event.venue_time_ns)
            case BookReplaced():
                self._replace(event)
            case MarketResolved():
                self._forget(event.condition_id)
            case FeedLost():
                for condition_id in event.condition_ids or tuple(self._venue_times_ns):
                    self._venue_times_ns.pop(condition_id, None)
            case TradePrinted() | TickChanged() | VenueModeChanged() | InstrumentsChanged():
                pass
            case _:
                assert_never(event)

    def _change(
        self,
        condition_id: ConditionId,
        changes: tuple[tuple[bool, int, int], ...],
        venue_time_ns: int,
    ) -> None:
        if condition_id not in self._markets:
            return
        self._venue_times_ns[condition_id] = venue_time_ns
        shown = {(is_bid, price): displayed for is_bid, price, displayed in changes}
        for (is_bid, price), displayed in shown.items():
            for taker in Taker:
                self._cap(condition_id, (is_bid, price, taker), displayed)

    def _replace(self, event: BookReplaced) -> None:
        condition_id = event.condition_id
        if condition_id not in self._markets:
            return
        if event.venue_time_ns < self._venue_times_ns.get(condition_id, 0):
            return
        self._venue_times_ns[condition_id] = event.venue_time_ns
        bids, asks = dict(event.bids), dict(event.asks)
        for key in list(self._markets[condition_id]):
            is_bid, price, _ = key
            self._cap(condition_id, key, (bids if is_bid else asks).get(price, 0))

    def _cap(self, condition_id: ConditionId, key: LevelKey, displayed: int) -> None:
        levels = self._markets.get(condition_id, {})
        if key not in levels or levels[key] <= displayed:
            return
        levels[key] = displayed
        if not displayed:
            del levels[key]
        if not levels:
            self._forget(condition_id)

    def _forget(self, condition_id: ConditionId) -> None:
        self._markets.pop(condition_id, None)
        self._venue_times_ns.pop(condition_id, None)
