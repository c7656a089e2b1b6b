"""The bridge of an edge from its quote to the chain: every step exact to the micro.

It follows the plans that placed orders in a stretch of time, as far as they came by its end. A
step that nobody measured is left out and named, and the next one stands on the last that was.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from polyarb.domain.messages import (
    JournalMessage,
    OrderMatched,
    PlaceOrders,
    PlanSized,
    Tier,
    TierMeasured,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Plan
from polyarb.domain.units import ATTO, cost_up
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import PlanAccount, PlanKey
from polyarb.ledger.pnl import PnlColumns, columns_of
from polyarb.ledger.transactions import Transaction
from polyarb.reports.window import Window


class BridgeStage(StrEnum):
    """The stages from quote to money, in the order in which they are walked."""

    QUOTED = "quoted edge"
    AFTER_FEES = "after fees"
    PROMISED = "promised (after gas)"
    T0 = "T0, at once"
    T1 = "T1, median latency"
    T2 = "T2, p95 latency"
    T3 = "T3, fade and reverts"
    MATCHED = "matched"
    CONFIRMED = "confirmed"
    SETTLED = "settled"


_TIERS: Mapping[Tier, BridgeStage] = {
    Tier.T0: BridgeStage.T0,
    Tier.T1: BridgeStage.T1,
    Tier.T2: BridgeStage.T2,
    Tier.T3: BridgeStage.T3,
}


class BridgeStep(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what the plans with a figure here come to; amount None is not measured.

    amount = amount of the step that it stands on + change - dropped + joined. change is over the
    plans that have a figure at both, dropped is what plans without a figure here carried there,
    joined is what plans without a figure there bring in.
    Units: micros of a USD; plans counts those with a figure.
    """

    stage: BridgeStage
    plans: int
    amount: int | None
    change: int = 0
    dropped: int = 0
    joined: int = 0


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """Every stage in order, and what ties the last one to the settled column.

    Settled column of the time = settled of these plans (the last step) + unfinished (what the
    open ones of them paid or got so far) + earlier (what plans placed before it settled in it).
    Units: micros of a USD.
    """

    plans: int
    steps: tuple[BridgeStep, ...]
    unfinished: int
    earlier: int

    def step(self, stage: BridgeStage) -> BridgeStep:
        """Return one stage."""
        return next(step for step in self.steps if step.stage is stage)


class _Quote(msgspec.Struct, frozen=True):
    """What a sizing reckoned with. Units: micros of a USD, rounded against us."""

    fees: int
    gas: int


class BridgeFold:
    """Folds the plans of a stretch of time; the ledger is read for what they came to."""

    def __init__(self) -> None:
        self._quotes: dict[PlanKey, _Quote] = {}
        self._placed: dict[PlanKey, None] = {}
        self._tiers: dict[PlanKey, dict[Tier, int]] = {}
        self._matched: dict[PlanKey, int] = {}

    def apply(
        self, message: JournalMessage, ledger: Ledger, transactions: Sequence[Transaction]
    ) -> None:
        """Take one message of the time, after the ledger took it and wrote its transactions."""
        match message:
            case PlanSized() if (quote := _quoted(message.plan)) is not None:
                self._quotes[ledger.latest[message.plan_id]] = quote
            case PlaceOrders() if (key := ledger.latest.get(message.plan_id)) is not None:
                self._placed[key] = None
            case TierMeasured() if (key := ledger.latest.get(message.plan_id)) is not None:
                self._tiers.setdefault(key, {})[message.tier] = message.profit
            case OrderMatched() if (key := ledger.latest.get(message.plan_id)) is not None:
                earned = sum(_matched_of(one) for one in transactions)
                self._matched[key] = self._matched.get(key, 0) + earned
            case _:
                pass

    def bridge(self, ledger: Ledger, window: Window) -> Bridge:
        """Conclude from what the ledger holds of the time."""
        columns: dict[PlanKey, PnlColumns] = {}
        earlier = 0
        for key, value in ledger.pnl.items():
            if not window.has_day(key.day):
                continue
            if key.plan in self._placed:
                columns[key.plan] = columns.get(key.plan, PnlColumns()).plus(value)
            else:
                earlier += value.settled or 0
        levels: dict[BridgeStage, dict[PlanKey, int]] = {stage: {} for stage in BridgeStage}
        unfinished = 0
        for placed in self._placed:
            plan, earned = ledger.plans[placed], columns.get(placed, PnlColumns())
            for stage, amount in self._levels(placed, plan, earned):
                levels[stage][placed] = amount
            if not plan.is_over:
                unfinished += earned.settled or 0
        return Bridge(
            plans=len(self._placed),
            steps=tuple(_steps(levels)),
            unfinished=unfinished,
            earlier=earlier,
        )

    def _levels(
        self, key: PlanKey, plan: PlanAccount, earned: PnlColumns
    ) -> Iterator[tuple[BridgeStage, int]]:
        promised = plan.expected or 0
        quote = self._quotes.get(key)
        if quote is not None:
            yield BridgeStage.QUOTED, promised + quote.gas + quote.fees
            yield BridgeStage.AFTER_FEES, promised + quote.gas
        yield BridgeStage.PROMISED, promised
        for tier, profit in self._tiers.get(key, {}).items():
            yield _TIERS[tier], profit
        is_missed = plan.status is SetStatus.MISSED
        if key in self._matched or is_missed:
            yield BridgeStage.MATCHED, self._matched.get(key, 0)
        is_final = all(order.pending.is_nothing for order in plan.orders.values())
        if (key in self._matched and is_final) or is_missed:
            yield BridgeStage.CONFIRMED, earned.matched or 0
        if plan.is_over:
            yield BridgeStage.SETTLED, earned.settled or 0


def _quoted(plan: Plan) -> _Quote | None:
    """Read fees and gas off a plan; one that lists no orders does not tell them."""
    if not plan.orders:
        return None
    return _Quote(
        fees=cost_up(sum(order.fee for order in plan.orders), ATTO),
        gas=cost_up(plan.payoff - plan.capital - plan.profit, ATTO),
    )


def _matched_of(transaction: Transaction) -> int:
    columns = columns_of(transaction)
    return 0 if columns is None else columns.matched or 0


def _steps(levels: Mapping[BridgeStage, Mapping[PlanKey, int]]) -> Iterator[BridgeStep]:
    before: Mapping[PlanKey, int] = {}
    for stage, here in levels.items():
        if not here:
            yield BridgeStep(stage=stage, plans=0, amount=None)
            continue
        yield BridgeStep(
            stage=stage,
            plans=len(here),
            amount=sum(here.values()),
            change=sum(here[key] - before[key] for key in here if key in before),
            dropped=sum(amount for key, amount in before.items() if key not in here),
            joined=sum(amount for key, amount in here.items() if key not in before),
        )
        before = here


def bridge_breaks(bridge: Bridge) -> Iterator[str]:
    """Tell every step whose amount is not what its neighbours make it."""
    before = 0
    for step in bridge.steps:
        if step.amount is None:
            continue
        made = before + step.change - step.dropped + step.joined
        if made != step.amount:
            yield f"bridge at {step.stage}: {step.amount} micros, its neighbours make it {made}"
        before = step.amount
