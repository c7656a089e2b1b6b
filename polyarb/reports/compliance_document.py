"""The compliance report as a document."""

from collections import Counter

from polyarb.domain.units import MICRO
from polyarb.ledger.pnl import DAY_NS
from polyarb.reports.completeness_section import completeness_section
from polyarb.reports.compliance import ComplianceReport
from polyarb.reports.daily_document import alarms
from polyarb.reports.document import Chart, Document, Line, Section, Table, Tile
from polyarb.reports.exposure import Use
from polyarb.reports.orders import Transaction
from polyarb.reports.requirements import MatrixRow, Standing
from polyarb.reports.watch_sections import alert_section, drill_section
from polyarb.reports.wording import (
    NOT_MEASURED,
    count,
    duration,
    moment,
    short,
    some,
    usd,
)
from polyarb.reports.wording import shares as written_shares

ORDERS_SHOWN = 200
SHADOW_ONLY = ("shadow",)


def compliance_document(report: ComplianceReport) -> Document:
    """Lay a compliance report out."""
    days = len(_days(report))
    return Document(
        title=f"Compliance {report.first_day} to {report.last_day}",
        alarms=alarms(report.is_whole, report.breaks, report.failures),
        summary=(
            f"{', '.join(report.phases)}; {duration(report.completeness.covered_ns)} covered",
            "every order was simulated: nothing was sent to the venue"
            if report.phases == SHADOW_ONLY
            else "orders of live phases were sent to the venue",
        ),
        tiles=_tiles(report),
        sections=(
            completeness_section(report.completeness, days * DAY_NS, report.titles),
            _positions(report),
            _exposure(report),
            _attribution(report),
            _transactions(report),
            _actions(report),
            alert_section(report.alerts),
            drill_section(report.drills),
            _requirements(report),
        ),
    )


