"""Everything the engine remembers. Only engine.py and the stages it calls change it."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappush

from polyarb.domain.book import BookStatus
from polyarb.domain.ids import ConditionId, OrderId, PlanId, RelationId, TokenId
from polyarb.domain.market import Market
from polyarb.domain.messages import UNKNOWN_PRICE
from polyarb.domain.order import OrderIntent, OrderStatus, SetStatus, TradingState
from polyarb.domain.plan import Family, Outcome
from polyarb.domain.units import ONE
from polyarb.domain.venue import VenueMode

NEVER_NS = 2**63 - 1


class Ladder:
    """The one book of a market in YES terms; NO is its mirror.

    Shape: bids and asks map price micros to size micro-shares. best_bid is 0 and best_ask ONE
    when the side is empty. settled_bid and settled_ask are the top that detection last saw.
    is_watched asks for a look at every change, is_awaited for one look when it next settles.
    snapshot_ns is the venue time of the last snapshot, snapshot_outcome the token whose book it
    was and None once a level of that time changed.
    taken maps a level (whether it is a bid, its price) to the micro-shares that we had of it.
    """

    __slots__ = (
        "asks",
        "best_ask",
        "best_bid",
        "bids",
        "condition_id",
        "deadline_ns",
        "epoch",
        "invalid_since_ns",
        "is_awaited",
        "is_off_tick",
        "is_resolved",
        "is_watched",
        "market",
        "receive_time_ns",
        "settled_ask",
        "settled_bid",
        "snapshot_ns",
        "snapshot_outcome",
        "status",
        "taken",
        "tick",
        "unsettled",
        "venue_time_ns",
        "watches",
        "wire_ask",
        "wire_bid",
    )

    def __init__(self, market: Market) -> None:
        self.market = market
        self.condition_id = market.condition_id
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.best_bid = 0
        self.best_ask: int = ONE
        self.wire_bid = UNKNOWN_PRICE
        self.wire_ask = UNKNOWN_PRICE
        self.venue_time_ns = 0
        self.receive_time_ns = 0
        self.status = BookStatus.EMPTY
        self.unsettled = False
        self.deadline_ns = NEVER_NS
        self.tick: int = market.tick or 0
        self.epoch = 0
        self.is_off_tick = False
        self.snapshot_ns = 0
        self.snapshot_outcome: Outcome | None = None
        self.invalid_since_ns = 0
        self.settled_bid = 0
        self.settled_ask: int = ONE
        self.is_watched = False
        self.is_awaited = False
        self.is_resolved = False
        self.taken: dict[tuple[bool, int], int] = {}
        self.watches: list[tuple[Watch, int]] = []


class Watch:
    """A relation between markets with the settled tops of its legs and their running sums.

    Units: micros. An empty ask counts as ONE and is counted in missing_asks; an empty bid is 0.
    looks pairs each family with its detector, so that no update has to find it. is_taken_from
    tells that of some leg's levels we may have had shares.
    """

    __slots__ = (
        "asks",
        "bids",
        "episodes",
        "families",
        "gap",
        "is_taken_from",
        "ladders",
        "looks",
        "missing_asks",
        "relation_id",
        "sum_asks",
        "sum_bids",
    )

    def __init__(
        self,
        relation_id: RelationId,
        families: tuple[Family, ...],
        ladders: list[Ladder],
        gap: str = "",
    ) -> None:
        self.relation_id = relation_id
        self.families = families
        self.looks: tuple[tuple[Family, Callable[[Watch], int]], ...] = ()
        self.ladders = ladders
        self.gap = gap
        self.bids = [0] * len(ladders)
        self.asks: list[int] = [ONE] * len(ladders)
        self.sum_bids = 0
        self.sum_asks = ONE * len(ladders)
        self.missing_asks = len(ladders)
        self.is_taken_from = False
        self.episodes: dict[Family, Episode] = {}


@dataclass(slots=True)
class Episode:
    """One stretch of time in which an inequality holds before fees. Units: picos a set.

    is_doubted: since false_since_ns it is not that the inequality ceased, but that it cannot be
    seen whether it holds. joined_ns: when it was planned in the turn of another relation.
    joint_after_ns: until when no joint sizing is tried.
    """

    opportunity_id: str
    family: Family
    watch: Watch
    opened_ns: int
    edge_gross_max: int
    edge_net_max: int
    quantity_max: int = 0
    profit_max: int = 0
    reason: str = ""
    is_planned: bool = False
    joined_ns: int = 0
    joint_after_ns: int = 0
    false_since_ns: int = 0
    is_doubted: bool = False
    told: set[str] = field(default_factory=set)


@dataclass(slots=True)
class OrderProgress:
    """What became of one order. Units: micro-shares and micros of a USD."""

    intent: OrderIntent
    ladder: Ladder
    status: OrderStatus = OrderStatus.SENT
    shares: int = 0
    notional: int = 0
    fee: int = 0
    is_final: bool = False
    is_confirmed: bool = False
    is_failed: bool = False


@dataclass(slots=True)
class SetInFlight:
    """An arbitrage between its first order and its money. Units: micro-sets, micros of a USD.

    Shape: condition_ids are the markets with an order; states as in the plan.
    """

    plan_id: PlanId
    family: Family
    relation_id: RelationId
    condition_ids: tuple[ConditionId, ...]
    quantity: int
    reserved: int
    orders: dict[OrderId, OrderProgress]
    states: tuple[tuple[bool, ...], ...] = ()
    status: SetStatus = SetStatus.LEGGING
    is_unwinding: bool = False
    is_redeeming: bool = False

    @property
    def is_split_first(self) -> bool:
        """Tell whether money left before any order was matched: 1 a set for the split."""
        return self.family is Family.NEGRISK_SPLIT


@dataclass(slots=True)
class Exposure:
    """What is at risk, counting every open intent as filled. Units: micros of a USD.

    Shape: shared holds the further relations that a joint plan counts against in full.
    """

    by_plan: dict[PlanId, int] = field(default_factory=dict)
    shared: dict[PlanId, tuple[RelationId, ...]] = field(default_factory=dict)
    by_relation: Counter[RelationId] = field(default_factory=Counter)
    by_market: Counter[ConditionId] = field(default_factory=Counter)
    open_notional: int = 0
    order_times_ns: deque[int] = field(default_factory=deque)
    day: int = 0
    day_pnl: int = 0
    failures: deque[bool] = field(default_factory=deque)
    consecutive_failures: int = 0


@dataclass(slots=True)
class Census:
    """Counters since the last CensusCounted; every evaluation point has exactly one fate."""

    settled: int = 0
    raw_hits: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    tradable: Counter[str] = field(default_factory=Counter)
    quality: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class EngineState:
    """The whole memory of an engine.

    Shape: winners names the token that won a market; clock_fault says why our clock is not trusted.
    """

    ladders: dict[ConditionId, Ladder]
    watches: list[Watch]
    run_id: str = ""
    episodes_opened: int = 0
    trading: TradingState = TradingState.HALTED
    venue_mode: VenueMode = VenueMode.OK
    clock_fault: str = ""
    sets: dict[PlanId, SetInFlight] = field(default_factory=dict)
    exposure: Exposure = field(default_factory=Exposure)
    winners: dict[ConditionId, TokenId] = field(default_factory=dict)
    census: Census = field(default_factory=Census)
    timers: list[tuple[int, int, Episode | None]] = field(default_factory=list)
    timers_set: int = 0

    @property
    def is_free(self) -> bool:
        """Tell whether something that adds risk may be opened at all."""
        is_active = self.trading is TradingState.ACTIVE
        return is_active and self.venue_mode is VenueMode.OK and not self.clock_fault

    def schedule(self, deadline_ns: int, episode: Episode | None) -> None:
        """Ask to be woken for an episode, or (None) for the census; ties keep their order."""
        self.timers_set += 1
        heappush(self.timers, (deadline_ns, self.timers_set, episode))
