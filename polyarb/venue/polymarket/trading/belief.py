"""What is believed of our orders and trades, put together from answers, reads and the channel.

Whatever comes, in whatever order and however often, leads to the same belief: states only go
forward, trades are put in their place by id. Pure.
"""

import msgspec

from polyarb.domain.ids import OrderId
from polyarb.domain.order import ORDER_STEPS, TRADE_STEPS, OrderStatus, TradeStatus
from polyarb.venue.polymarket.trading.outcomes import (
    Absent,
    Accepted,
    AcceptedStatus,
    Found,
    OrderRead,
    Placement,
    Rejected,
    Resolution,
    TradeRead,
)
from polyarb.venue.polymarket.trading.user_events import OrderTold, TradeTold

FINAL = frozenset(status for status, steps in ORDER_STEPS.items() if not steps)
"""States that nothing changes any more; a refusal only until the venue tells of the order."""


class OrderBelief(msgspec.Struct, frozen=True, kw_only=True):
    """One order. Shape: told is the venue's own word, None while there is none."""

    order_id: OrderId
    status: OrderStatus
    told: OrderRead | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether nothing of it can be matched any more."""
        return self.status in FINAL


class Belief:
    """All orders and trades of one API key, as far as they were told."""

    def __init__(self) -> None:
        self.orders: dict[OrderId, OrderBelief] = {}
        self.trades: dict[str, TradeRead] = {}

    def sent(self, order_id: OrderId) -> None:
        """Take note, before it is sent, that an order may be with the venue from now on."""
        self.orders.setdefault(order_id, OrderBelief(order_id=order_id, status=OrderStatus.UNKNOWN))

    def placed(self, placement: Placement) -> None:
        """Take the answer to a placement; what the venue told of the order already stays.

        An order that is `matched` may still rest in part: it is open until it is told otherwise.
        """
        self.sent(placement.order_id)
        known = self.orders[placement.order_id]
        if known.told is not None:
            return
        if isinstance(placement, Accepted):
            is_delayed = placement.status is AcceptedStatus.DELAYED
            self._set(known, OrderStatus.DELAYED if is_delayed else OrderStatus.LIVE)
        elif isinstance(placement, Rejected) and known.status is OrderStatus.UNKNOWN:
            self._set(known, OrderStatus.REJECTED)

    def told(self, event: OrderTold | TradeTold) -> None:
        """Take what the user channel told."""
        if isinstance(event, OrderTold):
            self.read_order(event.order)
        else:
            self.read_trade(event.trade)

    def resolved(self, resolution: Resolution) -> None:
        """Take what reading found out about an order that was unknown."""
        if isinstance(resolution, Absent):
            known = self.orders.get(resolution.order_id)
            if known is not None and known.told is None:
                self._set(known, OrderStatus.REJECTED)
            return
        self._take_found(resolution)

    def read_order(self, order: OrderRead) -> None:
        """Take the venue's word on an order, unless it is older than what is known."""
        known = self.orders.get(order.order_id)
        earlier = known.told if known is not None else None
        if known is None or earlier is None:
            self._tell(order, order.status)
            return
        matched = max(order.shares_matched, earlier.shares_matched)
        trade_ids = tuple(dict.fromkeys((*earlier.trade_ids, *order.trade_ids)))
        newest = msgspec.structs.replace(order, shares_matched=matched, trade_ids=trade_ids)
        is_back = known.is_final or order.status is OrderStatus.UNKNOWN
        is_back = is_back or (
            order.status is OrderStatus.DELAYED and known.status is OrderStatus.LIVE
        )
        self._tell(newest, known.status if is_back else order.status)

    def read_trade(self, trade: TradeRead) -> None:
        """Put a trade in its place; a word that is older than the known one changes nothing."""
        known = self.trades.get(trade.trade_id)
        if known is not None and trade.status not in TRADE_STEPS[known.status]:
            is_same_news = trade.status is known.status and not known.transaction_hash
            if not is_same_news:
                return
        self.trades[trade.trade_id] = trade

    def open_orders(self) -> frozenset[OrderId]:
        """Return the orders of which something may still be matched."""
        return frozenset(each for each, known in self.orders.items() if not known.is_final)

    def open_trades(self) -> frozenset[str]:
        """Return the trades that have no final word yet."""
        return frozenset(each for each, known in self.trades.items() if TRADE_STEPS[known.status])

    def shares(self, order_id: OrderId, *statuses: TradeStatus) -> int:
        """Return what an order had of the trades in these states. Units: micro-shares."""
        return sum(
            fill.shares
            for trade in self.trades.values()
            if trade.status in statuses
            for fill in trade.fills
            if fill.order_id == order_id
        )

    def _take_found(self, found: Found) -> None:
        for trade in found.trades:
            self.read_trade(trade)
        if found.order is not None:
            self.read_order(found.order)

    def _tell(self, order: OrderRead, status: OrderStatus) -> None:
        told = msgspec.structs.replace(order, status=status)
        self.orders[order.order_id] = OrderBelief(order_id=order.order_id, status=status, told=told)

    def _set(self, known: OrderBelief, status: OrderStatus) -> None:
        self.orders[known.order_id] = msgspec.structs.replace(known, status=status)