def _days(report: ComplianceReport) -> range:
    first, last = report.exposure_window
    return range(first // DAY_NS, last // DAY_NS)


def _tiles(report: ComplianceReport) -> tuple[Tile, ...]:
    beyond = [use.name for use in report.uses if use.is_kept is False]
    standings = Counter(row.standing for row in report.requirements)
    return (
        Tile(label="orders, each with its intent", value=count(len(report.transactions))),
        Tile(label="positions held", value=count(len(report.positions))),
        Tile(label="at risk at the end", value=usd(report.open_notional)),
        Tile(
            label="envelope",
            value=_envelope_kept(report.uses),
            note=", ".join(beyond),
            is_alarm=bool(beyond),
        ),
        Tile(
            label="requirements proven",
            value=f"{standings[Standing.PROVEN]} of {len(report.requirements)}",
            note=f"partly {standings[Standing.PARTLY]}, not yet built "
            f"{standings[Standing.NOT_BUILT]}",
        ),
    )


def _envelope_kept(uses: tuple[Use, ...]) -> str:
    if any(use.is_kept is None for use in uses):
        return "not known"
    return "kept" if all(use.is_kept for use in uses) else "EXCEEDED"


def _positions(report: ComplianceReport) -> Section:
    return Section(
        title="Positions at the end",
        lines=(
            f"cash, less what was paid in: {usd(report.cash)}; plans in flight "
            f"{count(report.money.open_plans)}, sets held {count(report.money.held_plans)}",
        ),
        tables=(
            Table(
                headings=("market", "outcome", "confirmed shares", "at cost"),
                rows=tuple(
                    (
                        report.titles.get(one.condition_id) or short(one.condition_id),
                        one.outcome,
                        written_shares(one.shares),
                        usd(one.cost),
                    )
                    for one in report.positions
                ),
                numbers=frozenset({2, 3}),
                empty="no confirmed shares are held",
            ),
        ),
    )


def _exposure(report: ComplianceReport) -> Section:
    points = tuple((point.time_ns, point.open_notional) for point in report.exposure)
    start_ns, end_ns = report.exposure_window
    chart = Chart(
        title="Most at risk within each quarter of an hour",
        unit="USD",
        scale=MICRO,
        start_ns=start_ns,
        end_ns=end_ns,
        lines=(Line(name="open notional", points=points),),
        is_stepped=True,
    )
    return Section(
        title="Exposure against the envelope",
        lines=(
            "a plan is at risk with all that was reserved for it, from its approval until it is "
            "over; the daily loss is of settled money",
        ),
        charts=(chart,),
        tables=(
            Table(
                headings=("figure", "most that was seen", "allowed", "kept"),
                rows=tuple(map(_use_row, report.uses)),
                numbers=frozenset({1, 2}),
            ),
        ),
        is_alarm=any(use.is_kept is False for use in report.uses),
    )


def _use_row(use: Use) -> tuple[str, ...]:
    write = usd if use.unit == "usd" else count
    kept = {None: "not known", True: "yes", False: "NO"}[use.is_kept]
    return (
        use.name,
        write(use.most),
        NOT_MEASURED if use.allowed is None else write(use.allowed),
        kept,
    )


def _attribution(report: ComplianceReport) -> Section:
    return Section(
        title="Attribution",
        lines=(
            "every order belongs to a plan, its family, the phase and the run that decided it; "
            f"matches that belong to nobody: {count(report.unattributed)}",
        ),
        tables=(
            Table(
                headings=("family", "phase", "actor", "orders", "matched", "traded"),
                rows=tuple(
                    (
                        one.family,
                        one.phase,
                        one.actor,
                        count(one.orders),
                        count(one.matched),
                        usd(one.notional),
                    )
                    for one in report.attribution
                ),
                numbers=frozenset({3, 4, 5}),
                empty="no order",
            ),
        ),
        is_alarm=bool(report.unattributed),
    )


def _transactions(report: ComplianceReport) -> Section:
    shown = report.transactions[:ORDERS_SHOWN]
    rest = f"the first {len(shown)} of {len(report.transactions)}; the JSON form has all"
    return Section(
        title="Transactions, each with its intent",
        lines=(rest,) if len(report.transactions) > len(shown) else (),
        tables=(
            Table(
                headings=(
                    "placed",
                    "record",
                    "order",
                    "family",
                    "market",
                    "intent",
                    "matched",
                    "paid or got",
                    "fee",
                    "end",
                ),
                rows=tuple(_order_row(one, report) for one in shown),
                numbers=frozenset({1, 6, 7, 8}),
                empty="no order was placed",
            ),
        ),
    )


def _order_row(one: Transaction, report: ComplianceReport) -> tuple[str, ...]:
    return (
        moment(one.placed_ns),
        count(one.sequence),
        short(one.order_id),
        one.family,
        report.titles.get(one.condition_id) or short(one.condition_id),
        f"{one.side} {written_shares(one.shares)} {one.outcome} at {usd(one.price_limit)}",
        written_shares(one.matched),
        usd(one.notional),
        usd(one.fee),
        _end(one),
    )


def _end(one: Transaction) -> str:
    parts = [
        f"confirmed {written_shares(one.confirmed)}" if one.confirmed else "",
        f"reverted {written_shares(one.failed)}" if one.failed else "",
        f"gone: {one.killed}" if one.killed else "",
    ]
    return "; ".join(part for part in parts if part) or "open"


def _actions(report: ComplianceReport) -> Section:
    return Section(
        title="What people did",
        tables=(
            Table(
                headings=("time", "who", "what", "reason"),
                rows=tuple(
                    (moment(one.time_ns), one.actor, one.what, one.reason) for one in report.actions
                ),
                empty="nobody halted or resumed",
            ),
        ),
    )


def _requirements(report: ComplianceReport) -> Section:
    standings = Counter(row.standing for row in report.requirements)
    return Section(
        title="Requirement, test, evidence",
        lines=(
            ", ".join(f"{standing} {standings[standing]}" for standing in Standing)
            + f", of {some(len(report.requirements), 'requirement')}",
            "a row is proven only where tests prove it and this workspace shows it",
        ),
        tables=(
            Table(
                headings=("id", "standing", "asked", "done", "tests", "evidence here", "owed"),
                rows=tuple(map(_matrix_row, report.requirements)),
            ),
        ),
    )


def _matrix_row(row: MatrixRow) -> tuple[str, ...]:
    asked = row.requirement
    tests = ", ".join(test.partition("::")[2] for test in asked.tests)
    return (
        asked.id,
        row.standing,
        asked.asks,
        asked.does,
        tests or "none",
        "; ".join(row.evidence) or "none",
        "; ".join(row.open) or "-",
    )
