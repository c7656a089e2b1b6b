"""Episodes: how long an inequality held, and when that is not known."""

from typing import TypeVar

import msgspec
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue, Relation
from polyarb.domain.messages import (
    FeedLost,
    MarketResolved,
    OpportunityFound,
    OpportunityLost,
    Output,
    PlanSized,
)
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.engine.engine import Engine
from tests.worlds import (
    CENT,
    MS,
    ROOMY,
    ask,
    at,
    bid,
    book,
    feed,
    group_of,
    pass_time,
    relation_of,
    running,
)

T = TypeVar("T")
QUIET = msgspec.structs.replace(ROOMY, families=())


def of_type(outputs: list[Output], kind: type[T]) -> list[T]:
    return [output for output in outputs if isinstance(output, kind)]


def only_lost(outputs: list[Output]) -> OpportunityLost:
    (lost,) = of_type(outputs, OpportunityLost)
    return lost


def open_no(catalogue: Catalogue | None = None) -> Engine:
    """Open an episode of the NO side at 10 ms."""
    engine = running(catalogue or group_of("A", "B"), QUIET)
    feed(engine, book("A", 0, bids=[(60, 50)]), book("B", 0, bids=[(55, 50)]))
    assert of_type(pass_time(engine, 10), OpportunityFound)
    return engine


def open_yes() -> Engine:
    """Open an episode of the YES side of three at 10 ms."""
    engine = running(group_of("A", "B", "C"), QUIET)
    feed(engine, *(book(name, 0, bids=[(10, 5)], asks=[(30, 50)]) for name in "ABC"))
    assert of_type(pass_time(engine, 10), OpportunityFound)
    return engine


def open_ladder() -> Engine:
    """Open an episode of three rungs at 10 ms: A's ask is below B's bid, C does not matter."""
    engine = running(relation_of(Family.LADDER, "A", "B", "C"), QUIET)
    feed(
        engine,
        book("A", 0, bids=[(30, 5)], asks=[(40, 50)]),
        book("B", 0, bids=[(45, 50)], asks=[(50, 5)]),
        book("C", 0, bids=[(10, 5)], asks=[(50, 5)]),
    )
    assert of_type(pass_time(engine, 10), OpportunityFound)
    return engine


def test_an_episode_ends_when_its_inequality_has_been_false_for_the_gap() -> None:
    engine = open_no()
    outputs = feed(engine, bid("A", 300, 60, 0)) + pass_time(engine, 809)
    assert not of_type(outputs, OpportunityLost)
    lost = only_lost(pass_time(engine, 810))
    assert lost.opened_ns == at(10)
    assert lost.duration_ns == 300 * MS
    assert not lost.is_censored


def test_an_inequality_that_comes_back_within_the_gap_is_one_episode() -> None:
    engine = open_no()
    outputs = feed(engine, bid("A", 300, 60, 0), bid("A", 600, 60, 50))
    outputs += pass_time(engine, 5_000)
    assert not of_type(outputs, OpportunityLost) + of_type(outputs, OpportunityFound)
    outputs = feed(engine, bid("A", 6_000, 60, 0)) + pass_time(engine, 7_000)
    assert only_lost(outputs).duration_ns == 6_000 * MS


def test_one_that_comes_back_after_the_gap_is_another_episode() -> None:
    engine = open_no()
    outputs = feed(engine, bid("A", 300, 60, 0), bid("A", 900, 60, 50)) + pass_time(engine, 910)
    assert only_lost(outputs).opened_ns == at(10)
    (found,) = of_type(outputs, OpportunityFound)
    assert found.receive_time_ns == at(910)


def test_an_episode_remembers_its_best() -> None:
    engine = open_no()
    feed(engine, bid("A", 100, 62, 30), bid("A", 200, 62, 0))
    outputs = feed(engine, bid("A", 300, 60, 0)) + pass_time(engine, 900)
    lost = only_lost(outputs)
    assert lost.edge_gross_max == lost.edge_net_max == 17 * CENT * MICRO
    assert lost.quantity_max == 50 * MICRO
    assert lost.profit_max > 7 * 10**18
    assert lost.reason == "FAMILY_DISABLED" and not lost.is_planned


def test_a_planned_episode_was_turned_down_for_no_reason() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(60, 50)]), book("B", 0, bids=[(55, 50)]))
    assert of_type(pass_time(engine, 10), PlanSized)
    feed(engine, bid("A", 100, 60, 40))
    lost = only_lost(feed(engine, bid("A", 300, 60, 0)) + pass_time(engine, 900))
    assert lost.is_planned and lost.reason == ""


def test_a_lost_feed_censors_at_the_moment_of_the_loss() -> None:
    engine = open_no()
    lost = only_lost(feed(engine, FeedLost(receive_time_ns=at(400), reason="gone")))
    assert lost.is_censored and lost.duration_ns == 390 * MS


def test_an_episode_that_had_ceased_before_the_loss_is_not_censored() -> None:
    engine = open_no()
    feed(engine, bid("A", 300, 60, 0))
    lost = only_lost(feed(engine, FeedLost(receive_time_ns=at(400), reason="gone")))
    assert not lost.is_censored and lost.duration_ns == 300 * MS


def test_a_broken_book_censors_what_stood_on_it() -> None:
    engine = open_no()
    outputs = feed(engine, ask("A", 300, 59, 5)) + pass_time(engine, 310)
    lost = only_lost(outputs)
    assert lost.is_censored and lost.duration_ns == 300 * MS


def test_a_broken_book_of_a_yes_set_censors_it_although_the_listed_asks_are_still_few() -> None:
    engine = open_yes()
    outputs = feed(engine, bid("C", 300, 31, 5)) + pass_time(engine, 310)
    assert only_lost(outputs).is_censored
    assert not of_type(pass_time(engine, 2_000), OpportunityLost)


