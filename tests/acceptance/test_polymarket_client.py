"""The unmodified official client `polymarket-client` against the sandbox, over real sockets.

What it parses strictly, signs itself and waits for is the proof that the sandbox speaks the wire.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import certifi
import pytest
from tests.sandbox_server import SandboxServer, address_of, sandbox_served

pytest.importorskip("polymarket")
from polymarket import (
    AsyncPublicClient,
    AsyncSecureClient,
    RelayerApiKey,
    SecureClient,
)
from polymarket._internal.actions.relayer.calls import TransactionCall
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket.errors import (
    PolymarketError,
    RateLimitError,
    RequestRejectedError,
    TransactionFailedError,
)
from polymarket.streams import MarketSpec, UserSpec

SHARE = 1_000_000
PATIENCE_S = 10


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """Serve one sandbox for the module; every test brings an account of its own."""
    folder = tmp_path_factory.mktemp("sandbox")
    with pytest.MonkeyPatch.context() as patch, sandbox_served(folder) as served:
        patch.setenv("SSL_CERT_FILE", str(_one_certificate(folder)))
        yield served


def _one_certificate(folder: Path) -> Path:
    """Write one authority alone: each of the client's many connections reads the whole file."""
    end = "-----END CERTIFICATE-----"
    first = Path(certifi.where()).read_text(encoding="ascii").partition(end)[0] + end
    (folder / "authority.pem").write_text(first, encoding="ascii")
    return folder / "authority.pem"


def run(main: Awaitable[None]) -> None:
    asyncio.run(main)  # type: ignore[arg-type]


def environment(venue: SandboxServer) -> Any:
    """Point the client at the sandbox; nothing else of it is changed."""
    info = venue.info
    config = replace(
        PRODUCTION_CONFIG,
        clob_url=info["clob"],
        gamma_url=info["gamma"],
        data_url=info["data"],
        relayer_url=info["relayer"],
        rpc_url=info["rpc"],
        clob_market_ws_url=info["ws_market"],
        clob_user_ws_url=info["ws_user"],
        relayer_poll_frequency_ms=50,
    )
    return create_environment(name="sandbox", config=config)


@asynccontextmanager
async def trading(
    venue: SandboxServer, *, is_approved: bool = True
) -> AsyncIterator[AsyncSecureClient]:
    """Open a client of a new account that is its own wallet."""
    key = venue.account() if is_approved else venue.bare_account(100)
    address = address_of(key)
    async with await AsyncSecureClient.create(
        private_key=key, wallet=address, environment=environment(venue)
    ) as client:
        yield client


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not (told := await found()):
            await asyncio.sleep(0.05)
        return told


async def bought(client: AsyncSecureClient, token: str, price: str = "0.52", size: int = 10) -> Any:
    """Buy at the best ask and wait until the chain has it."""
    order = await client.place_limit_order(asset_id=token, price=price, size=size, side="BUY")
    assert order.ok and order.status == "matched", order
    await client.wait_for_order_fill_settlement(order)
    return order


def test_an_account_creates_its_key_once_derives_it_and_deletes_it(venue: SandboxServer) -> None:
    async def main() -> None:
        key = venue.account()
        where = environment(venue)
        opening = {"private_key": key, "wallet": address_of(key), "environment": where}
        async with await AsyncSecureClient.create(**opening) as first:
            assert first.wallet_type == "EOA"
            credentials = first.credentials
            assert await first.fetch_api_keys() == (credentials.key,)
            assert await first.get_closed_only_mode() is False
        async with await AsyncSecureClient.create(**opening) as second:
            assert second.credentials == credentials
        async with await AsyncSecureClient.create(**opening, credentials=credentials) as third:
            assert third.credentials == credentials
            await third.delete_api_key()
            with pytest.raises(RequestRejectedError):
                await third.fetch_api_keys()

    run(main())


