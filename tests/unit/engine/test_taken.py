"""What our own orders took: never more than is displayed, never less than the shadow remembers."""

from random import Random

import pytest
from polyarb.domain.book import BookStatus, Depth
from polyarb.domain.ids import ConditionId, OrderId, PlanId, RelationId, TokenId
from polyarb.domain.messages import LevelChanged
from polyarb.domain.order import OrderIntent, TimeInForce
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.domain.units import MICRO
from polyarb.engine import books, taken
from polyarb.engine.state import Ladder, Watch
from polyarb.venue.shadow.consumption import Taker
from polyarb.venue.shadow.fakes import FakeBooks
from polyarb.venue.shadow.matching import Counterparty, sale_of, taking_of
from tests.worlds import CENT, group_of, levels, market

A = ConditionId("A")
KINDS = [(outcome, side) for outcome in Outcome for side in Side]


def ladder_of(
    bids: list[tuple[int, int]] | None = None, asks: list[tuple[int, int]] | None = None
) -> tuple[Ladder, Watch]:
    """Open a live book in cents and shares that one relation watches."""
    ladder = Ladder(market("A"))
    ladder.status = BookStatus.LIVE
    ladder.bids, ladder.asks = dict(levels(bids or [])), dict(levels(asks or []))
    watch = Watch(RelationId("R"), (Family.NEGRISK_NO,), [ladder])
    ladder.watches.append((watch, 0))
    return ladder, watch


def order(outcome: Outcome, side: Side, price: int, shares: int = MICRO) -> OrderIntent:
    """Intend an order. Units: price in cents of its own token."""
    return OrderIntent(
        order_id=OrderId("order"),
        plan_id=PlanId("plan"),
        leg=0,
        condition_id=A,
        token_id=TokenId(outcome),
        outcome=outcome,
        side=side,
        price_limit=price * CENT,
        shares=shares,
        reserved=0,
        time_in_force=TimeInForce.GTC,
    )


def free(ladder: Ladder) -> Depth:
    return taken.free(ladder, books.depth_of(ladder))


@pytest.mark.parametrize(
    ("outcome", "side", "price", "bids", "asks"),
    [
        (Outcome.YES, Side.BUY, 43, [(40, 9), (38, 9)], [(43, 4), (45, 9)]),
        (Outcome.NO, Side.SELL, 57, [(40, 9), (38, 9)], [(43, 4), (45, 9)]),
        (Outcome.YES, Side.SELL, 38, [(38, 8)], [(42, 5), (43, 9), (45, 9)]),
        (Outcome.NO, Side.BUY, 62, [(38, 8)], [(42, 5), (43, 9), (45, 9)]),
    ],
)
def test_an_order_takes_its_side_from_the_best_level_to_its_limit(
    outcome: Outcome,
    side: Side,
    price: int,
    bids: list[tuple[int, int]],
    asks: list[tuple[int, int]],
) -> None:
    ladder, watch = ladder_of([(40, 9), (38, 9)], [(42, 5), (43, 9), (45, 9)])
    taken.take(ladder, order(outcome, side, price), 10 * MICRO)
    assert free(ladder) == Depth(bids=levels(bids), asks=levels(asks))
    assert watch.is_taken_from


def test_no_level_beyond_the_limit_is_taken() -> None:
    ladder, _ = ladder_of(asks=[(42, 5), (43, 9)])
    taken.take(ladder, order(Outcome.YES, Side.BUY, 42), 10 * MICRO)
    assert free(ladder).asks == levels([(43, 9)])


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_is_sold_off_takes_any_price(outcome: Outcome) -> None:
    ladder, _ = ladder_of([(40, 9), (1, 9)], [(42, 9), (99, 9)])
    taken.sell_off(ladder, outcome, 10 * MICRO)
    left = free(ladder)
    sold, other = (left.bids, left.asks) if outcome is Outcome.YES else (left.asks, left.bids)
    assert sold == levels([(1 if outcome is Outcome.YES else 99, 8)])
    assert len(other) == 2


def test_what_is_taken_twice_adds_up() -> None:
    ladder, _ = ladder_of(asks=[(42, 9)])
    for _ in range(2):
        taken.take(ladder, order(Outcome.YES, Side.BUY, 42), 4 * MICRO)
    assert free(ladder).asks == levels([(42, 1)])


