"""Compliance: exposure as the risk checks count it, every order with its intent, the matrix."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from polyarb.domain.messages import JournalMessage, OperatorHalted, OperatorResumed
from polyarb.domain.plan import Family
from polyarb.ledger.balances import Position
from polyarb.reports.compliance import ComplianceReport, build_compliance
from polyarb.reports.compliance_document import ORDERS_SHOWN, compliance_document
from polyarb.reports.daily import NOTHING_BESIDE, Beside
from polyarb.reports.markdown import to_markdown
from polyarb.reports.page import to_html
from polyarb.reports.plain import to_plain
from polyarb.reports.records import ChainCheck
from polyarb.reports.requirement_rows import REQUIREMENTS
from polyarb.reports.requirements import SHOWINGS, MatrixRow, Showing, Standing
from polyarb.reports.window import range_window
from tests.plan_lives import DAY_NS, NOON_NS, binary, binary_merged, broken, held, missed
from tests.report_journals import at, records, rich_beside, rich_journal, run
from tests.unit.reports.test_documents import read

ROOT = Path(__file__).resolve().parents[3]
DAYS = range_window("2026-06-07", "2026-06-08")
VERIFIED = ChainCheck(is_verified=True)


def build(
    messages: list[JournalMessage], beside: Beside = NOTHING_BESIDE, chain: ChainCheck = VERIFIED
) -> ComplianceReport:
    report = build_compliance(records(messages), DAYS, chain=chain, beside=beside)
    assert report is not None
    assert report.breaks == ()
    return report


def uses(report: ComplianceReport) -> dict[str, int]:
    return {use.name: use.most for use in report.uses}


def rows(report: ComplianceReport) -> dict[str, MatrixRow]:
    return {row.requirement.id: row for row in report.requirements}


def test_no_run_is_no_report() -> None:
    assert build_compliance([], DAYS, chain=VERIFIED) is None


def test_a_plan_is_at_risk_from_its_approval_until_it_is_over() -> None:
    first, second = binary_merged("a", at(10)), held("b", at(12))
    messages = sorted([*first.messages, *second.messages], key=lambda one: one.receive_time_ns)
    report = build(run(*messages))
    assert uses(report)["open notional"] == 400_000_000
    assert uses(report)["position notional"] == 400_000_000
    assert uses(report)["instruments"] == 4
    assert uses(report)["orders a minute"] == 5
    assert uses(report)["order notional"] == 5_200_000
    assert uses(report)["daily loss"] == 0
    assert report.open_notional == 200_000_000
    assert max(point.open_notional for point in report.exposure) == 400_000_000


def test_orders_of_another_minute_are_not_counted_together() -> None:
    messages = [*missed("a", at(10)).messages, *missed("b", at(80)).messages]
    report = build(run(*messages))
    assert (uses(report)["orders a minute"], uses(report)["open notional"]) == (2, 200_000_000)
    assert report.open_notional == 0


def test_a_loss_of_a_day_is_settled_money() -> None:
    assert uses(build(run(*broken("a", at(10)).messages)))["daily loss"] == 420_000


def test_what_was_open_before_the_time_counts_in_it() -> None:
    before = NOON_NS - DAY_NS
    messages = run(*held("a", before + 5 * 10**9).messages, start_ns=before, seconds=2 * 86_400)
    late = binary("b", at(10)).begun().messages
    messages[-3:-3] = late
    report = build(sorted(messages, key=lambda one: one.receive_time_ns))
    assert uses(report)["open notional"] == 400_000_000
    assert uses(report)["position notional"] == 400_000_000


def test_without_a_recipe_the_envelope_is_not_known_and_never_kept() -> None:
    report = build(rich_journal())
    assert {use.is_kept for use in report.uses} == {None}
    assert {use.allowed for use in report.uses} == {None}
    assert "not known" in to_plain(compliance_document(report))


def test_a_figure_beyond_the_envelope_is_told_loudly() -> None:
    report = build(rich_journal(), rich_beside())
    assert {use.name for use in report.uses if use.is_kept is False} == {"position notional"}
    assert "EXCEEDED" in to_plain(compliance_document(report))
    assert any("beyond it in position notional" in text for text in rows(report)["R8"].open)


def test_positions_and_cash_are_the_ledgers() -> None:
    report = build(run(*held("a", at(10)).messages))
    assert report.positions[0] == Position(
        condition_id="N0", outcome=report.positions[0].outcome, shares=5_000_000, cost=1_500_000
    )
    assert report.cash == -4_750_000 - 30_000


def test_every_order_has_its_intent_its_family_its_phase_and_its_run() -> None:
    report = build(rich_journal(), rich_beside())
    assert len(report.transactions) == 48
    assert {one.phase for one in report.transactions} == {"shadow"}
    assert {one.actor for one in report.transactions} == {"run-1", "run-2"}
    assert all(one.order_id and one.plan_id and one.price_limit for one in report.transactions)
    assert sum(one.orders for one in report.attribution) == 48
    families = {one.family for one in report.attribution}
    assert families == {Family.BINARY, Family.IMPLICATION, Family.NEGRISK_YES}
    assert report.unattributed == 0
    journal = records(rich_journal())
    for one in report.transactions:
        placed = journal[one.sequence - 1].message
        assert one.order_id in {order.order_id for order in placed.orders}  # type: ignore[union-attr]


def test_an_order_that_was_never_intended_is_a_break_and_belongs_to_nobody() -> None:
    stray = binary_merged("a", at(10)).messages[3]
    report = build_compliance(records(run(stray)), DAYS, chain=VERIFIED)
    assert report is not None
    assert report.unattributed == 1


def test_what_people_did_is_listed() -> None:
    halt = OperatorHalted(receive_time_ns=at(30), actor="ann", reason="look")
    resume = OperatorResumed(receive_time_ns=at(60), actor="bob", reason="seen")
    actions = build(run(halt, resume)).actions
    assert [(one.actor, one.what, one.reason) for one in actions] == [
        ("ann", "halt", "look"),
        ("bob", "resume", "seen"),
    ]


def test_every_requirement_is_listed_with_its_evidence_and_what_is_owed() -> None:
    report = build(rich_journal(), rich_beside())
    assert [row.requirement for row in report.requirements] == list(REQUIREMENTS)
    found = rows(report)
    assert found["R15.2"].standing is Standing.PARTLY
    assert "records 1 to 778, hash chain verified" in found["R15.2"].evidence
    assert "drill breaker passed, 10 h 0 m old" in found["R15.3"].evidence
    assert "a pass of the drill kill, the last one failed" in found["R14"].open
    assert "the drill restore" in found["R14"].open
    assert found["R15.6"].standing is Standing.PROVEN
    assert found["R16.2"].standing is Standing.NOT_BUILT


def test_evidence_that_is_missing_or_wrong_never_proves() -> None:
    kept = {
        key: replace(
            facts,
            envelope=replace(facts.envelope, position_notional_max=10**12),  # type: ignore[type-var]
        )
        for key, facts in rich_beside().facts.items()
    }
    good = replace(rich_beside(), facts=kept)
    assert rows(build(rich_journal(), good))["R8"].standing is Standing.PROVEN
    assert rows(build(rich_journal()))["R8"].standing is Standing.PARTLY
    unchecked = rows(build(rich_journal(), good, ChainCheck()))["R15.2"]
    assert unchecked.standing is Standing.PARTLY
    assert unchecked.open == ("a check of the journal's hash chain",)
    broken_chain = ChainCheck(is_verified=True, breaks=("line 3",))
    holed = build_compliance(records(rich_journal()), DAYS, chain=broken_chain, beside=good)
    assert holed is not None
    assert "a journal without holes" in rows(holed)["R15.2"].open
    quiet = rows(build(run(), good))
    assert "an order in the time" in quiet["R28"].open


def test_a_drill_of_other_code_does_not_count() -> None:
    other = tuple(replace(one, code_digest="other") for one in rich_beside().drills or ())
    found = rows(build(rich_journal(), replace(rich_beside(), drills=other)))
    assert "the drill breaker with the code that ran" in found["R15.3"].open


def test_a_broken_ledger_is_no_evidence() -> None:
    life = held("d", at(61)).failed(0)
    report = build_compliance(records(run(*life.messages)), DAYS, chain=VERIFIED)
    assert report is not None
    assert any("a sound ledger" in text for text in rows(report)["R17.1"].open)


def test_digests_that_are_missing_are_owed() -> None:
    started, *rest = rich_journal()
    blank = replace(started, code_digest="")  # type: ignore[type-var]
    report = build_compliance(records([blank, *rest]), DAYS, chain=VERIFIED)
    assert report is not None
    assert "digests of every run" in rows(report)["R5"].open


@pytest.mark.parametrize("row", REQUIREMENTS, ids=lambda row: row.id.replace("/", "-"))
def test_every_test_that_a_requirement_names_exists(row: object) -> None:
    for test in row.tests:  # type: ignore[attr-defined]
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), test


def test_requirements_are_named_once_and_are_honest() -> None:
    assert len({row.id for row in REQUIREMENTS}) == len(REQUIREMENTS) == 32
    assert set(SHOWINGS) == set(Showing)
    for row in REQUIREMENTS:
        assert row.tests or row.missing, row.id
    assert {row.standing for row in REQUIREMENTS} == set(Standing)


def test_every_form_has_every_part_and_long_lists_say_that_they_were_cut() -> None:
    document = compliance_document(build(rich_journal(), rich_beside()))
    for text in (to_markdown(document), to_html(document), to_plain(document)):
        for title in (
            "Exposure against the envelope",
            "Attribution",
            "Requirement, test, evidence",
        ):
            assert title in text
    read(to_html(document))
    many = [m for number in range(120) for m in missed(f"m{number}", at(number)).messages]
    text = to_plain(compliance_document(build(run(*many))))
    assert f"the first {ORDERS_SHOWN} of 240; the JSON form has all" in text


def test_a_live_phase_says_that_orders_were_sent() -> None:
    started, *rest = run(*binary("a", at(10)).begun().messages)
    live = replace(started, phase="micro-live")  # type: ignore[type-var]
    text = to_plain(compliance_document(build([live, *rest])))
    assert "orders of live phases were sent to the venue" in text
    assert "open" in text
