"""The engine: what it makes of market data, time and control, one event at a time."""

from typing import TypeVar

import msgspec
import pytest
from polyarb.domain.book import BookFault, BookStatus
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    BooksOpened,
    CancelAll,
    CensusCounted,
    ClockTicked,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketResolved,
    OperatorHalted,
    OperatorResumed,
    OpportunityFound,
    OpportunityLost,
    Output,
    PlaceOrders,
    PlanApproved,
    PlanDenied,
    PlanSized,
    RequestSnapshot,
    RunStopped,
    RunStopping,
    TickChanged,
    Tier,
    TierMeasured,
    TradePrinted,
    TradingStateChanged,
)
from polyarb.domain.order import TradingState
from polyarb.domain.plan import Family, Outcome, Side, SizeReason
from polyarb.domain.reasons import Denial, Guard
from polyarb.domain.units import MICRO
from polyarb.engine.engine import CENSUS_NS, Engine
from polyarb.engine.state import NEVER_NS, Ladder
from tests.worlds import (
    CENT,
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
    started,
)

A, B = ConditionId("A"), ConditionId("B")
T = TypeVar("T")


def of_type(outputs: list[Output], kind: type[T]) -> list[T]:
    return [output for output in outputs if isinstance(output, kind)]


def ladder(engine: Engine, name: str = "A") -> Ladder:
    return engine.state.ladders[ConditionId(name)]


def rejected(engine: Engine) -> dict[str, int]:
    return dict(engine.state.census.rejected)


def pair(engine: Engine, when: float = 0) -> list[Output]:
    """Make bids of .60 and .55 settle in a group of two: five cents too many, twice."""
    outputs = feed(
        engine,
        book("A", when, bids=[(60, 50)], asks=[(62, 50)]),
        book("B", when, bids=[(55, 50)], asks=[(57, 50)]),
    )
    return outputs + pass_time(engine, when + 10)


# Books


def test_a_market_that_is_not_in_the_catalogue_is_passed_over() -> None:
    engine = running(group_of("A", "B"))
    level = LevelsChanged(
        receive_time_ns=at(1),
        condition_id=ConditionId("X"),
        changes=((True, 1, 1),),
        best_bid=-1,
        best_ask=-1,
        venue_time_ns=at(1),
    )
    resolved = MarketResolved(
        receive_time_ns=at(1),
        condition_id=ConditionId("X"),
        winner=TokenId("X"),
        venue_time_ns=at(1),
    )
    tick = TickChanged(
        receive_time_ns=at(1), condition_id=ConditionId("X"), tick=CENT, venue_time_ns=at(1)
    )
    for event in (book("X", 1), bid("X", 1, 40, 5), level, resolved, tick):
        assert not engine.handle(event)
    assert engine.depth(ConditionId("X")) is None


def test_a_book_is_judged_when_its_settle_time_has_passed() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]))
    assert engine.deadline_ns == at(10)
    assert engine.settled_by_ns == at(10)
    assert ladder(engine).unsettled and ladder(engine).settled_bid == 0
    pass_time(engine, 10)
    assert not ladder(engine).unsettled and ladder(engine).settled_bid == 40 * CENT
    assert engine.settled_by_ns == 0


def test_a_book_is_judged_when_its_next_message_has_another_venue_time() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]), bid("A", 1, 41, 5, venue=0))
    assert ladder(engine).settled_bid == 0
    feed(engine, bid("A", 2, 42, 5))
    assert ladder(engine).settled_bid == 41 * CENT


def test_every_timestamp_has_its_own_settle_time() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]), bid("A", 5, 41, 5))
    pass_time(engine, 14)
    assert ladder(engine).unsettled and ladder(engine).settled_bid == 40 * CENT
    assert engine.deadline_ns == engine.settled_by_ns == at(15)
    pass_time(engine, 15)
    assert ladder(engine).settled_bid == 41 * CENT


