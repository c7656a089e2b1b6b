"""Books, markets, records, balances, notices, keys over REST: shapes, filters, pages, ownership."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.mac import request_mac
from polyarb.venue.sandbox.server.clob.keys import KEYS_MAX
from polyarb.venue.sandbox.server.clob.venue import ClobSettings
from polyarb.venue.sandbox.server.keys import KeyKind
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from starlette.types import Message, Scope
from tests.clob_cases import START_NS, Desk, Trader, id_of

SAMPLES = json.loads(
    (Path(__file__).resolve().parents[4] / "vectors" / "wire_samples.json").read_text()
)["rest"]


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


def shape(value: object) -> object:
    """Return the keys and types of a body; of a list that of its first row."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value)


async def get(desk: Desk, path: str, **query: str | int) -> httpx.Response:
    return await desk.client.get(path, params=query)


async def trade(desk: Desk, taker: Trader, slug: str = "rain", shares: int = 10) -> str:
    """Let a trader buy YES of a market from its ladder; return the trade's id."""
    market = desk.market(slug)
    order = taker.order(market.yes, Side.BUY, 700_000, shares, is_neg_risk=market.is_neg_risk)
    answer = (await taker.place(order)).json()
    trade_ids: list[str] = answer["tradeIDs"]
    return trade_ids[0]


def test_a_book_has_the_shape_of_the_samples_and_the_best_level_last() -> None:
    async def main() -> None:
        desk = Desk()
        await trade(desk, desk.trader())
        body = (await get(desk, "/book", token_id=desk.market("rain").yes)).json()
        assert shape(body) == shape(SAMPLES["book"])
        assert list(body) == list(SAMPLES["book"])
        assert [row["price"] for row in body["bids"]] == ["0.46", "0.47", "0.48"]
        assert [row["price"] for row in body["asks"]] == ["0.54", "0.53", "0.52"]
        assert body["last_trade_price"] == "0.52"

    run(main)


def test_the_books_of_both_tokens_mirror_each_other() -> None:
    async def main() -> None:
        desk = Desk()
        market = desk.market("rain")
        wanted = [{"token_id": market.yes}, {"token_id": "5"}, {"token_id": market.no}]
        answer = await desk.client.post("/books", json=wanted)
        yes, no = answer.json()
        assert (yes["asset_id"], no["asset_id"]) == (market.yes, market.no)
        assert [row["size"] for row in yes["bids"]] == [row["size"] for row in no["asks"]]
        assert yes["hash"] != no["hash"]

    run(main)


NO_BOOK = {"error": "No orderbook exists for the requested token id"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/midpoint", {"mid": "0.5"}),
        ("/spread", {"spread": "0.04"}),
        ("/price?side=BUY", {"price": "0.48"}),
        ("/price?side=sell", {"price": "0.52"}),
        ("/last-trade-price", {"price": "0.5", "side": ""}),
        ("/tick-size", {"minimum_tick_size": 0.01}),
        ("/neg-risk", {"neg_risk": False}),
        ("/fee-rate", {"base_fee": 1000}),
    ],
)
def test_the_reads_of_one_token(path: str, expected: object) -> None:
    async def main() -> None:
        desk = Desk()
        path_only, _, query = path.partition("?")
        asked = dict(part.split("=") for part in query.split("&") if part)
        answer = await get(desk, path_only, token_id=desk.market("rain").yes, **asked)
        assert answer.json() == expected
        unknown = await get(desk, path_only, token_id="5", **asked)
        assert unknown.status_code == 404
        missing = await get(desk, path_only, **asked)
        assert missing.status_code == 400

    run(main)


def test_an_unknown_token_has_no_book() -> None:
    async def main() -> None:
        answer = await get(Desk(), "/book", token_id="123")
        assert (answer.status_code, answer.json()) == (404, NO_BOOK)

    run(main)


