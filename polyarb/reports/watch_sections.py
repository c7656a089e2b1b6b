"""Latency, incidents, alerts, drills, changes, diagnosis and gates as sections."""

from collections.abc import Mapping

from polyarb.domain.ids import ConditionId
from polyarb.reports.alert_log import Alerts, AlertSeen, Response
from polyarb.reports.changes import Change, Changes, KeyFigure
from polyarb.reports.diagnosis import NO_ANOMALY
from polyarb.reports.document import Chart, Section, Table
from polyarb.reports.drill_log import Drills, DrillSeen
from polyarb.reports.gates import NOT_JUDGED, GateProgress
from polyarb.reports.incidents import Incidents
from polyarb.reports.latency import WHOLE, Latency
from polyarb.reports.wording import (
    NO_SAMPLE,
    NOT_MEASURED,
    count,
    duration,
    listing,
    milliseconds,
    moment,
    short,
    some,
    usd,
)

INCIDENTS_SHOWN = 50
ALERTS_SHOWN = 50
MARKETS_NAMED = 5
NO_ENGINE = "no alert engine ran: nothing is known, which is not the same as no alert"


def latency_section(latency: Latency, charts: tuple[Chart, ...]) -> Section:
    """Tell the percentiles of every stage and name the slowest."""
    of_runs = "" if latency.runs == 1 else f", the worst of {latency.runs} runs"
    slowest = latency.bottleneck or NOT_MEASURED
    whole = (
        f"receipt to decision: {NOT_MEASURED}"
        if latency.p95 is None
        else f"receipt to decision{of_runs}: p50 {milliseconds(latency.p50)}, "
        f"p95 {milliseconds(latency.p95)}, p99 {milliseconds(latency.p99)}"
    )
    return Section(
        title="Latency",
        lines=(whole, f"bottleneck, the stage with the longest p99: {slowest}"),
        charts=charts,
        tables=(
            Table(
                headings=("stage", "n", "p50", "p95", "p99"),
                rows=tuple(
                    (
                        "all, live only" if one.stage == WHOLE else one.stage,
                        count(one.n) if one.n else "0",
                        milliseconds(one.p50),
                        milliseconds(one.p95),
                        milliseconds(one.p99),
                    )
                    for one in latency.stages
                ),
                numbers=frozenset({1, 2, 3, 4}),
            ),
        ),
    )


def incident_section(incidents: Incidents) -> Section:
    """Tell what went wrong, oldest first."""
    shown = incidents.listed[:INCIDENTS_SHOWN]
    rest = f", the first {len(shown)} of {len(incidents.listed)}"
    return Section(
        title="Incidents",
        lines=(f"books invalidated by fault: {listing(incidents.books_by_fault)}",),
        tables=(
            Table(
                title=f"Incidents{rest}" if len(incidents.listed) > len(shown) else "",
                headings=("time", "severity", "kind", "what"),
                rows=tuple(
                    (moment(one.time_ns), one.severity, one.kind, one.text) for one in shown
                ),
                empty="no incident",
            ),
        ),
        is_alarm=bool(incidents.critical),
    )


def alert_section(alerts: Alerts) -> Section:
    """Tell which alerts fired and how soon somebody answered."""
    if not alerts.is_recorded:
        return Section(title="Alerts", lines=(NO_ENGINE,))
    shown = alerts.fired[:ALERTS_SHOWN]
    rest = f", the first {len(shown)} of {len(alerts.fired)}"
    damaged = f"{some(alerts.damaged, 'line')} of the alert log cannot be read"
    return Section(
        title="Alerts",
        lines=(
            f"fired: {listing(alerts.by_severity)}; by rule: {listing(alerts.by_rule)}",
            f"still firing at the end: {listing_names(alerts.open)}",
            f"to acknowledge: {_response(alerts.to_acknowledge)}; to resolve: "
            f"{_response(alerts.to_resolve)}; critical and never acknowledged: "
            f"{count(alerts.never_acknowledged)}",
            *([damaged] if alerts.damaged else []),
        ),
        tables=(
            Table(
                title=f"Alerts{rest}" if len(alerts.fired) > len(shown) else "",
                headings=(
                    "fired",
                    "severity",
                    "rule",
                    "value",
                    "threshold",
                    "acknowledged",
                    "resolved",
                ),
                rows=tuple(map(_alert_row, shown)),
                empty="none fired",
            ),
        ),
        is_alarm=bool(alerts.critical),
    )


def listing_names(alerts: tuple[AlertSeen, ...]) -> str:
    """Name alerts, each rule once."""
    return ", ".join(dict.fromkeys(one.name for one in alerts)) or "none"


def _response(found: Response) -> str:
    if not found.n:
        return NO_SAMPLE
    return f"p50 {duration(found.p50)}, longest {duration(found.longest)} (n = {found.n})"