def test_several_levels_of_one_message_are_applied_as_one() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)], asks=[(45, 5)]))
    pass_time(engine, 50)
    moved = LevelsChanged(
        receive_time_ns=at(60),
        condition_id=A,
        changes=((True, 46 * CENT, MICRO), (False, 45 * CENT, 0), (False, 48 * CENT, MICRO)),
        best_bid=46 * CENT,
        best_ask=48 * CENT,
        venue_time_ns=at(60),
    )
    assert not feed(engine, moved)
    pass_time(engine, 70)
    assert (ladder(engine).settled_bid, ladder(engine).settled_ask) == (46 * CENT, 48 * CENT)
    assert ladder(engine).status is BookStatus.LIVE
    later = msgspec.structs.replace(moved, venue_time_ns=at(80), receive_time_ns=at(80))
    feed(engine, bid("A", 75, 47, 1), later)
    assert ladder(engine).settled_bid == 47 * CENT


@pytest.mark.parametrize(
    ("event", "is_judged"),
    [
        (bid("A", 20, 30, 5, top=(40, 45)), False),
        (ask("A", 20, 50, 5, top=(40, 45)), False),
        (bid("A", 20, 30, 5, top=(39, 45)), True),
        (bid("A", 20, 30, 5, top=(40, 44)), True),
        (bid("A", 20, 41, 5, top=(40, 45)), True),
        (ask("A", 20, 44, 5, top=(40, 45)), True),
        (bid("A", 20, 41, 5, top=(41, 45)), True),
        (ask("A", 20, 44, 5, top=(40, 44)), True),
        (bid("A", 20, 30, 5), True),
    ],
)
def test_only_a_moved_or_a_doubtful_top_needs_judgement(
    event: LevelChanged, is_judged: bool
) -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)], asks=[(45, 5)]))
    pass_time(engine, 10)
    assert not feed(engine, event)
    assert ladder(engine).unsettled is is_judged


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (bid("A", 20, 46, 5), BookFault.CROSSED_BOOK),
        (bid("A", 20, 45, 5), BookFault.CROSSED_BOOK),
        (bid("A", 20, 41, 5, top=(42, 45)), BookFault.TOP_MISMATCH),
    ],
)
def test_a_bad_book_is_invalid_until_a_snapshot_comes(
    event: msgspec.Struct, fault: BookFault
) -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)], asks=[(45, 5)]))
    pass_time(engine, 10)
    outputs = feed(engine, event) + pass_time(engine, 30)  # type: ignore[arg-type]
    (told,) = of_type(outputs, BookInvalidated)
    assert told.fault is fault and told.receive_time_ns == at(30)
    assert engine.state.census.quality == {fault: 1}
    assert of_type(outputs, RequestSnapshot)
    assert (ladder(engine).settled_bid, ladder(engine).settled_ask) == (0, MICRO)
    assert engine.depth(A) is None
    assert not feed(engine, ask("A", 40, 44, 5)) + pass_time(engine, 60)
    outputs = feed(engine, book("A", 70, bids=[(40, 5)]))
    assert of_type(outputs, BookRestored)
    assert not of_type(feed(engine, book("A", 75, bids=[(40, 5)])), BookRestored)


def test_crossed_states_are_raw_hits_of_the_binary_and_never_tradable() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)], asks=[(45, 5)]))
    pass_time(engine, 10)
    feed(engine, bid("A", 20, 46, 5))
    assert rejected(engine) == {Guard.UNSETTLED: 1}
    pass_time(engine, 30)
    assert rejected(engine) == {Guard.UNSETTLED: 1, Guard.CROSSED_BOOK: 1}
    feed(engine, bid("A", 40, 47, 5))
    assert rejected(engine) == {Guard.UNSETTLED: 1, Guard.CROSSED_BOOK: 2}
    assert dict(engine.state.census.raw_hits) == {Family.BINARY: 3}
    assert not engine.state.census.tradable


def test_a_locked_book_is_invalid_but_no_raw_hit() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(45, 5)], asks=[(45, 5)]))
    pass_time(engine, 10)
    assert ladder(engine).status is BookStatus.CROSSED
    assert not engine.state.census.raw_hits