def test_the_reads_of_several_tokens_leave_out_what_does_not_exist() -> None:
    async def main() -> None:
        desk = Desk()
        rain, empty = desk.market("rain").yes, desk.market("empty").yes
        await trade(desk, desk.trader())
        wanted = [{"token_id": rain, "side": "BUY"}, {"token_id": rain, "side": "SELL"}]
        wanted += [{"token_id": "7", "side": "BUY"}, {"token_id": empty, "side": "BUY"}]
        told = {
            path: (await desk.client.post(path, json=wanted)).json()
            for path in ("/prices", "/midpoints", "/spreads", "/last-trades-prices")
        }
        assert told == {
            "/prices": {rain: {"BUY": "0.48", "SELL": "0.52"}, empty: {"BUY": "0"}},
            "/midpoints": {rain: "0.5", empty: "0.5"},
            "/spreads": {rain: "0.04", empty: "1"},
            "/last-trades-prices": [{"token_id": rain, "price": "0.52", "side": "BUY"}],
        }
        many = await desk.client.post("/books", json=[{"token_id": "1"}] * 501)
        assert many.status_code == 400

    run(main)


def test_a_market_in_short_leaves_out_what_is_false() -> None:
    async def main() -> None:
        desk = Desk()
        rain, ada, derby, treaty = (
            desk.market(each) for each in ("rain", "ada", "derby", "treaty")
        )
        told = {
            market.slug: (await get(desk, f"/clob-markets/{market.condition_id}")).json()
            for market in (rain, ada, derby, treaty)
        }
        assert told["rain"]["t"] == [{"t": rain.yes, "o": "Yes"}, {"t": rain.no, "o": "No"}]
        assert told["rain"]["fd"] == {"r": 0.05, "e": 1, "to": True}
        assert (told["rain"]["mos"], told["rain"]["mts"], told["rain"]["ao"]) == (5, 0.01, True)
        assert "nr" not in told["rain"]
        assert "itode" not in told["rain"]
        assert told["ada"]["nr"] is True
        assert told["derby"]["itode"] is True
        assert told["treaty"]["mts"] == 0.001
        assert "fd" not in told["treaty"]
        upper = "0x" + rain.condition_id[2:].upper()
        assert (await get(desk, f"/clob-markets/{upper}")).status_code == 200
        for path in (
            "/clob-markets/",
            "/markets/",
            "/markets/live-activity/",
            "/markets-by-token/",
        ):
            unknown = await get(desk, path + "0x12")
            assert (unknown.status_code, unknown.json()) == (404, {"error": "market not found"})
        by_token = (await get(desk, f"/markets-by-token/{rain.no}")).json()
        assert by_token == {
            "condition_id": rain.condition_id,
            "primary_token_id": rain.yes,
            "secondary_token_id": rain.no,
        }

    run(main)


@pytest.mark.parametrize(
    "path",
    ["/markets", "/sampling-markets", "/simplified-markets", "/sampling-simplified-markets"],
)
def test_lists_of_markets_are_paged_to_their_end(path: str) -> None:
    async def main() -> None:
        desk = Desk(ClobSettings(market_page=4))
        desk.world.exchange.close(desk.market("empty").condition_id)
        rows: list[dict[str, object]] = []
        cursor, pages = "MA==", 0
        while cursor != "LTE=":
            page = (await get(desk, path, next_cursor=cursor)).json()
            assert (page["limit"], page["count"]) == (4, len(page["data"]))
            rows += page["data"]
            cursor, pages = page["next_cursor"], pages + 1
        everybody = [market.condition_id for market in desk.founded.listing.markets]
        is_sampled = path.startswith("/sampling")
        assert [row["condition_id"] for row in rows] == everybody[: 5 if is_sampled else 6]
        assert pages == 2
        assert {row["accepting_orders"] for row in rows} == (
            {True} if is_sampled else {True, False}
        )
        end = (await get(desk, path, next_cursor="LTE=")).json()
        assert (end["data"], end["next_cursor"]) == ([], "LTE=")
        for wrong in ("abc", "MA=", "LTI=", "x" * 50):
            assert (await get(desk, path, next_cursor=wrong)).status_code == 400

    run(main)


