"""The ledger against a statement: every difference is one break, and agreement is none."""

import pytest
from polyarb.domain.ids import ConditionId
from polyarb.domain.plan import Outcome
from polyarb.domain.units import MICRO
from polyarb.ledger.accounts import Book
from polyarb.ledger.balances import positions
from polyarb.ledger.fold import fold
from polyarb.ledger.pnl import day_of, day_start_ns
from polyarb.ledger.reconcile import BreakKind, Statement, StatementPosition, reconcile
from tests.plan_lives import binary_merged, held


def position(condition: str, shares: int, outcome: Outcome = Outcome.YES) -> StatementPosition:
    return StatementPosition(condition_id=ConditionId(condition), outcome=outcome, shares=shares)


AGREEING = (position("N0", 5 * MICRO), position("N1", 5 * MICRO), position("N2", 5 * MICRO))


def test_agreement_is_no_break() -> None:
    balances = fold(held().messages).balances
    assert reconcile(balances, Statement(positions=AGREEING)) == ()
    # 100 paid in, 4.75 + .03 spent
    statement = Statement(positions=AGREEING, cash=95_220_000, opening_cash=100 * MICRO)
    assert reconcile(balances, statement) == ()


def test_a_statement_may_list_a_position_in_parts_and_at_zero() -> None:
    balances = fold(held().messages).balances
    parts = (position("N0", 2 * MICRO), position("N0", 3 * MICRO), *AGREEING[1:], position("X", 0))
    assert reconcile(balances, Statement(positions=parts)) == ()


@pytest.mark.parametrize(
    ("listed", "kind", "ledger", "statement"),
    [
        (AGREEING[1:], BreakKind.ONLY_IN_LEDGER, 5 * MICRO, 0),
        ((*AGREEING, position("X", 1)), BreakKind.ONLY_IN_STATEMENT, 0, 1),
        (
            (*AGREEING[1:], position("N0", 4 * MICRO)),
            BreakKind.SHARES_DIFFER,
            5 * MICRO,
            4 * MICRO,
        ),
    ],
)
def test_each_difference_has_its_kind(
    listed: tuple[StatementPosition, ...], kind: BreakKind, ledger: int, statement: int
) -> None:
    breaks = reconcile(fold(held().messages).balances, Statement(positions=listed))
    assert [(b.kind, b.ledger, b.statement) for b in breaks] == [(kind, ledger, statement)]


def test_the_other_outcome_is_another_position() -> None:
    listed = (position("N0", 5 * MICRO, Outcome.NO), *AGREEING[1:])
    breaks = reconcile(fold(held().messages).balances, Statement(positions=listed))
    assert [b.kind for b in breaks] == [BreakKind.ONLY_IN_STATEMENT, BreakKind.ONLY_IN_LEDGER]


def test_cash_that_differs_is_a_break_with_its_difference_in_words() -> None:
    balances = fold(binary_merged().messages).balances
    statement = Statement(positions=(), cash=MICRO, opening_cash=MICRO)
    (cash_break,) = reconcile(balances, statement)
    assert cash_break.text == (
        "CASH_DIFFERS cash: ledger 1.25605, statement 1, difference -0.25605"
    )
    (share_break,) = reconcile(balances, Statement(positions=(position("N0", MICRO),)))
    assert share_break.text == ("ONLY_IN_STATEMENT N0 YES: ledger 0, statement 1, difference 1")


def test_only_settled_shares_are_positions() -> None:
    life = held()
    confirmed = [m for m in life.messages if type(m).__name__ == "TradeConfirmed"]
    before = life.messages[: life.messages.index(confirmed[0])]
    ledger = fold(before)
    assert positions(ledger.balances) == ()
    assert any(account.book is Book.MATCHED for account in ledger.balances)


def test_days_are_utc_and_begin_at_midnight() -> None:
    start = day_start_ns("2026-06-07")
    assert day_of(start) == "2026-06-07"
    assert day_of(start - 1) == "2026-06-06"
    assert day_of(0) == "1970-01-01"
