"""What changed since the day before."""

from polyarb.reports.changes import Change
from polyarb.reports.daily import Beside, DailyReport, build_daily
from polyarb.reports.records import ChainCheck
from tests.plan_lives import DAY_NS, NOON_NS
from tests.report_journals import counted, records, rich_beside, rich_journal, run


def build(beside: Beside, day: str = "2026-06-08") -> DailyReport:
    report = build_daily(records(rich_journal()), day, chain=ChainCheck(), beside=beside)
    assert report is not None
    return report


def test_the_first_day_has_nothing_to_compare_with() -> None:
    assert build(rich_beside(), "2026-06-07").changes.previous_day is None


def test_digests_figures_markets_and_key_figures_are_compared() -> None:
    changes = build(rich_beside()).changes
    assert (changes.previous_day, changes.is_yesterday, changes.is_compared) == (
        "2026-06-07",
        True,
        True,
    )
    assert changes.digests == (
        Change(what="configuration digest", before="config", after="config-2"),
    )
    assert changes.figures == (Change(what="guards.settle_ms", before="400", after="600"),)
    assert (changes.markets_added, changes.markets_removed) == (("NARROW",), ("WIDE",))


def test_key_figures_are_those_of_each_days_own_report() -> None:
    today, yesterday = build(rich_beside()), build(rich_beside(), "2026-06-07")
    key = {one.name: (one.before, one.after) for one in today.changes.key_figures}
    assert key["settled"] == (yesterday.money.day.settled, today.money.day.settled)
    assert key["expected"] == (yesterday.money.day.expected, today.money.day.expected)
    assert key["P95 latency"] == (yesterday.latency.p95, today.latency.p95)
    assert key["episodes"] == (yesterday.opportunities.episodes, today.opportunities.episodes)
    assert key["plans placed"] == (
        yesterday.execution.plans.placed,
        today.execution.plans.placed,
    )


def test_without_recipes_figures_and_markets_are_not_compared() -> None:
    changes = build(Beside()).changes
    assert not changes.is_compared
    assert changes.digests != ()
    assert (changes.figures, changes.markets_added) == ((), ())


def test_a_gap_before_the_day_is_told_and_a_run_over_midnight_is_its_own_day_before() -> None:
    later = run(counted(60), run_id="b", feed="b", start_ns=NOON_NS + 3 * DAY_NS)
    report = build_daily(records([*run(), *later]), "2026-06-10", chain=ChainCheck())
    assert report is not None
    assert (report.changes.previous_day, report.changes.is_yesterday) == ("2026-06-07", False)
    over = build_daily(records(run(seconds=86_400)), "2026-06-08", chain=ChainCheck())
    assert over is not None
    assert (over.changes.previous_day, over.changes.is_yesterday) == ("2026-06-07", True)
    assert over.changes.digests == ()
