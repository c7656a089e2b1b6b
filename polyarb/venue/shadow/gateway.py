"""The shadow gateway: commands in, simulated answers and four tiers of evidence out.

It keeps no clock and no state of chance: a schedule of steps, each run against the live books
at its own time, when the runner asks for what is due.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import assert_never

from polyarb.domain.ids import ConditionId, OrderId, PlanId
from polyarb.domain.limits import ShadowModel
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import (
    CancelAll,
    Command,
    FeedLost,
    GatewayEvent,
    MarketEvent,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    RaiseAlert,
    RecoverSet,
    RedeemSet,
    RequestSnapshot,
    SetSettled,
    SettleSet,
    Tier,
    TradeConfirmed,
    TradeFailed,
    UnwindSet,
)
from polyarb.domain.order import OrderIntent, SetStatus
from polyarb.domain.surroundings import FeedChange
from polyarb.ports import Books
from polyarb.venue.shadow.consumption import Taker
from polyarb.venue.shadow.draws import MS_NS, NO_ORDER, is_faded, is_reverted, latency_ns
from polyarb.venue.shadow.matching import (
    Counterparty,
    Fill,
    KillReason,
    is_below_minimum,
    sale_of,
    taking_of,
)
from polyarb.venue.shadow.payoff import redemption, spare_shares
from polyarb.venue.shadow.schedule import Action, Kind, Schedule
from polyarb.venue.shadow.sets import Execution, Unwind, taken_over
from polyarb.venue.shadow.tiers import Probe

SETTLEMENT_NS = 4_000 * MS_NS
"""From a match to its final word. Source: trades are mined "a few seconds" after the match."""
BLOCK_NS = 2_000 * MS_NS
"""One block of the chain, in which a set operation is done. Source: Polygon's block time."""
RESTRICTED_WAITS = 300
"""How often an unwind waits a block for a venue that matches nothing: ten minutes in all."""


