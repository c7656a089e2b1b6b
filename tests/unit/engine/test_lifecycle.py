"""What a market's end, a lost stream and a latched halt do to books, sets and trading."""

from typing import TypeVar

import msgspec
import pytest
from polyarb.domain.book import BookFault, BookStatus
from polyarb.domain.ids import ConditionId, PlanId, RelationId, TokenId
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    BooksOpened,
    CancelAll,
    FeedLost,
    LevelsChanged,
    MarketResolved,
    OperatorResumed,
    OpportunityFound,
    OpportunityLost,
    Output,
    PlaceOrders,
    PlanDenied,
    RedeemSet,
    RequestSnapshot,
    SetChanged,
    SettleSet,
)
from polyarb.domain.order import HeldOrder, HeldSet, SetStatus, TradingState
from polyarb.domain.plan import Family, Outcome
from polyarb.domain.reasons import Denial
from polyarb.domain.units import MICRO
from polyarb.engine import flights
from polyarb.engine.engine import Engine
from polyarb.engine.state import EngineState, Ladder
from tests.set_lives import confirmed, flight_of, matched, settled
from tests.worlds import (
    CENT,
    RELATION,
    ROOMY,
    START_NS,
    ask,
    at,
    bid,
    book,
    feed,
    group_of,
    market,
    pass_time,
    running,
    started,
)

A, B, C = ConditionId("A"), ConditionId("B"), ConditionId("C")
T = TypeVar("T")


def of_type(outputs: list[Output], kind: type[T]) -> list[T]:
    return [output for output in outputs if isinstance(output, kind)]


def ladder(engine: Engine, name: str = "A") -> Ladder:
    return engine.state.ladders[ConditionId(name)]


def resolved(name: str, winner: str, when: float) -> MarketResolved:
    return MarketResolved(
        receive_time_ns=at(when),
        venue_time_ns=at(when),
        condition_id=ConditionId(name),
        winner=TokenId(winner),
    )


def lost(when: float, *names: str) -> FeedLost:
    return FeedLost(
        receive_time_ns=at(when), reason="gone", condition_ids=tuple(map(ConditionId, names))
    )


# Late changes and sister snapshots


def test_a_change_that_is_older_than_the_snapshot_is_counted_and_not_applied() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 10, bids=[(40, 5)], asks=[(45, 5)]))
    late = LevelsChanged(
        receive_time_ns=at(11),
        venue_time_ns=at(9),
        condition_id=A,
        changes=((True, 44 * CENT, MICRO),),
        best_bid=44 * CENT,
        best_ask=45 * CENT,
    )
    assert not feed(engine, bid("A", 11, 46, 5, venue=9), late)
    assert ladder(engine).bids == {40 * CENT: 5 * MICRO}
    assert ladder(engine).venue_time_ns == at(10)
    assert engine.state.census.quality == {"LATE_LEVEL": 2}
    pass_time(engine, 30)
    assert ladder(engine).status is BookStatus.LIVE


def test_a_change_of_the_snapshots_own_time_is_applied() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 10, bids=[(40, 5)]), bid("A", 11, 41, 5, venue=10))
    assert ladder(engine).best_bid == 41 * CENT
    assert not engine.state.census.quality


def test_a_change_that_is_late_behind_another_change_is_applied() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]), bid("A", 10, 41, 5), bid("A", 11, 42, 5, venue=9))
    assert ladder(engine).best_bid == 42 * CENT
    assert not engine.state.census.quality


def test_a_book_that_was_lost_knows_no_late_change() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 10, bids=[(40, 5)]), lost(20))
    feed(engine, book("A", 30, bids=[(40, 5)], venue=5), bid("A", 31, 41, 5, venue=8))
    assert ladder(engine).best_bid == 41 * CENT
    feed(engine, bid("A", 32, 42, 5, venue=4))
    assert ladder(engine).best_bid == 41 * CENT
    assert engine.state.census.quality["LATE_LEVEL"] == 1


