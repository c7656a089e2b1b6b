"""Amounts are exact, never worse than the wanted price, and cheap to keep within every cap."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.instruments.gamma import TICKS
from polyarb.venue.polymarket.signing.amounts import (
    AMOUNT_STEP,
    Amounts,
    is_on_grid,
    lattice_step,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)

CENT = 10_000


@st.composite
def prices(draw: st.DrawFn) -> tuple[int, int]:
    """Draw a tick and a price on its grid."""
    tick = draw(st.sampled_from(sorted(AMOUNT_STEP)))
    return tick, tick * draw(st.integers(1, MICRO // tick - 1))


def test_the_ticks_are_the_venues() -> None:
    assert AMOUNT_STEP.keys() == TICKS


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (575_000, 10_000),
        (0, 10_000),
        (MICRO, 10_000),
        (5_000, 10_000),
        (995_000, 10_000),
        (500_000, 20_000),
        (500_000, 1),
        (-10_000, 10_000),
    ],
)
def test_a_price_off_the_grid_is_refused(price: int, tick: int) -> None:
    with pytest.raises(ValueError, match="on the grid"):
        limit_amounts(price=price, shares=MICRO, side=Side.BUY, tick=tick)
    with pytest.raises(ValueError, match="on the grid"):
        market_buy_amounts(price=price, collateral=MICRO, tick=tick)
    with pytest.raises(ValueError, match="on the grid"):
        market_sell_amounts(price=price, shares=MICRO, tick=tick)


@given(prices(), st.integers(0, 10**13))
def test_a_limit_order_encodes_its_price_exactly(case: tuple[int, int], shares: int) -> None:
    tick, price = case
    buy = limit_amounts(price=price, shares=shares, side=Side.BUY, tick=tick)
    sell = limit_amounts(price=price, shares=shares, side=Side.SELL, tick=tick)
    assert (buy.maker, buy.taker) == (sell.taker, sell.maker)
    assert buy.taker == shares - shares % CENT
    assert buy.maker * MICRO == buy.taker * price


@given(prices(), st.integers(0, 10**13))
def test_a_market_buy_asks_for_as_many_shares_as_its_price_allows(
    case: tuple[int, int], collateral: int
) -> None:
    tick, price = case
    found = market_buy_amounts(price=price, collateral=collateral, tick=tick)
    assert found.maker == collateral - collateral % CENT
    wanted = Fraction(found.maker * MICRO, price)
    assert 0 <= wanted - found.taker < AMOUNT_STEP[tick]


@given(prices(), st.integers(1, 10**6))
def test_sizes_of_the_lattice_pass_every_cap(case: tuple[int, int], steps: int) -> None:
    tick, price = case
    shares = steps * lattice_step(tick)
    for side in Side:
        assert limit_amounts(price=price, shares=shares, side=side, tick=tick).fits_market_caps


@pytest.mark.parametrize(
    ("maker", "taker", "is_good"),
    [
        (10_000, 100, True),
        (10_001, 100, False),
        (9_900, 100, False),
        (10_000, 101, False),
        (10_000, 10, False),
        (0, 0, True),
    ],
)
def test_the_caps_are_two_and_four_decimals(maker: int, taker: int, is_good: bool) -> None:
    assert Amounts(maker=maker, taker=taker).fits_market_caps is is_good


@given(st.sampled_from(sorted(AMOUNT_STEP)), st.integers(-MICRO, 2 * MICRO))
def test_the_grid_is_the_multiples_between_its_ends(tick: int, price: int) -> None:
    assert is_on_grid(price, tick) is (price in range(tick, MICRO - tick + 1, tick))
