"""The truth behind the local venue of tests: one mirrored book per market, moved by a seed.

Units inside: micros of a USD and micro-shares. Messages are dicts as the wire has them.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue, Market, MarketVersion

Message = dict[str, object]
Levels = dict[int, int]
ONE = 1_000_000
CENT = 10_000


def now_ms() -> int:
    """Return unix milliseconds, the clock of a venue unless another is given."""
    return time.time_ns() // 1_000_000


def text_of(micros: int, digits: int = 0) -> str:
    """Write micros with at least so many decimals and no zeros behind them."""
    whole, part = divmod(micros, ONE)
    decimals = f"{part:06d}".rstrip("0").ljust(digits, "0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def micros(text: str) -> int:
    """Read what `text_of` wrote."""
    return int(Decimal(text) * ONE)


@dataclass
class VenueMarket:
    """One condition with its two tokens; the book is kept in terms of the first one."""

    condition_id: str
    yes: str
    no: str
    tick: int = CENT
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    changed_ms: int = 0
    last_price: int = ONE // 2
    is_resolved: bool = False

    @property
    def tokens(self) -> tuple[str, str]:
        return (self.yes, self.no)

    @property
    def digits(self) -> int:
        return len(text_of(self.tick)) - 2

    def price(self, micros: int) -> str:
        return text_of(micros, self.digits)

    def sides(self, token: str) -> tuple[dict[int, int], dict[int, int]]:
        """Return bids and asks as the token sees them."""
        if token == self.yes:
            return self.bids, self.asks
        return (
            {ONE - price: size for price, size in self.asks.items()},
            {ONE - price: size for price, size in self.bids.items()},
        )


class Venue:
    """Markets, their books, and everything that may happen to them."""

    def __init__(
        self, markets: int = 4, *, seed: int = 0, clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self.random = Random(seed)
        self.clock_ms = clock_ms
        self._latest_ms = 0
        self.markets: list[VenueMarket] = []
        self.market_of: dict[str, VenueMarket] = {}
        for number in range(markets):
            self.list_market(f"{seed}/{number}")

    # What a test asks for

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return both tokens of every market."""
        return [market.tokens for market in self.markets]

    @property
    def tokens(self) -> list[str]:
        return [token for pair in self.pairs for token in pair]

    def truth(self, token: str) -> tuple[Levels, Levels]:
        """Return bids and asks in micros, as a client should have them."""
        bids, asks = self.market_of[token].sides(token)
        return dict(bids), dict(asks)

    def catalogue(self) -> Catalogue:
        """Describe the markets as the project knows them: tradable, without a fee."""
        described = (
            Market(
                condition_id=ConditionId(market.condition_id),
                yes=TokenId(market.yes),
                no=TokenId(market.no),
                version=MarketVersion.V1,
                tick=market.tick,  # type: ignore[arg-type]
                size_min=5 * ONE,  # type: ignore[arg-type]
                fee=NO_FEE,
                is_accepting_orders=True,
            )
            for market in self.markets
        )
        return Catalogue(markets={market.condition_id: market for market in described})

    # Messages that tell a state

    def rest_book(self, token: str) -> Message:
        """Return the body of GET /book."""
        market = self.market_of[token]
        bids, asks = market.sides(token)
        book: Message = {
            "market": market.condition_id,
            "asset_id": token,
            "timestamp": str(market.changed_ms),
            "hash": "",
            "bids": _levels(market, sorted(bids.items())),
            "asks": _levels(market, sorted(asks.items(), reverse=True)),
            "min_order_size": "5",
            "tick_size": text_of(market.tick),
            "neg_risk": False,
            "last_trade_price": text_of(market.last_price),
        }
        text = json.dumps(book, separators=(",", ":"))
        return {**book, "hash": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()}

    def snapshot(self, token: str) -> Message:
        """Return the `book` message of the market channel."""
        told = self.rest_book(token)
        keys = ("asset_id", "market", "timestamp", "hash", "bids", "asks", "tick_size")
        book = {"event_type": "book", **{key: told[key] for key in keys}}
        return {**book, "last_trade_price": told["last_trade_price"]}

    def stale_snapshot(self, token: str) -> Message:
        """Return the untrue .01/.99 book that the venue is known to tell at times."""
        told = {**self.snapshot(token), "timestamp": str(self.now())}
        told["bids"] = [{"price": "0.01", "size": "500"}]
        told["asks"] = [{"price": "0.99", "size": "500"}]
        return told

    # What happens; every method returns the messages that tell it

    def step(self, count: int = 1) -> list[Message]:
        """Let that many random things happen: levels mostly, at times a trade."""
        told: list[Message] = []
        for _ in range(count):
            open_markets = [market for market in self.markets if not market.is_resolved]
            market = self.random.choice(open_markets)
            told += self.trade(market) if self.random.random() < 0.1 else self.move(market)
        return told

    def move(self, market: VenueMarket) -> list[Message]:
        """Place or cancel at a random level without crossing the book."""
        is_bid = self.random.random() < 0.5
        side, other = (market.bids, market.asks) if is_bid else (market.asks, market.bids)
        if is_bid:
            price = self.random.randrange(market.tick, min(other), market.tick)
        else:
            price = self.random.randrange(max(other) + market.tick, ONE, market.tick)
        size = self.random.randint(1, 50_000) * CENT
        if price in side and len(side) > 1 and self.random.random() < 0.5:
            size = 0
        return self.set_level(market, is_bid, price, size)

    def set_level(self, market: VenueMarket, is_bid: bool, price: int, size: int) -> list[Message]:
        """Set one level's new total; both tokens' changes are one message."""
        side = market.bids if is_bid else market.asks
        side[price] = size
        if not size:
            del side[price]
        market.changed_ms = self.now()
        changes = []
        for token in market.tokens:
            bids, asks = market.sides(token)
            is_yes = token == market.yes
            changes.append(
                {
                    "asset_id": token,
                    "price": market.price(price if is_yes else ONE - price),
                    "size": text_of(size),
                    "side": "BUY" if is_bid == is_yes else "SELL",
                    "hash": self.rest_book(token)["hash"],
                    "best_bid": market.price(max(bids, default=0)),
                    "best_ask": market.price(min(asks, default=ONE)),
                }
            )
        return [
            {
                "event_type": "price_change",
                "market": market.condition_id,
                "timestamp": str(market.changed_ms),
                "price_changes": changes,
            }
        ]

    def trade(self, market: VenueMarket) -> list[Message]:
        """Let a taker take part of the best level: a trade and both books."""
        is_buy = self.random.random() < 0.5
        side = market.asks if is_buy else market.bids
        price = min(side) if is_buy else max(side)
        taken = side[price] if len(side) > 1 and self.random.random() < 0.5 else side[price] // 2
        left = side[price] - taken or (CENT if len(side) == 1 else 0)
        side[price] = left
        if not left:
            del side[price]
        market.changed_ms = self.now()
        market.last_price = price
        trade: Message = {
            "event_type": "last_trade_price",
            "asset_id": market.yes,
            "market": market.condition_id,
            "price": market.price(price),
            "size": text_of(taken),
            "side": "BUY" if is_buy else "SELL",
            "fee_rate_bps": "0",
            "timestamp": str(market.changed_ms),
            "transaction_hash": "0x" + hashlib.sha256(str(taken).encode()).hexdigest(),
        }
        return [trade, *(self.snapshot(token) for token in market.tokens)]

    def books(self) -> list[Message]:
        """Tell every book once more, as after a trade that touched it."""
        return [self.snapshot(token) for token in self.tokens]

    def change_tick(self, market: VenueMarket, tick: int) -> list[Message]:
        """Begin a new tick; levels that exist stay."""
        old, market.tick = market.tick, tick
        market.changed_ms = self.now()
        return [
            {
                "event_type": "tick_size_change",
                "asset_id": token,
                "market": market.condition_id,
                "old_tick_size": text_of(old),
                "new_tick_size": text_of(tick),
                "timestamp": str(market.changed_ms),
            }
            for token in market.tokens
        ]

    def best_bid_ask(self, token: str) -> Message:
        """Tell the top again."""
        market = self.market_of[token]
        bids, asks = market.sides(token)
        bid, ask = max(bids, default=0), min(asks, default=ONE)
        return {
            "event_type": "best_bid_ask",
            "asset_id": token,
            "market": market.condition_id,
            "best_bid": market.price(bid),
            "best_ask": market.price(ask),
            "spread": market.price(ask - bid),
            "timestamp": str(self.now()),
        }

    def list_market(self, name: str) -> list[Message]:
        """Open a new market with a few levels on both sides."""
        seed = hashlib.sha256(name.encode())
        digits = str(int(seed.hexdigest() + "f", 16) * 31 + 10**76)
        market = VenueMarket(
            condition_id="0x" + seed.hexdigest(), yes="7" + digits[:76], no="5" + digits[:76]
        )
        middle = self.random.randint(10, 90) * CENT
        for depth in range(1, self.random.randint(3, 8)):
            market.bids[max(CENT, middle - depth * CENT)] = self.random.randint(5, 900) * ONE
            market.asks[min(ONE - CENT, middle + depth * CENT)] = self.random.randint(5, 900) * ONE
        market.changed_ms = self.now()
        self.markets.append(market)
        self.market_of.update(dict.fromkeys(market.tokens, market))
        number = str(500_000 + len(self.markets))
        return [
            {
                "event_type": "new_market",
                "id": number,
                "market": market.condition_id,
                "condition_id": market.condition_id,
                "question": f"Will {name} be?",
                "slug": f"market-{number}",
                "description": "",
                "assets_ids": list(market.tokens),
                "clob_token_ids": list(market.tokens),
                "outcomes": ["Yes", "No"],
                "event_message": _story(number),
                "active": True,
                "order_price_min_tick_size": text_of(market.tick),
                "group_item_title": "",
                "taker_base_fee": "0",
                "fees_enabled": False,
                "tags": [],
                "timestamp": str(market.changed_ms),
            }
        ]

    def resolve(self, market: VenueMarket, *, is_yes: bool = True) -> list[Message]:
        """End a market."""
        market.is_resolved = True
        number = str(500_001 + self.markets.index(market))
        return [
            {
                "event_type": "market_resolved",
                "id": number,
                "market": market.condition_id,
                "assets_ids": list(market.tokens),
                "winning_asset_id": market.yes if is_yes else market.no,
                "winning_outcome": "Yes" if is_yes else "No",
                "event_message": _story(number),
                "timestamp": str(self.now()),
            }
        ]

    def now(self) -> int:
        """Return the venue's time, which never steps back."""
        self._latest_ms = max(self._latest_ms, self.clock_ms())
        return self._latest_ms


