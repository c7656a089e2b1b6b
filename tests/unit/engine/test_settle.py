"""Stage 6: only confirmed trades are money."""

import pytest
from polyarb.domain.book import BookStatus
from polyarb.domain.messages import SettleSet, UnwindSet
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.engine import execute, settle
from polyarb.engine.state import Ladder, SetInFlight
from tests.set_lives import (
    SHARES,
    confirmed,
    failed,
    flight_of,
    killed,
    matched,
    order_id,
    settled,
)
from tests.worlds import START_NS


def complete(family: Family = Family.NEGRISK_NO) -> SetInFlight:
    flight = flight_of(family)
    for leg in (0, 1):
        execute.on_matched(flight, matched(flight, leg, fee=1_000))
    return flight


def broken() -> SetInFlight:
    flight = flight_of()
    execute.on_matched(flight, matched(flight, 0))
    execute.on_killed(flight, killed(flight, 1))
    return flight


def test_every_family_has_an_ending() -> None:
    assert set(settle.ENDINGS) == set(Family)


@pytest.mark.parametrize("family", list(Family))
def test_a_complete_set_ends_when_its_last_trade_is_confirmed(family: Family) -> None:
    flight = complete(family)
    assert settle.next_status(flight) is None
    settle.on_trade(flight, confirmed(flight, 0))
    assert settle.next_status(flight) is None
    settle.on_trade(flight, confirmed(flight, 1))
    assert settle.next_status(flight) is settle.ENDINGS[family]


def test_a_failed_trade_never_happened_and_breaks_the_set() -> None:
    flight = complete()
    settle.on_trade(flight, failed(flight, 0))
    progress = flight.orders[order_id(flight, 0)]
    assert (progress.shares, progress.notional, progress.fee) == (0, 0, 0)
    assert settle.next_status(flight) is SetStatus.BROKEN


@pytest.mark.parametrize("status", sorted(set(SetStatus) - {SetStatus.COMPLETE}))
def test_only_a_complete_set_has_a_next_step_of_its_own(status: SetStatus) -> None:
    flight = complete()
    flight.status = status
    for leg in (0, 1):
        settle.on_trade(flight, confirmed(flight, leg))
    assert settle.next_status(flight) is None


@pytest.mark.parametrize("status", [SetStatus.MERGED, SetStatus.CONVERTED, SetStatus.HELD])
def test_a_finished_set_is_commanded_to_settle_or_to_be_held(status: SetStatus) -> None:
    flight = complete()
    flight.status = status
    command = settle.command(flight, START_NS)
    assert isinstance(command, SettleSet)
    assert (command.status, command.quantity) == (status, SHARES)


@pytest.mark.parametrize("status", [SetStatus.LEGGING, SetStatus.COMPLETE, SetStatus.SETTLED])
def test_a_set_on_its_way_is_not_commanded_anything(status: SetStatus) -> None:
    flight = complete()
    flight.status = status
    assert settle.command(flight, START_NS) is None


def test_a_broken_set_is_unwound_once_and_only_when_every_word_is_final() -> None:
    flight = broken()
    assert flight.status is SetStatus.BROKEN
    assert settle.command(flight, START_NS) is None
    settle.on_trade(flight, confirmed(flight, 0))
    assert isinstance(settle.command(flight, START_NS), UnwindSet)
    assert settle.command(flight, START_NS) is None


def test_a_complete_set_over_several_relations_is_held() -> None:
    flight = complete()
    flight.states = ((True, False), (False, True))
    for leg in (0, 1):
        settle.on_trade(flight, confirmed(flight, leg))
    assert settle.next_status(flight) is SetStatus.HELD


def show(flight: SetInFlight) -> list[Ladder]:
    """Display a level on each side of both legs."""
    ladders = [progress.ladder for progress in flight.orders.values()]
    for ladder in ladders:
        ladder.status = BookStatus.LIVE
        ladder.bids, ladder.asks = {100_000: 9 * SHARES}, {900_000: 9 * SHARES}
    return ladders


def test_what_an_unwind_will_sell_is_taken_from_now_on() -> None:
    flight = broken()
    settle.on_trade(flight, confirmed(flight, 0))
    sold, missed = show(flight)
    assert isinstance(settle.command(flight, START_NS), UnwindSet)
    assert sold.taken == {(False, 900_000): SHARES}
    assert not missed.taken
    assert settle.command(flight, START_NS) is None
    assert sold.taken == {(False, 900_000): SHARES}


def test_a_broken_split_sells_what_it_did_not() -> None:
    flight = flight_of(Family.NEGRISK_SPLIT)
    execute.on_matched(flight, matched(flight, 0))
    execute.on_matched(flight, matched(flight, 1, SHARES // 4))
    execute.on_killed(flight, killed(flight, 1))
    for leg in (0, 1):
        settle.on_trade(flight, confirmed(flight, leg))
    first, second = show(flight)
    assert isinstance(settle.command(flight, START_NS), UnwindSet)
    assert not first.taken
    assert second.taken == {(True, 100_000): SHARES - SHARES // 4}


def test_a_broken_set_whose_trade_failed_has_nothing_to_wait_for() -> None:
    flight = broken()
    settle.on_trade(flight, failed(flight, 0))
    assert isinstance(settle.command(flight, START_NS), UnwindSet)


def test_an_order_without_its_final_word_is_not_final() -> None:
    flight = flight_of()
    progress = flight.orders[order_id(flight, 0)]
    assert not settle.is_final(progress)
    execute.on_matched(flight, matched(flight, 0))
    assert not settle.is_final(progress)
    settle.on_trade(flight, confirmed(flight, 0))
    assert settle.is_final(progress)


def test_a_killed_order_without_shares_is_final() -> None:
    flight = flight_of()
    execute.on_killed(flight, killed(flight, 0))
    assert settle.is_final(flight.orders[order_id(flight, 0)])


def test_a_result_is_what_came_back_less_what_was_paid() -> None:
    flight = complete()
    event = settled(flight, SetStatus.CONVERTED, 10_000_000)
    assert settle.result(flight, event) == 10_000_000 - 8_500_000 - 2_000 - 20_000


def test_a_result_of_a_split_counts_the_sales_and_the_dollars_that_were_split() -> None:
    flight = complete(Family.NEGRISK_SPLIT)
    event = settled(flight, SetStatus.CONVERTED, -10_000_000)
    assert settle.result(flight, event) == 11_500_000 - 2_000 - 10_000_000 - 20_000
