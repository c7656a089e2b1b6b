"""An order in the engine: what was signed, what is left of it, and its place in a book."""

import msgspec

from polyarb.domain.plan import Side
from polyarb.venue.sandbox.exchange.holdings import Holding
from polyarb.venue.sandbox.exchange.markets import Level, Market
from polyarb.venue.sandbox.exchange.timers import Timer
from polyarb.venue.sandbox.terms.orders import OrderRecord, OrderRequest, OrderState


class Order(msgspec.Struct, kw_only=True, eq=False):
    """One order from its acceptance on; only the engine changes it.

    Shape: is_bid is its side in YES terms; level, before and after are its place in a book.
    Units: price (its own token's), yes_price and level_key in micros; open, matched in
    micro-shares; budget (what a BUY may still give) and committed (what of its holding is
    counted as active) in micros.
    """

    request: OrderRequest
    market: Market
    is_buy: bool
    is_yes: bool
    is_bid: bool
    price: int
    yes_price: int
    shares: int
    open: int
    budget: int
    holding: Holding
    created_ns: int
    is_by_collateral: bool = False
    state: OrderState = OrderState.LIVE
    matched: int = 0
    committed: int = 0
    trade_ids: tuple[str, ...] = ()
    timer: Timer | None = None
    level: Level | None = None
    before: "Order | None" = None
    after: "Order | None" = None

    @property
    def is_open(self) -> bool:
        """Tell whether it rests or is held, so that it may still be matched."""
        return self.state is OrderState.LIVE or self.state is OrderState.DELAYED

    def record(self) -> OrderRecord:
        """Return it as its owner may read it."""
        request = self.request
        order = request.order
        listed = self.market.listed
        return OrderRecord(
            order_id=request.order_id,
            state=self.state,
            owner=request.owner,
            maker=order.maker,
            condition_id=listed.condition_id,
            token_id=order.token_id,
            outcome=listed.outcomes[0 if self.is_yes else 1],
            side=Side.BUY if self.is_buy else Side.SELL,
            price=self.price,
            shares=self.shares,
            shares_matched=self.matched,
            time_in_force=request.time_in_force,
            expiration_s=order.expiration_s,
            created_s=self.created_ns // 1_000_000_000,
            trade_ids=self.trade_ids,
        )
