"""Slippage: paid against planned, rounded against us; what was not planned is in no figure."""

import pytest
from msgspec.structs import replace
from polyarb.domain.messages import JournalMessage, OrderMatched, PlaceOrders, PlanSized
from polyarb.domain.plan import Side
from polyarb.reports.slippage import Slippage, SlippageFold
from tests.plan_lives import NOON_NS, binary, binary_merged
from tests.report_journals import quoted


def fold(messages: list[JournalMessage]) -> Slippage:
    folded = SlippageFold()
    for message in messages:
        folded.apply(message)
    return folded.slippage()


def more(messages: list[JournalMessage], micros: int) -> list[JournalMessage]:
    return [
        replace(message, notional=message.notional + micros)
        if isinstance(message, OrderMatched)
        else message
        for message in messages
    ]


def sold(messages: list[JournalMessage]) -> list[JournalMessage]:
    """The same with every order a sale."""
    done: list[JournalMessage] = []
    for message in messages:
        if isinstance(message, PlaceOrders):
            orders = tuple(replace(order, side=Side.SELL) for order in message.orders)
            done.append(replace(message, orders=orders))
        elif isinstance(message, PlanSized):
            orders_planned = tuple(replace(o, side=Side.SELL) for o in message.plan.orders)
            done.append(replace(message, plan=replace(message.plan, orders=orders_planned)))
        else:
            done.append(message)
    return done


def counts(found: Slippage) -> list[int]:
    return [bucket.orders for bucket in found.buckets]


def test_nothing_matched_is_no_sample() -> None:
    found = fold([])
    assert (found.orders, found.p50, found.p95, found.worst, found.cost) == (
        0,
        None,
        None,
        None,
        None,
    )


def test_what_was_paid_as_planned_slipped_by_nothing() -> None:
    found = fold(quoted(binary_merged().messages))
    assert (found.orders, found.p50, found.worst, found.cost) == (2, 0, 0, 0)
    assert counts(found) == [0, 2, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("micros", "worst", "place"),
    [(-450, 0, 1), (-4_500, -8, 0), (1, 1, 2), (4_500, 10, 2), (4_501, 11, 3), (300_000, 667, 7)],
)
def test_a_bought_leg_slips_by_what_it_cost_more(micros: int, worst: int, place: int) -> None:
    found = fold(more(quoted(binary_merged().messages), micros))
    assert found.worst == worst
    assert counts(found)[place] > 0
    assert found.cost == 2 * micros


def test_a_sold_leg_slips_by_what_it_brought_less() -> None:
    messages = sold(quoted(binary_merged().messages))
    less = fold(more(messages, -4_500))
    assert (less.worst, less.cost) == (10, 9_000)
    better = fold(more(messages, 45_000))
    assert (better.worst, better.cost) == (-86, -90_000)


def test_several_matches_of_an_order_are_one_order() -> None:
    life = binary().begun().matched(0, 4_000_000, 1_800_000).matched(0, 6_000_000, 2_706_750)
    found = fold(quoted(life.messages))
    assert (found.orders, found.worst, found.cost) == (1, 15, 6_750)


def test_an_order_without_a_planned_price_is_counted_apart() -> None:
    bare = fold(binary_merged().messages)
    assert (bare.orders, bare.unplanned, bare.p50) == (0, 2, None)
    of_before = [m for m in quoted(binary_merged().messages) if not isinstance(m, PlaceOrders)]
    assert fold(of_before).unplanned == 2


def test_what_is_tolerable_and_what_is_grave_are_counted() -> None:
    plans: list[JournalMessage] = []
    for number, cheaper in enumerate((0, 11_000, 22_000, 30_000)):
        life = binary_merged(f"p{number}", NOON_NS + number * 60 * 10**9)
        plans += quoted(life.messages, cheaper=cheaper)
    found = fold(plans)
    assert (found.orders, found.within_tolerable, found.grave) == (8, 3, 3)
    assert sum(counts(found)) == found.orders
