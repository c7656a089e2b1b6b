"""What flows: events (it happened), decisions (we concluded), commands (do it).

Every message carries its time in nanoseconds; market data carries the venue's and ours. The
structs are tagged by name, so that the journal's text says what they are.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.book import BookFault
from polyarb.domain.ids import ConditionId, OrderId, PlanId, RelationId, TokenId
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.order import HeldSet, OrderIntent, SetStatus, TradingState
from polyarb.domain.plan import Family, Level, Outcome, Plan, Side
from polyarb.domain.surroundings import ClockJudged, FeedChange, RecordingsRemoved

UNKNOWN_PRICE = -1
"""A top of book that the feed did not tell; 0 is a side told to be empty of bids."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Anything that flows; receive_time_ns is ours, in unix nanoseconds."""

    receive_time_ns: int


# Events: market data, always in YES terms


class LevelChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """One level of one book has a new total size; the feed's commonest message.

    Units: price and tops in micros (UNKNOWN_PRICE when not told; best_ask of an empty side is
    ONE, best_bid 0), size in micro-shares, 0 removes the level.
    """

    condition_id: ConditionId
    is_bid: bool
    price: int
    size: int
    best_bid: int
    best_ask: int
    venue_time_ns: int
    receive_time_ns: int


class LevelsChanged(Message, frozen=True, kw_only=True, tag=True):
    """Several levels of one book changed in one message; they are applied as one.

    Shape: changes of (is_bid, price, size) in the order of the message.
    """

    condition_id: ConditionId
    changes: tuple[tuple[bool, int, int], ...]
    best_bid: int
    best_ask: int
    venue_time_ns: int


class BookReplaced(Message, frozen=True, kw_only=True, tag=True):
    """A whole book arrived; outcome tells which token's book the feed sent.

    Shape: levels best first, sizes above zero.
    """

    condition_id: ConditionId
    outcome: Outcome
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_time_ns: int


class TradePrinted(Message, frozen=True, kw_only=True, tag=True):
    """A trade was reported; may arrive seconds late and never fills anything of ours.

    Units: price in micros and side (the taker's) are those of the token that was traded.
    """

    condition_id: ConditionId
    token_id: TokenId
    side: Side
    price: int
    size: int
    venue_time_ns: int


class TickChanged(Message, frozen=True, kw_only=True, tag=True):
    """A market's tick size changed; a new tick epoch begins. Units: tick in micros."""

    condition_id: ConditionId
    tick: int
    venue_time_ns: int


NO_WINNER = TokenId("")
"""What is told instead of a winner where a market is resolved so that both its tokens pay half."""


class MarketResolved(Message, frozen=True, kw_only=True, tag=True):
    """A market was resolved; it trades no more. Shape: winner is a token of it, or NO_WINNER."""

    condition_id: ConditionId
    winner: TokenId
    venue_time_ns: int


class FeedLost(Message, frozen=True, kw_only=True, tag=True):
    """The feed of these markets was interrupted; their books must be taken anew.

    Shape: no condition_ids is every book.
    """

    reason: str
    condition_ids: tuple[ConditionId, ...] = ()


# Events: time, control, answers of the gateway


class ClockTicked(Message, frozen=True, kw_only=True, tag=True):
    """A deadline that the engine asked for has passed."""


class RunStarted(Message, frozen=True, kw_only=True, tag=True):
    """A run began; everything that its decisions depend on is named.

    wall_time_ns is the clock of the machine; receive_time_ns that of the feed. is_halted: a halt
    was latched, so that trading stays HALTED until somebody resumes. epoch is that of the lease.
    venue is whose market data it is; empty in older records.
    """

    run_id: str
    phase: str
    profile: str
    feed: str
    code_digest: str
    config_digest: str
    catalogue_digest: str
    wall_time_ns: int = 0
    is_halted: bool = False
    epoch: int = 0
    venue: str = ""


class BooksOpened(Message, frozen=True, kw_only=True, tag=True):
    """Journal, ledger and open sets were reconciled; trading may begin.

    Shape: open_sets counts held, the sets that earlier runs left to this one.
    Units: day_pnl, what earlier runs settled on this UTC day, in micros of a USD.
    """

    open_sets: int
    held: tuple[HeldSet, ...] = ()
    day_pnl: int = 0


class RunStopping(Message, frozen=True, kw_only=True, tag=True):
    """A run is about to end: nothing new is opened, what is unmatched is canceled."""

    reason: str


