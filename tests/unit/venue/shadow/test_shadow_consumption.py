"""What we took from a level that still displays it."""

from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.messages import (
    BookReplaced,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketEvent,
    MarketResolved,
    TickChanged,
    TradePrinted,
)
from polyarb.domain.plan import Level, Outcome
from polyarb.venue.shadow.consumption import Consumption, LevelKey, Taker
from polyarb.venue.shadow.fakes import FakeBooks
from polyarb.venue.shadow.matching import Counterparty, Taking
from shadow_cases import BUY, YES, catalogue, market

A, B = ConditionId("A"), ConditionId("B")
ASK: LevelKey = (False, 420_000, Taker.ORDERS)


def taken_from(size: int = 60) -> Consumption:
    """Take 60 of a level that displays 100."""
    consumption = Consumption()
    consumption.take(A, ASK, size)
    return consumption


def changed(size: int, *, is_bid: bool = False, price: int = 420_000, at: int = 5) -> LevelChanged:
    return LevelChanged(
        receive_time_ns=at,
        condition_id=A,
        is_bid=is_bid,
        price=price,
        size=size,
        best_bid=-1,
        best_ask=-1,
        venue_time_ns=at,
    )


def replaced(*asks: Level, at: int = 5) -> BookReplaced:
    return BookReplaced(
        receive_time_ns=at,
        condition_id=A,
        outcome=Outcome.YES,
        bids=(),
        asks=asks,
        venue_time_ns=at,
    )


def after(*events: MarketEvent) -> Consumption:
    consumption = taken_from()
    for event in events:
        consumption.observe(event)
    return consumption


@pytest.mark.parametrize(
    ("events", "displayed", "free"),
    [
        ([], 100, 40),
        ([changed(130)], 130, 70),
        ([changed(50)], 50, 0),
        ([changed(50), changed(80)], 80, 30),
        ([changed(70), changed(100)], 100, 40),
        ([changed(0), changed(70)], 70, 70),
        ([changed(9, is_bid=True), changed(9, price=430_000)], 100, 40),
        ([replaced((420_000, 110))], 110, 50),
        ([replaced((420_000, 20)), changed(50)], 50, 30),
        ([replaced((430_000, 110))], 100, 100),
        ([replaced()], 100, 100),
    ],
)
def test_shares_that_come_are_free_and_those_that_left_were_ours_at_last(
    events: Sequence[MarketEvent], displayed: int, free: int
) -> None:
    assert after(*events).free(A, ASK, displayed) == free


def test_the_changes_of_one_message_are_seen_once_all_are_made() -> None:
    event = LevelsChanged(
        receive_time_ns=5,
        condition_id=A,
        changes=((False, 420_000, 0), (True, 10_000, 7), (False, 420_000, 80)),
        best_bid=-1,
        best_ask=-1,
        venue_time_ns=5,
    )
    assert after(event).free(A, ASK, 80) == 20


def test_a_change_that_was_never_observed_is_seen_in_the_book() -> None:
    consumption = taken_from()
    assert consumption.free(A, ASK, 50) == 0
    assert consumption.free(A, ASK, 130) == 80
    assert consumption.free(A, ASK, 0) == 0
    assert not consumption.has(A)


def test_a_snapshot_older_than_what_was_seen_says_nothing() -> None:
    assert after(changed(110, at=9), replaced(at=8)).free(A, ASK, 110) == 50
    assert after(replaced((420_000, 110), at=9), replaced(at=8)).free(A, ASK, 110) == 50
    assert after(changed(110, at=9), replaced(at=9)).free(A, ASK, 110) == 110


def test_after_a_lost_feed_any_snapshot_counts() -> None:
    lost = FeedLost(receive_time_ns=10, reason="closed")
    assert after(changed(110, at=9), lost, replaced(at=8)).free(A, ASK, 110) == 110


@pytest.mark.parametrize(("lost", "free"), [((A,), 110), ((B, A), 110), ((B,), 50)])
def test_a_loss_of_some_markets_is_none_of_the_others(
    lost: tuple[ConditionId, ...], free: int
) -> None:
    gone = FeedLost(receive_time_ns=10, reason="closed", condition_ids=lost)
    assert after(changed(110, at=9), gone, replaced(at=8)).free(A, ASK, 110) == free


def test_events_of_a_market_that_was_not_taken_from_leave_no_memory() -> None:
    consumption = Consumption()
    consumption.observe(changed(110, at=9))
    consumption.observe(replaced(at=9))
    assert not consumption.has(A)
    consumption.take(A, ASK, 60)
    consumption.observe(replaced(at=8))
    assert not consumption.has(A)


def test_trades_and_ticks_say_nothing_and_a_resolved_market_is_forgotten() -> None:
    tick = TickChanged(receive_time_ns=5, condition_id=A, tick=1_000, venue_time_ns=5)
    trade = TradePrinted(
        receive_time_ns=5,
        condition_id=A,
        token_id=TokenId("A-yes"),
        side=BUY,
        price=420_000,
        size=60,
        venue_time_ns=5,
    )
    assert after(tick, trade).free(A, ASK, 100) == 40
    end = MarketResolved(
        receive_time_ns=5, condition_id=A, winner=TokenId("A-yes"), venue_time_ns=5
    )
    assert not after(end).has(A)


def test_another_market_and_another_taker_have_their_own_memory() -> None:
    consumption = taken_from()
    assert consumption.free(B, ASK, 100) == 100
    assert consumption.free(A, (False, 420_000, Taker.T0), 100) == 100
    assert not consumption.has(B)
    assert consumption.has(A)


STEPS = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 2), st.integers(0, 120)),
    st.tuples(st.just("replace"), st.integers(0, 2), st.integers(0, 120)),
    st.tuples(st.just("take"), st.sampled_from([Taker.ORDERS, Taker.T2]), st.integers(1, 150)),
)
Step = tuple[Literal["set", "replace", "take"], int | Taker, int]
PRICES = (410_000, 420_000, 430_000)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(start=st.tuples(*[st.integers(0, 120)] * 3), steps=st.lists(STEPS, max_size=25))
def test_no_taker_ever_gets_more_of_a_level_than_was_displayed_and_added(
    start: tuple[int, int, int], steps: list[Step]
) -> None:
    books = FakeBooks()
    shown = dict(zip(PRICES, start, strict=True))
    books.replace(A, asks=tuple((price, size) for price, size in shown.items() if size))
    party = Counterparty(books, catalogue(market("A")))
    supply = dict(shown)
    got = {(taker, price): 0 for taker in Taker for price in PRICES}
    for verb, subject, size in steps:
        if isinstance(subject, Taker):
            wish = Taking(
                condition_id=A, outcome=YES, side=BUY, price_limit=PRICES[-1], shares=size
            )
            fill = party.take(subject, wish)
            assert fill.shares <= size
            for price, had in fill.takes:
                assert had <= shown[price]
                got[subject, price] += had
            continue
        price = PRICES[subject]
        supply[price] += max(0, size - shown[price])
        shown[price] = size
        if verb == "set":
            event: MarketEvent = books.change(A, is_bid=False, price=price, size=size)
        else:
            levels = tuple((each, left) for each, left in shown.items() if left)
            event = books.replace(A, asks=levels)
        party.consumption.observe(event)
    for (_, price), total in got.items():
        assert total <= supply[price]