def test_an_older_snapshot_is_counted_and_ignored() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 10, bids=[(40, 5)]), book("A", 11, bids=[(30, 5)], venue=9))
    pass_time(engine, 50)
    assert ladder(engine).settled_bid == 40 * CENT
    assert engine.state.census.quality == {"LATE_SNAPSHOT": 1}


def test_a_sister_snapshot_that_is_no_mirror_invalidates_the_book() -> None:
    engine = running(group_of("A", "B"))
    outputs = feed(
        engine,
        book("A", 0, bids=[(40, 5)], asks=[(45, 5)]),
        book("A", 0, bids=[(40, 5)], asks=[(46, 5)], outcome=Outcome.NO),
    )
    (told,) = of_type(outputs, BookInvalidated)
    assert told.fault is BookFault.MIRROR_BROKEN
    assert ladder(engine).status is BookStatus.GAPPED


def test_a_snapshot_in_the_midst_of_a_timestamp_settles_the_one_before() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]))
    feed(engine, book("A", 1, bids=[(41, 5)], venue=0))
    feed(engine, book("A", 2, bids=[(42, 5)]))
    assert ladder(engine).settled_bid == 41 * CENT
    assert ladder(engine).unsettled
    assert engine.state.census.settled == 1


def test_a_new_tick_is_counted_and_looks_at_the_book_again() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40.5, 5)]))
    assert ladder(engine).is_off_tick
    feed(
        engine,
        TickChanged(receive_time_ns=at(1), condition_id=A, tick=1_000, venue_time_ns=at(1)),
    )
    assert not ladder(engine).is_off_tick
    assert engine.state.census.quality == {"TICK_CHANGED": 1}


def test_a_lost_feed_empties_every_book_and_takes_any_snapshot_anew() -> None:
    engine = running(group_of("A", "B", "C"))
    pair(engine)
    outputs = feed(engine, FeedLost(receive_time_ns=at(20), reason="gone"))
    assert [told.condition_id for told in of_type(outputs, BookInvalidated)] == [A, B]
    assert all(one.status is BookStatus.EMPTY for one in engine.state.ladders.values())
    assert engine.state.watches[0].sum_bids == 0
    outputs = feed(engine, book("A", 30, bids=[(40, 5)], venue=-100))
    assert of_type(outputs, BookRestored)
    assert ladder(engine).status is BookStatus.LIVE


def test_a_book_that_was_lost_in_the_midst_of_a_timestamp_settles_like_any_other() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]), FeedLost(receive_time_ns=at(1), reason="gone"))
    assert not ladder(engine).unsettled
    feed(engine, book("A", 30, bids=[(41, 5)]))
    pass_time(engine, 40)
    assert ladder(engine).settled_bid == 41 * CENT


def test_a_resolved_market_leaves_every_sum_and_no_later_book_brings_it_back() -> None:
    engine = running(group_of("A", "B", "C"))
    pair(engine)
    feed(
        engine,
        MarketResolved(
            receive_time_ns=at(20),
            condition_id=B,
            winner=TokenId("B:NO"),
            venue_time_ns=at(20),
        ),
    )
    assert engine.state.watches[0].sum_bids == 60 * CENT
    outputs = feed(engine, book("B", 30, bids=[(99, 50)]), bid("B", 31, 98, 50))
    outputs += pass_time(engine, 100)
    assert engine.state.watches[0].sum_bids == 60 * CENT
    assert engine.depth(B) is None
    assert not of_type(outputs, OpportunityFound)


def test_prints_and_measurements_change_nothing() -> None:
    engine = running(group_of("A", "B"))
    printed = TradePrinted(
        receive_time_ns=at(1),
        condition_id=A,
        token_id=TokenId("A:YES"),
        side=Side.BUY,
        price=40 * CENT,
        size=MICRO,
        venue_time_ns=at(1),
    )
    measured = TierMeasured(
        receive_time_ns=at(1),
        plan_id="plan",  # type: ignore[arg-type]
        family=Family.NEGRISK_NO,
        tier=Tier.T2,
        quantity=0,
        planned=0,
        profit=0,
        latency_ns=0,
        is_complete=False,
    )
    assert not engine.handle(printed)
    assert not engine.handle(measured)
    assert ladder(engine).status is BookStatus.EMPTY