class FoldedBooks:
    """What a plain client makes of frames: the books of tokens, without any judgement.

    Shape: token to (bids, asks); a token whose book is not known is absent.
    """

    def __init__(self) -> None:
        self.books: dict[str, tuple[Levels, Levels]] = {}
        self.unreadable = 0

    def frame(self, frame: bytes) -> None:
        """Take one frame; what is no JSON is counted."""
        try:
            told = json.loads(frame)
        except ValueError:
            self.unreadable += 1
            return
        for message in told if isinstance(told, list) else [told]:
            if isinstance(message, dict):
                self._message(message)
            else:
                self.unreadable += 1

    def lose(self, tokens: Iterable[str]) -> None:
        """Forget the books of these tokens, of all where none is named."""
        for token in list(tokens) or list(self.books):
            self.books.pop(token, None)

    def _message(self, message: Message) -> None:
        match message.get("event_type"):
            case "book":
                sides = tuple(
                    {micros(level["price"]): micros(level["size"]) for level in message[side]}  # type: ignore
                    for side in ("bids", "asks")
                )
                self.books[str(message["asset_id"])] = sides  # type: ignore[assignment]
            case "price_change":
                for change in message["price_changes"]:  # type: ignore[attr-defined]
                    book = self.books.get(change["asset_id"])
                    if book is None:
                        continue
                    side = book[0 if change["side"] == "BUY" else 1]
                    price, size = micros(change["price"]), micros(change["size"])
                    side[price] = size
                    if not size:
                        del side[price]


def _levels(market: VenueMarket, levels: Sequence[tuple[int, int]]) -> list[dict[str, str]]:
    return [{"price": market.price(price), "size": text_of(size)} for price, size in levels]


def _story(number: str) -> dict[str, str]:
    return {"id": number, "ticker": number, "slug": number, "title": number, "description": ""}
