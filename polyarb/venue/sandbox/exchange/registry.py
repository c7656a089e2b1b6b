"""Which orders the exchange knows: the open ones by owner, and the newest of the closed ones.

Retention: every open order is kept; of the closed ones only the newest `closed_max`. An older one
is forgotten as if it had never been: it is unknown to reads, and its id is no duplicate any more.
"""

from collections import deque

from polyarb.domain.ids import OrderId
from polyarb.venue.sandbox.exchange.orders import Order
from polyarb.venue.sandbox.terms.orders import OrderRecord


class Registry:
    """Open orders by id and by owner, closed ones as their last record."""

    def __init__(self, closed_max: int) -> None:
        self._closed_max = closed_max
        self._open: dict[OrderId, Order] = {}
        self._of_owner: dict[str, dict[OrderId, Order]] = {}
        self._closed: dict[OrderId, OrderRecord] = {}
        self._oldest_closed: deque[OrderId] = deque()

    def __contains__(self, order_id: OrderId) -> bool:
        return order_id in self._open or order_id in self._closed

    def find_open(self, order_id: OrderId) -> Order | None:
        """Return an open order."""
        return self._open.get(order_id)

    def record(self, order_id: OrderId) -> OrderRecord | None:
        """Return an order in any state, None where it is unknown or forgotten."""
        order = self._open.get(order_id)
        return order.record() if order else self._closed.get(order_id)

    def open_of(self, owner: str) -> tuple[Order, ...]:
        """Return an owner's open orders, oldest first."""
        return tuple(self._of_owner.get(owner, {}).values())

    def add(self, order: Order) -> None:
        """Take a new open order."""
        request = order.request
        self._open[request.order_id] = order
        mine = self._of_owner.get(request.owner)
        if mine is None:
            mine = self._of_owner[request.owner] = {}
        mine[request.order_id] = order

    def close(self, record: OrderRecord) -> None:
        """Keep the last record of an order, and forget the oldest one beyond the limit."""
        order_id = record.order_id
        del self._open[order_id]
        mine = self._of_owner[record.owner]
        del mine[order_id]
        if not mine:
            del self._of_owner[record.owner]
        self._closed[order_id] = record
        self._oldest_closed.append(order_id)
        if len(self._oldest_closed) > self._closed_max:
            del self._closed[self._oldest_closed.popleft()]
