"""PnL by family and market, with the fees and the gas of each: rows that sum to the columns."""

from collections.abc import Iterable

import msgspec

from polyarb.domain.ids import ConditionId, RelationId
from polyarb.domain.plan import Family
from polyarb.ledger.accounts import AccountKind, Book
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import PlanAccount, PlanKey
from polyarb.ledger.pnl import PnlColumns
from polyarb.ledger.transactions import Transaction
from polyarb.reports.window import Window


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid to trade. Units: micros of a USD; None is nothing that was paid for.

    fees_matched is what matches stated, fees_settled what confirmed trades paid.
    """

    fees_matched: int | None
    fees_settled: int | None
    gas: int | None


class MarketPnl(msgspec.Struct, frozen=True, kw_only=True):
    """One family in one market, or in one group of markets that a relation ties together.

    plans counts those with a figure in the time. Units: micros of a USD.
    """

    family: Family
    relation_id: RelationId
    condition_ids: tuple[ConditionId, ...]
    plans: int
    columns: PnlColumns
    fees: int
    gas: int


_KINDS: dict[tuple[Book, AccountKind], int] = {
    (Book.MATCHED, AccountKind.FEES): 0,
    (Book.SETTLED, AccountKind.FEES): 1,
    (Book.SETTLED, AccountKind.GAS): 2,
}


class CostFold:
    """Adds up what a stretch of time paid in fees and gas, plan by plan."""

    def __init__(self) -> None:
        self._paid: dict[PlanKey, list[int]] = {}

    def apply(self, transactions: Iterable[Transaction]) -> None:
        """Take the transactions of one message."""
        for transaction in transactions:
            for posting in transaction.postings:
                place = _KINDS.get((posting.account.book, posting.account.kind))
                if place is not None and transaction.key is not None:
                    self._paid.setdefault(transaction.key, [0, 0, 0])[place] += posting.amount

    def costs(self) -> Costs:
        """Conclude."""
        if not self._paid:
            return Costs(fees_matched=None, fees_settled=None, gas=None)
        matched, settled, gas = (sum(column) for column in zip(*self._paid.values(), strict=True))
        return Costs(fees_matched=matched, fees_settled=settled, gas=gas)

    def markets(self, ledger: Ledger, window: Window) -> tuple[MarketPnl, ...]:
        """Add up by family and market, in the order of families, then of markets."""
        rows: dict[tuple[Family, RelationId], dict[PlanKey, PnlColumns]] = {}
        for key, columns in ledger.pnl.items():
            if window.has_day(key.day):
                plan = ledger.plans[key.plan]
                mine = rows.setdefault((plan.family, _relation(plan)), {})
                mine[key.plan] = mine.get(key.plan, PnlColumns()).plus(columns)
        rank = {family: place for place, family in enumerate(Family)}
        ordered = sorted(rows, key=lambda place: (rank[place[0]], place[1]))
        return tuple(self._row(place, rows[place], ledger) for place in ordered)

    def _row(
        self,
        place: tuple[Family, RelationId],
        plans: dict[PlanKey, PnlColumns],
        ledger: Ledger,
    ) -> MarketPnl:
        paid = [self._paid.get(key, [0, 0, 0]) for key in plans]
        orders = (order for key in plans for order in ledger.plans[key].orders.values())
        columns = PnlColumns()
        for value in plans.values():
            columns = columns.plus(value)
        return MarketPnl(
            family=place[0],
            relation_id=place[1],
            condition_ids=tuple(dict.fromkeys(order.intent.condition_id for order in orders)),
            plans=len(plans),
            columns=columns,
            fees=sum(one[1] for one in paid),
            gas=sum(one[2] for one in paid),
        )


def _relation(plan: PlanAccount) -> RelationId:
    return plan.relation_ids[0] if plan.relation_ids else RelationId("")