# The view that simulated orders are matched against


def test_depth_is_of_live_books_only() -> None:
    engine = running(group_of("A", "B"))
    assert engine.depth(A) is None
    feed(engine, bid("A", 0, 40, 5))
    assert engine.depth(A) is None
    feed(engine, book("A", 1, bids=[(40, 5)], asks=[(45, 5)]))
    depth = engine.depth(A)
    assert depth is not None
    assert depth.bids == ((40 * CENT, 5 * MICRO),)


def test_a_book_that_is_visibly_torn_has_no_depth() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)], asks=[(45, 5)]))
    feed(engine, bid("A", 20, 46, 5))
    assert engine.depth(A) is None
    feed(engine, ask("A", 20, 45, 0), ask("A", 20, 48, 5))
    assert engine.depth(A) is not None
    feed(engine, bid("A", 21, 44, 1, top=(47, 48)))
    assert engine.depth(A) is None


# Opportunities


def test_an_opportunity_is_found_sized_approved_and_placed_in_that_order() -> None:
    engine = running(group_of("A", "B"))
    outputs = pair(engine)
    kinds = [type(output) for output in outputs]
    assert kinds == [OpportunityFound, PlanSized, PlanApproved, PlaceOrders]
    found, sized, approved, placed = outputs
    assert isinstance(found, OpportunityFound) and isinstance(sized, PlanSized)
    assert isinstance(approved, PlanApproved) and isinstance(placed, PlaceOrders)
    assert found.edge_gross == found.edge_net == 15 * CENT * MICRO
    assert sized.opportunity_id == found.opportunity_id
    assert {sized.plan_id, approved.plan_id, placed.plan_id} == {sized.plan_id}
    assert placed.quantity == sized.plan.quantity == 50 * MICRO
    assert [(o.outcome, o.side, o.price_limit) for o in placed.orders] == [
        (Outcome.NO, Side.BUY, 40 * CENT),
        (Outcome.NO, Side.BUY, 45 * CENT),
    ]
    assert approved.reserved == approved.open_notional == engine.state.exposure.open_notional


def test_an_opportunity_hidden_by_an_unsettled_leg_is_seen_when_that_leg_settles() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 50)]), book("B", 0, bids=[(55, 50)]))
    pass_time(engine, 20)
    assert not feed(engine, bid("A", 30, 60, 50), bid("B", 35, 30, 9))
    outputs = pass_time(engine, 40)
    assert not outputs and rejected(engine) == {Guard.UNSETTLED: 1}
    outputs = pass_time(engine, 45)
    assert of_type(outputs, OpportunityFound)
    assert of_type(outputs, PlaceOrders)


def test_what_an_unsettled_leg_hid_is_looked_at_once() -> None:
    engine = running(group_of("A", "B", fee=None))
    feed(engine, book("A", 0, bids=[(40, 50)]), book("B", 0, bids=[(55, 50)]))
    feed(engine, bid("A", 30, 60, 50), bid("B", 35, 30, 9))
    pass_time(engine, 60)
    assert rejected(engine) == {Guard.UNSETTLED: 1, "UNKNOWN_FEE": 1}
    feed(engine, bid("B", 100, 30, 8), bid("A", 200, 30, 8))
    pass_time(engine, 300)
    assert rejected(engine) == {Guard.UNSETTLED: 1, "UNKNOWN_FEE": 1}


def test_a_no_is_told_once_a_reason_and_episode_but_counted_every_time() -> None:
    engine = running(group_of("A", "B", fee=None))
    outputs = pair(engine)
    (denied,) = of_type(outputs, PlanDenied)
    assert denied.reason == "UNKNOWN_FEE"
    for step in range(3):
        feed(engine, bid("A", 100 * step + 100, 61, (50, 0)[step % 2]))
        assert not of_type(pass_time(engine, 100 * step + 150), PlanDenied)
    assert rejected(engine) == {"UNKNOWN_FEE": 4}