@pytest.mark.parametrize("is_batch", [False, True])
def test_sister_snapshots_may_differ_once_a_level_changed_between_them(is_batch: bool) -> None:
    engine = running(group_of("A", "B"))
    change = ask("A", 1, 46, 5, venue=0)
    batch = LevelsChanged(
        receive_time_ns=at(1),
        venue_time_ns=at(0),
        condition_id=A,
        changes=((False, 46 * CENT, 5 * MICRO),),
        best_bid=-1,
        best_ask=-1,
    )
    outputs = feed(
        engine,
        book("A", 0, bids=[(40, 5)], asks=[(45, 5)]),
        batch if is_batch else change,
        book("A", 2, venue=0, bids=[(40, 9)], asks=[(45, 5)], outcome=Outcome.NO),
    )
    assert not of_type(outputs, BookInvalidated)
    assert ladder(engine).bids == {40 * CENT: 9 * MICRO}
    outputs = feed(engine, book("A", 3, venue=0, bids=[(40, 5)], asks=[(45, 5)]))
    assert [told.fault for told in of_type(outputs, BookInvalidated)] == [BookFault.MIRROR_BROKEN]


def test_a_snapshot_of_the_time_of_a_later_change_is_no_sister_of_the_one_before() -> None:
    engine = running(group_of("A", "B"))
    outputs = feed(
        engine,
        book("A", 0, bids=[(40, 5)], asks=[(45, 5)]),
        bid("A", 5, 41, 5),
        book("A", 6, venue=5, bids=[(42, 9)], asks=[(45, 5)], outcome=Outcome.NO),
    )
    assert not of_type(outputs, BookInvalidated)
    assert ladder(engine).best_bid == 42 * CENT


# Lost streams


def pair(engine: Engine, when: float = 0) -> list[Output]:
    """Make bids of .60 and .55 settle in a group that has A and B."""
    events = (book("A", when, bids=[(60, 50)]), book("B", when, bids=[(55, 50)]))
    return feed(engine, *events) + pass_time(engine, when + 10)


def test_only_the_books_that_are_named_are_lost() -> None:
    engine = running(group_of("A", "B", "C"))
    pair(engine)
    outputs = feed(engine, lost(20, "B", "C", "X"))
    assert [told.condition_id for told in of_type(outputs, BookInvalidated)] == [B]
    assert of_type(outputs, RequestSnapshot) == []
    assert ladder(engine, "A").status is BookStatus.LIVE
    assert ladder(engine, "B").status is BookStatus.EMPTY
    assert engine.state.watches[0].sum_bids == 60 * CENT
    (gone,) = of_type(outputs, OpportunityLost)
    assert gone.is_censored and gone.duration_ns == at(20) - at(10)
    assert of_type(feed(engine, book("B", 30, bids=[(55, 50)])), BookRestored)


def test_an_episode_ends_censored_though_what_is_left_would_still_hold() -> None:
    engine = running(group_of("A", "B", "C"), msgspec.structs.replace(ROOMY, families=()))
    pair(engine)
    feed(engine, book("C", 20, bids=[(30, 50)]))
    pass_time(engine, 40)
    outputs = feed(engine, lost(50, "C"))
    assert [told.is_censored for told in of_type(outputs, OpportunityLost)] == [True]
    outputs = feed(engine, bid("A", 60, 61, 50)) + pass_time(engine, 80)
    assert of_type(outputs, OpportunityFound)


def test_the_loss_of_a_book_that_nobody_has_seen_ends_nothing() -> None:
    engine = running(group_of("A", "B", "C"))
    pair(engine)
    outputs = feed(engine, lost(20, "C"))
    assert not outputs
    assert engine.state.watches[0].episodes


@pytest.mark.parametrize(
    ("names", "is_recalled"), [(("A",), True), (("B", "C"), True), (("C",), False), ((), True)]
)
def test_orders_are_called_back_where_one_is_open_in_a_lost_market(
    names: tuple[str, ...], is_recalled: bool
) -> None:
    engine = running(group_of("A", "B", "C"))
    assert of_type(pair(engine), PlaceOrders)
    outputs = feed(engine, lost(20, *names))
    assert [type(output) is CancelAll for output in outputs[:1]] == [is_recalled] * len(outputs[:1])
    assert len(of_type(outputs, CancelAll)) == is_recalled
    assert all("gone" in told.reason for told in of_type(outputs, CancelAll))


