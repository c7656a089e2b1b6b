"""What orders and trades commit of a balance, and what becomes of it when the chain moves."""

import pytest
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import GroupId, TokenId
from polyarb.domain.order import TimeInForce, TradeStatus
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.exchange.fakes import MAX_ALLOWANCE
from polyarb.venue.sandbox.terms.orders import OrderState, RefusalReason
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from polyarb.venue.sandbox.terms.trades import TradeRecord
from tests.exchange_cases import (
    ANNA,
    BERT,
    CARA,
    NO,
    OPENED_NS,
    YES,
    Trading,
    accepted,
    refusal,
)

FEE = FeeSchedule(rate=700)
HASH = "0x" + "ab" * 32


def traded(trading: Trading) -> str:
    """Let Bert buy 10 YES of Anna at 0.50, and return the trade's id."""
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    return accepted(trading.place(BERT, "BUY YES 10 @ 0.50")).trade_ids[0]


def trade(trading: Trading, trade_id: str) -> TradeRecord:
    record = trading.exchange.trade(trade_id)
    assert record
    return record


def test_open_orders_commit_what_they_would_give() -> None:
    trading = Trading()
    buy = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    trading.rest(ANNA, "SELL YES 30 @ 0.60")
    trading.rest(ANNA, "BUY NO 10 @ 0.30")
    assert trading.exchange.free(ANNA, None) == 993 * MICRO
    assert trading.exchange.free(ANNA, YES) == 970 * MICRO
    assert trading.exchange.free(ANNA, NO) == trading.exchange.balance(ANNA, NO) == 1_000 * MICRO
    trading.exchange.cancel((buy,), "key-a")
    assert trading.exchange.free(ANNA, None) == 997 * MICRO


def test_one_balance_covers_all_open_orders() -> None:
    trading = Trading(held=10 * MICRO)
    trading.rest(ANNA, "BUY YES 12 @ 0.50")
    answer = refusal(trading.place(ANNA, "BUY YES 9 @ 0.50"))
    assert answer.reason is RefusalReason.NOT_ENOUGH_BALANCE
    trading.rest(ANNA, "BUY YES 8 @ 0.50")
    assert trading.exchange.free(ANNA, None) == 0


def test_a_buyer_that_takes_needs_the_fee_on_top() -> None:
    trading = Trading(held=100 * MICRO, fee=FEE)
    trading.rest(ANNA, "SELL YES 100 @ 0.50")
    trading.rest(BERT, "BUY NO 188 @ 0.49")
    assert trading.exchange.free(BERT, None) == 7_880_000
    answer = refusal(trading.place(BERT, "BUY YES 15.6 @ 0.50"))
    assert answer.message == (
        "not enough balance / allowance: the balance is not enough -> balance: 100000000, "
        "order amount: 8073000, sum of matched orders: 0, sum of active orders: 92120000"
    )
    accepted(trading.place(BERT, "BUY YES 15 @ 0.50"))
    assert trading.exchange.free(BERT, None) == 7_880_000 - 7_500_000 - 262_500


def test_a_seller_pays_the_fee_out_of_the_proceeds() -> None:
    trading = Trading(held=10 * MICRO, fee=FEE)
    trading.rest(ANNA, "BUY YES 10 @ 0.50")
    accepted(trading.place(BERT, "SELL YES 10 @ 0.50"))
    assert trading.exchange.free(BERT, YES) == 0
    assert trading.exchange.free(BERT, None) == 10 * MICRO


def test_a_maker_pays_no_fee() -> None:
    trading = Trading(held=5 * MICRO, fee=FEE)
    trading.rest(ANNA, "BUY YES 10 @ 0.50")
    accepted(trading.place(BERT, "SELL YES 5 @ 0.50"))
    assert trading.exchange.free(ANNA, None) == 0


def test_matched_money_is_bound_until_the_last_word() -> None:
    trading = Trading()
    trade_id = traded(trading)
    assert trading.exchange.free(BERT, None) == 995 * MICRO
    assert trading.exchange.free(ANNA, YES) == 990 * MICRO
    trading.exchange.settle(trade_id, TradeStatus.MINED, HASH)
    assert trading.exchange.free(BERT, None) == 995 * MICRO
    assert trading.exchange.balance(BERT, None) == 1_000 * MICRO
    move(trading)
    trading.exchange.settle(trade_id, TradeStatus.CONFIRMED, HASH)
    assert trading.exchange.free(BERT, None) == trading.exchange.balance(BERT, None) == 995 * MICRO
    assert trading.exchange.free(BERT, YES) == 1_010 * MICRO
    assert trading.exchange.free(ANNA, None) == 1_005 * MICRO
    assert trading.exchange.free(ANNA, YES) == 990 * MICRO


