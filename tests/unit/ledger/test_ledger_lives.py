"""Whole lives of plans against tables computed by hand."""

from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.domain.units import MICRO
from polyarb.ledger.accounts import Account, AccountKind, Book
from polyarb.ledger.balances import cash, positions, trial_balance
from polyarb.ledger.fold import Ledger, fold
from polyarb.ledger.invariants import violations
from polyarb.ledger.pnl import PnlColumns, by_day, by_family, by_plan, total
from polyarb.ledger.transactions import AnomalyKind
from tests.plan_lives import (
    DAY_NS,
    NOON_NS,
    LegPlan,
    Life,
    binary,
    binary_merged,
    broken,
    held,
    missed,
    run_started,
)


def amount(ledger: Ledger, book: Book, kind: AccountKind) -> int:
    return sum(
        balance.amount
        for account, balance in ledger.balances.items()
        if account.book is book and account.kind is kind
    )


def test_a_merged_set_earns_what_the_specification_says_and_not_its_notional() -> None:
    ledger = fold(binary_merged().messages)
    assert total(ledger.pnl) == PnlColumns(
        expected=256_050, matched=266_050, settled=256_050, chain=None
    )
    assert cash(ledger.balances) == 256_050
    assert positions(ledger.balances) == ()
    assert amount(ledger, Book.SETTLED, AccountKind.FEES) == 33_950
    assert amount(ledger, Book.SETTLED, AccountKind.GAS) == 10_000
    assert amount(ledger, Book.SETTLED, AccountKind.REALISED) == -300_000
    assert violations(ledger) == ()


def test_every_step_of_a_set_moves_the_account_it_should() -> None:
    ledger = Ledger()
    life = binary().begun().matched(0, 10 * MICRO, 4_500_000, 15_750)
    for message in life.messages:
        ledger.apply(message)
    assert amount(ledger, Book.EXPECTED, AccountKind.PROMISED) == 256_050
    assert amount(ledger, Book.MATCHED, AccountKind.PENDING) == 4_500_000
    assert amount(ledger, Book.MATCHED, AccountKind.CASH) == -4_515_750
    assert amount(ledger, Book.MATCHED, AccountKind.SETS) == 0
    assert amount(ledger, Book.SETTLED, AccountKind.CASH) == 0
    ledger.apply(life.matched(1, 10 * MICRO, 5_200_000, 18_200).messages[-1])
    assert amount(ledger, Book.MATCHED, AccountKind.SETS) == 300_000
    ledger.apply(life.confirmed(0).messages[-1])
    assert amount(ledger, Book.MATCHED, AccountKind.PENDING) == 5_200_000
    assert amount(ledger, Book.MATCHED, AccountKind.SHARES) == 4_500_000
    assert amount(ledger, Book.SETTLED, AccountKind.CASH) == -4_515_750
    assert [(p.outcome, p.shares, p.cost) for p in positions(ledger.balances)] == [
        (Outcome.YES, 10 * MICRO, 4_500_000)
    ]


def test_a_finished_plan_leaves_only_pnl_in_the_expected_and_matched_books() -> None:
    ledger = fold(binary_merged().messages)
    left = {
        line.account: line.amount
        for line in trial_balance(ledger.balances)
        if line.book in (Book.EXPECTED, Book.MATCHED)
    }
    assert left == {
        "expected:income:expected": -256_050,
        "expected:equity:finished": 256_050,
        "matched:expenses:fees": 33_950,
        "matched:income:matched": -300_000,
        "matched:equity:finished": 266_050,
    }


