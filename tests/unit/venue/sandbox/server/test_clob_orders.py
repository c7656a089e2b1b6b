"""Placing and cancelling over REST: what is accepted, what is refused with which words."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.sandbox.server.clob.venue import ClobSettings
from polyarb.venue.sandbox.terms.announcements import Announcement, LevelChanged, OrderChanged
from polyarb.venue.sandbox.terms.orders import ExchangeMode
from tests.clob_cases import Desk, Trader, id_of

SIX = {"success", "errorMsg", "orderID", "status", "makingAmount", "takingAmount"}


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


def test_a_resting_order_is_answered_with_exactly_six_keys() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        answer = await trader.place(order)
        assert answer.status_code == 200
        assert answer.json() == {
            "success": True,
            "errorMsg": "",
            "orderID": id_of(order),
            "status": "live",
            "makingAmount": "",
            "takingAmount": "",
        }

    run(main)


def test_a_match_tells_plain_decimals_and_its_trades_but_no_transactions_yet() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 550_000, 10)
        body = (await trader.place(order)).json()
        assert set(body) == SIX | {"tradeIDs", "transactionsHashes"}
        assert (body["status"], body["makingAmount"], body["takingAmount"]) == (
            "matched",
            "5.2",
            "10",
        )
        assert len(body["tradeIDs"]) == 1
        assert body["transactionsHashes"] == []

    run(main)


@pytest.mark.parametrize("slug", ["rain", "ada"])
def test_an_order_counts_under_the_domain_of_its_market_only(slug: str) -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        market = desk.market(slug)
        before = desk.books()
        right, wrong = market.is_neg_risk, not market.is_neg_risk
        refused = await trader.place(
            trader.order(market.yes, Side.BUY, 100_000, 10, is_neg_risk=wrong)
        )
        assert refused.status_code == 400
        assert refused.json() == {"error": "invalid signature"}
        assert desk.books() == before
        accepted = await trader.place(
            trader.order(market.yes, Side.BUY, 100_000, 10, is_neg_risk=right)
        )
        assert accepted.json()["status"] == "live"

    run(main)


def broken(change: Callable[[dict[str, object]], None]) -> Callable[[Trader], object]:
    """Break an order's payload."""

    def payload(trader: Trader) -> object:
        order = trader.order(trader.desk.market("rain").yes, Side.BUY, 100_000, 10)
        body = trader.payload(order)
        change(body)
        return body

    return payload


def inside(key: str, content: object) -> Callable[[dict[str, object]], None]:
    """Put something into the signed part."""

    def change(body: dict[str, object]) -> None:
        order = body["order"]
        assert isinstance(order, dict)
        order[key] = content

    return change


def outside(key: str, content: object) -> Callable[[dict[str, object]], None]:
    """Put something beside the signed part."""
    return lambda body: body.__setitem__(key, content)


def without(key: str) -> Callable[[dict[str, object]], None]:
    """Leave something out of the signed part."""

    def change(body: dict[str, object]) -> None:
        order = body["order"]
        assert isinstance(order, dict)
        del order[key]

    return change


