"""The trading client against the sandbox, as a process of its own, over its sockets."""

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import OrderStatus, TimeInForce, TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.venue import VenueMode
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.trading.budget import STANDARD
from polyarb.venue.polymarket.trading.outcomes import (
    Accepted,
    AcceptedStatus,
    Beat,
    Cancellation,
    CancelRefusal,
    CancelRejected,
    Found,
    Rejected,
    Unknown,
    UnknownCause,
    WrongBeat,
)
from polyarb.venue.polymarket.trading.reasons import RejectReason
from polyarb.venue.polymarket.trading.reconciling import reconcile
from polyarb.venue.polymarket.trading.user_events import (
    ChannelLoss,
    ChannelLost,
    OrderStep,
    OrderTold,
    Resync,
    TradeTold,
)
from tests.sandbox_server import SandboxServer, sandbox_served
from tests.trading_cases import Trader, arm, desk, run, until

SHARE = 1_000_000
UNHEARD = {ChannelLoss.REFUSED, ChannelLoss.DROPPED}


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """Serve one sandbox for the module; every test brings an account of its own."""
    with sandbox_served(tmp_path_factory.mktemp("trading")) as served:
        yield served


@pytest.fixture(autouse=True)
def _calm(venue: SandboxServer) -> Iterator[None]:
    """Let no fault and no mode outlive its test."""
    yield
    venue.admin("DELETE", "/faults")
    venue.admin("POST", "/mode", {"mode": "open"})


