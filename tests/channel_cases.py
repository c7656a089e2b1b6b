"""The sandbox's channels on loopback, before an exchange that says what a test wants it to say."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import mirror
from polyarb.domain.units import ONE
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address
from polyarb.venue.sandbox.server.channels.channel import Channel
from polyarb.venue.sandbox.server.serving import CHANNEL_OPTIONS
from polyarb.venue.sandbox.terms.announcements import LevelChanged
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket
from polyarb.venue.sandbox.terms.orders import BookLevels
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve

NOW_NS = 1_795_262_409_386_000_000
CENT = 10_000
SHARE = 1_000_000
Told = dict[str, object]


def listed(number: int, *, group_id: str | None = None) -> ListedMarket:
    """List a market whose ids tell its number."""
    return ListedMarket(
        condition_id=ConditionId(f"0x{number:064x}"),
        question_id=ZERO_BYTES32,
        oracle=Address("0x0000000000000000000000000000000000000001"),
        yes=TokenId(f"7{number:076d}"),
        no=TokenId(f"5{number:076d}"),
        question=f"Will {number} be?",
        slug=f"market-{number}",
        event_id=str(number),
        tick=CENT,
        size_min=5 * SHARE,
        fee=FeeSchedule(rate=500),
        group_id=None if group_id is None else GroupId(group_id),
    )


class Exchange:
    """Markets with one book each in YES terms, set by hand."""

    def __init__(self, count: int = 2) -> None:
        self.listed = {market.condition_id: market for market in map(listed, range(1, count + 1))}
        self.bids: dict[ConditionId, dict[int, int]] = {key: {} for key in self.listed}
        self.asks: dict[ConditionId, dict[int, int]] = {key: {} for key in self.listed}
        self.ticks = dict.fromkeys(self.listed, CENT)
        self.changed_ns = NOW_NS
        self.last: int | None = None

    def markets(self) -> tuple[ListedMarket, ...]:
        return tuple(self.listed.values())

    def market(self, condition_id: ConditionId) -> ListedMarket | None:
        return self.listed.get(condition_id)

    def condition_of(self, token_id: TokenId) -> ConditionId | None:
        found = (key for key, each in self.listed.items() if token_id in (each.yes, each.no))
        return next(found, None)

    def events(self) -> Sequence[ListedEvent]:
        return tuple(
            ListedEvent(
                event_id=each.event_id,
                slug=each.slug,
                title=each.question,
                condition_ids=(key,),
                ends_ns=NOW_NS,
            )
            for key, each in self.listed.items()
        )

    def book(self, token_id: TokenId) -> BookLevels | None:
        condition_id = self.condition_of(token_id)
        if condition_id is None:
            return None
        market = self.listed[condition_id]
        bids, asks = self.bids[condition_id], self.asks[condition_id]
        if token_id == market.no:
            bids, asks = (
                {mirror(price): size for price, size in side.items()} for side in (asks, bids)
            )
        return BookLevels(
            condition_id=condition_id,
            token_id=token_id,
            bids=tuple(sorted(bids.items())),
            asks=tuple(sorted(asks.items(), reverse=True)),
            tick=self.ticks[condition_id],
            last_price=self.last,
            changed_ns=self.changed_ns,
        )

    def put(self, market: ListedMarket, price: int, size: int, *, is_bid: bool) -> LevelChanged:
        """Give a level a new total, in cents and shares of YES, and return what is announced."""
        side = (self.bids if is_bid else self.asks)[market.condition_id]
        side[price * CENT] = size * SHARE
        if not size:
            del side[price * CENT]
        self.changed_ns += SHARE
        return LevelChanged(
            condition_id=market.condition_id,
            is_bid=is_bid,
            price=price * CENT,
            size=size * SHARE,
            best_bid=max(self.bids[market.condition_id], default=0),
            best_ask=min(self.asks[market.condition_id], default=ONE),
            at_ns=self.changed_ns,
        )


@asynccontextmanager
async def serving(channel: Channel) -> AsyncIterator[str]:
    """Serve a channel and give its address; nothing of a test lasts longer than a minute."""
    async with (
        asyncio.timeout(60),
        serve(
            channel.attend,
            "127.0.0.1",
            0,
            process_request=channel.refuse_other_paths,
            **CHANNEL_OPTIONS,
        ) as server,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}{channel.path}"


class Client:
    """A plain client that asks for things and reads what it is told."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, told: object) -> None:
        """Send one frame as JSON, a text as it is."""
        await self.connection.send(told if isinstance(told, str) else json.dumps(told))

    async def heard(self) -> list[Told]:
        """Read everything up to the answer to a PING; an array is its messages."""
        await self.say("PING")
        told: list[Told] = []
        while (frame := await self.connection.recv()) != "PONG":
            read = json.loads(frame)
            told += read if isinstance(read, list) else [read]
        return told

    async def raw(self) -> list[str]:
        """Read the frames as they are up to the answer to a PING."""
        await self.say("PING")
        told: list[str] = []
        while (frame := await self.connection.recv()) != "PONG":
            told.append(str(frame))
        return told


@asynccontextmanager
async def client(address: str, *opening: object) -> AsyncIterator[Client]:
    """Connect, say something, and wait until it was heard."""
    async with connect(address) as connection:
        found = Client(connection)
        for told in opening:
            await found.say(told)
        yield found


def market_opening(markets: Iterable[ListedMarket], **more: object) -> Told:
    """Write the first frame to the market channel."""
    tokens = [token for market in markets for token in (market.yes, market.no)]
    return {"type": "market", "assets_ids": tokens, **more}


def kinds(told: Iterable[Told]) -> list[str]:
    """Return what kind each message is."""
    return [str(one["event_type"]) for one in told]


def as_json(body: msgspec.Struct) -> Told:
    """Read a body as a client would."""
    found: Told = json.loads(msgspec.json.encode(body))
    return found
