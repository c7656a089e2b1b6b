"""The compliance report of a range of UTC days; `--json` is exactly this value."""

from collections.abc import Iterable

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.ledger.balances import Position, cash, positions
from polyarb.reports.alert_log import Alerts, read_alerts
from polyarb.reports.completeness import Completeness
from polyarb.reports.daily import NOTHING_BESIDE, UNITS, Beside, known_titles
from polyarb.reports.drill_log import Drills, read_drills
from polyarb.reports.exposure import ExposureFold, ExposurePoint, Use
from polyarb.reports.money import Money
from polyarb.reports.orders import (
    Attribution,
    OperatorAction,
    OrderFold,
    Transaction,
    attribute,
)
from polyarb.reports.period import Period, PeriodFold
from polyarb.reports.records import ChainCheck, Record
from polyarb.reports.requirement_rows import matrix
from polyarb.reports.requirements import MatrixRow, Workings
from polyarb.reports.runs import Run, counted_records
from polyarb.reports.survey import Survey, survey_records
from polyarb.reports.window import Window


class ComplianceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was held, risked and traded, whose it was, and how each requirement is met.

    Shape: exposure has a point a quarter of an hour in which anything happened; uses holds each
    figure of the envelope of the last run against the most that was seen; exposure_window is where
    the range begins and ends, in unix nanoseconds. Units: cash (settled,
    less what was paid in) and open_notional (at the end) in micros of a USD.
    """

    first_day: str
    last_day: str
    units: str
    is_whole: bool
    failures: tuple[str, ...]
    breaks: tuple[str, ...]
    phases: tuple[str, ...]
    completeness: Completeness
    money: Money
    cash: int
    positions: tuple[Position, ...]
    open_notional: int
    uses: tuple[Use, ...]
    exposure: tuple[ExposurePoint, ...]
    exposure_window: tuple[int, int]
    transactions: tuple[Transaction, ...]
    attribution: tuple[Attribution, ...]
    unattributed: int
    actions: tuple[OperatorAction, ...]
    alerts: Alerts
    drills: Drills
    requirements: tuple[MatrixRow, ...]
    titles: dict[ConditionId, str]


class _Folds:
    """What a compliance report folds beside a period."""

    def __init__(self, window: Window, survey: Survey) -> None:
        self.window = window
        self.period = PeriodFold(window, survey)
        self.exposure = ExposureFold(window)
        self.orders = OrderFold()

    def apply(self, run: Run, record: Record) -> None:
        self.period.apply(run, record)
        if record.time_ns < self.window.end_ns:
            self.exposure.apply(record.message, self.period.ledger)
        if self.window.has(record.time_ns):
            self.orders.apply(run, record.sequence, record.message, self.period.ledger)


def build_compliance(
    records: Iterable[Record],
    window: Window,
    *,
    chain: ChainCheck,
    survey: Survey | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> ComplianceReport | None:
    """Build the report of whole days; None when no run touched them.

    Shape: records is the whole journal; without a survey of them they are read twice.
    """
    looked = survey_records(records) if survey is None else survey
    folds = _Folds(window, looked)
    for run, record in counted_records(records, looked.runs):
        folds.apply(run, record)
    period = folds.period.period(chain)
    return None if period is None else _report(period, folds, looked, beside)


def _report(period: Period, folds: _Folds, survey: Survey, beside: Beside) -> ComplianceReport:
    counted = [run for run in period.runs if run.is_counted] or list(period.runs)
    last, ledger = counted[-1], period.ledger
    facts = beside.facts.get(last.run_id)
    transactions = folds.orders.transactions(ledger)
    drills = read_drills(beside.drills, period.window, last.code_digest, survey.last_ns or 0)
    uses = folds.exposure.uses(ledger, None if facts is None else facts.envelope)
    holes = tuple(hole.text for hole in period.completeness.holes)
    breaks = (*period.breaks, *_order_breaks(transactions, period))
    return ComplianceReport(
        first_day=period.window.first_day,
        last_day=period.window.last_day,
        units=UNITS,
        is_whole=period.completeness.is_whole,
        failures=(*holes, *breaks),
        breaks=breaks,
        phases=tuple(dict.fromkeys(run.phase for run in counted)),
        completeness=period.completeness,
        money=period.money,
        cash=cash(ledger.balances),
        positions=positions(ledger.balances),
        open_notional=folds.exposure.open_now,
        uses=uses,
        exposure=folds.exposure.points(),
        exposure_window=(period.window.start_ns, period.window.end_ns),
        transactions=transactions,
        attribution=attribute(transactions),
        unattributed=folds.orders.unattributed,
        actions=folds.orders.actions(),
        alerts=read_alerts(beside.alerts, period.window, damaged=beside.alerts_damaged),
        drills=drills,
        requirements=matrix(
            Workings(
                completeness=period.completeness,
                transactions=len(transactions),
                uses=uses,
                drills=drills,
                violations=len(period.money.violations),
            )
        ),
        titles=known_titles(period, beside.titles),
    )


def _order_breaks(transactions: tuple[Transaction, ...], period: Period) -> tuple[str, ...]:
    """Hold the orders with their intents against those that execution counted."""
    submitted = period.execution.orders.submitted
    if len(transactions) == submitted:
        return ()
    return (f"{submitted} orders were submitted, {len(transactions)} have their intent",)
