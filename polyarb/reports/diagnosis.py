"""What a reader must not overlook: one rule each; "no anomaly" only when no rule speaks."""

from collections.abc import Callable, Iterator

import msgspec

from polyarb.ledger.invariants import Violation
from polyarb.reports.alert_log import Alerts
from polyarb.reports.completeness import Completeness
from polyarb.reports.drill_log import Drills
from polyarb.reports.execution import Execution
from polyarb.reports.incidents import IncidentKind, Incidents
from polyarb.reports.latency import Latency
from polyarb.reports.money import Money
from polyarb.reports.slippage import GRAVE_BPS, Slippage
from polyarb.reports.verdict import EdgeVerdict, Finding
from polyarb.reports.wording import duration, milliseconds, share_of, some, usd

NO_ANOMALY = "no anomaly"
KILLED_SHARE_MAX = 10
FILLED_SHARE_MIN = 30
SUBMITTED_MIN = 10
LATENCY_NS_MAX = 500 * 10**6
"""Source: product specification, daily report section 6 and phase 0."""
BOOK_LOSS_SHARE_MAX = 1
"""Percent of the covered time that one market's book may be lost."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at."""

    completeness: Completeness
    execution: Execution
    money: Money
    latency: Latency
    incidents: Incidents
    slippage: Slippage
    alerts: Alerts
    drills: Drills
    verdict: EdgeVerdict
    breaks: tuple[str, ...]


def diagnose(evidence: Evidence) -> tuple[str, ...]:
    """Tell everything that is wrong, or that nothing is."""
    lines = tuple(line for rule in DIAGNOSES for line in rule(evidence))
    return lines or (NO_ANOMALY,)


def _holes(evidence: Evidence) -> Iterator[str]:
    for hole in evidence.completeness.holes:
        yield f"the journal has a hole: {hole.text}"
    if not evidence.completeness.is_chain_verified:
        yield "the journal's hash chain was not checked"


def _breaks(evidence: Evidence) -> Iterator[str]:
    for text in evidence.breaks:
        yield f"figures do not agree: {text}"


def _edge(evidence: Evidence) -> Iterator[str]:
    verdict = evidence.verdict
    if verdict.finding is Finding.NO_EDGE:
        yield (
            f"verdict: {verdict.finding}: {verdict.reachable} of "
            f"{some(verdict.episodes, 'episode')} filled wholly and earned at T2, "
            f"{usd(verdict.profit if verdict.measured else None)} in all"
        )


def _alerts(evidence: Evidence) -> Iterator[str]:
    alerts = evidence.alerts
    if not alerts.is_recorded:
        yield "no alert engine ran: whether an alert would have fired is not known"
        return
    if alerts.damaged:
        yield f"{some(alerts.damaged, 'line')} of the alert log cannot be read"
    for one in alerts.critical:
        state = "still firing" if one in alerts.open else "fired and resolved"
        yield f"critical alert {one.name}: {state}"
    warnings = [one for one in alerts.open if not one.is_critical]
    if warnings:
        names = ", ".join(dict.fromkeys(one.name for one in warnings))
        yield f"{some(len(warnings), 'alert')} still firing at the end: {names}"
    if alerts.never_acknowledged:
        yield f"{some(alerts.never_acknowledged, 'critical alert')} nobody acknowledged"


def _drills(evidence: Evidence) -> Iterator[str]:
    failed = [one.outcome.name for one in evidence.drills.last if not one.outcome.passed]
    if failed:
        yield f"the last drill failed of: {', '.join(failed)}"


def _slippage(evidence: Evidence) -> Iterator[str]:
    slippage = evidence.slippage
    if slippage.grave:
        share = share_of(slippage.grave, slippage.orders)
        yield f"orders paid more than {GRAVE_BPS} bps above plan: {share}"
    if slippage.unplanned:
        yield f"{some(slippage.unplanned, 'matched order')} without a planned price to compare"


