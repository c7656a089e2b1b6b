"""Journals for tests of reports: messages numbered as a store would yield them."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from polyarb.domain.book import BookFault
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.ids import ConditionId, PlanId, RelationId
from polyarb.domain.limits import Envelope
from polyarb.domain.measures import FeedMeasured, StageMeasured
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    BooksOpened,
    CensusCounted,
    JournalMessage,
    OpportunityFound,
    OpportunityLost,
    PlaceOrders,
    PlanDenied,
    PlanSized,
    RunStopping,
    Stage,
    Tier,
    TierMeasured,
    TradingStateChanged,
)
from polyarb.domain.order import SetStatus, TradingState
from polyarb.domain.plan import Family, PlannedOrder
from polyarb.domain.units import MICRO
from polyarb.reports.alert_log import AlertSeen
from polyarb.reports.changes import RunFacts
from polyarb.reports.daily import Beside

from tests.plan_lives import (
    DAY_NS,
    NOON_NS,
    SECOND_NS,
    Life,
    binary,
    binary_merged,
    broken,
    held,
    missed,
    run_started,
    run_stopped,
)

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


GAS_MICROS = 10_000


def quoted(messages: list[JournalMessage], cheaper: int = 0) -> list[JournalMessage]:
    """Complete the sizings of lives with the orders they reckoned with, as the engine does.

    Each order was planned so many micros a share below its limit, at a fee of .005.
    """
    placed = {m.plan_id: m for m in messages if isinstance(m, PlaceOrders)}
    done: list[JournalMessage] = []
    for message in messages:
        if isinstance(message, PlanSized) and message.plan_id in placed:
            plan = message.plan
            orders = tuple(
                PlannedOrder(
                    leg=one.leg,
                    outcome=one.outcome,
                    side=one.side,
                    price_limit=one.price_limit,
                    shares=one.shares,
                    notional=(one.price_limit - cheaper) * one.shares * MICRO,
                    fee=5_000 * 10**12,
                )
                for one in placed[message.plan_id].orders
            )
            capital = plan.payoff - plan.profit - GAS_MICROS * 10**12
            quote = msgspec.structs.replace(plan, orders=orders, capital=capital)
            done.append(msgspec.structs.replace(message, plan=quote))
        else:
            done.append(message)
    return done


def staged(seconds: int, messages: int, slow: int = 1) -> FeedMeasured:
    """A measurement of a live run, stage by stage."""
    stages = {
        "receive to book": (400_000, 900_000, 1_500_000),
        "book to decision": (60_000, 150_000, 400_000),
        "decision to journal": (900_000 * slow, 2_000_000 * slow, 6_000_000 * slow),
        "journal to command": (20_000, 50_000, 90_000),
        "receive to decision": (470_000, 1_100_000, 1_900_000),
    }
    return msgspec.structs.replace(
        measured(seconds, messages, latency_ns=470_000 * slow),
        stages={
            name: StageMeasured(n=1_000, p50=p50, p95=p95, p99=p99)
            for name, (p50, p95, p99) in stages.items()
        },
    )


def tiers(plan_id: str, profits: tuple[int, ...], seconds: int) -> list[JournalMessage]:
    """What each tier would have got; a profit of 0 filled half."""
    return [
        tried(plan_id, tier, profit, seconds=seconds, quantity=10 if profit else 5)
        for tier, profit in zip(Tier, profits, strict=False)
    ]


def reverted(plan_id: str, start_ns: int) -> Life:
    """Both legs of a set match, one never settles: the other is sold."""
    return (
        binary(plan_id, start_ns)
        .begun()
        .matched(0, 10 * MICRO, 4_500_000, 15_750)
        .matched(1, 10 * MICRO, 5_200_000, 18_200)
        .changed(SetStatus.LEGGING, SetStatus.COMPLETE)
        .failed(1)
        .confirmed(0)
        .changed(SetStatus.COMPLETE, SetStatus.BROKEN)
        .unwind()
        .settled(SetStatus.UNWOUND, 4_300_000, unsold=0)
        .changed(SetStatus.BROKEN, SetStatus.UNWOUND)
        .changed(SetStatus.UNWOUND, SetStatus.SETTLED)
    )


def _stretch(number: int, second: int) -> list[JournalMessage]:
    """Half an hour of a rich day; which plans it has depends on its number."""
    name = f"{second}-{number}"
    start_ns = at(second)
    found_one = found(f"o-{name}", second)
    life = (binary_merged, binary_merged, held, missed, broken, reverted)[number % 6]
    plan = quoted(life(f"p-{name}", start_ns).messages, cheaper=(0, 1_000, 14_000)[number % 3])
    late = [200_000, 150_000, 90_000 if number % 2 else 0, 40_000 if number % 3 else 0]
    return [
        found_one,
        denied(second, Stage.GUARD, "STALE" if number % 2 else "UNSETTLED"),
        *plan,
        *tiers(f"p-{name}", tuple(late), second + 20),
        lost(
            f"o-{name}",
            second + 40,
            lived=40 + number,
            net=1 if number % 2 else -1,
            quantity=5,
            profit=1,
            is_planned=True,
        ),
        counted(
            second + 50,
            raw_hits={"negrisk_no": 4, "binary": 2},
            rejected={"STALE": 3, "UNSETTLED": 2},
            tradable={"negrisk_no": 1},
        ),
        staged(second + 60, 1_000 * (number + 1), slow=1 + number % 4),
    ]


def rich_day(day: int, stretches: int, run_id: str) -> list[JournalMessage]:
    """One run of a few hours from noon on with plans of every kind; day counts from the first."""
    inside: list[JournalMessage] = []
    begin = day * DAY_NS // SECOND_NS
    for number in range(stretches):
        inside += _stretch(number, begin + 10 + 1_800 * number)
    inside += [counted(begin + 120 * part) for part in range(1, 15 * stretches)]
    inside += [invalidated(begin + 30, "A"), restored(begin + 90, "A")]
    inside.sort(key=lambda message: message.receive_time_ns)
    return run(
        *inside,
        run_id=run_id,
        start_ns=NOON_NS + day * DAY_NS,
        seconds=1_800 * stretches,
        feed=f"/tapes/{run_id}.jsonl.gz",
    )


def rich_journal() -> list[JournalMessage]:
    """Two days: a short one, and one on which about everything happens several times."""
    later = rich_day(1, 18, "run-2")
    started, *rest = later
    changed_run = msgspec.structs.replace(started, config_digest="config-2")  # type: ignore[type-var]
    return [*rich_day(0, 4, "run-1"), changed_run, *rest]


def rich_beside() -> Beside:
    """Alerts, drills and recipes beside the rich journal."""
    fired = NOON_NS + DAY_NS + 600 * SECOND_NS
    figures = {"sizing.trade_size": "1000000", "guards.settle_ms": "400"}
    envelope = Envelope(
        order_notional_max=10 * MICRO,
        position_notional_max=300 * MICRO,
        open_notional_max=2_000 * MICRO,
        daily_loss_max=5 * MICRO,
        instruments_max=20,
        venues_max=1,
        orders_per_minute_max=60,
    )
    markets = frozenset({ConditionId("A"), ConditionId("WIDE")})
    return Beside(
        alerts=(
            AlertSeen(
                alert_id="a1",
                name="LATENCY_P95_HIGH",
                severity="WARNING",
                status="RESOLVED",
                fired_ns=fired,
                acked_ns=fired + 90 * SECOND_NS,
                resolved_ns=fired + 400 * SECOND_NS,
                value="612 ms",
                threshold="500 ms",
            ),
            AlertSeen(
                alert_id="a2",
                name="WS_DISCONNECTED",
                severity="CRITICAL",
                status="FIRING",
                fired_ns=fired + 60 * SECOND_NS,
            ),
        ),
        drills=(
            _drill("breaker", passed=True),
            _drill("kill", passed=False),
        ),
        facts={
            "run-1": RunFacts(figures=figures, markets=markets, envelope=envelope),
            "run-2": RunFacts(
                figures={**figures, "guards.settle_ms": "600"},
                markets=frozenset({ConditionId("A"), ConditionId("NARROW")}),
                envelope=envelope,
            ),
        },
        titles={ConditionId("A"): "Will A win?", ConditionId("N0"): "Will N0 win?"},
    )


def _drill(name: str, *, passed: bool) -> DrillOutcome:
    return DrillOutcome(
        name=name,
        passed=passed,
        began_ns=NOON_NS + DAY_NS - 3_600 * SECOND_NS,
        took_ms=850,
        code_digest="code",
        config_digest="config",
        findings=() if passed else ("expected a whole journal, found a torn tail",),
    )
