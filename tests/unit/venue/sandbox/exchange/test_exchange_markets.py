"""A market's life: listed, its tick changed, closed and opened again, resolved."""

import msgspec
import pytest
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.terms.announcements import (
    LevelChanged,
    MarketClosed,
    MarketOpened,
    OrderChanged,
    TickChanged,
)
from polyarb.venue.sandbox.terms.instruments import MarketStanding
from polyarb.venue.sandbox.terms.orders import OrderState, RefusalReason
from tests.exchange_cases import (
    ANNA,
    BERT,
    CONDITION,
    NO,
    OPENED_NS,
    SECOND_NS,
    YES,
    Trading,
    accepted,
    fingerprint,
    listed_market,
    listing,
    refusal,
)

OTHER = ConditionId("0x" + "dd" * 32)


def standing(trading: Trading) -> MarketStanding:
    found = trading.exchange.standing(CONDITION)
    assert found
    return found


def test_what_is_listed_can_be_looked_up() -> None:
    trading = Trading()
    exchange, market = trading.exchange, trading.market
    assert exchange.markets() == (market,)
    assert exchange.market(CONDITION) == market
    assert [event.event_id for event in exchange.events()] == ["1"]
    assert exchange.condition_of(YES) == exchange.condition_of(NO) == CONDITION
    assert standing(trading) == MarketStanding(tick=10_000, opened_ns=OPENED_NS)


def test_what_is_not_listed_is_nothing() -> None:
    exchange = Trading().exchange
    stray = TokenId("5")
    assert exchange.book(stray) is exchange.last_print(stray) is exchange.condition_of(stray)
    assert exchange.market(OTHER) is exchange.standing(OTHER) is None
    assert exchange.order("0x00") is exchange.trade("none") is None


def test_the_last_print_is_told_in_the_terms_of_each_token() -> None:
    trading = Trading()
    assert trading.exchange.last_print(YES) is None
    trading.rest(ANNA, "SELL YES 10 @ 0.60")
    trading.wait(5)
    accepted(trading.place(BERT, "BUY YES 5 @ 0.60"))
    assert trading.exchange.last_print(YES) == (600_000, Side.BUY)
    assert trading.exchange.last_print(NO) == (400_000, Side.SELL)
    accepted(trading.place(BERT, "SELL NO 5 @ 0.40"))
    assert trading.exchange.last_print(NO) == (400_000, Side.SELL)
    book = trading.exchange.book(NO)
    assert book
    assert (book.last_price, book.changed_ns) == (400_000, OPENED_NS + 5 * SECOND_NS)
    assert (book.token_id, book.condition_id, book.tick) == (NO, CONDITION, 10_000)


def test_a_finer_tick_leaves_every_order() -> None:
    trading = Trading()
    trading.rest(ANNA, "BUY YES 10 @ 0.41")
    trading.exchange.drain()
    trading.exchange.change_tick(CONDITION, 1_000)
    assert trading.exchange.drain() == [
        TickChanged(condition_id=CONDITION, old_tick=10_000, new_tick=1_000, at_ns=OPENED_NS)
    ]
    assert standing(trading).tick == 1_000
    trading.rest(ANNA, "BUY YES 10 @ 0.411")
    assert trading.bids()[-1] == (411_000, 10 * MICRO)
    before = fingerprint(trading.exchange)
    trading.exchange.change_tick(CONDITION, 1_000)
    assert fingerprint(trading.exchange) == before


def test_a_coarser_tick_cancels_what_is_off_it_first() -> None:
    trading = Trading()
    off = trading.rest(ANNA, "BUY YES 10 @ 0.41")
    trading.rest(ANNA, "BUY YES 10 @ 0.40")
    edge = trading.rest(ANNA, "SELL YES 10 @ 0.95")
    trading.exchange.drain()
    trading.exchange.change_tick(CONDITION, 100_000)
    told = trading.exchange.drain()
    assert [type(each) for each in told] == [
        LevelChanged,
        OrderChanged,
        LevelChanged,
        OrderChanged,
        TickChanged,
    ]
    assert trading.bids() == ((400_000, 10 * MICRO),)
    assert trading.asks() == ()
    records = [trading.exchange.order(order_id) for order_id in (off, edge)]
    assert [record.state for record in records if record] == [OrderState.CANCELED] * 2


def test_a_tick_that_the_venue_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a tick of"):
        Trading().exchange.change_tick(CONDITION, 0)