def test_a_resolved_market_names_its_winner() -> None:
    async def main() -> None:
        desk = Desk()
        rain, derby = desk.market("rain"), desk.market("derby")
        desk.world.resolve(rain.condition_id, (0, 1_000_000))
        desk.world.resolve(derby.condition_id, (500_000, 500_000))
        body = (await get(desk, f"/markets/{rain.condition_id}")).json()
        assert (body["closed"], body["accepting_orders"]) == (True, False)
        assert [(row["price"], row["winner"]) for row in body["tokens"]] == [(0, False), (1, True)]
        even = (await get(desk, f"/markets/{derby.condition_id}")).json()
        assert even["is_50_50_outcome"] is True
        assert [row["winner"] for row in even["tokens"]] == [False, False]

    run(main)


def test_the_signs_of_life() -> None:
    async def main() -> None:
        desk = Desk()
        assert (await get(desk, "/ok")).json() == "OK"
        assert (await get(desk, "/time")).json() == START_NS // 1_000_000_000
        assert (await get(desk, "/version")).json() == {"version": 2}
        desk.faults.arm(Fault(kind=FaultKind.CLOCK_SKEW, amount=5_000))
        assert (await get(desk, "/time")).json() == START_NS // 1_000_000_000 + 5

    run(main)


def test_open_orders_have_the_shape_of_the_samples_and_their_filters() -> None:
    async def main() -> None:
        desk = Desk(ClobSettings(record_page=2))
        trader, other = desk.trader(0), desk.trader(1)
        rain, treaty = desk.market("rain"), desk.market("treaty")
        orders = [
            trader.order(market.yes, Side.BUY, 100_000, 10) for market in (rain, treaty, rain)
        ]
        for order in orders:
            await trader.place(order)
        await other.place(other.order(rain.yes, Side.BUY, 100_000, 10))
        first = (await trader.ask("GET", "/data/orders")).json()
        assert shape(first["data"]) == shape([SAMPLES["open_order"]])
        rest = await trader.ask("GET", "/data/orders", query={"next_cursor": first["next_cursor"]})
        rows = first["data"] + rest.json()["data"]
        assert [row["id"] for row in rows] == [id_of(order) for order in reversed(orders)]
        assert rest.json()["next_cursor"] == "LTE="
        filters: list[tuple[dict[str, str | int], int]] = [
            ({"id": id_of(orders[1])}, 1),
            ({"market": rain.condition_id}, 2),
            ({"asset_id": treaty.yes}, 1),
            ({"asset_id": treaty.no}, 0),
        ]
        for query, count in filters:
            page = (await trader.ask("GET", "/data/orders", query=query)).json()
            assert page["count"] == count
        path = f"/data/order/{id_of(orders[0])}"
        assert (await trader.ask("GET", path)).json()["status"] == "LIVE"
        foreign = await other.ask("GET", path)
        assert foreign.status_code == 404

    run(main)


def test_a_trade_is_told_to_both_sides_and_to_nobody_else() -> None:
    async def main() -> None:
        desk = Desk()
        taker, maker, third = desk.trader(0), desk.trader(1), desk.trader(2)
        market = desk.market("empty")
        resting = maker.order(market.no, Side.BUY, 400_000, 10)
        await maker.place(resting)
        marketable = taker.order(market.yes, Side.BUY, 650_000, 10)
        answer = (await taker.place(marketable)).json()
        seen = {
            each: (await each.ask("GET", "/data/trades")).json()["data"]
            for each in (taker, maker, third)
        }
        assert seen[third] == []
        mine, theirs = seen[taker][0], seen[maker][0]
        assert shape(mine) == shape(SAMPLES["trade"])
        assert (mine["trader_side"], theirs["trader_side"]) == ("TAKER", "MAKER")
        assert mine | {"trader_side": ""} == theirs | {"trader_side": ""}
        assert (mine["asset_id"], mine["side"], mine["price"], mine["size"]) == (
            market.yes,
            "BUY",
            "0.6",
            "10",
        )
        part = mine["maker_orders"][0]
        assert (part["asset_id"], part["price"], part["owner"]) == (market.no, "0.4", maker.owner)
        assert part["order_id"] == id_of(resting)
        by_id = await maker.ask("GET", "/data/trades", query={"id": answer["tradeIDs"][0]})
        assert by_id.json()["data"] == [theirs]
        none = await third.ask("GET", "/data/trades", query={"id": answer["tradeIDs"][0]})
        assert none.json()["data"] == []

    run(main)


