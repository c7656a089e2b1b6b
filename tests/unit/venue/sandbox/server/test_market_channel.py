"""The market channel: who hears what, in which words."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.ids import ConditionId
from polyarb.domain.market import Catalogue, Market, MarketVersion
from polyarb.domain.messages import BookReplaced, LevelChanged, LevelsChanged
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.channels.channel import ChannelSettings
from polyarb.venue.sandbox.server.channels.market import MarketChannel
from polyarb.venue.sandbox.terms.announcements import (
    MarketClosed,
    MarketOpened,
    ModeChanged,
    Printed,
    TickChanged,
)
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.orders import ExchangeMode
from polyarb.venue.sandbox.wire.frames import BookBody, Level, book_body, hash_of, text_of
from tests.channel_cases import (
    CENT,
    NOW_NS,
    SHARE,
    Exchange,
    client,
    kinds,
    market_opening,
    serving,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def channel_of(exchange: Exchange, **settings: int) -> MarketChannel:
    return MarketChannel(
        exchange,
        FaultBoard(1),
        now_ns=lambda: exchange.changed_ns,
        market_id=lambda condition_id: str(int(condition_id, 16)),
        settings=ChannelSettings(**settings),
    )


def a_venue() -> tuple[Exchange, MarketChannel]:
    exchange = Exchange()
    for market in exchange.markets():
        exchange.put(market, 40, 100, is_bid=True)
        exchange.put(market, 60, 200, is_bid=False)
    return exchange, channel_of(exchange)


def run(play: Callable[[Exchange, MarketChannel, str], Awaitable[None]]) -> None:
    exchange, channel = a_venue()

    async def main() -> None:
        async with serving(channel) as address:
            await play(exchange, channel, address)

    asyncio.run(main())


def trade_of(market: ListedMarket, at_ns: int) -> Printed:
    return Printed(
        condition_id=market.condition_id,
        token_id=market.yes,
        price=CENT,
        size=SHARE,
        side=Side.SELL,
        at_ns=at_ns,
    )


def test_the_first_frame_is_answered_with_the_book_of_each_token() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        async with client(address, market_opening([market])) as found:
            yes, no = await found.heard()
        assert kinds([yes, no]) == ["book", "book"]
        assert yes["asset_id"] == market.yes and no["asset_id"] == market.no
        assert yes["bids"] == [{"price": "0.40", "size": "100"}]
        assert yes["asks"] == [{"price": "0.60", "size": "200"}]
        assert no["bids"] == [{"price": "0.40", "size": "200"}]
        assert no["asks"] == [{"price": "0.60", "size": "100"}]
        assert yes["market"] == market.condition_id and yes["tick_size"] == "0.01"
        assert yes["timestamp"] == str(exchange.changed_ns // 10**6)

    run(play)


def test_no_book_is_told_to_who_wants_no_dump_and_unknown_tokens_are_passed_over() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        opening = market_opening(exchange.markets(), initial_dump=False)
        async with client(address, opening) as found:
            assert await found.heard() == []
        opening = {"type": "market", "assets_ids": ["1", exchange.markets()[0].yes, "x"]}
        async with client(address, opening) as found:
            assert kinds(await found.heard()) == ["book"]

    run(play)


def test_a_level_is_told_for_both_tokens_with_their_tops_and_the_hashes_of_their_books() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        async with client(address, market_opening([market])) as found:
            await found.heard()
            channel.announce([exchange.put(market, 41, 7, is_bid=True)])
            (told,) = await found.heard()
        assert told["event_type"] == "price_change" and told["market"] == market.condition_id
        yes, no = told["price_changes"]  # type: ignore[misc]
        levels = exchange.book(market.yes)
        assert levels is not None
        assert yes == {
            "asset_id": market.yes,
            "price": "0.41",
            "size": "7",
            "side": "BUY",
            "hash": book_body(levels, market).hash,
            "best_bid": "0.41",
            "best_ask": "0.60",
        }
        assert {**no, "hash": ""} == {
            "asset_id": market.no,
            "price": "0.59",
            "size": "7",
            "side": "SELL",
            "hash": "",
            "best_bid": "0.40",
            "best_ask": "0.59",
        }

    run(play)


def test_an_empty_side_is_told_as_no_bid_at_0_and_no_ask_at_1() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        async with client(address, market_opening([market])) as found:
            await found.heard()
            channel.announce([exchange.put(market, 60, 0, is_bid=False)])
            (told,) = await found.heard()
        yes, no = told["price_changes"]  # type: ignore[misc]
        assert (yes["size"], yes["best_bid"], yes["best_ask"]) == ("0", "0.40", "1")
        assert (no["best_bid"], no["best_ask"]) == ("0", "0.60")

    run(play)


def test_levels_announced_together_are_one_message_and_only_the_last_total_of_each_counts() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market, other = exchange.markets()
        async with client(address, market_opening([market, other])) as found:
            await found.heard()
            channel.announce(
                [
                    exchange.put(market, 41, 7, is_bid=True),
                    exchange.put(market, 42, 3, is_bid=True),
                    exchange.put(other, 59, 2, is_bid=False),
                    exchange.put(market, 41, 0, is_bid=True),
                ]
            )
            first, second = await found.heard()
        told = [
            (one["asset_id"], one["price"], one["size"], one["best_bid"])
            for one in first["price_changes"]  # type: ignore[attr-defined]
            if one["asset_id"] == market.yes
        ]
        assert told == [
            (market.yes, "0.42", "3", "0.42"),
            (market.yes, "0.41", "0", "0.42"),
        ]
        assert second["market"] == other.condition_id

    run(play)


def test_a_trade_is_told_to_who_listens_to_its_token_and_then_both_books() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        only_no = {"type": "market", "assets_ids": [market.no]}
        async with (
            client(address, market_opening([market])) as found,
            client(address, only_no) as other,
        ):
            await found.heard()
            await other.heard()
            changed = exchange.put(market, 60, 150, is_bid=False)
            exchange.last = 60 * CENT
            trade = Printed(
                condition_id=market.condition_id,
                token_id=market.yes,
                price=60 * CENT,
                size=50 * SHARE + SHARE // 2,
                side=Side.BUY,
                at_ns=exchange.changed_ns,
            )
            channel.announce([changed, trade])
            told = await found.heard()
            assert kinds(await other.heard()) == ["book"]
        assert kinds(told) == ["last_trade_price", "book", "book"]
        assert told[0]["price"] == "0.60" and told[0]["size"] == "50.5"
        assert told[0]["side"] == "BUY" and told[0]["asset_id"] == market.yes
        assert told[1]["asks"] == [{"price": "0.60", "size": "150"}]
        assert told[1]["last_trade_price"] == "0.60"

    run(play)


def test_custom_features_tell_a_top_that_moved_a_new_market_and_a_verdict() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market, other = exchange.markets()
        with_features = market_opening([market], custom_feature_enabled=True)
        async with (
            client(address, with_features) as found,
            client(address, market_opening([market])) as plain,
        ):
            await found.heard()
            await plain.heard()
            channel.announce([exchange.put(market, 41, 7, is_bid=True)])
            channel.announce([exchange.put(market, 30, 7, is_bid=True)])
            channel.announce([MarketOpened(market=other, at_ns=NOW_NS)])
            for payouts in (None, (0, SHARE)):
                closed = MarketClosed(
                    condition_id=market.condition_id, payouts=payouts, at_ns=NOW_NS
                )
                channel.announce([closed])
            channel.announce([ModeChanged(mode=ExchangeMode.RESTARTING, at_ns=NOW_NS)])
            told = await found.heard()
            assert kinds(await plain.heard()) == ["price_change", "price_change"]
        expected = ["price_change", "best_bid_ask", "best_bid_ask", "price_change"]
        assert kinds(told) == [*expected, "new_market", "market_resolved"]
        top = {key: told[2][key] for key in ("asset_id", "best_bid", "best_ask", "spread")}
        assert top == {
            "asset_id": market.no,
            "best_bid": "0.40",
            "best_ask": "0.59",
            "spread": "0.19",
        }
        assert told[4]["id"] == "2" and told[4]["assets_ids"] == [other.yes, other.no]
        assert told[5]["winning_asset_id"] == market.no and told[5]["winning_outcome"] == "No"

    run(play)


def test_a_verdict_of_half_and_half_names_no_winner() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        opening = market_opening([market], custom_feature_enabled=True)
        async with client(address, opening) as found:
            await found.heard()
            half = (SHARE // 2, SHARE // 2)
            closed = MarketClosed(condition_id=market.condition_id, payouts=half, at_ns=NOW_NS)
            channel.announce([closed])
            (told,) = await found.heard()
        assert told["winning_asset_id"] is None and told["winning_outcome"] is None

    run(play)


def test_a_new_tick_is_told_for_both_tokens_and_prices_get_its_decimals() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        async with client(address, market_opening([market])) as found:
            await found.heard()
            exchange.ticks[market.condition_id] = CENT // 10
            change = TickChanged(
                condition_id=market.condition_id, old_tick=CENT, new_tick=CENT // 10, at_ns=NOW_NS
            )
            channel.announce([change])
            told = await found.heard()
            await found.say({"operation": "subscribe", "assets_ids": [market.yes]})
            (book,) = await found.heard()
        assert [(one["asset_id"], one["new_tick_size"]) for one in told] == [
            (market.yes, "0.001"),
            (market.no, "0.001"),
        ]
        assert book["tick_size"] == "0.001"
        assert book["bids"] == [{"price": "0.400", "size": "100"}]

    run(play)


def test_tokens_come_and_go_while_the_connection_stands() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market, other = exchange.markets()
        async with client(address, market_opening([market])) as found:
            await found.heard()
            await found.say({"operation": "subscribe", "assets_ids": [other.yes]})
            assert [one["asset_id"] for one in await found.heard()] == [other.yes]
            tokens = [market.yes, market.no, "unknown"]
            await found.say({"operation": "unsubscribe", "assets_ids": tokens})
            assert await found.heard() == []
            channel.announce([exchange.put(market, 41, 7, is_bid=True)])
            channel.announce([exchange.put(other, 41, 7, is_bid=True)])
            (told,) = await found.heard()
            assert told["market"] == other.condition_id
        async with asyncio.timeout(5):
            while channel.lines:
                await asyncio.sleep(0)
        assert not channel._listeners and not channel._subscriptions

    run(play)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nonsense",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"type":"market","assets_ids":"1"}',
        '{"type":"market","assets_ids":[1]}',
        '{"operation":"dance","assets_ids":["1"]}',
        '{"operation":"unsubscribe","assets_ids":["1"]}',
        '{"type":"user","auth":{}}',
    ],
    ids=range(11),
)
def test_what_is_no_documented_frame_changes_nothing(frame: str) -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        async with client(address, frame) as found:
            assert await found.heard() == []
            await found.connection.send(b"\x00\x01")
            await found.say(market_opening(exchange.markets()[:1]))
            assert kinds(await found.heard()) == ["book", "book"]

    run(play)


def test_another_path_is_not_found() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        with pytest.raises(InvalidStatus, match="404"):
            await connect(address.replace("market", "user"))

    run(play)


def test_no_more_tokens_are_told_than_a_connection_may_have() -> None:
    exchange = Exchange(3)
    channel = channel_of(exchange, assets_max=3)

    async def play() -> None:
        async with (
            serving(channel) as address,
            client(address, market_opening(exchange.markets())) as found,
        ):
            assert len(await found.heard()) == 3

    asyncio.run(play())


@pytest.mark.parametrize("settings", [{"subscribe_ms_max": 1}, {"silence_ms_max": 1}])
def test_who_never_subscribes_or_is_silent_is_cut_off(settings: dict[str, int]) -> None:
    exchange = Exchange()
    channel = channel_of(exchange, **settings)

    async def play() -> None:
        async with serving(channel) as address, client(address) as found:
            sweeping = asyncio.create_task(channel.sweep())
            with pytest.raises(ConnectionClosed):
                await found.connection.recv()
            sweeping.cancel()

    asyncio.run(play())


def test_who_does_not_read_is_dropped_and_nobody_else() -> None:
    exchange = Exchange()
    channel = channel_of(exchange, buffer_bytes_max=100_000)

    async def play() -> None:
        market = exchange.markets()[0]
        opening = market_opening([market])
        async with (
            serving(channel) as address,
            connect(address, max_queue=1, close_timeout=0) as slow,
            client(address, opening) as quick,
        ):
            await slow.send(json.dumps(opening))
            await quick.heard()
            while len(channel._subscriptions) < 2:
                await asyncio.sleep(0)
            for cents in range(1, 40):
                exchange.put(market, cents, 1_000, is_bid=True)
                exchange.put(market, 60 + cents, 1_000, is_bid=False)
            while not channel.outlet.dropped:
                channel.announce([trade_of(market, exchange.changed_ns)])
                await quick.heard()
            assert channel.outlet.dropped == 1
            while len(channel.lines) > 1:
                await asyncio.sleep(0)
            channel.announce([exchange.put(market, 41, 7, is_bid=True)])
            assert kinds(await quick.heard())[-1] == "price_change"

    asyncio.run(play())


def test_the_hash_is_that_of_the_reference(root: Path) -> None:
    vectors = root.parent / "shared" / "data" / "vectors" / "book_hash.json"
    if not vectors.exists():
        pytest.skip("the vectors beside the checkout are absent")
    told = json.loads(vectors.read_bytes())["vectors"]
    for vector in told:
        book = vector["input"]["book"]
        sides = {side: tuple(Level(**level) for level in book[side]) for side in ("bids", "asks")}
        body = BookBody(**{**book, **sides, "hash": ""})
        assert hash_of(body) == vector["expected"]["hash"], vector["name"]
        assert text_of(body) == vector["expected"]["hashed_text"]


def test_our_own_reading_of_the_channel_is_the_book_of_the_exchange() -> None:
    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        known = Market(
            condition_id=market.condition_id,
            yes=market.yes,
            no=market.no,
            version=MarketVersion.V1,
        )
        translator = Translator(Catalogue(markets={market.condition_id: known}))
        async with client(address, market_opening([market])) as found:
            frames = await found.raw()
            channel.announce([exchange.put(market, 41, 7, is_bid=True)])
            channel.announce(
                [exchange.put(market, price, 3, is_bid=False) for price in (55, 56, 57)]
            )
            frames += await found.raw()
        events = [event for frame in frames for event in translator.frame(line_of(frame)).events]
        asks: dict[int, int] = {}
        for event in events:
            match event:
                case BookReplaced():
                    asks = dict(event.asks)
                case LevelChanged(is_bid=False):
                    asks[event.price] = event.size
                case LevelsChanged():
                    asks |= {price: size for is_bid, price, size in event.changes if not is_bid}
                case _:
                    pass
        assert asks == exchange.asks[ConditionId(market.condition_id)]
        assert sum(translator.statistics.rejected.values()) == 0

    run(play)


def line_of(frame: str) -> bytes:
    """Write a frame as a tape has it."""
    return b'{"recv_ms":%d,"seq":0,"msg":%s}' % (NOW_NS // 10**6, frame.encode())


def test_every_message_has_the_keys_of_the_reference(root: Path) -> None:
    samples = root.parent / "shared" / "data" / "vectors" / "wire_samples.json"
    if not samples.exists():
        pytest.skip("the samples beside the checkout are absent")
    told = {one["event_type"]: one for one in json.loads(samples.read_bytes())["ws_market"]}

    async def play(exchange: Exchange, channel: MarketChannel, address: str) -> None:
        market = exchange.markets()[0]
        opening = market_opening([market], custom_feature_enabled=True)
        async with client(address, opening) as found:
            heard = await found.heard()
            moved = exchange.put(market, 41, 7, is_bid=True)
            trade = trade_of(market, NOW_NS)
            tick = TickChanged(
                condition_id=market.condition_id, old_tick=CENT, new_tick=CENT, at_ns=NOW_NS
            )
            closed = MarketClosed(
                condition_id=market.condition_id, payouts=(SHARE, 0), at_ns=NOW_NS
            )
            for one in (moved, trade, tick, MarketOpened(market=market, at_ns=NOW_NS), closed):
                channel.announce([one])
            heard += await found.heard()
        by_kind = {str(one["event_type"]): one for one in heard}
        assert set(by_kind) == set(told)
        for kind, sample in told.items():
            assert set(by_kind[kind]) == set(sample), kind
            wrong = [key for key in sample if type(by_kind[kind][key]) is not type(sample[key])]
            assert not wrong, (kind, wrong)
        changes = told["price_change"]["price_changes"][0]
        assert set(by_kind["price_change"]["price_changes"][0]) == set(changes)  # type: ignore[index]

    run(play)


def test_a_body_is_written_once_for_each_state_of_its_book() -> None:
    exchange, channel = a_venue()
    market = exchange.markets()[0]
    first = channel._body(market.yes)
    assert first is channel._body(market.yes)
    channel.announce([exchange.put(market, 41, 7, is_bid=True)])
    second = channel._body(market.yes)
    assert second is not None and first is not None and second.hash != first.hash
    assert msgspec.structs.replace(second, hash="") != msgspec.structs.replace(first, hash="")
