"""The official `py-clob-client-v2`, unmodified, trades against the CLOB of the sandbox."""

import gc
from collections.abc import Iterator

import pytest
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.orders import ExchangeMode
from py_clob_client_v2 import (
    ApiCreds,
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    ClobClient,
    DropNotificationParams,
    MarketOrderArgs,
    OpenOrderParams,
    OrderArgs,
    OrderMarketCancelParams,
    OrderPayload,
    OrderScoringParams,
    OrdersScoringParams,
    OrderType,
    PartialCreateOrderOptions,
    PostOrdersV2Args,
    PricesHistoryParams,
    TradeParams,
)
from py_clob_client_v2.exceptions import PolyApiException
from tests.clob_server import ClobServer

TINY = PartialCreateOrderOptions()


@pytest.fixture(scope="module")
def server() -> Iterator[ClobServer]:
    with ClobServer() as running:
        yield running
    gc.collect()


def client_of(server: ClobServer, number: int = 0, **more: object) -> ClobClient:
    key = server.founded.accounts[number].private_key.reveal()
    client = ClobClient(server.address, 137, key=key, **more)
    client.set_api_creds(client.create_or_derive_api_key())
    return client


@pytest.fixture
def client(server: ClobServer) -> Iterator[ClobClient]:
    trader = client_of(server)
    yield trader
    trader.cancel_all()
    server.faults.clear()


def token(server: ClobServer, slug: str = "rain") -> str:
    return server.market(slug).yes


def order(token_id: str, price: float, size: float, side: str = "BUY") -> OrderArgs:
    return OrderArgs(token_id=token_id, price=price, size=size, side=side)


def refusal(raised: pytest.ExceptionInfo[PolyApiException]) -> tuple[int | None, str]:
    told = raised.value.error_msg
    return raised.value.status_code, told["error"] if isinstance(told, dict) else told


def test_keys_are_created_derived_listed_and_deleted(server: ClobServer) -> None:
    key = server.founded.accounts[2].private_key.reveal()
    client = ClobClient(server.address, 137, key=key)
    created = client.create_api_key()
    assert client.derive_api_key() == created
    assert client.create_or_derive_api_key() == created
    client.set_api_creds(created)
    assert client.get_api_keys() == {"apiKeys": [created.api_key]}
    assert client.get_closed_only_mode() == {"closed_only": False}
    read_only = client.create_readonly_api_key()
    assert client.get_readonly_api_keys() == [read_only["apiKey"]]
    assert client.delete_readonly_api_key(read_only["apiKey"]) == "OK"
    builder = client.create_builder_api_key()
    assert client.get_builder_api_keys() == [{"key": builder["key"]}]
    assert client.delete_api_key() == "OK"
    with pytest.raises(PolyApiException) as raised:
        client.get_api_keys()
    assert refusal(raised) == (401, "Unauthorized/Invalid api key")


def test_wrong_credentials_are_refused(server: ClobServer, client: ClobClient) -> None:
    creds = ApiCreds(api_key=client.creds.api_key, api_secret="c2VjcmV0", api_passphrase="0" * 32)
    stranger = ClobClient(
        server.address, 137, key=server.founded.accounts[0].private_key.reveal(), creds=creds
    )
    with pytest.raises(PolyApiException) as raised:
        stranger.get_open_orders()
    assert refusal(raised) == (401, "Unauthorized/Invalid api key")


def test_the_server_is_there_and_its_time_can_be_used(server: ClobServer) -> None:
    client = client_of(server, use_server_time=True)
    assert client.get_ok() == "OK"
    assert client.get_version() == 2
    assert isinstance(client.get_server_time(), int)
    assert client.get_open_orders() == []