def test_trades_are_found_by_market_token_maker_and_time() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        rain = desk.market("rain")
        first = await trade(desk, trader)
        desk.clock.pass_ms(10_000)
        second = await trade(desk, trader, "treaty")
        began_s = START_NS // 1_000_000_000
        queries: list[tuple[dict[str, str | int], list[str]]] = [
            ({}, [second, first]),
            ({"market": rain.condition_id}, [first]),
            ({"asset_id": rain.yes}, [first]),
            ({"asset_id": rain.no}, []),
            ({"maker_address": trader.address.lower()}, [second, first]),
            ({"maker_address": "0x" + "11" * 20}, []),
            ({"after": began_s}, [second]),
            ({"before": began_s + 10}, [first]),
            ({"after": began_s + 10}, []),
        ]
        for query, expected in queries:
            page = (await trader.ask("GET", "/data/trades", query=query)).json()
            assert [row["id"] for row in page["data"]] == expected
        wrong = await trader.ask("GET", "/data/trades", query={"after": "yesterday"})
        assert wrong.status_code == 400

    run(main)


def test_a_trade_goes_on_chain_under_the_same_id() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        trade_id = await trade(desk, trader)
        query: dict[str, str | int] = {"id": trade_id}
        seen = []
        for _ in range(12):
            row = (await trader.ask("GET", "/data/trades", query=query)).json()["data"][0]
            seen.append((row["status"], bool(row["transaction_hash"])))
            desk.clock.pass_ms(1_000)
        assert list(dict.fromkeys(seen)) == [
            ("MATCHED", False),
            ("MINED", True),
            ("CONFIRMED", True),
        ]

    run(main)


def test_balances_are_cached_until_they_are_read_again() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        query: dict[str, str | int] = {"asset_type": "COLLATERAL", "signature_type": 0}
        body = (await trader.ask("GET", "/balance-allowance", query=query)).json()
        assert shape({**body, "allowances": {}}) == shape(
            {**SAMPLES["balance_allowance"], "allowances": {}}
        )
        assert body["balance"] == "1000000000"
        assert set(SAMPLES["balance_allowance"]["allowances"]) <= set(body["allowances"])
        assert all(each.isdecimal() for each in body["allowances"].values())
        desk.world.chain.found(trader.address, pusd=5_000_000, is_approved=True)
        again = (await trader.ask("GET", "/balance-allowance", query=query)).json()
        assert again["balance"] == "1000000000"
        update = await trader.ask("GET", "/balance-allowance/update", query=query)
        assert (update.status_code, update.json()) == (200, "")
        fresh = (await trader.ask("GET", "/balance-allowance", query=query)).json()
        assert fresh["balance"] == "1005000000"
        wallet: dict[str, str | int] = {"asset_type": "COLLATERAL", "signature_type": 3}
        other = (await trader.ask("GET", "/balance-allowance", query=wallet)).json()
        assert other["balance"] == "0"

    run(main)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"asset_type": "GOLD"},
        {"asset_type": "CONDITIONAL"},
        {"asset_type": "CONDITIONAL", "token_id": "5"},
        {"asset_type": "COLLATERAL", "signature_type": 9},
    ],
)
def test_a_balance_of_nothing_known_is_refused(query: dict[str, str | int]) -> None:
    async def main() -> None:
        trader = Desk().trader()
        answer = await trader.ask("GET", "/balance-allowance", query=query)
        assert answer.status_code == 400

    run(main)


def test_heartbeats_hand_on_their_id_and_name_the_one_that_was_expected() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        await trader.place(order)
        first = (await trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})).json()
        assert set(first) == {"heartbeat_id"}
        wrong = await trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
        assert wrong.status_code == 400
        assert wrong.json() == {"error_msg": "Invalid Heartbeat ID", **first}
        second = await trader.ask("POST", "/v1/heartbeats", first)
        assert second.status_code == 200
        desk.clock.pass_ms(16_000)
        assert (await trader.ask("GET", "/data/orders")).json()["data"] == []

    run(main)