def test_an_unknown_fee_is_never_a_net_gain() -> None:
    engine = running(group_of("A", "B", fee=None))
    (found,) = of_type(pair(engine), OpportunityFound)
    assert found.edge_gross > 0
    assert found.edge_net == 0


def test_one_plan_an_episode() -> None:
    engine = running(group_of("A", "B"))
    assert of_type(pair(engine), PlaceOrders)
    outputs = feed(engine, bid("A", 100, 60, 40)) + pass_time(engine, 150)
    (denied,) = of_type(outputs, PlanDenied)
    assert denied.reason == Guard.ALREADY_PLANNED
    outputs = feed(engine, bid("A", 200, 60, 45)) + pass_time(engine, 250)
    assert not outputs
    assert rejected(engine) == {Guard.ALREADY_PLANNED: 2}


def test_depth_of_an_open_opportunity_is_looked_at_again_until_it_ends() -> None:
    profile = msgspec.structs.replace(ROOMY, families=())
    engine = running(group_of("A", "B"), profile)
    outputs = pair(engine)
    (denied,) = of_type(outputs, PlanDenied)
    assert denied.reason == Denial.FAMILY_DISABLED
    tradable = engine.state.census.tradable[Family.NEGRISK_NO]
    feed(engine, bid("B", 100, 54, 50, top=(55, 57)))
    pass_time(engine, 120)
    assert engine.state.census.tradable[Family.NEGRISK_NO] == tradable + 1
    feed(engine, bid("A", 200, 60, 0, top=(0, 62)))
    pass_time(engine, 800)
    assert not any(one.is_watched for one in engine.state.ladders.values())
    settled = engine.state.census.settled
    feed(engine, bid("B", 900, 54, 40, top=(55, 57)))
    pass_time(engine, 950)
    assert engine.state.census.settled == settled


def test_a_plan_too_small_to_be_legal_is_raised_to_the_smallest_legal_one() -> None:
    sizing = msgspec.structs.replace(ROOMY.sizing, trade_size=MICRO, gas_per_plan=0)
    profile = msgspec.structs.replace(ROOMY, sizing=sizing)
    (sized,) = of_type(pair(running(group_of("A", "B"), profile)), PlanSized)
    assert sized.plan.quantity == 5 * MICRO


def test_a_ceiling_below_the_smallest_legal_set_is_a_reason() -> None:
    sizing = msgspec.structs.replace(ROOMY.sizing, trade_size=MICRO, trade_size_ceiling=2 * MICRO)
    profile = msgspec.structs.replace(ROOMY, sizing=sizing)
    outputs = pair(running(group_of("A", "B"), profile))
    assert [denied.reason for denied in of_type(outputs, PlanDenied)] == [SizeReason.INFEASIBLE]


def test_two_relations_of_one_market_do_not_take_the_same_shares() -> None:
    catalogue = relation_of(Family.IMPLICATION, "A", "B")
    other = relation_of(Family.IMPLICATION, "A", "C", relation_id="OTHER")  # type: ignore[arg-type]
    catalogue = msgspec.structs.replace(
        catalogue,
        markets={**catalogue.markets, **other.markets},
        relations={**catalogue.relations, **other.relations},
    )
    engine = running(catalogue)
    outputs = feed(
        engine,
        book("B", 0, bids=[(45, 50)]),
        book("C", 0, bids=[(46, 50)]),
        book("A", 1, asks=[(40, 50)]),
    )
    outputs += pass_time(engine, 50)
    assert len(of_type(outputs, PlaceOrders)) == 1
    (denied,) = of_type(outputs, PlanDenied)
    assert denied.reason == Denial.LEG_UNDER_WAY


