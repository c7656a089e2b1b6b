"""Which markets are watched: every rule, whole groups, and an order that is never chance."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, RelationId, TokenId
from polyarb.domain.instruments import Instrument, Instruments
from polyarb.domain.market import Market, MarketGroup, MarketVersion, Relation
from polyarb.domain.plan import Family
from polyarb.domain.selection import Selection, Unselected, select, watched_catalogue
from polyarb.domain.units import Price, Shares
from polyarb.domain.venue import Universe

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
OPEN = Universe(markets_max=100, expiry_blackout_min=60)
GROUP = GroupId("0xGROUP")


def instrument(
    name: str,
    *,
    volume: int | None = 100,
    liquidity: int | None = 50,
    group: GroupId | None = None,
    rate: int = 400,
    is_open: bool = True,
) -> Instrument:
    return Instrument(
        market=Market(
            condition_id=ConditionId(name),
            yes=TokenId(f"{name}/yes"),
            no=TokenId(f"{name}/no"),
            slug=f"slug-{name}",
            version=MarketVersion.V1,
            tick=Price(10_000),
            size_min=Shares(5_000_000),
            fee=FeeSchedule(rate=rate),
            group_id=group,
            is_accepting_orders=is_open,
        ),
        end_time_ms=NOW_MS + 24 * HOUR_MS,
        volume_24h=volume,
        liquidity=liquidity,
    )


def master(*instruments: Instrument) -> Instruments:
    groups: dict[GroupId, tuple[ConditionId, ...]] = {}
    for each in instruments:
        if each.market.group_id is not None:
            group_id = each.market.group_id
            groups[group_id] = (*groups.get(group_id, ()), each.market.condition_id)
    return Instruments(
        instruments={each.market.condition_id: each for each in instruments},
        groups={
            group_id: MarketGroup(group_id=group_id, condition_ids=members)
            for group_id, members in groups.items()
        },
    )


def relation(*names: str) -> dict[RelationId, Relation]:
    relation_id = RelationId("-".join(names))
    return {
        relation_id: Relation(
            relation_id=relation_id,
            family=Family.LADDER,
            condition_ids=tuple(map(ConditionId, names)),
        )
    }


def choose(
    instruments: Instruments,
    universe: Universe = OPEN,
    relations: dict[RelationId, Relation] | None = None,
) -> Selection:
    return select(instruments, universe, relations or {}, now_ms=NOW_MS)


def reason_of(one: Instrument, universe: Universe = OPEN) -> Unselected | None:
    return choose(master(one), universe).left.get(one.market.condition_id)


@pytest.mark.parametrize(
    ("one", "universe", "reason"),
    [
        (instrument("a"), OPEN, None),
        (instrument("a", is_open=False), OPEN, Unselected.NOT_TRADABLE),
        (instrument("a"), replace(OPEN, volume_24h_min=100), None),
        (instrument("a"), replace(OPEN, volume_24h_min=101), Unselected.VOLUME),
        (instrument("a", volume=None), replace(OPEN, volume_24h_min=1), Unselected.VOLUME),
        (instrument("a", volume=None), OPEN, None),
        (instrument("a"), replace(OPEN, liquidity_min=50), None),
        (instrument("a"), replace(OPEN, liquidity_min=51), Unselected.LIQUIDITY),
        (instrument("a", liquidity=None), replace(OPEN, liquidity_min=1), Unselected.LIQUIDITY),
        (instrument("a"), replace(OPEN, fee_rates=(40_000,)), None),
        (instrument("a"), replace(OPEN, fee_rates=(30_000, 50_000)), Unselected.FEE_RATE),
        (instrument("a"), replace(OPEN, groups_only=True), Unselected.NO_GROUP),
        (instrument("a", group=GROUP), replace(OPEN, groups_only=True), Unselected.NO_GROUP),
        (replace(instrument("a"), end_time_ms=NOW_MS + HOUR_MS + 1), OPEN, None),
        (replace(instrument("a"), end_time_ms=NOW_MS + HOUR_MS), OPEN, Unselected.EXPIRY),
        (replace(instrument("a"), end_time_ms=NOW_MS - HOUR_MS), OPEN, Unselected.EXPIRY),
        (replace(instrument("a"), end_time_ms=None), OPEN, Unselected.EXPIRY),
        (replace(instrument("a"), end_time_ms=1), replace(OPEN, expiry_blackout_min=0), None),
        (instrument("a"), replace(OPEN, deny=("a",)), Unselected.DENIED),
        (instrument("a"), replace(OPEN, deny=("SLUG-a",)), Unselected.DENIED),
        (instrument("a", group=GROUP), replace(OPEN, deny=("0xgroup",)), Unselected.DENIED),
        (instrument("a"), replace(OPEN, deny=("b",), allow=("b",)), None),
    ],
)
def test_each_rule_leaves_a_market_out_with_its_reason(
    one: Instrument, universe: Universe, reason: Unselected | None
) -> None:
    assert reason_of(one, universe) is reason


STRICT = Universe(
    markets_max=9,
    volume_24h_min=10**12,
    liquidity_min=10**12,
    fee_rates=(1,),
    groups_only=True,
    expiry_blackout_min=525_600,
)


def test_allow_overrides_the_figures_but_not_what_cannot_be_traded_nor_deny() -> None:
    allowed = replace(STRICT, allow=("slug-a",))
    assert reason_of(instrument("a"), STRICT) is Unselected.EXPIRY
    assert reason_of(instrument("a"), allowed) is None
    assert reason_of(instrument("a", is_open=False), allowed) is Unselected.NOT_TRADABLE
    assert reason_of(instrument("a"), replace(allowed, deny=("a",))) is Unselected.DENIED


def test_the_first_reason_is_told() -> None:
    one = replace(instrument("a", volume=0, liquidity=0), end_time_ms=None)
    expected = [
        (STRICT, Unselected.EXPIRY),
        (replace(STRICT, expiry_blackout_min=0), Unselected.FEE_RATE),
        (replace(STRICT, expiry_blackout_min=0, fee_rates=()), Unselected.NO_GROUP),
    ]
    assert [reason_of(one, universe) for universe, _ in expected] == [why for _, why in expected]
    loose = Universe(volume_24h_min=1, liquidity_min=1, expiry_blackout_min=0)
    assert reason_of(one, loose) is Unselected.VOLUME


def test_a_group_is_taken_whole_by_the_sum_of_its_markets() -> None:
    legs = [instrument(name, volume=40, group=GROUP) for name in "abc"]
    found = choose(master(*legs), replace(OPEN, volume_24h_min=120, groups_only=True))
    assert found == Selection(selected=tuple(map(ConditionId, "abc")))
    found = choose(master(*legs), replace(OPEN, volume_24h_min=121))
    assert set(found.left.values()) == {Unselected.VOLUME} and len(found.left) == 3


@pytest.mark.parametrize(
    ("universe", "reason"),
    [
        (replace(OPEN, markets_max=2), Unselected.BEYOND_MAX),
        (replace(OPEN, deny=("slug-b",)), Unselected.DENIED),
        (replace(OPEN, fee_rates=(40_000,)), Unselected.FEE_RATE),
    ],
)
def test_a_group_is_left_whole_when_one_of_its_markets_is(
    universe: Universe, reason: Unselected
) -> None:
    rates = {"a": 400, "b": 400, "c": 300 if reason is Unselected.FEE_RATE else 400}
    legs = [instrument(name, rate=rate, group=GROUP) for name, rate in rates.items()]
    found = choose(master(*legs), universe)
    assert found.selected == ()
    assert found.left == dict.fromkeys(map(ConditionId, "abc"), reason)


def test_a_leg_that_cannot_be_traded_does_not_hold_off_the_others() -> None:
    legs = [instrument(name, group=GROUP, is_open=name != "b") for name in "abc"]
    found = choose(master(*legs))
    assert found.selected == (ConditionId("a"), ConditionId("c"))
    assert found.left == {ConditionId("b"): Unselected.NOT_TRADABLE}
    watched = watched_catalogue(master(*legs), found.selected, {})
    assert watched.groups[GROUP].condition_ids == found.selected
    assert watched.groups[GROUP].incomplete == "2 of its 3 markets are watched"


def test_denying_a_leg_that_cannot_be_traded_denies_its_group() -> None:
    legs = [instrument(name, group=GROUP, is_open=name != "b") for name in "abc"]
    found = choose(master(*legs), replace(OPEN, deny=("slug-b",)))
    assert found.selected == ()


def test_a_relation_pulls_its_markets_in_and_joins_groups() -> None:
    markets = [
        instrument("a", volume=500),
        instrument("b", volume=0),
        instrument("c", volume=0, group=GROUP),
        instrument("d", volume=0, group=GROUP),
    ]
    universe = replace(OPEN, volume_24h_min=500)
    assert choose(master(*markets), universe).selected == (ConditionId("a"),)
    pair = relation("b", "a")
    assert choose(master(*markets), universe, pair).selected == (
        ConditionId("a"),
        ConditionId("b"),
    )
    both = {**pair, **relation("b", "d")}
    assert choose(master(*markets), universe, both).selected == tuple(map(ConditionId, "abcd"))
    assert choose(master(*markets), universe, relation("a", "unknown")).selected == (
        ConditionId("a"),
    )


def test_the_best_bundles_come_first_and_smaller_ones_fill_what_is_left() -> None:
    legs = [instrument(name, volume=300, group=GROUP) for name in "ghi"]
    singles = [
        instrument("a", volume=1_000),
        instrument("b", volume=500, liquidity=60),
        instrument("c", volume=500, liquidity=50),
        instrument("d", volume=500, liquidity=50),
        instrument("z", volume=1),
    ]
    universe = replace(OPEN, markets_max=3, allow=("z",))
    found = choose(master(*singles, *legs), universe)
    assert found.selected == tuple(map(ConditionId, ("z", "a", "b")))
    assert set(found.left.values()) == {Unselected.BEYOND_MAX}
    found = choose(master(*singles, *legs), replace(OPEN, markets_max=7))
    assert found.selected == tuple(map(ConditionId, ("a", "g", "h", "i", "b", "c", "d")))


def test_the_watched_catalogue_holds_whole_groups_and_relations_only() -> None:
    legs = [instrument(name, group=GROUP) for name in "ab"]
    everything = master(*legs, instrument("c"), instrument("d"))
    relations = {**relation("a", "c"), **relation("c", "d")}
    watched = watched_catalogue(everything, map(ConditionId, "cba"), relations)
    assert list(watched.markets) == list(map(ConditionId, "abc"))
    assert watched.groups == everything.groups
    assert list(watched.relations) == [RelationId("a-c")]
    assert watched_catalogue(everything, [ConditionId("c")], {}).groups == {}


def test_a_group_that_was_incomplete_before_keeps_its_reason() -> None:
    legs = [instrument(name, group=GROUP) for name in "ab"]
    everything = master(*legs)
    group = replace(everything.groups[GROUP], incomplete="who knows")
    everything = replace(everything, groups={GROUP: group})
    watched = watched_catalogue(everything, [ConditionId("a")], {})
    assert watched.groups[GROUP].incomplete == "who knows"


@given(seed=st.integers(0, 2**32), markets_max=st.integers(1, 12))
def test_the_selection_is_a_partition_of_whole_bundles_in_any_order(
    seed: int, markets_max: int
) -> None:
    random = Random(seed)
    groups = [None, GroupId("g1"), GroupId("g2"), GroupId("g3")]
    markets = [
        instrument(
            f"m{number:02}",
            volume=random.choice([None, 0, 50, 100]),
            liquidity=random.choice([None, 10, 20]),
            group=random.choice(groups),
            is_open=random.random() < 0.8,
        )
        for number in range(16)
    ]
    relations = relation(*random.sample([each.market.condition_id for each in markets], 2))
    universe = replace(
        OPEN, markets_max=markets_max, volume_24h_min=50, groups_only=random.random() < 0.3
    )
    found = choose(master(*markets), universe, relations)
    random.shuffle(markets)
    assert choose(master(*markets), universe, relations) == found
    assert len(found.selected) <= markets_max
    assert set(found.selected).isdisjoint(found.left)
    assert set(found.selected) | set(found.left) == {each.market.condition_id for each in markets}
    selected = set(found.selected)
    for members in (
        *(each.condition_ids for each in master(*markets).groups.values()),
        *(each.condition_ids for each in relations.values()),
    ):
        tradable = {each for each in members if found.left.get(each) is not Unselected.NOT_TRADABLE}
        assert tradable <= selected or tradable.isdisjoint(selected)