def test_notices_are_told_until_they_are_dropped() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        market = desk.market("rain")
        order = trader.order(market.yes, Side.BUY, 100_000, 10)
        await trader.place(order)
        await trader.ask("DELETE", "/order", {"orderID": id_of(order)})
        await trade(desk, trader)
        desk.world.resolve(market.condition_id, (1_000_000, 0))
        rows = (await trader.ask("GET", "/notifications", query={"signature_type": 0})).json()
        assert [row["type"] for row in rows] == [4, 2, 1]
        assert {row["owner"] for row in rows} == {trader.owner}
        assert rows[0]["payload"]["condition_id"] == market.condition_id
        assert rows[2]["payload"]["order_id"] == id_of(order)
        assert (rows[1]["payload"]["matched_size"], rows[1]["payload"]["remaining_size"]) == (
            "10",
            "0",
        )
        dropped = await trader.ask(
            "DELETE", "/notifications", query={"ids": f"{rows[0]['id']},{rows[2]['id']}"}
        )
        assert dropped.status_code == 200
        kept = (await trader.ask("GET", "/notifications")).json()
        assert [row["id"] for row in kept] == [rows[1]["id"]]
        wrong = await trader.ask("DELETE", "/notifications", query={"ids": "a"})
        assert wrong.status_code == 400
        desk.clock.pass_ms(48 * 3_600_000 + 1)
        assert (await trader.ask("GET", "/notifications")).json() == []

    run(main)


def test_what_was_traded_and_what_prices_were_can_be_read() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        market = desk.market("rain")
        for _ in range(3):
            await trader.place(trader.order(market.yes, Side.BUY, 490_000, 5))
            await trader.ask("DELETE", "/cancel-all")
            desk.clock.pass_ms(60_000)
        await trade(desk, trader)
        activity = (await get(desk, f"/markets/live-activity/{market.condition_id}")).json()
        assert [(row["side"], row["price"], row["size"]) for row in activity] == [
            ("BUY", "0.52", "10")
        ]
        whole = (await get(desk, "/prices-history", market=market.yes, interval="1h")).json()
        began_s = START_NS // 1_000_000_000
        assert whole["history"] == [{"t": began_s + 60 * at, "p": 0.5} for at in range(4)]
        coarse = await get(desk, "/prices-history", market=market.no, interval="max", fidelity=60)
        assert len(coarse.json()["history"]) == 1
        part = await get(
            desk, "/prices-history", market=market.yes, startTs=began_s + 60, endTs=began_s + 120
        )
        assert [point["t"] for point in part.json()["history"]] == [began_s + 60, began_s + 120]
        treaty = desk.market("treaty")
        both = [
            (await get(desk, "/prices-history", market=token_id, interval="1d")).json()["history"]
            for token_id in (treaty.yes, treaty.no)
        ]
        assert [[point["p"] for point in each] for each in both] == [[0.42], [0.58]]
        vague = await get(desk, "/prices-history", market=market.yes)
        assert vague.status_code == 400

    run(main)


def test_scoring_rewards_and_builders_are_empty_but_there() -> None:
    async def main() -> None:
        trader = Desk().trader()
        scoring = await trader.ask("GET", "/order-scoring", query={"order_id": "0x1"})
        assert scoring.json() == {"scoring": False}
        scorings = await trader.ask("POST", "/orders-scoring", ["0x1", "0x2"])
        assert scorings.json() == {"0x1": False, "0x2": False}
        banned = await trader.ask("GET", "/auth/ban-status/closed-only")
        assert banned.json() == {"closed_only": False}
        fees = await get(trader.desk, "/fees/builder-fees/0x" + "12" * 32)
        assert fees.json() == {"builder_maker_fee_rate_bps": 0, "builder_taker_fee_rate_bps": 0}
        earned = await trader.ask("GET", "/rewards/user", query={"date": "2026-11-21"})
        assert (earned.json()["data"], earned.json()["next_cursor"]) == ([], "LTE=")

    run(main)