def test_a_held_set_stays_at_cost_until_it_settles() -> None:
    life = held()
    ledger = fold(life.messages)
    row = next(r for r in by_family(ledger.pnl, ledger.plans) if r.family is Family.NEGRISK_YES)
    assert row.columns == PnlColumns(expected=220_000, matched=220_000, settled=-30_000)
    assert (row.held, row.unmatched, row.plans) == (4_750_000, 0, 1)
    assert [(p.shares, p.cost) for p in positions(ledger.balances)] == [
        (5 * MICRO, 1_500_000),
        (5 * MICRO, 1_600_000),
        (5 * MICRO, 1_650_000),
    ]
    assert violations(ledger) == ()
    ledger.apply(life.settled(SetStatus.SETTLED, 5 * MICRO).messages[-1])
    assert total(ledger.pnl).settled == 220_000
    assert positions(ledger.balances) == ()
    assert violations(ledger) == ()


def test_a_settlement_message_of_a_held_set_only_pays_its_gas() -> None:
    life = held().settled(SetStatus.HELD, 0, gas=7_000)
    ledger = fold(life.messages)
    assert total(ledger.pnl).settled == -37_000
    assert len(positions(ledger.balances)) == 3
    assert violations(ledger) == ()


def test_a_converted_set_of_unequal_legs_brings_its_payoff() -> None:
    legs = ((380_000, 100), (590_000, 100), (950_000, 10))
    life = Life(
        "no-1",
        Family.NEGRISK_NO,
        tuple(
            LegPlan(f"N{n}", Outcome.NO, price, shares * MICRO)
            for n, (price, shares) in enumerate(legs)
        ),
        quantity=100 * MICRO,
        payoff=110 * MICRO,
        profit=2_500_000,
    ).begun()
    for leg, (price, shares) in enumerate(legs):
        life.matched(leg, shares * MICRO, price * shares, (400_000, 500_000, 100_000)[leg])
    life.changed(SetStatus.LEGGING, SetStatus.COMPLETE).confirmed(0, 1, 2)
    life.changed(SetStatus.COMPLETE, SetStatus.CONVERTED).settle(SetStatus.CONVERTED)
    ledger = fold(life.settled(SetStatus.CONVERTED, 110 * MICRO, gas=18_000).messages)
    assert total(ledger.pnl) == PnlColumns(expected=2_500_000, matched=2_500_000, settled=2_482_000)
    assert violations(ledger) == ()


def split(plan_id: str = "split-1") -> Life:
    life = Life(
        plan_id,
        Family.NEGRISK_SPLIT,
        (
            LegPlan("N0", Outcome.YES, 620_000, 50 * MICRO, Side.SELL),
            LegPlan("N1", Outcome.YES, 410_000, 50 * MICRO, Side.SELL),
        ),
        quantity=50 * MICRO,
        payoff=-50 * MICRO,
        profit=1_000_000,
    )
    return life.begun()


def test_a_split_set_is_sold_first_and_pays_for_its_sets_at_the_end() -> None:
    life = split().matched(0, 50 * MICRO, 31 * MICRO, 300_000)
    life.matched(1, 50 * MICRO, 20_500_000, 200_000)
    life.changed(SetStatus.LEGGING, SetStatus.COMPLETE).confirmed(0, 1)
    before = fold(life.messages)
    assert [(p.shares, p.cost) for p in positions(before.balances)] == [
        (-50 * MICRO, -31 * MICRO),
        (-50 * MICRO, -20_500_000),
    ]
    life.changed(SetStatus.COMPLETE, SetStatus.CONVERTED).settle(SetStatus.CONVERTED)
    ledger = fold(life.settled(SetStatus.CONVERTED, -50 * MICRO).messages)
    assert total(ledger.pnl) == PnlColumns(expected=1_000_000, matched=1_000_000, settled=1_000_000)
    assert cash(ledger.balances) == 1_000_000
    assert violations(ledger) == ()


def test_a_split_that_sold_nothing_is_undone_for_its_gas() -> None:
    life = split().killed(0).killed(1).changed(SetStatus.LEGGING, SetStatus.BROKEN).unwind()
    ledger = fold(life.settled(SetStatus.UNWOUND, 0, gas=20_000).messages)
    assert total(ledger.pnl) == PnlColumns(expected=1_000_000, matched=None, settled=-20_000)
    assert violations(ledger) == ()