def test_the_best_route_of_the_no_side_is_taken() -> None:
    sizing = msgspec.structs.replace(ROOMY.sizing, trade_size=20 * MICRO, gas_per_plan=0)
    profile = msgspec.structs.replace(ROOMY, sizing=sizing)
    engine = running(group_of("A", "B", "C", "D"), profile)
    outputs = feed(
        engine,
        *(book(name, 0, bids=[(30, 500)]) for name in ("A", "B", "C", "D")),
    )
    (placed,) = of_type(outputs + pass_time(engine, 50), PlaceOrders)
    assert placed.family is Family.NEGRISK_SPLIT
    assert {order.side for order in placed.orders} == {Side.SELL}


# Stale content


def stale_pair(family: Family = Family.NEGRISK_NO) -> Engine:
    """Let B go quiet for longer than its content is believed."""
    catalogue = group_of("A", "B") if family is Family.NEGRISK_NO else relation_of(family, "A", "B")
    guards = msgspec.structs.replace(ROOMY.guards, content_age_ms_max=1_000)
    return running(catalogue, msgspec.structs.replace(ROOMY, guards=guards))


def test_a_leg_that_nobody_confirmed_is_taken_out_and_the_rest_is_looked_at_anew() -> None:
    engine = stale_pair()
    feed(engine, book("A", 0, bids=[(40, 50)]), book("B", 0, bids=[(55, 50)]))
    outputs = feed(engine, bid("A", 2_000, 70, 50)) + pass_time(engine, 2_010)
    (told,) = of_type(outputs, BookInvalidated)
    assert (told.condition_id, told.fault) == (B, BookFault.CONTENT_STALE)
    assert not of_type(outputs, OpportunityFound)
    assert rejected(engine) == {Guard.STALE: 1}


def test_a_leg_is_believed_for_as_long_as_the_profile_says_and_no_longer() -> None:
    engine = stale_pair()
    feed(engine, book("A", 0, bids=[(40, 50)]), book("B", 0, bids=[(55, 50)]))
    feed(engine, bid("A", 990, 70, 50))
    assert of_type(pass_time(engine, 1_000), OpportunityFound)
    engine = stale_pair()
    feed(engine, book("A", 0, bids=[(40, 50)]), book("B", 0, bids=[(55, 50)]))
    feed(engine, bid("A", 991, 70, 50))
    assert not of_type(pass_time(engine, 1_001), OpportunityFound)


def test_an_edge_of_nothing_without_the_stale_leg_is_stale() -> None:
    guards = msgspec.structs.replace(ROOMY.guards, content_age_ms_max=1_000)
    engine = running(group_of("A", "B", "C"), msgspec.structs.replace(ROOMY, guards=guards))
    feed(engine, book("B", 0, bids=[(30, 50)]))
    feed(engine, book("A", 1_900, bids=[(45, 50)]), book("C", 1_900, bids=[(55, 50)]))
    assert not of_type(pass_time(engine, 1_910), OpportunityFound)
    assert rejected(engine)[Guard.STALE] == 1


def test_an_edge_that_holds_without_the_stale_leg_is_told_without_it() -> None:
    guards = msgspec.structs.replace(ROOMY.guards, content_age_ms_max=1_000)
    profile = msgspec.structs.replace(ROOMY, guards=guards)
    engine = running(group_of("A", "B", "C"), profile)
    feed(engine, book("B", 0, bids=[(30, 50)]))
    feed(engine, book("A", 1_900, bids=[(60, 50)]), book("C", 1_900, bids=[(55, 50)]))
    (found,) = of_type(pass_time(engine, 1_910), OpportunityFound)
    assert found.edge_gross == 15 * CENT * MICRO


# Time


def test_the_census_is_told_every_minute_of_the_feed() -> None:
    engine = running(group_of("A", "B"))
    outputs = pass_time(engine, 180_000)
    assert [told.receive_time_ns for told in of_type(outputs, CensusCounted)] == [
        at(0) + CENSUS_NS * minute for minute in (1, 2, 3)
    ]


def test_a_census_counts_from_the_last_one_on() -> None:
    engine = running(group_of("A", "B"))
    pair(engine)
    first, second = of_type(pass_time(engine, 120_000), CensusCounted)
    assert first.raw_hits == {Family.NEGRISK_NO: 1}
    assert first.tradable == {Family.NEGRISK_NO: 1}
    assert first.settled == 2
    assert (second.raw_hits, second.settled) == ({}, 0)


