"""Figures are exact, and nothing to count is never 0."""

import pytest
from polyarb.reports import wording as w


def test_money_and_shares_are_exact_or_no_sample() -> None:
    assert w.usd(-1_020_000) == "-1.02 USD"
    assert w.usd(0) == "0 USD"
    assert w.usd(None) == w.shares(None) == w.cents(None) == w.duration(None) == "no sample"
    assert w.shares(12_340_000) == "12.34"


def test_edges_are_cents_rounded_down() -> None:
    assert w.cents(15 * 10**10) == "15 c"
    assert w.cents(-3_045_000_000) == "-0.305 c"
    assert w.cents(12_345_678) == "0.001 c"


def test_a_share_of_nothing_is_no_sample_and_of_something_has_its_n() -> None:
    assert w.share_of(0, 0) == w.percent(0, 0) == "no sample"
    assert w.share_of(1, 3) == "33.3 % (1 of 3)"
    assert w.percent(1, 3) == "33.33 %"


def test_what_was_not_measured_says_so() -> None:
    assert w.count(None) == w.milliseconds(None) == "not measured"
    assert (w.count(1_234_567), w.milliseconds(1_234_567)) == ("1,234,567", "1.234 ms")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"),
        (19_000_000, "0.019 s"),
        (59_999_999_999, "59.999 s"),
        (60 * 10**9, "1 m 0 s"),
        (3_661 * 10**9, "1 h 1 m"),
        (90_000 * 10**9, "1 d 1 h"),
    ],
)
def test_durations_have_two_units(nanoseconds: int, text: str) -> None:
    assert w.duration(nanoseconds) == text


def test_names_and_numbers_read_well() -> None:
    assert w.some(1, "book") == "1 book"
    assert w.some(1_200, "book") == "1,200 books"
    assert w.listing({}) == "-"
    assert w.listing({"a": 1, "c": 5, "b": 5}) == "b 5, c 5, a 1"
    assert w.short("RACE") == "RACE"
    assert w.short("0x" + "ab" * 32) == "0xababababab…ababab"
    assert w.file_names("/a/b/tape.gz /c/two.gz") == "tape.gz two.gz"
    assert w.moment(1_780_833_600 * 10**9) == "2026-06-07 12:00:00 UTC"