def test_public_reads_describe_every_market_and_event(venue: SandboxServer) -> None:
    async def main() -> None:
        async with AsyncPublicClient(environment=environment(venue)) as client:
            markets = [m async for page in client.list_markets(page_size=5) for m in page.items]
            assert {m.condition_id for m in markets} >= {
                venue.market("rain")["condition_id"],
                venue.market("adams")["condition_id"],
            }
            rain = next(m for m in markets if m.slug == "rain")
            assert rain.version == "v1" and rain.state.accepting_orders
            assert rain.outcomes.yes.token_id == venue.market("rain")["yes_token"]
            assert rain.trading.fee_schedule is not None
            assert rain.trading.fee_schedule.rate == Decimal("0.05")
            assert rain.trading.minimum_tick_size == Decimal("0.01")
            events = [e async for page in client.list_events(page_size=3) for e in page.items]
            mayor = next(e for e in events if e.slug == "mayor")
            assert mayor.trading.neg_risk and len(mayor.markets) == 3
            assert (await client.get_event(slug="mayor")).id == mayor.id
            assert (await client.get_market(id=rain.id)).condition_id == rain.condition_id
            by_token = client.list_markets(clob_token_ids=[venue.market("fog")["no_token"]])
            assert [m.slug async for page in by_token for m in page.items] == ["fog"]
            assert [t async for page in client.list_tags() for t in page.items]
            found = [r async for page in client.search(q="mayor") for r in page.items]
            assert found

    run(main())


def test_books_are_mirrors_with_the_best_level_where_the_venue_has_it(
    venue: SandboxServer,
) -> None:
    async def main() -> None:
        market = venue.market("treaty")
        async with AsyncPublicClient(environment=environment(venue)) as client:
            yes = await client.get_order_book(asset_id=market["yes_token"])
            no = await client.get_order_book(asset_id=market["no_token"])
            assert yes.bids[-1].price == max(level.price for level in yes.bids)
            assert yes.asks[-1].price == min(level.price for level in yes.asks)
            mirrored = [(1 - level.price, level.size) for level in no.asks]
            assert mirrored == [(level.price, level.size) for level in yes.bids]
            assert (yes.tick_size, yes.neg_risk) == (Decimal("0.001"), False)
            both = await client.get_order_books(asset_ids=[yes.asset_id, no.asset_id])
            assert {book.asset_id for book in both} == {yes.asset_id, no.asset_id}
            assert (await client.get_midpoint(asset_id=yes.asset_id)) == Decimal("0.42")
            assert (await client.get_spread(asset_id=yes.asset_id)) == Decimal("0.04")
            with pytest.raises(RequestRejectedError):
                await client.get_order_book(asset_id="1")

    run(main())


