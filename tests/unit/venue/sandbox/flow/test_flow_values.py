"""Fair values move as the kind of their event wants."""

from statistics import mean

import pytest
from flow_cases import GROUP, NESTED, PLAIN, SECOND_NS, SEED, scenario
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.chance import random_of
from polyarb.venue.sandbox.flow.listing import list_scenario
from polyarb.venue.sandbox.flow.news import News
from polyarb.venue.sandbox.flow.scenario import EventKind, EventTerms, NewsTerms
from polyarb.venue.sandbox.flow.values import EDGE, Values, moved, without

AMOUNTS = st.integers(-ONE, ONE)


def groups() -> st.SearchStrategy[list[int]]:
    def exact(parts: list[int]) -> list[int]:
        whole = [max(part * ONE // sum(parts), EDGE) for part in parts]
        whole[whole.index(max(whole))] += ONE - sum(whole)
        return whole

    return st.lists(st.integers(1, 100), min_size=2, max_size=8).map(exact)


@given(prices=groups(), amount=AMOUNTS, data=st.data())
def test_a_group_sums_to_one_whatever_happens(
    prices: list[int], amount: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(prices) - 1))
    fresh = moved(EventKind.NEG_RISK, prices, at, amount)
    assert sum(fresh) == ONE and all(EDGE <= price <= ONE - EDGE for price in fresh)


def test_the_others_of_a_group_make_room_in_proportion() -> None:
    assert moved(EventKind.NEG_RISK, [500_000, 300_000, 200_000], 0, 100_000) == [
        600_000,
        240_000,
        160_000,
    ]


@given(
    prices=st.lists(st.integers(EDGE, ONE - EDGE), min_size=2, max_size=6),
    amount=st.integers(-ONE // 2, ONE // 2),
)
def test_a_nested_event_keeps_its_order(prices: list[int], amount: int) -> None:
    falling = sorted(prices, reverse=True)
    fresh = moved(EventKind.NESTED, falling, 0, amount)
    assert fresh == sorted(fresh, reverse=True)
    assert all(EDGE <= price <= ONE - EDGE for price in fresh)
    if amount > 0:
        assert all(new >= old for new, old in zip(fresh, falling, strict=True))


def test_a_plain_event_moves_one_market_alone() -> None:
    assert moved(EventKind.PLAIN, [500_000, 300_000], 1, -100_000) == [500_000, 200_000]
    assert moved(EventKind.PLAIN, [500_000], 0, ONE) == [ONE - EDGE]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_is_out_of_the_race_leaves_its_value_to_the_rest(at: int) -> None:
    fresh = without([500_000, 300_000, 200_000], at)
    assert fresh[at] == 0 and ONE - 3 <= sum(fresh) <= ONE


@pytest.mark.parametrize("terms", [PLAIN, GROUP, NESTED], ids=lambda terms: terms.kind)
def test_markets_stay_worth_trading_however_many_days_are_played(terms: EventTerms) -> None:
    listing = list_scenario(scenario(terms), seed=SEED, starts_ns=0)
    conditions = [market.condition_id for market in listing.markets]
    opening = [market.price for market in terms.markets]
    values = Values(dict(zip(conditions, opening, strict=True)))
    news = News(
        NewsTerms(per_day=12 * MICRO, jump=20_000, walk=3_000),
        terms.kind,
        listing.markets,
        random_of(SEED, "news"),
        values,
    )
    agenda = Agenda(0)
    news.begin(agenda, [], [])
    seen: list[list[int]] = []
    while agenda.now_ns < 60 * 86_400 * SECOND_NS:
        agenda.take()()
        seen.append([values.fair(condition_id) for condition_id in conditions])
    for at, price in enumerate(opening):
        course = [prices[at] for prices in seen]
        assert 10_000 < min(course) < price < max(course) < 990_000
        assert abs(mean(course) - price) < 200_000
    if terms is GROUP:
        assert {sum(prices) for prices in seen} == {ONE}