def test_a_key_is_created_once_derived_listed_and_deleted() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.traders[0]
        created = await desk.client.post("/auth/api-key", headers=trader.l1())
        assert set(created.json()) == {"apiKey", "secret", "passphrase"}
        again = await desk.client.post("/auth/api-key", headers=trader.l1())
        assert (again.status_code, again.json()) == (400, {"error": "Could not create api key"})
        derived = await desk.client.get("/auth/derive-api-key", headers=trader.l1())
        assert derived.json() == created.json()
        other = await desk.client.get("/auth/derive-api-key", headers=trader.l1(nonce=5))
        assert other.status_code == 400
        trader.login()
        listed = await trader.ask("GET", "/auth/api-keys")
        assert listed.json() == {"apiKeys": [created.json()["apiKey"]]}
        deleted = await trader.ask("DELETE", "/auth/api-key")
        assert deleted.json() == "OK"
        gone = await trader.ask("GET", "/auth/api-keys")
        assert (gone.status_code, gone.json()) == (401, {"error": "Unauthorized/Invalid api key"})

    run(main)


@pytest.mark.parametrize("header", ["POLY_ADDRESS", "POLY_SIGNATURE", "POLY_TIMESTAMP"])
def test_a_login_that_is_not_whole_is_refused(header: str) -> None:
    async def main() -> None:
        desk = Desk()
        headers = desk.traders[0].l1()
        headers[header] = headers[header][:-1] + "0"
        answer = await desk.client.post("/auth/api-key", headers=headers)
        if header != "POLY_TIMESTAMP" or headers != desk.traders[0].l1():
            assert answer.status_code == 401
            assert answer.json() == {"error": "Invalid L1 Request headers"}

    run(main)


def test_a_request_is_bound_to_its_body_its_path_and_its_time() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        raw = json.dumps(trader.payload(order)).encode()
        headers = trader.l2("POST", "/order", raw)
        before = desk.books()
        other_body = await desk.client.post("/order", content=raw + b" ", headers=headers)
        other_path = await desk.client.post("/orders", content=raw, headers=headers)
        desk.clock.pass_ms(31_000)
        too_late = await desk.client.post("/order", content=raw, headers=headers)
        assert [each.status_code for each in (other_body, other_path, too_late)] == [401] * 3
        assert desk.books() == before

    run(main)


def test_a_read_only_key_reads_the_account_and_trades_nothing() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        await trader.place(order)
        made = (await trader.ask("POST", "/auth/readonly-api-key")).json()
        listed = await trader.ask("GET", "/auth/readonly-api-keys")
        assert listed.json() == [made["apiKey"]]
        reader = Trader(desk, trader.signer)
        found = desk.state.keys.find(made["apiKey"])
        assert found is not None
        reader.credentials = found.credentials
        rows = (await reader.ask("GET", "/data/orders")).json()["data"]
        assert [row["id"] for row in rows] == [id_of(order)]
        for method, path, body in (
            ("POST", "/order", reader.payload(order)),
            ("DELETE", "/order", {"orderID": id_of(order)}),
            ("DELETE", "/cancel-all", None),
            ("POST", "/v1/heartbeats", {"heartbeat_id": ""}),
            ("DELETE", "/auth/api-key", None),
        ):
            assert (await reader.ask(method, path, body)).status_code == 401
        assert len(desk.world.exchange.open_orders(trader.owner)) == 1
        gone = await trader.ask("DELETE", "/auth/readonly-api-key", {"key": made["apiKey"]})
        assert gone.json() == "OK"
        assert (await reader.ask("GET", "/data/orders")).status_code == 401
        unknown = await trader.ask("DELETE", "/auth/readonly-api-key", {"key": trader.owner})
        assert unknown.status_code == 404

    run(main)


def test_a_trading_key_sees_its_own_orders_only() -> None:
    async def main() -> None:
        desk = Desk()
        trader, second = desk.trader(), Trader(desk, desk.traders[0].signer)
        second.credentials = desk.state.keys.create(trader.address, 7)
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        await trader.place(order)
        await trade(desk, trader, "treaty")
        for path in ("/data/orders", "/data/trades"):
            assert (await trader.ask("GET", path)).json()["count"] == 1
            assert (await second.ask("GET", path)).json()["count"] == 0
        assert (await second.ask("GET", f"/data/order/{id_of(order)}")).status_code == 404
        assert (await second.ask("GET", "/notifications")).json() == []

    run(main)


