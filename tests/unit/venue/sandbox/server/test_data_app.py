"""The Data API on the wire: positions, trades and deeds as the chain has them."""

from decimal import Decimal

import pytest
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.words import bytes32_word, uint_word
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from tests.face_cases import MICRO, Faces, shares

STRANGER = "0x" + "12" * 20
SPLIT = bytes.fromhex("72ce4275")
MERGE = bytes.fromhex("9e7212ad")
REDEEM = bytes.fromhex("01b7037c")
CONVERT = bytes.fromhex("c64748c4")


def set_call(selector: bytes, market: ListedMarket, amount: int | None) -> bytes:
    """Write a call of an adapter that splits, merges or (without an amount) redeems."""
    head = [bytes(12) + bytes.fromhex(CONTRACTS.pusd[2:]), bytes(32)]
    head.append(bytes32_word(market.condition_id))
    tail = b"".join(map(uint_word, (2, 1, 2)))
    if amount is None:
        return selector + b"".join(head) + uint_word(128) + tail
    return selector + b"".join(head) + uint_word(160) + uint_word(amount) + tail


def adapter_of(market: ListedMarket) -> str:
    neg_risk = CONTRACTS.neg_risk_collateral_adapter
    return neg_risk if market.is_neg_risk else CONTRACTS.collateral_adapter


def send(faces: Faces, selector: bytes, market: ListedMarket, amount: int | None) -> str:
    """Let the first account call an adapter, and wait for the block."""
    sent = faces.world.chain.send(
        faces.traders[0].address, adapter_of(market), set_call(selector, market, amount)
    )
    faces.pass_s(3)
    receipt = faces.world.chain.receipt(sent)
    assert receipt is not None and receipt.is_success, receipt
    return sent


def rows(faces: Faces, path: str, **params: object) -> list[dict[str, object]]:
    """Return all rows of a list that fits on one page."""
    body = faces.read("data", path, **params)
    assert isinstance(body, dict)
    assert body["pagination"] == {"has_more": False, "next_cursor": None}
    found: list[dict[str, object]] = body["data"]
    return found


def single(faces: Faces, path: str, **params: object) -> object:
    """Return a single answer."""
    body = faces.read("data", path, **params)
    assert isinstance(body, dict) and set(body) == {"data"}
    return body["data"]


def bought() -> tuple[Faces, str]:
    """Let the first account buy 10 rain at 0.52 and wait until the trade is on chain."""
    faces = Faces()
    trader = faces.trader()
    faces.buy(trader, faces.market("rain"), 520_000, 10)
    faces.pass_s(8)
    return faces, trader.address


def test_a_trade_is_told_once_it_is_mined_and_not_before() -> None:
    faces = Faces()
    trader = faces.trader()
    faces.buy(trader, faces.market("rain"), 520_000, 10)
    assert rows(faces, "/v2/trades", user=trader.address) == []
    faces.pass_s(8)
    (trade,) = rows(faces, "/v2/trades", user=trader.address)
    rain = faces.market("rain")
    assert (trade["token_id"], trade["condition_id"]) == (rain.yes, rain.condition_id)
    assert (trade["side"], trade["size"], trade["price"]) == ("BUY", 10, 0.52)
    assert (trade["outcome"], trade["outcome_index"], trade["slug"]) == ("Yes", 0, "rain")
    assert str(trade["transaction_hash"]).startswith("0x")
    assert trade["timestamp"] == faces.world.exchange.trades(trader.owner)[0].match.matched_ns // (
        10**9
    )


def test_a_position_has_its_size_from_the_chain_and_its_price_from_the_trades() -> None:
    faces, wallet = bought()
    rain = faces.market("rain")
    (row,) = rows(faces, "/v2/positions", user=wallet)
    assert row["proxy_wallet"] == wallet and row["token_id"] == rain.yes
    assert (row["current_size"], row["avg_price"], row["entry_cost_usdc"]) == (10, 0.52, 5.2)
    fee = Decimal("0.05") * 10 * Decimal("0.52") * Decimal("0.48")
    assert Decimal(str(row["entry_fees_usdc"])) == fee
    assert (row["current_price"], row["current_value"]) == (0.5, 5)
    assert (row["unrealized_pnl"], row["realized_pnl"]) == (-0.2, 0)
    assert (row["status"], row["redeemable"], row["mergeable"]) == ("OPEN", False, False)
    assert row["opposite_token_id"] == rain.no
    assert single(faces, "/v2/value", user=wallet) == {"proxy_wallet": wallet, "value": 5}


