"""The stretch of whole UTC days that a report is about."""

import msgspec

from polyarb.ledger.pnl import DAY_NS, day_of, day_start_ns


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of time a report is about, in unix nanoseconds; the end is outside."""

    start_ns: int
    end_ns: int

    def has(self, time_ns: int) -> bool:
        """Tell whether a moment lies inside."""
        return self.start_ns <= time_ns < self.end_ns

    def overlap_ns(self, start_ns: int, end_ns: int) -> int:
        """Measure how much of another stretch lies inside."""
        return max(0, min(end_ns, self.end_ns) - max(start_ns, self.start_ns))

    @property
    def first_day(self) -> str:
        """Name the first UTC day."""
        return day_of(self.start_ns)

    @property
    def last_day(self) -> str:
        """Name the last UTC day."""
        return day_of(self.end_ns - 1)

    @property
    def day_numbers(self) -> range:
        """Count the days from 1970."""
        return range(self.start_ns // DAY_NS, self.end_ns // DAY_NS)

    def has_day(self, day: str) -> bool:
        """Tell whether a UTC day, as an ISO date, lies inside."""
        return self.first_day <= day <= self.last_day


def day_window(day: str) -> Window:
    """Frame a UTC day. Errors: ValueError if it is not an ISO date."""
    return range_window(day, day)


def range_window(first: str, last: str) -> Window:
    """Frame whole UTC days, both inside.

    Errors: ValueError if one is not an ISO date or the last lies before the first.
    """
    start_ns, end_ns = day_start_ns(first), day_start_ns(last) + DAY_NS
    if end_ns <= start_ns:
        raise ValueError(f"expected a last day not before {first}, found {last}")
    return Window(start_ns=start_ns, end_ns=end_ns)