WRONG: dict[str, tuple[Callable[[dict[str, object]], None], int, str]] = {
    "salt as text": (inside("salt", "1"), 400, "Invalid order payload"),
    "salt as fraction": (inside("salt", 1.5), 400, "Invalid order payload"),
    "salt negative": (inside("salt", -1), 400, "Invalid order payload"),
    "salt beyond 2^53": (inside("salt", 2**53 + 1), 400, "Invalid order payload"),
    "amount as number": (inside("makerAmount", 1_000_000), 400, "Invalid order payload"),
    "amount negative": (inside("makerAmount", "-1"), 400, "Invalid order payload"),
    "amount of 78 digits": (inside("makerAmount", "9" * 78), 400, "Invalid order payload"),
    "amount with blank": (inside("takerAmount", "10\n"), 400, "Invalid order payload"),
    "side in lower case": (inside("side", "buy"), 400, "Invalid order payload"),
    "side as number": (inside("side", 0), 400, "Invalid order payload"),
    "maker no address": (inside("maker", "0x12"), 400, "Invalid order payload"),
    "signature type 4": (inside("signatureType", 4), 400, "Invalid order payload"),
    "signature type as text": (inside("signatureType", "0"), 400, "Invalid order payload"),
    "signature no hex": (inside("signature", "0xzz"), 400, "Invalid order payload"),
    "signature empty": (inside("signature", ""), 400, "Invalid order payload"),
    "metadata short": (inside("metadata", "0x00"), 400, "Invalid order payload"),
    "expiration as number": (inside("expiration", 0), 400, "Invalid order payload"),
    "unknown key inside": (inside("colour", "red"), 400, "Invalid order payload"),
    "unknown key outside": (outside("colour", "red"), 400, "Invalid order payload"),
    "no timestamp": (without("timestamp"), 400, "Invalid order payload"),
    "no token": (without("tokenId"), 400, "Invalid order payload"),
    "no such order type": (outside("orderType", "IOC"), 400, "Invalid order payload"),
    "postOnly as text": (outside("postOnly", "true"), 400, "Invalid order payload"),
    "order as list": (outside("order", []), 400, "Invalid order payload"),
    "owner as number": (outside("owner", 5), 400, "Invalid order payload"),
    "somebody else's key": (
        outside("owner", "11111111-2222-3333-4444-555555555555"),
        400,
        "the order owner has to be the owner of the API KEY",
    ),
    "somebody else's signer": (
        inside("signer", "0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c"),
        400,
        "the order signer address has to be the address of the API KEY",
    ),
    "unknown token": (
        inside("tokenId", "12345"),
        404,
        "No orderbook exists for the requested token id",
    ),
    "amount changed after signing": (inside("makerAmount", "999999"), 400, "invalid signature"),
    "signature of 64 bytes": (inside("signature", "0x" + "11" * 64), 400, "invalid signature"),
    "signature of zeros": (inside("signature", "0x" + "00" * 65), 400, "invalid signature"),
    "maker changed": (
        inside("maker", "0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c"),
        400,
        "invalid signature",
    ),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_with_an_order_is_said_and_nothing_reaches_the_book(name: str) -> None:
    change, status, text = WRONG[name]

    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        before = desk.books()
        answer = await trader.ask("POST", "/order", broken(change)(trader))
        assert (answer.status_code, answer.json()["error"]) == (status, text)
        assert desk.books() == before
        assert desk.world.exchange.open_orders(trader.owner) == ()

    run(main)


def test_an_order_of_the_dead_version_is_told_apart() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        body = trader.payload(trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10))
        order = body["order"]
        assert isinstance(order, dict)
        for key in ("timestamp", "metadata", "builder"):
            del order[key]
        order |= {"taker": "0x" + "00" * 20, "nonce": "0", "feeRateBps": "0"}
        for path, content in (("/order", body), ("/orders", [body])):
            answer = await trader.ask("POST", path, content)
            assert (answer.status_code, answer.json()) == (400, {"error": "order_version_mismatch"})

    run(main)


