"""Another catalogue in the midst of a run: an engine that heard of it is one that began with it."""

import msgspec
import pytest
from polyarb.domain.book import BookStatus
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, RelationId
from polyarb.domain.instruments import change_of
from polyarb.domain.market import Catalogue, Relation
from polyarb.domain.messages import (
    CancelAll,
    Event,
    FeedLost,
    OpportunityFound,
    OpportunityLost,
    Output,
    PlaceOrders,
)
from polyarb.domain.plan import Family
from polyarb.domain.surroundings import InstrumentsChanged
from polyarb.domain.units import Price
from polyarb.engine.engine import Engine
from tests.worlds import (
    GROUP,
    at,
    bid,
    book,
    feed,
    group_of,
    market,
    pass_time,
    relation_of,
)
from tests.worlds import running as engine_of

A, B, C = (ConditionId(name) for name in "ABC")
EMPTY = Catalogue()
FIRING = (book("A", 0, bids=[(60, 50)]), book("B", 1, bids=[(55, 50)]))


def until(engine: Engine, when: float, *events: Event) -> list[Output]:
    """Give an engine events and let time pass to so many milliseconds."""
    return [*feed(engine, *events), *pass_time(engine, when)]


def to(running: Catalogue, wanted: Catalogue, when: float = 1) -> InstrumentsChanged:
    return InstrumentsChanged(receive_time_ns=at(when), change=change_of(running, wanted))


def written(outputs: list[Output]) -> list[bytes]:
    return [msgspec.json.encode(output) for output in outputs]


WORLDS = {
    "nothing before": (EMPTY, group_of("A", "B", "C")),
    "one more leg": (group_of("A", "B"), group_of("A", "B", "C")),
    "one leg less": (group_of("A", "B", "C"), group_of("A", "B")),
    "no group any more": (group_of("A", "B"), relation_of(Family.IMPLICATION, "A", "B")),
    "another fee": (group_of("A", "B"), group_of("A", "B", fee=FeeSchedule(rate=500))),
    "not accepting": (group_of("A", "B"), group_of("A", "B", is_accepting_orders=False)),
    "not certain": (group_of("A", "B"), group_of("A", "B", incomplete="2 of 3")),
    "another tick": (group_of("A", "B"), group_of("A", "B", tick=Price(1_000))),
    "a pair": (
        Catalogue(markets={A: market("A"), B: market("B")}),
        relation_of(Family.IMPLICATION, "A", "B"),
    ),
}


@pytest.mark.parametrize(("running", "wanted"), WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("is_known", [True, False], ids=["books before", "books after"])
def test_an_engine_that_heard_of_a_catalogue_decides_as_one_that_began_with_it(
    running: Catalogue, wanted: Catalogue, is_known: bool
) -> None:
    quiet = [
        book(name, number / 10, bids=[(20, 50)], asks=[(60, 50)])
        for number, name in enumerate("AB")
    ]
    early = quiet if is_known else []
    late = [
        book(name, 40 + number, bids=[(62, 50)], asks=[(64, 50)])
        for number, name in enumerate("ABC")
    ]
    moved = [bid("B", 60, 58, 40), bid("A", 95, 63, 10), bid("B", 700, 1, 5)]
    changed, fresh = engine_of(running), engine_of(wanted)
    until(changed, 20, *early)
    feed(changed, to(running, wanted, 30))
    until(fresh, 20, *early)
    rest: list[Event] = [*late, *moved]
    told = until(changed, 2_000, *rest)
    assert written(told) == written(until(fresh, 2_000, *rest))
    is_group = bool(wanted.groups)
    assert any(isinstance(one, OpportunityFound) for one in told) is is_group


def test_what_a_relation_that_is_told_anew_had_open_ends_censored() -> None:
    running = group_of("A", "B")
    engine = engine_of(running)
    found = feed(engine, book("A", 0, bids=[(60, 50)]), book("B", 1, bids=[(55, 50)])) + pass_time(
        engine, 12
    )
    assert any(isinstance(one, PlaceOrders) for one in found)
    (lost,) = feed(engine, to(running, group_of("A", "B", "C"), 20))
    assert isinstance(lost, OpportunityLost) and lost.is_censored and lost.relation_id == GROUP
    assert len(engine.state.sets) == 1
    again = until(engine, 45, bid("A", 30, 61, 50))
    assert [one.relation_id for one in again if isinstance(one, OpportunityFound)] == [GROUP]


def test_a_market_that_left_is_called_back_and_has_no_book_and_no_loss() -> None:
    running = group_of("A", "B")
    engine = engine_of(running)
    feed(engine, book("A", 0, bids=[(60, 50)]), book("B", 1, bids=[(55, 50)])) + pass_time(
        engine, 12
    )
    wanted = Catalogue(markets={B: market("B")})
    canceled, lost = feed(engine, to(running, wanted, 20))
    assert isinstance(canceled, CancelAll) and canceled.reason == "no longer watched"
    assert isinstance(lost, OpportunityLost) and lost.is_censored
    assert engine.state.ladders[A].status is BookStatus.EMPTY
    assert engine.state.ladders[B].status is BookStatus.LIVE
    gone = FeedLost(receive_time_ns=at(21), reason="no longer asked for", condition_ids=(A,))
    assert [type(one) for one in feed(engine, gone)] == [CancelAll]
    assert engine.market(A) is not None


def test_a_market_that_comes_back_is_decided_on_again() -> None:
    both = group_of("A", "B")
    engine = engine_of(both)
    feed(engine, to(both, EMPTY, 10), to(EMPTY, both, 20))
    found = feed(
        engine, book("A", 30, bids=[(60, 50)]), book("B", 31, bids=[(55, 50)])
    ) + pass_time(engine, 45)
    assert any(isinstance(one, PlaceOrders) for one in found)
    assert len(engine.state.watches) == 1
    assert [len(engine.state.ladders[name].watches) for name in (A, B)] == [1, 1]


def test_a_tick_begins_an_epoch_only_where_the_stream_has_not_told_it_yet() -> None:
    running, wanted = group_of("A", "B"), group_of("A", "B", tick=Price(1_000))
    engine = engine_of(running)
    feed(engine, to(running, wanted))
    assert (engine.state.ladders[A].tick, engine.state.ladders[A].epoch) == (1_000, 1)
    feed(engine, to(running, wanted, 2))
    assert engine.state.ladders[A].epoch == 1


def test_facts_of_now_are_told_to_who_simulates() -> None:
    running, wanted = group_of("A", "B"), group_of("A", "B", fee=FeeSchedule(rate=500))
    engine = engine_of(running)
    feed(engine, to(running, wanted))
    assert engine.market(A) == wanted.markets[A]
    assert engine.market(C) is None


def test_a_relation_that_is_told_anew_replaces_the_one_of_its_name() -> None:
    running = relation_of(Family.IMPLICATION, "A", "B")
    other = Relation(
        relation_id=RelationId("RELATION"), family=Family.IMPLICATION, condition_ids=(B, A)
    )
    wanted = Catalogue(markets=running.markets, relations={other.relation_id: other})
    engine = engine_of(running)
    feed(engine, to(running, wanted))
    (watch,) = engine.state.watches
    assert [ladder.condition_id for ladder in watch.ladders] == [B, A]


def test_what_our_orders_took_is_known_to_a_new_relation() -> None:
    running, wanted = Catalogue(markets={A: market("A"), B: market("B")}), group_of("A", "B")
    engine = engine_of(running)
    engine.state.ladders[A].taken[True, 600_000] = 5
    feed(engine, to(running, wanted))
    assert engine.state.watches[0].is_taken_from
