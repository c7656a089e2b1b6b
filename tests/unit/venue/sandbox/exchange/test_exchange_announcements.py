"""What is announced, in which order, so that a listener's book is the exchange's book."""

from polyarb.domain.order import TradeStatus
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    LevelChanged,
    OrderChanged,
    OrderStep,
    Printed,
    TradeChanged,
)
from polyarb.venue.sandbox.terms.orders import OrderRecord, OrderState
from tests.exchange_cases import ANNA, BERT, CONDITION, NO, OPENED_NS, OPENED_S, YES, Trading


def level(*, is_bid: bool, price: int, size: int, best: tuple[int, int]) -> LevelChanged:
    return LevelChanged(
        condition_id=CONDITION,
        is_bid=is_bid,
        price=price,
        size=size * MICRO,
        best_bid=best[0],
        best_ask=best[1],
        at_ns=OPENED_NS,
    )


def kinds(told: list[Announcement]) -> list[str]:
    """Name what was announced, orders with their step and state."""
    return [
        f"{each.step} {each.order.state}" if isinstance(each, OrderChanged) else type(each).__name__
        for each in told
    ]


def test_a_resting_order_is_placed_and_changes_its_level() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY NO 10 @ 0.40", expiration_s=OPENED_S + 600)
    placed, changed = trading.exchange.drain()
    assert placed == OrderChanged(
        step=OrderStep.PLACEMENT,
        order=OrderRecord(
            order_id=order_id,
            state=OrderState.LIVE,
            owner="key-a",
            maker=ANNA,
            condition_id=CONDITION,
            token_id=NO,
            outcome="No",
            side="BUY",
            price=400_000,
            shares=10 * MICRO,
            shares_matched=0,
            time_in_force="GTD",
            expiration_s=OPENED_S + 600,
            created_s=OPENED_S,
        ),
        at_ns=OPENED_NS,
    )
    assert changed == level(is_bid=False, price=600_000, size=10, best=(0, 600_000))


def test_a_cancel_tells_the_level_and_the_order() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    trading.rest(BERT, "BUY YES 5 @ 0.40")
    trading.exchange.drain()
    trading.exchange.cancel((order_id,), "key-a")
    changed, ended = trading.exchange.drain()
    assert changed == level(is_bid=True, price=400_000, size=5, best=(400_000, ONE))
    assert kinds([ended]) == ["CANCELLATION CANCELED"]
    trading.exchange.cancel_all("key-b")
    assert trading.exchange.drain()[0] == level(is_bid=True, price=400_000, size=0, best=(0, ONE))


def test_a_trade_is_told_to_its_owners_then_printed() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.60")
    trading.exchange.drain()
    trading.take(BERT, "SELL NO 4 @ 0.30")
    told = trading.exchange.drain()
    assert kinds(told) == [
        "PLACEMENT LIVE",
        "TradeChanged",
        "UPDATE LIVE",
        "Printed",
        "UPDATE MATCHED",
    ]
    assert told[3] == Printed(
        condition_id=CONDITION,
        token_id=NO,
        price=400_000,
        size=4 * MICRO,
        side="SELL",
        at_ns=OPENED_NS,
    )
    maker = told[2]
    assert isinstance(maker, OrderChanged)
    assert (maker.order.owner, maker.order.shares_matched) == ("key-a", 4 * MICRO)
    assert len(maker.order.trade_ids) == 1


def test_a_taker_that_sweeps_is_updated_once_and_its_rest_is_a_level() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.rest(ANNA, "SELL YES 10 @ 0.51")
    trading.exchange.drain()
    trading.place(BERT, "BUY YES 30 @ 0.55")
    told = trading.exchange.drain()
    assert kinds(told) == [
        "PLACEMENT LIVE",
        "TradeChanged",
        "UPDATE MATCHED",
        "Printed",
        "TradeChanged",
        "UPDATE MATCHED",
        "Printed",
        "UPDATE LIVE",
        "LevelChanged",
    ]
    assert told[-1] == level(is_bid=True, price=550_000, size=10, best=(550_000, ONE))


def test_a_poor_maker_is_cancelled_before_the_trade() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.funds.tokens[ANNA, YES] = 0
    trading.exchange.refresh(ANNA, YES)
    trading.exchange.drain()
    trading.place(BERT, "BUY YES 10 @ 0.55")
    assert kinds(trading.exchange.drain()) == [
        "PLACEMENT LIVE",
        "LevelChanged",
        "CANCELLATION CANCELED_NOT_ENOUGH_BALANCE",
        "LevelChanged",
    ]


def test_a_held_order_is_placed_delayed_and_updated_when_it_is_matched() -> None:
    trading = Trading(hold_ms=250)
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.exchange.drain()
    trading.place(BERT, "BUY YES 10 @ 0.50")
    assert kinds(trading.exchange.drain()) == ["PLACEMENT DELAYED"]
    trading.wait(1)
    assert kinds(trading.exchange.drain()) == [
        "TradeChanged",
        "UPDATE MATCHED",
        "Printed",
        "UPDATE MATCHED",
    ]


def test_a_held_order_that_comes_to_rest_is_updated_live() -> None:
    trading = Trading(hold_ms=250)
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.place(BERT, "BUY YES 10 @ 0.50")
    trading.exchange.cancel_all("key-a")
    trading.exchange.drain()
    trading.wait(1)
    assert kinds(trading.exchange.drain()) == ["UPDATE LIVE", "LevelChanged"]


def test_a_held_order_that_meets_only_poor_makers_is_updated_live() -> None:
    trading = Trading(hold_ms=250)
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.place(BERT, "BUY YES 10 @ 0.50")
    trading.funds.tokens[ANNA, YES] = 0
    trading.exchange.refresh(ANNA, YES)
    trading.exchange.drain()
    trading.wait(1)
    assert kinds(trading.exchange.drain()) == [
        "LevelChanged",
        "CANCELLATION CANCELED_NOT_ENOUGH_BALANCE",
        "UPDATE LIVE",
        "LevelChanged",
    ]


def test_every_word_of_the_chain_is_told() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.place(BERT, "BUY YES 10 @ 0.50")
    (first,) = trading.told(TradeChanged)
    trade_id = first.trade.match.trade_id
    for status in (TradeStatus.RETRYING, TradeStatus.MINED, TradeStatus.CONFIRMED):
        trading.exchange.settle(trade_id, status, "0xaa")
    told = trading.told(TradeChanged)
    assert [each.trade.status for each in told] == ["RETRYING", "MINED", "CONFIRMED"]
    assert {each.trade.match for each in told} == {first.trade.match}


def test_matches_and_announcements_are_taken_once() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.place(BERT, "BUY YES 10 @ 0.50")
    assert len(trading.exchange.take_matches()) == 1
    assert trading.exchange.take_matches() == []
    assert trading.exchange.drain()
    assert trading.exchange.drain() == []