class RunStopped(Message, frozen=True, kw_only=True, tag=True):
    """A run ended in order."""

    reason: str


class OperatorHalted(Message, frozen=True, kw_only=True, tag=True):
    """Somebody stopped trading; request_id is that of the order in the inbox, if it came so."""

    actor: str
    reason: str
    request_id: str = ""


class OperatorResumed(Message, frozen=True, kw_only=True, tag=True):
    """Somebody allowed trading again; request_id as in OperatorHalted."""

    actor: str
    reason: str
    request_id: str = ""


class OperatorReduced(Message, frozen=True, kw_only=True, tag=True):
    """Somebody, or an alert, wants no new risk; what is open goes on to its end.

    is_over: nobody wants that any more; a halt that came meanwhile stays.
    """

    actor: str
    reason: str
    is_over: bool = False


class OrderMatched(Message, frozen=True, kw_only=True, tag=True):
    """The venue (or the shadow of it) matched an order, wholly or in part.

    Units: shares in micro-shares; notional and fee in micros of a USD, rounded against us.
    """

    plan_id: PlanId
    order_id: OrderId
    shares: int
    notional: int
    fee: int


class OrderKilled(Message, frozen=True, kw_only=True, tag=True):
    """An order's remainder is gone; what was matched before stands."""

    plan_id: PlanId
    order_id: OrderId
    reason: str


class TradeConfirmed(Message, frozen=True, kw_only=True, tag=True):
    """An order's match is final on chain."""

    plan_id: PlanId
    order_id: OrderId


class TradeFailed(Message, frozen=True, kw_only=True, tag=True):
    """An order's match never settled; its shares and cash were never moved."""

    plan_id: PlanId
    order_id: OrderId


class SetSettled(Message, frozen=True, kw_only=True, tag=True):
    """A set operation, a redemption (SETTLED) or an unwind is done.

    Proceeds are below zero where the set began with a split that costs more than it returned.
    Units: proceeds and gas in micros of a USD; unsold, the micro-shares of an unwind that found
    no buyer and count as worth nothing.
    """

    plan_id: PlanId
    status: SetStatus
    proceeds: int
    gas: int
    unsold: int = 0


class Tier(StrEnum):
    """How honest a shadow fill is: at once, median latency, p95 (gates), p95 with fade."""

    T0 = "T0"
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"


class TierMeasured(Message, frozen=True, kw_only=True, tag=True):
    """What a plan would have filled and earned at one tier, all legs jointly.

    Units: quantity in micro-sets, profit in micros of a USD, latency in nanoseconds.
    """

    plan_id: PlanId
    family: Family
    tier: Tier
    quantity: int
    planned: int
    profit: int
    latency_ns: int
    is_complete: bool


# Decisions


class Stage(StrEnum):
    """Where an opportunity was turned down, in the order of the river."""

    GUARD = "guard"
    SIZE = "size"
    RISK = "risk"


class TradingStateChanged(Message, frozen=True, kw_only=True, tag=True):
    """The engine may do more, or less, from now on."""

    previous: TradingState
    current: TradingState
    reason: str


class BookInvalidated(Message, frozen=True, kw_only=True, tag=True):
    """A book is not decided on until a fresh snapshot comes."""

    condition_id: ConditionId
    fault: BookFault
    best_bid: int
    best_ask: int


class BookRestored(Message, frozen=True, kw_only=True, tag=True):
    """A fresh snapshot made a book valid again."""

    condition_id: ConditionId


class OpportunityFound(Message, frozen=True, kw_only=True, tag=True):
    """An inequality began to hold before fees.

    Units: edges in picos of a USD a set, before and after fees; edge_net is 0, which is no gain,
    while a fee is not known.
    """

    opportunity_id: str
    family: Family
    relation_id: RelationId
    edge_gross: int
    edge_net: int


class OpportunityLost(Message, frozen=True, kw_only=True, tag=True):
    """An episode ended. Units: edges in picos a set, quantity in micro-sets, profit in attos.

    is_censored: the feed or a book was lost, so the true end is not known.
    """

    opportunity_id: str
    family: Family
    relation_id: RelationId
    opened_ns: int
    duration_ns: int
    edge_gross_max: int
    edge_net_max: int
    quantity_max: int
    profit_max: int
    reason: str
    is_planned: bool
    is_censored: bool


