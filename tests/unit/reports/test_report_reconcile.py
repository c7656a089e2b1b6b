"""A report agrees with itself, with the ledger and with the journal, or it says where it breaks."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from polyarb.domain.messages import JournalMessage, Tier
from polyarb.ledger.accounts import INCOME_AND_EXPENSES, Book
from polyarb.ledger.balances import Balance
from polyarb.ledger.fold import Ledger
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.bridge import BridgeFold, BridgeStage
from polyarb.reports.daily import build_daily
from polyarb.reports.daily_document import BREAKS_ALARM, daily_document
from polyarb.reports.execution import ExecutionFold
from polyarb.reports.markets import CostFold
from polyarb.reports.money import read_money
from polyarb.reports.opportunities import OpportunityFold
from polyarb.reports.performance import build_performance
from polyarb.reports.reconcile import RECONCILIATIONS, Figures, find_breaks
from polyarb.reports.records import ChainCheck
from polyarb.reports.slippage import SlippageFold
from polyarb.reports.survey import survey_records
from polyarb.reports.window import day_window, range_window
from tests.plan_lives import DAY_NS, NOON_NS, SECOND_NS, binary_merged, broken, held, missed
from tests.report_journals import quoted, records, reverted, rich_journal, run, tiers, tried

LIVES = (binary_merged, broken, held, missed, reverted)
WINDOW = range_window("2026-06-07", "2026-06-08")

plans = st.tuples(
    st.sampled_from(LIVES),
    st.integers(0, 2 * 86_400 - 1_200),
    st.integers(0, 30_000),
    st.lists(st.integers(-300_000, 300_000), max_size=4),
    st.integers(0, 16),
    st.booleans(),
)


@st.composite
def journals(draw: st.DrawFn) -> list[JournalMessage]:
    """One or two runs over two days with plans that may be cut short anywhere."""
    inside: list[JournalMessage] = []
    for number, (life, second, cheaper, profits, kept, is_quoted) in enumerate(
        draw(st.lists(plans, max_size=6))
    ):
        name, start_ns = f"p{number}", NOON_NS - DAY_NS // 2 + second * SECOND_NS
        messages = life(name, start_ns).messages
        if is_quoted:
            messages = quoted(messages, cheaper=cheaper)
        inside += messages[: 4 + kept]
        inside += [
            replace(one, receive_time_ns=start_ns + 30 * SECOND_NS)
            for one in tiers(name, tuple(profits), 0)
        ]
    inside.sort(key=lambda message: message.receive_time_ns)
    journal = run(*inside, start_ns=NOON_NS - DAY_NS // 2, seconds=2 * 86_400 - 1)
    again = journal if draw(st.booleans()) else []
    return [*journal, *again]


@settings(max_examples=60)
@given(journals())
def test_every_journal_makes_figures_that_agree(messages: list[JournalMessage]) -> None:
    journal = records(messages)
    report = build_performance(journal, WINDOW, chain=ChainCheck(is_verified=True))
    assert report is not None
    assert report.breaks == ()
    ledger = Ledger()
    counted = messages[len(messages) // 2 :] if report.completeness.runs[1:] else messages
    for message in counted:
        ledger.apply(message)
    for book, shown in (
        (Book.EXPECTED, report.money.day.expected),
        (Book.MATCHED, report.money.day.matched),
        (Book.SETTLED, report.money.day.settled),
    ):
        earned = -sum(
            balance.amount
            for account, balance in ledger.balances.items()
            if account.book is book and account.kind in INCOME_AND_EXPENSES
        )
        assert earned == (shown or 0)
    for day in report.days:
        alone = build_performance(journal, day_window(day.day), chain=ChainCheck())
        assert alone is not None
        assert alone.breaks == ()
        assert alone.money.day == day.columns


def figures() -> Figures:
    """Everything of the rich journal's second day, folded part by part."""
    messages, window = rich_journal(), day_window("2026-06-08")
    ledger, execution, opportunities = Ledger(), ExecutionFold(), OpportunityFold()
    bridge, costs, slippage = BridgeFold(), CostFold(), SlippageFold()
    for message in messages:
        transactions = ledger.apply(message)
        if window.has(message.receive_time_ns):
            opportunities.apply(message)
            execution.apply(message)
            slippage.apply(message)
            bridge.apply(message, ledger, transactions)
            costs.apply(transactions)
    return Figures(
        window=window,
        ledger=ledger,
        survey=survey_records(records(messages)),
        opportunities=opportunities.census(),
        execution=execution.execution(),
        money=read_money(ledger, window),
        markets=costs.markets(ledger, window),
        bridge=bridge.bridge(ledger, window),
        slippage=slippage.slippage(),
    )


