"""Journals for tests of reports: messages numbered as a store would yield them."""

from collections.abc import Iterable
from dataclasses import dataclass

from polyarb.domain.book import BookFault
from polyarb.domain.ids import ConditionId, PlanId, RelationId
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    BooksOpened,
    CensusCounted,
    FeedMeasured,
    JournalMessage,
    OpportunityFound,
    OpportunityLost,
    PlanDenied,
    RunStopping,
    Stage,
    Tier,
    TierMeasured,
    TradingStateChanged,
)
from polyarb.domain.order import TradingState
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from tests.plan_lives import NOON_NS, SECOND_NS, run_started, run_stopped

CENT_PICOS = 10**10
ATTOS_A_USD = 10**18


@dataclass(frozen=True)
class Recorded:
    sequence: int
    frame: int
    time_ns: int
    message: JournalMessage


def records(messages: Iterable[JournalMessage], *, first: int = 1) -> list[Recorded]:
    return [
        Recorded(sequence=first + place, frame=0, time_ns=m.receive_time_ns, message=m)
        for place, m in enumerate(messages)
    ]


def run(
    *inside: JournalMessage,
    run_id: str = "run-1",
    start_ns: int = NOON_NS,
    seconds: int = 600,
    feed: str = "/tapes/tape.jsonl.gz",
    is_opened: bool = True,
    is_stopped: bool = True,
) -> list[JournalMessage]:
    """A whole run with messages of its own inside, in order of time."""
    end_ns = start_ns + seconds * SECOND_NS
    messages: list[JournalMessage] = [run_started(run_id, start_ns, feed)]
    if is_opened:
        messages.append(BooksOpened(receive_time_ns=start_ns, open_sets=0))
        messages.append(changed(TradingState.RECONCILING, TradingState.ACTIVE, start_ns))
    messages += inside
    if is_stopped:
        messages.append(RunStopping(receive_time_ns=end_ns, reason="end of feed"))
        messages.append(changed(TradingState.ACTIVE, TradingState.HALTED, end_ns))
        messages.append(run_stopped(end_ns, "end of feed"))
    return messages


def at(seconds: int) -> int:
    return NOON_NS + seconds * SECOND_NS


def changed(
    previous: TradingState, current: TradingState, time_ns: int, reason: str = "reconciled"
) -> TradingStateChanged:
    return TradingStateChanged(
        receive_time_ns=time_ns, previous=previous, current=current, reason=reason
    )


def measured(
    seconds: int,
    messages: int = 1_000,
    *,
    latency_ns: int | None = 2_000_000,
    rejected: dict[str, int] | None = None,
) -> FeedMeasured:
    return FeedMeasured(
        receive_time_ns=at(seconds),
        frames=messages,
        messages=messages,
        by_type={"book": 10, "price_change": messages - 10},
        rejected=rejected or {},
        unknown_tokens=0,
        latency_ns_p50=latency_ns,
        latency_ns_p95=None if latency_ns is None else 2 * latency_ns,
        latency_ns_p99=None if latency_ns is None else 3 * latency_ns,
        decisions=5,
    )


def counted(seconds: int, settled: int = 500, **counts: dict[str, int]) -> CensusCounted:
    return CensusCounted(
        receive_time_ns=at(seconds),
        settled=settled,
        raw_hits=counts.get("raw_hits", {}),
        rejected=counts.get("rejected", {}),
        tradable=counts.get("tradable", {}),
        quality=counts.get("quality", {}),
    )


def found(name: str, seconds: int, family: Family = Family.NEGRISK_NO) -> OpportunityFound:
    return OpportunityFound(
        receive_time_ns=at(seconds),
        opportunity_id=name,
        family=family,
        relation_id=RelationId("RACE"),
        edge_gross=2 * CENT_PICOS,
        edge_net=-CENT_PICOS,
    )


def lost(
    name: str,
    seconds: int,
    *,
    lived: int = 10,
    family: Family = Family.NEGRISK_NO,
    gross: int = 2,
    net: int = -1,
    quantity: int = 0,
    profit: int = 0,
    reason: str = "AFTER_FEES",
    is_planned: bool = False,
    is_censored: bool = False,
) -> OpportunityLost:
    """Edges in cents, quantity in sets, profit in USD."""
    return OpportunityLost(
        receive_time_ns=at(seconds),
        opportunity_id=name,
        family=family,
        relation_id=RelationId("RACE"),
        opened_ns=at(seconds - lived),
        duration_ns=lived * SECOND_NS,
        edge_gross_max=gross * CENT_PICOS,
        edge_net_max=net * CENT_PICOS,
        quantity_max=quantity * MICRO,
        profit_max=profit * ATTOS_A_USD,
        reason=reason,
        is_planned=is_planned,
        is_censored=is_censored,
    )


def denied(seconds: int, stage: Stage, reason: str) -> PlanDenied:
    return PlanDenied(
        receive_time_ns=at(seconds),
        opportunity_id="o",
        family=Family.NEGRISK_NO,
        stage=stage,
        reason=reason,
    )


def tried(
    plan_id: str,
    tier: Tier,
    profit: int,
    *,
    seconds: int = 30,
    quantity: int = 10,
    family: Family = Family.NEGRISK_NO,
) -> TierMeasured:
    """Profit in micros; a plan is of 10 sets."""
    return TierMeasured(
        receive_time_ns=at(seconds),
        plan_id=PlanId(plan_id),
        family=family,
        tier=tier,
        quantity=quantity * MICRO,
        planned=10 * MICRO,
        profit=profit,
        latency_ns=int(tier[1]) * 100_000_000,
        is_complete=quantity == 10,
    )


def invalidated(
    seconds: int, condition: str = "A", fault: BookFault = BookFault.CROSSED_BOOK
) -> BookInvalidated:
    return BookInvalidated(
        receive_time_ns=at(seconds),
        condition_id=ConditionId(condition),
        fault=fault,
        best_bid=500_000,
        best_ask=490_000,
    )


def restored(seconds: int, condition: str = "A") -> BookRestored:
    return BookRestored(receive_time_ns=at(seconds), condition_id=ConditionId(condition))