def test_nothing_taken_leaves_a_book_as_it_is() -> None:
    ladder, watch = ladder_of(asks=[(42, 9)])
    taken.take(ladder, order(Outcome.YES, Side.BUY, 41), 4 * MICRO)
    taken.sell_off(ladder, Outcome.YES, 0)
    assert free(ladder) == books.depth_of(ladder)
    assert not ladder.taken and not watch.is_taken_from


def test_shares_that_leave_were_ours_and_shares_that_come_are_new() -> None:
    ladder, watch = ladder_of(asks=[(42, 9)])
    taken.take(ladder, order(Outcome.YES, Side.BUY, 42), 6 * MICRO)
    for shown, rest in ((8, 2), (5, 0), (20, 15), (0, 0), (9, 9)):
        books.apply_level(ladder, False, 42 * CENT, shown * MICRO)
        taken.follow(watch)
        assert sum(size for _, size in free(ladder).asks) == rest * MICRO
    assert not watch.is_taken_from


@pytest.mark.parametrize("status", sorted(set(BookStatus) - {BookStatus.LIVE}))
def test_a_book_that_is_not_live_makes_nothing_forgotten(status: BookStatus) -> None:
    ladder, watch = ladder_of(asks=[(42, 9)])
    taken.take(ladder, order(Outcome.YES, Side.BUY, 42), 6 * MICRO)
    ladder.status = status
    ladder.asks.clear()
    taken.follow(watch)
    assert watch.is_taken_from
    ladder.status, ladder.asks = BookStatus.LIVE, dict(levels([(42, 9)]))
    assert free(ladder).asks == levels([(42, 3)])


class Twins:
    """One book that the engine and the shadow gateway both look at."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.ladder, self.watch = ladder_of()
        self.shown = FakeBooks()
        self.shown.replace(A)
        self.counterparty = Counterparty(self.shown, group_of("A"))

    def change(self) -> None:
        """Change a level for both; bids below, asks above half a dollar."""
        is_bid = self.chance.random() < 0.5
        price = self.chance.choice((48, 49, 50) if is_bid else (51, 52, 53)) * CENT
        size = self.chance.choice((0, 0, 5, 9, 20)) * MICRO
        event: LevelChanged = self.shown.change(A, is_bid=is_bid, price=price, size=size)
        books.apply_level(self.ladder, is_bid, price, size)
        self.counterparty.consumption.observe(event)

    def order(self) -> None:
        """Match an order, or sell what one had, and tell the engine how much it got."""
        outcome, side = self.chance.choice(KINDS)
        wanted = order(outcome, side, self.chance.randint(46, 54), 7 * MICRO)
        if self.chance.random() < 0.7:
            fill = self.counterparty.take(Taker.ORDERS, taking_of(wanted))
            taken.take(self.ladder, wanted, fill.shares)
        else:
            fill = self.counterparty.take(Taker.ORDERS, sale_of(wanted, 7 * MICRO))
            taken.sell_off(self.ladder, outcome, fill.shares)

    def compare(self, *, is_equal: bool) -> None:
        """What the engine thinks free, the gateway would give."""
        ours = free(self.ladder)
        for is_bid, side in ((True, self.ladder.bids), (False, self.ladder.asks)):
            mine = dict(ours.bids if is_bid else ours.asks)
            for price, size in side.items():
                key = (is_bid, price, Taker.ORDERS)
                theirs = self.counterparty.consumption.free(A, key, size)
                assert 0 <= mine.get(price, 0) <= theirs <= size
                assert mine.get(price, 0) == theirs or not is_equal


@pytest.mark.parametrize("looks", [1.0, 0.3, 0.0])
def test_the_engine_remembers_what_the_shadow_remembers_or_more(looks: float) -> None:
    for seed in range(40):
        chance = Random(seed)
        twins = Twins(chance)
        for _ in range(60):
            if chance.random() < 0.7:
                twins.change()
            else:
                twins.order()
            if chance.random() < looks:
                taken.follow(twins.watch)
                twins.compare(is_equal=looks == 1.0)
        twins.compare(is_equal=looks == 1.0)
