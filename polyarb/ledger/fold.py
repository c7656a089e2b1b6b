"""The ledger: a fold of the journal's messages; the same messages give the same ledger.

Replaying from the start and going on from where one stood are the same thing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from polyarb.domain.ids import PlanId
from polyarb.domain.messages import JournalMessage, PlanSized, RunStarted
from polyarb.domain.plan import Family, Plan
from polyarb.ledger.balances import Balances, add
from polyarb.ledger.plans import PlanAccount, PlanKey
from polyarb.ledger.pnl import PnlColumns, PnlKey, columns_of, day_of, total
from polyarb.ledger.postings import POSTINGS, OrderMessage, PlanMessage, finish
from polyarb.ledger.runs import venue_of
from polyarb.ledger.transactions import Anomaly, AnomalyKind, Transaction, opening


@dataclass(slots=True)
class Ledger:
    """Balances, plans and PnL after the messages applied so far.

    Shape: latest names the life of a plan that messages about it belong to.
    """

    run: int = 0
    balances: Balances = field(default_factory=dict)
    plans: dict[PlanKey, PlanAccount] = field(default_factory=dict)
    latest: dict[PlanId, PlanKey] = field(default_factory=dict)
    pnl: dict[PnlKey, PnlColumns] = field(default_factory=dict)
    anomalies: list[Anomaly] = field(default_factory=list)
    transactions: int = 0
    venue: str = ""
    _elsewhere: dict[str, dict[PlanId, PlanKey]] = field(default_factory=dict)

    def open_with(self, cash: int, time_ns: int) -> None:
        """Begin with cash in the settled book. Units: micros of a USD."""
        self._post((opening(cash, time_ns),))

    def total(self) -> PnlColumns:
        """Add up every figure since the beginning."""
        return total(self.pnl)

    def begin_after(self, run: int, venue: str, left: Iterable[PlanAccount]) -> None:
        """Begin behind the runs before, knowing what they left open but none of their figures."""
        self.run, self.venue = run, venue
        for plan in left:
            self.plans[plan.key] = plan
            self.latest[plan.key.plan_id] = plan.key

    def apply(self, message: JournalMessage) -> tuple[Transaction, ...]:
        """Fold one message in and return the transactions it caused."""
        if isinstance(message, PlanMessage):
            return self._apply_to_plan(message)
        if isinstance(message, PlanSized):
            self._open_plan(message)
        elif isinstance(message, RunStarted):
            self._begin_run(message)
        return ()

    def _begin_run(self, message: RunStarted) -> None:
        """Begin a run; what it says of a plan is of the one on its own venue, not of a replay."""
        self.run += 1
        venue = venue_of(message)
        if venue != self.venue:
            self._elsewhere[self.venue] = self.latest
            self.venue, self.latest = venue, self._elsewhere.pop(venue, {})

    def _open_plan(self, message: PlanSized) -> None:
        """Begin a plan's life; a sizing may be repeated until orders are placed on it."""
        key = PlanKey(self.run, message.plan_id)
        known = self.plans.get(key)
        if known is not None and known.expected is not None:
            self._tell(AnomalyKind.PLAN_REPEATED, message)
            return
        self.latest[message.plan_id] = key
        self.plans[key] = sized_plan(key, message)

    def _apply_to_plan(self, message: PlanMessage) -> tuple[Transaction, ...]:
        key = self.latest.get(message.plan_id)
        if key is None:
            self._tell(AnomalyKind.UNKNOWN_PLAN, message)
            return ()
        plan = self.plans[key]
        if isinstance(message, OrderMessage) and message.order_id not in plan.orders:
            self._tell(AnomalyKind.UNKNOWN_ORDER, message)
            return ()
        step = POSTINGS[type(message)](plan, message)
        swept = finish(step.plan, message.receive_time_ns)
        self.plans[key] = swept.plan
        self.anomalies.extend(step.anomalies)
        return self._post((*step.transactions, *swept.transactions))

    def _post(self, transactions: tuple[Transaction, ...]) -> tuple[Transaction, ...]:
        add(self.balances, transactions)
        self.transactions += len(transactions)
        for transaction in transactions:
            columns = columns_of(transaction)
            if columns is None or transaction.key is None:
                continue
            key = PnlKey(day_of(transaction.time_ns), transaction.key)
            self.pnl[key] = self.pnl.get(key, PnlColumns()).plus(columns)
        return transactions

    def _tell(self, kind: AnomalyKind, message: PlanMessage | PlanSized) -> None:
        self.anomalies.append(
            Anomaly(
                kind=kind,
                time_ns=message.receive_time_ns,
                plan_id=message.plan_id,
                order_id=message.order_id if isinstance(message, OrderMessage) else None,
            )
        )


def sized_plan(key: PlanKey, message: PlanSized) -> PlanAccount:
    """Begin the account of a plan."""
    return PlanAccount(
        key=key,
        family=message.plan.family,
        opportunity_id=message.opportunity_id,
        quantity=message.plan.quantity,
        payoff=_payoff(message.plan),
        relation_ids=(message.relation_id, *message.shared_with),
    )


def _payoff(plan: Plan) -> int:
    """Say what complete sets pay beside their orders: a split is paid for, in attos of a USD."""
    return -plan.capital if plan.family is Family.NEGRISK_SPLIT else plan.payoff


def fold(messages: Iterable[JournalMessage]) -> Ledger:
    """Fold a journal's messages into a ledger."""
    ledger = Ledger()
    for message in messages:
        ledger.apply(message)
    return ledger
