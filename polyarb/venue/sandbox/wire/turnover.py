"""What was traded in each market, in hours that are forgotten after a day. No clock, no I/O.

Every match counts once, as collateral that changed hands; one that failed counts as well, because
a listing of what was matched does not take it back.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.order import TradeStatus
from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.terms.announcements import Announcement, TradeChanged

HOUR_NS = 3_600 * 1_000_000_000
DAY_HOURS = 24


class _Hour(msgspec.Struct):
    """What one hour turned over. Units: number counts hours of unix time, micros of a USD."""

    number: int
    turnover: int = 0


class Turnover:
    """The turnover of every market since the listing began, and of its last day."""

    def __init__(self) -> None:
        self._total: defaultdict[ConditionId, int] = defaultdict(int)
        self._hours: defaultdict[ConditionId, deque[_Hour]] = defaultdict(deque)

    def listen(self, announcements: Sequence[Announcement]) -> None:
        """Count the matches among what was announced."""
        for told in announcements:
            if isinstance(told, TradeChanged) and told.trade.status is TradeStatus.MATCHED:
                taker = told.trade.match.taker
                worth = taker.shares * taker.price // MICRO
                self._count(told.trade.match.condition_id, told.trade.match.matched_ns, worth)

    def total(self, condition_id: ConditionId) -> int:
        """Return the whole turnover of a market. Units: micros of a USD."""
        return self._total.get(condition_id, 0)

    def of_a_day(self, condition_id: ConditionId, now_ns: int) -> int:
        """Return the turnover of a market's last 24 hours, in whole hours. Units: micros."""
        hours = self._hours.get(condition_id)
        if hours is None:
            return 0
        self._forget(hours, now_ns // HOUR_NS)
        return sum(hour.turnover for hour in hours)

    def _count(self, condition_id: ConditionId, at_ns: int, worth: int) -> None:
        self._total[condition_id] += worth
        hours, number = self._hours[condition_id], at_ns // HOUR_NS
        if not hours or hours[-1].number != number:
            hours.append(_Hour(number=number))
        hours[-1].turnover += worth
        self._forget(hours, number)

    @staticmethod
    def _forget(hours: deque[_Hour], number: int) -> None:
        while hours and hours[0].number <= number - DAY_HOURS:
            hours.popleft()
