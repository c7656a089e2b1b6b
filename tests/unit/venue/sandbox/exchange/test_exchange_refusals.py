"""Every refusal: the venue's own words, the reason, and nothing left behind."""

from collections.abc import Callable

import pytest
from polyarb.domain.ids import TokenId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.terms.orders import (
    ExchangeMode,
    OrderRequest,
    Placement,
    RefusalReason,
    Refused,
)
from tests.exchange_cases import (
    ANNA,
    CARA,
    CONDITION,
    OPENED_S,
    YES,
    Trading,
    accepted,
    fingerprint,
    refusal,
)

FOK_TEXT = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_TEXT = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
NOT_READY = "the market is not yet ready to process new orders"
MARKET_BUY = (
    "invalid amounts, the market buy orders maker amount supports a max accuracy of 2 decimals, "
    "taker amount a max of 4 decimals"
)
BALANCE = "not enough balance / allowance: the balance is not enough -> "
ALLOWANCE = "not enough balance / allowance: the allowance is not enough -> "

Case = tuple[RefusalReason, str, Callable[[Trading], OrderRequest]]


def sent(*amounts: int, side: Side = Side.BUY, kind: str = "GTC", **marks: int) -> Callable:
    """Make a maker of one order of Cara for YES with these amounts."""

    def make(trading: Trading) -> OrderRequest:
        return trading.request(CARA, YES, side, amounts, TimeInForce(kind), **marks)

    return make


def unknown_token(trading: Trading) -> OrderRequest:
    return trading.request(CARA, TokenId("5"), Side.BUY, (5_000_000, 10_000_000))


def duplicate(trading: Trading) -> OrderRequest:
    request = trading.limit(CARA, "BUY YES 10 @ 0.20")
    accepted(trading.exchange.place(request))
    return request


def duplicate_of_a_cancelled_one(trading: Trading) -> OrderRequest:
    request = duplicate(trading)
    trading.exchange.cancel_all(request.owner)
    return request


def closed_market(trading: Trading) -> OrderRequest:
    trading.exchange.close(CONDITION)
    return trading.limit(CARA, "BUY YES 10 @ 0.20")


def in_mode(mode: ExchangeMode, **marks: bool) -> Callable[[Trading], OrderRequest]:
    def make(trading: Trading) -> OrderRequest:
        trading.exchange.set_mode(mode)
        return trading.limit(CARA, "BUY YES 10 @ 0.20", **marks)

    return make


def beyond_balance(trading: Trading) -> OrderRequest:
    trading.rest(CARA, "BUY YES 100 @ 0.40")
    accepted(trading.take(CARA, "BUY YES $6 @ 0.60"))
    return trading.limit(CARA, "BUY YES 2000 @ 0.50")


def without_allowance(trading: Trading) -> OrderRequest:
    trading.funds.allowances[CARA] = {CONTRACTS.exchange: 7, CONTRACTS.neg_risk_exchange: MICRO}
    trading.exchange.refresh(CARA, None)
    return trading.limit(CARA, "BUY YES 10 @ 0.50")


def without_approval(trading: Trading) -> OrderRequest:
    trading.funds.approvals[CARA] = {CONTRACTS.neg_risk_exchange: True}
    trading.exchange.refresh(CARA, YES)
    return trading.limit(CARA, "SELL YES 10 @ 0.70")