REFUSED: dict[str, tuple[int, int, str, dict[str, object], int, str]] = {
    "off tick": (123_000, 10, "GTC", {}, 400, "Price (0.123) breaks minimum tick size rule: 0.01"),
    "too small": (100_000, 3, "GTC", {}, 400, "Size (3) lower than the minimum: 5"),
    "crosses": (
        550_000,
        10,
        "GTC",
        {"postOnly": True},
        400,
        "invalid post-only order: order crosses book",
    ),
    "fok": (520_000, 1_500, "FOK", {}, 400, "FOK orders are fully filled or killed."),
    "fak": (500_000, 10, "FAK", {}, 400, "no orders found to match with FAK order"),
    "balance": (900_000, 500_000, "GTC", {}, 400, "the balance is not enough -> balance: "),
    "expired": (100_000, 10, "GTD", {}, 400, "invalid expiration"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_the_exchange_refuses_has_its_status_and_its_words(name: str) -> None:
    price, shares, kind, more, status, text = REFUSED[name]

    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        before = desk.books()
        token_id = desk.market("rain").yes
        answer = await trader.place(trader.order(token_id, Side.BUY, price, shares), kind, **more)
        assert answer.status_code == status
        assert text in answer.json()["error"]
        assert set(answer.json()) <= {"error", "orderID"}
        assert desk.books() == before

    run(main)


def test_the_same_order_twice_is_a_duplicate() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        assert (await trader.place(order)).status_code == 200
        again = await trader.place(order)
        assert again.status_code == 400
        assert "Duplicated." in again.json()["error"]
        assert len(desk.world.exchange.open_orders(trader.owner)) == 1

    run(main)


MODES: dict[ExchangeMode, tuple[int, str]] = {
    ExchangeMode.RESTARTING: (425, "service not ready"),
    ExchangeMode.CANCEL_ONLY: (503, "cancel-only"),
    ExchangeMode.DISABLED: (503, "trading is disabled"),
    ExchangeMode.POST_ONLY: (503, "post-only mode: only post-only orders and cancels are allowed"),
}


@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_mode_of_the_engine_has_its_status(mode: ExchangeMode) -> None:
    status, text = MODES[mode]

    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        desk.world.exchange.set_mode(mode)
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        answer = await trader.place(order)
        assert answer.status_code == status
        assert text in answer.json()["error"]
        batch = await trader.ask("POST", "/orders", [trader.payload(order)])
        is_told_by_entry = mode is ExchangeMode.POST_ONLY
        assert batch.status_code == (200 if is_told_by_entry else status)
        assert text in batch.text
        is_cancel_taken = mode in (ExchangeMode.POST_ONLY, ExchangeMode.CANCEL_ONLY)
        cancel = await trader.ask("DELETE", "/cancel-all")
        assert cancel.status_code == (200 if is_cancel_taken else status)

    run(main)


def test_post_only_mode_says_its_code_and_when_it_ends() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        desk.world.exchange.restart()
        assert (await trader.place(order)).status_code == 425
        desk.clock.pass_ms(90_000)
        desk.clock.pass_ms(41_000)
        answer = await trader.place(order)
        assert answer.status_code == 503
        body = answer.json()
        assert (body["code"], body["retry_after_seconds"]) == ("post_only_mode", 79)
        assert answer.headers["Retry-After"] == "79"
        post_only = await trader.place(order, postOnly=True)
        assert post_only.json()["status"] == "live"

    run(main)


def test_a_batch_answers_in_order_and_each_for_itself() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        token_id = desk.market("rain").yes
        good = trader.order(token_id, Side.BUY, 100_000, 10)
        small = trader.order(token_id, Side.BUY, 100_000, 3)
        payloads = [
            trader.payload(good),
            trader.payload(small),
            trader.payload(good),
            trader.payload(good) | {"owner": "x"},
        ]
        answer = await trader.ask("POST", "/orders", payloads)
        assert answer.status_code == 200
        rows = answer.json()
        assert [row["success"] for row in rows] == [True, False, False, False]
        assert all(set(row) >= SIX for row in rows)
        assert "lower than the minimum" in rows[1]["errorMsg"]
        assert "Duplicated." in rows[2]["errorMsg"]
        assert "owner of the API KEY" in rows[3]["errorMsg"]
        assert rows[0]["orderID"] == id_of(good)

    run(main)


@pytest.mark.parametrize(("count", "text"), [(0, "Invalid order payload"), (16, "Too many")])
def test_a_batch_has_one_to_fifteen_orders(count: int, text: str) -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        token_id = desk.market("rain").yes
        orders = [
            trader.payload(trader.order(token_id, Side.BUY, 100_000, 10)) for _ in range(count)
        ]
        answer = await trader.ask("POST", "/orders", orders)
        assert answer.status_code == 400
        assert text in answer.json()["error"]
        assert desk.world.exchange.open_orders(trader.owner) == ()

    run(main)


def test_cancels_say_what_they_did_and_what_not() -> None:
    async def main() -> None:
        desk = Desk()
        trader, other = desk.trader(0), desk.trader(1)
        market = desk.market("rain")
        orders = [trader.order(market.yes, Side.BUY, 100_000, 10) for _ in range(4)]
        foreign = other.order(market.yes, Side.BUY, 100_000, 10)
        for order in orders:
            assert (await trader.place(order)).status_code == 200
        assert (await other.place(foreign)).status_code == 200
        gone = "order can't be found - already canceled or matched"
        first, second = id_of(orders[0]), id_of(orders[1])
        one = await trader.ask("DELETE", "/order", {"orderID": first})
        assert one.json() == {"canceled": [first], "not_canceled": {}}
        some = await trader.ask("DELETE", "/orders", [first, second, id_of(foreign)])
        assert some.json() == {
            "canceled": [second],
            "not_canceled": {first: gone, id_of(foreign): gone},
        }
        none = await trader.ask("DELETE", "/cancel-market-orders", {"asset_id": market.no})
        assert none.json()["canceled"] == []
        third = await trader.ask("DELETE", "/cancel-market-orders", {"market": market.condition_id})
        assert sorted(third.json()["canceled"]) == sorted(id_of(each) for each in orders[2:])
        assert (await trader.ask("DELETE", "/cancel-all")).json()["canceled"] == []
        assert (await other.ask("DELETE", "/cancel-all")).json()["canceled"] == [id_of(foreign)]

    run(main)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/order", {}),
        ("/order", {"orderID": 5}),
        ("/order", {"orderID": "0x", "x": 1}),
        ("/orders", {"orderID": "0x"}),
        ("/orders", [5]),
        ("/orders", ["0x"] * 1_001),
        ("/cancel-market-orders", {}),
        ("/cancel-market-orders", {"market": 5}),
    ],
)
def test_a_cancel_that_names_nothing_is_refused(path: str, body: object) -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        await trader.place(order)
        answer = await trader.ask("DELETE", path, body)
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert len(desk.world.exchange.open_orders(trader.owner)) == 1

    run(main)


