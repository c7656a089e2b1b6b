"""Every order of a stretch of time with its intent, what became of it, and whose it was."""

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, PlanId, RelationId
from polyarb.domain.messages import (
    JournalMessage,
    OperatorHalted,
    OperatorResumed,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
)
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import OrderAccount, PlanKey
from polyarb.reports.runs import Run


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One order: the intent, journaled before it left, and everything that answered it.

    actor is the run that decided by itself; nobody places orders by hand. Shape: outcome of the
    order in words. Units: price in micros, shares in micro-shares, money in micros of a USD.
    """

    order_id: OrderId
    plan_id: PlanId
    placed_ns: int
    sequence: int
    family: Family
    phase: str
    profile: str
    actor: str
    relation_id: RelationId
    condition_id: ConditionId
    outcome: Outcome
    side: Side
    price_limit: int
    shares: int
    matched: int
    notional: int
    fee: int
    confirmed: int
    failed: int
    killed: str


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """How many orders are of one family, phase and actor. Units: micros of a USD."""

    family: Family
    phase: str
    actor: str
    orders: int
    matched: int
    notional: int


class OperatorAction(msgspec.Struct, frozen=True, kw_only=True):
    """What a person did to trading. Units: unix nanoseconds."""

    time_ns: int
    actor: str
    what: str
    reason: str


class _Placed(msgspec.Struct, frozen=True):
    run: Run
    key: PlanKey
    sequence: int
    time_ns: int


class OrderFold:
    """Takes messages inside the time, after the ledger took them."""

    def __init__(self) -> None:
        self._placed: dict[OrderId, _Placed] = {}
        self._killed: dict[OrderId, str] = {}
        self._actions: list[OperatorAction] = []
        self.unattributed = 0

    def apply(self, run: Run, sequence: int, message: JournalMessage, ledger: Ledger) -> None:
        """Take one message."""
        match message:
            case PlaceOrders() if (key := ledger.latest.get(message.plan_id)) is not None:
                placed = _Placed(run, key, sequence, message.receive_time_ns)
                self._placed.update({order.order_id: placed for order in message.orders})
            case OrderKilled():
                self._killed[message.order_id] = message.reason
            case OrderMatched() if ledger.latest.get(message.plan_id) is None:
                self.unattributed += 1
            case OperatorHalted():
                self._act(message, "halt")
            case OperatorResumed():
                self._act(message, "resume")
            case _:
                pass

    def transactions(self, ledger: Ledger) -> tuple[Transaction, ...]:
        """List every order placed in the time, in the order of their placing."""
        return tuple(
            self._transaction(placed, ledger, ledger.plans[placed.key].orders[order_id])
            for order_id, placed in self._placed.items()
            if order_id in ledger.plans[placed.key].orders
        )

    def actions(self) -> tuple[OperatorAction, ...]:
        """List what people did, oldest first."""
        return tuple(self._actions)

    def _act(self, message: OperatorHalted | OperatorResumed, what: str) -> None:
        self._actions.append(
            OperatorAction(
                time_ns=message.receive_time_ns,
                actor=message.actor,
                what=what,
                reason=message.reason,
            )
        )

    def _transaction(self, placed: _Placed, ledger: Ledger, order: OrderAccount) -> Transaction:
        intent, plan = order.intent, ledger.plans[placed.key]
        return Transaction(
            order_id=intent.order_id,
            plan_id=intent.plan_id,
            placed_ns=placed.time_ns,
            sequence=placed.sequence,
            family=plan.family,
            phase=placed.run.phase,
            profile=placed.run.profile,
            actor=placed.run.run_id,
            relation_id=plan.relation_ids[0] if plan.relation_ids else RelationId(""),
            condition_id=intent.condition_id,
            outcome=intent.outcome,
            side=intent.side,
            price_limit=intent.price_limit,
            shares=intent.shares,
            matched=order.matched.shares,
            notional=order.matched.notional,
            fee=order.matched.fee,
            confirmed=order.confirmed.shares,
            failed=order.failed.shares,
            killed=self._killed.get(intent.order_id, ""),
        )


def attribute(transactions: tuple[Transaction, ...]) -> tuple[Attribution, ...]:
    """Add orders up by family, phase and actor."""
    groups: dict[tuple[Family, str, str], list[Transaction]] = {}
    for one in transactions:
        groups.setdefault((one.family, one.phase, one.actor), []).append(one)
    return tuple(
        Attribution(
            family=family,
            phase=phase,
            actor=actor,
            orders=len(mine),
            matched=sum(bool(one.matched) for one in mine),
            notional=sum(one.notional for one in mine),
        )
        for (family, phase, actor), mine in sorted(groups.items())
    )
