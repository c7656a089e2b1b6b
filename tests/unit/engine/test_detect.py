"""Stage 2: the sums are exact whatever happened before, and every family's edge is as written."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, RelationId
from polyarb.domain.market import Catalogue, Relation
from polyarb.domain.plan import Family
from polyarb.domain.units import ONE, PICO
from polyarb.engine import detect
from polyarb.engine.detect.sums import GROUP_FAMILIES
from polyarb.engine.state import Ladder, Watch
from tests.worlds import CENT, group_of, market, relation_of

TOPS = st.tuples(
    st.integers(min_value=0, max_value=99).map(lambda cents: cents * CENT),
    st.integers(min_value=1, max_value=100).map(lambda cents: cents * CENT),
)


def watch_of(*tops: tuple[int, int], rates: tuple[int | None, ...] = ()) -> Watch:
    """Make a watch with these bids and asks in cents, and fee rates (0 where none is given)."""
    known = [*rates, *[0] * (len(tops) - len(rates))]
    ladders = [
        Ladder(market(str(leg), fee=None if rate is None else FeeSchedule(rate=rate)))
        for leg, rate in enumerate(known)
    ]
    watch = Watch(RelationId("R"), tuple(Family), ladders)
    for leg, (bid, ask) in enumerate(tops):
        detect.update_leg(watch, leg, bid * CENT, ask * CENT)
    return watch


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=3), TOPS), max_size=60))
def test_running_sums_never_drift_from_a_recomputation(
    updates: list[tuple[int, tuple[int, int]]],
) -> None:
    watch = watch_of(*[(0, 100)] * 4)
    for leg, (bid, ask) in updates:
        detect.update_leg(watch, leg, bid, ask)
        assert watch.sum_bids == sum(watch.bids)
        assert watch.sum_asks == sum(watch.asks)
        assert watch.missing_asks == watch.asks.count(ONE)


def test_a_fresh_watch_misses_every_side() -> None:
    watch = Watch(RelationId("R"), (Family.NEGRISK_YES,), [Ladder(market("A"))] * 3)
    assert (watch.sum_bids, watch.sum_asks, watch.missing_asks) == (0, 3 * ONE, 3)


@pytest.mark.parametrize(
    ("family", "tops", "edge"),
    [
        (Family.NEGRISK_YES, [(0, 40), (0, 55)], 5),
        (Family.NEGRISK_YES, [(0, 45), (0, 55)], 0),
        (Family.NEGRISK_YES, [(0, 60), (0, 55)], -15),
        (Family.NEGRISK_YES, [(0, 30), (0, 30), (0, 100)], 40),
        (Family.NEGRISK_YES, [(0, 30), (0, 100), (0, 100)], 0),
        (Family.NEGRISK_NO, [(60, 100), (45, 100)], 5),
        (Family.NEGRISK_NO, [(60, 100), (40, 100), (0, 100)], 0),
        (Family.NEGRISK_NO, [(60, 100), (30, 100)], -10),
        (Family.IMPLICATION, [(0, 40), (43, 100)], 3),
        (Family.IMPLICATION, [(43, 44), (40, 41)], -4),
        (Family.LADDER, [(0, 55), (60, 66), (58, 62)], 5),
        (Family.LADDER, [(0, 55), (50, 53), (58, 62)], 5),
        (Family.LADDER, [(70, 100), (60, 66), (50, 62)], -6),
        (Family.LADDER, [(0, 100), (0, 100)], -100),
    ],
)
def test_the_edge_before_fees_is_that_of_the_inequality(
    family: Family, tops: list[tuple[int, int]], edge: int
) -> None:
    assert detect.DETECTORS[family](watch_of(*tops)) == edge * CENT


@pytest.mark.parametrize(
    ("family", "tops", "rates"),
    [
        (Family.NEGRISK_YES, [(0, 40), (0, 50)], (500, 500)),
        (Family.NEGRISK_NO, [(62, 100), (41, 100), (5, 100)], (500, 0, 400)),
        (Family.IMPLICATION, [(0, 40), (43, 100)], (700, 700)),
        (Family.LADDER, [(0, 55), (60, 66), (58, 62)], (400, 400, 400)),
    ],
)
def test_the_edge_after_fees_takes_the_fee_of_every_leg(
    family: Family, tops: list[tuple[int, int]], rates: tuple[int, ...]
) -> None:
    watch = watch_of(*tops, rates=rates)
    fees = [
        (
            Fraction(rate, 10_000) * Fraction(bid * (100 - bid), 10_000),
            Fraction(rate, 10_000) * Fraction(ask * (100 - ask), 10_000),
        )
        for rate, (bid, ask) in zip(rates, tops, strict=True)
    ]
    bids = [Fraction(bid, 100) - fee for (bid, _), (fee, _) in zip(tops, fees, strict=True)]
    asks = [Fraction(ask, 100) + fee for (_, ask), (_, fee) in zip(tops, fees, strict=True)]
    expected = {
        Family.NEGRISK_YES: 1 - sum(asks),
        Family.NEGRISK_NO: sum(bids) - 1,
        Family.IMPLICATION: bids[1] - asks[0],
        Family.LADDER: max(bid - ask for leg, bid in enumerate(bids) for ask in asks[: leg + 1]),
    }[family]
    found = detect.edge_net(watch, family)
    assert found is not None
    assert Fraction(found, PICO) == expected


@pytest.mark.parametrize("family", list(detect.DETECTORS))
def test_an_unknown_fee_of_any_leg_leaves_the_net_edge_unknown(family: Family) -> None:
    watch = watch_of((60, 61), (45, 46), (10, 11), rates=(0, None, 0))
    assert detect.edge_net(watch, family) is None


@given(st.lists(TOPS, min_size=2, max_size=5), st.sampled_from(list(detect.DETECTORS)))
def test_without_fees_the_edge_after_them_is_the_one_before(
    tops: list[tuple[int, int]], family: Family
) -> None:
    watch = watch_of(*[(0, 100)] * len(tops))
    for leg, (bid, ask) in enumerate(tops):
        detect.update_leg(watch, leg, bid, ask)
    gross = detect.DETECTORS[family](watch)
    if gross > 0:
        assert detect.edge_net(watch, family) == gross * ONE


def test_a_group_is_watched_for_both_sides_and_for_no_third() -> None:
    catalogue = group_of("A", "B", "C", incomplete="augmented")
    ladders = {key: Ladder(one) for key, one in catalogue.markets.items()}
    (watch,) = detect.build_watches(catalogue, ladders)
    assert watch.families == GROUP_FAMILIES == (Family.NEGRISK_YES, Family.NEGRISK_NO)
    assert watch.gap == "augmented"
    assert [ladder.watches for ladder in watch.ladders] == [[(watch, leg)] for leg in range(3)]


def test_a_market_of_two_relations_hangs_in_both() -> None:
    catalogue = relation_of(Family.LADDER, "A", "B", "C")
    pair = Relation(
        relation_id=RelationId("PAIR"),
        family=Family.IMPLICATION,
        condition_ids=(ConditionId("C"), ConditionId("A")),
    )
    relations = {**catalogue.relations, pair.relation_id: pair}
    catalogue = msgspec.structs.replace(catalogue, relations=relations)
    ladders = {key: Ladder(one) for key, one in catalogue.markets.items()}
    watches = detect.build_watches(catalogue, ladders)
    places = [(watch.relation_id, leg) for watch, leg in ladders[ConditionId("A")].watches]
    assert len(watches) == 2
    assert places == [(RelationId("RELATION"), 0), (RelationId("PAIR"), 1)]


def test_a_relation_with_a_market_without_a_book_is_left_out() -> None:
    catalogue = relation_of(Family.IMPLICATION, "A", "B")
    only = {ConditionId("A"): Ladder(catalogue.markets[ConditionId("A")])}
    assert detect.build_watches(catalogue, only) == []
    assert detect.build_watches(group_of("A", "B"), only) == []


def test_a_relation_that_names_a_market_twice_is_left_out() -> None:
    catalogue = relation_of(Family.LADDER, "A", "B", "A")
    ladders = {key: Ladder(one) for key, one in catalogue.markets.items()}
    assert detect.build_watches(catalogue, ladders) == []


def test_nothing_is_watched_where_nothing_is_related() -> None:
    one = market("A")
    catalogue = Catalogue(markets={one.condition_id: one})
    assert detect.build_watches(catalogue, {one.condition_id: Ladder(one)}) == []


def test_the_no_side_needs_only_the_books_with_a_bid() -> None:
    watch = watch_of((60, 100), (0, 40), (45, 100))
    assert detect.legs_of(watch, Family.NEGRISK_NO) == [watch.ladders[0], watch.ladders[2]]
    assert detect.legs_of(watch, Family.NEGRISK_YES) == watch.ladders
