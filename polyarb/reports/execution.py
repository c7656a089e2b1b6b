"""Plans, orders, sets, and what each fill tier would have got of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import (
    JournalMessage,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    PlanApproved,
    PlanDenied,
    PlanSized,
    SetChanged,
    SetSettled,
    Tier,
    TierMeasured,
    TradeConfirmed,
    TradeFailed,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.domain.units import ATTO, proceeds_down
from polyarb.reports.statistics import rank

CANCELED = "CANCELED"
"""The reason of an order that was called back."""


class Denials(msgspec.Struct, frozen=True, kw_only=True):
    """How often a stage said no for one reason; told once per reason and episode."""

    stage: str
    reason: str
    count: int


class Plans(msgspec.Struct, frozen=True, kw_only=True):
    """What became of opportunities on the way to orders.

    Shape: sized by the reason for the quantity; MIN_SIZE_BINDING are plans rounded up to the
    smallest legal set. Units: profit as planned, in micros of a USD.
    """

    sized: int
    sized_by_reason: dict[str, int]
    denied: tuple[Denials, ...]
    approved: int
    placed: int
    profit_planned: int


class TierResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one tier would have got of the plans that it measured.

    reachable counts plans that filled wholly and earned. Units: quantity and planned in micro-sets,
    profit in micros of a USD, latency in nanoseconds (None without a plan).
    """

    tier: Tier
    measured: int
    complete: int
    reachable: int
    quantity: int
    planned: int
    profit: int
    latency_ns_median: int | None


class FamilyTier(msgspec.Struct, frozen=True, kw_only=True):
    """The same for one family; families and tiers without a plan are not listed."""

    family: Family
    result: TierResult


class Haircut(msgspec.Struct, frozen=True, kw_only=True):
    """What latency costs: T0 less T2 over the plans that both measured.

    Units: micros of a USD.
    """

    plans: int
    profit_t0: int
    profit_t2: int

    @property
    def cost(self) -> int:
        """Compute the profit that latency took."""
        return self.profit_t0 - self.profit_t2


class Sets(msgspec.Struct, frozen=True, kw_only=True):
    """How sets ended their legging and became money.

    attempts counts the sets that had a match: those that were complete, broken, or first the one
    and then the other. Units: unsold in micro-shares, what unwinds found no buyer for.
    """

    placed: int
    attempts: int
    complete: int
    missed: int
    broken: int
    repaired: int
    merged: int
    converted: int
    held: int
    unwound: int
    settled: int
    unsold: int


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Orders of one stretch of time; in a shadow run nothing reaches the venue.

    Shape: killed_by_reason counts orders whose remainder is gone; of them canceled were called
    back, rejected_by_reason had no match and cut_short had one. matches counts matches, of which
    an order may have several.
    """

    submitted: int
    matches: int
    matched: int
    rejected_by_reason: dict[str, int]
    canceled: int
    cut_short: int
    filled: int
    partly_filled: int
    unfilled: int
    open: int
    killed_by_reason: dict[str, int]
    trades_confirmed: int
    trades_failed: int


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between an opportunity and its money.

    remeasured counts results of a tier that a later one of the same plan replaced.
    """

    plans: Plans
    tiers: tuple[TierResult, ...]
    family_tiers: tuple[FamilyTier, ...]
    haircut: Haircut | None
    sets: Sets
    orders: Orders
    remeasured: int

    def tier(self, tier: Tier) -> TierResult:
        """Return the result of one tier."""
        return next(result for result in self.tiers if result.tier is tier)


