"""Everything that the journal says of a stretch of whole days: all folds side by side.

The ledger goes on from the journal's beginning to the end of the time, everything else is of the
time alone. Runs that were played again are left out.
"""

from collections.abc import Callable, Iterable

import msgspec

from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    BooksOpened,
    CensusCounted,
    OperatorHalted,
    OperatorResumed,
    OpportunityFound,
    OpportunityLost,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    PlanApproved,
    PlanDenied,
    PlanSized,
    RaiseAlert,
    RecoverSet,
    RunStarted,
    RunStopping,
    SetChanged,
    SetSettled,
    TierMeasured,
    TradeConfirmed,
    TradeFailed,
    TradingStateChanged,
)
from polyarb.ledger.fold import Ledger
from polyarb.reports.bridge import Bridge, BridgeFold
from polyarb.reports.changes import DayFigures
from polyarb.reports.completeness import (
    Completeness,
    CompletenessFold,
    covered_ns,
    find_holes,
    is_within,
)
from polyarb.reports.execution import Execution, ExecutionFold
from polyarb.reports.incidents import CRITICAL, IncidentFold, IncidentKind, Incidents
from polyarb.reports.latency import Latency, read_latency
from polyarb.reports.markets import CostFold, Costs, MarketPnl
from polyarb.reports.money import Money, read_money
from polyarb.reports.opportunities import Opportunities, OpportunityFold
from polyarb.reports.reconcile import Figures, find_breaks
from polyarb.reports.records import ChainCheck, Record
from polyarb.reports.returns import Drawdown, DrawdownFold
from polyarb.reports.runs import Run, RunEnd, counted_records
from polyarb.reports.series import Series, SeriesFold
from polyarb.reports.slippage import Slippage, SlippageFold
from polyarb.reports.survey import DayRecords, Survey
from polyarb.reports.window import Window

Take = Callable[..., None]
LEDGER_HEARS: tuple[type, ...] = (
    RunStarted,
    PlanSized,
    PlanApproved,
    PlaceOrders,
    OrderMatched,
    OrderKilled,
    TradeConfirmed,
    TradeFailed,
    SetChanged,
    SetSettled,
)
EXECUTION_HEARS: tuple[type, ...] = (*LEDGER_HEARS[1:], PlanDenied, TierMeasured)
INCIDENTS_HEAR: tuple[type, ...] = (
    TradingStateChanged,
    OperatorHalted,
    OperatorResumed,
    RaiseAlert,
    BookInvalidated,
    TradeFailed,
    RecoverSet,
    SetSettled,
)
INCIDENTS_FOLLOW = (RunStarted, RunStopping, BooksOpened)
SLIPPAGE_HEARS: tuple[type, ...] = (PlanSized, PlaceOrders, OrderMatched)
SERIES_HEARS: tuple[type, ...] = (TierMeasured, FeedMeasured)
COMPLETENESS_NOTES = (FeedMeasured, BookInvalidated, BookRestored)
BRIDGE_HEARS = (PlanSized, PlaceOrders, TierMeasured, OrderMatched)
FOLLOWED = frozenset({*LEDGER_HEARS, *INCIDENTS_FOLLOW, *COMPLETENESS_NOTES, *BRIDGE_HEARS})
"""What matters outside the time, too, or needs more than the message itself."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What a stretch of whole days came to; breaks are figures that do not agree."""

    window: Window
    runs: tuple[Run, ...]
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
    series: Series
    drawdown: Drawdown
    ledger: Ledger
    breaks: tuple[str, ...]


def fold_period(
    records: Iterable[Record],
    survey: Survey,
    chain: ChainCheck,
    window: Window,
    before: Window | None = None,
) -> tuple[Period | None, DayFigures | None]:
    """Fold a stretch of days and the key figures of an earlier one in one reading.

    None of the first: no run touched it; None of the second: there is no earlier one.
    """
    fold = PeriodFold(window, survey)
    earlier = None if before is None else EarlierFold(before)
    take = fold.apply
    if earlier is None:
        for run, record in counted_records(records, survey.runs):
            take(run, record)
    else:
        take_earlier = earlier.apply
        for run, record in counted_records(records, survey.runs):
            take(run, record)
            take_earlier(run, record)
    return fold.period(chain), None if earlier is None else earlier.figures(fold.ledger)


