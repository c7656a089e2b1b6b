"""The engine behind the exchange: takes orders into books, matches them, and tells of it all."""

from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.sandbox.exchange import texts
from polyarb.venue.sandbox.exchange.identities import derived_uuid
from polyarb.venue.sandbox.exchange.markets import BookSide, Market
from polyarb.venue.sandbox.exchange.matching import Deal, MatchPlan, Part, plan_match
from polyarb.venue.sandbox.exchange.orders import Order
from polyarb.venue.sandbox.exchange.registry import Registry
from polyarb.venue.sandbox.exchange.timers import Timers
from polyarb.venue.sandbox.exchange.trades import Trades
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    LevelChanged,
    OrderChanged,
    OrderStep,
    Printed,
    TradeChanged,
)
from polyarb.venue.sandbox.terms.orders import (
    OrderRecord,
    OrderState,
    Placement,
    PlacementStatus,
    RefusalReason,
    Refused,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from polyarb.venue.sandbox.terms.trades import Fill, Match


class Engine:
    """Orders, books and trades; what happens to them is announced in order."""

    def __init__(self, settings: ExchangeSettings, opened_ns: int) -> None:
        self.now_ns = opened_ns
        self.registry = Registry(settings.closed_orders_max)
        self.trades = Trades(settings.final_trades_max)
        self.timers = Timers()
        self.announcements: list[Announcement] = []
        self.matches: list[Match] = []
        self._opened_ns = opened_ns
        self._makers_max = settings.makers_per_trade_max
        self._trade_count = 0

    def execute(self, order: Order, *, is_crossing: bool) -> Placement | Refused:
        """Match an order as far as it goes and let the rest rest; a refusal changes nothing."""
        request = order.request
        amount = order.budget if order.is_buy else order.open
        if not is_crossing:
            refusal = lacking(order, amount) or refused_kill(order)
            return refusal or self._come_to_rest(order, amount)
        if request.is_post_only:
            return refused(order, RefusalReason.POST_ONLY_CROSSES, texts.POST_ONLY_CROSSES)
        if refusal := lacking(order, amount):
            return refusal
        plan = plan_match(order, makers_max=self._makers_max)
        if not (plan.deals if request.time_in_force is TimeInForce.FAK else plan.is_filled) and (
            refusal := refused_kill(order)
        ):
            return refusal
        if order.is_buy and plan.fee:
            need = plan.collateral + plan.fee + _remainder(order, plan)[1]
            if need > amount and (refusal := lacking(order, need)):
                return refusal
        return self._carry_out(order, plan)

    def hold(self, order: Order) -> Placement | Refused:
        """Keep an order back until it is released; what it may give is committed meanwhile."""
        amount = order.budget if order.is_buy else order.open
        if refusal := lacking(order, amount):
            return refusal
        order.state = OrderState.DELAYED
        order.committed = amount
        order.holding.active += amount
        order.market.held[order.request.order_id] = order
        self.registry.add(order)
        self.tell_order(OrderStep.PLACEMENT, order)
        return Placement(order_id=order.request.order_id, status=PlacementStatus.DELAYED)

    def release(self, order: Order) -> None:
        """Take what a held order committed back, so that it can be executed or ended."""
        del order.market.held[order.request.order_id]
        order.holding.active -= order.committed
        order.committed = 0

    def close(self, order: Order, state: OrderState) -> None:
        """End an open order: it leaves its book, and what it had committed is free."""
        level = order.level
        if level is not None:
            market = order.market
            side = market.bids if order.is_bid else market.asks
            side.remove(order)
            self.tell_level(market, side, level.key)
        elif order.request.order_id in order.market.held:
            self.release(order)
        self._end(order, state, OrderStep.CANCELLATION)

    def tell_order(self, step: OrderStep, order: Order) -> OrderRecord:
        """Announce what happened to an order, with its record."""
        record = order.record()
        self.announcements.append(OrderChanged(step=step, order=record, at_ns=self.now_ns))
        return record

    def tell_level(self, market: Market, side: BookSide, key: int) -> None:
        """Announce the new total of a level."""
        market.changed_ns = self.now_ns
        level = side.levels.get(key)
        bids, asks = market.bids.keys, market.asks.keys
        self.announcements.append(
            LevelChanged(
                condition_id=market.listed.condition_id,
                is_bid=side.is_bid,
                price=abs(key),
                size=level.total if level else 0,
                best_bid=bids[-1] if bids else 0,
                best_ask=-asks[-1] if asks else ONE,
                at_ns=self.now_ns,
            )
        )

    def _come_to_rest(self, order: Order, amount: int) -> Placement:
        """Put an order that meets nobody into its book."""
        if order.state is OrderState.LIVE:
            self.registry.add(order)
            self.tell_order(OrderStep.PLACEMENT, order)
        else:
            order.state = OrderState.LIVE
            self.tell_order(OrderStep.UPDATE, order)
        self._rest(order, order.open, amount)
        return Placement(order_id=order.request.order_id, status=PlacementStatus.LIVE)

    def _carry_out(self, order: Order, plan: MatchPlan) -> Placement:
        was_held = order.state is OrderState.DELAYED
        if not was_held:
            self.registry.add(order)
            self.tell_order(OrderStep.PLACEMENT, order)
        order.state = OrderState.LIVE
        for maker in plan.unfunded:
            self.close(maker, OrderState.CANCELED_NOT_ENOUGH_BALANCE)
        for index, deal in enumerate(plan.deals):
            self._trade(order, deal, index)
        rest, commitment = _remainder(order, plan)
        if not rest:
            self._end(order, OrderState.MATCHED, OrderStep.UPDATE)
        elif plan.deals or was_held:
            self.tell_order(OrderStep.UPDATE, order)
        if rest:
            self._rest(order, rest, commitment)
        is_buy = order.is_buy
        return Placement(
            order_id=order.request.order_id,
            status=PlacementStatus.MATCHED if plan.deals else PlacementStatus.LIVE,
            making=plan.collateral if is_buy else plan.shares,
            taking=plan.shares if is_buy else plan.collateral,
            trade_ids=order.trade_ids,
        )

    def _rest(self, order: Order, rest: int, commitment: int) -> None:
        market = order.market
        order.open = rest
        order.committed = commitment
        order.holding.active += commitment
        side = market.bids if order.is_bid else market.asks
        key = order.yes_price if order.is_bid else -order.yes_price
        side.add(order, key)
        self.tell_level(market, side, key)

    def _trade(self, taker: Order, deal: Deal, index: int) -> None:
        self._trade_count += 1
        trade_id = derived_uuid("trade", self._opened_ns, self._trade_count)
        market = taker.market
        claims = (
            (taker.holding, deal.collateral + deal.fee if taker.is_buy else deal.shares),
            *((part.maker.holding, part.given) for part in deal.parts),
        )
        match = Match(
            trade_id=trade_id,
            condition_id=market.listed.condition_id,
            is_neg_risk=market.listed.is_neg_risk,
            taker=_fill(
                taker, deal.price, shares=deal.shares, collateral=deal.collateral, fee=deal.fee
            ),
            makers=tuple(
                _fill(part.maker, part.maker.price, shares=part.shares, collateral=part.collateral)
                for part in deal.parts
            ),
            matched_ns=self.now_ns,
            bucket_index=index,
        )
        self.matches.append(match)
        trade = self.trades.add(match, claims)
        taker.matched += deal.shares
        taker.trade_ids += (trade_id,)
        self.announcements.append(TradeChanged(trade=trade.record, at_ns=self.now_ns))
        for part in deal.parts:
            self._take(part, trade_id)
        side = Side.BUY if taker.is_bid else Side.SELL
        market.last_print = (deal.yes_price, side)
        market.changed_ns = self.now_ns
        self.announcements.append(
            Printed(
                condition_id=market.listed.condition_id,
                token_id=taker.request.order.token_id,
                price=deal.price,
                size=deal.shares,
                side=taker.request.order.side,
                at_ns=self.now_ns,
            )
        )

    def _take(self, part: Part, trade_id: str) -> None:
        """Take a maker's part out of its order."""
        maker, given = part.maker, part.given
        maker.open -= part.shares
        maker.matched += part.shares
        maker.committed -= given
        maker.holding.active -= given
        maker.trade_ids += (trade_id,)
        assert maker.level is not None
        maker.level.total -= part.shares
        if not maker.open:
            market = maker.market
            (market.bids if maker.is_bid else market.asks).remove(maker)
            self._end(maker, OrderState.MATCHED, OrderStep.UPDATE)
        else:
            self.tell_order(OrderStep.UPDATE, maker)

    def _end(self, order: Order, state: OrderState, step: OrderStep) -> None:
        order.state = state
        order.holding.active -= order.committed
        order.committed = 0
        if order.timer is not None:
            self.timers.void(order.timer)
            order.timer = None
        self.registry.close(self.tell_order(step, order))


def refused(order: Order, reason: RefusalReason, message: str) -> Refused:
    """Refuse an order for a reason, in the venue's words."""
    return Refused(reason=reason, message=message, order_id=order.request.order_id)


def is_killed(time_in_force: TimeInForce) -> bool:
    """Tell whether nothing of such an order ever rests."""
    return time_in_force is TimeInForce.FAK or time_in_force is TimeInForce.FOK


def refused_kill(order: Order) -> Refused | None:
    """Refuse an order that cannot be matched as its time in force wants; None if it may rest."""
    time_in_force = order.request.time_in_force
    if time_in_force is TimeInForce.FOK:
        return refused(order, RefusalReason.FOK_NOT_FILLED, texts.FOK_NOT_FILLED)
    if time_in_force is TimeInForce.FAK:
        return refused(order, RefusalReason.FAK_NOT_FILLED, texts.FAK_NOT_FILLED)
    return None


def lacking(order: Order, amount: int) -> Refused | None:
    """Refuse an order whose owner does not hold, or does not allow, this much."""
    holding = order.holding
    if holding.balance - holding.active - holding.matched + holding.settled < amount:
        message = texts.not_enough_balance(
            balance=holding.balance,
            amount=amount,
            matched=holding.unsettled,
            active=holding.active,
        )
        return refused(order, RefusalReason.NOT_ENOUGH_BALANCE, message)
    spender = order.market.spender
    allowance = holding.allowances.get(spender, 0)
    if allowance < amount:
        message = texts.not_enough_allowance(spender=spender, allowance=allowance, amount=amount)
        return refused(order, RefusalReason.NOT_ENOUGH_ALLOWANCE, message)
    return None


def _remainder(order: Order, plan: MatchPlan) -> tuple[int, int]:
    """Return what of an order goes to the book after a plan, and what it commits there.

    Units: micro-shares; micros of its holding. A BUY never offers more than its budget still pays.
    """
    if plan.is_filled or is_killed(order.request.time_in_force):
        return 0, 0
    rest = order.open - plan.shares
    if not order.is_buy:
        return rest, rest
    if not plan.deals:
        return rest, order.budget
    rest = min(rest, (order.budget - plan.collateral) * MICRO // order.price)
    return rest, -(-rest * order.price // MICRO)


def _fill(order: Order, price: int, *, shares: int, collateral: int, fee: int = 0) -> Fill:
    request = order.request
    signed = request.order
    return Fill(
        order_id=request.order_id,
        owner=request.owner,
        maker=signed.maker,
        token_id=signed.token_id,
        outcome=order.market.listed.outcomes[0 if order.is_yes else 1],
        side=signed.side,
        shares=shares,
        price=price,
        given=collateral if order.is_buy else shares,
        got=shares if order.is_buy else collateral,
        fee=fee,
        builder=signed.builder,
        metadata=signed.metadata,
    )
