"""What the orders of a plan are worth together once each has filled as far as it could.

Shape: filled holds the shares of every order of the plan, in the order of its orders.
"""

from collections.abc import Sequence
from typing import assert_never

from polyarb.domain.messages import PlaceOrders
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Family, Outcome

LAYERED = frozenset({Family.NEGRISK_NO, Family.NEGRISK_SPLIT})
"""Families whose plan of fewer sets keeps a thin order whole: a leg of q sets is min(q, x)."""


def joint_quantity(placed: PlaceOrders, filled: Sequence[int]) -> int:
    """Compute the sets that every order filled its share of: the smallest filled fraction.

    Units: micro-sets, rounded down.
    """
    return min(
        placed.quantity * shares // order.shares
        for order, shares in zip(placed.orders, filled, strict=True)
    )


def kept_shares(placed: PlaceOrders, filled: Sequence[int], quantity: int) -> list[int]:
    """Tell how many of each order's shares belong to so many complete sets."""
    if placed.family in LAYERED and not placed.states:
        return [min(shares, quantity) for shares in filled]
    return [order.shares * quantity // placed.quantity for order in placed.orders]


def spare_shares(placed: PlaceOrders, filled: Sequence[int], quantity: int) -> list[int]:
    """Tell how many shares of each order's token the sets leave over, to be sold.

    A split leaves the YES that were not sold: it is undone down to the most that was sold of any
    outcome, and what the complete sets keep by plan is not for sale.
    """
    if placed.family is Family.NEGRISK_SPLIT:
        most = max(filled)
        return [most - max(shares, quantity) for shares in filled]
    kept = kept_shares(placed, filled, quantity)
    return [shares - keep for shares, keep in zip(filled, kept, strict=True)]


def redemption(placed: PlaceOrders, shares: Sequence[int]) -> int:
    """Compute what shares pay in the worst state, or at once where they merge or convert.

    A plan over several relations brings its states; each family alone has those of its kind.

    A split pays for the sets it needed, so less than zero; shares are then those sold.
    Units: micros of a USD.
    """
    if placed.states:
        return min(_paid(placed.orders, shares, state) for state in placed.states)
    match placed.family:
        case Family.BINARY | Family.NEGRISK_YES | Family.IMPLICATION:
            return min(shares)
        case Family.NEGRISK_NO:
            return sum(shares) - max(shares)
        case Family.NEGRISK_SPLIT:
            return -max(shares)
        case Family.LADDER:
            return _worst_rung(placed.orders, shares)
        case _:
            assert_never(placed.family)


def _worst_rung(orders: Sequence[OrderIntent], shares: Sequence[int]) -> int:
    """Compute the least that nested outcomes pay: a state makes the first k of them true."""
    legs = max(order.leg for order in orders) + 1
    return min(
        _paid(orders, shares, [leg < true_legs for leg in range(legs)])
        for true_legs in range(legs + 1)
    )


def _paid(orders: Sequence[OrderIntent], shares: Sequence[int], state: Sequence[bool]) -> int:
    """Add up what pays in one state, which says of every leg whether it is true."""
    return sum(
        size
        for order, size in zip(orders, shares, strict=True)
        if state[order.leg] is (order.outcome is Outcome.YES)
    )