def test_an_engine_that_waits_for_nothing_wants_no_tick() -> None:
    engine = Engine(group_of("A", "B"), ROOMY, "digest")
    assert engine.deadline_ns == NEVER_NS
    engine.handle(book("A", 0))
    engine.handle(ClockTicked(receive_time_ns=engine.deadline_ns))
    assert engine.deadline_ns == NEVER_NS


def test_every_tick_moves_the_deadline_on() -> None:
    engine = running(group_of("A", "B"))
    feed(engine, book("A", 0, bids=[(40, 5)]), bid("A", 1, 41, 5), bid("A", 2, 42, 5))
    seen = []
    while engine.deadline_ns <= at(120_000):
        seen.append(engine.deadline_ns)
        engine.handle(ClockTicked(receive_time_ns=engine.deadline_ns))
    assert seen == sorted(set(seen))


# Control


def test_a_boot_reconciles_and_only_then_trades() -> None:
    engine = Engine(group_of("A", "B"), ROOMY, "digest")
    assert engine.state.trading is TradingState.HALTED
    (told,) = engine.handle(started())
    assert isinstance(told, TradingStateChanged)
    assert engine.state.trading is TradingState.RECONCILING
    engine.handle(BooksOpened(receive_time_ns=at(0), open_sets=0))
    assert engine.state.trading is TradingState.ACTIVE
    assert not engine.handle(BooksOpened(receive_time_ns=at(1), open_sets=0))


def halted(when: float = 1) -> OperatorHalted:
    return OperatorHalted(receive_time_ns=at(when), actor="alice", reason="lunch")


def resumed(when: float = 2) -> OperatorResumed:
    return OperatorResumed(receive_time_ns=at(when), actor="alice", reason="back")


def test_a_halt_cancels_and_a_resume_reconciles() -> None:
    engine = running(group_of("A", "B"))
    assert of_type(list(engine.handle(halted())), CancelAll)
    assert engine.state.trading is TradingState.HALTED
    assert not engine.handle(BooksOpened(receive_time_ns=at(1), open_sets=0))
    engine.state.exposure.consecutive_failures = 3
    engine.handle(resumed())
    assert engine.state.trading is TradingState.RECONCILING
    assert engine.state.exposure.consecutive_failures == 0


def test_a_resume_when_nothing_is_halted_says_nothing() -> None:
    engine = running(group_of("A", "B"))
    assert not engine.handle(resumed())
    assert engine.state.trading is TradingState.ACTIVE


def test_halted_trading_still_measures() -> None:
    engine = running(group_of("A", "B"))
    engine.handle(halted(0))
    outputs = pair(engine, 5)
    assert of_type(outputs, OpportunityFound)
    assert [denied.reason for denied in of_type(outputs, PlanDenied)] == [Denial.NOT_ACTIVE]
    assert not of_type(outputs, PlaceOrders)
    assert engine.state.census.tradable


def test_a_stop_ends_trading_and_cancels_only_what_is_under_way() -> None:
    engine = running(group_of("A", "B"))
    outputs = list(engine.handle(RunStopping(receive_time_ns=at(1), reason="done")))
    assert [type(output) for output in outputs] == [TradingStateChanged]
    engine = running(group_of("A", "B"))
    pair(engine)
    outputs = list(engine.handle(RunStopping(receive_time_ns=at(20), reason="done")))
    assert of_type(outputs, CancelAll)


def test_an_episode_is_known_to_hold_until_the_feed_ends_and_no_longer() -> None:
    engine = running(group_of("A", "B"))
    pair(engine)
    outputs = list(engine.handle(RunStopping(receive_time_ns=at(20), reason="done")))
    (lost,) = of_type(outputs, OpportunityLost)
    assert lost.is_censored and lost.duration_ns == at(20) - at(10)
    outputs = list(engine.handle(RunStopped(receive_time_ns=at(9_000), reason="done")))
    assert [type(output) for output in outputs] == [CensusCounted]
