"""The sandbox's exchange does what a slow and obvious one does, whatever is asked of it."""

import pytest
from tests.simulation.exchange_lives import play

STEPS = 120
SLOW_LIVES = 1_500
SLOW_PARTS = 6
HOLD_MS = 250


@pytest.mark.parametrize("seed", range(12))
def test_it_agrees_with_the_oracle_and_conserves_everything(seed: int) -> None:
    play(seed, STEPS)


@pytest.mark.parametrize("seed", range(100, 108))
def test_it_agrees_where_takers_are_held(seed: int) -> None:
    play(seed, STEPS, hold_ms=HOLD_MS)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SLOW_PARTS))
def test_it_agrees_over_thousands_of_lives(part: int) -> None:
    for seed in range(part, SLOW_LIVES, SLOW_PARTS):
        play(1_000 + seed, 30)
        play(10_000 + seed, 30, hold_ms=HOLD_MS)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert play(7, STEPS) == play(7, STEPS)
    assert play(7, STEPS) != play(8, STEPS)