def test_a_limit_order_rests_is_listed_and_is_cancelled(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("rain")
        async with trading(venue) as client:
            placed = await client.place_limit_order(
                asset_id=market["yes_token"], price="0.11", size=20, side="BUY", post_only=True
            )
            assert placed.ok and placed.status == "live" and placed.trade_ids == ()
            (listed,) = [o async for page in client.list_open_orders() for o in page.items]
            assert (listed.id, listed.price, listed.original_size) == (
                placed.order_id,
                Decimal("0.11"),
                20,
            )
            assert (await client.get_order(order_id=placed.order_id)).status.endswith("LIVE")
            answer = await client.cancel_order(order_id=placed.order_id)
            assert answer.canceled == (placed.order_id,)
            again = await client.cancel_order(order_id=placed.order_id)
            assert again.canceled == () and placed.order_id in again.not_canceled
            assert [o async for page in client.list_open_orders() for o in page.items] == []

    run(main())


def test_a_crossing_order_trades_settles_and_is_told_by_every_read(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("snow")
        async with trading(venue) as client:
            order = await client.place_limit_order(
                asset_id=market["yes_token"], price="0.60", size=10, side="BUY"
            )
            assert order.ok and order.status == "matched"
            assert (order.making_amount, order.taking_amount) == (Decimal("5.2"), 10)
            (settled,) = await client.wait_for_order_fill_settlement(order)
            (trade,) = [t async for page in client.list_account_trades() for t in page.items]
            assert (trade.id, trade.status) == (order.trade_ids[0], "CONFIRMED")
            assert (trade.transaction_hash, trade.trader_side) == (settled, "TAKER")
            assert (trade.price, trade.size) == (Decimal("0.52"), 10)
            money = await client.get_balance_allowance(asset_type="COLLATERAL")
            fee = Decimal("0.05") * 10 * Decimal("0.52") * Decimal("0.48")
            assert Decimal(money.balance) / SHARE == 100 - Decimal("5.2") - fee
            held = await client.get_balance_allowance(
                asset_type="CONDITIONAL", asset_id=market["yes_token"]
            )
            assert Decimal(held.balance) == 10 * SHARE
            (row,) = [p async for page in client.list_positions() for p in page.items]
            assert (row.asset_id, row.current_size) == (market["yes_token"], 10)
            assert (row.avg_price, row.entry_fees_usdc) == (Decimal("0.52"), fee)
            (seen,) = [
                t async for page in client.list_trades(user=client.wallet) for t in page.items
            ]
            assert (seen.transaction_hash, seen.size, seen.side) == (settled, 10, "BUY")
            (deed,) = [a async for page in client.list_activity() for a in page.items]
            assert (deed.type, deed.amount, deed.shares) == ("TRADE", Decimal("5.2"), 10)
            assert (await client.get_portfolio_value()).value == row.current_value

    run(main())


def test_market_orders_fill_or_kill_or_fill_what_they_can(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("wind")
        token = market["yes_token"]
        async with trading(venue) as client:
            buy = await client.place_market_order(asset_id=token, side="BUY", amount=5)
            assert buy.ok and buy.status == "matched"
            await client.wait_for_order_fill_settlement(buy)
            bounded = await client.place_market_order(
                asset_id=token, side="BUY", amount=5, max_price="0.52", order_type="FOK"
            )
            assert bounded.ok and bounded.taking_amount > 9
            await client.wait_for_order_fill_settlement(bounded)
            sell = await client.place_market_order(
                asset_id=token, side="SELL", shares=10, min_price="0.40", order_type="FOK"
            )
            assert sell.ok and (sell.making_amount, sell.taking_amount) == (10, Decimal("4.8"))
            with pytest.raises(PolymarketError, match="FAK"):
                await client.place_market_order(
                    asset_id=token, side="BUY", amount=5, max_price="0.30", order_type="FAK"
                )
            with pytest.raises(PolymarketError, match="FOK"):
                await client.place_market_order(
                    asset_id=token, side="SELL", shares=5, min_price="0.90", order_type="FOK"
                )

    run(main())


def test_a_batch_is_answered_order_by_order_and_cancelled_in_every_way(
    venue: SandboxServer,
) -> None:
    async def main() -> None:
        rain, wind = venue.market("rain"), venue.market("wind")
        async with trading(venue) as client:

            async def resting(market: dict[str, Any], price: str) -> Any:
                return await client.create_limit_order(
                    asset_id=market["yes_token"], price=price, size=5, side="BUY"
                )

            drafts = [await resting(rain, f"0.{n}") for n in (11, 12, 13)]
            drafts.append(await resting(wind, "0.14"))
            drafts.append(
                await client.create_limit_order(
                    asset_id=wind["yes_token"], price="0.9", size=9_999, side="BUY"
                )
            )
            placed = await client.post_orders(drafts)
            assert [order.ok for order in placed] == [True, True, True, True, False]
            assert placed[-1].code == "not_enough_balance"
            first, second, third, fourth = (order.order_id for order in placed[:4])
            one = await client.cancel_orders(order_ids=[first, "0x" + "0" * 64])
            assert one.canceled == (first,) and len(one.not_canceled) == 1
            of_market = await client.cancel_market_orders(market=rain["condition_id"])
            assert set(of_market.canceled) == {second, third}
            assert (await client.cancel_all()).canceled == (fourth,)

    run(main())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"size": 1}, "lower than the minimum"),
        ({"price": "0.99", "size": 1_000}, "not enough balance"),
        ({"price": "0.6", "post_only": True}, "post-only"),
    ],
    ids=["small", "poor", "crossing"],
)
def test_an_order_that_the_venue_refuses_is_refused_with_its_words(
    venue: SandboxServer, change: dict[str, Any], text: str
) -> None:
    async def main() -> None:
        asked = {"price": "0.2", "size": 10, "side": "BUY", **change}
        async with trading(venue) as client:
            try:
                told = await client.place_limit_order(
                    asset_id=venue.market("rain")["yes_token"], **asked
                )
                assert not told.ok and text in told.message
            except RequestRejectedError as refused:
                assert text in str(refused)
            assert [o async for page in client.list_open_orders() for o in page.items] == []

    run(main())