def test_a_builder_key_is_made_listed_and_revoked_by_its_own_headers() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        made = (await trader.ask("POST", "/auth/builder-api-key")).json()
        assert set(made) == {"key", "secret", "passphrase"}
        listed = await trader.ask("GET", "/auth/builder-api-key")
        assert listed.json() == [{"key": made["key"]}]
        found = desk.state.keys.find(made["key"])
        assert found is not None
        assert found.kind is KeyKind.BUILDER
        path, stamp = "/auth/builder-api-key", str(desk.now_s)
        headers = {
            "POLY_BUILDER_API_KEY": made["key"],
            "POLY_BUILDER_PASSPHRASE": made["passphrase"],
            "POLY_BUILDER_TIMESTAMP": stamp,
            "POLY_BUILDER_SIGNATURE": request_mac(
                found.credentials.secret, stamp, method="DELETE", path=path
            ),
        }
        revoked = await desk.client.delete(path, headers=headers)
        assert revoked.json() == "OK"
        assert (await trader.ask("GET", path)).json() == []

    run(main)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nowhere", 404, "404 page not found"),
        ("GET", "/", 404, "404 page not found"),
        ("PUT", "/order", 405, "method not allowed"),
        ("POST", "/book", 405, "method not allowed"),
    ],
)
def test_what_does_not_exist_is_said_in_the_form_of_errors(
    method: str, path: str, status: int, text: str
) -> None:
    async def main() -> None:
        answer = await Desk().client.request(method, path)
        assert (answer.status_code, answer.json()) == (status, {"error": text})

    run(main)


def test_a_body_that_never_arrives_is_given_up() -> None:
    async def main() -> None:
        desk = Desk(ClobSettings(body_seconds_max=0.01))
        sent: list[Message] = []
        stalled = asyncio.Event()

        async def receive() -> Message:
            await stalled.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/order",
            "query_string": b"",
            "headers": [(b"content-length", b"500")],
        }
        await desk.gate(scope, receive, send)
        assert sent[0]["status"] == 408
        assert json.loads(sent[1]["body"]) == {"error": "request timeout"}

    run(main)


def test_a_caller_that_leaves_in_mid_body_changes_nothing() -> None:
    async def main() -> None:
        desk = Desk()
        before = desk.books()
        parts: list[Message] = [
            {"type": "http.request", "body": b'{"order":', "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return parts.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/order",
            "query_string": b"",
            "headers": [],
        }
        await desk.gate(scope, receive, send)
        assert sent[0]["status"] == 400
        assert desk.books() == before

    run(main)


def test_an_account_has_a_bounded_number_of_keys() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        for nonce in range(1, KEYS_MAX):
            assert desk.state.keys.create(trader.address, nonce)
            desk.state.keys.issue(trader.address, KeyKind.READ_ONLY)
        desk.state.keys.issue(trader.address, KeyKind.READ_ONLY)
        more = await desk.client.post("/auth/api-key", headers=trader.l1(nonce=KEYS_MAX))
        readers = await trader.ask("POST", "/auth/readonly-api-key")
        assert [more.status_code, readers.status_code] == [400, 400]

    run(main)


def test_what_an_order_or_a_side_is_missing_is_said() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        token_id = desk.market("rain").yes
        odd = await get(desk, "/price", token_id=token_id, side="up")
        assert (odd.status_code, odd.json()) == (400, {"error": "Invalid side"})
        assert (await trader.ask("GET", "/order-scoring")).status_code == 400
        many = await trader.ask("POST", "/orders-scoring", ["0x"] * 1_001)
        assert many.status_code == 400
        assert (await trader.ask("DELETE", "/notifications")).json() == "OK"
        wrong = await get(desk, "/fees/builder-fees/0x12")
        assert wrong.status_code == 400

    run(main)


def test_the_app_describes_itself() -> None:
    async def main() -> None:
        body = (await get(Desk(), "/openapi.json")).json()
        assert body["openapi"] == "3.1.0"
        assert "post" in body["paths"]["/order"]

    run(main)
