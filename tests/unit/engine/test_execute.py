"""Stage 5: one order an intent, followed until every leg is final."""

import itertools

import pytest
from polyarb.domain.book import BookStatus
from polyarb.domain.messages import Output, SetChanged
from polyarb.domain.order import SET_STEPS, OrderStatus, SetStatus, TimeInForce
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.engine import execute
from polyarb.engine.state import SetInFlight
from tests.set_lives import (
    PLAN,
    SHARES,
    flight_of,
    killed,
    matched,
    order_id,
    orders_of,
    planned,
)
from tests.worlds import START_NS, market


def status_of(outputs: list[Output]) -> SetStatus | None:
    """Return the step that was taken, if any."""
    (step,) = outputs or [None]
    assert step is None or isinstance(step, SetChanged)
    return None if step is None else step.current


def test_an_approved_plan_becomes_one_order_a_leg_of_the_token_that_is_traded() -> None:
    flight = flight_of()
    intents = [progress.intent for progress in flight.orders.values()]
    assert [intent.token_id for intent in intents] == [market("A").no, market("B").no]
    assert [intent.price_limit for intent in intents] == [400_000, 450_000]
    assert [intent.reserved for intent in intents] == [4_000_000, 4_500_000]
    assert {intent.time_in_force for intent in intents} == {TimeInForce.GTC}
    assert flight.reserved == sum(intent.reserved for intent in intents)
    assert flight.status is SetStatus.LEGGING


def test_a_sale_of_yes_is_an_order_for_the_yes_token_that_costs_nothing() -> None:
    flight = flight_of(Family.NEGRISK_SPLIT)
    intents = [progress.intent for progress in flight.orders.values()]
    assert [intent.token_id for intent in intents] == [market("A").yes, market("B").yes]
    assert [intent.reserved for intent in intents] == [0, 0]
    assert flight.reserved == SHARES
    assert flight.is_split_first and not flight_of().is_split_first


def test_order_ids_are_known_beforehand_and_the_same_every_time() -> None:
    assert list(flight_of().orders) == list(flight_of().orders)


def test_both_sides_of_one_rung_are_two_orders() -> None:
    both = (
        planned(0, Outcome.YES, Side.BUY, 400_000),
        planned(0, Outcome.NO, Side.BUY, 450_000),
        planned(1, Outcome.NO, Side.BUY, 300_000),
    )
    flight = flight_of(Family.LADDER, both)
    assert len(flight.orders) == len(both)
    assert len(execute.place(flight, 0, START_NS).orders) == len(both)


def test_only_markets_with_an_order_are_open() -> None:
    one = flight_of(Family.LADDER, (planned(1, Outcome.YES, Side.BUY, 400_000),))
    assert one.condition_ids == ("B",)
    both_sides = (
        planned(1, Outcome.YES, Side.BUY, 400_000),
        planned(1, Outcome.NO, Side.BUY, 400_000),
    )
    assert flight_of(Family.LADDER, both_sides).condition_ids == ("B",)


def test_a_match_is_remembered_as_taken_from_its_level() -> None:
    flight = flight_of()
    ladder = flight.orders[order_id(flight, 0)].ladder
    ladder.status, ladder.bids = BookStatus.LIVE, {610_000: SHARES, 600_000: SHARES}
    execute.on_matched(flight, matched(flight, 0, SHARES // 2))
    execute.on_matched(flight, matched(flight, 0, SHARES // 2))
    assert ladder.taken == {(True, 610_000): SHARES}


def test_the_orders_of_a_set_are_commanded_together() -> None:
    flight = flight_of()
    command = execute.place(flight, profit=5, now_ns=START_NS)
    assert command.plan_id == PLAN
    assert (command.quantity, command.profit) == (SHARES, 5)
    assert [order.leg for order in command.orders] == [0, 1]
    assert command.states == flight.states == ()
    flight.states = ((True, False), (False, True))
    assert execute.place(flight, profit=5, now_ns=START_NS).states == flight.states


ANSWERS = {"full": SHARES, "half": SHARES // 2, "none": 0}


def answer(flight: SetInFlight, leg: int, how: str) -> list[Output]:
    """Give one leg its fate: matched, matched in part and killed, or killed."""
    outputs: list[Output] = []
    if ANSWERS[how]:
        outputs += execute.on_matched(flight, matched(flight, leg, ANSWERS[how]))
    if how != "full":
        outputs += execute.on_killed(flight, killed(flight, leg))
    return outputs


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ANSWERS, repeat=2)))
@pytest.mark.parametrize("family", [Family.NEGRISK_NO, Family.NEGRISK_SPLIT])
def test_a_set_is_complete_missed_or_broken_once_every_order_is_final(
    family: Family, first: str, second: str
) -> None:
    flight = flight_of(family)
    assert answer(flight, 1, second) == []
    found = status_of(answer(flight, 0, first))
    if (first, second) == ("full", "full"):
        assert found is SetStatus.COMPLETE
    elif (first, second) == ("none", "none") and family is Family.NEGRISK_NO:
        assert found is SetStatus.MISSED
    else:
        assert found is SetStatus.BROKEN


def test_what_was_matched_is_added_up() -> None:
    flight = flight_of()
    execute.on_matched(flight, matched(flight, 0, SHARES // 2, fee=3))
    assert not flight.orders[order_id(flight, 0)].is_final
    execute.on_matched(flight, matched(flight, 0, SHARES // 2, fee=4))
    progress = flight.orders[order_id(flight, 0)]
    assert (progress.shares, progress.notional, progress.fee) == (SHARES, 4_000_000, 7)
    assert progress.is_final
    assert progress.status is OrderStatus.MATCHED


def test_a_killed_order_is_canceled_unless_some_of_it_was_matched() -> None:
    flight = flight_of()
    execute.on_killed(flight, killed(flight, 0))
    answer(flight, 1, "half")
    assert [progress.status for progress in flight.orders.values()] == [
        OrderStatus.CANCELED,
        OrderStatus.MATCHED,
    ]


def test_more_than_was_ordered_is_a_programmers_error() -> None:
    flight = flight_of()
    with pytest.raises(AssertionError):
        execute.on_matched(flight, matched(flight, 0, SHARES + 1))


@pytest.mark.parametrize(("before", "after"), list(itertools.product(SetStatus, repeat=2)))
def test_only_steps_of_the_table_are_taken(before: SetStatus, after: SetStatus) -> None:
    flight = flight_of()
    flight.status = before
    if after in SET_STEPS[before]:
        told = execute.step(flight, after, START_NS)
        assert (told.previous, told.current) == (before, after)
        assert flight.status is after
    else:
        with pytest.raises(AssertionError):
            execute.step(flight, after, START_NS)


def test_the_cases_of_this_suite_are_plans_of_two_legs() -> None:
    assert {len(orders_of(family)) for family in Family} == {2}