def test_the_same_order_twice_is_a_duplicate(venue: SandboxServer) -> None:
    async def main() -> None:
        async with trading(venue) as client:
            signed = await client.create_limit_order(
                asset_id=venue.market("rain")["yes_token"], price="0.1", size=10, side="BUY"
            )
            assert (await client.post_order(signed)).ok
            with pytest.raises(RequestRejectedError, match="Duplicated"):
                await client.post_order(signed)
            assert len((await client.cancel_all()).canceled) == 1

    run(main())


def test_a_held_order_is_delayed_and_then_trades(venue: SandboxServer) -> None:
    async def main() -> None:
        async with trading(venue) as client:
            order = await client.place_limit_order(
                asset_id=venue.market("derby")["yes_token"], price="0.7", size=10, side="BUY"
            )
            assert order.ok and order.status == "delayed" and order.trade_ids == ()

            async def traded() -> Any:
                return [t async for page in client.list_account_trades() for t in page.items]

            (trade,) = await until(traded)
            assert trade.taker_order_id == order.order_id

    run(main())


def test_the_market_stream_begins_with_books_and_mirrors_every_change(
    venue: SandboxServer,
) -> None:
    async def main() -> None:
        market = venue.market("storm")
        tokens = [market["yes_token"], market["no_token"]]
        async with trading(venue) as client:
            spec = MarketSpec(asset_ids=tokens, custom_feature_enabled=True)
            async with await client.subscribe(spec) as stream:
                books = [await _next(stream, "book") for _ in tokens]
                assert {book.asset_id for book in books} == set(tokens)
                await client.place_limit_order(asset_id=tokens[0], price="0.11", size=7, side="BUY")
                change = await _next(stream, "price_change")
                assert {(c.asset_id, c.price, c.size, c.side) for c in change.price_changes} == {
                    (tokens[0], Decimal("0.11"), 7, "BUY"),
                    (tokens[1], Decimal("0.89"), 7, "SELL"),
                }
                await bought(client, tokens[0])
                told = await _next(stream, "last_trade_price")
                assert (told.asset_id, told.price, told.side) == (tokens[0], Decimal("0.52"), "BUY")
                venue.admin("POST", f"/markets/{market['condition_id']}/tick", {"tick": 1_000})
                tick = await _next(stream, "tick_size_change")
                assert tick.new_tick_size == Decimal("0.001")
                await client.cancel_all()

    run(main())


async def _next(stream: Any, kind: str, order_id: str | None = None) -> Any:
    """Return the payload of the next event of a kind, of one order if it is named."""
    async with asyncio.timeout(PATIENCE_S):
        async for event in stream:
            if event.type == kind and (order_id is None or event.payload.id == order_id):
                return event.payload
    raise AssertionError(f"the stream ended before {kind}")


@asynccontextmanager
async def listening(client: AsyncSecureClient, token: str) -> AsyncIterator[Any]:
    """Open the user stream, which begins without a word: wait until it has told something."""
    async with await client.subscribe(UserSpec()) as stream:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                probe = await client.place_limit_order(
                    asset_id=token, price="0.05", size=5, side="BUY"
                )
                try:
                    async with asyncio.timeout(0.5):
                        await anext(stream)
                except TimeoutError:
                    continue
                await client.cancel_all()
                break
        cancelled = await _next(stream, "order", probe.order_id)
        assert cancelled.order_event_type == "CANCELLATION"
        yield stream


