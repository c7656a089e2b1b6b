"""How an order gets in: checked by itself, held back where its market holds takers, then matched.

A marketable order of a market with a hold waits that long, and so does, for no time at all, every
deferred order: it is answered before it is matched. It counts as committed meanwhile, cannot be
cancelled, and is checked again when it is matched.
"""

from collections.abc import Mapping
from functools import partial

from polyarb.domain.ids import TokenId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import ONE
from polyarb.venue.sandbox.exchange import texts
from polyarb.venue.sandbox.exchange.amounts import Amounts, read_amounts
from polyarb.venue.sandbox.exchange.engine import Engine, is_killed
from polyarb.venue.sandbox.exchange.holdings import Holdings
from polyarb.venue.sandbox.exchange.markets import Market
from polyarb.venue.sandbox.exchange.matching import crosses
from polyarb.venue.sandbox.exchange.modes import Modes
from polyarb.venue.sandbox.exchange.orders import Order
from polyarb.venue.sandbox.terms.orders import (
    OrderRequest,
    OrderState,
    Placement,
    RefusalReason,
    Refused,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings

_STATES_OF_REFUSED = {
    RefusalReason.NOT_ENOUGH_BALANCE: OrderState.CANCELED_NOT_ENOUGH_BALANCE,
    RefusalReason.NOT_ENOUGH_ALLOWANCE: OrderState.CANCELED_NOT_ENOUGH_BALANCE,
    RefusalReason.INVALID_EXPIRATION: OrderState.CANCELED_EXPIRED_ORDER,
    RefusalReason.OFF_TICK: OrderState.INVALID,
}
"""How a held order ends that is refused when it is matched; for other reasons it is UNMATCHED."""
_MS = 1_000_000
_S = 1_000_000_000


class Intake:
    """The way of every order into the engine."""

    def __init__(
        self,
        settings: ExchangeSettings,
        engine: Engine,
        holdings: Holdings,
        modes: Modes,
        *,
        tokens: Mapping[TokenId, Market],
    ) -> None:
        self._engine = engine
        self._registry = engine.registry
        self._holdings = holdings
        self._modes = modes
        self._tokens = tokens
        self._expiry_lead_ns = settings.expiry_lead_s * _S
        self._expiration_min_ns = settings.expiration_s_min * _S

    def place(self, request: OrderRequest) -> Placement | Refused:
        """Take one order in."""
        order = self._admit(request)
        if isinstance(order, Refused):
            return order
        is_crossing = crosses(order)
        hold_ms = order.market.listed.hold_ms if is_crossing and not request.is_post_only else 0
        if hold_ms or request.is_deferred:
            return self._hold(order, hold_ms)
        answer = self._engine.execute(order, is_crossing=is_crossing)
        if request.time_in_force is TimeInForce.GTD and order.level is not None:
            self._watch_expiry(order)
        return answer

    def _admit(self, request: OrderRequest) -> Order | Refused:
        """Check everything about a request that does not depend on the book."""
        if refusal := self._modes.refuses_order(request):
            return refusal
        market = self._tokens.get(request.order.token_id)
        if market is None:
            return _refused(request, RefusalReason.UNKNOWN_TOKEN, texts.UNKNOWN_TOKEN)
        if request.order_id in self._registry:
            return _refused(request, RefusalReason.DUPLICATE, texts.DUPLICATE)
        if not market.is_accepting:
            return _refused(request, RefusalReason.MARKET_NOT_READY, texts.MARKET_NOT_READY)
        if request.is_post_only and is_killed(request.time_in_force):
            return _refused(request, RefusalReason.INVALID_PAYLOAD, texts.INVALID_PAYLOAD)
        if not self._is_expiration_valid(request):
            return _refused(request, RefusalReason.INVALID_EXPIRATION, texts.INVALID_EXPIRATION)
        amounts = read_amounts(request, market)
        if isinstance(amounts, Refused):
            return amounts
        return self._draft(request, market, amounts)

    def _draft(self, request: OrderRequest, market: Market, amounts: Amounts) -> Order:
        signed = request.order
        is_buy = signed.side is Side.BUY
        is_yes = signed.token_id == market.listed.yes
        price = amounts.price
        return Order(
            request=request,
            market=market,
            is_buy=is_buy,
            is_yes=is_yes,
            is_bid=is_buy is is_yes,
            price=price,
            yes_price=price if is_yes else ONE - price,
            shares=amounts.shares,
            open=amounts.shares,
            budget=amounts.budget,
            holding=self._holdings.of(signed.maker, None if is_buy else signed.token_id),
            created_ns=self._engine.now_ns,
            is_by_collateral=amounts.is_by_collateral,
        )

    def _is_expiration_valid(self, request: OrderRequest) -> bool:
        expiration_s = request.order.expiration_s
        if request.time_in_force is not TimeInForce.GTD:
            return expiration_s == 0
        return expiration_s * _S >= self._engine.now_ns + self._expiration_min_ns

    def _hold(self, order: Order, hold_ms: int) -> Placement | Refused:
        answer = self._engine.hold(order)
        if isinstance(answer, Placement):
            due_ns = self._engine.now_ns + hold_ms * _MS
            order.timer = self._engine.timers.set(due_ns, partial(self._end_hold, order))
        return answer

    def _end_hold(self, order: Order) -> None:
        """Match a held order, if it would still be accepted now."""
        engine = self._engine
        order.timer = None
        engine.release(order)
        answer = self._readmit(order) or engine.execute(order, is_crossing=crosses(order))
        if isinstance(answer, Refused):
            engine.close(order, _STATES_OF_REFUSED.get(answer.reason, OrderState.UNMATCHED))
        elif order.request.time_in_force is TimeInForce.GTD and order.level is not None:
            self._watch_expiry(order)

    def _readmit(self, order: Order) -> Refused | None:
        """Check again what may have changed while an order was held; the tick moves its limit."""
        request, market = order.request, order.market
        if refusal := self._modes.refuses_order(request):
            return refusal
        if not market.is_accepting:
            return _refused(request, RefusalReason.MARKET_NOT_READY, texts.MARKET_NOT_READY)
        is_mortal = request.time_in_force is TimeInForce.GTD
        if is_mortal and self._expires_ns(order) <= self._engine.now_ns:
            return _refused(request, RefusalReason.INVALID_EXPIRATION, texts.INVALID_EXPIRATION)
        amounts = read_amounts(request, market)
        if isinstance(amounts, Refused):
            return amounts
        order.price = amounts.price
        order.yes_price = amounts.price if order.is_yes else ONE - amounts.price
        return None

    def _expires_ns(self, order: Order) -> int:
        return order.request.order.expiration_s * _S - self._expiry_lead_ns

    def _watch_expiry(self, order: Order) -> None:
        expire = partial(self._expire, order)
        order.timer = self._engine.timers.set(self._expires_ns(order), expire)

    def _expire(self, order: Order) -> None:
        order.timer = None
        self._engine.close(order, OrderState.CANCELED_EXPIRED_ORDER)


def _refused(request: OrderRequest, reason: RefusalReason, message: str) -> Refused:
    return Refused(reason=reason, message=message, order_id=request.order_id)
