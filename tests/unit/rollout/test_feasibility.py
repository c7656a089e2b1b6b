"""The smallest legal set: hand-computed arithmetic, and what each figure of a profile forbids."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.limits import (
    Breaker,
    Envelope,
    Guards,
    Phase,
    Profile,
    RunKind,
    ShadowModel,
    Sizing,
)
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.rollout.feasibility import (
    SHAPES,
    Fit,
    Shape,
    cents_up,
    prove,
    set_prices,
    shares_min,
    smallest,
)

USD = MICRO


def profile(
    *families: Family,
    trade: int = 2 * USD,
    ceiling: int = 5 * USD,
    edge: int = 15_000,
    **envelope: int,
) -> Profile:
    limits = {
        "order_notional_max": 100 * USD,
        "position_notional_max": 100 * USD,
        "open_notional_max": 100 * USD,
        "daily_loss_max": USD,
        "instruments_max": 31,
        "venues_max": 1,
        "orders_per_minute_max": 60,
    }
    return Profile(
        name="one",
        run=RunKind.LIVE,
        phase=Phase.MICRO_LIVE,
        families=families,
        envelope=Envelope(**(limits | envelope)),
        sizing=Sizing(
            trade_size=trade,
            trade_size_ceiling=ceiling,
            edge_fraction_min=edge,
            slippage_fraction_max=0,
            gas_per_plan=0,
            notional_min=USD,
        ),
        guards=Guards(
            settle_ms=0, lag_ms_max=1, skew_ms_max=1, content_age_ms_max=1, episode_gap_ms=0
        ),
        breaker=Breaker(consecutive_failures_max=1, failure_fraction_max=1, failure_window=1),
        shadow=ShadowModel(
            seed=0, latency_ms_p50=0, latency_ms_p95=0, fade_fraction=0, revert_fraction=0
        ),
    )


@pytest.mark.parametrize(
    ("cheapest", "shares", "capital_at_97_cents"),
    [
        (500_000, 5_000_000, 4_850_000),
        (200_000, 5_000_000, 4_850_000),
        (199_999, 5_010_000, 4_859_700),
        (50_000, 20_000_000, 19_400_000),
        (10_000, 100_000_000, 97_000_000),
        (30_000, 33_340_000, 32_339_800),
        (1_000, 1_000_000_000, 970_000_000),
    ],
)
def test_the_smallest_set_is_five_shares_or_a_dollar_of_the_cheapest_leg(
    cheapest: int, shares: int, capital_at_97_cents: int
) -> None:
    assert shares_min(cheapest, USD) == shares
    assert shares * 970_000 // MICRO == capital_at_97_cents


@given(st.integers(100, 999_999), st.integers(1, 100 * USD))
def test_no_smaller_lot_is_legal(cheapest: int, notional: int) -> None:
    shares = shares_min(cheapest, notional)
    assert shares >= 5 * MICRO and shares % 10_000 == 0
    assert shares * cheapest >= notional * MICRO
    fewer = shares - 10_000
    assert fewer < 5 * MICRO or fewer * cheapest < notional * MICRO


@pytest.mark.parametrize(
    ("family", "shape", "prices", "capital"),
    [
        (Family.IMPLICATION, Shape(legs=2), (500_000, 500_000), 1_000_000),
        (Family.NEGRISK_YES, Shape(legs=3), (333_333,) * 3, 1_000_000),
        (Family.NEGRISK_NO, Shape(legs=3), (666_666,) * 3, 2_000_000),
        (Family.NEGRISK_SPLIT, Shape(legs=4), (250_000,) * 4, 1_000_000),
        (Family.NEGRISK_YES, Shape(legs=2, cheapest=50_000), (50_000, 950_000), 1_000_000),
        (Family.NEGRISK_YES, Shape(legs=3, cheapest=50_000), (50_000, 475_000, 475_000), 1_000_000),
    ],
)
def test_without_an_edge_a_set_is_worth_what_it_pays(
    family: Family, shape: Shape, prices: tuple[int, ...], capital: int
) -> None:
    assert set_prices(family, shape, 0) == (prices, capital)


@given(st.sampled_from(list(Family)), st.integers(2, 50), st.integers(0, MICRO))
def test_a_set_at_the_edge_earns_it(family: Family, legs: int, edge: int) -> None:
    prices, capital = set_prices(family, Shape(legs=legs), edge)
    assert len(prices) == legs
    if family is Family.NEGRISK_SPLIT:
        profit = sum(prices) - MICRO
    else:
        payoff = (legs - 1) * MICRO if family is Family.NEGRISK_NO else MICRO
        profit = payoff - sum(prices)
    assert abs(profit * MICRO - edge * capital) <= 2 * (legs + 1) * MICRO


def test_the_sets_of_micro_live_are_those_of_the_product() -> None:
    one = profile(Family.NEGRISK_YES, edge=30_928)
    assert smallest(one, Family.NEGRISK_YES, Shape(legs=2)).capital == 4_849_995
    five_cents = smallest(one, Family.NEGRISK_YES, Shape(legs=2, cheapest=50_000))
    assert five_cents.capital == 19_399_980
    assert five_cents.order_max == 18_399_980
    one_cent = smallest(one, Family.NEGRISK_YES, Shape(legs=2, cheapest=10_000))
    assert one_cent.capital == 96_999_900


@pytest.mark.parametrize(
    ("trade", "ceiling", "fit"),
    [
        (5 * USD, 5 * USD, Fit.AT_SIZE),
        (5 * USD - 1, 5 * USD, Fit.ROUNDED_UP),
        (2 * USD, 5 * USD, Fit.ROUNDED_UP),
        (2 * USD, 5 * USD - 1, Fit.ILLEGAL),
    ],
)
def test_a_set_fits_the_trade_size_or_the_ceiling_or_nothing(
    trade: int, ceiling: int, fit: Fit
) -> None:
    one = profile(Family.NEGRISK_SPLIT, trade=trade, ceiling=ceiling)
    assert smallest(one, Family.NEGRISK_SPLIT, Shape(legs=2)).fit is fit


@pytest.mark.parametrize(
    ("limits", "obstacle"),
    [
        ({"ceiling": 4 * USD}, "capital 5 is above trade_size_ceiling_usd 4"),
        ({"position_notional_max": 4 * USD}, "capital 5 is above position_notional_usd_max 4"),
        ({"open_notional_max": 4 * USD}, "capital 5 is above open_notional_usd_max 4"),
        ({"order_notional_max": USD}, "one order 2.54 is above order_notional_usd_max 1"),
        ({"instruments_max": 1}, "2 markets are more than instruments_max 1"),
        ({"orders_per_minute_max": 1}, "2 orders are more than orders_per_minute_max 1"),
    ],
)
def test_each_cap_forbids_a_set_above_it(limits: dict[str, int], obstacle: str) -> None:
    one = profile(Family.NEGRISK_SPLIT, **limits)
    found = smallest(one, Family.NEGRISK_SPLIT, Shape(legs=2))
    assert (found.fit, found.obstacle) == (Fit.ILLEGAL, obstacle)
    assert not prove(one).is_legal


@pytest.mark.parametrize(
    "limits",
    [
        {"ceiling": 5 * USD, "position_notional_max": 5 * USD, "open_notional_max": 5 * USD},
        {"order_notional_max": 2_537_500},
        {"instruments_max": 2, "orders_per_minute_max": 2},
    ],
)
def test_a_set_at_a_cap_is_legal(limits: dict[str, int]) -> None:
    assert prove(profile(Family.NEGRISK_SPLIT, **limits)).is_legal


def test_a_set_of_a_shape_that_is_not_shown_is_legal_too() -> None:
    proof = prove(profile(Family.NEGRISK_SPLIT, order_notional_max=1_270_000, instruments_max=4))
    assert all(legal.fit is Fit.ILLEGAL for legal in proof.sets)
    assert proof.even_legs_max == {Family.NEGRISK_SPLIT: 4}
    assert proof.is_legal


def test_an_edge_that_needs_a_price_of_one_is_out_of_reach() -> None:
    one = profile(Family.NEGRISK_SPLIT, ceiling=1000 * USD, position_notional_max=1000 * USD)
    found = smallest(one, Family.NEGRISK_SPLIT, Shape(legs=2, cheapest=15_000))
    assert found.obstacle == "the edge needs a leg at 1, and no price reaches 1"
    cheaper = smallest(one, Family.NEGRISK_SPLIT, Shape(legs=2, cheapest=15_001))
    assert "no price reaches" not in cheaper.obstacle


def test_a_binary_market_alone_places_nothing() -> None:
    proof = prove(profile(Family.BINARY))
    assert (proof.is_legal, proof.sets, proof.even_legs_max) == (False, (), {})
    assert prove(profile(Family.BINARY, venues_max=2)).is_legal


def test_every_family_is_shown_in_the_shapes_that_it_has() -> None:
    proof = prove(profile(*Family))
    for family in (Family.NEGRISK_YES, Family.NEGRISK_NO, Family.NEGRISK_SPLIT):
        assert [legal.shape for legal in proof.sets if legal.family is family] == list(SHAPES)
    for family in (Family.IMPLICATION, Family.LADDER):
        assert {legal.shape.legs for legal in proof.sets if legal.family is family} == {2}
    assert proof.even_legs_max == {
        Family.NEGRISK_YES: 4,
        Family.NEGRISK_NO: 2,
        Family.NEGRISK_SPLIT: 5,
        Family.IMPLICATION: 2,
        Family.LADDER: 2,
    }
    assert prove(profile(Family.NEGRISK_NO, ceiling=USD)).even_legs_max == {Family.NEGRISK_NO: 0}


def test_a_proof_names_its_profile_and_is_json() -> None:
    proof = prove(profile(Family.NEGRISK_SPLIT))
    assert (proof.profile, proof.run, proof.phase) == ("one", RunKind.LIVE, Phase.MICRO_LIVE)
    assert msgspec.json.decode(msgspec.json.encode(proof))["even_legs_max"] == {"negrisk_split": 5}


def test_shapes_and_cents_read_well() -> None:
    assert str(Shape(legs=3)) == "3 even legs"
    assert str(Shape(legs=2, cheapest=10_000)) == "2 legs, one at 0.01"
    assert [cents_up(amount) for amount in (0, 1, 10_000, 10_001)] == [0, 10_000, 10_000, 20_000]
