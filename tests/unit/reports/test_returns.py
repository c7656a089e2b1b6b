"""Returns, drawdown, Sharpe and wins: settled money only, and never more sure than their n."""

import pytest
from polyarb.domain.messages import JournalMessage
from polyarb.ledger.fold import Ledger
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.performance import PerformanceReport, build_performance
from polyarb.reports.records import ChainCheck
from polyarb.reports.returns import DayReturn, DrawdownFold, sharpe_of
from polyarb.reports.window import range_window
from tests.plan_lives import DAY_NS, NOON_NS, binary_merged, broken, held, missed
from tests.report_journals import at, records, rich_journal, run

DAYS = range_window("2026-06-07", "2026-06-09")


def build(messages: list[JournalMessage]) -> PerformanceReport:
    report = build_performance(records(messages), DAYS, chain=ChainCheck(is_verified=True))
    assert report is not None
    assert report.breaks == ()
    return report


def day(settled: int | None, covered_ns: int = 1) -> DayReturn:
    return DayReturn(
        day="2026-06-07",
        covered_ns=covered_ns,
        plans=1,
        columns=PnlColumns(settled=settled),
        cumulative=0,
    )


@pytest.mark.parametrize(
    ("earned", "ratio"),
    [
        ([], None),
        ([5], None),
        ([5, 5, 5], None),
        ([1, 3], 1_414),
        ([-1, -3], -1_414),
        ([0, None, 3], 577),
        ([10, -10], 0),
    ],
)
def test_sharpe_is_mean_over_deviation_of_covered_days(
    earned: list[int | None], ratio: int | None
) -> None:
    found = sharpe_of([day(settled) for settled in earned])
    assert (found.ratio, found.days, found.is_enough) == (ratio, len(earned), False)


def test_a_day_without_a_run_is_no_day_of_the_sharpe() -> None:
    assert sharpe_of([day(1), day(3), day(-2, covered_ns=0)]).days == 2
    assert sharpe_of([day(number) for number in range(30)]).is_enough


def test_drawdown_is_the_deepest_fall_from_the_peak() -> None:
    ledger, fold = Ledger(), DrawdownFold()
    assert fold.drawdown().deepest is None
    lives = (binary_merged("a", at(0)), broken("b", at(60)), binary_merged("c", at(120)))
    for life in lives:
        for message in life.messages:
            fold.apply(ledger.apply(message))
    found = fold.drawdown()
    assert found.peak == 256_050
    assert found.deepest == 420_000 + 33_950 - 0
    assert found.present == 420_000 - 256_050
    assert found.deepest_ns is not None
    assert found.deepest_ns > at(60)


def test_days_are_listed_with_their_columns_and_gaps_are_counted() -> None:
    journal = [
        *run(*binary_merged("a", at(20)).messages),
        *run(
            *broken("b", NOON_NS + 2 * DAY_NS).messages,
            run_id="run-2",
            start_ns=NOON_NS + 2 * DAY_NS,
        ),
    ]
    report = build(journal)
    assert [(one.day, one.columns.settled, one.cumulative) for one in report.days] == [
        ("2026-06-07", 256_050, 256_050),
        ("2026-06-09", -420_000, -163_950),
    ]
    assert report.days_in_range - len(report.days) == 1
    assert [one.covered_ns for one in report.days] == [600 * 10**9] * 2
    assert report.money.day == report.money.since_start


def test_overlapping_runs_cover_their_time_once() -> None:
    journal = [*run(), *run(run_id="b", feed="other", start_ns=at(300))]
    assert [one.covered_ns for one in build(journal).days] == [900 * 10**9]


def test_a_win_is_settled_money_of_a_plan_that_traded() -> None:
    journal = run(
        *binary_merged("a", at(20)).messages,
        *broken("b", at(60)).messages,
        *missed("c", at(120)).messages,
        *held("d", at(180)).messages,
    )
    wins = build(journal).wins
    assert (wins.traded, wins.won, wins.lost, wins.even, wins.missed) == (2, 1, 1, 0, 1)


def test_the_range_adds_up_to_its_days() -> None:
    report = build(rich_journal())
    settled = sum(one.columns.settled or 0 for one in report.days)
    assert settled == report.money.day.settled == report.days[-1].cumulative
    assert report.execution.orders.submitted > 0
    assert report.phases == ("shadow",)


def test_a_range_without_a_run_has_no_report() -> None:
    other = range_window("2026-07-01", "2026-07-02")
    assert build_performance(records(run()), other, chain=ChainCheck()) is None