def test_books_prices_and_markets_are_read(server: ClobServer, client: ClobClient) -> None:
    market = server.market("treaty")
    book = client.get_order_book(market.yes)
    assert client.get_order_book_hash(book) == book["hash"]
    assert float(book["bids"][-1]["price"]) < float(book["asks"][-1]["price"])
    both = [BookParams(token_id=each, side="BUY") for each in (market.yes, market.no)]
    assert [each["asset_id"] for each in client.get_order_books(both)] == [market.yes, market.no]
    assert client.get_midpoint(market.yes) == {"mid": "0.42"}
    assert set(client.get_midpoints(both)) == {market.yes, market.no}
    assert client.get_price(market.yes, "BUY") == {"price": "0.4"}
    assert client.get_prices(both)[market.yes] == {"BUY": "0.4"}
    assert client.get_spread(market.yes) == {"spread": "0.04"}
    assert set(client.get_spreads(both)) == {market.yes, market.no}
    assert client.get_last_trade_price(market.yes) == {"price": "0.5", "side": ""}
    assert client.get_last_trades_prices(both) == []
    assert client.get_tick_size(market.yes) == "0.001"
    assert client.get_neg_risk(server.market("ada").no) is True
    assert client.get_fee_rate_bps(token(server)) == 1_000
    assert client.get_fee_exponent(token(server)) == 1
    compact = client.get_clob_market_info(market.condition_id)
    assert [each["t"] for each in compact["t"]] == [market.yes, market.no]
    assert client.get_market(market.condition_id)["condition_id"] == market.condition_id
    for page in (
        client.get_markets(),
        client.get_simplified_markets(),
        client.get_sampling_markets(),
        client.get_sampling_simplified_markets(),
    ):
        assert page["next_cursor"] == "LTE="
        assert page["count"] == len(page["data"]) == 6
    history = client.get_prices_history(PricesHistoryParams(market=market.yes, interval="1d"))
    assert history["history"][0]["p"] == 0.42
    assert client.get_market_trades_events(market.condition_id) == []
    assert client.get_current_rewards() == []
    assert client.get_raw_rewards_for_market(market.condition_id) == []


@pytest.mark.parametrize("slug", ["rain", "treaty", "ada"])
def test_a_limit_order_rests_is_read_and_cancelled(
    server: ClobServer, client: ClobClient, slug: str
) -> None:
    token_id = token(server, slug)
    answer = client.create_and_post_order(order(token_id, 0.1, 20.5))
    assert (answer["success"], answer["status"]) == (True, "live")
    found = client.get_order(answer["orderID"])
    assert (found["price"], found["original_size"], found["status"]) == ("0.1", "20.5", "LIVE")
    rows = client.get_open_orders(OpenOrderParams(asset_id=token_id))
    assert [row["id"] for row in rows] == [answer["orderID"]]
    gone = client.cancel_order(OrderPayload(orderID=answer["orderID"]))
    assert gone == {"canceled": [answer["orderID"]], "not_canceled": {}}
    again = client.cancel_order(OrderPayload(orderID=answer["orderID"]))
    assert list(again["not_canceled"]) == [answer["orderID"]]
    assert client.get_open_orders() == []


@pytest.mark.parametrize("kind", [OrderType.FOK, OrderType.FAK])
def test_a_market_order_is_matched_and_its_transaction_found(
    server: ClobServer, client: ClobClient, kind: OrderType
) -> None:
    token_id = token(server, "ada")
    bought = client.create_and_post_market_order(
        MarketOrderArgs(token_id=token_id, amount=6.2, side="BUY"), order_type=kind
    )
    assert bought["status"] == "matched"
    assert (bought["makingAmount"], bought["takingAmount"]) == ("6.2", "10")
    assert len(bought["transactionsHashes"]) == 1
    trades = client.get_trades(TradeParams(id=bought["tradeIDs"][0]))
    assert [trade["taker_order_id"] for trade in trades] == [bought["orderID"]]
    assert trades[0]["trader_side"] == "TAKER"
    assert trades[0]["status"] in ("MINED", "CONFIRMED")
    assert client.get_trades_paginated()["next_cursor"] == "LTE="
    client.update_balance_allowance(
        BalanceAllowanceParams(asset_type=AssetType.CONDITIONAL, token_id=token_id)
    )
    sold = client.create_and_post_market_order(
        MarketOrderArgs(token_id=token_id, amount=5, side="SELL"), order_type=kind
    )
    assert (sold["status"], sold["makingAmount"]) == ("matched", "5")


def test_a_good_till_date_order_has_its_date(server: ClobServer, client: ClobClient) -> None:
    expires_s = client.get_server_time() + 600
    args = OrderArgs(token_id=token(server), price=0.1, size=10, side="BUY", expiration=expires_s)
    answer = client.create_and_post_order(args, order_type=OrderType.GTD)
    assert client.get_order(answer["orderID"])["expiration"] == str(expires_s)


