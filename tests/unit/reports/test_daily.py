"""The daily report of whole journals, checked figure by figure."""

import json

import msgspec
import pytest
from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import JournalMessage, Stage, Tier
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.daily import Beside, DailyReport, build_daily, last_day
from polyarb.reports.diagnosis import NO_ANOMALY
from polyarb.reports.records import ChainCheck
from polyarb.reports.survey import survey_records
from polyarb.reports.verdict import Finding
from tests.plan_lives import DAY_NS, NOON_NS, SECOND_NS, binary_merged, broken, held, missed
from tests.report_journals import (
    at,
    counted,
    denied,
    found,
    invalidated,
    lost,
    measured,
    quoted,
    records,
    restored,
    run,
    tried,
)

VERIFIED = ChainCheck(is_verified=True)
CALM = Beside(alerts=())
"""An alert engine ran and nothing fired."""
DAY = "2026-06-07"


def build(
    messages: list[JournalMessage],
    day: str = DAY,
    chain: ChainCheck = VERIFIED,
    beside: Beside = CALM,
) -> DailyReport:
    report = build_daily(records(messages), day, chain=chain, beside=beside)
    assert report is not None
    return report


def quiet(seconds: int = 600) -> list[JournalMessage]:
    """A run in which nothing at all is wrong."""
    inside: list[JournalMessage] = []
    for minute in range(60, seconds, 60):
        inside += [counted(minute), measured(minute, 1_000 + minute)]
    return run(*inside, seconds=seconds)


def full() -> list[JournalMessage]:
    """A day on which about everything happens once."""
    return run(
        found("a", 10),
        denied(11, Stage.GUARD, "STALE"),
        *quoted(binary_merged("b", at(20)).messages),
        *[tried("b", tier, 250_000 - 50_000 * rank) for rank, tier in enumerate(Tier)],
        *quoted(broken("c", at(60)).messages),
        *quoted(held("d", at(120)).messages),
        *quoted(missed("e", at(180)).messages),
        lost("a", 200, lived=190, net=1, quantity=5, profit=1, is_planned=True),
        invalidated(210),
        restored(240),
        counted(300, raw_hits={"negrisk_no": 4}, rejected={"STALE": 3}, tradable={"negrisk_no": 1}),
        measured(420, 4_000),
        counted(480),
    )


def test_a_day_without_a_run_has_no_report() -> None:
    assert build_daily([], DAY, chain=VERIFIED) is None
    assert build_daily(records(quiet()), "2026-06-08", chain=VERIFIED) is None
    assert last_day([]) is None


def test_the_last_day_is_that_of_the_last_record() -> None:
    assert last_day(records(quiet())) == DAY
    later = run(run_id="b", start_ns=NOON_NS + DAY_NS)
    assert last_day(records([*quiet(), *later])) == "2026-06-08"


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        build_daily(records(quiet()), "June 7", chain=VERIFIED)


def test_a_quiet_day_has_no_anomaly_and_no_sample() -> None:
    report = build(quiet())
    assert (report.is_whole, report.failures, report.diagnosis) == (True, (), (NO_ANOMALY,))
    assert report.money.day == PnlColumns()
    assert report.verdict.finding is Finding.INSUFFICIENT
    assert report.execution.orders.submitted == 0
    assert (report.phase, report.profiles) == ("shadow", ("live_shadow_atomic_v1",))
    assert report.latency.p95 == 4_000_000


def test_every_section_has_its_figures() -> None:
    report = build(full())
    complete = report.completeness
    assert (complete.covered_ns, complete.sequence_first) == (600 * SECOND_NS, 1)
    assert complete.sequence_last == complete.records == len(full())
    assert [(book.condition_id, book.lost_ns) for book in complete.books] == [("A", 30 * SECOND_NS)]
    families = {one.family: one for one in report.opportunities.families}
    assert (families[Family.NEGRISK_NO].raw_hits, families[Family.NEGRISK_NO].episodes) == (4, 1)
    assert report.execution.plans.placed == 4
    assert report.execution.haircut is not None
    assert report.execution.haircut.cost == 100_000
    assert (report.execution.sets.attempts, report.execution.sets.broken) == (3, 1)
    money = {one.family: one for one in report.money.families}
    assert money[Family.BINARY].columns == PnlColumns(
        expected=512_100, matched=266_050, settled=256_050
    )
    assert money[Family.IMPLICATION].columns.settled == -420_000
    assert money[Family.NEGRISK_YES].held == 4_750_000
    assert money[Family.LADDER].columns == PnlColumns()
    assert report.money.day == PnlColumns(
        expected=512_100 + 300_000 + 220_000,
        matched=266_050 - 120_000 + 220_000,
        settled=256_050 - 420_000 - 30_000,
    )
    assert (report.money.plans, report.money.open_plans, report.money.held_plans) == (4, 0, 1)
    assert report.money.violations == ()
    assert report.incidents.books_by_fault == {"CROSSED_BOOK": 1}


