"""What may happen to frames on their way, each connection by itself."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.channels.market import MarketChannel
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from tests.channel_cases import Client, Exchange, client, market_opening, serving
from websockets.exceptions import ConnectionClosed


class Stage:
    """A market channel with two clients and a board of faults."""

    def __init__(self) -> None:
        self.exchange = Exchange(1)
        self.market = self.exchange.markets()[0]
        self.exchange.put(self.market, 40, 100, is_bid=True)
        self.exchange.put(self.market, 60, 100, is_bid=False)
        self.faults = FaultBoard(1)
        self.channel = MarketChannel(
            self.exchange,
            self.faults,
            now_ns=lambda: self.exchange.changed_ns,
            market_id=str,
        )

    def arm(self, kind: FaultKind, *, times: int = 1, amount: int = 0) -> None:
        armed = self.faults.arm(Fault(kind=kind, scope="market 1", times=times, amount=amount))
        assert isinstance(armed, str)

    def move(self, *sizes: int) -> None:
        """Tell a level with these totals, one frame each."""
        for size in sizes:
            self.channel.announce([self.exchange.put(self.market, 41, size, is_bid=True)])


def play(acts: Callable[[Stage, Client, Client], Awaitable[None]]) -> None:
    stage = Stage()

    async def main() -> None:
        opening = market_opening([stage.market])
        async with (
            serving(stage.channel) as address,
            client(address, opening) as struck,
        ):
            await struck.heard()
            async with client(address, opening) as spared:
                await spared.heard()
                await acts(stage, struck, spared)

    asyncio.run(main())


def sizes(frames: list[str]) -> list[str]:
    return [json.loads(frame)["price_changes"][0]["size"] for frame in frames]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_FRAME, ["2", "3"]),
        (FaultKind.DUPLICATE_FRAME, ["1", "1", "2", "3"]),
        (FaultKind.REORDERED_FRAMES, ["2", "1", "3"]),
    ],
    ids=str,
)
def test_a_frame_is_lost_doubled_or_late_for_one_connection_only(
    kind: FaultKind, expected: list[str]
) -> None:
    async def acts(stage: Stage, struck: Client, spared: Client) -> None:
        stage.arm(kind)
        stage.move(1, 2, 3)
        assert sizes(await struck.raw()) == expected
        assert sizes(await spared.raw()) == ["1", "2", "3"]

    play(acts)


def test_a_torn_frame_is_cut_json() -> None:
    async def acts(stage: Stage, struck: Client, spared: Client) -> None:
        stage.arm(FaultKind.TORN_FRAME)
        stage.move(1, 2)
        torn, whole = await struck.raw()
        (first, _) = await spared.raw()
        assert first.startswith(torn) and torn and torn != first
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra"):
            json.loads(torn)
        assert sizes([whole]) == ["2"]

    play(acts)


def test_a_frozen_connection_answers_ping_and_what_was_told_meanwhile_is_lost() -> None:
    async def acts(stage: Stage, struck: Client, spared: Client) -> None:
        stage.arm(FaultKind.FREEZE, amount=5)
        stage.move(1, 2, 3)
        assert await struck.raw() == []
        stage.exchange.changed_ns += 5_000_000
        stage.move(4)
        assert sizes(await struck.raw()) == ["4"]
        assert sizes(await spared.raw()) == ["1", "2", "3", "4"]

    play(acts)


def test_a_disconnect_cuts_one_connection_without_a_word() -> None:
    async def acts(stage: Stage, struck: Client, spared: Client) -> None:
        stage.arm(FaultKind.DISCONNECT)
        stage.move(1)
        with pytest.raises(ConnectionClosed) as ended:
            await struck.connection.recv()
        assert ended.value.rcvd is None
        assert sizes(await spared.raw()) == ["1"]
        stage.move(2)
        assert sizes(await spared.raw()) == ["2"]

    play(acts)


def test_a_stale_book_is_told_instead_of_the_true_one() -> None:
    async def acts(stage: Stage, struck: Client, spared: Client) -> None:
        stage.arm(FaultKind.STALE_BOOK)
        asked = {"operation": "subscribe", "assets_ids": [stage.market.yes]}
        await struck.say(asked)
        (stale,) = await struck.heard()
        assert stale["bids"] == [{"price": "0.01", "size": "500"}]
        assert stale["asks"] == [{"price": "0.99", "size": "500"}]
        await struck.say(asked)
        (true,) = await struck.heard()
        assert true["bids"] == [{"price": "0.40", "size": "100"}]
        assert true["hash"] != stale["hash"]

    play(acts)


def test_levels_are_never_stale_books() -> None:
    async def acts(stage: Stage, struck: Client, spared: Client) -> None:
        stage.arm(FaultKind.STALE_BOOK)
        stage.move(1)
        assert sizes(await struck.raw()) == ["1"]
        assert len(stage.faults.armed()) == 1

    play(acts)
