"""The daily report as a document: completeness first, gate progress last."""

from collections.abc import Sequence

from polyarb.domain.messages import Tier
from polyarb.ledger.pnl import DAY_NS
from polyarb.reports.completeness_section import completeness_section
from polyarb.reports.daily import DailyReport
from polyarb.reports.document import Document, Section, Tile
from polyarb.reports.money_sections import (
    bridge_section,
    market_section,
    pnl_section,
    violation_sections,
)
from polyarb.reports.plots import fill_chart, latency_chart, pnl_chart
from polyarb.reports.runs import Run
from polyarb.reports.trading_sections import (
    opportunity_section,
    order_section,
    plan_section,
    slippage_section,
    tier_section,
)
from polyarb.reports.watch_sections import (
    alert_section,
    change_section,
    diagnosis_section,
    drill_section,
    gate_section,
    incident_section,
    latency_section,
)
from polyarb.reports.wording import (
    NOT_MEASURED,
    count,
    duration,
    milliseconds,
    percent,
    some,
    usd,
)

DIGEST_SHOWN = 12
HOLES_ALARM = "THE JOURNAL HAS HOLES: do not rely on the figures below"
BREAKS_ALARM = "FIGURES DO NOT AGREE: do not rely on the figures below"


def daily_document(report: DailyReport) -> Document:
    """Lay a daily report out."""
    return Document(
        title=f"Daily report {report.day}",
        alarms=(
            *alarms(report.is_whole, report.breaks, report.failures),
            *(f"CRITICAL ALERT FIRING: {name}" for name in _firing(report)),
        ),
        summary=(
            f"Verdict: {report.verdict.finding}",
            f"{report.phase} with {', '.join(report.profiles)}; "
            f"{duration(report.completeness.covered_ns)} of the day covered",
        ),
        tiles=_tiles(report),
        sections=(
            completeness_section(report.completeness, DAY_NS, report.titles),
            _mode(report),
            diagnosis_section(report.diagnosis),
            opportunity_section(report.opportunities, report.verdict),
            plan_section(report.execution),
            tier_section(report.execution, (fill_chart(report.series),)),
            order_section(report.execution, is_sent=report.phase != "shadow"),
            bridge_section(report.bridge),
            pnl_section(report.money, report.costs, (pnl_chart(report.series),), "the day"),
            *violation_sections(report.money),
            market_section(report.markets, report.titles),
            slippage_section(report.slippage),
            latency_section(report.latency, (latency_chart(report.series),)),
            incident_section(report.incidents),
            alert_section(report.alerts),
            drill_section(report.drills),
            change_section(report.changes, report.titles),
            gate_section(report.gates, report.phase),
        ),
    )


def alarms(is_whole: bool, breaks: tuple[str, ...], failures: tuple[str, ...]) -> tuple[str, ...]:
    """Say first what makes a report fail."""
    said = ([] if is_whole else [HOLES_ALARM]) + ([BREAKS_ALARM] if breaks else [])
    return (*said, *failures) if said else ()


def _firing(report: DailyReport) -> tuple[str, ...]:
    """Name the critical alerts that still fire, each rule once."""
    return tuple(dict.fromkeys(one.name for one in report.alerts.open if one.is_critical))


def _tiles(report: DailyReport) -> tuple[Tile, ...]:
    late, money = report.execution.tier(Tier.T2), report.money
    orders = report.execution.orders
    kind = "simulated" if report.phase == "shadow" else "cash that is final"
    critical = len(report.alerts.critical)
    return (
        Tile(
            label="settled",
            value=usd(money.day.settled),
            note=f"{kind}; fees and gas paid",
            is_alarm=(money.day.settled or 0) < 0,
        ),
        Tile(
            label="profit at T2",
            value=usd(late.profit if late.measured else None),
            note=f"{some(late.measured, 'plan')} tried",
        ),
        Tile(
            label="episodes",
            value=count(report.opportunities.episodes),
            note=f"{count(report.opportunities.net_positive)} after fees",
        ),
        Tile(
            label="orders filled wholly",
            value=percent(orders.filled, orders.submitted),
            note=f"{count(orders.filled)} of {count(orders.submitted)}",
        ),
        Tile(label="P95 latency", value=milliseconds(report.latency.p95)),
        Tile(
            label="critical alerts",
            value=count(critical) if report.alerts.is_recorded else NOT_MEASURED,
            note="" if report.alerts.is_recorded else "no alert engine ran",
            is_alarm=bool(critical),
        ),
        Tile(
            label="of the day covered",
            value=percent(report.completeness.covered_ns, DAY_NS),
            note=f"{len(report.completeness.holes) or 'no'} holes",
            is_alarm=not report.is_whole,
        ),
    )


def _venues(runs: Sequence[Run]) -> str:
    """Name where runs were, as far as they told; figures of two venues are never one's."""
    told = dict.fromkeys(run.venue for run in runs if run.venue)
    return f"; on {', '.join(told)}" if told else ""


def _mode(report: DailyReport) -> Section:
    runs = report.completeness.runs
    counted = [run for run in runs if run.is_counted]
    codes = dict.fromkeys(run.code_digest[:DIGEST_SHOWN] for run in counted)
    configs = dict.fromkeys(run.config_digest[:DIGEST_SHOWN] for run in counted)
    return Section(
        title="Mode and profile",
        lines=(
            f"phase {report.phase}; profile {', '.join(report.profiles)}{_venues(counted)}",
            f"code {', '.join(codes)}; configuration {', '.join(configs)}",
            "fills are simulated; nothing was sent to the venue"
            if report.phase == "shadow"
            else "orders were sent to the venue",
        ),
    )