def test_a_broken_rung_censors_a_ladder_although_the_others_still_hold() -> None:
    engine = open_ladder()
    outputs = feed(engine, bid("C", 300, 51, 5)) + pass_time(engine, 310)
    assert only_lost(outputs).is_censored


def test_a_broken_book_that_the_no_side_does_not_need_leaves_the_episode() -> None:
    engine = open_no(group_of("A", "B", "C"))
    feed(engine, book("C", 100, asks=[(30, 5)]))
    outputs = feed(engine, bid("C", 300, 31, 5)) + pass_time(engine, 2_000)
    assert not of_type(outputs, OpportunityLost)


def test_a_broken_book_without_which_the_edge_is_nothing_censors_the_no_side() -> None:
    engine = running(group_of("A", "B", "C"), QUIET)
    feed(engine, book("A", 0, bids=[(60, 50)]), book("B", 0, bids=[(40, 50)]))
    feed(engine, book("C", 0, bids=[(10, 50)], asks=[(30, 5)]))
    assert of_type(pass_time(engine, 10), OpportunityFound)
    outputs = feed(engine, bid("C", 300, 31, 5)) + pass_time(engine, 310)
    assert only_lost(outputs).is_censored


def test_an_ask_that_is_withdrawn_ends_a_yes_episode_for_certain() -> None:
    engine = open_yes()
    outputs = feed(engine, ask("C", 300, 30, 0)) + pass_time(engine, 900)
    assert not only_lost(outputs).is_censored


def test_an_episode_that_nobody_can_see_any_more_is_censored() -> None:
    engine = open_no()
    outputs = feed(engine, bid("A", 3_300, 61, 50, venue=300)) + pass_time(engine, 4_000)
    lost = only_lost(outputs)
    assert lost.is_censored
    assert lost.duration_ns == 3_300 * MS


def test_doubt_that_is_dispelled_within_the_gap_leaves_no_trace() -> None:
    engine = open_no()
    feed(engine, bid("A", 3_300, 61, 50, venue=300), bid("A", 3_400, 61, 0))
    outputs = feed(engine, bid("A", 5_000, 60, 0)) + pass_time(engine, 6_000)
    lost = only_lost(outputs)
    assert not lost.is_censored and lost.duration_ns == 5_000 * MS


def test_an_unsettled_leg_does_not_end_an_open_episode() -> None:
    engine = open_no()
    outputs: list[Output] = []
    for step in range(20):
        when = 100 + 100 * step
        outputs += feed(engine, bid("A", when, 61, 50 * (step % 2)), bid("B", when + 5, 20, step))
    outputs += pass_time(engine, 3_000)
    assert not of_type(outputs, OpportunityLost)


def test_stale_content_censors_the_episodes_of_every_relation_of_the_book() -> None:
    pairs = {
        name: Relation(
            relation_id=name,  # type: ignore[arg-type]
            family=Family.IMPLICATION,
            condition_ids=(ConditionId("A"), ConditionId(name)),
        )
        for name in ("B", "C")
    }
    catalogue = relation_of(Family.LADDER, "A", "B", "C")
    catalogue = msgspec.structs.replace(catalogue, relations=pairs)
    guards = msgspec.structs.replace(ROOMY.guards, content_age_ms_max=1_000)
    engine = running(catalogue, msgspec.structs.replace(QUIET, guards=guards))
    feed(engine, book("A", 0, asks=[(40, 50)]), book("B", 0, bids=[(45, 50)]))
    assert of_type(pass_time(engine, 10), OpportunityFound)
    outputs = feed(engine, book("C", 2_000, bids=[(46, 50)])) + pass_time(engine, 2_010)
    lost = only_lost(outputs)
    assert lost.relation_id == "B" and lost.is_censored
    assert lost.duration_ns == 2_000 * MS
    assert not of_type(outputs, OpportunityFound)


def test_a_resolution_ends_an_episode() -> None:
    engine = open_no()
    resolved = MarketResolved(
        receive_time_ns=at(300),
        condition_id=ConditionId("A"),
        winner=TokenId("A:YES"),
        venue_time_ns=at(300),
    )
    lost = only_lost(feed(engine, resolved) + pass_time(engine, 900))
    assert not lost.is_censored and lost.duration_ns == 290 * MS


def test_two_episodes_of_one_moment_are_two_opportunities() -> None:
    engine = running(relation_of(Family.IMPLICATION, "A", "B"), QUIET)
    feed(engine, book("B", 0, bids=[(45, 50)]))
    pass_time(engine, 50)
    outputs = feed(
        engine,
        book("A", 100, bids=[(30, 5)], asks=[(40, 50)]),
        bid("A", 100, 41, 5, venue=101),
        bid("A", 100, 41, 0, venue=102),
        book("A", 100, bids=[(30, 5)], asks=[(40, 50)], venue=103),
        bid("A", 100, 31, 5, venue=104),
    )
    found = of_type(outputs, OpportunityFound)
    assert len(found) == 2
    assert len({one.opportunity_id for one in found}) == 2
    assert only_lost(outputs).duration_ns == 0


def test_memory_does_not_grow_with_episodes() -> None:
    engine, turns = open_no(), 201
    for turn in range(turns):
        feed(engine, bid("A", 1_000 * turn + 300, 60, 50 * (turn % 2)))
    pass_time(engine, 1_000 * turns + 1_000)
    assert len(engine.state.timers) == 1
    assert engine.settled_by_ns == 0
    assert not any(watch.episodes for watch in engine.state.watches)
