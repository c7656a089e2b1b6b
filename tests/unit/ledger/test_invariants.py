"""Every invariant bites on a ledger that breaks it, and only then."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from polyarb.domain.ids import ConditionId, PlanId
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.domain.units import MICRO
from polyarb.ledger.accounts import Account, AccountKind, Book
from polyarb.ledger.balances import Balance
from polyarb.ledger.fold import Ledger, fold
from polyarb.ledger.invariants import INVARIANTS, violations
from polyarb.ledger.plans import PlanAccount, PlanKey
from polyarb.ledger.pnl import PnlColumns
from polyarb.ledger.transactions import AnomalyKind, Cause, Posting, Transaction
from tests.plan_lives import LegPlan, Life, binary, binary_merged, broken, held, missed


def told(ledger: Ledger) -> set[str]:
    return {violation.invariant for violation in violations(ledger)}


def bump(ledger: Ledger, book: Book, kind: AccountKind, amount: int) -> None:
    account = Account(book=book, kind=kind)
    before = ledger.balances.get(account, Balance())
    ledger.balances[account] = Balance(amount=before.amount + amount, shares=before.shares)


def test_sound_lives_break_nothing() -> None:
    for life in (binary_merged(), held(), broken(), missed()):
        assert violations(fold(life.messages)) == ()


def test_invariant_names_and_sentences_are_unique() -> None:
    assert len({invariant.name for invariant in INVARIANTS}) == len(INVARIANTS)
    assert len({invariant.sentence for invariant in INVARIANTS}) == len(INVARIANTS)


@pytest.mark.parametrize(
    ("book", "kind", "broken_laws"),
    [
        (Book.MATCHED, AccountKind.CASH, {"ZERO_SUM"}),
        (Book.SETTLED, AccountKind.REALISED, {"ZERO_SUM", "PNL_COLUMNS"}),
        (Book.CHAIN, AccountKind.REALISED, {"ZERO_SUM", "PNL_COLUMNS"}),
        (Book.EXPECTED, AccountKind.PROMISED, {"ZERO_SUM", "FINISHED"}),
        (Book.MATCHED, AccountKind.SETS, {"ZERO_SUM", "FINISHED"}),
    ],
)
def test_a_tampered_account_is_told(book: Book, kind: AccountKind, broken_laws: set[str]) -> None:
    ledger = fold(binary_merged().messages)
    bump(ledger, book, kind, 1)
    assert told(ledger) == broken_laws


def test_a_tampered_position_is_told() -> None:
    ledger = fold(held().messages)
    account = Account(
        book=Book.SETTLED,
        kind=AccountKind.SHARES,
        condition_id=ConditionId("N0"),
        outcome=Outcome.YES,
    )
    ledger.balances[account] = replace(ledger.balances[account], shares=1)
    assert told(ledger) == {"POSITIONS"}


def test_a_tampered_pnl_row_is_told() -> None:
    ledger = fold(binary_merged().messages)
    key = next(iter(ledger.pnl))
    ledger.pnl[key] = ledger.pnl[key].plus(PnlColumns(settled=1))
    assert told(ledger) == {"PNL_COLUMNS"}


def stray(kind: AnomalyKind) -> tuple[AnomalyKind, Callable[[], Life]]:
    def make() -> Life:
        life = binary().begun()
        match kind:
            case AnomalyKind.UNKNOWN_PLAN:
                life.messages = life.messages[1:]
            case AnomalyKind.UNKNOWN_ORDER:
                life.matched(7, MICRO, MICRO)
            case AnomalyKind.PLAN_REPEATED:
                life.sized()
            case AnomalyKind.NOT_APPROVED:
                life = binary().sized().placed()
            case AnomalyKind.INTENT_REPEATED:
                life.placed()
            case AnomalyKind.OVERFILLED:
                life.matched(0, 11 * MICRO, 4_900_000)
            case AnomalyKind.NOTHING_PENDING:
                life.confirmed(0)
            case AnomalyKind.SETTLED_PENDING:
                life.matched(0, MICRO, 450_000).settled(SetStatus.UNWOUND, 0)
            case AnomalyKind.SETTLED_TWICE:
                life = binary_merged().settled(SetStatus.MERGED, 10 * MICRO)
        return life

    return kind, make


@pytest.mark.parametrize(("kind", "make"), [stray(kind) for kind in AnomalyKind])
def test_every_message_that_does_not_fit_is_told(
    kind: AnomalyKind, make: Callable[[], Life]
) -> None:
    ledger = fold(make().messages)
    assert kind in {anomaly.kind for anomaly in ledger.anomalies}
    assert "MESSAGES_FIT" in told(ledger)
    assert not told(ledger) & {"ZERO_SUM", "PNL_COLUMNS", "POSITIONS", "FINISHED"}


def test_a_failed_trade_of_nothing_and_a_stray_order_are_named() -> None:
    life = binary().begun().failed(0).matched(9, MICRO, MICRO)
    ledger = fold(life.messages)
    assert [(a.kind, a.order_id) for a in ledger.anomalies] == [
        (AnomalyKind.NOTHING_PENDING, "binary-1/order-0"),
        (AnomalyKind.UNKNOWN_ORDER, "binary-1/order-9"),
    ]


def test_a_second_settlement_does_not_pay_twice() -> None:
    once = fold(binary_merged().messages)
    twice = fold(binary_merged().settled(SetStatus.MERGED, 10 * MICRO).messages)
    assert twice.pnl == once.pnl


def test_a_late_match_of_a_missed_plan_is_kept_and_told() -> None:
    life = missed()
    ledger = fold(life.matched(0, 10 * MICRO, 4_500_000, 15_750).messages)
    assert "SETTLED_WAS_CONFIRMED" in told(ledger)
    assert not told(ledger) & {"ZERO_SUM", "PNL_COLUMNS", "POSITIONS", "FINISHED"}
    ledger.apply(life.confirmed(0).messages[-1])
    assert not told(ledger) & {"ZERO_SUM", "PNL_COLUMNS", "POSITIONS", "FINISHED"}


def test_a_late_confirmation_after_the_settlement_is_told_as_still_held() -> None:
    life = binary().begun().matched(0, 10 * MICRO, 4_500_000)
    life.settled(SetStatus.UNWOUND, 0).confirmed(0)
    ledger = fold(life.messages)
    texts = [v.text for v in violations(ledger) if v.invariant == "SETTLED_WAS_CONFIRMED"]
    assert texts == ["plan binary-1 is settled and still holds confirmed shares"]
    assert not told(ledger) & {"ZERO_SUM", "PNL_COLUMNS", "POSITIONS", "FINISHED"}
    ledger.apply(life.settled(SetStatus.UNWOUND, 4 * MICRO).messages[-1])
    assert "SETTLED_WAS_CONFIRMED" not in told(ledger)


def test_a_set_operation_without_a_confirmed_trade_is_told() -> None:
    ledger = fold(binary().begun().settled(SetStatus.MERGED, 10 * MICRO).messages)
    assert told(ledger) == {"SETTLED_WAS_CONFIRMED"}


def test_fills_beyond_shares_or_limit_are_told() -> None:
    assert "FILLS_WITHIN" in told(fold(binary().begun().matched(0, 11 * MICRO, 1).messages))
    dear = binary().begun().matched(0, 10 * MICRO, 4_500_001)
    assert told(fold(dear.messages)) == {"FILLS_WITHIN"}
    cheap = Life(
        "sale",
        Family.NEGRISK_SPLIT,
        (LegPlan("A", Outcome.YES, 620_000, MICRO, Side.SELL),),
        quantity=MICRO,
        payoff=-MICRO,
        profit=1,
    ).begun()
    assert told(fold(cheap.matched(0, MICRO, 619_999).messages)) == {"FILLS_WITHIN"}


def with_order(ledger: Ledger, **changes: object) -> Ledger:
    key, plan = next(iter(ledger.plans.items()))
    order_id, order = next(iter(plan.orders.items()))
    orders = {**plan.orders, order_id: replace(order, **changes)}
    ledger.plans[key] = replace(plan, orders=orders)
    return ledger


def test_more_confirmed_than_matched_is_told() -> None:
    ledger = fold(binary().begun().matched(0, MICRO, 450_000).confirmed(0).messages)
    order = next(iter(next(iter(ledger.plans.values())).orders.values()))
    doubled = order.confirmed.plus(order.confirmed)
    assert "FILLS_WITHIN" in told(with_order(ledger, confirmed=doubled))


def test_one_order_of_two_plans_and_two_intents_of_a_leg_are_told() -> None:
    ledger = fold(binary().begun().messages)
    key, plan = next(iter(ledger.plans.items()))
    twin = PlanKey(key.run, PlanId("twin"))
    ledger.plans[twin] = replace(plan, key=twin, expected=0)
    assert "INTENT_ONCE" in told(ledger)
    other = PlanKey(key.run + 1, PlanId("later"))
    ledger = fold(binary().begun().messages)
    ledger.plans[other] = replace(plan, key=other, expected=0)
    assert "INTENT_ONCE" not in told(ledger)
    repeated = LegPlan("A", Outcome.YES, 450_000, MICRO)
    life = Life("twice", Family.BINARY, (repeated, repeated), MICRO, MICRO, 1).begun()
    ledger = fold(life.messages)
    plan = next(iter(ledger.plans.values()))
    same_leg = {
        order_id: replace(order, intent=replace(order.intent, leg=0))
        for order_id, order in plan.orders.items()
    }
    ledger.plans[plan.key] = replace(plan, orders=same_leg)
    assert told(ledger) == {"INTENT_ONCE"}


def test_orders_and_payments_beyond_the_reservation_are_told() -> None:
    life = binary()
    life.reserved = 4_000_000
    ledger = fold(life.begun().matched(0, 10 * MICRO, 4_500_000).messages)
    assert told(ledger) == {"RESERVED"}
    plan = next(iter(ledger.plans.values()))
    needy = {
        order_id: replace(order, intent=replace(order.intent, reserved=3_000_000))
        for order_id, order in plan.orders.items()
    }
    ledger.plans[plan.key] = replace(plan, orders=needy)
    texts = [v.text for v in violations(ledger)]
    assert any("orders of plan binary-1 need 6000000" in text for text in texts)


def test_an_unbalanced_or_mixed_transaction_is_a_programmers_error() -> None:
    def transaction(*postings: Posting) -> Transaction:
        return Transaction(
            time_ns=0,
            cause=Cause.OPENED,
            book=Book.SETTLED,
            key=None,
            family=None,
            postings=postings,
        )

    cash = Account(book=Book.SETTLED, kind=AccountKind.CASH)
    other = Account(book=Book.MATCHED, kind=AccountKind.CASH)
    shares = Account(book=Book.SETTLED, kind=AccountKind.SHARES)
    one = Posting(account=cash, amount=1)
    with pytest.raises(AssertionError):
        transaction(one)
    with pytest.raises(AssertionError):
        transaction(one, Posting(account=other, amount=-1))
    with pytest.raises(AssertionError):
        transaction(one, Posting(account=shares, amount=-1))


def test_a_plan_without_orders_has_no_sets() -> None:
    plan = PlanAccount(
        key=PlanKey(1, PlanId("p")),
        family=Family.BINARY,
        opportunity_id="o",
        quantity=MICRO,
        payoff=0,
    )
    assert (plan.unmatched, plan.held_cost, plan.is_open, plan.is_over) == (0, 0, False, False)
