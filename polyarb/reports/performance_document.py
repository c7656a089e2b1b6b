"""The performance report as a document."""

from polyarb.domain.messages import Tier
from polyarb.domain.units import format_scaled
from polyarb.ledger.pnl import DAY_NS
from polyarb.reports.completeness_section import completeness_section
from polyarb.reports.daily_document import alarms
from polyarb.reports.document import Document, Section, Table, Tile
from polyarb.reports.money_sections import (
    bridge_section,
    columns,
    market_section,
    pnl_section,
    violation_sections,
)
from polyarb.reports.performance import PerformanceReport
from polyarb.reports.plots import fill_chart, latency_chart, pnl_chart
from polyarb.reports.returns import SHARPE_DAYS_MIN, Sharpe
from polyarb.reports.trading_sections import (
    opportunity_section,
    order_section,
    slippage_section,
    tier_section,
)
from polyarb.reports.watch_sections import latency_section
from polyarb.reports.wording import (
    NO_SAMPLE,
    count,
    duration,
    moment,
    percent,
    share_of,
    shares,
    some,
    usd,
)

MIXED_ALARM = "PHASES ARE MIXED: simulated and real money may stand in one sum"


def performance_document(report: PerformanceReport) -> Document:
    """Lay a performance report out."""
    mixed = (f"{MIXED_ALARM}: {', '.join(report.phases)}",) if len(report.phases) > 1 else ()
    window_ns = report.days_in_range * DAY_NS
    return Document(
        title=f"Performance {report.first_day} to {report.last_day}",
        alarms=(*alarms(report.is_whole, report.breaks, report.failures), *mixed),
        summary=(
            f"Verdict: {report.verdict.finding}",
            f"{', '.join(report.phases)} with {', '.join(report.profiles)}; "
            f"{duration(report.completeness.covered_ns)} of "
            f"{some(report.days_in_range, 'day')} covered",
        ),
        tiles=_tiles(report),
        sections=(
            completeness_section(report.completeness, window_ns, report.titles),
            _returns(report),
            bridge_section(report.bridge),
            tier_section(report.execution, (fill_chart(report.series),)),
            _capacity(report),
            slippage_section(report.slippage),
            order_section(report.execution, is_sent=report.phases != ("shadow",)),
            pnl_section(report.money, report.costs, (pnl_chart(report.series),), "the range"),
            *violation_sections(report.money),
            market_section(report.markets, report.titles),
            opportunity_section(report.opportunities, report.verdict),
            latency_section(report.latency, (latency_chart(report.series),)),
        ),
    )


def _tiles(report: PerformanceReport) -> tuple[Tile, ...]:
    fall, wins = report.drawdown, report.wins
    kind = "simulated" if report.phases == ("shadow",) else "cash that is final"
    settled = report.money.day.settled
    return (
        Tile(label="settled", value=usd(settled), note=kind, is_alarm=(settled or 0) < 0),
        Tile(label="deepest drawdown", value=usd(fall.deepest), note="of settled, from its peak"),
        Tile(label="Sharpe by day", value=_ratio(report.sharpe), note=_enough(report.sharpe)),
        Tile(
            label="won, of plans that traded",
            value=percent(wins.won, wins.traded),
            note=f"{count(wins.won)} of {count(wins.traded)}, by settled money",
        ),
        Tile(
            label="latency haircut",
            value=usd(None if report.execution.haircut is None else report.execution.haircut.cost),
            note="T0 less T2",
        ),
    )


def _returns(report: PerformanceReport) -> Section:
    fall, wins, sharpe = report.drawdown, report.wins, report.sharpe
    return Section(
        title="Returns by day",
        lines=(
            f"drawdown of settled money from its peak of {usd(fall.peak)}: deepest "
            f"{usd(fall.deepest)}{_at(fall.deepest_ns)}{_of_risk(report)}; now "
            f"{usd(fall.present)}",
            f"Sharpe by day, not annualised: {_ratio(sharpe)} over {some(sharpe.days, 'day')}; "
            f"{_enough(sharpe)}",
            f"plans that are over and traded: {count(wins.traded)}, won "
            f"{share_of(wins.won, wins.traded)}, lost {share_of(wins.lost, wins.traded)}, even "
            f"{count(wins.even)}; missed {count(wins.missed)}",
            f"days without any run: {count(report.days_in_range - len(report.days))} of "
            f"{count(report.days_in_range)}; they are in no figure",
        ),
        tables=(
            Table(
                headings=(
                    "day",
                    "covered",
                    "plans",
                    "expected",
                    "matched",
                    "settled",
                    "chain",
                    "settled so far",
                ),
                rows=tuple(
                    (
                        day.day,
                        duration(day.covered_ns),
                        count(day.plans),
                        *columns(day.columns),
                        usd(day.cumulative),
                    )
                    for day in report.days
                ),
                numbers=frozenset(range(2, 8)),
                empty=NO_SAMPLE,
            ),
        ),
    )


def _at(time_ns: int | None) -> str:
    return "" if time_ns is None else f" at {moment(time_ns)}"


def _of_risk(report: PerformanceReport) -> str:
    """Write the drawdown as a share of what may be at risk, where that is known."""
    deepest, most = report.drawdown.deepest, report.open_notional_max
    if deepest is None or not most:
        return ""
    return f" ({percent(deepest, most)} of the {usd(most)} that may be open)"


def _ratio(sharpe: Sharpe) -> str:
    return NO_SAMPLE if sharpe.ratio is None else format_scaled(sharpe.ratio, 1_000)


def _enough(sharpe: Sharpe) -> str:
    if sharpe.is_enough:
        return f"n = {sharpe.days} days"
    return f"too few days to say anything: n = {sharpe.days}, {SHARPE_DAYS_MIN} at least"


def _capacity(report: PerformanceReport) -> Section:
    """Tell how much of the planned quantity there was at each tier, and what latency took."""
    haircut = report.execution.haircut
    lines = [f"latency haircut T0 - T2: {NO_SAMPLE}"]
    if haircut is not None:
        lines = [
            f"over {some(haircut.plans, 'plan')} that both measured: T0 {usd(haircut.profit_t0)}, "
            f"T2 {usd(haircut.profit_t2)}, so latency took {usd(haircut.cost)}"
        ]
    return Section(
        title="Capacity, and T2 against T0",
        lines=tuple(lines),
        tables=(
            Table(
                headings=("tier", "sets there were", "sets planned", "share", "profit a set"),
                rows=tuple(
                    (
                        one.tier,
                        shares(one.quantity if one.measured else None),
                        shares(one.planned if one.measured else None),
                        percent(one.quantity, one.planned),
                        _each(one.profit, one.quantity),
                    )
                    for one in report.execution.tiers
                ),
                numbers=frozenset({1, 2, 3, 4}),
            ),
            Table(
                title="T2 by family",
                headings=("family", "plans", "filled wholly", "profit"),
                rows=tuple(
                    (
                        one.family,
                        count(one.result.measured),
                        share_of(one.result.complete, one.result.measured),
                        usd(one.result.profit),
                    )
                    for one in report.execution.family_tiers
                    if one.result.tier is Tier.T2
                ),
                numbers=frozenset({1, 2, 3}),
                empty=NO_SAMPLE,
            ),
        ),
    )


def _each(profit: int, quantity: int) -> str:
    """Write the profit of one set, rounded down to a micro."""
    return usd(profit * 1_000_000 // quantity) if quantity else NO_SAMPLE