class PlanSized(Message, frozen=True, kw_only=True, tag=True):
    """An opportunity was sized to a plan that earns.

    Shape: joint_with names the opportunities of other relations that the plan takes, too, and
    shared_with those relations.
    """

    plan_id: PlanId
    opportunity_id: str
    relation_id: RelationId
    condition_ids: tuple[ConditionId, ...]
    plan: Plan
    joint_with: tuple[str, ...] = ()
    shared_with: tuple[RelationId, ...] = ()


class PlanDenied(Message, frozen=True, kw_only=True, tag=True):
    """An opportunity was turned down, with the reason; told once per reason and episode."""

    opportunity_id: str
    family: Family
    stage: Stage
    reason: str


class PlanApproved(Message, frozen=True, kw_only=True, tag=True):
    """A plan passed every risk check. Units: reserved in micros of a USD."""

    plan_id: PlanId
    reserved: int
    open_notional: int


class SetChanged(Message, frozen=True, kw_only=True, tag=True):
    """An arbitrage in flight took a step."""

    plan_id: PlanId
    family: Family
    previous: SetStatus
    current: SetStatus


class CensusCounted(Message, frozen=True, kw_only=True, tag=True):
    """Counters since the last one: evaluation points that looked like arbitrage, and their fate.

    Shape: raw_hits and tradable by family; rejected by reason (rejected + tradable = raw hits);
    quality counts faults of the data by name.
    """

    settled: int
    raw_hits: dict[str, int]
    rejected: dict[str, int]
    tradable: dict[str, int]
    quality: dict[str, int] = {}


# Commands


class RequestSnapshot(Message, frozen=True, kw_only=True, tag=True):
    """Fetch a fresh snapshot of one book."""

    condition_id: ConditionId


class PlaceOrders(Message, frozen=True, kw_only=True, tag=True):
    """Send the orders of an approved plan together.

    Shape: states as in the plan; with them the set is held and pays the least of them.
    Units: quantity in micro-sets, profit in attos of a USD, as planned.
    """

    plan_id: PlanId
    family: Family
    quantity: int
    profit: int
    orders: tuple[OrderIntent, ...]
    states: tuple[tuple[bool, ...], ...] = ()


class SettleSet(Message, frozen=True, kw_only=True, tag=True):
    """Turn the confirmed shares of a set into money, or hold them. Units: micro-shares."""

    plan_id: PlanId
    family: Family
    status: SetStatus
    quantity: int


class RedeemSet(Message, frozen=True, kw_only=True, tag=True):
    """Turn the winning shares of a held set into money: every market of it is resolved.

    Units: quantity in micro-shares, each of which pays one USD.
    """

    plan_id: PlanId
    family: Family
    quantity: int


class RecoverSet(Message, frozen=True, kw_only=True, tag=True):
    """Find out what became of a set whose run was cut off: end its orders, tell final words."""

    plan_id: PlanId
    left: HeldSet


class UnwindSet(Message, frozen=True, kw_only=True, tag=True):
    """Sell what a broken set holds at the book of the moment."""

    plan_id: PlanId


class CancelAll(Message, frozen=True, kw_only=True, tag=True):
    """Cancel every open order."""

    reason: str


class RaiseAlert(Message, frozen=True, kw_only=True, tag=True):
    """Tell the operator."""

    severity: str
    text: str


OfMarket = LevelChanged | LevelsChanged | BookReplaced | TradePrinted | TickChanged | MarketResolved
MarketEvent = OfMarket | FeedLost | FeedChange
GatewayEvent = OrderMatched | OrderKilled | TradeConfirmed | TradeFailed | SetSettled | TierMeasured
OperatorOrder = OperatorHalted | OperatorReduced | OperatorResumed
ControlEvent = RunStarted | BooksOpened | RunStopping | RunStopped | OperatorOrder | ClockJudged
Event = MarketEvent | GatewayEvent | ControlEvent | ClockTicked
Decision = (
    TradingStateChanged
    | BookInvalidated
    | BookRestored
    | OpportunityFound
    | OpportunityLost
    | PlanSized
    | PlanDenied
    | PlanApproved
    | SetChanged
    | CensusCounted
)
SetCommand = PlaceOrders | SettleSet | RedeemSet | RecoverSet | UnwindSet
Command = RequestSnapshot | SetCommand | CancelAll | RaiseAlert
Output = Decision | Command
Note = FeedMeasured | RecordingsRemoved
JournalMessage = GatewayEvent | ControlEvent | Decision | Command | Note
"""What the journal holds: every message but market data (the tape's) and clock ticks (derived)."""