def move(trading: Trading) -> None:
    """Let the chain execute that trade."""
    trading.funds.pusd[BERT] -= 5 * MICRO
    trading.funds.pusd[ANNA] += 5 * MICRO
    trading.funds.tokens[BERT, YES] += 10 * MICRO
    trading.funds.tokens[ANNA, YES] -= 10 * MICRO


def test_money_that_the_chain_has_taken_is_not_counted_twice() -> None:
    trading = Trading()
    trade_id = traded(trading)
    move(trading)
    trading.exchange.settle(trade_id, TradeStatus.MINED, HASH)
    trading.exchange.refresh(BERT, None)
    assert trading.exchange.balance(BERT, None) == trading.exchange.free(BERT, None) == 995 * MICRO


def test_a_reorganised_trade_is_bound_again() -> None:
    trading = Trading()
    trade_id = traded(trading)
    move(trading)
    trading.exchange.settle(trade_id, TradeStatus.MINED, HASH)
    trading.exchange.refresh(BERT, None)
    trading.funds.pusd[BERT] += 5 * MICRO
    trading.exchange.settle(trade_id, TradeStatus.RETRYING, HASH)
    assert trading.exchange.balance(BERT, None) == 1_000 * MICRO
    assert trading.exchange.free(BERT, None) == 995 * MICRO


def test_an_order_is_not_paid_with_the_money_of_a_trade_in_flight() -> None:
    trading = Trading()
    traded(trading)
    answer = refusal(trading.place(BERT, "BUY YES 1992 @ 0.50"))
    assert answer.reason is RefusalReason.NOT_ENOUGH_BALANCE
    assert answer.message.endswith(
        "balance: 1000000000, order amount: 996000000, "
        "sum of matched orders: 5000000, sum of active orders: 0"
    )
    trading.rest(BERT, "BUY YES 1990 @ 0.50")


def test_a_failed_trade_frees_its_money_and_the_fill_stays_counted() -> None:
    trading = Trading()
    trade_id = traded(trading)
    trading.exchange.settle(trade_id, TradeStatus.RETRYING, HASH)
    trading.exchange.settle(trade_id, TradeStatus.FAILED, HASH)
    assert trading.exchange.free(BERT, None) == 1_000 * MICRO
    assert trading.exchange.free(ANNA, YES) == 1_000 * MICRO
    order = trading.exchange.order(trade(trading, trade_id).match.taker.order_id)
    assert order
    assert (order.state, order.shares_matched) == (OrderState.MATCHED, 10 * MICRO)


def test_a_trade_record_follows_the_chain() -> None:
    trading = Trading()
    trade_id = traded(trading)
    assert trade(trading, trade_id).status is TradeStatus.MATCHED
    trading.wait(3)
    trading.exchange.settle(trade_id, TradeStatus.MINED, HASH)
    record = trade(trading, trade_id)
    assert (record.status, record.transaction_hash) == (TradeStatus.MINED, HASH)
    assert record.updated_ns == OPENED_NS + 3 * 10**9
    assert record.match.matched_ns == OPENED_NS
    assert trading.exchange.trades("key-a") == trading.exchange.trades("key-b") == (record,)
    assert trading.exchange.trades("key-c") == ()


@pytest.mark.parametrize("late", [TradeStatus.MINED, TradeStatus.FAILED, TradeStatus.MATCHED])
def test_nothing_follows_a_last_word(late: TradeStatus) -> None:
    trading = Trading()
    trade_id = traded(trading)
    trading.exchange.settle(trade_id, TradeStatus.CONFIRMED, HASH)
    before = trading.exchange.free(BERT, None)
    trading.exchange.drain()
    trading.exchange.settle(trade_id, late, HASH)
    trading.exchange.settle("unknown", late, HASH)
    assert trade(trading, trade_id).status is TradeStatus.CONFIRMED
    assert trading.exchange.free(BERT, None) == before
    assert not trading.exchange.drain()


def test_an_order_that_can_no_longer_be_paid_is_cancelled_when_it_would_be_matched() -> None:
    trading = Trading()
    poor = trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.rest(CARA, "SELL YES 10 @ 0.51")
    trading.funds.tokens[ANNA, YES] = 9 * MICRO
    trading.exchange.refresh(ANNA, YES)
    assert trading.asks()[-1] == (500_000, 10 * MICRO)
    answer = accepted(trading.place(BERT, "BUY YES 10 @ 0.55"))
    assert answer.making == 5_100_000
    record = trading.exchange.order(poor)
    assert record
    assert record.state is OrderState.CANCELED_NOT_ENOUGH_BALANCE
    assert trading.asks() == ()