def test_an_order_rests_is_read_and_is_canceled(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("rain")
        async with desk(venue) as trader:
            order = trader.order(market["yes_token"], Side.BUY, 100_000, 5)
            placed = await trader.client.place(order)
            assert placed == Accepted(order_id=order.order_id, status=AcceptedStatus.LIVE)
            (read,) = await trader.reader.open_orders()
            assert (read.order_id, read.price, read.shares) == (order.order_id, 100_000, 5 * SHARE)
            assert read == await trader.reader.order(order.order_id)
            assert await trader.client.cancel([order.order_id]) == Cancellation(
                canceled=(order.order_id,)
            )
            again = await trader.client.cancel([order.order_id])
            assert isinstance(again, Cancellation)
            assert [each.reason for each in again.not_canceled] == [CancelRefusal.GONE]
            ended = await trader.reader.order(order.order_id)
            assert ended is not None and ended.status is OrderStatus.CANCELED
            assert trader.mode.reading.mode is VenueMode.OK

    run(main)


def test_an_order_that_takes_is_matched_and_its_trade_is_confirmed(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("snow")
        async with desk(venue, listens=True) as trader:
            order = trader.order(market["yes_token"], Side.BUY, 530_000, 10)
            placed = await trader.client.place(order)
            assert isinstance(placed, Accepted) and placed.status is AcceptedStatus.MATCHED
            assert placed.taking == 10 * SHARE and placed.making == 5_200_000
            told = trader.belief.shares
            await until(lambda: told(order.order_id, TradeStatus.CONFIRMED) == 10 * SHARE)
            steps = [each.step for each in trader.events if isinstance(each, OrderTold)]
            assert steps and set(steps) <= set(OrderStep)
            (trade,) = await trader.reader.trades(condition_id=market["condition_id"])
            assert trade.status is TradeStatus.CONFIRMED and trade.transaction_hash
            (fill,) = trade.fills
            assert (fill.order_id, fill.side, fill.is_maker) == (order.order_id, Side.BUY, False)
            assert (fill.shares, fill.price) == (10 * SHARE, 520_000)

    run(main)


def test_a_maker_finds_its_own_token_and_side_in_a_trade(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("wind")
        async with desk(venue, listens=True) as maker, desk(venue) as taker:
            resting = maker.order(market["yes_token"], Side.BUY, 510_000, 10)
            assert isinstance(await maker.client.place(resting), Accepted)
            taking = taker.order(market["no_token"], Side.BUY, 490_000, 10)
            assert isinstance(await taker.client.place(taking), Accepted)
            await until(lambda: maker.belief.shares(resting.order_id, *TradeStatus) == 10 * SHARE)
            (trade,) = maker.belief.trades.values()
            (fill,) = trade.fills
            assert fill.is_maker and fill.token_id == market["yes_token"]
            assert (fill.side, fill.price, fill.shares) == (Side.BUY, 510_000, 10 * SHARE)

    run(main)


def test_every_entry_of_a_batch_has_an_outcome_of_its_own(venue: SandboxServer) -> None:
    async def main() -> None:
        token = venue.market("hail")["yes_token"]
        async with desk(venue) as trader:
            good = trader.order(token, Side.BUY, 100_000, 5)
            orders = [
                good,
                trader.order(token, Side.BUY, 100_000, 1),
                trader.order(token, Side.BUY, 105_000, 10),
                trader.order(token, Side.BUY, 900_000, 5_000),
                trader.order(token, Side.BUY, 600_000, 5, is_post_only=True),
                trader.order(token, Side.BUY, 100_000, 5, kind=TimeInForce.FOK),
            ]
            placed = await trader.client.place_all(orders)
            assert [each.order_id for each in placed] == [each.order_id for each in orders]
            reasons = [each.reason if isinstance(each, Rejected) else None for each in placed]
            assert reasons == [
                None,
                RejectReason.TOO_SMALL,
                RejectReason.OFF_TICK,
                RejectReason.NOT_ENOUGH_BALANCE,
                RejectReason.POST_ONLY_CROSSES,
                RejectReason.FOK_NOT_FILLED,
            ]
            again = await trader.client.send_again(good)
            assert isinstance(again, Unknown) and again.cause is UnknownCause.DUPLICATED
            found = await trader.reader.resolve(good.order_id)
            assert isinstance(found, Found) and found.order is not None
            assert isinstance(await trader.client.cancel_all(), Cancellation)
            after = await trader.client.send_again(good)
            assert isinstance(after, Unknown) and after.cause is UnknownCause.NOT_SENT_AGAIN

    run(main)


def test_cancels_by_market_and_by_token_end_only_theirs(venue: SandboxServer) -> None:
    async def main() -> None:
        frost, storm = venue.market("frost"), venue.market("storm")
        async with desk(venue) as trader:
            orders = [
                trader.order(token, Side.BUY, 100_000, 5)
                for token in (frost["yes_token"], frost["no_token"], storm["yes_token"])
            ]
            assert all(isinstance(each, Accepted) for each in await trader.client.place_all(orders))
            first = await trader.client.cancel_market(token_id=TokenId(frost["no_token"]))
            assert first == Cancellation(canceled=(orders[1].order_id,))
            second = await trader.client.cancel_market(
                condition_id=ConditionId(frost["condition_id"])
            )
            assert second == Cancellation(canceled=(orders[0].order_id,))
            nothing = OrderId("0x" + "00" * 32)
            third = await trader.client.cancel([orders[2].order_id, nothing])
            assert isinstance(third, Cancellation) and third.canceled == (orders[2].order_id,)
            assert [each.order_id for each in third.not_canceled] == [nothing]

    run(main)


def test_balances_heartbeats_and_the_clock_are_read(venue: SandboxServer) -> None:
    async def main() -> None:
        async with desk(venue) as trader:
            assert abs(await trader.reader.learn_time()) < 2_000_000_000
            await trader.reader.refresh_balance(None, SignatureType.EOA)
            money = await trader.reader.balance(None, SignatureType.EOA)
            assert money.balance == 100 * SHARE and all(money.allowances.values())
            token = TokenId(venue.market("rain")["yes_token"])
            assert (await trader.reader.balance(token, SignatureType.EOA)).balance == 0
            first = await trader.client.beat("")
            assert isinstance(first, Beat)
            wrong = await trader.client.beat("nonsense")
            assert wrong == WrongBeat(expected_id=first.heartbeat_id)
            assert isinstance(await trader.client.beat(first.heartbeat_id), Beat)

    run(main)


def test_a_key_is_derived_where_there_is_one(venue: SandboxServer) -> None:
    async def main() -> None:
        key = venue.account()
        async with desk(venue, key=key) as first, desk(venue, key=key) as second:
            assert first.account == second.account
            assert first.account.credentials.secret.reveal() not in repr(first.account)
        other = venue.account()
        arm(venue, "lost-response", "clob POST /auth/api-key ")
        async with desk(venue, key=other) as third:
            assert await third.reader.open_orders() == ()

    run(main)


LOST = {
    "lost-response": UnknownCause.CONNECTION_LOST,
    "error-after-accept": UnknownCause.SERVER_ERROR,
    "slow-response": UnknownCause.TIMEOUT,
}


@pytest.mark.parametrize("kind", sorted(LOST))
@pytest.mark.parametrize("is_batch", [False, True])
def test_what_was_accepted_unheard_is_unknown_and_found_by_reading(
    venue: SandboxServer, kind: str, is_batch: bool
) -> None:
    async def main() -> None:
        token = venue.market("fog")["yes_token"]
        async with desk(venue, request_ms_max=400) as trader:
            order = trader.order(token, Side.BUY, 100_000, 5)
            path = "/orders" if is_batch else "/order"
            arm(venue, kind, f"clob POST {path} ", amount=1_500)
            trader.belief.sent(order.order_id)
            if is_batch:
                (placed,) = await trader.client.place_all([order])
            else:
                placed = await trader.client.place(order)
            assert isinstance(placed, Unknown) and placed.cause is LOST[kind]
            trader.belief.placed(placed)
            assert trader.belief.orders[order.order_id].status is OrderStatus.UNKNOWN
            await until_known(trader, order.order_id)
            assert trader.belief.orders[order.order_id].status is OrderStatus.LIVE
            again = await trader.client.send_again(order)
            assert isinstance(again, Unknown) and again.cause is UnknownCause.DUPLICATED
            assert len(await trader.reader.open_orders()) == 1

    run(main)


async def until_known(trader: Trader, order_id: OrderId) -> None:
    """Reconcile once: reading alone tells."""
    changed = await reconcile(trader.belief, trader.reader)
    assert order_id in changed.orders_changed


@pytest.mark.parametrize("kind", ["server-error", "html-error"])
def test_what_failed_before_it_was_taken_is_unknown_until_it_is_absent(
    venue: SandboxServer, kind: str
) -> None:
    async def main() -> None:
        token = venue.market("fog")["yes_token"]
        async with desk(venue) as trader:
            order = trader.order(token, Side.BUY, 100_000, 5)
            arm(venue, kind, "clob POST /order ")
            placed = await trader.client.place(order)
            assert isinstance(placed, Unknown) and placed.cause is UnknownCause.SERVER_ERROR
            assert "<" not in placed.told
            trader.belief.placed(placed)
            await reconcile(trader.belief, trader.reader)
            assert trader.belief.orders[order.order_id].status is OrderStatus.REJECTED
            anew = await trader.client.send_again(order)
            assert anew == Accepted(order_id=order.order_id, status=AcceptedStatus.LIVE)
            assert len(await trader.reader.open_orders()) == 1

    run(main)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("rate-limited", RejectReason.RATE_LIMITED), ("geoblocked", RejectReason.GEOBLOCKED)],
)
def test_what_the_gate_refuses_was_never_taken(
    venue: SandboxServer, kind: str, reason: RejectReason
) -> None:
    async def main() -> None:
        token = venue.market("dew")["yes_token"]
        async with desk(venue, rates=STANDARD) as trader:
            order = trader.order(token, Side.BUY, 100_000, 5)
            arm(venue, kind, "clob POST /order ", amount=1_000)
            placed = await trader.client.place(order)
            assert isinstance(placed, Rejected) and placed.reason is reason
            if reason is RejectReason.RATE_LIMITED:
                assert placed.retry_after_ms == 1_000
                held = await trader.client.place(order)
                assert isinstance(held, Rejected) and held.reason is RejectReason.BUDGET
                assert 0 < held.retry_after_ms <= 1_000
            assert await trader.reader.open_orders() == ()

    run(main)


def test_a_restart_leaves_unknown_and_then_only_post_only_passes(venue: SandboxServer) -> None:
    async def main() -> None:
        token = venue.market("dew")["yes_token"]
        async with desk(venue) as trader:
            venue.admin("POST", "/mode", {"mode": "restarting"})
            order = trader.order(token, Side.BUY, 100_000, 5)
            placed = await trader.client.place(order)
            assert isinstance(placed, Unknown) and placed.cause is UnknownCause.RESTARTING
            assert trader.mode.reading.mode is VenueMode.DOWN
            venue.admin("POST", "/mode", {"mode": "post-only"})
            refused = await trader.client.place(trader.order(token, Side.BUY, 100_000, 5))
            assert isinstance(refused, Rejected)
            assert refused.reason is RejectReason.POST_ONLY_MODE
            assert trader.mode.reading.mode is VenueMode.POST_ONLY
            quiet = trader.order(token, Side.BUY, 100_000, 5, is_post_only=True)
            assert isinstance(await trader.client.place(quiet), Accepted)
            assert trader.mode.reading.mode is VenueMode.POST_ONLY
            assert isinstance(await trader.client.cancel_all(), Cancellation)
            venue.admin("POST", "/mode", {"mode": "open"})
            loud = trader.order(token, Side.BUY, 100_000, 5)
            assert isinstance(await trader.client.place(loud), Accepted)
            assert trader.mode.reading.mode is VenueMode.OK

    run(main)


@pytest.mark.parametrize(
    ("mode", "reason", "seen"),
    [
        ("cancel-only", RejectReason.CANCEL_ONLY_MODE, VenueMode.CANCEL_ONLY),
        ("disabled", RejectReason.TRADING_DISABLED, VenueMode.DOWN),
    ],
)
def test_modes_are_refusals_of_orders(
    venue: SandboxServer, mode: str, reason: RejectReason, seen: VenueMode
) -> None:
    async def main() -> None:
        token = venue.market("dew")["yes_token"]
        async with desk(venue) as trader:
            resting = trader.order(token, Side.BUY, 100_000, 5)
            assert isinstance(await trader.client.place(resting), Accepted)
            venue.admin("POST", "/mode", {"mode": mode})
            orders = [trader.order(token, Side.BUY, 100_000, 5) for _ in range(2)]
            for placed in await trader.client.place_all(orders):
                assert isinstance(placed, Rejected) and placed.reason is reason
            assert trader.mode.reading.mode is seen
            answer = await trader.client.cancel([resting.order_id])
            if mode == "disabled":
                assert isinstance(answer, CancelRejected) and answer.reason is reason
            else:
                assert answer == Cancellation(canceled=(resting.order_id,))

    run(main)


def test_a_ghost_fill_is_matched_and_then_nothing(venue: SandboxServer) -> None:
    async def main() -> None:
        market = venue.market("rain")
        async with desk(venue, listens=True) as trader:
            arm(venue, "ghost-fill", market["condition_id"])
            order = trader.order(market["yes_token"], Side.BUY, 530_000, 5)
            trader.belief.placed(await trader.client.place(order))
            shares = trader.belief.shares
            await until(lambda: shares(order.order_id, TradeStatus.FAILED) == 5 * SHARE)
            standing = (TradeStatus.MATCHED, TradeStatus.MINED, TradeStatus.CONFIRMED)
            assert shares(order.order_id, *standing) == 0
            await reconcile(trader.belief, trader.reader)
            assert shares(order.order_id, TradeStatus.FAILED) == 5 * SHARE

    run(main)


def test_events_may_come_before_the_answer(venue: SandboxServer) -> None:
    async def main() -> None:
        token = venue.market("snow")["yes_token"]
        async with desk(venue, listens=True) as trader:
            arm(venue, "slow-response", "clob POST /order ", amount=600)
            order = trader.order(token, Side.BUY, 530_000, 5)
            trader.belief.sent(order.order_id)
            placed = await trader.client.place(order)
            told = [each for each in trader.events if isinstance(each, TradeTold)]
            assert told
            before = trader.belief.orders[order.order_id]
            assert isinstance(placed, Accepted) and before.status is OrderStatus.MATCHED
            trader.belief.placed(placed)
            assert trader.belief.orders[order.order_id] == before

    run(main)


@pytest.mark.parametrize("kind", ["disconnect", "torn-frame"])
def test_a_broken_channel_is_opened_again_and_says_that_all_is_to_be_read(
    venue: SandboxServer, kind: str
) -> None:
    async def main() -> None:
        market = venue.market("storm")
        async with desk(venue, listens=True) as trader:
            arm(venue, kind, "user", amount=3_000)
            order = trader.order(market["yes_token"], Side.BUY, 530_000, 5)
            trader.belief.placed(await trader.client.place(order))
            await trader.listening(2)
            lost = [each for each in trader.events if isinstance(each, ChannelLost)]
            assert len(lost) == 1
            after = trader.events[trader.events.index(lost[0]) :]
            assert isinstance(after[1], Resync)
            await reconcile(trader.belief, trader.reader)
            known = trader.belief.orders[order.order_id]
            assert known.told == await trader.reader.order(order.order_id)
            assert trader.belief.shares(order.order_id, *TradeStatus) == 5 * SHARE

    run(main)


def test_a_channel_that_answers_pings_and_tells_nothing_is_found_out_by_reading(
    venue: SandboxServer,
) -> None:
    async def main() -> None:
        market = venue.market("storm")
        async with desk(venue, listens=True) as trader:
            arm(venue, "freeze", "user", amount=600_000)
            order = trader.order(market["yes_token"], Side.BUY, 530_000, 5)
            trader.belief.placed(await trader.client.place(order))
            changed = await reconcile(trader.belief, trader.reader)
            assert changed.orders_changed == (order.order_id,) and changed.trades_changed
            assert [type(each) for each in trader.events] == [Resync]
            trader.channel.reopen()
            await trader.listening(2)
            assert trader.channel.statistics.losses == {ChannelLoss.DEAF: 1}
            shares = trader.belief.shares
            await until(lambda: shares(order.order_id, TradeStatus.CONFIRMED) == 5 * SHARE)

    run(main)


def test_wrong_credentials_are_never_a_channel_that_listens(venue: SandboxServer) -> None:
    async def main() -> None:
        async with desk(venue) as trader, desk(venue) as other:
            own, theirs = trader.account.credentials, other.account.credentials
            forged = replace(own, key=theirs.key)
            trader.open(replace(trader.account, credentials=forged), trader.budget)
            task = asyncio.create_task(trader.channel.run())
            await until(lambda: trader.channel.statistics.losses)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert not trader.events
            assert set(trader.channel.statistics.losses) <= UNHEARD

    run(main)


def test_a_clock_that_is_off_is_corrected_by_the_venues(venue: SandboxServer) -> None:
    async def main() -> None:
        token = venue.market("dew")["yes_token"]
        async with desk(venue) as trader:
            trader.sender.server_clock.offset_ns = -120 * 10**9
            order = trader.order(token, Side.BUY, 100_000, 5)
            placed = await trader.client.place(order)
            assert isinstance(placed, Rejected) and placed.reason is RejectReason.UNAUTHORIZED
            await trader.reader.learn_time()
            assert isinstance(await trader.client.place(order), Accepted)

    run(main)