def _alert_row(one: AlertSeen) -> tuple[str, ...]:
    fired_ns = one.fired_ns or 0
    return (
        moment(fired_ns),
        one.severity,
        one.name,
        one.value or "-",
        one.threshold or "-",
        "never" if one.acked_ns is None else f"after {duration(one.acked_ns - fired_ns)}",
        "not yet" if one.resolved_ns is None else f"after {duration(one.resolved_ns - fired_ns)}",
    )


def drill_section(drills: Drills) -> Section:
    """Tell the last drill of each kind."""
    if not drills.is_recorded:
        return Section(title="Drills", lines=("no drill is recorded: nothing is proven by one",))
    return Section(
        title="Drills",
        lines=(f"run in the time: {count(drills.run)}, of which failed: {count(drills.failed)}",),
        tables=(
            Table(
                headings=("drill", "last", "result", "age", "of the code that ran", "took"),
                rows=tuple(map(_drill_row, drills.last)),
                numbers=frozenset({5}),
            ),
        ),
        is_alarm=any(not one.outcome.passed for one in drills.last),
    )


def _drill_row(one: DrillSeen) -> tuple[str, ...]:
    outcome = one.outcome
    return (
        outcome.name,
        moment(outcome.began_ns),
        "passed" if outcome.passed else f"FAILED: {'; '.join(outcome.findings)}",
        duration(one.age_ns),
        "yes" if one.is_of_this_code else "no",
        f"{outcome.took_ms:,} ms",
    )


def change_section(changes: Changes, titles: Mapping[ConditionId, str]) -> Section:
    """Tell what is another than on the day before."""
    if changes.previous_day is None:
        return Section(title="What changed", lines=("no earlier day to compare with",))
    gap = "" if changes.is_yesterday else "; nothing ran on the day before"
    unknown = "figures of the profile and markets: not compared, a recipe of the runs is lost"
    markets = (
        f"markets added {_named(changes.markets_added, titles)}; removed "
        f"{_named(changes.markets_removed, titles)}"
    )
    changed = (*changes.digests, *changes.figures)
    return Section(
        title="What changed",
        lines=(
            f"compared with {changes.previous_day}{gap}",
            markets if changes.is_compared else unknown,
        ),
        tables=(
            Table(
                title="Code, configuration and figures of the profile",
                headings=("what", "before", "now"),
                rows=tuple(map(_change_row, changed)),
                empty="all as before",
            ),
            Table(
                title="Key figures",
                headings=("figure", "before", "now", "difference"),
                rows=tuple(map(_figure_row, changes.key_figures)),
                numbers=frozenset({1, 2, 3}),
            ),
        ),
    )


def _named(markets: tuple[ConditionId, ...], titles: Mapping[ConditionId, str]) -> str:
    if not markets:
        return "none"
    names = [titles.get(one) or short(one) for one in markets[:MARKETS_NAMED]]
    more = len(markets) - len(names)
    return f"{count(len(markets))} ({', '.join(names)}{f' and {more} more' if more else ''})"


def _change_row(change: Change) -> tuple[str, ...]:
    return change.what, short(change.before) or "-", short(change.after) or "-"


def _figure_row(figure: KeyFigure) -> tuple[str, ...]:
    write = _WRITTEN[figure.unit]
    before, after = figure.before, figure.after
    if before is None or after is None:
        return figure.name, write(before), write(after), "-"
    sign = "+" if after > before else ""
    return figure.name, write(before), write(after), f"{sign}{write(after - before)}"


def _counted(number: int | None) -> str:
    return NO_SAMPLE if number is None else count(number)


_WRITTEN = {"usd": usd, "count": _counted, "ns": milliseconds}


def diagnosis_section(diagnosis: tuple[str, ...]) -> Section:
    """Say in plain words what a reader must not overlook."""
    return Section(title="Diagnosis", lines=diagnosis, is_alarm=diagnosis != (NO_ANOMALY,))


def gate_section(gates: tuple[GateProgress, ...], phase: str) -> Section:
    """Tell how far each criterion of the phase is."""
    return Section(
        title="Gate progress",
        lines=(
            "figures only: no gate judges them yet, so none of these is passed or failed"
            if gates
            else f"criteria of phase {phase}: {NOT_JUDGED}",
        ),
        tables=(
            Table(
                headings=("criterion", "threshold", "value", "n", "missing"),
                rows=tuple(
                    (
                        gate.criterion,
                        gate.threshold,
                        gate.value or NOT_JUDGED,
                        "-" if gate.n is None else count(gate.n),
                        gate.missing or "-",
                    )
                    for gate in gates
                ),
                numbers=frozenset({3}),
                empty=NOT_JUDGED,
            ),
        ),
    )
