"""What the ledger remembers of one plan and its orders, folded from the plan's messages."""

from collections.abc import Mapping

import msgspec

from polyarb.domain.ids import OrderId, PlanId, RelationId
from polyarb.domain.messages import SetSettled
from polyarb.domain.order import HeldOrder, HeldSet, OrderIntent, SetStatus
from polyarb.domain.plan import Family, Side


class PlanKey(msgspec.Struct, frozen=True, order=True):
    """One life of a plan: a tape that is played twice names its plans alike in both runs.

    Units: run is the ordinal of the run in the journal, from 1; 0 is before any run.
    """

    run: int
    plan_id: PlanId


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of trading. Units: micro-shares; notional and fee in micros of a USD."""

    shares: int = 0
    notional: int = 0
    fee: int = 0

    def plus(self, other: "Fill") -> "Fill":
        """Add another fill."""
        return Fill(
            shares=self.shares + other.shares,
            notional=self.notional + other.notional,
            fee=self.fee + other.fee,
        )

    def minus(self, other: "Fill") -> "Fill":
        """Take another fill away."""
        return Fill(
            shares=self.shares - other.shares,
            notional=self.notional - other.notional,
            fee=self.fee - other.fee,
        )

    @property
    def is_nothing(self) -> bool:
        """Tell whether nothing was traded."""
        return not (self.shares or self.notional or self.fee)


class OrderAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order.

    closed is the part of what was confirmed that a settled set used up; swept is the part of it
    that has left the matched book with its finished plan. matches counts matches: each was rounded
    against us once.
    """

    intent: OrderIntent
    matches: int = 0
    matched: Fill = Fill()
    confirmed: Fill = Fill()
    failed: Fill = Fill()
    closed: Fill = Fill()
    swept: Fill = Fill()
    is_killed: bool = False

    @property
    def pending(self) -> Fill:
        """Compute what was matched and is neither confirmed nor failed."""
        return self.matched.minus(self.confirmed).minus(self.failed)

    @property
    def standing(self) -> Fill:
        """Compute what was matched and has not failed."""
        return self.matched.minus(self.failed)

    @property
    def held(self) -> Fill:
        """Compute what was confirmed and not yet used up."""
        return self.confirmed.minus(self.closed)

    @property
    def left(self) -> Fill:
        """Compute what was matched, has not failed and is not yet used up."""
        return self.standing.minus(self.closed)

    @property
    def is_final(self) -> bool:
        """Tell whether nothing of the order can be matched any more."""
        return self.is_killed or self.matched.shares >= self.intent.shares

    @property
    def sign(self) -> int:
        """Return 1 for a BUY and -1 for a SELL: the sign of shares gained and of their cost."""
        return 1 if self.intent.side is Side.BUY else -1


class PlanAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One plan from its sizing to its money.

    payoff is what its complete sets pay beside their orders, below zero for a split.
    Units: quantity in micro-sets, payoff in attos of a USD, unsold (what an unwind found no buyer
    for) in micro-shares, the rest in micros of a USD; expected is None until orders are placed,
    changed_ns is when its set took its last step, relation_ids are those it counts against,
    mark is what matched complete sets are worth above cost, ending is how the set became money,
    states are those of a plan over several relations.
    """

    key: PlanKey
    family: Family
    opportunity_id: str
    quantity: int
    payoff: int
    relation_ids: tuple[RelationId, ...] = ()
    reserved: int | None = None
    expected: int | None = None
    mark: int = 0
    mark_swept: int = 0
    expected_swept: int = 0
    status: SetStatus | None = None
    changed_ns: int = 0
    ending: SetStatus | None = None
    unsold: int = 0
    is_settled: bool = False
    orders: Mapping[OrderId, OrderAccount] = {}
    states: tuple[tuple[bool, ...], ...] = ()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of the plan is in flight or held any more."""
        return self.status is SetStatus.MISSED or self.is_settled

    @property
    def is_open(self) -> bool:
        """Tell whether orders were placed and the plan is not over."""
        return self.expected is not None and not self.is_over

    @property
    def is_held(self) -> bool:
        """Tell whether a complete set waits for its settlement."""
        return self.is_open and self.status is SetStatus.HELD

    @property
    def unmatched(self) -> int:
        """Compute the cost of standing shares that no complete set uses; a sale costs below zero.

        Units: micros of a USD.
        """
        standing = sum(order.sign * order.standing.notional for order in self.orders.values())
        return standing - paired_cost(self, paired_sets(self))

    @property
    def held_cost(self) -> int:
        """Compute the cost of confirmed shares not yet used up, in micros of a USD."""
        return sum(order.sign * order.held.notional for order in self.orders.values())


def paired_sets(plan: PlanAccount) -> int:
    """Count the complete sets among standing matches, in micro-sets, rounded down.

    A set needs of each order the share of the plan's quantity that was planned for it.
    """
    if not plan.orders:
        return 0
    return min(
        order.standing.shares * plan.quantity // order.intent.shares
        for order in plan.orders.values()
    )


def paired_cost(plan: PlanAccount, sets: int) -> int:
    """Compute what so many complete sets cost, without fees, rounded up against us.

    Units: sets in micro-sets; micros of a USD, below zero where orders sell.
    """
    return sum(_paired_cost(order, plan.quantity, sets) for order in plan.orders.values())


def _paired_cost(order: OrderAccount, quantity: int, sets: int) -> int:
    standing = order.standing
    if not standing.shares:
        return 0
    shares = min(-(-sets * order.intent.shares // quantity), standing.shares)
    return -(-order.sign * standing.notional * shares // standing.shares)


def held_set(plan: PlanAccount) -> HeldSet:
    """Describe what an open plan left to a later run: where it stands, its shares, their cost."""
    return HeldSet(
        plan_id=plan.key.plan_id,
        family=plan.family,
        relation_ids=plan.relation_ids,
        quantity=plan.quantity,
        reserved=plan.reserved or 0,
        held_ns=plan.changed_ns,
        orders=tuple(
            HeldOrder(
                intent=order.intent,
                shares=order.left.shares,
                notional=order.left.notional,
                fee=order.left.fee,
                is_final=order.is_final,
                is_confirmed=not order.confirmed.is_nothing,
                is_failed=not order.failed.is_nothing,
            )
            for order in plan.orders.values()
        ),
        status=plan.status or SetStatus.LEGGING,
        states=plan.states,
    )


def settled_result(plan: PlanAccount, message: SetSettled) -> int:
    """Compute what a set earned by its settlement, fees and gas included, in micros of a USD."""
    cash = sum(-order.sign * order.left.notional - order.left.fee for order in plan.orders.values())
    return cash + message.proceeds - message.gas
