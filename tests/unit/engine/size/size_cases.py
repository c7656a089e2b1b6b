"""Small random problems of every family, as JSON objects, from any source of choices."""

from collections.abc import Callable, Sequence
from typing import Any

FAMILIES = (
    "binary",
    "negrisk_yes",
    "negrisk_no",
    "negrisk_split",
    "implication",
    "ladder",
)

Pick = Callable[[Sequence[Any]], Any]
"""Chooses one of a sequence: hypothesis or a seeded generator."""

LOTS = ("1", "1", "2", "0.5", "3")
SIZES = ("0.5", "1", "1.5", "2", "2.25", "3", "4", "6", "8", "10")
RATES = ("0", "0", "0.04", "0.05", "0.07", "0.3")


def levels(pick: Pick, low: int, high: int, most: int) -> list[list[str]]:
    """Draw up to so many levels with prices of low to high cents; equal prices may repeat."""
    lowest = min(max(low, 1), 98)
    prices = range(lowest, min(max(high, lowest), 99) + 1)
    count = pick((0, *(1, *range(1, most + 1), *range(2, most + 1)) * 3))
    return [[f"0.{pick(prices):02d}", pick(SIZES)] for _ in range(count)]


def leg_around(pick: Pick, cents: int, most: int, is_both: bool = True) -> dict[str, Any]:
    """Draw a book whose bids lie below and whose asks lie above a price."""
    leg: dict[str, Any] = {"fee_rate": pick(RATES)}
    if is_both or pick((True, False)):
        leg["asks"] = levels(pick, cents + 1, cents + 7, most)
    leg["bids"] = levels(pick, cents - 6, cents, most)
    if pick(range(80)) == 79:
        leg["bids"] = [["0.98", "1"]]
    return leg


def fair_cents(pick: Pick, family: str, count: int) -> list[int]:
    """Draw prices that make an edge likely for the family."""
    if family == "binary":
        first = pick(range(15, 70))
        return [first, max(pick(range(72, 94)) - first, 2)]
    if family == "implication":
        first = pick(range(20, 70))
        return [first, min(first + pick(range(2, 22)), 95)]
    if family == "ladder":
        first = pick(range(25, 60))
        return [max(2, first + pick(range(-6, 18))) for _ in range(count)]
    total = pick(range(64, 92)) if family == "negrisk_yes" else pick(range(108, 150))
    parts = [pick(range(1, 10)) for _ in range(count)]
    return [max(2, total * part // sum(parts)) for part in parts]


def problem(pick: Pick, family: str, legs_max: int = 4, levels_max: int = 3) -> dict[str, Any]:
    """Draw a problem with any constraints."""
    is_pair = family in ("binary", "implication")
    count = 2 if is_pair else pick(range(2, legs_max + 1))
    cents = fair_cents(pick, family, count)
    drawn: dict[str, Any] = {
        "id": "drawn",
        "family": family,
        "legs": [leg_around(pick, price, levels_max) for price in cents],
        "constraints": {"lot": pick(LOTS)},
    }
    if family == "negrisk_yes":
        drawn["exhaustive"] = pick((True,) * 15 + (False,))
    limits = drawn["constraints"]
    if pick((True, False)):
        limits["min_size"] = pick(("0", "1", "2", "3", "4.5"))
    if pick((True, False)):
        limits["min_notional"] = pick(("0", "0.4", "0.7", "1", "1.7"))
    if pick((True, False)):
        limits["capital"] = pick((None, "1", "2.35", "4", "6.5", "9", "14"))
    if pick((True, False, False)):
        limits["gas"] = pick(("0.01", "0.05", "0.2", "0.7"))
    return drawn