class ShadowGateway:
    """Fill orders as the live book would have, and remember what was taken from it.

    Units: gas_per_plan in micros of a USD.
    """

    def __init__(
        self, books: Books, model: ShadowModel, catalogue: Catalogue, *, gas_per_plan: int = 0
    ) -> None:
        self._counterparty = Counterparty(books, catalogue)
        self._model = model
        self._gas = gas_per_plan
        self._schedule = Schedule()
        self._executions: dict[PlanId, Execution] = {}
        self._under_way: Counter[ConditionId] = Counter()
        self._watched: set[ConditionId] = set()

    @property
    def watched(self) -> set[ConditionId]:
        """The markets that we took from or have an order under way in."""
        return self._watched

    @property
    def deadline_ns(self) -> int:
        """When the next step is due."""
        return self._schedule.next_ns

    def observe(self, event: MarketEvent) -> None:
        """Follow the levels that we took from."""
        self._counterparty.consumption.observe(event)
        if not isinstance(event, FeedLost | FeedChange):
            self._watch((event.condition_id,))

    def dispatch(self, command: Command) -> None:
        """Take one command; a feed's snapshot and an alert are not ours to answer."""
        match command:
            case PlaceOrders():
                self._place(command)
            case SettleSet():
                self._settle(command)
            case RedeemSet():
                self._redeem(command)
            case RecoverSet():
                self._recover(command)
            case UnwindSet():
                self._begin_unwind(command)
            case CancelAll():
                self._cancel(command.receive_time_ns)
            case RequestSnapshot() | RaiseAlert():
                pass
            case _:
                assert_never(command)

    def due(self, now_ns: int) -> Sequence[GatewayEvent]:
        """Run every step that is due, each at its own time, and return their answers."""
        return self._schedule.run(now_ns)

    def _place(self, placed: PlaceOrders) -> None:
        start_ns, plan_id = placed.receive_time_ns, placed.plan_id
        assert plan_id not in self._executions, plan_id
        execution = Execution(placed, open_orders=len(placed.orders))
        self._executions[plan_id] = execution
        model = self._model
        drawn_ns = latency_ns(model, plan_id, "latency")
        median, late, faded = Probe(placed, Tier.T1), Probe(placed, Tier.T2), Probe(placed, Tier.T3)
        first = min(placed.orders, key=lambda order: (self._hold_ns(order), order.leg))
        for order in placed.orders:
            at_venue = start_ns + self._hold_ns(order)
            is_first = order.order_id == first.order_id
            steps: tuple[tuple[Kind, int, Action], ...] = (
                (Kind.MATCH, drawn_ns, partial(self._match, execution, order)),
                (Kind.PROBE_T1, model.latency_ms_p50 * MS_NS, partial(self._probe, median, order)),
                (
                    Kind.PROBE_T2,
                    model.latency_ms_p95 * MS_NS,
                    partial(self._probe_late, late, faded, order, is_first),
                ),
            )
            for kind, delay_ns, action in steps:
                step = (plan_id, order.order_id, kind)
                self._schedule.add(at_venue + delay_ns, step, action)
            self._under_way[order.condition_id] += len(steps)
        self._probe_at_once(placed)

    def _probe_at_once(self, placed: PlaceOrders) -> None:
        probe = Probe(placed, Tier.T0)
        for order in placed.orders:
            probe.match(self._counterparty, order)
        self._tell(probe.measure(self._counterparty, self._gas, placed.receive_time_ns))
        self._watch(order.condition_id for order in placed.orders)

    def _probe(self, probe: Probe, order: OrderIntent, now_ns: int) -> Sequence[GatewayEvent]:
        probe.match(self._counterparty, order)
        return self._concluded((probe,), order, now_ns)

    def _probe_late(
        self, late: Probe, faded: Probe, order: OrderIntent, is_first: bool, now_ns: int
    ) -> Sequence[GatewayEvent]:
        fill = late.match(self._counterparty, order)
        plan_id, order_id = order.plan_id, order.order_id
        if is_first or not is_faded(self._model, plan_id, order_id):
            faded.match(self._counterparty, order, ceiling=fill)
        else:
            faded.miss(order)
        if is_reverted(self._model, plan_id, order_id):
            faded.miss(order)
        return self._concluded((late, faded), order, now_ns)

    def _concluded(
        self, probes: tuple[Probe, ...], order: OrderIntent, now_ns: int
    ) -> list[GatewayEvent]:
        measured: list[GatewayEvent] = [
            probe.measure(self._counterparty, self._gas, now_ns)
            for probe in probes
            if probe.is_over
        ]
        self._leave(order)
        self._watch(other.condition_id for other in probes[0].placed.orders)
        return measured

    def _match(
        self, execution: Execution, order: OrderIntent, now_ns: int
    ) -> Sequence[GatewayEvent]:
        if is_below_minimum(order, self._counterparty.market(order.condition_id)):
            fill = Fill(reason=KillReason.BELOW_MINIMUM)
        else:
            fill = self._counterparty.take(Taker.ORDERS, taking_of(order))
        events: list[GatewayEvent] = []
        if fill.shares:
            events.append(self._matched(execution, order, fill, now_ns))
        if fill.reason is not None:
            events.append(_killed(order, fill.reason, now_ns))
        self._finish(execution, order)
        return events

    def _matched(
        self, execution: Execution, order: OrderIntent, fill: Fill, now_ns: int
    ) -> OrderMatched:
        plan_id, order_id = order.plan_id, order.order_id
        execution.is_matched = True
        self._settle_match(execution, order, fill.shares, now_ns)
        return OrderMatched(
            receive_time_ns=now_ns,
            plan_id=plan_id,
            order_id=order_id,
            shares=fill.shares,
            notional=fill.notional,
            fee=fill.fee,
        )

    def _settle_match(
        self, execution: Execution, order: OrderIntent, shares: int, now_ns: int
    ) -> None:
        """Draw whether a match settles, and tell so when its time has come."""
        plan_id, order_id = order.plan_id, order.order_id
        settles = not is_reverted(self._model, plan_id, order_id)
        if settles:
            execution.filled[order_id] = shares
        word = TradeConfirmed if settles else TradeFailed
        final_ns = now_ns + SETTLEMENT_NS
        self._tell(word(receive_time_ns=final_ns, plan_id=plan_id, order_id=order_id), order_id)

    def _cancel(self, now_ns: int) -> None:
        for plan_id, order_id in self._schedule.withdraw(Kind.MATCH, after_ns=now_ns):
            execution = self._executions[plan_id]
            order = next(o for o in execution.placed.orders if o.order_id == order_id)
            self._tell(_killed(order, KillReason.CANCELED, now_ns), order_id)
            self._finish(execution, order)

    def _finish(self, execution: Execution, order: OrderIntent) -> None:
        execution.open_orders -= 1
        if not execution.open_orders and not execution.is_at_risk:
            del self._executions[order.plan_id]
        self._leave(order)

    def _settle(self, command: SettleSet) -> None:
        execution = self._executions.pop(command.plan_id)
        assert not execution.open_orders, command
        if command.status is SetStatus.HELD:
            return
        shares = execution.shares
        if not execution.is_split:
            shares = [min(size, command.quantity) for size in shares]
        self._tell(
            SetSettled(
                receive_time_ns=command.receive_time_ns + BLOCK_NS,
                plan_id=command.plan_id,
                status=command.status,
                proceeds=redemption(execution.placed, shares),
                gas=self._gas,
            )
        )

    def _redeem(self, command: RedeemSet) -> None:
        self._tell(
            SetSettled(
                receive_time_ns=command.receive_time_ns + BLOCK_NS,
                plan_id=command.plan_id,
                status=SetStatus.SETTLED,
                proceeds=command.quantity,
                gas=self._gas,
            )
        )

    def _recover(self, command: RecoverSet) -> None:
        """Take over a set whose shadow is gone: its unmatched orders are void, its matches stand.

        Whether a match settles is drawn again, with the same result, from the same names.
        """
        left, now_ns = command.left, command.receive_time_ns
        execution = taken_over(left, now_ns)
        if execution.is_at_risk:
            self._executions[left.plan_id] = execution
        for order in left.orders:
            if not order.is_final:
                void = _killed(order.intent, KillReason.VOID_AFTER_CRASH, now_ns)
                self._tell(void, order.intent.order_id)
            if order.shares and order.is_confirmed:
                execution.filled[order.intent.order_id] = order.shares
            elif order.shares:
                self._settle_match(execution, order.intent, order.shares, now_ns)

    def _begin_unwind(self, command: UnwindSet) -> None:
        execution = self._executions.pop(command.plan_id)
        assert not execution.open_orders, command
        placed, shares = execution.placed, execution.shares
        spare = spare_shares(placed, shares, quantity=0)
        rest = [(order, size) for order, size in zip(placed.orders, spare, strict=True) if size]
        unwind = Unwind(
            plan_id=command.plan_id,
            rest=rest,
            looks_max=execution.looks_max,
            proceeds=redemption(placed, shares) if execution.is_split else 0,
            gas=self._gas if execution.is_split or any(shares) else 0,
        )
        for order, _ in rest:
            self._under_way[order.condition_id] += 1
            self._watch((order.condition_id,))
        latency = latency_ns(self._model, command.plan_id, "unwind latency")
        hold_ns = max((self._hold_ns(order) for order, _ in rest), default=0)
        self._sell_at(command.receive_time_ns + latency + hold_ns, unwind)

    def _sell_at(self, time_ns: int, unwind: Unwind) -> None:
        step = (unwind.plan_id, NO_ORDER, Kind.UNWIND)
        self._schedule.add(time_ns, step, partial(self._sell, unwind))

    def _sell(self, unwind: Unwind, now_ns: int) -> Sequence[GatewayEvent]:
        if not self._counterparty.is_open and unwind.waits < RESTRICTED_WAITS:
            unwind.waits += 1
            self._sell_at(now_ns + BLOCK_NS, unwind)
            return ()
        unwind.attempts += 1
        waiting = []
        for order, size in unwind.rest:
            is_last = unwind.attempts == unwind.looks_max
            if not is_last and not self._counterparty.is_live(order.condition_id):
                waiting.append((order, size))
                continue
            fill = self._counterparty.take(Taker.ORDERS, sale_of(order, size))
            unwind.proceeds += fill.cash
            unwind.unsold += size - fill.shares
            self._leave(order)
        unwind.rest = waiting
        if waiting:
            self._sell_at(now_ns + BLOCK_NS, unwind)
            return ()
        settled = SetSettled(
            receive_time_ns=now_ns,
            plan_id=unwind.plan_id,
            status=SetStatus.UNWOUND,
            proceeds=unwind.proceeds,
            gas=unwind.gas,
            unsold=unwind.unsold,
        )
        return (settled,)

    def _tell(self, event: GatewayEvent, order_id: OrderId = NO_ORDER) -> None:
        step = (event.plan_id, order_id, Kind.TELL)
        self._schedule.add(event.receive_time_ns, step, lambda _: (event,))

    def _hold_ns(self, order: OrderIntent) -> int:
        market = self._counterparty.find(order.condition_id)
        return 0 if market is None else market.hold_ms * MS_NS

    def _leave(self, order: OrderIntent) -> None:
        self._under_way[order.condition_id] -= 1
        self._watch((order.condition_id,))

    def _watch(self, condition_ids: Iterable[ConditionId]) -> None:
        for condition_id in condition_ids:
            if self._under_way[condition_id] or self._counterparty.consumption.has(condition_id):
                self._watched.add(condition_id)
            else:
                self._watched.discard(condition_id)
                self._under_way.pop(condition_id, None)


def _killed(order: OrderIntent, reason: KillReason, now_ns: int) -> OrderKilled:
    return OrderKilled(
        receive_time_ns=now_ns, plan_id=order.plan_id, order_id=order.order_id, reason=reason
    )
