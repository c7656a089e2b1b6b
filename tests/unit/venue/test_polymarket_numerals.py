"""Text of the wire as whole micros."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.messages import UNKNOWN_PRICE
from polyarb.domain.units import ONE, format_micros
from polyarb.venue.polymarket.channel import numerals
from polyarb.venue.polymarket.channel.numerals import (
    PRICES,
    SIZES,
    Rejection,
    UnusableError,
    read_best_ask,
    read_best_bid,
    read_price,
    read_size,
    read_tick,
)

NONSENSE = ["", " ", "x", "-1", "+1", "1e-1", ".5", "0,5", "0.5 ", "\u0660.\u0665", "0.5.5", "nan",
            "1_0", "\u00b2"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "price", "mirrored", "mirrored_text"),
    [
        ("0.47", 470_000, 530_000, "0.53"),
        ("0.4700", 470_000, 530_000, "0.5300"),
        ("0.5", 500_000, 500_000, "0.5"),
        ("0.001", 1_000, 999_000, "0.999"),
        ("0.9999", 999_900, 100, "0.0001"),
        ("0.47000000", 470_000, 530_000, "0.530000"),
        ("00.47", 470_000, 530_000, "0.53"),
    ],
)
def test_a_price_is_read_with_its_mirror(
    text: str, price: int, mirrored: int, mirrored_text: str
) -> None:
    assert read_price(text) == (price, mirrored, mirrored_text)
    assert read_price(text) == (price, mirrored, mirrored_text)


@given(st.integers(1, 9_999), st.integers(0, 4))
def test_every_lattice_price_is_read_exactly_however_many_zeros_it_carries(
    steps: int, zeros: int
) -> None:
    micros = steps * 100
    text = format_micros(micros)
    padded = text + "0" * zeros
    assert read_price(padded)[:2] == (micros, ONE - micros)
    assert read_price(text)[2] in (format_micros(ONE - micros), f"{format_micros(ONE - micros)}0")


@pytest.mark.parametrize("text", [*NONSENSE, "0", "1", "1.0", "0.00", "1.01", "0.47001", "2"])
def test_what_is_no_tradable_price_is_unusable(text: str) -> None:
    with pytest.raises(UnusableError) as fault:
        read_price(text)
    assert fault.value.rejection is Rejection.BAD_PRICE


@given(st.integers(0, numerals.SIZE_MAX), st.booleans())
def test_every_size_of_whole_micro_shares_is_read_exactly(micros: int, is_known: bool) -> None:
    text = format_micros(micros)
    if not is_known:
        SIZES.pop(text, None)
    assert read_size(text) == (micros, False)


@pytest.mark.parametrize(
    ("text", "micros", "is_cut"),
    [
        ("1.5899999999999999", 1_589_999, True),
        ("7.8100000000000005", 7_810_000, True),
        ("7.8100000000000000", 7_810_000, False),
        ("0.0000001", 0, True),
        ("5.", 5_000_000, False),
    ],
)
def test_what_is_finer_than_a_share_can_be_is_cut_off(text: str, micros: int, is_cut: bool) -> None:
    assert read_size(text) == (micros, is_cut)


@pytest.mark.parametrize(
    "text",
    [*NONSENSE, "1000000000000.000001", "9" * 5_000, "1.0000000x", "1.-000000", "1.0000000\u0660"],
)
def test_what_is_no_size_is_unusable(text: str) -> None:
    with pytest.raises(UnusableError) as fault:
        read_size(text)
    assert fault.value.rejection is Rejection.BAD_SIZE


def test_the_caches_stay_bounded_whatever_is_sent() -> None:
    for number in range(70_000):
        read_size(f"{number}.5")
        read_price(f"{number:0100d}"[:90] + "0.5")
    assert len(SIZES) <= 1 << 16
    assert all(len(text) <= 6 for text in PRICES)
    with pytest.raises(UnusableError):
        read_size("0" * 100 + "1")


@pytest.mark.parametrize(
    ("text", "bid", "ask"),
    [
        (None, (UNKNOWN_PRICE, UNKNOWN_PRICE), (UNKNOWN_PRICE, UNKNOWN_PRICE)),
        ("", (0, ONE), (ONE, 0)),
        ("0", (0, ONE), (ONE, 0)),
        ("0.00", (0, ONE), (ONE, 0)),
        ("0.41", (410_000, 590_000), (410_000, 590_000)),
    ],
)
def test_a_top_is_told_empty_or_unknown(
    text: str | None, bid: tuple[int, int], ask: tuple[int, int]
) -> None:
    for _ in range(2):
        assert read_best_bid(text) == bid
        assert read_best_ask(text) == ask


def test_an_ask_of_one_is_an_empty_side_and_a_bid_of_one_is_nonsense() -> None:
    assert read_best_ask("1") == read_best_ask("1.00") == (ONE, 0)
    for read, text in ((read_best_bid, "1"), (read_best_bid, "0.00001"), (read_best_ask, "2")):
        with pytest.raises(UnusableError) as fault:
            read(text)
        assert fault.value.rejection is Rejection.BAD_PRICE


def test_a_tick_lies_on_the_lattice() -> None:
    assert [read_tick(text) for text in ("0.01", "0.0025", "0.1")] == [10_000, 2_500, 100_000]
    for text in ("0", "1", "0.00001", "x"):
        with pytest.raises(UnusableError) as fault:
            read_tick(text)
        assert fault.value.rejection is Rejection.BAD_TICK