class EarlierFold:
    """Takes the records of an earlier stretch of days for its key figures."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._opportunities = OpportunityFold()
        self._execution = ExecutionFold()
        self._measured: dict[int, FeedMeasured] = {}
        self._takers = _takers(
            ((CensusCounted,), self._opportunities.count),
            ((OpportunityFound,), self._opportunities.find),
            ((OpportunityLost,), self._opportunities.lose),
            (EXECUTION_HEARS, self._execution.apply),
        )

    def apply(self, run: Run, record: Record) -> None:
        """Take one record of a counted run."""
        message = record.message
        if self._window.has(record.time_ns):
            for take in self._takers.get(type(message), ()):
                take(message)
            if isinstance(message, FeedMeasured):
                self._measured[run.ordinal] = message
        if record.sequence == run.sequence_last and is_within(run, self._window):
            self._opportunities.end_run(min(run.ended_ns, self._window.end_ns))

    def figures(self, ledger: Ledger) -> DayFigures:
        """Conclude; the ledger is one that goes on past this stretch."""
        return DayFigures(
            opportunities=self._opportunities.census(),
            execution=self._execution.execution(),
            columns=read_money(ledger, self._window).day,
            latency=read_latency(tuple(self._measured.values())),
        )


class PeriodFold:
    """Takes the records of counted runs, in order; written for speed."""

    def __init__(self, window: Window, survey: Survey) -> None:
        self._window = window
        self._start_ns, self._end_ns = window.start_ns, window.end_ns
        self._survey = survey
        self.ledger = Ledger()
        self._completeness = CompletenessFold(window)
        self._hear = self._completeness.hear
        self._opportunities = OpportunityFold()
        self._execution = ExecutionFold()
        self._incidents = IncidentFold()
        self._slippage = SlippageFold()
        self._series = SeriesFold(window)
        self._bridge = BridgeFold()
        self._costs = CostFold()
        self._drawdown = DrawdownFold()
        self._takers = _takers(
            ((CensusCounted,), self._opportunities.count),
            ((OpportunityFound,), self._opportunities.find),
            ((OpportunityLost,), self._opportunities.lose),
            (EXECUTION_HEARS, self._execution.apply),
            (INCIDENTS_HEAR, self._incidents.apply),
            (SLIPPAGE_HEARS, self._slippage.apply),
            (SERIES_HEARS, self._series.apply),
        )

    def apply(self, run: Run, record: Record) -> None:
        """Take one record of a counted run."""
        message, now_ns = record.message, record.time_ns
        kind = type(message)
        self._hear(run, now_ns)
        is_inside = self._start_ns <= now_ns < self._end_ns
        if kind in FOLLOWED:
            self._follow(run, record, is_inside=is_inside)
        if is_inside:
            for take in self._takers.get(kind, ()):
                take(message)
        if record.sequence == run.sequence_last:
            self._end(run)

    def _follow(self, run: Run, record: Record, *, is_inside: bool) -> None:
        """Take what the ledger, the books and the runs must know."""
        message = record.message
        kind = type(message)
        if kind in COMPLETENESS_NOTES:
            self._completeness.note(run, record)
        elif kind in INCIDENTS_FOLLOW:
            self._incidents.follow(message)
        is_known = record.time_ns < self._end_ns and kind in LEDGER_HEARS
        transactions = self.ledger.apply(message) if is_known else ()
        if is_inside and kind in BRIDGE_HEARS:
            self._bridge.apply(message, self.ledger, transactions)
        if is_inside and transactions:
            self._costs.apply(transactions)
            self._series.earn(transactions)
            self._drawdown.apply(transactions)

    def _end(self, run: Run) -> None:
        self._completeness.end_run(run)
        if is_within(run, self._window):
            self._opportunities.end_run(min(run.ended_ns, self._window.end_ns))
            self._incidents.end_run()

    def period(self, chain: ChainCheck) -> Period | None:
        """Conclude; None if no run touched the time."""
        window, survey, ledger = self._window, self._survey, self.ledger
        touching = tuple(run for run in survey.runs if is_within(run, window))
        if not touching:
            return None
        self._note_ends(touching, chain)
        figures = Figures(
            window=window,
            ledger=ledger,
            survey=survey,
            opportunities=self._opportunities.census(),
            execution=self._execution.execution(),
            money=read_money(ledger, window),
            markets=self._costs.markets(ledger, window),
            bridge=self._bridge.bridge(ledger, window),
            slippage=self._slippage.slippage(),
        )
        return Period(
            window=window,
            runs=touching,
            completeness=self._complete(touching, chain),
            opportunities=figures.opportunities,
            execution=figures.execution,
            bridge=figures.bridge,
            money=figures.money,
            markets=figures.markets,
            costs=self._costs.costs(),
            slippage=figures.slippage,
            latency=read_latency(self._completeness.measured()),
            incidents=self._incidents.incidents(),
            series=self._series.series(),
            drawdown=self._drawdown.drawdown(),
            ledger=ledger,
            breaks=find_breaks(figures),
        )

    def _note_ends(self, runs: tuple[Run, ...], chain: ChainCheck) -> None:
        for run in runs:
            if run.end is RunEnd.CRASHED:
                text = f"run {run.run_id} has no end"
                self._incidents.note(run.ended_ns, IncidentKind.CRASH, text, severity=CRITICAL)
        if chain.torn:
            self._incidents.note(runs[-1].ended_ns, IncidentKind.TORN_TAIL, chain.torn)

    def _complete(self, touching: tuple[Run, ...], chain: ChainCheck) -> Completeness:
        holes = find_holes(self._survey, self._window, chain)
        numbers = self._window.day_numbers
        days = [self._survey.days[day] for day in numbers if day in self._survey.days]
        return Completeness(
            is_whole=not holes,
            is_chain_verified=chain.is_verified,
            holes=holes,
            torn=chain.torn,
            records=sum(day.records for day in days),
            sequence_first=_least(days),
            sequence_last=max((day.sequence_last for day in days), default=0),
            runs=touching,
            covered_ns=covered_ns(touching, self._window),
            silences=self._completeness.silences(),
            feed=self._completeness.feed(),
            books=self._completeness.books(),
        )


def _least(days: list[DayRecords]) -> int:
    return min((day.sequence_first for day in days), default=0)


def _takers(*heard: tuple[tuple[type, ...], Take]) -> dict[type, tuple[Take, ...]]:
    takers: dict[type, tuple[Take, ...]] = {}
    for kinds, take in heard:
        for kind in kinds:
            takers[kind] = (*takers.get(kind, ()), take)
    return takers
