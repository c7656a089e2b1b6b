"""Lives of plans as a journal tells them, for tests of everything that is folded from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from polyarb.domain.ids import ConditionId, OrderId, PlanId, RelationId, TokenId
from polyarb.domain.messages import (
    JournalMessage,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    PlanApproved,
    PlanSized,
    RunStarted,
    RunStopped,
    SetChanged,
    SetSettled,
    SettleSet,
    TradeConfirmed,
    TradeFailed,
    UnwindSet,
)
from polyarb.domain.order import OrderIntent, SetStatus, TimeInForce
from polyarb.domain.plan import Family, Outcome, Plan, Side, SizeReason
from polyarb.domain.units import MICRO

ATTOS_A_MICRO = 10**12
SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
NOON_NS = 1_780_833_600 * SECOND_NS
"""2026-06-07 12:00 UTC."""


@dataclass(frozen=True)
class LegPlan:
    """One order to be. Units: price in micros, shares in micro-shares."""

    condition: str
    outcome: Outcome
    price: int
    shares: int
    side: Side = Side.BUY


@dataclass
class Life:
    """Builds the messages of one plan, a second apart; money and shares in micros.

    payoff is what complete sets bring beside the orders: below zero where sets are split.
    """

    plan_id: str
    family: Family
    legs: Sequence[LegPlan]
    quantity: int
    payoff: int
    profit: int
    start_ns: int = NOON_NS
    reserved: int = 200 * MICRO
    messages: list[JournalMessage] = field(default_factory=list)

    @property
    def now_ns(self) -> int:
        return self.start_ns + len(self.messages) * SECOND_NS

    @property
    def is_split(self) -> bool:
        return self.family is Family.NEGRISK_SPLIT

    def order_id(self, leg: int) -> OrderId:
        return OrderId(f"{self.plan_id}/order-{leg}")

    def intents(self) -> tuple[OrderIntent, ...]:
        return tuple(
            OrderIntent(
                order_id=self.order_id(leg),
                plan_id=PlanId(self.plan_id),
                leg=leg,
                condition_id=ConditionId(plan.condition),
                token_id=TokenId(f"{plan.condition}-{plan.outcome}"),
                outcome=plan.outcome,
                side=plan.side,
                price_limit=plan.price,
                shares=plan.shares,
                reserved=0,
                time_in_force=TimeInForce.GTC,
            )
            for leg, plan in enumerate(self.legs)
        )

    def sized(self) -> "Life":
        self.messages.append(
            PlanSized(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                opportunity_id=f"{self.plan_id}/opportunity",
                relation_id=RelationId("relation"),
                condition_ids=tuple(ConditionId(leg.condition) for leg in self.legs),
                plan=Plan(
                    problem_id=self.plan_id,
                    family=self.family,
                    reason=SizeReason.OK,
                    quantity=self.quantity,
                    profit=self.profit * ATTOS_A_MICRO,
                    capital=-self.payoff * ATTOS_A_MICRO if self.is_split else 0,
                    payoff=0 if self.is_split else self.payoff * ATTOS_A_MICRO,
                ),
            )
        )
        return self

    def approved(self) -> "Life":
        self.messages.append(
            PlanApproved(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                reserved=self.reserved,
                open_notional=self.reserved,
            )
        )
        return self

    def placed(self) -> "Life":
        self.messages.append(
            PlaceOrders(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                family=self.family,
                quantity=self.quantity,
                profit=self.profit * ATTOS_A_MICRO,
                orders=self.intents(),
            )
        )
        return self

    def begun(self) -> "Life":
        return self.sized().approved().placed()

    def matched(self, leg: int, shares: int, notional: int, fee: int = 0) -> "Life":
        self.messages.append(
            OrderMatched(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                order_id=self.order_id(leg),
                shares=shares,
                notional=notional,
                fee=fee,
            )
        )
        return self

    def killed(self, leg: int, reason: str = "NO_DEPTH") -> "Life":
        self.messages.append(
            OrderKilled(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                order_id=self.order_id(leg),
                reason=reason,
            )
        )
        return self

    def changed(self, previous: SetStatus, current: SetStatus) -> "Life":
        self.messages.append(
            SetChanged(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                family=self.family,
                previous=previous,
                current=current,
            )
        )
        return self

    def confirmed(self, *legs: int) -> "Life":
        for leg in legs:
            self.messages.append(
                TradeConfirmed(
                    receive_time_ns=self.now_ns,
                    plan_id=PlanId(self.plan_id),
                    order_id=self.order_id(leg),
                )
            )
        return self

    def failed(self, leg: int) -> "Life":
        self.messages.append(
            TradeFailed(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                order_id=self.order_id(leg),
            )
        )
        return self

    def settle(self, status: SetStatus) -> "Life":
        self.messages.append(
            SettleSet(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                family=self.family,
                status=status,
                quantity=self.quantity,
            )
        )
        return self

    def unwind(self) -> "Life":
        self.messages.append(UnwindSet(receive_time_ns=self.now_ns, plan_id=PlanId(self.plan_id)))
        return self

    def settled(self, status: SetStatus, proceeds: int, gas: int = 0, unsold: int = 0) -> "Life":
        self.messages.append(
            SetSettled(
                receive_time_ns=self.now_ns,
                plan_id=PlanId(self.plan_id),
                status=status,
                proceeds=proceeds,
                gas=gas,
                unsold=unsold,
            )
        )
        return self


def run_started(run_id: str, time_ns: int, feed: str = "tape") -> RunStarted:
    return RunStarted(
        receive_time_ns=time_ns,
        run_id=run_id,
        phase="shadow",
        profile="live_shadow_atomic_v1",
        feed=feed,
        code_digest="code",
        config_digest="config",
        catalogue_digest="catalogue",
    )


def run_stopped(time_ns: int, reason: str = "end of tape") -> RunStopped:
    return RunStopped(receive_time_ns=time_ns, reason=reason)


def binary(plan_id: str = "binary-1", start_ns: int = NOON_NS) -> Life:
    """10 YES at .45 and 10 NO at .52, a fee of .35 %: pays 10, costs 9.73395."""
    return Life(
        plan_id,
        Family.BINARY,
        (
            LegPlan("A", Outcome.YES, 450_000, 10 * MICRO),
            LegPlan("A", Outcome.NO, 520_000, 10 * MICRO),
        ),
        quantity=10 * MICRO,
        payoff=10 * MICRO,
        profit=256_050,
        start_ns=start_ns,
    )


def binary_merged(plan_id: str = "binary-1", start_ns: int = NOON_NS) -> Life:
    """The whole life of a complete set; gas of .01."""
    return (
        binary(plan_id, start_ns)
        .begun()
        .matched(0, 10 * MICRO, 4_500_000, 15_750)
        .matched(1, 10 * MICRO, 5_200_000, 18_200)
        .changed(SetStatus.LEGGING, SetStatus.COMPLETE)
        .confirmed(0, 1)
        .changed(SetStatus.COMPLETE, SetStatus.MERGED)
        .settle(SetStatus.MERGED)
        .settled(SetStatus.MERGED, 10 * MICRO, gas=10_000)
        .changed(SetStatus.MERGED, SetStatus.SETTLED)
    )


def held(plan_id: str = "yes-1", start_ns: int = NOON_NS) -> Life:
    """Three YES of a complete group: 5 sets at .30 + .32 + .33, fees of .01 each; never sold."""
    prices = (300_000, 320_000, 330_000)
    life = Life(
        plan_id,
        Family.NEGRISK_YES,
        tuple(
            LegPlan(f"N{leg}", Outcome.YES, price, 5 * MICRO) for leg, price in enumerate(prices)
        ),
        quantity=5 * MICRO,
        payoff=5 * MICRO,
        profit=220_000,
        start_ns=start_ns,
    ).begun()
    for leg, price in enumerate(prices):
        life.matched(leg, 5 * MICRO, 5 * price, 10_000)
    return (
        life.changed(SetStatus.LEGGING, SetStatus.COMPLETE)
        .confirmed(0, 1, 2)
        .changed(SetStatus.COMPLETE, SetStatus.HELD)
    )


def redeemed(life: Life, proceeds: int) -> Life:
    """Let a held set become money."""
    return life.settled(SetStatus.SETTLED, proceeds, gas=20_000).changed(
        SetStatus.HELD, SetStatus.SETTLED
    )


def broken(plan_id: str = "implication-1", start_ns: int = NOON_NS) -> Life:
    """The first leg of an implication fills, the second is killed; 10 at .40 sold for 3.70."""
    return (
        Life(
            plan_id,
            Family.IMPLICATION,
            (
                LegPlan("WIDE", Outcome.YES, 400_000, 10 * MICRO),
                LegPlan("NARROW", Outcome.NO, 550_000, 10 * MICRO),
            ),
            quantity=10 * MICRO,
            payoff=10 * MICRO,
            profit=300_000,
            start_ns=start_ns,
        )
        .begun()
        .matched(0, 10 * MICRO, 4_000_000, 120_000)
        .killed(1)
        .changed(SetStatus.LEGGING, SetStatus.BROKEN)
        .confirmed(0)
        .unwind()
        .settled(SetStatus.UNWOUND, 3_700_000)
        .changed(SetStatus.BROKEN, SetStatus.UNWOUND)
        .changed(SetStatus.UNWOUND, SetStatus.SETTLED)
    )


def missed(plan_id: str = "missed-1", start_ns: int = NOON_NS) -> Life:
    """No leg fills at all."""
    life = binary(plan_id, start_ns).begun().killed(0).killed(1)
    return life.changed(SetStatus.LEGGING, SetStatus.MISSED)
