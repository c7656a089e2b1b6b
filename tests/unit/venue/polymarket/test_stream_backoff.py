"""The waits between attempts grow, are spread, and begin anew."""

from random import Random

from polyarb.venue.polymarket.stream.backoff import Backoff
from tests.stream_cases import Longest


def test_the_longest_wait_doubles_up_to_the_most() -> None:
    backoff = Backoff(Longest())
    waits = [backoff.wait_ms() for _ in range(9)]
    assert waits == [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]


def test_a_wait_is_anything_from_zero_to_the_longest() -> None:
    firsts = [Backoff(Random(seed)).wait_ms() for seed in range(400)]
    assert 0 <= min(firsts) < 10
    assert 240 < max(firsts) <= 250
    assert 110 < sum(firsts) / len(firsts) < 140


def test_the_same_seed_waits_the_same() -> None:
    one, other = Backoff(Random(3)), Backoff(Random(3))
    assert [one.wait_ms() for _ in range(5)] == [other.wait_ms() for _ in range(5)]


def test_a_connection_that_delivered_for_a_while_begins_anew() -> None:
    backoff = Backoff(Longest())
    for _ in range(4):
        backoff.wait_ms()
    backoff.delivered(lived_ms=2_000)
    assert backoff.wait_ms() == 250


def test_a_connection_that_lived_shorter_than_the_wait_before_it_does_not() -> None:
    backoff = Backoff(Longest())
    for _ in range(2):
        backoff.wait_ms()
    backoff.delivered(lived_ms=499)
    assert backoff.wait_ms() == 1_000


def test_a_venue_that_delivers_and_hangs_up_is_back_within_two_seconds() -> None:
    backoff = Backoff(Longest())
    for _ in range(9):
        backoff.wait_ms()
    for _ in range(3):
        backoff.delivered(lived_ms=1)
        assert backoff.wait_ms() == 2_000


def test_a_venue_that_asks_for_a_pause_gets_it() -> None:
    assert Backoff(Longest()).wait_ms(7_000) == 7_000
    assert Backoff(Longest()).wait_ms(7) == 250