def test_a_sale_realizes_its_gain_over_the_average_cost() -> None:
    faces, wallet = bought()
    faces.world.refresh(wallet, faces.market("rain").yes)
    faces.sell(faces.traders[0], faces.market("rain"), 480_000, 5)
    faces.pass_s(8)
    (row,) = rows(faces, "/v2/positions", user=wallet)
    assert (row["current_size"], row["entry_cost_usdc"]) == (5, 2.6)
    fee = Decimal("0.05") * 5 * Decimal("0.48") * Decimal("0.52")
    assert Decimal(str(row["realized_pnl"])) == Decimal("2.4") - fee - Decimal("2.6")


def test_split_shares_cost_half_of_their_set_and_can_be_merged() -> None:
    faces = Faces()
    wallet = faces.traders[0].address
    rain = faces.market("rain")
    sent = send(faces, SPLIT, rain, shares(4))
    found = rows(faces, "/v2/positions", user=wallet)
    assert {row["token_id"] for row in found} == {rain.yes, rain.no}
    assert all((row["current_size"], row["avg_price"]) == (4, 0.5) for row in found)
    assert all(row["mergeable"] for row in found)
    assert len(rows(faces, "/v2/positions", user=wallet, status="MERGEABLE")) == 2
    (deed,) = rows(faces, "/v2/activity", user=wallet)
    assert (deed["type"], deed["usdc_size"], deed["transaction_hash"]) == ("SPLIT", 4, sent)
    assert deed["condition_id"] == rain.condition_id and deed["slug"] == "rain"
    send(faces, MERGE, rain, shares(1))
    assert [deed["type"] for deed in rows(faces, "/v2/activity", user=wallet)] == ["MERGE", "SPLIT"]
    assert [row["current_size"] for row in rows(faces, "/v2/positions", user=wallet)] == [3, 3]


def test_every_split_of_a_neg_risk_question_is_told_once() -> None:
    faces = Faces()
    wallet = faces.traders[0].address
    send(faces, SPLIT, faces.market("ada"), shares(4))
    send(faces, MERGE, faces.market("ada"), shares(1))
    deeds = rows(faces, "/v2/activity", user=wallet, sort_direction="ASC")
    assert [(deed["type"], deed["usdc_size"]) for deed in deeds] == [("SPLIT", 4), ("MERGE", 1)]


def test_a_conversion_is_one_deed_and_leaves_yes_of_the_others() -> None:
    faces = Faces()
    wallet = faces.traders[0].address
    ada, ben = faces.market("ada"), faces.market("ben")
    send(faces, SPLIT, ada, shares(4))
    assert ada.group_id is not None
    data = CONVERT + bytes32_word(ada.group_id) + uint_word(1) + uint_word(shares(3))
    faces.world.chain.send(wallet, CONTRACTS.neg_risk_collateral_adapter, data)
    faces.pass_s(3)
    held = {
        row["token_id"]: row["current_size"] for row in rows(faces, "/v2/positions", user=wallet)
    }
    assert held == {ada.yes: 4, ada.no: 1, ben.yes: 3}
    latest = rows(faces, "/v2/activity", user=wallet)[0]
    assert (latest["type"], latest["usdc_size"]) == ("CONVERSION", 3)
    assert latest["condition_id"] == ada.group_id


