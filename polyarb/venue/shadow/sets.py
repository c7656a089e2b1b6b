"""The sets under way: what the orders of a plan hold, and what a broken one has yet to sell."""

from dataclasses import dataclass, field

from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import PlaceOrders
from polyarb.domain.order import HeldSet, OrderIntent
from polyarb.domain.plan import Family

UNWIND_LOOKS = 5
"""How often an unwind asks a book that is not live, a block apart, before it gives up."""
RECOVERY_LOOKS = 60
"""The same for a set of an earlier run, whose books must come first: two minutes."""


@dataclass(slots=True)
class Execution:
    """The orders of one plan as the shadow fills them.

    Shape: filled has the micro-shares of every order whose match settles, known at the match.
    """

    placed: PlaceOrders
    open_orders: int
    filled: dict[OrderId, int] = field(default_factory=dict)
    is_matched: bool = False
    looks_max: int = UNWIND_LOOKS

    @property
    def is_split(self) -> bool:
        """Tell whether its sets were split before anything was sold."""
        return self.placed.family is Family.NEGRISK_SPLIT

    @property
    def is_at_risk(self) -> bool:
        """Tell whether a set operation or an unwind will follow."""
        return self.is_matched or self.is_split

    @property
    def shares(self) -> list[int]:
        """List what every order holds, in the order of the plan."""
        return [self.filled.get(order.order_id, 0) for order in self.placed.orders]


@dataclass(slots=True)
class Unwind:
    """What a broken set has still to sell. Units: micro-shares, micros of a USD.

    attempts counts looks at books that were not live, waits those while the venue matched nothing.
    """

    plan_id: PlanId
    rest: list[tuple[OrderIntent, int]]
    looks_max: int
    proceeds: int
    gas: int
    attempts: int = 0
    waits: int = 0
    unsold: int = 0


def taken_over(left: HeldSet, now_ns: int) -> Execution:
    """Go on with the set of a run that was cut off; nothing of it is under way any more."""
    placed = PlaceOrders(
        receive_time_ns=now_ns,
        plan_id=left.plan_id,
        family=left.family,
        quantity=left.quantity,
        profit=0,
        orders=tuple(order.intent for order in left.orders),
        states=left.states,
    )
    is_matched = any(order.shares or order.is_failed for order in left.orders)
    return Execution(placed, open_orders=0, is_matched=is_matched, looks_max=RECOVERY_LOOKS)
