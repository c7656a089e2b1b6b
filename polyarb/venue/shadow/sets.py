"""The sets under way: what the orders of a plan hold, and what a broken one has yet to sell."""

from dataclasses import dataclass, field

from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import PlaceOrders
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Family


@dataclass(slots=True)
class Execution:
    """The orders of one plan as the shadow fills them.

    Shape: filled has the micro-shares of every order whose match settles, known at the match.
    """

    placed: PlaceOrders
    open_orders: int
    filled: dict[OrderId, int] = field(default_factory=dict)
    is_matched: bool = False

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
    """What a broken set has still to sell. Units: micro-shares, micros of a USD."""

    plan_id: PlanId
    rest: list[tuple[OrderIntent, int]]
    proceeds: int
    gas: int
    attempts: int = 0
    unsold: int = 0
