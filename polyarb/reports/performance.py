"""The performance report: what a range of UTC days came to; `--json` is exactly this value."""

from collections.abc import Iterable

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.reports.bridge import Bridge
from polyarb.reports.completeness import Completeness
from polyarb.reports.daily import NOTHING_BESIDE, UNITS, Beside, known_titles
from polyarb.reports.execution import Execution
from polyarb.reports.latency import Latency
from polyarb.reports.markets import Costs, MarketPnl
from polyarb.reports.money import Money
from polyarb.reports.opportunities import Opportunities
from polyarb.reports.period import Period, fold_period
from polyarb.reports.records import ChainCheck, Record
from polyarb.reports.returns import (
    DayReturn,
    Drawdown,
    Sharpe,
    Wins,
    count_wins,
    list_days,
    sharpe_of,
)
from polyarb.reports.series import Series
from polyarb.reports.slippage import Slippage
from polyarb.reports.survey import Survey, survey_records
from polyarb.reports.verdict import EdgeVerdict, judge
from polyarb.reports.window import Window


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a range of days came to.

    phases in the order in which they ran; with more than one of them, simulated and real money
    may be in one sum, which every form says first. Units: open_notional_max is what the last
    run's profile allowed to be at risk, in micros of a USD; None: not known.
    """

    first_day: str
    last_day: str
    units: str
    is_whole: bool
    failures: tuple[str, ...]
    breaks: tuple[str, ...]
    phases: tuple[str, ...]
    profiles: tuple[str, ...]
    completeness: Completeness
    days: tuple[DayReturn, ...]
    days_in_range: int
    drawdown: Drawdown
    sharpe: Sharpe
    wins: Wins
    open_notional_max: int | None
    opportunities: Opportunities
    execution: Execution
    bridge: Bridge
    money: Money
    markets: tuple[MarketPnl, ...]
    costs: Costs
    slippage: Slippage
    latency: Latency
    verdict: EdgeVerdict
    series: Series
    titles: dict[ConditionId, str]


def build_performance(
    records: Iterable[Record],
    window: Window,
    *,
    chain: ChainCheck,
    survey: Survey | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> PerformanceReport | None:
    """Build the report of whole days; None when no run touched them.

    Shape: records is the whole journal; without a survey of them they are read twice.
    """
    looked = survey_records(records) if survey is None else survey
    period, _ = fold_period(records, looked, chain, window)
    return None if period is None else _report(period, looked, beside)


def _report(period: Period, survey: Survey, beside: Beside) -> PerformanceReport:
    window = period.window
    counted = [run for run in period.runs if run.is_counted] or list(period.runs)
    facts = beside.facts.get(counted[-1].run_id)
    envelope = None if facts is None else facts.envelope
    days = list_days(period.ledger, survey.runs, window)
    holes = tuple(hole.text for hole in period.completeness.holes)
    return PerformanceReport(
        first_day=window.first_day,
        last_day=window.last_day,
        units=UNITS,
        is_whole=period.completeness.is_whole,
        failures=(*holes, *period.breaks),
        breaks=period.breaks,
        phases=tuple(dict.fromkeys(run.phase for run in counted)),
        profiles=tuple(dict.fromkeys(run.profile for run in counted)),
        completeness=period.completeness,
        days=days,
        days_in_range=len(window.day_numbers),
        drawdown=period.drawdown,
        sharpe=sharpe_of(days),
        wins=count_wins(period.ledger, window),
        open_notional_max=None if envelope is None else envelope.open_notional_max,
        opportunities=period.opportunities,
        execution=period.execution,
        bridge=period.bridge,
        money=period.money,
        markets=period.markets,
        costs=period.costs,
        slippage=period.slippage,
        latency=period.latency,
        verdict=judge(period.opportunities, period.execution),
        series=period.series,
        titles=known_titles(period, beside.titles),
    )