def test_a_resolved_position_is_redeemable_until_it_is_redeemed() -> None:
    faces, wallet = bought()
    rain = faces.market("rain")
    faces.world.resolve(rain.condition_id, (MICRO, 0))
    faces.pass_s(3)
    (row,) = rows(faces, "/v2/positions", user=wallet)
    assert (row["status"], row["redeemable"], row["current_price"]) == ("REDEEMABLE", True, 1)
    assert rows(faces, "/v2/positions", user=wallet, status="REDEEMABLE") == [row]
    assert rows(faces, "/v2/positions", user=wallet, status="OPEN") == []
    assert rows(faces, "/v2/positions", user=wallet, status="REDEEMABLE_LOST") == []
    send(faces, REDEEM, rain, None)
    assert rows(faces, "/v2/positions", user=wallet) == []
    (closed,) = rows(faces, "/v2/positions", user=wallet, status="CLOSED")
    assert (closed["current_size"], closed["realized_pnl"]) == (0, 4.8)
    deed = rows(faces, "/v2/activity", user=wallet, type="REDEEM")[0]
    assert deed["usdc_size"] == 10
    stats = single(faces, "/v2/user-stats", user=wallet)
    assert isinstance(stats, dict)
    assert (stats["trades"], stats["biggest_win"]) == (1, 4.8)


def test_a_lost_position_is_found_as_lost() -> None:
    faces, wallet = bought()
    faces.world.resolve(faces.market("rain").condition_id, (0, MICRO))
    (row,) = rows(faces, "/v2/positions", user=wallet, status="REDEEMABLE_LOST")
    assert (row["status"], row["current_value"]) == ("REDEEMABLE", 0)


def test_takers_alone_are_listed_unless_told_otherwise() -> None:
    faces, wallet = bought()
    rain = faces.market("rain")
    (trade,) = rows(faces, "/v2/trades", condition_id=rain.condition_id)
    assert trade["proxy_wallet"] == wallet
    both = rows(faces, "/v2/trades", condition_id=rain.condition_id, taker_only="false")
    assert {each["side"] for each in both} == {"BUY", "SELL"}
    assert rows(faces, "/v2/trades", side="SELL") == []
    assert rows(faces, "/v2/trades", filter_type="CASH", filter_amount="5.21") == []
    assert len(rows(faces, "/v2/trades", filter_type="TOKENS", filter_amount="10")) == 1
    assert rows(faces, "/v2/trades", end=1) == []
    assert len(rows(faces, "/v2/trades", event_id=rain.event_id)) == 1
    assert rows(faces, "/v2/trades", event_id=faces.market("derby").event_id) == []


def test_pages_by_cursor_show_every_row_once_and_the_last_says_so() -> None:
    faces = Faces()
    trader = faces.trader()
    for _ in range(6):
        faces.buy(trader, faces.market("rain"), 520_000, 5)
    faces.pass_s(8)
    seen: list[str] = []
    pages = 0
    query: dict[str, object] = {"user": trader.address, "limit": 2}
    for _ in range(10):
        page = faces.read("data", "/v2/activity", **query)
        assert isinstance(page, dict)
        assert page["pagination"]["has_more"] == (page["pagination"]["next_cursor"] is not None)
        seen += [row["key"] for row in page["data"]]
        pages += 1
        if not page["pagination"]["has_more"]:
            break
        query["cursor"] = page["pagination"]["next_cursor"]
    assert len(seen) == len(set(seen)) == 6
    assert pages == 3


def test_who_holds_a_market_is_told_the_largest_first() -> None:
    faces, wallet = bought()
    rain = faces.market("rain")
    yes, no = rows(faces, "/v2/holders", condition_id=rain.condition_id)
    assert (yes["token_id"], no["token_id"]) == (rain.yes, rain.no)
    holders = yes["holders"]
    assert isinstance(holders, list)
    assert holders[-1]["proxy_wallet"] == wallet and holders[-1]["amount"] == 10
    amounts = [holder["amount"] for holder in holders]
    assert amounts == sorted(amounts, reverse=True) and len(amounts) == 2
    (large,) = rows(faces, "/v2/holders", condition_id=rain.condition_id, min_balance="11")[:1]
    assert isinstance(large["holders"], list) and len(large["holders"]) == 1
    of_market = rows(faces, "/v2/positions", condition_id=rain.condition_id)
    assert wallet in {row["proxy_wallet"] for row in of_market}


