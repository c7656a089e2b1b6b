"""Whole numbers: reading, writing and rounding money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.units import (
    ATTO,
    MICRO,
    PICO,
    ceil_to,
    cost_up,
    floor_to,
    format_attos,
    format_micros,
    format_scaled,
    parse_micros,
    proceeds_down,
)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.47", 470_000),
        ("1", 1_000_000),
        ("0", 0),
        ("0.000001", 1),
        ("12.3400000000", 12_340_000),
        ("007.5", 7_500_000),
        ("1.", 1_000_000),
    ],
)
def test_a_plain_decimal_is_read_exactly(text: str, micros: int) -> None:
    assert parse_micros(text) == micros


@pytest.mark.parametrize(
    "text", ["", ".5", "-1", "+1", "1e3", " 1", "1 ", "1_000", "0.0000001", "nan", "1.2.3", "٣"]
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_micros(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_writing_micros_and_reading_them_gives_them_back(amount: int) -> None:
    assert parse_micros(format_micros(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "scale", "text"),
    [
        (470_000, MICRO, "0.47"),
        (-470_000, MICRO, "-0.47"),
        (3 * MICRO, MICRO, "3"),
        (0, MICRO, "0"),
        (-1, PICO, "-0.000000000001"),
    ],
)
def test_a_scaled_number_is_written_shortest(amount: int, scale: int, text: str) -> None:
    assert format_scaled(amount, scale) == text


def test_attos_are_written_as_dollars() -> None:
    assert format_attos(4_495_950 * PICO) == "4.49595"


@given(st.integers(min_value=-(10**24), max_value=10**24), st.sampled_from([PICO, ATTO]))
def test_costs_round_up_and_proceeds_down_by_less_than_a_micro(amount: int, scale: int) -> None:
    up, down = cost_up(amount, scale), proceeds_down(amount, scale)
    assert down * scale <= amount * MICRO <= up * scale
    assert up - down == (0 if amount * MICRO % scale == 0 else 1)


@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=1, max_value=10**6))
def test_floor_and_ceiling_are_the_nearest_multiples(amount: int, step: int) -> None:
    low, high = floor_to(amount, step), ceil_to(amount, step)
    assert low % step == high % step == 0
    assert low <= amount <= high < low + 2 * step
    assert amount - low < step and high - amount < step