class ExecutionFold:
    """Folds the messages of a stretch of time into its execution."""

    def __init__(self) -> None:
        self._sized: Counter[str] = Counter()
        self._denied: Counter[tuple[str, str]] = Counter()
        self._approved = 0
        self._planned: list[int] = []
        self._measured: dict[tuple[PlanId, Tier], TierMeasured] = {}
        self._sets: dict[SetStatus, set[PlanId]] = {status: set() for status in SetStatus}
        self._unsold = 0
        self._wanted: dict[OrderId, int] = {}
        self._matched: Counter[OrderId] = Counter()
        self._killed: dict[OrderId, str] = {}
        self._matches = 0
        self._confirmed = 0
        self._failed = 0
        self._remeasured = 0

    def apply(self, message: JournalMessage) -> None:
        """Take one message, in order."""
        match message:
            case PlanSized():
                self._sized[message.plan.reason] += 1
            case PlanDenied():
                self._denied[message.stage, message.reason] += 1
            case PlanApproved():
                self._approved += 1
            case TierMeasured():
                key = (message.plan_id, message.tier)
                self._remeasured += key in self._measured
                self._measured[key] = message
            case SetChanged():
                self._sets[message.current].add(message.plan_id)
            case SetSettled():
                self._unsold += message.unsold
            case _:
                self._apply_order(message)

    def _apply_order(self, message: JournalMessage) -> None:
        match message:
            case PlaceOrders():
                self._planned.append(int(proceeds_down(message.profit, ATTO)))
                self._wanted.update({order.order_id: order.shares for order in message.orders})
            case OrderMatched():
                self._matches += 1
                self._matched[message.order_id] += message.shares
            case OrderKilled():
                self._killed[message.order_id] = message.reason
            case TradeConfirmed():
                self._confirmed += 1
            case TradeFailed():
                self._failed += 1
            case _:
                pass

    def execution(self) -> Execution:
        """Conclude."""
        measured = list(self._measured.values())
        return Execution(
            plans=self._plans(),
            tiers=tuple(_result(tier, measured) for tier in Tier),
            family_tiers=tuple(
                FamilyTier(family=family, result=_result(tier, mine))
                for family in Family
                for tier in Tier
                if (mine := [m for m in measured if m.family is family and m.tier is tier])
            ),
            haircut=self._haircut(),
            sets=self._set_counts(),
            orders=self._orders(),
            remeasured=self._remeasured,
        )

    def _plans(self) -> Plans:
        return Plans(
            sized=self._sized.total(),
            sized_by_reason=dict(sorted(self._sized.items())),
            denied=tuple(
                Denials(stage=stage, reason=reason, count=count)
                for (stage, reason), count in sorted(self._denied.items())
            ),
            approved=self._approved,
            placed=len(self._planned),
            profit_planned=sum(self._planned),
        )

    def _haircut(self) -> Haircut | None:
        both = [
            (at_once, self._measured[plan_id, Tier.T2])
            for (plan_id, tier), at_once in self._measured.items()
            if tier is Tier.T0 and (plan_id, Tier.T2) in self._measured
        ]
        if not both:
            return None
        return Haircut(
            plans=len(both),
            profit_t0=sum(at_once.profit for at_once, _ in both),
            profit_t2=sum(late.profit for _, late in both),
        )

    def _set_counts(self) -> Sets:
        sets = self._sets
        return Sets(
            placed=len(self._planned),
            attempts=len(sets[SetStatus.COMPLETE] | sets[SetStatus.BROKEN]),
            complete=len(sets[SetStatus.COMPLETE]),
            missed=len(sets[SetStatus.MISSED]),
            broken=len(sets[SetStatus.BROKEN]),
            repaired=len(sets[SetStatus.REPAIRED]),
            merged=len(sets[SetStatus.MERGED]),
            converted=len(sets[SetStatus.CONVERTED]),
            held=len(sets[SetStatus.HELD]),
            unwound=len(sets[SetStatus.UNWOUND]),
            settled=len(sets[SetStatus.SETTLED]),
            unsold=self._unsold,
        )

    def _orders(self) -> Orders:
        filled = [i for i, shares in self._wanted.items() if self._matched[i] >= shares]
        partly = [i for i, shares in self._wanted.items() if 0 < self._matched[i] < shares]
        unfilled = [i for i in self._wanted if not self._matched[i] and i in self._killed]
        gone = [(i, reason) for i, reason in self._killed.items() if reason != CANCELED]
        refused = [reason for i, reason in gone if not self._matched[i]]
        return Orders(
            submitted=len(self._wanted),
            matches=self._matches,
            matched=sum(bool(self._matched[i]) for i in self._wanted),
            rejected_by_reason=dict(sorted(Counter(refused).items())),
            canceled=sum(reason == CANCELED for reason in self._killed.values()),
            cut_short=sum(bool(self._matched[i]) for i, _ in gone),
            filled=len(filled),
            partly_filled=len(partly),
            unfilled=len(unfilled),
            open=len(self._wanted) - len(filled) - len(partly) - len(unfilled),
            killed_by_reason=dict(sorted(Counter(self._killed.values()).items())),
            trades_confirmed=self._confirmed,
            trades_failed=self._failed,
        )


def _result(tier: Tier, measured: Iterable[TierMeasured]) -> TierResult:
    mine: Sequence[TierMeasured] = [one for one in measured if one.tier is tier]
    return TierResult(
        tier=tier,
        measured=len(mine),
        complete=sum(one.is_complete for one in mine),
        reachable=sum(one.is_complete and one.profit > 0 for one in mine),
        quantity=sum(one.quantity for one in mine),
        planned=sum(one.planned for one in mine),
        profit=sum(one.profit for one in mine),
        latency_ns_median=rank([one.latency_ns for one in mine], 50),
    )