CASES: dict[str, Case] = {
    "unknown token": (
        RefusalReason.UNKNOWN_TOKEN,
        "No orderbook exists for the requested token id",
        unknown_token,
    ),
    "no amount": (
        RefusalReason.INVALID_PAYLOAD,
        "Invalid order payload",
        sent(0, 10 * MICRO),
    ),
    "nothing wanted": (
        RefusalReason.INVALID_PAYLOAD,
        "Invalid order payload",
        sent(MICRO, 0, kind="FAK"),
    ),
    "negative amount": (
        RefusalReason.INVALID_PAYLOAD,
        "Invalid order payload",
        sent(-MICRO, -10 * MICRO),
    ),
    "post-only FAK": (
        RefusalReason.INVALID_PAYLOAD,
        "Invalid order payload",
        sent(5 * MICRO, 10 * MICRO, kind="FAK", is_post_only=True),
    ),
    "off the grid": (
        RefusalReason.OFF_TICK,
        "order {id} is invalid. Price (0.123) breaks minimum tick size rule: 0.01",
        sent(1_230_000, 10 * MICRO),
    ),
    "not even a micro price": (
        RefusalReason.OFF_TICK,
        "order {id} is invalid. Price (0.333333) breaks minimum tick size rule: 0.01",
        sent(10 * MICRO, 30 * MICRO),
    ),
    "at one": (
        RefusalReason.OFF_TICK,
        "order {id} is invalid. Price (1) breaks minimum tick size rule: 0.01",
        sent(10 * MICRO, 10 * MICRO, side=Side.SELL),
    ),
    "market order below the grid": (
        RefusalReason.OFF_TICK,
        "order {id} is invalid. Price (0.005) breaks minimum tick size rule: 0.01",
        sent(50_000, 10 * MICRO, kind="FAK"),
    ),
    "market order above the grid": (
        RefusalReason.OFF_TICK,
        "order {id} is invalid. Price (0.995) breaks minimum tick size rule: 0.01",
        sent(10 * MICRO, 9_950_000, side=Side.SELL, kind="FOK"),
    ),
    "too small": (
        RefusalReason.TOO_SMALL,
        "order {id} is invalid. Size (3) lower than the minimum: 5",
        sent(1_500_000, 3 * MICRO),
    ),
    "three decimals of shares to buy": (
        RefusalReason.INVALID_AMOUNTS,
        "invalid amounts, the limit buy orders maker amount supports a max accuracy of "
        "4 decimals, taker amount a max of 2 decimals",
        sent(5_000_500, 10_001_000),
    ),
    "three decimals of shares to sell": (
        RefusalReason.INVALID_AMOUNTS,
        "invalid amounts, the limit sell orders maker amount supports a max accuracy of "
        "2 decimals, taker amount a max of 4 decimals",
        sent(10_001_000, 5_000_500, side=Side.SELL),
    ),
    "three decimals of collateral": (
        RefusalReason.INVALID_AMOUNTS,
        MARKET_BUY,
        sent(5_001_000, 10_002_000, kind="FAK"),
    ),
    "five decimals of shares wanted": (
        RefusalReason.INVALID_AMOUNTS,
        MARKET_BUY,
        sent(5_000_000, 10_000_010, kind="FOK"),
    ),
    "three decimals of shares to sell at once": (
        RefusalReason.INVALID_AMOUNTS,
        MARKET_BUY.replace("buy", "sell"),
        sent(10_001_000, 5_000_000, side=Side.SELL, kind="FAK"),
    ),
    "GTC with an expiration": (
        RefusalReason.INVALID_EXPIRATION,
        "invalid expiration",
        sent(5 * MICRO, 10 * MICRO, expiration_s=OPENED_S + 600),
    ),
    "GTD without one": (
        RefusalReason.INVALID_EXPIRATION,
        "invalid expiration",
        sent(5 * MICRO, 10 * MICRO, kind="GTD"),
    ),
    "GTD too soon": (
        RefusalReason.INVALID_EXPIRATION,
        "invalid expiration",
        sent(5 * MICRO, 10 * MICRO, kind="GTD", expiration_s=OPENED_S + 59),
    ),
    "duplicate": (RefusalReason.DUPLICATE, "Duplicated.", duplicate),
    "duplicate of a cancelled one": (
        RefusalReason.DUPLICATE,
        "Duplicated.",
        duplicate_of_a_cancelled_one,
    ),
    "closed market": (RefusalReason.MARKET_NOT_READY, NOT_READY, closed_market),
    "beyond the balance": (
        RefusalReason.NOT_ENOUGH_BALANCE,
        BALANCE + "balance: 1000000000, order amount: 1000000000, "
        "sum of matched orders: 6000000, sum of active orders: 40000000",
        beyond_balance,
    ),
    "beyond the shares": (
        RefusalReason.NOT_ENOUGH_BALANCE,
        BALANCE + "balance: 1000000000, order amount: 1000010000, "
        "sum of matched orders: 0, sum of active orders: 0",
        sent(1_000_010_000, 700_007_000, side=Side.SELL),
    ),
    "without allowance": (
        RefusalReason.NOT_ENOUGH_ALLOWANCE,
        ALLOWANCE + f"spender: {CONTRACTS.exchange}, allowance: 7, order amount: 5000000",
        without_allowance,
    ),
    "without approval": (
        RefusalReason.NOT_ENOUGH_ALLOWANCE,
        ALLOWANCE + f"spender: {CONTRACTS.exchange}, allowance: 0, order amount: 10000000",
        without_approval,
    ),
    "post-only that crosses": (
        RefusalReason.POST_ONLY_CROSSES,
        "invalid post-only order: order crosses book",
        sent(6 * MICRO, 10 * MICRO, is_post_only=True),
    ),
    "FOK beyond the book": (
        RefusalReason.FOK_NOT_FILLED,
        FOK_TEXT,
        sent(30_010_000, 50_016_600, kind="FOK"),
    ),
    "FAK below the book": (
        RefusalReason.FAK_NOT_FILLED,
        FAK_TEXT,
        sent(10 * MICRO, 20 * MICRO, kind="FAK"),
    ),
    "restarting": (
        RefusalReason.RESTARTING,
        "service not ready",
        in_mode(ExchangeMode.RESTARTING, is_post_only=True),
    ),
    "post-only mode": (
        RefusalReason.POST_ONLY_MODE,
        "post-only mode: only post-only orders and cancels are allowed",
        in_mode(ExchangeMode.POST_ONLY),
    ),
    "cancel-only mode": (
        RefusalReason.CANCEL_ONLY_MODE,
        "cancel-only mode: only cancels are allowed",
        in_mode(ExchangeMode.CANCEL_ONLY, is_post_only=True),
    ),
    "disabled": (
        RefusalReason.TRADING_DISABLED,
        "trading is disabled",
        in_mode(ExchangeMode.DISABLED),
    ),
}


