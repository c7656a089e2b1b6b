"""Seeded streams of market data with faults: what a feed can do to an engine, and more often."""

from dataclasses import dataclass, field
from random import Random

import msgspec
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, RelationId, TokenId
from polyarb.domain.market import Catalogue, Market, MarketGroup, Relation
from polyarb.domain.messages import (
    BookReplaced,
    Event,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketResolved,
    OperatorHalted,
    OperatorResumed,
    TickChanged,
)
from polyarb.domain.plan import Family, Outcome
from polyarb.domain.units import MICRO, ONE, Price, Shares
from tests.worlds import CENT, MS, START_NS, market

SIZES = (0, 3 * MICRO, 20 * MICRO, 55_550_000, 400 * MICRO)


@dataclass
class TrueBook:
    """What the venue holds of one market. Units: prices in micros."""

    market: Market
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    centre: int = 30

    @property
    def tops(self) -> tuple[int, int]:
        """Return the best bid and ask."""
        return max(self.bids, default=0), min(self.asks, default=int(ONE))


class Stream:
    """One seeded stream: a catalogue and the events of a run."""

    def __init__(self, seed: int, length: int = 250) -> None:
        self.chance = Random(seed)
        self.catalogue = self._catalogue()
        self.books = {key: TrueBook(one) for key, one in self.catalogue.markets.items()}
        self.now_ns = START_NS
        self.venue_ns = START_NS
        self.tells_tops = self.chance.random() < 0.5
        self.faults = self.chance.choice((0.0, 0.02, 0.15))
        self.events: list[Event] = []
        for book in self.books.values():
            book.centre = self._centre(book)
            self._fill(book)
            self._send(self._snapshot(book))
        while len(self.events) < length:
            self._step()

    # The world

    def _catalogue(self) -> Catalogue:
        chance = self.chance
        markets: dict[ConditionId, Market] = {}
        groups: dict[GroupId, MarketGroup] = {}
        for number in range(chance.randint(1, 2)):
            group_id = GroupId(f"G{number}")
            names = [f"G{number}M{leg}" for leg in range(chance.randint(2, 4))]
            rate = chance.choice((0, 0, 400, 700))
            for name in names:
                markets[ConditionId(name)] = self._market(name, rate, group_id)
            groups[group_id] = MarketGroup(
                group_id=group_id,
                condition_ids=tuple(ConditionId(name) for name in names),
                incomplete=chance.choice(("", "", "augmented")),
                convert_fee_bips=chance.choice((0, 0, 0, 0, 0, 20, None)),
            )
        for leg in range(3):
            name = f"K{leg}"
            markets[ConditionId(name)] = self._market(name, chance.choice((0, 300)), None)
        keys = list(markets)
        relations = {
            RelationId("LADDER"): Relation(
                relation_id=RelationId("LADDER"),
                family=Family.LADDER,
                condition_ids=(ConditionId("K0"), ConditionId("K1"), ConditionId("K2")),
            ),
            RelationId("SHARED"): Relation(
                relation_id=RelationId("SHARED"),
                family=Family.IMPLICATION,
                condition_ids=(keys[0], ConditionId("K2")),
            ),
        }
        return Catalogue(markets=markets, groups=groups, relations=relations)

    def _market(self, name: str, rate: int, group_id: GroupId | None) -> Market:
        chance = self.chance
        return market(
            name,
            fee=None if chance.random() < 0.03 else FeeSchedule(rate=rate),
            size_min=Shares(5 * MICRO),
            tick=Price(CENT),
            hold_ms=chance.choice((0, 0, 150, 1_000)),
            group_id=group_id,
            is_accepting_orders=chance.random() > 0.03,
        )

    def _centre(self, book: TrueBook) -> int:
        group_id = book.market.group_id
        if group_id is None:
            return self.chance.randint(35, 50)
        fair = 100 // len(self.catalogue.groups[group_id].condition_ids)
        return fair + self.chance.choice((-4, 0, 3, 6))

    def _fill(self, book: TrueBook) -> None:
        book.bids.clear()
        book.asks.clear()
        for _ in range(self.chance.randint(0, 4)):
            book.bids[self._price(book, is_bid=True)] = self.chance.choice(SIZES[1:])
        for _ in range(self.chance.randint(0, 4)):
            self._set(book, False, self._price(book, is_bid=False), self.chance.choice(SIZES[1:]))

    def _price(self, book: TrueBook, *, is_bid: bool) -> int:
        spread = self.chance.randint(-6, 12)
        cents = book.centre - spread if is_bid else book.centre + spread
        return min(max(cents, 1), 99) * CENT

    def _set(
        self, book: TrueBook, is_bid: bool, price: int, size: int
    ) -> list[tuple[bool, int, int]]:
        """Set a level of the true book; whatever it would cross leaves with it."""
        mine, other = (book.bids, book.asks) if is_bid else (book.asks, book.bids)
        changes = []
        if size:
            crossed = [p for p in other if (p <= price if is_bid else p >= price)]
            changes = [(not is_bid, p, 0) for p in crossed]
            for p in crossed:
                del other[p]
            mine[price] = size
        else:
            mine.pop(price, None)
        return [*changes, (is_bid, price, size)]

    # The feed

    def _step(self) -> None:
        chance = self.chance
        self.now_ns += chance.choice((0, 1, 3, 20, 200, 900, 4_000)) * MS
        if chance.random() < 0.7:
            self.venue_ns = max(self.venue_ns, self.now_ns - chance.choice((0, 5, 60)) * MS)
        kind = chance.random()
        book = chance.choice(list(self.books.values()))
        if kind < 0.02:
            self._order()
        elif kind < 0.025:
            self.events.append(FeedLost(receive_time_ns=self.now_ns, reason="gone"))
            for one in self.books.values():
                self._send(self._snapshot(one))
        elif kind < 0.03:
            self._rare(book)
        elif kind < 0.15:
            self._send(self._snapshot(book))
        else:
            self._move(book)

    def _order(self) -> None:
        kind = self.chance.choice((OperatorHalted, OperatorResumed, OperatorResumed))
        self.events.append(kind(receive_time_ns=self.now_ns, actor="alice", reason="why"))

    def _rare(self, book: TrueBook) -> None:
        condition_id = book.market.condition_id
        if self.chance.random() < 0.5:
            self.events.append(
                TickChanged(
                    receive_time_ns=self.now_ns,
                    condition_id=condition_id,
                    tick=self.chance.choice((CENT, CENT // 10)),
                    venue_time_ns=self.venue_ns,
                )
            )
        else:
            self.events.append(
                MarketResolved(
                    receive_time_ns=self.now_ns,
                    condition_id=condition_id,
                    winner=TokenId(book.market.yes),
                    venue_time_ns=self.venue_ns,
                )
            )

    def _move(self, book: TrueBook) -> None:
        chance = self.chance
        is_bid = chance.random() < 0.5
        side = book.bids if is_bid else book.asks
        known = chance.random() < 0.5 and bool(side)
        price = chance.choice(list(side)) if known else self._price(book, is_bid=is_bid)
        changes = self._set(book, is_bid, price, chance.choice(SIZES))
        best_bid, best_ask = book.tops if self.tells_tops else (-1, -1)
        shared = {
            "condition_id": book.market.condition_id,
            "best_bid": best_bid,
            "best_ask": best_ask,
            "venue_time_ns": self.venue_ns,
            "receive_time_ns": self.now_ns,
        }
        if chance.random() < 0.5:
            self._send(LevelsChanged(changes=tuple(changes), **shared))  # type: ignore[arg-type]
            return
        for one_is_bid, one_price, size in changes:
            self._send(
                LevelChanged(is_bid=one_is_bid, price=one_price, size=size, **shared)  # type: ignore[arg-type]
            )

    def _snapshot(self, book: TrueBook) -> BookReplaced:
        return BookReplaced(
            condition_id=book.market.condition_id,
            outcome=self.chance.choice(list(Outcome)),
            bids=tuple(sorted(book.bids.items(), reverse=True)),
            asks=tuple(sorted(book.asks.items())),
            venue_time_ns=self.venue_ns,
            receive_time_ns=self.now_ns,
        )

    def _send(self, event: LevelChanged | LevelsChanged | BookReplaced) -> None:
        """Send a message, or do to it what a feed can do: drop, repeat, delay, swap, garble."""
        chance = self.chance
        if chance.random() >= self.faults:
            self.events.append(event)
            return
        fault = chance.randrange(5)
        if fault == 1:
            self.events += [event, event]
        elif fault == 2:
            late = chance.choice((50, 150, 3_000)) * MS
            self.events.append(
                msgspec.structs.replace(event, venue_time_ns=event.venue_time_ns - late)
            )
        elif fault == 3 and self.events:
            before = self.events.pop()
            moved = msgspec.structs.replace(event, receive_time_ns=before.receive_time_ns)
            self.events += [moved, msgspec.structs.replace(before, receive_time_ns=self.now_ns)]
        elif fault == 4:
            self.events.append(self._garbled(event.condition_id))

    def _garbled(self, condition_id: ConditionId) -> LevelChanged:
        return LevelChanged(
            condition_id=condition_id,
            is_bid=self.chance.random() < 0.5,
            price=self.chance.choice((1, 9_999, 5_005, 4_000)) * 100,
            size=self.chance.choice((0, 10**15, 7 * MICRO)),
            best_bid=-1,
            best_ask=-1,
            venue_time_ns=self.venue_ns,
            receive_time_ns=self.now_ns,
        )
