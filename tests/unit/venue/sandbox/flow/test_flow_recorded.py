"""A recorded tape as the background: its books are mirrored, and what we take stays taken."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from flow_cases import SEED, START_NS, played
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import Catalogue, Market, MarketGroup
from polyarb.domain.messages import (
    BookReplaced,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketEvent,
    MarketResolved,
    TickChanged,
)
from polyarb.domain.plan import Level, Outcome
from polyarb.domain.units import MICRO, ONE, Price, Shares
from polyarb.ports import FAR_FUTURE_NS, Frame
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.accounts import Wallet, wallet_of
from polyarb.venue.sandbox.flow.desk import Desk, Quote
from polyarb.venue.sandbox.flow.founding import Founded
from polyarb.venue.sandbox.flow.recorded import Background, found_recorded
from polyarb.wiring.tapes import catalogue_of, open_feed

TAPE_NS = 1_700_000_000 * 10**9
CONDITION = ConditionId("0x" + "ab" * 32)
MARKET = Market(
    condition_id=CONDITION,
    yes=TokenId("11"),
    no=TokenId("22"),
    question="Recorded?",
    tick=Price(10_000),
    size_min=Shares(5 * MICRO),
    fee=FeeSchedule(rate=500),
    hold_ms=0,
    is_accepting_orders=True,
)
CATALOGUE = Catalogue(markets={CONDITION: MARKET})


def shares(levels: Iterable[tuple[int, float]]) -> tuple[Level, ...]:
    """Write levels of cents and shares in micros."""
    return tuple((cents * 10_000, round(size * MICRO)) for cents, size in levels)


def snapshot(
    bids: Sequence[tuple[int, float]], asks: Sequence[tuple[int, float]], at_ms: int = 0
) -> Frame:
    event = BookReplaced(
        receive_time_ns=TAPE_NS + at_ms * MICRO,
        venue_time_ns=TAPE_NS,
        condition_id=CONDITION,
        outcome=Outcome.YES,
        bids=shares(bids),
        asks=shares(asks),
    )
    return framed(event, at_ms)


def framed(event: MarketEvent, at_ms: int) -> Frame:
    return Frame(receive_time_ns=TAPE_NS + at_ms * MICRO, events=(event,))


def level(is_bid: bool, cents: float, size: float, at_ms: int) -> Frame:
    event = LevelChanged(
        condition_id=CONDITION,
        is_bid=is_bid,
        price=round(cents * 10_000),
        size=round(size * MICRO),
        best_bid=-1,
        best_ask=-1,
        venue_time_ns=TAPE_NS,
        receive_time_ns=TAPE_NS + at_ms * MICRO,
    )
    return framed(event, at_ms)


class Recorded:
    """A sandbox over a few frames, and somebody from outside who trades in it."""

    def __init__(self, *frames: Frame, catalogue: Catalogue = CATALOGUE) -> None:
        self.founded: Founded = found_recorded(
            catalogue, frames, seed=SEED, starts_ns=START_NS, faults=FaultBoard(SEED)
        )
        assert isinstance(self.founded.flow, Background)
        self.background = self.founded.flow
        self.market = self.founded.listing.markets[0]
        self.desk = Desk(self.founded.world, 99)
        self.wallet: Wallet = wallet_of(99, "outsider")
        self.founded.world.chain.found(self.wallet.address, pusd=10**6 * MICRO, is_approved=True)
        self.founded.world.chain.endow(self.wallet.address, self.market.condition_id, 10**6 * MICRO)

    def pass_ms(self, milliseconds: float) -> None:
        played(self.founded, milliseconds / 1_000)

    def take(self, *, is_bid: bool, cents: int, size: int) -> None:
        quote = Quote(is_bid=is_bid, price=cents * 10_000, shares=size * MICRO, is_of_no=is_bid)
        self.desk.take(self.wallet, self.market, quote)

    def rest(self, *, is_bid: bool, cents: int, size: int) -> None:
        quote = Quote(is_bid=is_bid, price=cents * 10_000, shares=size * MICRO)
        assert self.desk.rest(self.wallet, self.market, quote)

    @property
    def bids(self) -> list[tuple[float, float]]:
        return self._side(0)

    @property
    def asks(self) -> list[tuple[float, float]]:
        return self._side(1)

    def _side(self, at: int) -> list[tuple[float, float]]:
        book = self.founded.world.exchange.book(self.market.yes)
        assert book is not None
        levels = (book.bids, book.asks)[at]
        return [(price / 10_000, size / MICRO) for price, size in reversed(levels)]


FIRST = snapshot([(48, 100), (47, 50)], [(52, 80), (53, 40)])


def test_the_book_of_a_tape_stands_and_follows() -> None:
    sandbox = Recorded(FIRST, level(True, 49, 30, 1_000), level(False, 52, 0, 2_000))
    assert sandbox.bids == []
    sandbox.pass_ms(1)
    assert sandbox.bids == [(48, 100), (47, 50)] and sandbox.asks == [(52, 80), (53, 40)]
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [(49, 30), (48, 100), (47, 50)]
    sandbox.pass_ms(1_000)
    assert sandbox.asks == [(53, 40)]
    assert sandbox.founded.flow.next_due_ns == FAR_FUTURE_NS


def test_a_level_that_shrinks_and_grows_has_the_total_of_the_tape() -> None:
    sandbox = Recorded(
        FIRST, level(True, 48, 60, 10), level(True, 48, 61.5, 20), level(True, 48, 55, 30)
    )
    for total in (100, 60, 61.5, 55):
        sandbox.pass_ms(10 if total < 100 else 1)
        assert sandbox.bids[0] == (48, total)


def test_what_we_take_stays_taken_until_the_tape_tells_another_total() -> None:
    sandbox = Recorded(
        FIRST,
        level(True, 47, 60, 1_000),
        snapshot([(48, 100), (47, 60)], [(52, 80), (53, 40)], 2_000),
        level(True, 48, 90, 3_000),
    )
    sandbox.pass_ms(1)
    sandbox.take(is_bid=False, cents=48, size=70)
    assert sandbox.bids[0] == (48, 30)
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [(48, 30), (47, 60)]
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [(48, 30), (47, 60)], "the snapshot told the same total"
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [(48, 90), (47, 60)]


def test_a_level_that_we_took_whole_comes_back_only_when_the_tape_changes_it() -> None:
    sandbox = Recorded(FIRST, level(False, 53, 10, 1_000), level(False, 52, 20, 2_000))
    sandbox.pass_ms(1)
    sandbox.take(is_bid=True, cents=52, size=80)
    assert sandbox.asks == [(53, 40)]
    sandbox.pass_ms(1_000)
    assert sandbox.asks == [(53, 10)]
    sandbox.pass_ms(1_000)
    assert sandbox.asks == [(52, 20), (53, 10)]


def test_our_own_orders_stand_beside_the_tape() -> None:
    sandbox = Recorded(FIRST, snapshot([(48, 100)], [(52, 80)], 1_000))
    sandbox.pass_ms(1)
    sandbox.rest(is_bid=True, cents=48, size=25)
    sandbox.rest(is_bid=True, cents=45, size=10)
    assert sandbox.bids == [(48, 125), (47, 50), (45, 10)]
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [(48, 125), (45, 10)] and sandbox.asks == [(52, 80)]


def test_the_tape_fills_our_order_when_it_quotes_through_it() -> None:
    sandbox = Recorded(FIRST, level(False, 49, 30, 1_000), level(False, 48, 40, 2_000))
    sandbox.pass_ms(1)
    sandbox.take(is_bid=False, cents=48, size=100)
    sandbox.rest(is_bid=True, cents=49, size=20)
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [(47, 50)]
    assert sandbox.asks == [(49, 10), (52, 80), (53, 40)]
    sandbox.pass_ms(1_000)
    assert sandbox.asks[0] == (48, 40)


def test_a_level_that_a_crossed_tape_left_behind_is_withdrawn() -> None:
    sandbox = Recorded(FIRST, level(True, 52, 60, 1_000))
    sandbox.pass_ms(1_001)
    assert sandbox.bids[0] == (52, 60) and sandbox.asks == [(53, 40)]
    assert not sandbox.founded.world.settlement.open_count


def test_levels_of_one_message_are_told_together_those_that_go_first() -> None:
    event = LevelsChanged(
        receive_time_ns=TAPE_NS + MICRO,
        condition_id=CONDITION,
        changes=((True, 530_000, 20 * MICRO), (False, 520_000, 0), (False, 530_000, 0)),
        best_bid=530_000,
        best_ask=ONE,
        venue_time_ns=TAPE_NS,
    )
    sandbox = Recorded(FIRST, framed(event, 1))
    sandbox.pass_ms(2)
    assert sandbox.bids[0] == (53, 20) and sandbox.asks == []


def test_a_part_below_the_least_order_joins_the_one_before_or_is_left_out() -> None:
    sandbox = Recorded(FIRST, level(True, 48, 102, 10), level(True, 46, 3, 20))
    sandbox.pass_ms(11)
    assert sandbox.bids[0] == (48, 102)
    sandbox.pass_ms(10)
    assert sandbox.bids == [(48, 102), (47, 50)]
    assert sandbox.background.counts.too_small == 1 and not sandbox.background.counts.refused


def test_a_price_finer_than_the_tick_proves_that_the_tick_changed() -> None:
    sandbox = Recorded(FIRST, level(True, 48.5, 30, 10))
    sandbox.pass_ms(11)
    assert sandbox.bids[0] == (48.5, 30)
    assert sandbox.desk.tick(sandbox.market) == 5_000


def test_ticks_and_verdicts_of_the_tape_happen() -> None:
    tick = TickChanged(
        receive_time_ns=TAPE_NS, venue_time_ns=TAPE_NS, condition_id=CONDITION, tick=1_000
    )
    end = MarketResolved(
        receive_time_ns=TAPE_NS, venue_time_ns=TAPE_NS, condition_id=CONDITION, winner=TokenId("22")
    )
    lost = FeedLost(receive_time_ns=TAPE_NS, reason="any")
    sandbox = Recorded(
        FIRST, framed(tick, 10), framed(lost, 15), framed(end, 20), level(True, 40, 9, 30)
    )
    sandbox.pass_ms(12)
    assert sandbox.desk.tick(sandbox.market) == 1_000
    sandbox.pass_ms(30)
    standing = sandbox.founded.world.exchange.standing(sandbox.market.condition_id)
    assert standing is not None and standing.payouts == (0, ONE)


def test_a_tape_of_groups_is_listed_with_them_and_what_is_unknown_by_default() -> None:
    other = Market(condition_id=ConditionId("0x" + "cd" * 32), yes=TokenId("33"), no=TokenId("44"))
    group = GroupId("0x" + "ee" * 32)
    markets = {
        MARKET.condition_id: Market(
            condition_id=CONDITION, yes=TokenId("11"), no=TokenId("22"), group_id=group
        ),
        other.condition_id: other,
    }
    groups = {group: MarketGroup(group_id=group, condition_ids=(CONDITION,), title="Group")}
    sandbox = Recorded(FIRST, catalogue=Catalogue(markets=markets, groups=groups))
    first, second = sandbox.founded.listing.markets
    assert first.group_id is not None and second.group_id is None
    assert (second.tick, second.size_min, second.fee.rate) == (10_000, 5 * MICRO, 0)
    sandbox.pass_ms(1)
    assert sandbox.bids[0] == (48, 100)


def test_what_the_tape_told_while_the_engine_restarted_is_caught_up_with() -> None:
    sandbox = Recorded(
        FIRST, level(True, 48, 0, 1_000), level(True, 47, 20, 2_000), level(False, 53, 9, 300_000)
    )
    sandbox.pass_ms(1)
    sandbox.founded.world.exchange.restart()
    sandbox.pass_ms(250_000)
    assert sandbox.bids == [(48, 100), (47, 50)]
    sandbox.pass_ms(51_000)
    assert sandbox.bids == [(47, 20)] and sandbox.asks == [(52, 80), (53, 9)]


def test_an_empty_tape_is_a_quiet_sandbox() -> None:
    sandbox = Recorded()
    sandbox.pass_ms(1_000)
    assert sandbox.bids == [] and sandbox.founded.flow.next_due_ns == FAR_FUTURE_NS


@pytest.mark.parametrize(("name", "seconds"), [("fed_negrisk", 86_400), ("hockey", 20)])
def test_the_books_of_a_shipped_tape_are_mirrored_exactly(
    samples: Path, name: str, seconds: int
) -> None:
    tape = samples / f"tape_{name}.jsonl.gz"
    catalogue = catalogue_of([tape], [], {})
    feed, _ = open_feed([tape], catalogue, speed=None)
    told: dict[ConditionId, dict[tuple[bool, int], int]] = {}

    def seen() -> Iterable[Frame]:
        for frame in feed.frames():
            for one in frame.events:
                if isinstance(one, BookReplaced):
                    totals = {(True, price): size for price, size in one.bids}
                    told[one.condition_id] = totals | {
                        (False, price): size for price, size in one.asks
                    }
                elif isinstance(one, LevelChanged):
                    told[one.condition_id][one.is_bid, one.price] = one.size
            yield frame

    sandbox = found_recorded(
        catalogue, list(seen())[:12_000], seed=SEED, starts_ns=START_NS, faults=FaultBoard(SEED)
    )
    assert isinstance(sandbox.flow, Background)
    played(sandbox, seconds)
    assert not sandbox.flow.counts.refused
    for market in sandbox.listing.markets:
        book = sandbox.world.exchange.book(market.yes)
        assert book is not None and book.bids and book.asks
        assert book.bids[-1][0] < book.asks[-1][0]