def test_a_closed_market_takes_nothing_and_keeps_what_rests() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    trading.exchange.drain()
    trading.exchange.close(CONDITION)
    trading.exchange.close(CONDITION)
    assert trading.exchange.drain() == [
        MarketClosed(condition_id=CONDITION, payouts=None, at_ns=OPENED_NS)
    ]
    assert (standing(trading).is_accepting, standing(trading).is_closed) == (False, True)
    answer = refusal(trading.take(BERT, "SELL YES 5 @ 0.40"))
    assert answer.reason is RefusalReason.MARKET_NOT_READY
    trading.exchange.reopen(CONDITION)
    assert (standing(trading).is_accepting, standing(trading).is_closed) == (True, False)
    accepted(trading.take(BERT, "SELL YES 5 @ 0.40"))
    trading.exchange.close(CONDITION)
    assert trading.exchange.cancel((order_id,), "key-a")
    assert trading.bids() == ()


@pytest.mark.parametrize("payouts", [(MICRO, 0), (0, MICRO), (MICRO // 2, MICRO // 2)])
def test_a_verdict_cancels_whatever_is_open(payouts: tuple[int, int]) -> None:
    trading = Trading(hold_ms=250)
    resting = trading.rest(ANNA, "SELL YES 10 @ 0.50", expiration_s=OPENED_NS // SECOND_NS + 90)
    delayed = accepted(trading.place(BERT, "BUY YES 10 @ 0.50")).order_id
    trading.exchange.drain()
    trading.exchange.resolve(CONDITION, payouts)
    trading.exchange.resolve(CONDITION, payouts)
    told = trading.exchange.drain()
    assert [each.order.state for each in told if isinstance(each, OrderChanged)] == [
        OrderState.CANCELED_MARKET_RESOLVED
    ] * 2
    assert told[-1] == MarketClosed(condition_id=CONDITION, payouts=payouts, at_ns=OPENED_NS)
    trading.wait(100)
    for order_id in (resting, delayed):
        record = trading.exchange.order(order_id)
        assert record
        assert record.state is OrderState.CANCELED_MARKET_RESOLVED
    assert trading.exchange.free(ANNA, YES) == trading.exchange.free(BERT, None) == 1_000 * MICRO
    assert standing(trading) == MarketStanding(
        tick=10_000,
        is_accepting=False,
        is_closed=True,
        payouts=payouts,
        opened_ns=OPENED_NS,
        resolved_ns=OPENED_NS,
    )
    assert refusal(trading.place(ANNA, "BUY YES 10 @ 0.40")).reason == "MARKET_NOT_READY"


def test_a_verdict_is_final_and_pays_one_set() -> None:
    trading = Trading()
    for payouts in ((MICRO, MICRO), (-1, MICRO + 1), (0, 0)):
        with pytest.raises(ValueError, match="expected payouts"):
            trading.exchange.resolve(CONDITION, payouts)
    trading.exchange.resolve(CONDITION, (MICRO, 0))
    with pytest.raises(ValueError, match="expected the verdict"):
        trading.exchange.resolve(CONDITION, (0, MICRO))
    with pytest.raises(ValueError, match="expected an unresolved market"):
        trading.exchange.reopen(CONDITION)


def test_a_market_is_listed_while_the_venue_runs() -> None:
    trading = Trading()
    trading.wait(60)
    market = listed_market(
        condition_id=OTHER, yes=TokenId("55"), no=TokenId("66"), event_id="2", tick=1_000
    )
    (event,) = listing(market).events
    trading.exchange.open_market(event, market)
    assert trading.exchange.drain() == [
        MarketOpened(market=market, at_ns=OPENED_NS + 60 * SECOND_NS)
    ]
    assert trading.exchange.markets() == (trading.market, market)
    assert [each.event_id for each in trading.exchange.events()] == ["1", "2"]
    opened = trading.exchange.standing(OTHER)
    assert opened
    assert opened.opened_ns == OPENED_NS + 60 * SECOND_NS
    request = trading.request(ANNA, market.yes, Side.BUY, (5_000, 5 * MICRO), TimeInForce.GTC)
    accepted(trading.exchange.place(request))
    book = trading.exchange.book(market.no)
    assert book
    assert book.asks == ((999_000, 5 * MICRO),)
    for again in (market, msgspec.structs.replace(market, condition_id="0x01")):
        with pytest.raises(ValueError, match="expected a new market"):
            trading.exchange.open_market(event, again)
