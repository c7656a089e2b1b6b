"""The draws of the agents: each has a chance of its own, so that none shifts the others'."""

from math import exp
from random import Random

from polyarb.domain.units import MICRO, floor_to

_NS_PER_MS = 1_000_000
_CENT = 10_000


def random_of(seed: int, name: str) -> Random:
    """Return the chance of the agent of this name."""
    return Random(f"polyarb sandbox {seed} {name}")


def pause_ns(random: Random, mean_ms: int) -> int:
    """Draw a pause without memory. Units: nanoseconds."""
    return round(random.expovariate(1) * mean_ms * _NS_PER_MS)


def reaction_ns(random: Random, median_ms: int, spread: float) -> int:
    """Draw a delay around a median, skewed as reaction times are. Units: nanoseconds."""
    return round(median_ms * _NS_PER_MS * exp(random.gauss(0, spread)))


def lot_of(tick: int) -> int:
    """Return the micro-shares whose multiples cost whole cents at every price of a tick."""
    return max(_CENT * MICRO // tick, MICRO)


def shares_of(random: Random, mean: int, *, tick: int, least: int) -> int:
    """Draw the size of a taker's order, in whole lots. Units: micro-shares."""
    lot = lot_of(tick)
    drawn = floor_to(round(random.expovariate(1) * mean), lot)
    return max(drawn, -(-least // lot) * lot)
