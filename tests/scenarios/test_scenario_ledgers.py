"""Every scenario's journal keeps the laws of the ledger and can be reported on."""

from pathlib import Path

import pytest
from polyarb.domain.plan import Family
from polyarb.ledger.fold import fold
from polyarb.ledger.invariants import violations
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.daily import build_daily, last_day
from polyarb.reports.daily_document import daily_document
from polyarb.reports.page import to_html
from polyarb.reports.records import ChainCheck
from polyarb.research.scenario import parse_scenario
from polyarb.store.memory import MemoryRecord
from polyarb.wiring.scenario import run_scenario
from tests.scenarios.test_scenarios import FOLDER, ROOMY


def journal_of(path: Path) -> list[MemoryRecord]:
    _, records = run_scenario(parse_scenario(path.read_text(), path.name), ROOMY)
    return records


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_a_scenario_keeps_the_laws_of_the_ledger(path: Path) -> None:
    records = journal_of(path)
    ledger = fold(record.message for record in records)
    assert violations(ledger) == ()
    day = last_day(records)
    assert day is not None
    report = build_daily(records, day, chain=ChainCheck(is_verified=True))
    assert report is not None
    assert report.is_whole
    assert report.money.since_start == ledger.total()
    assert "no anomaly" not in report.diagnosis or not report.money.violations
    assert to_html(daily_document(report)).startswith("<!doctype html>")


def test_the_planted_set_earns_what_the_plan_format_says_to_the_micro() -> None:
    ledger = fold(record.message for record in journal_of(FOLDER / "negrisk_no_planted.txt"))
    assert ledger.total() == PnlColumns(expected=4_495_950, matched=4_515_950, settled=4_495_950)


@pytest.mark.parametrize(
    ("name", "profit"),
    [("joint_pair_and_ladder", 4_800_000), ("joint_group_and_pair", 5_900_000)],
)
def test_a_plan_over_several_relations_earns_what_it_promised_to_the_micro(
    name: str, profit: int
) -> None:
    total = fold(record.message for record in journal_of(FOLDER / f"{name}.txt")).total()
    assert total == PnlColumns(expected=profit, matched=profit, settled=0)


def test_a_half_filled_set_is_a_loss_and_never_a_gain() -> None:
    ledger = fold(
        record.message for record in journal_of(FOLDER / "half_filled_set_is_unwound.txt")
    )
    columns = ledger.total()
    assert columns.matched == 0
    assert columns.settled is not None
    assert columns.settled < 0
    assert {plan.family for plan in ledger.plans.values()} == {Family.NEGRISK_NO}
