"""Plans, orders, sets and tiers from the messages of whole lives."""

from polyarb.domain.messages import JournalMessage, Stage, Tier
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.reports.execution import Denials, Execution, ExecutionFold
from tests.plan_lives import binary, binary_merged, broken, held, missed
from tests.report_journals import denied, tried


def execution(*messages: JournalMessage) -> Execution:
    fold = ExecutionFold()
    for message in messages:
        fold.apply(message)
    return fold.execution()


def test_nothing_is_nothing() -> None:
    told = execution()
    assert (told.plans.sized, told.orders.submitted, told.sets.attempts) == (0, 0, 0)
    assert (told.haircut, told.family_tiers) == (None, ())
    assert [(tier.tier, tier.measured, tier.latency_ns_median) for tier in told.tiers] == [
        (tier, 0, None) for tier in Tier
    ]


def test_plans_are_counted_from_sizing_to_orders() -> None:
    told = execution(
        denied(1, Stage.GUARD, "STALE"),
        denied(2, Stage.GUARD, "STALE"),
        denied(3, Stage.RISK, "OPEN_NOTIONAL"),
        *binary_merged().messages,
        *binary("only sized").sized().messages,
    ).plans
    assert (told.sized, told.approved, told.placed) == (2, 1, 1)
    assert told.sized_by_reason == {"OK": 2}
    assert told.denied == (
        Denials(stage="guard", reason="STALE", count=2),
        Denials(stage="risk", reason="OPEN_NOTIONAL", count=1),
    )
    assert told.profit_planned == 256_050


def test_sets_are_counted_by_how_their_legging_ended() -> None:
    told = execution(
        *binary_merged().messages, *held().messages, *broken().messages, *missed().messages
    ).sets
    assert (told.placed, told.attempts, told.complete, told.broken, told.missed) == (4, 3, 2, 1, 1)
    assert (told.merged, told.held, told.unwound, told.settled) == (1, 1, 1, 2)


def test_a_complete_set_that_breaks_later_is_one_attempt() -> None:
    life = binary().begun().matched(0, 10 * MICRO, 4_500_000).matched(1, 10 * MICRO, 5_200_000)
    life.changed(SetStatus.LEGGING, SetStatus.COMPLETE).failed(1)
    life.changed(SetStatus.COMPLETE, SetStatus.BROKEN).settled(
        SetStatus.UNWOUND, 4 * MICRO, unsold=MICRO
    )
    told = execution(*life.messages)
    assert (told.sets.attempts, told.sets.complete, told.sets.broken) == (1, 1, 1)
    assert told.sets.unsold == MICRO
    assert (told.orders.trades_confirmed, told.orders.trades_failed) == (0, 1)


def test_orders_are_filled_wholly_partly_or_not_and_some_are_open() -> None:
    life = binary("partial").begun().matched(0, 4 * MICRO, 1_800_000).killed(0, "PRICE_MOVED")
    told = execution(*binary_merged().messages, *missed().messages, *life.messages).orders
    assert (told.submitted, told.filled, told.partly_filled, told.unfilled, told.open) == (
        6,
        2,
        1,
        2,
        1,
    )
    assert told.killed_by_reason == {"NO_DEPTH": 2, "PRICE_MOVED": 1}


def test_an_order_matched_in_parts_is_filled_once() -> None:
    life = binary().begun().matched(0, 4 * MICRO, 1_800_000).matched(0, 6 * MICRO, 2_700_000)
    assert execution(*life.messages).orders.filled == 1


def test_tiers_and_the_latency_haircut() -> None:
    told = execution(
        tried("a", Tier.T0, 5_000_000),
        tried("a", Tier.T2, 1_000_000),
        tried("b", Tier.T0, 3_000_000),
        tried("b", Tier.T2, -2_000_000, quantity=4),
        tried("only at once", Tier.T0, 9_000_000, family=Family.LADDER),
    )
    at_once, late = told.tier(Tier.T0), told.tier(Tier.T2)
    assert (at_once.measured, at_once.complete, at_once.reachable) == (3, 3, 3)
    assert (late.measured, late.complete, late.reachable, late.profit) == (2, 1, 1, -1_000_000)
    assert (late.quantity, late.planned) == (14 * MICRO, 20 * MICRO)
    assert late.latency_ns_median == 200_000_000
    assert told.haircut is not None
    assert (told.haircut.plans, told.haircut.cost) == (2, 9_000_000)
    assert [(one.family, one.result.tier, one.result.measured) for one in told.family_tiers] == [
        (Family.NEGRISK_NO, Tier.T0, 2),
        (Family.NEGRISK_NO, Tier.T2, 2),
        (Family.LADDER, Tier.T0, 1),
    ]


def test_a_complete_plan_that_loses_is_not_reachable() -> None:
    told = execution(tried("a", Tier.T2, 0), tried("b", Tier.T2, -1)).tier(Tier.T2)
    assert (told.complete, told.reachable) == (2, 0)