def test_the_user_stream_tells_an_order_and_every_status_of_its_trade(
    venue: SandboxServer,
) -> None:
    async def main() -> None:
        market = venue.market("fog")
        token = market["yes_token"]
        async with trading(venue) as client, listening(client, token) as stream:
            rest = await client.place_limit_order(
                asset_id=market["yes_token"], price="0.1", size=5, side="BUY"
            )
            placement = await _next(stream, "order", rest.order_id)
            assert placement.order_event_type == "PLACEMENT"
            await client.cancel_all()
            cancellation = await _next(stream, "order", rest.order_id)
            assert cancellation.order_event_type == "CANCELLATION"
            order = await bought(client, market["yes_token"])
            seen: list[str] = []
            while "CONFIRMED" not in seen:
                trade = await _next(stream, "trade")
                assert trade.id == order.trade_ids[0]
                seen.append(trade.status)
            assert seen == ["MATCHED", "MINED", "CONFIRMED"]

    run(main())


def test_silence_after_a_heartbeat_cancels_the_orders(venue: SandboxServer) -> None:
    async def main() -> None:
        async with trading(venue) as client:
            await client.place_limit_order(
                asset_id=venue.market("dew")["yes_token"], price="0.1", size=5, side="BUY"
            )
            first = await client.send_order_heartbeat()
            second = await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
            assert second.heartbeat_id != first.heartbeat_id
            with pytest.raises(PolymarketError):
                await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)

            async def gone() -> bool:
                return not [o async for page in client.list_open_orders() for o in page.items]

            await until(gone)

    run(main())


def test_a_new_account_is_approved_by_the_client_before_it_trades(venue: SandboxServer) -> None:
    async def main() -> None:
        async with trading(venue, is_approved=False) as client:
            before = await client.get_trading_approvals_state()
            assert not before.is_fully_approved and len(before.missing.erc20) == 7
            await client.setup_trading_approvals()
            assert (await client.get_trading_approvals_state()).is_fully_approved
            await bought(client, venue.market("dew")["yes_token"])

    run(main())


@pytest.mark.parametrize("slug", ["rain", "adams"])
def test_sets_are_split_and_merged_on_chain(venue: SandboxServer, slug: str) -> None:
    async def main() -> None:
        market = venue.market(slug)
        async with trading(venue) as client:

            async def held() -> dict[str, Decimal]:
                rows = [p async for page in client.list_positions() for p in page.items]
                return {row.asset_id: row.current_size for row in rows}

            split = await client.split_position(
                condition_id=market["condition_id"], amount=5 * SHARE
            )
            assert (await split.wait()).transaction_hash
            assert await held() == {market["yes_token"]: 5, market["no_token"]: 5}
            merge = await client.merge_positions(
                condition_id=market["condition_id"], amount=3 * SHARE
            )
            await merge.wait()
            assert await held() == {market["yes_token"]: 2, market["no_token"]: 2}
            rest = await client.merge_positions(condition_id=market["condition_id"], amount="max")
            await rest.wait()
            assert await held() == {}
            deeds = [a async for page in client.list_activity() for a in page.items]
            assert [(a.type, a.amount) for a in deeds] == [("MERGE", 2), ("MERGE", 3), ("SPLIT", 5)]
            with pytest.raises(PolymarketError):
                await client.split_position(
                    condition_id=market["condition_id"], amount=1_000 * SHARE
                )

    run(main())


def test_a_group_converts_its_no_shares_to_yes_of_the_others(venue: SandboxServer) -> None:
    async def main() -> None:
        first, second, third = (venue.market(slug) for slug in ("adams", "baker", "clark"))
        async with trading(venue) as client:
            for market in (first, second):
                split = await client.split_position(
                    condition_id=market["condition_id"], amount=4 * SHARE
                )
                await split.wait()
            event = await client.get_event(slug="mayor")
            group = event.trading.neg_risk_market_id
            assert group is not None
            config = PRODUCTION_CONFIG
            data = "0xc64748c4" + group[2:] + f"{0b11:064x}{4 * SHARE:064x}"
            call = TransactionCall(to=config.neg_risk_collateral_adapter, data=data)  # type: ignore[arg-type]
            handle = await client.execute_transaction(calls=[call])
            await handle.wait()
            rows = [p async for page in client.list_positions() for p in page.items]
            assert {row.asset_id: row.current_size for row in rows} == {
                first["yes_token"]: 4,
                second["yes_token"]: 4,
                third["yes_token"]: 4,
            }

    run(main())


