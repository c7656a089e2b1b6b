"""What must hold of an engine after every event, checked from outside of it."""

from collections import Counter
from collections.abc import Sequence

from polyarb.domain.book import BookStatus
from polyarb.domain.ids import ConditionId, OrderId, PlanId
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import (
    BooksOpened,
    CensusCounted,
    ClockTicked,
    Event,
    LevelChanged,
    LevelsChanged,
    OpportunityFound,
    OpportunityLost,
    OrderKilled,
    OrderMatched,
    Output,
    PlaceOrders,
    PlanSized,
    SettleSet,
    TradeConfirmed,
    TradeFailed,
    UnwindSet,
)
from polyarb.domain.order import SetStatus, TradingState
from polyarb.domain.plan import Family, Outcome, PlannedOrder, Side
from polyarb.domain.units import MICRO, ONE, PICO
from polyarb.engine import books
from polyarb.engine.engine import Engine

LOT = MICRO // 100
EQUAL = (Family.NEGRISK_YES, Family.IMPLICATION)
FINAL = (SetStatus.HELD,)


class LawfulEngine(Engine):
    """An engine that is looked at after every event."""

    def __init__(self, catalogue: Catalogue, profile: Profile, config_digest: str) -> None:
        super().__init__(catalogue, profile, config_digest)
        self.profile = profile
        self.ticked_ns = 0
        self.orders: set[OrderId] = set()
        self.plans: set[PlanId] = set()
        self.fates: dict[OrderId, Counter[str]] = {}
        self.commanded: Counter[PlanId] = Counter()
        self.open_episodes: set[tuple[str, Family]] = set()
        self.opportunities: set[str] = set()
        self.sized: dict[PlanId, PlanSized] = {}
        self.relations: dict[str, str] = {}
        self.adopted: dict[PlanId, tuple[str, ...]] = {}

    def handle(self, event: Event) -> Sequence[Output]:
        """Handle an event and hold the engine to its laws."""
        is_active = self.state.trading is TradingState.ACTIVE
        if isinstance(event, ClockTicked):
            assert event.receive_time_ns >= self.ticked_ns, "ticks never step back"
            self.ticked_ns = event.receive_time_ns
        if isinstance(event, BooksOpened):
            self._adopts(event)
        outputs = super().handle(event)
        if isinstance(event, ClockTicked):
            assert self.deadline_ns > event.receive_time_ns, "a tick moves the deadline on"
        self._answered(event)
        self._books()
        self._sums()
        self._census_adds_up()
        for output in outputs:
            self._output(output, event, is_active)
        self._exposure()
        return outputs

    def _answered(self, event: Event) -> None:
        if isinstance(event, OrderMatched | OrderKilled | TradeConfirmed | TradeFailed):
            self.fates[event.order_id][type(event).__name__] += 1

    def _adopts(self, opened: BooksOpened) -> None:
        """What an earlier run left counts against its relations, and its orders await answers."""
        for left in opened.held:
            self.adopted[left.plan_id] = left.relation_ids
            for order in left.orders:
                self.fates[order.intent.order_id] = Counter(
                    OrderMatched=bool(order.shares or order.is_failed),
                    OrderKilled=order.is_final,
                    TradeConfirmed=order.is_confirmed and order.shares > 0,
                    TradeFailed=order.is_failed,
                )

    def _books(self) -> None:
        for ladder in self.state.ladders.values():
            assert ladder.best_bid == max(ladder.bids, default=0)
            assert ladder.best_ask == min(ladder.asks, default=ONE)
            assert all(ladder.bids.values()) and all(ladder.asks.values())
            if ladder.status is not BookStatus.LIVE:
                assert (ladder.settled_bid, ladder.settled_ask) == (0, ONE)
                assert self.depth(ladder.condition_id) is None
            elif not ladder.unsettled:
                assert books.fault_of(ladder) is None
                tops = (ladder.best_bid, ladder.best_ask)
                assert tops == (ladder.settled_bid, ladder.settled_ask)
            if ladder.unsettled:
                assert self.deadline_ns <= ladder.deadline_ns
            if ladder.is_resolved:
                assert ladder.status is BookStatus.EMPTY

    def _sums(self) -> None:
        for watch in self.state.watches:
            bids = [ladder.settled_bid for ladder in watch.ladders]
            asks = [ladder.settled_ask for ladder in watch.ladders]
            assert (watch.bids, watch.asks) == (bids, asks)
            assert (watch.sum_bids, watch.sum_asks) == (sum(bids), sum(asks))
            assert watch.missing_asks == asks.count(ONE)

    def _census_adds_up(self) -> None:
        census = self.state.census
        fates = sum(census.rejected.values()) + sum(census.tradable.values())
        assert sum(census.raw_hits.values()) == fates
        assert Family.BINARY not in census.tradable

    def _exposure(self) -> None:
        exposure, envelope = self.state.exposure, self.profile.envelope
        assert set(exposure.by_plan) == set(self.state.sets)
        assert exposure.open_notional == sum(exposure.by_plan.values())
        assert exposure.open_notional <= envelope.open_notional_max
        assert exposure.by_relation == self._by_relation()
        assert all(
            0 <= one <= envelope.position_notional_max for one in exposure.by_relation.values()
        )
        markets = {key for flight in self.state.sets.values() for key in flight.condition_ids}
        assert set(exposure.by_market) == markets
        assert set(exposure.shared) <= set(exposure.by_plan)
        assert len(markets) <= envelope.instruments_max
        assert len(exposure.failures) <= self.profile.breaker.failure_window
        assert len(exposure.order_times_ns) <= envelope.orders_per_minute_max
        for flight in self.state.sets.values():
            spent = sum(
                progress.notional + progress.fee
                for progress in flight.orders.values()
                if progress.intent.side is Side.BUY
            )
            assert spent <= flight.reserved == exposure.by_plan[flight.plan_id]

    def _by_relation(self) -> Counter[str]:
        """Count every open set in full against each relation that its plan took."""
        total: Counter[str] = Counter()
        for plan_id, flight in self.state.sets.items():
            for relation_id in self._relations_of(plan_id):
                total[relation_id] += flight.reserved
        return total

    def _relations_of(self, plan_id: PlanId) -> tuple[str, ...]:
        if plan_id in self.adopted:
            return self.adopted[plan_id]
        sized = self.sized[plan_id]
        return (sized.relation_id, *(self.relations[one] for one in sized.joint_with))

    # What it says

    def _output(self, output: Output, event: Event, is_active: bool) -> None:
        match output:
            case PlanSized():
                self._plan(output, event)
            case PlaceOrders():
                assert is_active, "orders leave only while trading is active"
                self._place(output)
            case SettleSet() | UnwindSet():
                self.commanded[output.plan_id] += 1
                assert self.commanded[output.plan_id] == 1
            case CensusCounted():
                fates = sum(output.rejected.values()) + sum(output.tradable.values())
                assert sum(output.raw_hits.values()) == fates
                assert Family.BINARY not in output.tradable
            case OpportunityFound():
                self._found(output)
            case OpportunityLost():
                self.open_episodes.remove((output.relation_id, output.family))
                assert output.duration_ns >= 0
                assert output.edge_net_max <= output.edge_gross_max
            case _:
                pass

    def _found(self, found: OpportunityFound) -> None:
        key = (found.relation_id, found.family)
        assert key not in self.open_episodes, "an episode never overlaps itself"
        self.open_episodes.add(key)
        assert found.opportunity_id not in self.opportunities
        self.opportunities.add(found.opportunity_id)
        self.relations[found.opportunity_id] = found.relation_id
        assert found.family not in (Family.BINARY, Family.NEGRISK_SPLIT)
        assert found.edge_gross > 0

    def _plan(self, sized: PlanSized, event: Event) -> None:
        plan = sized.plan
        assert plan.quantity > 0 and plan.profit > 0
        assert sized.plan_id not in self.plans
        self.plans.add(sized.plan_id)
        self.sized[sized.plan_id] = sized
        in_hand = event.condition_id if isinstance(event, LevelChanged | LevelsChanged) else None
        for order in plan.orders:
            ladder = self.state.ladders[sized.condition_ids[order.leg]]
            assert ladder.status is BookStatus.LIVE
            if ladder.condition_id != in_hand and not self._is_replaced_by(
                event, ladder.condition_id
            ):
                assert not ladder.unsettled
                self._has_depth(ladder.condition_id, order)
            assert ladder.market.untradable() is None
            assert order.shares % LOT == 0
            assert order.shares >= (ladder.market.size_min or 0)
            if order.side is Side.BUY:
                assert order.price_limit * order.shares >= PICO
        shares = [order.shares for order in plan.orders]
        if plan.states:
            self._pays(sized)
        elif plan.family in EQUAL:
            assert set(shares) == {plan.quantity}
            assert len(shares) == len(sized.condition_ids)
        elif plan.family is Family.LADDER:
            yes = sum(o.shares for o in plan.orders if o.outcome is Outcome.YES)
            assert yes == sum(shares) - yes == plan.quantity
        else:
            assert max(shares) <= plan.quantity

    def _is_replaced_by(self, event: Event, condition_id: ConditionId) -> bool:
        return getattr(event, "condition_id", None) == condition_id

    def _pays(self, sized: PlanSized) -> None:
        """A joint plan names who takes part, and earns in the worst of its states."""
        plan = sized.plan
        assert sized.joint_with and set(sized.joint_with) < self.opportunities
        assert len({order.leg for order in plan.orders}) == len(sized.condition_ids)
        paid = [
            sum(o.shares for o in plan.orders if state[o.leg] is (o.outcome is Outcome.YES))
            for state in plan.states
        ]
        assert min(paid) == plan.quantity
        assert plan.payoff == plan.quantity * PICO
        gas = self.profile.sizing.gas_per_plan * PICO
        assert plan.profit == plan.payoff - plan.capital - gas

    def _has_depth(self, condition_id: ConditionId, order: PlannedOrder) -> None:
        """The limit is the price of a level that is there, and up to it is enough not yet ours."""
        depth = self.depth(condition_id)
        assert depth is not None
        is_yes, limit = order.outcome is Outcome.YES, order.price_limit
        takes_bids = (order.side is Side.SELL) is is_yes
        level = limit if is_yes else ONE - limit
        ladder = self.state.ladders[condition_id]
        assert level % ladder.tick == 0 and 0 < level < ONE
        shown = dict(depth.bids if takes_bids else depth.asks)
        assert level in shown
        free = {
            price: size - ladder.taken.get((takes_bids, price), 0) for price, size in shown.items()
        }
        assert min(free.values()) >= 0
        near = (s for p, s in free.items() if (p >= level if takes_bids else p <= level))
        assert order.shares <= sum(near)

    def _place(self, placed: PlaceOrders) -> None:
        sized = self.sized[placed.plan_id]
        assert len(placed.orders) == len(sized.plan.orders)
        for intent, order in zip(placed.orders, sized.plan.orders, strict=True):
            assert intent.order_id not in self.orders, "at most one order an intent"
            self.orders.add(intent.order_id)
            self.fates[intent.order_id] = Counter()
            assert intent.shares == order.shares
            assert intent.price_limit == order.price_limit

    def is_over(self) -> None:
        """Hold the engine to what must be true once a run has ended: nothing is orphaned."""
        assert not self.open_episodes
        assert {flight.status for flight in self.state.sets.values()} <= {SetStatus.HELD}
        assert self.state.trading is TradingState.HALTED
        for order_id, fate in self.fates.items():
            assert fate["OrderMatched"] + fate["OrderKilled"] >= 1, order_id
            assert fate["OrderMatched"] == fate["TradeConfirmed"] + fate["TradeFailed"], order_id