def test_open_interest_is_the_collateral_behind_the_sets() -> None:
    faces = Faces()
    rain, ada = faces.market("rain"), faces.market("ada")

    def interest(market: ListedMarket) -> Decimal:
        (row,) = single(faces, "/v2/oi", condition_id=market.condition_id)  # type: ignore[misc]
        return Decimal(str(row["value"]))

    before = interest(rain), interest(ada)
    send(faces, SPLIT, rain, shares(4))
    send(faces, SPLIT, ada, shares(2))
    assert (interest(rain), interest(ada)) == (before[0] + 4, before[1] + 2)
    (total,) = single(faces, "/v2/oi")  # type: ignore[misc]
    assert total["condition_id"] == "GLOBAL"
    assert Decimal(str(total["value"])) == sum(map(interest, faces.markets))


def test_a_resolution_is_told_with_its_payouts() -> None:
    faces = Faces()
    rain, ada = faces.market("rain"), faces.market("ada")
    faces.world.resolve(rain.condition_id, (MICRO // 2, MICRO // 2))
    found = single(faces, "/v2/resolutions", condition_id=f"{rain.condition_id},{ada.condition_id}")
    assert isinstance(found, list)
    by_condition = {row["condition_id"]: row for row in found}
    decided, waiting = by_condition[rain.condition_id], by_condition[ada.condition_id]
    assert (decided["status"], decided["payouts"]) == ("resolved", [500_000, 500_000])
    assert decided["resolved_at"] and decided["price"] == 0.5
    assert (waiting["status"], waiting["payouts"]) == ("initialized", None)
    assert waiting["market_type"] == "INCREMENTAL_NEGRISK"
    by_question = single(faces, "/v2/resolutions", question_id=ada.question_id)
    assert isinstance(by_question, list) and len(by_question) == 1


def test_prices_are_those_of_the_trades_and_the_other_token_is_their_mirror() -> None:
    faces, _ = bought()
    rain = faces.market("rain")
    (point,) = rows(faces, "/v2/prices-history", token_id=rain.yes, interval="1h")
    assert (point["price"], point["resolution_seconds"]) == (0.52, 60)
    (mirror,) = rows(faces, "/v2/prices-history", token_id=rain.no, interval="max")
    assert mirror["price"] == 0.48
    (last,) = rows(faces, "/v2/prices-history", token_id=rain.yes, as_of=faces.now_s)
    assert (last["price"], last["resolution_seconds"]) == (0.52, 0)
    assert rows(faces, "/v2/prices-history", token_id=rain.yes, as_of=1) == []
    assert rows(faces, "/v2/prices-history", token_id=rain.yes, start=1, end=2) == []


def test_a_token_says_what_it_is() -> None:
    faces = Faces()
    ben = faces.market("ben")
    (token,) = single(faces, "/v2/tokens", token_id=ben.no)  # type: ignore[misc]
    assert (token["condition_id"], token["outcome_index"]) == (ben.condition_id, 1)
    assert (token["neg_risk"], token["question_index"]) == (True, 1)
    assert (token["resolved"], token["final_price"]) == (False, None)
    by_condition = single(faces, "/v2/tokens", condition=ben.condition_id)
    assert isinstance(by_condition, list) and len(by_condition) == 2


def test_volume_is_what_takers_traded() -> None:
    faces, wallet = bought()
    rain = faces.market("rain")
    live = single(faces, "/v2/live-volume", event_id=rain.event_id)
    assert live == {
        "taker_volume_total": 10,
        "conditions": [{"condition_id": rain.condition_id, "taker_volume": 10}],
    }
    own = single(faces, "/v2/user-volume", user=wallet)
    assert own == {"volume": 10, "volume_usdc": 5.2, "trade_count": 1}


def test_approvals_list_every_pair_that_trading_needs() -> None:
    faces = Faces()
    ready = single(faces, "/v2/approvals", user=faces.traders[0].address)
    bare = single(faces, "/v2/approvals", user=STRANGER)
    assert isinstance(ready, dict) and isinstance(bare, dict)
    assert (ready["address"], ready["chain_id"]) == (faces.traders[0].address, 137)
    assert all(row["approved"] and row["amount"] == "max" for row in ready["contracts"])
    assert not any(row["approved"] for row in bare["contracts"])
    pairs = [(row["token"], row["spender"]) for row in bare["contracts"]]
    assert len(pairs) == len(set(pairs)) == 19
    assert {row["standard"] for row in bare["contracts"]} == {"ERC20", "ERC1155"}
    assert all(row["amount"] == "0" for row in bare["contracts"] if row["standard"] == "ERC20")


def test_after_a_reorg_a_deed_is_told_once_from_its_new_block() -> None:
    faces = Faces()
    wallet = faces.traders[0].address
    send(faces, SPLIT, faces.market("rain"), shares(4))
    assert len(rows(faces, "/v2/activity", user=wallet)) == 1
    faces.world.chain.reorg(3)
    faces.pass_s(10)
    assert len(rows(faces, "/v2/activity", user=wallet)) == 1


@pytest.mark.parametrize(
    "path",
    [
        f"/v2/positions/combos?user={STRANGER}",
        f"/v2/activity/combos?user={STRANGER}",
        "/v2/leaderboard",
        "/v2/biggest-winners",
        "/v2/builders/leaderboard",
        f"/v2/positions?user={STRANGER}",
        f"/v2/activity?user={STRANGER}",
    ],
)
def test_what_the_sandbox_has_none_of_is_an_empty_page(path: str) -> None:
    assert rows(Faces(), path) == []


def test_what_is_not_kept_is_told_as_nothing() -> None:
    faces = Faces()
    assert single(faces, "/v2/leaderboard", user=STRANGER) is None
    assert single(faces, "/v2/builders/volume") == []
    pnl = single(faces, "/v2/user-pnl", user=STRANGER)
    assert isinstance(pnl, dict) and pnl["points"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/v2/positions",
        "/v2/positions?user=0x1",
        f"/v2/positions?user={STRANGER}&status=ALL",
        f"/v2/positions?user={STRANGER}&sort_by=NAME",
        f"/v2/positions?user={STRANGER}&filter_amount=-1",
        f"/v2/positions?user={STRANGER}&limit=1001",
        f"/v2/positions?user={STRANGER}&limit=0",
        f"/v2/positions?user={STRANGER}&cursor=abc",
        f"/v2/positions?user={STRANGER}&include_archived=maybe",
        f"/v2/positions?condition_id=0x{'1' * 64}&status=MERGEABLE",
        f"/v2/positions?user={STRANGER}&condition_id=0x{'1' * 64}&event_id=1",
        "/v2/activity",
        f"/v2/activity?user={STRANGER}&type=GIFT",
        f"/v2/activity?user={STRANGER}&start=yesterday",
        "/v2/trades?side=HOLD",
        "/v2/trades?condition_id=0x12",
        f"/v2/trades?condition_id={','.join(f'0x{n:064x}' for n in range(21))}",
        "/v2/trades?event_id=one",
        "/v2/trades?filter_amount=NaN",
        "/v2/trades?filter_amount=1e99",
        "/v2/value",
        "/v2/holders",
        "/v2/resolutions",
        "/v2/resolutions?question_id=1&event_id=1",
        "/v2/resolutions?event_id=" + ",".join(map(str, range(1, 22))),
        "/v2/prices-history",
        "/v2/tokens",
        "/v2/tokens?token_id=" + ",".join(map(str, range(51))),
        "/v2/live-volume",
        "/v2/approvals",
        "/v2/user-pnl?interval=2d",
    ],
)
def test_a_question_that_makes_no_sense_is_refused(path: str) -> None:
    answer = Faces().ask("data", "GET", path)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


def test_a_price_history_needs_one_span_and_a_known_token() -> None:
    faces = Faces()
    token = faces.market("rain").yes
    both = {"token_id": token, "interval": "1h", "start": 1}
    assert faces.ask("data", "GET", "/v2/prices-history", params=both).status_code == 400
    unknown = {"token_id": "1", "interval": "1h"}
    assert faces.ask("data", "GET", "/v2/prices-history", params=unknown).status_code == 404
