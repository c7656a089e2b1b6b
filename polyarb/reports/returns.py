"""Returns by day, drawdown, Sharpe and wins: all of settled money, never of expected profit."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import isqrt

import msgspec

from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import PlanKey
from polyarb.ledger.pnl import DAY_NS, PnlColumns, by_day, columns_of, day_of
from polyarb.ledger.transactions import Transaction
from polyarb.reports.runs import Run
from polyarb.reports.window import Window

SHARPE_DAYS_MIN = 30
"""With fewer days a ratio is shown and says nothing. Source: arbitrage.md 7.6."""


class DayReturn(msgspec.Struct, frozen=True, kw_only=True):
    """One UTC day of the range on which a counted run was.

    Units: covered in nanoseconds; columns and cumulative (settled so far) in micros of a USD.
    """

    day: str
    covered_ns: int
    plans: int
    columns: PnlColumns
    cumulative: int


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """The deepest fall of settled money from its peak, booking by booking, and where it stands.

    The peak begins at zero. Units: micros of a USD, unix nanoseconds; None is no booking.
    """

    peak: int | None
    deepest: int | None
    deepest_ns: int | None
    present: int | None


class Sharpe(msgspec.Struct, frozen=True, kw_only=True):
    """Mean over standard deviation (n - 1) of settled PnL by covered day, not annualised.

    is_enough False: fewer days than SHARPE_DAYS_MIN, so the ratio proves nothing.
    Units: thousandths; None where it is not defined: fewer than two days, or all days alike.
    """

    days: int
    ratio: int | None
    is_enough: bool


class Wins(msgspec.Struct, frozen=True, kw_only=True):
    """Plans that are over by the end, by their settled money; missed ones traded nothing.

    The win rate is won of traded: of plans that had a match, never of opportunities.
    """

    traded: int
    won: int
    lost: int
    even: int
    missed: int


class DrawdownFold:
    """Follows settled money from booking to booking."""

    def __init__(self) -> None:
        self._now = self._peak = self._deepest = 0
        self._deepest_ns: int | None = None
        self._is_booked = False

    def apply(self, transactions: Iterable[Transaction]) -> None:
        """Take the transactions of one message together."""
        earned = [(one.time_ns, columns_of(one)) for one in transactions]
        settled = [(t, c.settled) for t, c in earned if c is not None and c.settled is not None]
        if not settled:
            return
        self._is_booked = True
        self._now += sum(amount for _, amount in settled)
        self._peak = max(self._peak, self._now)
        if self._peak - self._now > self._deepest:
            self._deepest = self._peak - self._now
            self._deepest_ns = settled[-1][0]

    def drawdown(self) -> Drawdown:
        """Conclude."""
        if not self._is_booked:
            return Drawdown(peak=None, deepest=None, deepest_ns=None, present=None)
        return Drawdown(
            peak=self._peak,
            deepest=self._deepest,
            deepest_ns=self._deepest_ns,
            present=self._peak - self._now,
        )


def list_days(ledger: Ledger, runs: Sequence[Run], window: Window) -> tuple[DayReturn, ...]:
    """List the days that counted runs cover or on which something was booked, oldest first."""
    booked = {one.day: one for one in by_day(ledger.pnl) if window.has_day(one.day)}
    covered = _covered(runs, window)
    days, cumulative = [], 0
    for day in sorted({*booked, *covered}):
        one = booked.get(day)
        columns = PnlColumns() if one is None else one.columns
        cumulative += columns.settled or 0
        days.append(
            DayReturn(
                day=day,
                covered_ns=covered.get(day, 0),
                plans=0 if one is None else one.plans,
                columns=columns,
                cumulative=cumulative,
            )
        )
    return tuple(days)


def _covered(runs: Sequence[Run], window: Window) -> dict[str, int]:
    """Measure what runs cover of each day they touch, overlaps once."""
    covered: dict[str, int] = {}
    reached_ns = window.start_ns
    for run in sorted((one for one in runs if one.is_counted), key=lambda one: one.started_ns):
        for number in window.day_numbers:
            start_ns, end_ns = number * DAY_NS, (number + 1) * DAY_NS
            if run.started_ns < end_ns and run.ended_ns >= start_ns:
                since_ns = max(start_ns, run.started_ns, reached_ns)
                day = day_of(start_ns)
                covered[day] = covered.get(day, 0) + max(0, min(end_ns, run.ended_ns) - since_ns)
        reached_ns = max(reached_ns, run.ended_ns)
    return covered


def sharpe_of(days: Sequence[DayReturn]) -> Sharpe:
    """Compute the ratio exactly and round it towards zero; a covered day without money earned 0."""
    earned = [day.columns.settled or 0 for day in days if day.covered_ns]
    return Sharpe(days=len(earned), ratio=_ratio(earned), is_enough=len(earned) >= SHARPE_DAYS_MIN)


def _ratio(earned: Sequence[int]) -> int | None:
    if len(earned) < 2:
        return None
    mean = Fraction(sum(earned), len(earned))
    variance = sum(((value - mean) ** 2 for value in earned), Fraction(0)) / (len(earned) - 1)
    if not variance:
        return None
    squared = mean * mean / variance * 1_000_000
    size = isqrt(squared.numerator // squared.denominator)
    return -size if mean < 0 else size


def count_wins(ledger: Ledger, window: Window) -> Wins:
    """Count the plans with a figure in the time that are over by its end."""
    earned: dict[PlanKey, int] = {}
    for key, columns in ledger.pnl.items():
        if window.has_day(key.day):
            earned[key.plan] = earned.get(key.plan, 0) + (columns.settled or 0)
    over = {key: value for key, value in earned.items() if ledger.plans[key].is_over}
    traded = {key: value for key, value in over.items() if _is_traded(ledger, key)}
    return Wins(
        traded=len(traded),
        won=sum(value > 0 for value in traded.values()),
        lost=sum(value < 0 for value in traded.values()),
        even=sum(value == 0 for value in traded.values()),
        missed=len(over) - len(traded),
    )


def _is_traded(ledger: Ledger, key: PlanKey) -> bool:
    return any(order.matches for order in ledger.plans[key].orders.values())
