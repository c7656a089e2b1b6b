"""How figures went over a stretch of time: what the plots of a report are drawn from."""

from collections.abc import Iterable, Sequence

import msgspec

from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import JournalMessage, Tier, TierMeasured
from polyarb.ledger.pnl import DAY_NS, PnlColumns, columns_of
from polyarb.ledger.transactions import Transaction
from polyarb.reports.window import Window

POINTS_MAX = 96
"""A day has one point a quarter of an hour; a range has as many, or one a day."""


class PnlPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The columns since the time began, at the end of one step of it. Units: unix nanoseconds."""

    time_ns: int
    columns: PnlColumns


class LatencyPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The worst percentiles that were noted within one step. Units: nanoseconds."""

    time_ns: int
    p50: int
    p95: int
    p99: int


class FillPoint(msgspec.Struct, frozen=True, kw_only=True):
    """How many plans one tier tried and filled wholly, since the time began."""

    time_ns: int
    tier: Tier
    measured: int
    complete: int


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points in order of time; a step in which nothing happened has none."""

    start_ns: int
    end_ns: int
    step_ns: int
    pnl: tuple[PnlPoint, ...]
    latency: tuple[LatencyPoint, ...]
    fills: tuple[FillPoint, ...]


class SeriesFold:
    """Folds the messages and transactions of a stretch of time into its points."""

    def __init__(self, window: Window) -> None:
        length = window.end_ns - window.start_ns
        self._window = window
        self._step_ns = max(DAY_NS // POINTS_MAX, -(-length // POINTS_MAX))
        if length > DAY_NS:
            self._step_ns = max(DAY_NS, -(-self._step_ns // DAY_NS) * DAY_NS)
        self._pnl: dict[int, PnlColumns] = {}
        self._latency: dict[int, tuple[int, int, int]] = {}
        self._fills: dict[tuple[int, Tier], list[int]] = {}

    def apply(self, message: JournalMessage) -> None:
        """Take one message inside the time."""
        step = self._step_of(message.receive_time_ns)
        match message:
            case TierMeasured():
                counts = self._fills.setdefault((step, message.tier), [0, 0])
                counts[0] += 1
                counts[1] += message.is_complete
            case FeedMeasured(latency_ns_p50=int() as p50, latency_ns_p95=int() as p95):
                p99 = message.latency_ns_p99 or p95
                old = self._latency.get(step, (0, 0, 0))
                self._latency[step] = (max(old[0], p50), max(old[1], p95), max(old[2], p99))
            case _:
                pass

    def earn(self, transactions: Iterable[Transaction]) -> None:
        """Take the transactions of one message inside the time."""
        for transaction in transactions:
            columns = columns_of(transaction)
            if columns is not None:
                step = self._step_of(transaction.time_ns)
                self._pnl[step] = self._pnl.get(step, PnlColumns()).plus(columns)

    def series(self) -> Series:
        """Conclude."""
        return Series(
            start_ns=self._window.start_ns,
            end_ns=self._window.end_ns,
            step_ns=self._step_ns,
            pnl=tuple(self._pnl_points()),
            latency=tuple(
                LatencyPoint(time_ns=self._end_of(step), p50=p50, p95=p95, p99=p99)
                for step, (p50, p95, p99) in sorted(self._latency.items())
            ),
            fills=tuple(self._fill_points()),
        )

    def _pnl_points(self) -> list[PnlPoint]:
        points, sofar = [], PnlColumns()
        for step, columns in sorted(self._pnl.items()):
            sofar = sofar.plus(columns)
            points.append(PnlPoint(time_ns=self._end_of(step), columns=sofar))
        return points

    def _fill_points(self) -> list[FillPoint]:
        points = []
        sofar: dict[Tier, list[int]] = {}
        for (step, tier), counts in sorted(self._fills.items()):
            total = sofar.setdefault(tier, [0, 0])
            total[0] += counts[0]
            total[1] += counts[1]
            end_ns = self._end_of(step)
            points.append(
                FillPoint(time_ns=end_ns, tier=tier, measured=total[0], complete=total[1])
            )
        return points

    def _step_of(self, time_ns: int) -> int:
        return (time_ns - self._window.start_ns) // self._step_ns

    def _end_of(self, step: int) -> int:
        return min(self._window.end_ns, self._window.start_ns + (step + 1) * self._step_ns)


def column_points(points: Sequence[PnlPoint], column: str) -> list[tuple[int, int]]:
    """Take one column's points: (time, micros); steps before its first figure have none."""
    named = [(point.time_ns, getattr(point.columns, column)) for point in points]
    return [(time_ns, value) for time_ns, value in named if value is not None]