def test_sound_figures_have_no_break() -> None:
    assert find_breaks(figures()) == ()


def _with_balance(found: Figures) -> Figures:
    account = next(a for a in found.ledger.balances if a.kind in INCOME_AND_EXPENSES)
    found.ledger.balances[account] = Balance(amount=found.ledger.balances[account].amount + 1)
    return found


def _with_orders(found: Figures, **changes: object) -> Figures:
    orders = replace(found.execution.orders, **changes)
    return replace(found, execution=replace(found.execution, orders=orders))


def _with_settled(found: Figures) -> Figures:
    steps = tuple(
        replace(step, amount=(step.amount or 0) + 1, change=step.change + 1)
        if step.stage is BridgeStage.SETTLED
        else step
        for step in found.bridge.steps
    )
    return replace(found, bridge=replace(found.bridge, steps=steps))


def _with_promise(found: Figures) -> Figures:
    day = replace(found.money.day, expected=(found.money.day.expected or 0) + 1)
    return replace(found, money=replace(found.money, day=day))


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (_with_balance, "the ledger's accounts hold"),
        (lambda f: replace(f, markets=f.markets[1:]), "its markets add up to"),
        (
            lambda f: replace(f, money=replace(f.money, families=f.money.families[1:])),
            "its families add up to",
        ),
        (
            lambda f: replace(
                f, money=replace(f.money, day=PnlColumns(expected=1, matched=2, settled=3))
            ),
            "its days add up to",
        ),
        (
            lambda f: _with_orders(f, trades_confirmed=f.execution.orders.trades_confirmed + 1),
            "TradeConfirmed, the journal",
        ),
        (
            lambda f: _with_orders(f, trades_failed=f.execution.orders.trades_failed - 1),
            "TradeFailed, the journal",
        ),
        (lambda f: _with_orders(f, matches=0), "OrderMatched, the journal"),
        (lambda f: _with_orders(f, filled=0), "are accounted for"),
        (lambda f: replace(f, execution=replace(f.execution, remeasured=1)), "TierMeasured"),
        (_with_settled, "the settled column shows"),
        (_with_promise, "the expected column shows"),
        (
            lambda f: replace(f, bridge=replace(f.bridge, unfinished=f.bridge.unfinished + 1)),
            "bridge settles",
        ),
        (
            lambda f: replace(f, slippage=replace(f.slippage, orders=f.slippage.orders + 1)),
            "in its buckets",
        ),
        (
            lambda f: replace(f, opportunities=replace(f.opportunities, rejected={"STALE": 1})),
            "are rejected or tradable",
        ),
    ],
    ids=map(str, range(14)),
)
def test_a_figure_that_disagrees_is_told(spoil: Callable[[Figures], Figures], text: str) -> None:
    found = find_breaks(spoil(figures()))
    assert any(text in one for one in found), found


def test_a_break_makes_a_report_fail_and_is_its_first_line() -> None:
    journal = records(rich_journal())
    survey = survey_records(journal)
    counts = {key: value + ("TradeConfirmed" in key) for key, value in survey.counts.items()}
    report = build_daily(
        journal,
        "2026-06-08",
        chain=ChainCheck(is_verified=True),
        survey=msgspec.structs.replace(survey, counts=counts),
    )
    assert report is not None
    assert report.is_whole
    assert report.failures == report.breaks
    assert "TradeConfirmed" in report.breaks[0]
    assert report.diagnosis[0].startswith("figures do not agree")
    assert daily_document(report).alarms[:2] == (BREAKS_ALARM, report.breaks[0])


def test_every_check_says_what_it_holds() -> None:
    assert len({check.__name__ for check in RECONCILIATIONS}) == len(RECONCILIATIONS)


def test_a_tier_that_was_measured_twice_counts_its_last_and_agrees() -> None:
    life = held("h", NOON_NS + SECOND_NS).messages
    messages = run(*life, tried("h", Tier.T2, 5), tried("h", Tier.T2, 7, seconds=31))
    report = build_performance(
        records(messages), day_window("2026-06-07"), chain=ChainCheck(is_verified=True)
    )
    assert report is not None
    assert report.breaks == ()
    assert (report.execution.remeasured, report.execution.tier(Tier.T2).profit) == (1, 7)
