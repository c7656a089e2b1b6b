"""The taker fee against recorded vectors, hand-computed tables and its own lemmas."""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.fees import FeeSchedule, fee_floor5, fee_per_share, net_ask, net_bid
from polyarb.domain.units import FEE_STEP, MICRO, PICO, Price, Shares

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "fees.json").read_text()
)
TAKEN = [row for row in VECTORS["vectors"] if row["input"]["role"] == "taker"]


def _micros(text: str) -> int:
    return int(Decimal(text) * MICRO)


def _schedule(row: dict[str, Any]) -> FeeSchedule:
    return FeeSchedule(
        rate=int(Decimal(row["rate"]) * 10_000), exponent=int(row.get("exponent", 1))
    )


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: str(row["input"]))
def test_the_charge_of_a_fill_is_that_of_the_vectors(row: dict[str, Any]) -> None:
    given_ = row["input"]
    fee = fee_floor5(
        Price(_micros(given_["price"])), Shares(_micros(given_["shares"])), _schedule(given_)
    )
    assert fee == int(row["expected"]["fee_base_units"])


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: str(row["input"]))
def test_the_fee_of_a_share_is_exact_for_the_vectors(row: dict[str, Any]) -> None:
    given_ = row["input"]
    exact = Fraction(row["expected"]["exact"]) / Fraction(given_["shares"])
    assert Fraction(fee_per_share(_micros(given_["price"]), _schedule(given_)), PICO) == exact


@pytest.mark.parametrize("row", VECTORS["complete_set_fee"], ids=lambda row: row["input"]["name"])
def test_the_fee_of_a_complete_set_is_that_of_the_vectors(row: dict[str, Any]) -> None:
    given_, schedule = row["input"], _schedule(row["input"])
    asks = [_micros(given_["ask_yes"]), _micros(given_["ask_no"])]
    fees = sum(net_ask(ask, schedule) - ask * MICRO for ask in asks)
    assert Fraction(fees, PICO) == Fraction(row["expected"]["fee_per_set"])


@pytest.mark.parametrize(
    ("rate", "charges"),
    [
        (300, (29_700, 142_500, 270_000, 630_000, 750_000)),
        (400, (39_600, 190_000, 360_000, 840_000, 1_000_000)),
        (500, (49_500, 237_500, 450_000, 1_050_000, 1_250_000)),
        (700, (69_300, 332_500, 630_000, 1_470_000, 1_750_000)),
    ],
)
def test_the_fee_of_a_hundred_shares_is_that_of_the_table(
    rate: int, charges: tuple[int, ...]
) -> None:
    prices = (10_000, 50_000, 100_000, 300_000, 500_000)
    hundred, schedule = Shares(100 * MICRO), FeeSchedule(rate=rate)
    assert tuple(fee_floor5(Price(price), hundred, schedule) for price in prices) == charges


def test_the_older_schedule_squares_the_spread() -> None:
    schedule = FeeSchedule(rate=2_500, exponent=2)
    assert fee_per_share(500_000, schedule) == PICO // 64
    assert fee_floor5(Price(500_000), Shares(MICRO), schedule) == 15_620


prices = st.integers(min_value=1, max_value=9_999).map(lambda four: four * 100)
schedules = st.builds(
    FeeSchedule, rate=st.integers(min_value=0, max_value=2_500), exponent=st.sampled_from([1, 2])
)


@given(prices, prices, schedules)
def test_net_prices_keep_the_order_of_gross_prices(
    one: int, other: int, schedule: FeeSchedule
) -> None:
    low, high = sorted((one, other))
    assert net_ask(low, schedule) <= net_ask(high, schedule)
    assert net_bid(low, schedule) <= net_bid(high, schedule)


@given(prices, schedules)
def test_selling_yes_and_buying_no_are_the_same_trade(price: int, schedule: FeeSchedule) -> None:
    assert PICO - net_bid(price, schedule) == net_ask(MICRO - price, schedule)


@given(prices, schedules)
def test_a_fee_is_never_income(price: int, schedule: FeeSchedule) -> None:
    assert net_bid(price, schedule) <= price * MICRO <= net_ask(price, schedule)
    assert net_bid(price, schedule) > 0 and net_ask(price, schedule) < 2 * PICO


@given(prices, st.integers(min_value=0, max_value=10**10), schedules)
def test_the_charge_is_a_whole_step_not_above_the_exact_fee(
    price: int, shares: int, schedule: FeeSchedule
) -> None:
    charge = fee_floor5(Price(price), Shares(shares), schedule)
    assert charge % FEE_STEP == 0
    exact = fee_per_share(price, schedule) * shares
    assert charge * PICO <= exact
    assert exact - charge * PICO < FEE_STEP * PICO + shares