def test_plain_accounts_can_be_kept_out() -> None:
    async def main() -> None:
        desk = Desk(ClobSettings(is_eoa_allowed=False))
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        answer = await trader.place(order)
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "maker address not allowed, please use the deposit wallet flow"},
        )

    run(main)


@pytest.mark.parametrize(
    "kind", [SignatureType.POLY_PROXY, SignatureType.POLY_GNOSIS_SAFE, SignatureType.POLY_1271]
)
def test_every_wallet_of_an_account_trades_with_its_own_money(kind: SignatureType) -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        wallets = wallets_of(trader.address)
        maker = {
            SignatureType.POLY_PROXY: wallets.proxy,
            SignatureType.POLY_GNOSIS_SAFE: wallets.safe,
            SignatureType.POLY_1271: wallets.uups,
        }[kind]
        signer = maker if kind is SignatureType.POLY_1271 else trader.address
        more: dict[str, object] = {"maker": maker, "signer": signer, "signature_type": kind}
        token_id = desk.market("rain").yes
        poor = await trader.place(trader.order(token_id, Side.BUY, 100_000, 10, **more))
        assert "not enough balance / allowance" in poor.json()["error"]
        desk.world.chain.found(maker, pusd=10_000_000, is_approved=True)
        desk.world.refresh(maker, None)
        rich = await trader.place(trader.order(token_id, Side.BUY, 100_000, 10, **more))
        assert rich.json()["status"] == "live"
        row = (await trader.ask("GET", "/data/orders")).json()["data"][0]
        assert row["maker_address"] == maker

    run(main)


def test_a_wallet_of_somebody_else_does_not_trade() -> None:
    async def main() -> None:
        desk = Desk()
        trader, other = desk.trader(0), desk.trader(1)
        order = other.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        body = trader.payload(order)
        answer = await trader.ask("POST", "/order", body)
        assert "the order signer address" in answer.json()["error"]

    run(main)


def test_a_deferred_order_is_answered_before_it_is_matched() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 550_000, 10)
        body = (await trader.place(order, deferExec=True)).json()
        assert (body["success"], body["status"], body["takingAmount"]) == (True, "delayed", "")

    run(main)


def test_an_order_into_a_market_with_a_hold_is_delayed_and_then_matched() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("derby").yes, Side.BUY, 650_000, 10)
        body = (await trader.place(order)).json()
        assert (body["success"], body["status"]) == (True, "delayed")
        cancel = await trader.ask("DELETE", "/order", {"orderID": id_of(order)})
        assert cancel.json()["canceled"] == []
        desk.clock.pass_ms(1_000)
        row = (await trader.ask("GET", f"/data/order/{id_of(order)}")).json()
        assert (row["status"], row["size_matched"]) == ("MATCHED", "10")

    run(main)


def test_nothing_else_than_the_six_keys_is_ever_missing_from_a_refused_entry() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 3)
        rows = (await trader.ask("POST", "/orders", [trader.payload(order)])).json()
        assert set(rows[0]) == SIX
        assert (rows[0]["status"], rows[0]["makingAmount"]) == ("", "")

    run(main)


def test_what_an_order_set_off_is_announced_before_it_is_answered() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        heard: list[Announcement] = []
        desk.state.listen(heard.extend)
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        await trader.place(order)
        assert {type(one) for one in heard} == {OrderChanged, LevelChanged}
        heard.clear()
        await trader.ask("DELETE", "/order", {"orderID": id_of(order)})
        assert {type(one) for one in heard} == {OrderChanged, LevelChanged}

    run(main)