def test_what_is_matched_is_not_called_back() -> None:
    flight = flight_of()
    state = EngineState({}, [], trading=TradingState.ACTIVE, sets={flight.plan_id: flight})
    flights.advance(state, ROOMY, matched(flight, 0))
    assert not flights.recall(state, (A,), "gone", START_NS)
    assert flights.recall(state, (B,), "gone", START_NS)
    flights.advance(state, ROOMY, matched(flight, 1))
    assert flight.status is SetStatus.COMPLETE
    assert not flights.recall(state, (A, B), "gone", START_NS)


# Held sets


def held_engine() -> tuple[Engine, PlanId]:
    """Bring a set of 50 YES at .40 and .50 to where it waits for its markets."""
    engine = running(group_of("A", "B"))
    outputs = feed(engine, book("A", 0, asks=[(40, 50)]), book("B", 0, asks=[(50, 50)]))
    outputs += pass_time(engine, 10)
    (placed,) = of_type(outputs, PlaceOrders)
    flight = engine.state.sets[placed.plan_id]
    for leg in range(2):
        outputs += engine.handle(matched(flight, leg, 50 * MICRO))
    for leg in range(2):
        outputs += engine.handle(confirmed(flight, leg))
    assert flight.status is SetStatus.HELD and of_type(outputs, SettleSet)
    return engine, placed.plan_id


def test_a_held_set_is_redeemed_once_when_its_last_market_is_resolved() -> None:
    engine, plan_id = held_engine()
    assert not of_type(feed(engine, resolved("A", "A:NO", 100)), RedeemSet)
    (command,) = of_type(feed(engine, resolved("B", "B:YES", 200)), RedeemSet)
    assert (command.plan_id, command.quantity) == (plan_id, 50 * MICRO)
    assert not of_type(feed(engine, resolved("B", "B:YES", 300)), RedeemSet)
    flight = engine.state.sets[plan_id]
    outputs = feed(engine, settled(flight, SetStatus.SETTLED, 50 * MICRO, when=400))
    (step,) = of_type(outputs, SetChanged)
    assert (step.previous, step.current) == (SetStatus.HELD, SetStatus.SETTLED)
    assert not engine.state.sets and not engine.state.exposure.by_plan
    assert engine.state.exposure.open_notional == 0
    assert engine.state.exposure.day_pnl == 5 * MICRO - 20_000


def test_a_set_of_which_no_share_won_is_redeemed_for_nothing() -> None:
    engine, _ = held_engine()
    outputs = feed(engine, resolved("A", "A:NO", 100), resolved("B", "B:NO", 200))
    assert [command.quantity for command in of_type(outputs, RedeemSet)] == [0]


def test_a_winner_that_is_no_token_of_the_market_decides_nothing() -> None:
    engine, _ = held_engine()
    outputs = feed(engine, resolved("A", "A:NO", 100), resolved("B", "A:YES", 200))
    assert not of_type(outputs, RedeemSet)
    assert engine.state.census.quality["UNKNOWN_WINNER"] == 1
    assert of_type(feed(engine, resolved("B", "B:YES", 300)), RedeemSet)


def test_the_first_winner_that_was_told_stands() -> None:
    engine, _ = held_engine()
    feed(engine, resolved("A", "A:YES", 100), resolved("A", "A:NO", 150))
    (command,) = of_type(feed(engine, resolved("B", "B:NO", 200)), RedeemSet)
    assert command.quantity == 50 * MICRO


def test_a_set_whose_markets_were_resolved_before_its_last_word_is_redeemed_at_once() -> None:
    flight = flight_of(Family.NEGRISK_YES)
    state = EngineState({}, [], trading=TradingState.ACTIVE, sets={flight.plan_id: flight})
    state.exposure.by_plan[flight.plan_id] = 0
    state.winners = {A: TokenId("A:NO"), B: TokenId("B:YES")}
    for leg in range(2):
        flights.advance(state, ROOMY, matched(flight, leg))
    assert not flights.redeem(state, START_NS)
    flights.advance(state, ROOMY, confirmed(flight, 0))
    outputs = flights.advance(state, ROOMY, confirmed(flight, 1))
    assert [type(output) for output in outputs] == [SetChanged, SettleSet, RedeemSet]
    assert of_type(outputs, RedeemSet)[0].quantity == 10 * MICRO