@pytest.fixture
def trading() -> Trading:
    """Open a market in which 50 YES can be bought at 0.60."""
    trading = Trading()
    trading.rest(ANNA, "SELL YES 50 @ 0.60")
    return trading


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_has_the_venues_words_and_leaves_nothing(trading: Trading, name: str) -> None:
    reason, message, make = CASES[name]
    request = make(trading)
    trading.exchange.drain()
    before = fingerprint(trading.exchange)
    answer = refusal(trading.exchange.place(request))
    assert answer == Refused(
        reason=reason,
        message=message.format(id=request.order_id),
        order_id=request.order_id,
    )
    assert fingerprint(trading.exchange) == before
    assert not trading.exchange.drain()


def test_every_reason_of_a_refused_order_is_in_the_table() -> None:
    told = {reason for reason, _, _ in CASES.values()}
    assert told == set(RefusalReason) - {RefusalReason.INVALID_HEARTBEAT}


def test_a_refused_order_may_be_sent_again(trading: Trading) -> None:
    request = sent(10 * MICRO, 20 * MICRO, kind="FAK")(trading)
    assert refusal(trading.exchange.place(request)).reason is RefusalReason.FAK_NOT_FILLED
    trading.rest(ANNA, "SELL YES 50 @ 0.50")
    assert accepted(trading.exchange.place(request)).taking == 20 * MICRO


def test_modes_let_what_they_allow_through() -> None:
    trading = Trading()
    trading.exchange.set_mode(ExchangeMode.POST_ONLY)
    assert isinstance(trading.place(ANNA, "BUY YES 10 @ 0.40", is_post_only=True), Placement)


def test_cancels_are_refused_while_the_engine_restarts_or_is_disabled() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    for mode, text in (
        (ExchangeMode.RESTARTING, "service not ready"),
        (ExchangeMode.DISABLED, "trading is disabled"),
    ):
        trading.exchange.set_mode(mode)
        trading.exchange.drain()
        before = fingerprint(trading.exchange)
        for answer in (
            trading.exchange.cancel((order_id,), "key-a"),
            trading.exchange.cancel_all("key-a"),
            trading.exchange.cancel_market("key-a", condition_id=CONDITION),
        ):
            assert refusal(answer).message == text
        assert fingerprint(trading.exchange) == before
    for mode in (ExchangeMode.CANCEL_ONLY, ExchangeMode.POST_ONLY):
        trading.exchange.set_mode(mode)
        answer = trading.exchange.cancel_all("key-a")
        assert not isinstance(answer, Refused)
    assert trading.bids() == ()