def test_whatever_is_wrong_is_diagnosed() -> None:
    report = build(full())
    assert report.diagnosis == (
        "1 book could not be decided on for more than 1 % of the time covered, the worst for 30 s",
        "more than 10 % of orders filled nothing: 33.3 % (3 of 9)",
        "sets broke: 33.3 % (1 of 3)",
        "settled PnL of the day is below zero: -0.19395 USD",
        "books were invalidated 1 time",
    )


@pytest.mark.parametrize(
    ("messages", "line"),
    [
        (run(counted(60), counted(120), seconds=180), "the feed was not measured"),
        (run(measured(60, 0), seconds=120), "the feed delivered no message"),
        (run(measured(60, rejected={"torn": 2}), seconds=120), "2 messages of the feed could not"),
        (run(measured(60, latency_ns=None), seconds=120), "latency was not measured"),
        (run(measured(60, latency_ns=300_000_000), seconds=120), "P95 latency is 600 ms, above"),
        (run(measured(500), seconds=600), "1 silence of the feed"),
        (run(measured(60), seconds=120, is_opened=False), "incidents of kind not opened: 1"),
        (run(measured(60), *held("d", at(61)).failed(0).messages, seconds=120), "ledger breaks"),
        (run(measured(60), *held("d", at(61)).begun().messages, seconds=120), "ledger breaks"),
        ([*quiet(), *quiet()], "1 run not counted"),
    ],
)
def test_no_anomaly_is_never_said_while_something_is(
    messages: list[JournalMessage], line: str
) -> None:
    diagnosis = build(messages).diagnosis
    assert NO_ANOMALY not in diagnosis
    assert any(line in said for said in diagnosis), diagnosis


def test_few_fills_are_told_only_above_ten_orders() -> None:
    plans = [m for number in range(6) for m in missed(f"m{number}", at(number)).messages]
    assert any("fewer than 30 %" in line for line in build(run(*plans)).diagnosis)
    few = [m for number in range(5) for m in missed(f"m{number}", at(number)).messages]
    assert not any("fewer than 30 %" in line for line in build(run(*few)).diagnosis)


def test_an_unchecked_chain_is_told_and_a_broken_one_fails_the_report() -> None:
    unchecked = build(quiet(), chain=ChainCheck())
    assert unchecked.is_whole
    assert unchecked.diagnosis == ("the journal's hash chain was not checked",)
    broken_chain = ChainCheck(is_verified=True, breaks=("line 3 was changed",), torn="12 bytes")
    report = build(quiet(), chain=broken_chain)
    assert (report.is_whole, report.failures) == (False, ("line 3 was changed",))
    assert report.breaks == ()
    assert any("torn tail" in line for line in report.diagnosis)


def test_a_crash_fails_the_report_and_is_a_critical_incident() -> None:
    report = build(run(counted(60), found("a", 70), is_stopped=False))
    assert not report.is_whole
    assert report.failures == ("run run-1 has no end after record 5",)
    assert report.incidents.critical == 1
    family = next(f for f in report.opportunities.families if f.family is Family.NEGRISK_NO)
    assert (family.episodes, family.censored) == (1, 1)


def test_a_live_process_is_no_crash() -> None:
    messages = records(run(counted(60), is_stopped=False))
    survey = survey_records(messages, is_running=True)
    report = build_daily(messages, DAY, chain=VERIFIED, survey=survey)
    assert report is not None
    assert report.is_whole


