"""The user channel: owners, and nobody else, hear of their orders and trades."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.ids import OrderId
from polyarb.domain.order import TimeInForce, TradeStatus
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.channels.user import Credentials, UserChannel
from polyarb.venue.sandbox.terms.announcements import OrderChanged, OrderStep, TradeChanged
from polyarb.venue.sandbox.terms.orders import OrderRecord, OrderState
from polyarb.venue.sandbox.terms.trades import Fill, Match, TradeRecord
from tests.channel_cases import CENT, NOW_NS, SHARE, Told, client, kinds, listed, serving
from websockets.exceptions import ConnectionClosed

MARKET, OTHER = listed(1), listed(2)
TAKER, MAKER, STRANGER = "taker", "maker", "stranger"
ADDRESS = Address("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1")


def user_channel() -> UserChannel:
    return UserChannel(
        lambda shown: (shown.secret, shown.passphrase) == ("s", "p"),
        FaultBoard(1),
        now_ns=lambda: NOW_NS,
        outcome_index=lambda fill: int(fill.token_id == MARKET.no),
    )


def opening(owner: str, **more: object) -> Told:
    return {"type": "user", "auth": {"apiKey": owner, "secret": "s", "passphrase": "p"}, **more}


def order_of(owner: str, *, market: object = MARKET) -> OrderChanged:
    assert market in (MARKET, OTHER)
    told = MARKET if market == MARKET else OTHER
    record = OrderRecord(
        order_id=OrderId("0xorder"),
        state=OrderState.LIVE,
        owner=owner,
        maker=ADDRESS,
        condition_id=told.condition_id,
        token_id=told.yes,
        outcome="Yes",
        side=Side.BUY,
        price=50 * CENT,
        shares=10 * SHARE,
        shares_matched=0,
        time_in_force=TimeInForce.GTC,
        expiration_s=0,
        created_s=NOW_NS // 10**9,
    )
    return OrderChanged(step=OrderStep.PLACEMENT, order=record, at_ns=NOW_NS)


def fill(owner: str, *, is_yes: bool, price: int) -> Fill:
    return Fill(
        order_id=OrderId(f"0x{owner}"),
        owner=owner,
        maker=ADDRESS,
        token_id=MARKET.yes if is_yes else MARKET.no,
        outcome="Yes" if is_yes else "No",
        side=Side.BUY,
        shares=10 * SHARE,
        price=price * CENT,
        given=0,
        got=0,
    )


def trade_of(status: TradeStatus, *, makers: tuple[str, ...] = (MAKER,)) -> TradeChanged:
    match = Match(
        trade_id="trade",
        condition_id=MARKET.condition_id,
        is_neg_risk=False,
        taker=fill(TAKER, is_yes=True, price=60),
        makers=tuple(fill(maker, is_yes=False, price=40) for maker in makers),
        matched_ns=NOW_NS,
        bucket_index=3,
    )
    return TradeChanged(
        trade=TradeRecord(match=match, status=status, updated_ns=NOW_NS + 10**9), at_ns=NOW_NS
    )


def run(play: Callable[[UserChannel, str], Awaitable[None]]) -> None:
    channel = user_channel()

    async def main() -> None:
        async with serving(channel) as address:
            await play(channel, address)

    asyncio.run(main())


def test_an_order_is_told_to_its_owner_on_every_connection_and_to_nobody_else() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        async with (
            client(address, opening(MAKER)) as first,
            client(address, opening(MAKER)) as second,
            client(address, opening(STRANGER)) as stranger,
        ):
            for one in (first, second, stranger):
                assert await one.heard() == []
            channel.announce([order_of(MAKER)])
            (told,) = await first.heard()
            assert await second.heard() == [told]
            assert await stranger.heard() == []
        assert told["type"] == "PLACEMENT" and told["status"] == "LIVE"
        assert told["owner"] == told["order_owner"] == MAKER
        assert (told["price"], told["original_size"], told["size_matched"]) == ("0.5", "10", "0")
        assert told["created_at"] == str(NOW_NS // 10**9)

    run(play)


def test_a_trade_is_told_to_both_sides_as_each_sees_it() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        async with (
            client(address, opening(TAKER)) as taker,
            client(address, opening(MAKER)) as maker,
            client(address, opening(STRANGER)) as stranger,
        ):
            for one in (taker, maker, stranger):
                await one.heard()
            channel.announce([trade_of(TradeStatus.MATCHED)])
            (taken,), (made,) = await taker.heard(), await maker.heard()
            assert await stranger.heard() == []
        assert (taken["trader_side"], made["trader_side"]) == ("TAKER", "MAKER")
        assert (taken["owner"], made["owner"]) == (TAKER, MAKER)
        same = set(taken) - {"trader_side", "owner"}
        assert {key: taken[key] for key in same} == {key: made[key] for key in same}
        assert taken["asset_id"] == MARKET.yes and taken["price"] == "0.6"
        assert taken["bucket_index"] == 3 and taken["trade_owner"] == TAKER
        (part,) = taken["maker_orders"]  # type: ignore[misc]
        assert part["asset_id"] == MARKET.no and part["outcome_index"] == 1
        assert part["owner"] == MAKER and part["matched_amount"] == "10"

    run(play)


def test_the_same_trade_is_told_anew_at_every_word_of_the_chain() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        words = [TradeStatus.MATCHED, TradeStatus.RETRYING, TradeStatus.MINED]
        async with client(address, opening(TAKER)) as taker:
            await taker.heard()
            channel.announce([trade_of(word) for word in words])
            told = await taker.heard()
        assert [one["status"] for one in told] == words
        assert {one["id"] for one in told} == {"trade"}

    run(play)


def test_who_trades_with_himself_hears_it_once() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        async with client(address, opening(TAKER)) as taker:
            await taker.heard()
            channel.announce([trade_of(TradeStatus.MATCHED, makers=(TAKER, MAKER))])
            (told,) = await taker.heard()
        assert told["trader_side"] == "TAKER" and len(told["maker_orders"]) == 2  # type: ignore[arg-type]

    run(play)


def test_only_the_markets_that_are_named_are_told_and_they_may_change() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        both = [order_of(MAKER), order_of(MAKER, market=OTHER)]
        async with client(address, opening(MAKER, markets=[MARKET.condition_id])) as found:
            await found.heard()
            channel.announce(both)
            assert [one["market"] for one in await found.heard()] == [MARKET.condition_id]
            await found.say({"operation": "subscribe", "markets": [OTHER.condition_id]})
            await found.say({"operation": "unsubscribe", "markets": [MARKET.condition_id]})
            await found.heard()
            channel.announce(both)
            assert [one["market"] for one in await found.heard()] == [OTHER.condition_id]

    run(play)


def test_operations_change_nothing_for_who_wants_every_market() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        async with client(address, opening(MAKER)) as found:
            for operation in ("subscribe", "unsubscribe", "dance"):
                await found.say({"operation": operation, "markets": [OTHER.condition_id]})
            await found.say("nonsense")
            await found.heard()
            channel.announce([order_of(MAKER)])
            assert kinds(await found.heard()) == ["order"]
        async with asyncio.timeout(5):
            while channel.lines:
                await asyncio.sleep(0)
        assert not channel._lines_of and not channel._subscriptions

    run(play)


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        "{}",
        json.dumps({"type": "user"}),
        json.dumps({"type": "user", "auth": {"apiKey": MAKER}}),
        json.dumps({"type": "user", "auth": {"apiKey": MAKER, "secret": "x", "passphrase": "p"}}),
        json.dumps({**opening(MAKER), "type": "market"}),
        json.dumps({"operation": "subscribe", "markets": []}),
    ],
    ids=range(7),
)
def test_bad_credentials_end_the_connection_without_a_word(frame: str) -> None:
    async def play(channel: UserChannel, address: str) -> None:
        async with client(address, frame) as found:
            with pytest.raises(ConnectionClosed) as ended:
                await found.connection.recv()
            assert ended.value.rcvd is not None and ended.value.rcvd.reason == ""

    run(play)


def test_a_ping_is_answered_before_the_credentials_came() -> None:
    async def play(channel: UserChannel, address: str) -> None:
        async with client(address) as found:
            assert await found.heard() == []

    run(play)


def test_every_message_has_the_keys_of_the_reference(root: Path) -> None:
    samples = root.parent / "shared" / "data" / "vectors" / "wire_samples.json"
    if not samples.exists():
        pytest.skip("the samples beside the checkout are absent")
    order, trade = json.loads(samples.read_bytes())["ws_user"]

    async def play(channel: UserChannel, address: str) -> None:
        async with client(address, opening(TAKER)) as found:
            await found.heard()
            channel.announce([order_of(TAKER), trade_of(TradeStatus.MATCHED)])
            told = await found.heard()
        for one, sample in zip(told, (order, trade), strict=True):
            assert set(one) == set(sample)
            assert not [key for key in sample if type(one[key]) is not type(sample[key])]
        assert set(told[1]["maker_orders"][0]) == set(trade["maker_orders"][0])  # type: ignore[index]

    run(play)


def test_credentials_are_read_in_the_spelling_of_the_wire() -> None:
    text = b'{"apiKey":"a","secret":"b","passphrase":"c"}'
    assert msgspec.json.decode(text, type=Credentials) == Credentials("a", "b", "c")