def test_a_broken_set_realises_its_loss_and_its_single_leg_was_never_a_gain() -> None:
    life = broken()
    cut = next(i for i, m in enumerate(life.messages) if type(m).__name__ == "UnwindSet")
    open_ledger = fold(life.messages[:cut])
    row = by_plan(open_ledger.pnl, open_ledger.plans)[0]
    assert row.columns == PnlColumns(expected=300_000, matched=-120_000, settled=-120_000)
    assert (row.unmatched, row.held, row.status) == (4_000_000, 0, SetStatus.BROKEN)
    ledger = fold(life.messages)
    row = by_plan(ledger.pnl, ledger.plans)[0]
    assert row.columns == PnlColumns(expected=300_000, matched=-120_000, settled=-420_000)
    assert (row.unmatched, row.held, row.status) == (0, 0, SetStatus.UNWOUND)
    assert violations(ledger) == ()


def test_shares_that_an_unwind_could_not_sell_are_lost_and_remembered() -> None:
    life = broken()
    life.messages = life.messages[:-3]
    ledger = fold(life.settled(SetStatus.UNWOUND, 1_000_000, unsold=7 * MICRO).messages)
    assert total(ledger.pnl).settled == 1_000_000 - 4_120_000
    assert [plan.unsold for plan in ledger.plans.values()] == [7 * MICRO]
    assert positions(ledger.balances) == ()


def test_a_failed_trade_takes_its_match_back_wholly() -> None:
    life = binary().begun()
    life.matched(0, 10 * MICRO, 4_500_000, 15_750).matched(1, 10 * MICRO, 5_200_000, 18_200)
    life.changed(SetStatus.LEGGING, SetStatus.COMPLETE).confirmed(0).failed(1)
    life.changed(SetStatus.COMPLETE, SetStatus.BROKEN)
    ledger = fold(life.messages)
    assert total(ledger.pnl) == PnlColumns(expected=256_050, matched=-15_750, settled=-15_750)
    assert amount(ledger, Book.MATCHED, AccountKind.CASH) == -4_515_750
    assert amount(ledger, Book.MATCHED, AccountKind.PENDING) == 0
    assert next(iter(ledger.plans.values())).unmatched == 4_500_000
    ledger.apply(life.unwind().settled(SetStatus.UNWOUND, 4_400_000).messages[-1])
    assert total(ledger.pnl) == PnlColumns(expected=256_050, matched=-15_750, settled=-115_750)
    assert violations(ledger) == ()


def test_a_missed_plan_was_promised_and_nothing_else() -> None:
    ledger = fold(missed().messages)
    assert total(ledger.pnl) == PnlColumns(expected=256_050)
    assert amount(ledger, Book.EXPECTED, AccountKind.PROMISED) == 0
    assert violations(ledger) == ()


def test_a_partly_filled_ladder_counts_complete_sets_rounded_against_us() -> None:
    life = Life(
        "ladder-1",
        Family.LADDER,
        (
            LegPlan("K1", Outcome.YES, 550_000, 30 * MICRO),
            LegPlan("K3", Outcome.NO, 420_000, 30 * MICRO),
        ),
        quantity=30 * MICRO,
        payoff=30 * MICRO,
        profit=900_000,
    ).begun()
    life.matched(0, 30 * MICRO, 16_499_999, 3_000).matched(1, 7 * MICRO, 2_939_998, 1_000).killed(1)
    ledger = fold(life.messages)
    plan = next(iter(ledger.plans.values()))
    # 7 sets cost ceil(16.499999 * 7/30) + 2.939998 = 3.850000 + 2.939998, and pay 7
    assert plan.mark == 7_000_000 - 3_850_000 - 2_939_998
    assert plan.unmatched == 16_499_999 - 3_850_000
    assert total(ledger.pnl).matched == 210_002 - 4_000


