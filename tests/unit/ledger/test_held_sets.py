"""Sets that wait for their markets: what is told of them, and what their redemption posts."""

from polyarb.domain.messages import PlanSized
from polyarb.domain.order import SetStatus
from polyarb.domain.units import MICRO
from polyarb.ledger.balances import positions
from polyarb.ledger.fold import Ledger, fold
from polyarb.ledger.invariants import violations
from polyarb.ledger.plans import held_set
from polyarb.ledger.pnl import PnlColumns, by_plan, total
from tests.plan_lives import NOON_NS, held, redeemed, run_started


def test_a_redeemed_set_earns_what_its_winner_paid_less_cost_fees_and_gas() -> None:
    ledger = fold(redeemed(held(), 5 * MICRO).messages)
    assert total(ledger.pnl) == PnlColumns(
        expected=220_000, matched=220_000, settled=200_000, chain=None
    )
    assert positions(ledger.balances) == ()
    assert violations(ledger) == ()
    (plan,) = ledger.plans.values()
    assert plan.is_over and not plan.is_held
    assert [row.status for row in by_plan(ledger.pnl, ledger.plans)] == [SetStatus.SETTLED]


def test_a_held_set_is_described_by_its_shares_and_what_they_cost() -> None:
    life = held()
    ledger = fold([run_started("run", NOON_NS - 1), *life.messages])
    (plan,) = ledger.plans.values()
    told = held_set(plan)
    assert (told.plan_id, told.family, told.quantity) == ("yes-1", life.family, 5 * MICRO)
    assert told.relation_ids == ("relation",)
    assert told.reserved == life.reserved
    assert told.held_ns == life.messages[-1].receive_time_ns
    assert [order.intent for order in told.orders] == list(life.intents())
    assert [(order.shares, order.notional, order.fee) for order in told.orders] == [
        (5 * MICRO, 1_500_000, 10_000),
        (5 * MICRO, 1_600_000, 10_000),
        (5 * MICRO, 1_650_000, 10_000),
    ]


def test_a_joint_set_names_every_relation_that_it_counts_against() -> None:
    life = held()
    sized = life.messages[0]
    assert isinstance(sized, PlanSized)
    joint = type(sized)(
        **{name: getattr(sized, name) for name in sized.__struct_fields__ if name != "shared_with"},
        shared_with=("second", "third"),
    )
    (plan,) = fold([joint, *life.messages[1:]]).plans.values()
    assert held_set(plan).relation_ids == ("relation", "second", "third")


def test_a_ledger_that_begins_after_earlier_runs_knows_what_they_left_but_not_their_figures() -> (
    None
):
    past = fold([run_started("run", NOON_NS - 1), *held().messages])
    ledger = Ledger()
    ledger.begin_after(past.run, past.venue, [plan for plan in past.plans.values() if plan.is_held])
    assert total(ledger.pnl) == PnlColumns()
    ledger.apply(run_started("run", NOON_NS - 1))
    assert ledger.run == 2
    whole = redeemed(held(), 5 * MICRO).messages
    for message in whole[len(held().messages) :]:
        ledger.apply(message)
    assert not ledger.anomalies
    assert total(ledger.pnl).settled == 5 * MICRO - 4_750_000 - 20_000