# Sets of an earlier run


def left_held(names: tuple[str, ...] = ("A", "B"), reserved: int = 45 * MICRO) -> HeldSet:
    """Describe a set of 50 YES a market that an earlier run left, at .40 each."""
    flight = flight_of(Family.NEGRISK_YES)
    intents = [progress.intent for progress in flight.orders.values()]
    return HeldSet(
        plan_id=PlanId("old"),
        family=Family.NEGRISK_YES,
        relation_ids=(RELATION, RelationId("OTHER")),
        quantity=50 * MICRO,
        reserved=reserved,
        held_ns=START_NS - 1,
        orders=tuple(
            HeldOrder(
                intent=msgspec.structs.replace(
                    intent,
                    condition_id=ConditionId(name),
                    token_id=market(name).yes,
                    outcome=Outcome.YES,
                ),
                shares=50 * MICRO,
                notional=20 * MICRO,
                fee=1_000,
            )
            for name, intent in zip(names, intents, strict=True)
        ),
    )


def opened_with(*held: HeldSet) -> tuple[Engine, list[Output]]:
    engine = Engine(group_of("A", "B", "C"), ROOMY, "digest")
    engine.handle(started())
    opened = BooksOpened(receive_time_ns=at(0), open_sets=len(held), held=held)
    return engine, list(engine.handle(opened))


def test_a_set_that_an_earlier_run_left_counts_against_every_limit() -> None:
    engine, _ = opened_with(left_held(reserved=290 * MICRO))
    exposure = engine.state.exposure
    assert exposure.open_notional == exposure.by_plan[PlanId("old")] == 290 * MICRO
    assert exposure.by_relation == {RELATION: 290 * MICRO, "OTHER": 290 * MICRO}
    assert exposure.by_market == {A: 1, B: 1}
    outputs = pair(engine)
    assert [told.reason for told in of_type(outputs, PlanDenied)] == [Denial.OPEN_NOTIONAL]


def test_a_set_that_an_earlier_run_left_is_redeemed_and_leaves_its_limits_free() -> None:
    engine, _ = opened_with(left_held())
    outputs = feed(engine, resolved("A", "A:YES", 100), resolved("B", "B:NO", 200))
    (command,) = of_type(outputs, RedeemSet)
    assert command.quantity == 50 * MICRO
    flight = engine.state.sets[PlanId("old")]
    feed(engine, settled(flight, SetStatus.SETTLED, 50 * MICRO, gas=0, when=300))
    exposure = engine.state.exposure
    assert not engine.state.sets and not exposure.shared and not +exposure.by_relation
    assert exposure.day_pnl == 10 * MICRO - 2_000


def test_a_set_of_markets_that_left_the_catalogue_counts_and_waits() -> None:
    engine, _ = opened_with(left_held(("X", "Y")))
    assert set(engine.state.exposure.by_market) == {"X", "Y"}
    assert not feed(engine, resolved("X", "X:YES", 100))
    progresses = list(engine.state.sets[PlanId("old")].orders.values())
    assert [progress.ladder.market.yes for progress in progresses] == ["X:YES", "Y:YES"]


def test_what_resolved_while_trading_was_halted_is_redeemed_when_books_open() -> None:
    engine = Engine(group_of("A", "B", "C"), ROOMY, "digest")
    assert not engine.handle(msgspec.structs.replace(started(), is_halted=True))
    assert engine.state.trading is TradingState.HALTED
    feed(engine, resolved("A", "A:YES", 100), resolved("B", "B:NO", 200))
    engine.handle(OperatorResumed(receive_time_ns=at(300), actor="alice", reason="back"))
    assert engine.state.trading is TradingState.RECONCILING
    opened = BooksOpened(receive_time_ns=at(300), open_sets=1, held=(left_held(),))
    assert of_type(list(engine.handle(opened)), RedeemSet)
    assert engine.state.trading is TradingState.ACTIVE