def test_a_cancelled_poor_maker_lets_the_taker_rest() -> None:
    trading = Trading()
    trading.rest(ANNA, "BUY NO 10 @ 0.50")
    trading.funds.pusd[ANNA] = 0
    trading.exchange.refresh(ANNA, None)
    assert accepted(trading.place(BERT, "BUY YES 10 @ 0.55")).status == "live"
    assert (trading.bids(), trading.asks()) == (((550_000, 10 * MICRO),), ())


def test_the_first_of_two_orders_on_one_short_balance_is_honoured() -> None:
    trading = Trading()
    first = trading.rest(ANNA, "SELL YES 10 @ 0.50")
    second = trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.funds.tokens[ANNA, YES] = 15 * MICRO
    trading.exchange.refresh(ANNA, YES)
    assert accepted(trading.take(BERT, "BUY YES $10 @ 0.50")).making == 5 * MICRO
    records = [trading.exchange.order(order_id) for order_id in (first, second)]
    assert [record.state for record in records if record] == [
        OrderState.MATCHED,
        OrderState.CANCELED_NOT_ENOUGH_BALANCE,
    ]


def test_a_maker_that_no_longer_allows_it_is_cancelled_too() -> None:
    trading = Trading()
    poor = trading.rest(ANNA, "BUY YES 10 @ 0.50")
    trading.funds.allowances[ANNA] = {CONTRACTS.exchange: 4 * MICRO}
    trading.exchange.refresh(ANNA, None)
    answer = refusal(trading.take(BERT, "SELL YES 10 @ 0.50", TimeInForce.FOK))
    assert answer.reason is RefusalReason.FOK_NOT_FILLED
    assert trading.bids() == ((500_000, 10 * MICRO),)
    accepted(trading.place(BERT, "SELL YES 10 @ 0.50"))
    record = trading.exchange.order(poor)
    assert record
    assert record.state is OrderState.CANCELED_NOT_ENOUGH_BALANCE


def test_a_neg_risk_market_asks_for_the_neg_risk_exchanges_allowance() -> None:
    trading = Trading(group_id=GroupId("0x" + "12" * 32))
    trading.funds.allowances[ANNA] = {CONTRACTS.exchange: 0, CONTRACTS.neg_risk_exchange: 1}
    trading.exchange.refresh(ANNA, None)
    answer = refusal(trading.place(ANNA, "BUY YES 10 @ 0.50"))
    assert f"spender: {CONTRACTS.neg_risk_exchange}, allowance: 1," in answer.message


def test_balances_are_a_cache_until_they_are_refreshed() -> None:
    trading = Trading()
    trading.funds.pusd[ANNA] = 1
    trading.funds.tokens[ANNA, NO] = 2
    trading.funds.allowances[ANNA] = {CONTRACTS.exchange: 3}
    trading.funds.approvals[ANNA] = {CONTRACTS.exchange: True, CONTRACTS.neg_risk_exchange: False}
    exchange = trading.exchange
    assert exchange.balance(ANNA, None) == exchange.balance(ANNA, NO) == 1_000 * MICRO
    exchange.refresh(ANNA, None)
    assert (exchange.balance(ANNA, None), exchange.balance(ANNA, NO)) == (1, 1_000 * MICRO)
    assert exchange.allowances(ANNA, None) == {CONTRACTS.exchange: 3}
    exchange.refresh(ANNA, NO)
    assert exchange.balance(ANNA, NO) == 2
    assert exchange.allowances(ANNA, NO) == {
        CONTRACTS.exchange: MAX_ALLOWANCE,
        CONTRACTS.neg_risk_exchange: 0,
    }


def test_a_token_that_is_not_listed_is_read_but_not_remembered() -> None:
    trading = Trading()
    stray = TokenId("123")
    assert trading.exchange.balance(ANNA, stray) == 0
    trading.funds.tokens[ANNA, stray] = 5
    assert trading.exchange.balance(ANNA, stray) == 5
    trading.exchange.refresh(ANNA, stray)


def test_closed_orders_and_final_trades_are_forgotten_oldest_first() -> None:
    trading = Trading(settings=ExchangeSettings(closed_orders_max=4, final_trades_max=2))
    trade_ids = [traded(trading) for _ in range(3)]
    order_ids = [trade(trading, trade_id).match.taker.order_id for trade_id in trade_ids]
    found = [trading.exchange.order(order_id) is not None for order_id in order_ids]
    assert found == [False, True, True]
    for trade_id in trade_ids:
        assert trading.exchange.trade(trade_id)
        trading.exchange.settle(trade_id, TradeStatus.CONFIRMED, HASH)
    kept = tuple(trade(trading, trade_id) for trade_id in trade_ids[1:])
    assert trading.exchange.trade(trade_ids[0]) is None
    assert trading.exchange.trades("key-a") == trading.exchange.trades("key-b") == kept