def test_a_post_only_order_rests_or_is_refused(server: ClobServer, client: ClobClient) -> None:
    answer = client.create_and_post_order(order(token(server), 0.1, 10), post_only=True)
    assert answer["status"] == "live"
    with pytest.raises(PolyApiException) as raised:
        client.create_and_post_order(order(token(server), 0.6, 10), post_only=True)
    assert refusal(raised) == (400, "invalid post-only order: order crosses book")


def test_a_batch_is_answered_entry_by_entry(server: ClobServer, client: ClobClient) -> None:
    token_id = token(server)
    signed = [client.create_order(order(token_id, 0.1, size)) for size in (10, 2, 12)]
    answers = client.post_orders([PostOrdersV2Args(order=each) for each in signed])
    assert [each["success"] for each in answers] == [True, False, True]
    assert "lower than the minimum: 5" in answers[1]["errorMsg"]
    resting = [each["orderID"] for each in answers if each["success"]]
    some = client.cancel_orders([resting[0], "0xnone"])
    assert some["canceled"] == [resting[0]]
    market = server.market("rain").condition_id
    rest = client.cancel_market_orders(OrderMarketCancelParams(market=market))
    assert rest["canceled"] == [resting[1]]


def test_a_delayed_order_is_matched_later(server: ClobServer, client: ClobClient) -> None:
    answer = client.create_and_post_order(order(token(server, "rain"), 0.6, 10), defer_exec=True)
    assert (answer["success"], answer["status"]) == (True, "delayed")
    assert client.get_order(answer["orderID"])["status"] in ("DELAYED", "MATCHED")


ERRORS: dict[str, tuple[float, float, OrderType, int, str]] = {
    "off the grid": (0.1234, 10, OrderType.GTC, 400, "breaks minimum tick size rule: 0.01"),
    "too small": (0.1, 4, OrderType.GTC, 400, "Size (4) lower than the minimum: 5"),
    "too dear": (0.9, 90_000, OrderType.GTC, 400, "not enough balance / allowance: the balance"),
    "killed": (0.55, 1_200, OrderType.FOK, 400, "FOK orders are fully filled or killed."),
    "no match": (0.4, 10, OrderType.FAK, 400, "no orders found to match with FAK order"),
}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_have_the_texts_that_bots_look_for(
    server: ClobServer, client: ClobClient, name: str
) -> None:
    price, size, kind, status, text = ERRORS[name]
    options = PartialCreateOrderOptions(tick_size="0.0001" if "grid" in name else None)
    if "grid" in name:
        # The client refuses a finer tick than the market's, so the market is thought to be finer.
        client._ClobClient__tick_sizes[token(server)] = "0.0001"
    with pytest.raises(PolyApiException) as raised:
        client.create_and_post_order(order(token(server), price, size), options, kind)
    told = refusal(raised)
    assert told[0] == status
    assert text in told[1]


def test_the_same_order_twice_is_a_duplicate(server: ClobServer, client: ClobClient) -> None:
    signed = client.create_order(order(token(server), 0.1, 10))
    assert client.post_order(signed)["status"] == "live"
    with pytest.raises(PolyApiException) as raised:
        client.post_order(signed)
    assert refusal(raised)[0] == 400
    assert "Duplicated." in refusal(raised)[1]


def test_an_order_for_the_wrong_exchange_is_refused(server: ClobServer, client: ClobClient) -> None:
    options = PartialCreateOrderOptions(neg_risk=True)
    with pytest.raises(PolyApiException) as raised:
        client.create_and_post_order(order(token(server), 0.1, 10), options)
    assert refusal(raised) == (400, "invalid signature")


def test_heartbeats_scoring_and_balances(server: ClobServer) -> None:
    client = client_of(server, 1)
    first = client.post_heartbeat()
    second = client.post_heartbeat(first["heartbeat_id"])
    with pytest.raises(PolyApiException) as raised:
        client.post_heartbeat("wrong")
    assert raised.value.error_msg == {"error_msg": "Invalid Heartbeat ID", **second}
    assert client.is_order_scoring(OrderScoringParams(orderId="0x1")) == {"scoring": False}
    scoring = client.are_orders_scoring(OrdersScoringParams(orderIds=["0x1"]))
    assert scoring == {"0x1": False}
    balance = client.get_balance_allowance(BalanceAllowanceParams(asset_type=AssetType.COLLATERAL))
    held = server.inside(
        lambda state: state.world.exchange.balance(server.founded.accounts[1].address, None)
    )
    assert balance["balance"] == str(held)
    assert held > 0
    assert len(balance["allowances"]) >= 3
    assert client.get_earnings_for_user_for_day("2026-11-21") == []
    assert client.get_reward_percentages() == {}


