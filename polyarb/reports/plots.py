"""The three charts of a report: PnL by column, latency, and fill rate by tier, over the time."""

from polyarb.domain.messages import Tier
from polyarb.domain.units import MICRO
from polyarb.reports.document import Chart, Line
from polyarb.reports.series import Series, column_points

COLUMNS = ("expected", "matched", "settled", "chain")


def pnl_chart(series: Series) -> Chart:
    """Draw the cumulative PnL of each column."""
    lines = []
    for name in COLUMNS:
        points = column_points(series.pnl, name)
        start = ((series.start_ns, 0),) if points else ()
        lines.append(Line(name=name, points=(*start, *points)))
    return Chart(
        title="Cumulative PnL by column",
        unit="USD",
        scale=MICRO,
        start_ns=series.start_ns,
        end_ns=series.end_ns,
        lines=tuple(lines),
        is_stepped=True,
    )


def latency_chart(series: Series) -> Chart:
    """Draw the percentiles of each step."""
    return Chart(
        title="Latency percentiles, receipt to decision",
        unit="ms",
        scale=MICRO,
        start_ns=series.start_ns,
        end_ns=series.end_ns,
        lines=tuple(
            Line(
                name=name,
                points=tuple((point.time_ns, getattr(point, name)) for point in series.latency),
            )
            for name in ("p50", "p95", "p99")
        ),
    )


def fill_chart(series: Series) -> Chart:
    """Draw the share of plans that each tier filled wholly so far."""
    return Chart(
        title="Plans filled wholly so far, by tier",
        unit="% of plans tried",
        scale=10,
        start_ns=series.start_ns,
        end_ns=series.end_ns,
        lines=tuple(
            Line(
                name=tier,
                points=tuple(
                    (point.time_ns, point.complete * 1_000 // point.measured)
                    for point in series.fills
                    if point.tier is tier
                ),
            )
            for tier in Tier
        ),
    )
