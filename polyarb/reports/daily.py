"""The daily report: one value, built from the journal; `--json` is exactly this value.

What lies beside the journal (alerts, drills, what runs were configured with) is told as such, and
as not known where it is not there.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from polyarb.domain.drills import DrillOutcome
from polyarb.domain.ids import ConditionId
from polyarb.ledger.pnl import day_of
from polyarb.reports.alert_log import Alerts, AlertSeen, read_alerts
from polyarb.reports.bridge import Bridge
from polyarb.reports.changes import (
    Changes,
    DayFigures,
    RunFacts,
    compare_digests,
    compare_figures,
    compare_markets,
    key_figures,
    previous_run,
)
from polyarb.reports.completeness import Completeness
from polyarb.reports.diagnosis import Evidence, diagnose
from polyarb.reports.drill_log import Drills, read_drills
from polyarb.reports.execution import Execution
from polyarb.reports.gates import GateProgress, progress
from polyarb.reports.incidents import Incidents
from polyarb.reports.latency import Latency
from polyarb.reports.markets import Costs, MarketPnl
from polyarb.reports.money import Money
from polyarb.reports.opportunities import Opportunities
from polyarb.reports.period import Period, fold_period
from polyarb.reports.records import ChainCheck, Record
from polyarb.reports.runs import Run
from polyarb.reports.series import Series
from polyarb.reports.slippage import Slippage
from polyarb.reports.survey import Survey, survey_records
from polyarb.reports.verdict import EdgeVerdict, judge
from polyarb.reports.window import Window, day_window

UNITS = (
    "money in micros of a USD; shares and sets in millionths of one; edges in picos of a USD a "
    "set; times in unix nanoseconds, durations in nanoseconds; slippage in basis points; null is "
    "not measured or no sample"
)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside the journal.

    alerts None: there is no alert log; alerts_damaged counts its lines that cannot be read; drills
    None: there is no record of drills; facts by run id; titles by condition id, where somebody
    knew.
    """

    alerts: Sequence[AlertSeen] | None = None
    alerts_damaged: int = 0
    drills: Sequence[DrillOutcome] | None = None
    facts: Mapping[str, RunFacts] = {}
    titles: Mapping[ConditionId, str] = {}


NOTHING_BESIDE = Beside()


class DailyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of one UTC day.

    failures are the first lines of every form of the report: holes of the journal and breaks, the
    figures that do not agree. titles names the markets of lost books and of PnL by condition id,
    where somebody knew.
    """

    day: str
    units: str
    is_whole: bool
    failures: tuple[str, ...]
    breaks: tuple[str, ...]
    phase: str
    profiles: tuple[str, ...]
    completeness: Completeness
    opportunities: Opportunities
    execution: Execution
    bridge: Bridge
    money: Money
    markets: tuple[MarketPnl, ...]
    costs: Costs
    slippage: Slippage
    latency: Latency
    incidents: Incidents
    alerts: Alerts
    drills: Drills
    changes: Changes
    diagnosis: tuple[str, ...]
    gates: tuple[GateProgress, ...]
    verdict: EdgeVerdict
    series: Series
    titles: dict[ConditionId, str]


def last_day(records: Iterable[Record]) -> str | None:
    """Name the day of the journal's last record; None for an empty journal."""
    time_ns = None
    for record in records:
        time_ns = record.time_ns
    return None if time_ns is None else day_of(time_ns)


def build_daily(
    records: Iterable[Record],
    day: str,
    *,
    chain: ChainCheck,
    survey: Survey | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> DailyReport | None:
    """Build the report of a UTC day; None when no run touched that day.

    Shape: records is the whole journal, since plans and books outlive a day; without a survey of
    them they are read twice.
    Errors: ValueError if the day is not an ISO date.
    """
    window = day_window(day)
    looked = survey_records(records) if survey is None else survey
    before = previous_run(looked.runs, window.start_ns)
    earlier = None if before is None else _last_window(before, window)
    period, figures = fold_period(records, looked, chain, window, earlier)
    if period is None:
        return None
    changes = Changes(previous_day=None)
    if before is not None and earlier is not None and figures is not None:
        changes = _changes(period, before, beside.facts)
        changes = replace(
            changes,
            previous_day=earlier.first_day,
            is_yesterday=earlier.end_ns == window.start_ns,
            key_figures=key_figures(figures, _figures(period)),
        )
    return _report(period, changes, looked, beside)


def _last_window(run: Run, window: Window) -> Window:
    """Frame the last day before a day on which a run was."""
    return day_window(day_of(min(run.ended_ns, window.start_ns - 1)))


def _report(period: Period, changes: Changes, survey: Survey, beside: Beside) -> DailyReport:
    last = period.runs[-1]
    verdict = judge(period.opportunities, period.execution)
    evidence = Evidence(
        completeness=period.completeness,
        execution=period.execution,
        money=period.money,
        latency=period.latency,
        incidents=period.incidents,
        slippage=period.slippage,
        alerts=read_alerts(beside.alerts, period.window, damaged=beside.alerts_damaged),
        drills=read_drills(beside.drills, period.window, last.code_digest, survey.last_ns or 0),
        verdict=verdict,
        breaks=period.breaks,
    )
    holes = tuple(hole.text for hole in period.completeness.holes)
    return DailyReport(
        day=period.window.first_day,
        units=UNITS,
        is_whole=period.completeness.is_whole,
        failures=(*holes, *period.breaks),
        breaks=period.breaks,
        phase=last.phase,
        profiles=tuple(dict.fromkeys(run.profile for run in period.runs)),
        completeness=period.completeness,
        opportunities=period.opportunities,
        execution=period.execution,
        bridge=period.bridge,
        money=period.money,
        markets=period.markets,
        costs=period.costs,
        slippage=period.slippage,
        latency=period.latency,
        incidents=period.incidents,
        alerts=evidence.alerts,
        drills=evidence.drills,
        changes=changes,
        diagnosis=diagnose(evidence),
        gates=progress(last.phase, survey.runs, evidence),
        verdict=verdict,
        series=period.series,
        titles=known_titles(period, beside.titles),
    )


def known_titles(period: Period, titles: Mapping[ConditionId, str]) -> dict[ConditionId, str]:
    """Keep the titles of the markets that a report names."""
    named = [book.condition_id for book in period.completeness.books]
    named += [condition_id for row in period.markets for condition_id in row.condition_ids]
    return {one: titles[one] for one in dict.fromkeys(named) if one in titles}


def _changes(period: Period, before: Run, facts: Mapping[str, RunFacts]) -> Changes:
    """Hold the day's last counted run against the one before."""
    counted = [run for run in period.runs if run.is_counted]
    after = counted[-1] if counted else period.runs[-1]
    digests = compare_digests(before, after)
    known_before, known_after = facts.get(before.run_id), facts.get(after.run_id)
    if known_before is None or known_after is None:
        return Changes(previous_day=None, digests=digests)
    added, removed = compare_markets(known_before, known_after)
    return Changes(
        previous_day=None,
        is_compared=True,
        digests=digests,
        figures=compare_figures(known_before, known_after),
        markets_added=added,
        markets_removed=removed,
    )


def _figures(period: Period) -> DayFigures:
    return DayFigures(
        opportunities=period.opportunities,
        execution=period.execution,
        columns=period.money.day,
        latency=period.latency,
    )