def test_both_sides_of_a_trade_read_it_and_its_notices(server: ClobServer) -> None:
    maker, taker = client_of(server, 1), client_of(server, 0)
    token_id = token(server, "empty")
    resting = maker.create_and_post_order(order(token_id, 0.4, 10))
    token_no = server.market("empty").no
    answer = taker.create_and_post_order(order(token_no, 0.6, 10))
    assert answer["status"] == "matched"
    params = TradeParams(id=answer["tradeIDs"][0])
    mine, theirs = taker.get_trades(params)[0], maker.get_trades(params)[0]
    assert (mine["trader_side"], theirs["trader_side"]) == ("TAKER", "MAKER")
    part = next(each for each in theirs["maker_orders"] if each["owner"] == maker.creds.api_key)
    assert (part["order_id"], part["asset_id"], part["price"]) == (
        resting["orderID"],
        token_id,
        "0.4",
    )
    notices = [row for row in maker.get_notifications() if row["type"] == 2]
    assert notices[0]["payload"]["order_id"] == resting["orderID"]
    maker.drop_notifications(DropNotificationParams(ids=[str(notices[0]["id"])]))
    assert notices[0]["id"] not in [row["id"] for row in maker.get_notifications()]


MODES: dict[ExchangeMode, tuple[int, str]] = {
    ExchangeMode.RESTARTING: (425, "service not ready"),
    ExchangeMode.POST_ONLY: (503, "post-only mode: only post-only orders and cancels are allowed"),
    ExchangeMode.CANCEL_ONLY: (503, "cancel-only mode: only cancels are allowed"),
    ExchangeMode.DISABLED: (503, "trading is disabled"),
}


@pytest.mark.parametrize("mode", sorted(MODES))
def test_modes_of_the_engine_are_told(
    server: ClobServer, client: ClobClient, mode: ExchangeMode
) -> None:
    server.inside(lambda state: state.world.exchange.set_mode(mode))
    try:
        with pytest.raises(PolyApiException) as raised:
            client.create_and_post_order(order(token(server), 0.1, 10))
    finally:
        server.inside(lambda state: state.world.exchange.set_mode(ExchangeMode.OPEN))
    assert refusal(raised) == MODES[mode]


def test_a_lost_answer_leaves_an_order_that_the_client_can_find(
    server: ClobServer, client: ClobClient
) -> None:
    signed = client.create_order(order(token(server), 0.1, 10))
    server.faults.arm(Fault(kind=FaultKind.LOST_RESPONSE, scope="clob POST /order ", times=1))
    with pytest.raises(PolyApiException) as raised:
        client.post_order(signed)
    assert raised.value.status_code is None
    with pytest.raises(PolyApiException) as again:
        client.post_order(signed)
    assert "Duplicated." in refusal(again)[1]
    assert len(client.get_open_orders()) == 1


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        (FaultKind.SERVER_ERROR, 500, "could not insert order"),
        (FaultKind.ERROR_AFTER_ACCEPT, 500, "order timed out"),
        (FaultKind.RATE_LIMITED, 429, "Too Many Requests"),
        (FaultKind.GEOBLOCKED, 403, "Trading restricted in your region"),
        (FaultKind.HTML_ERROR, 502, "<center>cloudflare</center>"),
    ],
)
def test_faults_are_seen_by_the_client(
    server: ClobServer, client: ClobClient, kind: FaultKind, status: int, text: str
) -> None:
    signed = client.create_order(order(token(server), 0.1, 10))
    server.faults.arm(Fault(kind=kind, scope="clob POST /order ", times=1))
    with pytest.raises(PolyApiException) as raised:
        client.post_order(signed)
    told = refusal(raised)
    assert told[0] == status
    assert text in told[1]
