"""What is different between two readings of the instruments, and what a running process must do."""

from msgspec.structs import replace
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, RelationId, TokenId
from polyarb.domain.instruments import (
    Changed,
    Difference,
    FieldChange,
    HotUpdate,
    Instrument,
    Instruments,
    TickChange,
    change_of,
    changed_catalogue,
    difference,
    hot_update,
)
from polyarb.domain.market import Catalogue, Market, MarketGroup, Relation
from polyarb.domain.plan import Family
from polyarb.domain.surroundings import CatalogueChange
from polyarb.domain.units import Price

A, B, C = ConditionId("0xa"), ConditionId("0xb"), ConditionId("0xc")
G, H = GroupId("0x1"), GroupId("0x2")


def market(condition_id: ConditionId, tick: int = 10_000, slug: str = "") -> Market:
    return Market(
        condition_id=condition_id,
        yes=TokenId(f"{condition_id}/yes"),
        no=TokenId(f"{condition_id}/no"),
        tick=Price(tick),
        fee=FeeSchedule(rate=400),
        slug=slug,
    )


def reading(*instruments: Instrument, groups: tuple[MarketGroup, ...] = ()) -> Instruments:
    return Instruments(
        instruments={each.market.condition_id: each for each in instruments},
        groups={each.group_id: each for each in groups},
    )


def catalogue(*markets: Market, groups: tuple[MarketGroup, ...] = ()) -> Catalogue:
    return Catalogue(
        markets={each.condition_id: each for each in markets},
        groups={each.group_id: each for each in groups},
    )


def test_the_same_reading_is_no_difference() -> None:
    group = MarketGroup(group_id=G, condition_ids=(A,))
    one = reading(Instrument(market=market(A)), groups=(group,))
    assert difference(one, one) == Difference()
    assert difference(one, one).is_empty


def test_turnover_and_the_date_of_reading_are_no_difference() -> None:
    before = Instrument(market=market(A), volume_24h=1, liquidity=2, fee_time_ms=3)
    after = replace(before, volume_24h=9, liquidity=9, fee_time_ms=9, is_confirmed=True)
    assert difference(reading(before), replace(reading(after), read_time_ms=9)).is_empty


def test_added_removed_and_changed_markets_are_told_in_the_order_of_their_ids() -> None:
    before = reading(*(Instrument(market=market(each)) for each in (B, A)))
    after = reading(
        Instrument(market=market(C)), Instrument(market=market(B, tick=1_000), end_time_ms=5)
    )
    told = difference(before, after)
    assert (told.added, told.removed) == ((C,), (A,))
    assert told.changed == (
        Changed(
            subject=B,
            fields=(
                FieldChange(field="tick", before="10000", after="1000"),
                FieldChange(field="end_time_ms", before="null", after="5"),
            ),
        ),
    )
    assert not told.is_empty


def test_a_moved_end_alone_is_a_change() -> None:
    before, after = (Instrument(market=market(A), end_time_ms=each) for each in (1, 2))
    (changed,) = difference(reading(before), reading(after)).changed
    assert changed.fields == (FieldChange(field="end_time_ms", before="1", after="2"),)


def test_groups_are_compared_too() -> None:
    first = MarketGroup(group_id=G, condition_ids=(A,))
    second = MarketGroup(group_id=H, condition_ids=(B,))
    doubted = replace(first, incomplete="who knows")
    told = difference(reading(groups=(first,)), reading(groups=(doubted, second)))
    assert (told.groups_added, told.groups_removed) == ((H,), ())
    assert told.groups_changed[0].fields == (
        FieldChange(field="incomplete", before='""', after='"who knows"'),
    )
    assert difference(reading(groups=(second,)), reading()).groups_removed == (H,)


def test_a_run_that_watches_what_it_should_has_nothing_to_do() -> None:
    same = catalogue(market(A), groups=(MarketGroup(group_id=G, condition_ids=(A,)),))
    assert hot_update(same, same) == HotUpdate()
    assert hot_update(same, same).is_empty


def test_a_run_is_told_what_to_add_to_remove_and_where_a_tick_epoch_begins() -> None:
    kept = MarketGroup(group_id=G, condition_ids=(B,))
    gone = MarketGroup(group_id=H, condition_ids=(A,))
    running = catalogue(market(A), market(B), groups=(gone, replace(kept, title="old")))
    wanted = catalogue(market(B, tick=1_000, slug="new"), market(C), groups=(kept,))
    assert hot_update(running, wanted) == HotUpdate(
        added=(market(C),),
        removed=(A,),
        ticks=(TickChange(condition_id=B, before=10_000, after=1_000),),
        changed=(
            Changed(subject=B, fields=(FieldChange(field="slug", before='""', after='"new"'),)),
        ),
        groups_set=(kept,),
        groups_removed=(H,),
    )


def test_a_tick_alone_is_an_epoch_and_no_other_change() -> None:
    told = hot_update(catalogue(market(A)), catalogue(market(A, tick=1_000)))
    assert told == HotUpdate(ticks=(TickChange(condition_id=A, before=10_000, after=1_000),))
    assert not told.is_empty


def test_a_change_brings_a_run_to_what_is_wanted_and_forgets_no_market() -> None:
    kept = MarketGroup(group_id=G, condition_ids=(B,))
    gone = MarketGroup(group_id=H, condition_ids=(A,))
    pair = Relation(relation_id=RelationId("pair"), family=Family.IMPLICATION, condition_ids=(B, C))
    running = catalogue(market(A), market(B), groups=(gone, replace(kept, title="old")))
    wanted = replace(
        catalogue(market(B, tick=1_000), market(C), groups=(kept,)),
        relations={pair.relation_id: pair},
    )
    change = change_of(running, wanted)
    assert change == CatalogueChange(
        markets=(market(C), market(B, tick=1_000)),
        left=(A,),
        groups=(kept,),
        groups_removed=(H,),
        relations=(pair,),
    )
    after = changed_catalogue(running, change)
    assert after == replace(wanted, markets={A: market(A), **wanted.markets})
    assert change_of(wanted, wanted).is_empty and not change.is_empty
    assert change_of(running, replace(running, markets={A: market(A)})).left == (B,)
    slug = change_of(catalogue(market(A)), catalogue(market(A, slug="new")))
    assert slug == CatalogueChange(markets=(market(A, slug="new"),))