@pytest.mark.parametrize(
    ("slug", "payouts", "worth"),
    [
        ("hail", [SHARE, 0], "10"),
        ("frost", [SHARE // 2, SHARE // 2], "5"),
        ("reds", [SHARE, 0], "10"),
    ],
)
def test_a_resolved_market_is_redeemed(
    venue: SandboxServer, slug: str, payouts: list[int], worth: str
) -> None:
    async def main() -> None:
        market = venue.market(slug)
        async with trading(venue) as client:
            await bought(client, market["yes_token"], price="0.6")
            path = f"/markets/{market['condition_id']}/resolve"
            venue.admin("POST", path, {"payouts": payouts})
            venue.wait_blocks(2)
            (row,) = [
                p async for page in client.list_positions(status="REDEEMABLE") for p in page.items
            ]
            assert row.redeemable and row.current_value == Decimal(worth)
            (told,) = await client.get_resolutions(condition_ids=market["condition_id"])
            assert told.status == "resolved" and told.payouts is not None
            handle = await client.redeem_positions(condition_id=market["condition_id"])
            await handle.wait()
            assert [p async for page in client.list_positions() for p in page.items] == []
            (deed, *_) = [a async for page in client.list_activity() for a in page.items]
            assert (deed.type, deed.amount) == ("REDEEM", Decimal(worth))

    run(main())


def test_the_default_wallet_is_deployed_funded_approved_and_trades_without_gas(
    venue: SandboxServer,
) -> None:
    async def main() -> None:
        key = venue.account()
        order = {"address": address_of(key), "kind": "relayer"}
        issued = venue.admin("POST", "/accounts/keys", order)
        relayer_key = RelayerApiKey(key=issued["key"], address=issued["address"])
        market = venue.market("baker")
        async with await AsyncSecureClient.create(
            private_key=key, environment=environment(venue), api_key=relayer_key
        ) as client:
            assert client.wallet_type == "DEPOSIT_WALLET" and client.wallet != client.signer
            venue.fund(client.wallet, 50)
            await client.setup_trading_approvals()
            assert (await client.get_trading_approvals_state()).is_fully_approved
            await client.get_balance_allowance(asset_type="COLLATERAL")
            order_of_wallet = await bought(client, market["yes_token"], price="0.4")
            assert order_of_wallet.taking_amount == 10
            split = await client.split_position(
                condition_id=market["condition_id"], amount=5 * SHARE
            )
            await split.wait()
            merge = await client.merge_positions(
                condition_id=market["condition_id"], amount=2 * SHARE
            )
            await merge.wait()
            rows = [p async for page in client.list_positions() for p in page.items]
            assert {row.asset_id: row.current_size for row in rows} == {
                market["yes_token"]: 13,
                market["no_token"]: 3,
            }
        async with await AsyncSecureClient.create(
            private_key=key, environment=environment(venue), api_key=relayer_key
        ) as again:
            assert again.wallet == client.wallet

    run(main())


def test_a_builder_key_pays_for_the_relayer_too(venue: SandboxServer) -> None:
    async def main() -> None:
        key = venue.account()
        async with await AsyncSecureClient.create(
            private_key=key, wallet=address_of(key), environment=environment(venue)
        ) as owner:
            builder = await owner.create_builder_api_key()
            assert [info.key for info in await owner.fetch_builder_api_keys()] == [builder.key]
        async with await AsyncSecureClient.create(
            private_key=key, environment=environment(venue), api_key=builder
        ) as client:
            assert client.wallet_type == "DEPOSIT_WALLET"
            venue.fund(client.wallet, 20)
            await client.setup_trading_approvals()

    run(main())


def test_a_relayed_batch_that_reverts_fails_whole(venue: SandboxServer) -> None:
    async def main() -> None:
        key = venue.account()
        issued = venue.admin(
            "POST", "/accounts/keys", {"address": address_of(key), "kind": "relayer"}
        )
        relayer_key = RelayerApiKey(key=issued["key"], address=issued["address"])
        async with await AsyncSecureClient.create(
            private_key=key, environment=environment(venue), api_key=relayer_key
        ) as client:
            handle = await client.split_position(
                condition_id=venue.market("rain")["condition_id"], amount=5 * SHARE
            )
            with pytest.raises(TransactionFailedError, match="revert"):
                await handle.wait()

    run(main())


def test_the_blocking_client_trades_as_well(venue: SandboxServer) -> None:
    key = venue.account()
    market = venue.market("snow")
    with SecureClient.create(
        private_key=key, wallet=address_of(key), environment=environment(venue)
    ) as client:
        order = client.place_limit_order(
            asset_id=market["no_token"], price="0.55", size=10, side="BUY"
        )
        assert order.ok and order.status == "matched"
        assert len(client.wait_for_order_fill_settlement(order)) == 1
        split = client.split_position(condition_id=market["condition_id"], amount=SHARE)
        split.wait()
        positions = {
            row.asset_id: row.current_size for row in client.list_positions().first_page().items
        }
        assert positions == {market["no_token"]: 11, market["yes_token"]: 1}


def test_a_neg_risk_order_is_signed_for_its_own_exchange(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("blues")
        async with trading(venue) as client:
            await bought(client, market["no_token"], price="0.75")
            sold = await client.place_market_order(
                asset_id=market["no_token"], side="SELL", shares=10
            )
            assert sold.ok and sold.making_amount == 10
            await client.wait_for_order_fill_settlement(sold)

    run(main())


def test_an_order_that_expires_is_listed_with_its_expiration(venue: SandboxServer) -> None:
    async def main() -> None:
        expiration = int(time.time()) + 600
        async with trading(venue) as client:
            await client.place_limit_order(
                asset_id=venue.market("rain")["yes_token"],
                price="0.1",
                size=5,
                side="BUY",
                expiration=expiration,
            )
            (listed,) = [o async for page in client.list_open_orders() for o in page.items]
            assert listed.order_type == "GTD" and listed.expires_at is not None
            assert int(listed.expires_at.timestamp()) == expiration
            await client.cancel_all()

    run(main())


def test_a_ghost_fill_is_retried_and_fails(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("greens")
        fault = {"kind": "ghost-fill", "scope": market["condition_id"], "times": 1}
        token = market["yes_token"]
        async with trading(venue) as client, listening(client, token) as stream:
            venue.admin("POST", "/faults", fault)
            order = await client.place_limit_order(
                asset_id=market["yes_token"], price="0.3", size=10, side="BUY"
            )
            with pytest.raises(TransactionFailedError):
                await client.wait_for_order_fill_settlement(order)
            seen = [(await _next(stream, "trade")).status for _ in range(3)]
            assert seen[0] == "MATCHED" and "RETRYING" in seen
            assert [p async for page in client.list_positions() for p in page.items] == []
            money = await client.get_balance_allowance(asset_type="COLLATERAL")
            assert Decimal(money.balance) == 100 * SHARE

    run(main())


def test_an_order_whose_answer_is_lost_is_found_by_its_id(venue: SandboxServer) -> None:
    async def main() -> None:
        async with trading(venue) as client:
            signed = await client.create_limit_order(
                asset_id=venue.market("rain")["yes_token"], price="0.1", size=7, side="BUY"
            )
            for kind in ("lost-response", "error-after-accept"):
                venue.admin(
                    "POST", "/faults", {"kind": kind, "scope": "clob POST /order ", "times": 1}
                )
                with pytest.raises(PolymarketError):
                    await client.post_order(signed)
            (listed,) = [o async for page in client.list_open_orders() for o in page.items]
            assert listed.original_size == 7
            await client.cancel_all()

    run(main())


@pytest.mark.parametrize(
    ("mode", "restriction"),
    [("restarting", "restarting"), ("post-only", "post_only"), ("cancel-only", "cancel_only")],
)
def test_the_modes_of_the_engine_are_told_as_the_client_knows_them(
    venue: SandboxServer, mode: str, restriction: str
) -> None:
    async def main() -> None:
        async with trading(venue) as client:
            signed = await client.create_limit_order(
                asset_id=venue.market("rain")["yes_token"], price="0.1", size=7, side="BUY"
            )
            venue.admin("POST", "/mode", {"mode": mode})
            try:
                with pytest.raises(RequestRejectedError) as refused:
                    await client.post_order(signed)
            finally:
                venue.admin("POST", "/mode", {"mode": "open"})
            assert refused.value.restriction == restriction
            assert (await client.post_order(signed)).ok
            await client.cancel_all()

    run(main())


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("geoblocked", RequestRejectedError),
        ("rate-limited", RateLimitError),
        ("server-error", PolymarketError),
        ("html-error", PolymarketError),
    ],
)
def test_faults_before_the_engine_leave_nothing_behind(
    venue: SandboxServer, kind: str, error: type[Exception]
) -> None:
    async def main() -> None:
        async with trading(venue) as client:
            signed = await client.create_limit_order(
                asset_id=venue.market("rain")["yes_token"], price="0.1", size=7, side="BUY"
            )
            fault = {"kind": kind, "scope": "clob POST /order ", "times": 1}
            venue.admin("POST", "/faults", fault)
            with pytest.raises(error):
                await client.post_order(signed)
            assert [o async for page in client.list_open_orders() for o in page.items] == []

    run(main())


def test_what_the_data_api_tells_of_a_market_is_parsed(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("dew")
        async with trading(venue) as client:
            await bought(client, market["yes_token"])
            condition = market["condition_id"]
            groups = [
                g
                async for page in client.list_market_holders(condition_ids=condition)
                for g in page.items
            ]
            assert {group.asset_id for group in groups} == {
                market["yes_token"],
                market["no_token"],
            }
            assert client.wallet in {holder.wallet for g in groups for holder in g.holders}
            (interest,) = await client.get_open_interests(condition_ids=condition)
            assert interest.value > 0
            history = client.list_price_history(asset_id=market["yes_token"], interval="1h")
            points = [p async for page in history for p in page.items]
            assert points[-1].price == Decimal("0.52")
            (token,) = await client.get_token_references(asset_ids=market["no_token"])
            assert (token.opposite_asset_id, token.resolved) == (market["yes_token"], False)
            volume = await client.get_event_live_volume(event_ids=int(market["event_id"]))
            assert volume.taker_volume_total >= 10
            stats = await client.get_user_stats()
            assert stats is not None and stats.traded_market_count == 1
            assert (await client.get_user_volume()).trade_count == 1
            assert (await client.get_user_pnl()).points == ()
            assert await client.get_trader_leaderboard_standing() is None
            assert [r async for page in client.list_trader_leaderboard() for r in page.items] == []

    run(main())


def test_notices_rewards_and_scores_are_answered(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("storm")
        async with trading(venue) as client:
            order = await bought(client, market["yes_token"])
            assert await client.get_notifications()
            assert await client.get_order_scoring(order_id=order.order_id) is False
            assert [r async for page in client.list_current_rewards() for r in page.items] == []
            estimate = await client.estimate_market_price(
                asset_id=market["yes_token"], side="BUY", amount=5
            )
            assert estimate == Decimal("0.52")

    run(main())


def test_prices_of_every_form_are_parsed(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("adams")
        token, other = market["yes_token"], market["no_token"]
        async with AsyncPublicClient(environment=environment(venue)) as client:
            mids = await client.get_midpoints(asset_ids=[token, other])
            assert sum(mids.values()) == 1
            spreads = await client.get_spreads(asset_ids=[token, other])
            assert len(set(spreads.values())) == 1
            assert await client.get_price(asset_id=token, side="BUY") > 0
            assert await client.get_last_trade_price(asset_id=token) is None

    run(main())


def test_what_the_sandbox_has_none_of_is_parsed_as_empty(venue: SandboxServer) -> None:
    async def main() -> None:
        async with AsyncPublicClient(environment=environment(venue)) as client:
            assert await client.get_sports() == ()
            assert [s async for page in client.list_series() for s in page.items] == []
            assert [t async for page in client.list_teams() for t in page.items] == []
            comments = client.list_comments(parent_entity_id="1", parent_entity_type="Event")
            assert [c async for page in comments for c in page.items] == []
            assert [w async for page in client.list_biggest_winners() for w in page.items] == []
            builders = client.list_builder_leaderboard()
            assert [b async for page in builders for b in page.items] == []
            assert await client.get_public_profile("0x" + "12" * 20) is None

    run(main())