def test_a_tape_played_twice_counts_once() -> None:
    once, twice = build(full()), build([*full(), *full()])
    assert twice.money.day == once.money.day
    assert twice.opportunities == once.opportunities
    assert twice.execution == once.execution
    assert twice.completeness.feed == once.completeness.feed
    assert twice.completeness.covered_ns == once.completeness.covered_ns
    assert [one.is_counted for one in twice.completeness.runs] == [False, True]


def test_a_plan_over_midnight_is_told_on_each_day_as_far_as_it_was() -> None:
    life = held("d", NOON_NS + DAY_NS // 2 - 5 * SECOND_NS)
    settled = life.settled(SetStatus.SETTLED, 5_000_000).messages
    messages = run(*settled, seconds=43_200 + 600)
    today, tomorrow = build(messages), build(messages, "2026-06-08")
    assert today.money.day == PnlColumns(expected=220_000, matched=-20_000)
    assert (today.money.open_plans, today.money.unmatched) == (1, 3_100_000)
    assert tomorrow.money.day == PnlColumns(matched=240_000, settled=220_000)
    assert tomorrow.money.since_start == PnlColumns(
        expected=220_000, matched=220_000, settled=220_000
    )


def test_gate_progress_tells_what_is_missing_and_judges_nothing() -> None:
    gates = {gate.criterion: gate for gate in build(full()).gates}
    days = gates["days on which shadow ran"]
    assert (days.value, days.n, days.missing) == ("1", 1, "6 more days")
    assert gates["WS reconnects succeed"].value is None
    assert gates["holes in the journal"].value == "0"
    assert "insufficient" in (gates["edge reachable at T2"].value or "")
    unchecked = {g.criterion: g for g in build(quiet(), chain=ChainCheck()).gates}
    assert unchecked["holes in the journal"].value is None
    unmeasured = {g.criterion: g for g in build(run()).gates}
    assert unmeasured["P95 latency, receipt to decision"].value is None
    week = [
        message
        for number in range(7)
        for message in run(run_id=str(number), start_ns=NOON_NS + number * DAY_NS)
    ]
    whole_week = {g.criterion: g for g in build(week).gates}
    assert whole_week["days on which shadow ran"].missing == ""


@pytest.mark.parametrize("venue", ["sandbox", "tape"])
def test_a_rehearsal_shows_nothing_for_the_gates(venue: str) -> None:
    started, *rest = quiet()
    assert isinstance(started, msgspec.Struct)
    rehearsal = msgspec.structs.replace(started, venue=venue)
    report = build([rehearsal, *rest])
    gates = {gate.criterion: gate for gate in report.gates}
    days = gates["days on which shadow ran"]
    assert (days.value, days.n, days.missing) == ("0", 0, "7 more days")
    assert [run.venue for run in report.completeness.runs] == [venue]
    measured = ("P95 latency, receipt to decision", "edge reachable at T2")
    for criterion in measured:
        assert gates[criterion].value is None
        assert f"figures are of the {venue}" in gates[criterion].missing
    real = build([msgspec.structs.replace(started, venue="polymarket"), *rest])
    (here,) = [gate for gate in real.gates if gate.criterion == "edge reachable at T2"]
    assert here.value is not None


def test_another_phase_has_no_criteria_here_yet() -> None:
    started, *rest = quiet()
    assert isinstance(started, msgspec.Struct)
    live = msgspec.structs.replace(started, phase="micro-live")
    assert build([live, *rest]).gates == ()


def test_titles_are_kept_for_the_markets_that_are_named() -> None:
    titles = {ConditionId("A"): "Who wins?", ConditionId("ELSE"): "Not named"}
    report = build_daily(records(full()), DAY, chain=VERIFIED, beside=Beside(titles=titles))
    assert report is not None
    assert report.titles == {"A": "Who wins?"}


def test_the_report_is_json_and_reads_back_as_itself() -> None:
    report = build(full())
    text = msgspec.json.encode(report)
    assert msgspec.json.decode(text, type=DailyReport) == report
    told = json.loads(text)
    assert told["money"]["day"]["chain"] is None
    assert told["units"].startswith("money in micros")
    assert text == msgspec.json.encode(build(full()))