def _coverage(evidence: Evidence) -> Iterator[str]:
    completeness = evidence.completeness
    if completeness.feed is None:
        yield "the feed was not measured: how much of it was unusable is not known"
    elif not completeness.feed.messages:
        yield "the feed delivered no message"
    elif completeness.feed.rejected:
        rejected = sum(completeness.feed.rejected.values())
        yield f"{some(rejected, 'message')} of the feed could not be used"
    if completeness.silences:
        total = sum(silence.end_ns - silence.start_ns for silence in completeness.silences)
        yield f"{some(len(completeness.silences), 'silence')} of the feed, {duration(total)} in all"
    superseded = [run for run in completeness.runs if not run.is_counted]
    if superseded:
        yield (
            f"{some(len(superseded), 'run')} not counted: another run played the same feed, "
            "as long or longer"
        )


def _books(evidence: Evidence) -> Iterator[str]:
    covered_ns = evidence.completeness.covered_ns
    lost = [
        book
        for book in evidence.completeness.books
        if covered_ns and book.lost_ns * 100 > covered_ns * BOOK_LOSS_SHARE_MAX
    ]
    if lost:
        yield (
            f"{some(len(lost), 'book')} could not be decided on for more than "
            f"{BOOK_LOSS_SHARE_MAX} % of the time covered, the worst for "
            f"{duration(lost[0].lost_ns)}"
        )


def _orders(evidence: Evidence) -> Iterator[str]:
    orders = evidence.execution.orders
    if orders.unfilled * 100 > orders.submitted * KILLED_SHARE_MAX:
        share = share_of(orders.unfilled, orders.submitted)
        yield f"more than {KILLED_SHARE_MAX} % of orders filled nothing: {share}"
    is_enough = orders.submitted > SUBMITTED_MIN
    if is_enough and orders.filled * 100 < orders.submitted * FILLED_SHARE_MIN:
        share = share_of(orders.filled, orders.submitted)
        yield f"fewer than {FILLED_SHARE_MIN} % of orders filled wholly: {share}"


def _sets(evidence: Evidence) -> Iterator[str]:
    sets = evidence.execution.sets
    if sets.broken:
        yield f"sets broke: {share_of(sets.broken, sets.attempts)}"


def _latency(evidence: Evidence) -> Iterator[str]:
    p95 = evidence.latency.p95
    if p95 is None:
        yield "latency was not measured"
    elif p95 > LATENCY_NS_MAX:
        slowest = evidence.latency.bottleneck
        where = f"; slowest stage: {slowest}" if slowest else ""
        yield f"P95 latency is {milliseconds(p95)}, above {milliseconds(LATENCY_NS_MAX)}{where}"


def _money(evidence: Evidence) -> Iterator[str]:
    settled = evidence.money.day.settled
    if settled is not None and settled < 0:
        yield f"settled PnL of the day is below zero: {usd(settled)}"
    violations: tuple[Violation, ...] = evidence.money.violations
    if violations:
        yield f"the ledger breaks {some(len(violations), 'time')}: {violations[0].text}"
    if evidence.money.open_plans:
        yield f"{some(evidence.money.open_plans, 'plan')} in flight at the end of the day"


def _incidents(evidence: Evidence) -> Iterator[str]:
    incidents = evidence.incidents
    if incidents.critical:
        yield some(incidents.critical, "critical incident")
    for kind in IncidentKind:
        if number := incidents.count(kind):
            yield f"incidents of kind {kind}: {number}"
    faults = sum(incidents.books_by_fault.values())
    if faults:
        yield f"books were invalidated {some(faults, 'time')}"


DIAGNOSES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    _holes,
    _breaks,
    _coverage,
    _books,
    _edge,
    _orders,
    _sets,
    _slippage,
    _latency,
    _money,
    _incidents,
    _alerts,
    _drills,
)
"""The rules, in the order in which they speak."""
