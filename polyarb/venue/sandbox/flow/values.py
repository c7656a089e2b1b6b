"""What the markets of the sandbox are worth: known to nobody, heard of sooner or later."""

from collections.abc import Sequence

from polyarb.domain.ids import ConditionId
from polyarb.domain.units import ONE
from polyarb.venue.sandbox.flow.scenario import EventKind

EDGE = 5_000
"""No market is worth less than this, or more than one less it, before its verdict. Micros."""


class Values:
    """The fair value of YES of every market. Units: micros of a USD."""

    def __init__(self, prices: dict[ConditionId, int]) -> None:
        self._prices = prices

    def fair(self, condition_id: ConditionId) -> int:
        """Return what YES is worth."""
        return self._prices[condition_id]

    def set(self, condition_ids: Sequence[ConditionId], prices: Sequence[int]) -> None:
        """Change what the YES of some markets are worth."""
        self._prices.update(zip(condition_ids, prices, strict=True))


def moved(kind: EventKind, prices: Sequence[int], at: int, amount: int) -> list[int]:
    """Move the value of one market of an event by an amount, the others as their kind wants.

    In a group the others make room in proportion, so that the values sum to one still; in a nested
    event all of them move the same way, so that their order stays.
    """
    if kind is EventKind.NEG_RISK:
        return _regrouped(prices, at, amount)
    if kind is EventKind.NESTED:
        return [_towards_edge(price, amount) for price in prices]
    return [_kept(price + amount) if index == at else price for index, price in enumerate(prices)]


def without(prices: Sequence[int], at: int) -> list[int]:
    """Give the value of an outcome that is out of the race to the others of its group."""
    rest = max(ONE - prices[at], 1)
    return [0 if index == at else price * ONE // rest for index, price in enumerate(prices)]


def _regrouped(prices: Sequence[int], at: int, amount: int) -> list[int]:
    """Keep every value off the edges; what rounding leaves goes to the largest."""
    old = prices[at]
    new = min(max(old + amount, EDGE), ONE - EDGE * (len(prices) - 1))
    rest = max(ONE - old, 1)
    fresh = [
        new if index == at else max(price * (ONE - new) // rest, EDGE)
        for index, price in enumerate(prices)
    ]
    largest = max(range(len(fresh)), key=fresh.__getitem__)
    fresh[largest] += ONE - sum(fresh)
    return fresh


def _towards_edge(price: int, amount: int) -> int:
    """Go a part of the way to 0 or 1, the same part whatever the price is."""
    room = ONE - price if amount > 0 else price
    return _kept(price + 2 * amount * room // ONE)


def _kept(price: int) -> int:
    return min(max(price, EDGE), ONE - EDGE)