def test_the_same_plan_in_two_runs_has_two_lives() -> None:
    first, second = binary_merged(), binary_merged()
    messages = [
        run_started("run-1", NOON_NS),
        *first.messages,
        run_started("run-2", NOON_NS),
        *second.messages,
    ]
    ledger = fold(messages)
    assert sorted(key.run for key in ledger.plans) == [1, 2]
    assert total(ledger.pnl).settled == 2 * 256_050
    assert violations(ledger) == ()


def test_a_set_held_over_a_restart_belongs_to_the_run_that_began_it() -> None:
    life = held()
    settled = life.settled(SetStatus.SETTLED, 5 * MICRO).messages.pop()
    ledger = fold(
        [run_started("one", NOON_NS), *life.messages, run_started("two", NOON_NS), settled]
    )
    assert [key.run for key in ledger.plans] == [1]
    assert total(ledger.pnl).settled == 220_000


def test_figures_belong_to_the_utc_day_on_which_they_arose() -> None:
    life = held(start_ns=NOON_NS + DAY_NS // 2 - 10 * 10**9)
    rows = by_day(fold(life.messages).pnl)
    # three messages of beginning and three matches fall before midnight, the rest after
    assert [(row.day, row.columns) for row in rows] == [
        ("2026-06-07", PnlColumns(expected=220_000, matched=220_000, settled=-30_000)),
    ]
    later = held(start_ns=NOON_NS + DAY_NS // 2 - 5 * 10**9)
    rows = by_day(fold(later.messages).pnl)
    assert [(row.day, row.plans, row.columns) for row in rows] == [
        ("2026-06-07", 1, PnlColumns(expected=220_000, matched=-20_000)),
        ("2026-06-08", 1, PnlColumns(matched=240_000, settled=-30_000)),
    ]
    ledger = fold(later.messages)
    family_rows = by_family(ledger.pnl, ledger.plans, "2026-06-08")
    assert {r.family: r.plans for r in family_rows}[Family.NEGRISK_YES] == 1
    assert {r.family: r.columns for r in family_rows}[Family.BINARY] == PnlColumns()


def test_opening_cash_stands_against_equity() -> None:
    ledger = Ledger()
    ledger.open_with(100 * MICRO, NOON_NS)
    for message in binary_merged().messages:
        ledger.apply(message)
    assert cash(ledger.balances) == 100_256_050
    assert total(ledger.pnl).settled == 256_050
    assert violations(ledger) == ()


def test_account_names_are_paths() -> None:
    ledger = fold(binary().begun().matched(0, MICRO, 450_000).messages)
    names = [line.account for line in trial_balance(ledger.balances)]
    assert "matched:assets:pending:A:YES" in names
    assert Account(book=Book.CHAIN, kind=AccountKind.CASH).name == "chain:assets:cash"


def test_a_plan_may_be_sized_again_until_its_orders_are_placed() -> None:
    life = binary().sized().sized().approved().placed()
    ledger = fold(life.messages)
    assert ledger.anomalies == []
    ledger.apply(life.sized().messages[-1])
    assert [anomaly.kind for anomaly in ledger.anomalies] == [AnomalyKind.PLAN_REPEATED]


def test_a_match_that_failed_is_not_confirmed_with_a_later_one() -> None:
    life = binary().begun().matched(0, 4 * MICRO, 1_800_000, 6_000).failed(0)
    life.matched(0, 6 * MICRO, 2_700_000, 9_000).confirmed(0)
    ledger = fold(life.messages)
    assert cash(ledger.balances) == -2_709_000
    assert [p.shares for p in positions(ledger.balances)] == [6 * MICRO]
    assert violations(ledger) == ()


def test_a_day_on_which_a_plan_only_ended_shows_no_matches_of_it() -> None:
    life = binary_merged(start_ns=NOON_NS + DAY_NS // 2 - 9 * 10**9)
    rows = by_day(fold(life.messages).pnl)
    assert [(row.day, row.columns) for row in rows] == [
        ("2026-06-07", PnlColumns(expected=256_050, matched=266_050, settled=-33_950)),
        ("2026-06-08", PnlColumns(settled=290_000)),
    ]
