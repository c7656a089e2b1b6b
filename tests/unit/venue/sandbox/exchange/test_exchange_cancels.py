"""Cancels: by id, of everything, of a market or a token; by the owner only."""

from polyarb.domain.ids import ConditionId
from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.terms.orders import Cancellation
from tests.exchange_cases import ANNA, BERT, CONDITION, NO, YES, Trading, accepted, canceled

NOT_FOUND = "order can't be found - already canceled or matched"


def test_an_owner_cancels_by_id_and_hears_of_what_is_not_to_be_found() -> None:
    trading = Trading()
    mine = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    theirs = trading.rest(BERT, "BUY YES 10 @ 0.40")
    answer = trading.exchange.cancel((mine, theirs, "0xbeef", mine), "key-a")
    assert answer == Cancellation(
        canceled=(mine,), not_canceled={theirs: NOT_FOUND, "0xbeef": NOT_FOUND}
    )
    again = trading.exchange.cancel([mine], "key-a")
    assert again == Cancellation(canceled=(), not_canceled={mine: NOT_FOUND})
    assert trading.bids() == ((400_000, 10 * MICRO),)


def test_a_matched_order_cannot_be_cancelled_but_the_rest_of_one_can() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "SELL YES 10 @ 0.50")
    accepted(trading.place(BERT, "BUY YES 6 @ 0.50"))
    assert canceled(trading.exchange.cancel((order_id,), "key-a")) == (order_id,)
    assert trading.exchange.free(ANNA, YES) == 994 * MICRO
    record = trading.exchange.order(order_id)
    assert record
    assert record.shares_matched == 6 * MICRO
    done = accepted(trading.place(BERT, "BUY YES 10 @ 0.40")).order_id
    accepted(trading.place(ANNA, "SELL YES 10 @ 0.40"))
    assert canceled(trading.exchange.cancel((done,), "key-b")) == ()


def test_cancelling_all_takes_an_owners_orders_oldest_first() -> None:
    trading = Trading()
    mine = (
        trading.rest(ANNA, "BUY YES 10 @ 0.40"),
        trading.rest(ANNA, "SELL YES 10 @ 0.60"),
        trading.rest(ANNA, "BUY YES 10 @ 0.41"),
    )
    trading.rest(BERT, "BUY YES 10 @ 0.40")
    assert canceled(trading.exchange.cancel_all("key-a")) == mine
    assert trading.exchange.open_orders("key-a") == ()
    assert trading.bids() == ((400_000, 10 * MICRO),)
    assert trading.asks() == ()
    assert canceled(trading.exchange.cancel_all("key-a")) == ()


def test_cancelling_a_market_or_a_token() -> None:
    trading = Trading()
    yes, no = trading.rest(ANNA, "BUY YES 10 @ 0.40"), trading.rest(ANNA, "BUY NO 10 @ 0.40")
    exchange = trading.exchange
    elsewhere = ConditionId("0x" + "ee" * 32)
    assert canceled(exchange.cancel_market("key-a")) == ()
    assert canceled(exchange.cancel_market("key-b", condition_id=CONDITION)) == ()
    assert canceled(exchange.cancel_market("key-a", condition_id=elsewhere, token_id=YES)) == ()
    assert canceled(exchange.cancel_market("key-a", token_id=NO)) == (no,)
    assert canceled(exchange.cancel_market("key-a", condition_id=CONDITION)) == (yes,)


def test_an_order_from_the_middle_of_a_level_leaves_the_others_in_line() -> None:
    trading = Trading()
    ids = [trading.rest(ANNA, "SELL YES 5 @ 0.50") for _ in range(4)]
    for index in (1, 3, 0):
        trading.exchange.cancel((ids[index],), "key-a")
    ids.append(trading.rest(ANNA, "SELL YES 5 @ 0.50"))
    accepted(trading.place(BERT, "BUY YES 10 @ 0.50"))
    (match,) = trading.exchange.take_matches()
    assert [fill.order_id for fill in match.makers] == [ids[2], ids[4]]


def test_levels_in_the_middle_of_a_side_come_and_go() -> None:
    trading = Trading()
    ids = [trading.rest(ANNA, f"BUY YES 5 @ 0.{cents}") for cents in (40, 42, 41, 43)]
    trading.exchange.cancel((ids[2],), "key-a")
    assert [price for price, _ in trading.bids()] == [400_000, 420_000, 430_000]
    trading.exchange.cancel((ids[3],), "key-a")
    trading.exchange.cancel((ids[0],), "key-a")
    assert trading.bids() == ((420_000, 5 * MICRO),)
