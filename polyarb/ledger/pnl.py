"""PnL in four columns that are never mixed, by family, by day and by plan.

A column is None where its book has nothing of that kind: no sample, which is not zero.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from polyarb.domain.plan import Family
from polyarb.ledger.accounts import INCOME_AND_EXPENSES, Book
from polyarb.ledger.plans import PlanAccount, PlanKey
from polyarb.ledger.transactions import Cause, Transaction

DAY_NS = 86_400 * 10**9
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class PnlColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Four answers to "what did it earn", each from its own book, in micros of a USD.

    expected is what placed plans promised, gas included. matched is what the venue's matches are
    worth: complete sets at their guaranteed payoff, less what they cost and every fee, before
    gas; a leg without its partners counts at cost. settled is cash that is final, fees and gas
    paid. chain is what our addresses show; without a chain there is none.
    """

    expected: int | None = None
    matched: int | None = None
    settled: int | None = None
    chain: int | None = None

    def plus(self, other: "PnlColumns") -> "PnlColumns":
        """Add column by column; nothing and nothing stay nothing."""
        return PnlColumns(
            expected=_sum(self.expected, other.expected),
            matched=_sum(self.matched, other.matched),
            settled=_sum(self.settled, other.settled),
            chain=_sum(self.chain, other.chain),
        )


class PnlKey(msgspec.Struct, frozen=True, order=True):
    """Where a figure belongs: a UTC day (ISO) and one life of a plan."""

    day: str
    plan: PlanKey


class FamilyPnl(msgspec.Struct, frozen=True, kw_only=True):
    """PnL of one family; plans counts those that placed orders.

    Units: unmatched (cost of legs without partners) and held (cost of sets that wait for their
    settlement) in micros of a USD, of plans that are open.
    """

    family: Family
    plans: int
    columns: PnlColumns
    unmatched: int
    held: int


class DayPnl(msgspec.Struct, frozen=True, kw_only=True):
    """PnL of one UTC day; plans counts those with a figure on that day."""

    day: str
    plans: int
    columns: PnlColumns


class PlanPnl(msgspec.Struct, frozen=True, kw_only=True):
    """PnL of one plan; status is how it ended, or how far it is.

    Units: unmatched and held in micros of a USD, 0 once the plan is over.
    """

    key: PlanKey
    family: Family
    status: str
    columns: PnlColumns
    unmatched: int
    held: int


PnlTable = Mapping[PnlKey, PnlColumns]


def day_of(time_ns: int) -> str:
    """Name the UTC day of a time in unix nanoseconds, such as 2026-06-07."""
    return date.fromordinal(_EPOCH_ORDINAL + time_ns // DAY_NS).isoformat()


def day_start_ns(day: str) -> int:
    """Return the unix nanoseconds at which a UTC day begins.

    Errors: ValueError if the day is not an ISO date.
    """
    return (date.fromisoformat(day).toordinal() - _EPOCH_ORDINAL) * DAY_NS


def columns_of(transaction: Transaction) -> PnlColumns | None:
    """Compute what one transaction adds to its own book's column; None for a mere sweep."""
    if transaction.cause in (Cause.FINISHED, Cause.OPENED):
        return None
    earned = -sum(
        posting.amount
        for posting in transaction.postings
        if posting.account.kind in INCOME_AND_EXPENSES
    )
    match transaction.book:
        case Book.EXPECTED:
            return PnlColumns(expected=earned)
        case Book.MATCHED:
            return PnlColumns(matched=earned)
        case Book.SETTLED:
            return PnlColumns(settled=earned)
        case Book.CHAIN:
            return PnlColumns(chain=earned)


def total(table: PnlTable) -> PnlColumns:
    """Add up every figure."""
    return _total(table.values())


def by_family(
    table: PnlTable, plans: Mapping[PlanKey, PlanAccount], day: str | None = None
) -> tuple[FamilyPnl, ...]:
    """Add up by family, every family listed; a day keeps the figures of that day only."""
    rows = []
    kept = {key: value for key, value in table.items() if day is None or key.day == day}
    for family in Family:
        mine = {key: value for key, value in kept.items() if plans[key.plan].family is family}
        touched = {key.plan for key in mine}
        accounts = [plan for plan in plans.values() if plan.family is family and plan.is_open]
        rows.append(
            FamilyPnl(
                family=family,
                plans=len(touched),
                columns=_total(mine.values()),
                unmatched=sum(plan.unmatched for plan in accounts),
                held=sum(plan.held_cost for plan in accounts if plan.is_held),
            )
        )
    return tuple(rows)


def by_day(table: PnlTable) -> tuple[DayPnl, ...]:
    """Add up by UTC day, oldest first."""
    return tuple(
        DayPnl(
            day=day,
            plans=sum(1 for key in table if key.day == day),
            columns=_total(value for key, value in table.items() if key.day == day),
        )
        for day in sorted({key.day for key in table})
    )


def by_plan(table: PnlTable, plans: Mapping[PlanKey, PlanAccount]) -> tuple[PlanPnl, ...]:
    """Add up by plan, in the order in which plans came."""
    sums: dict[PlanKey, PnlColumns] = {}
    for key, value in table.items():
        sums[key.plan] = sums.get(key.plan, PnlColumns()).plus(value)
    return tuple(
        PlanPnl(
            key=key,
            family=plans[key].family,
            status=plans[key].ending or plans[key].status or "",
            columns=columns,
            unmatched=plans[key].unmatched if plans[key].is_open else 0,
            held=plans[key].held_cost if plans[key].is_held else 0,
        )
        for key, columns in sums.items()
    )


def _total(values: Iterable[PnlColumns]) -> PnlColumns:
    result = PnlColumns()
    for value in values:
        result = result.plus(value)
    return result


def _sum(left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return left if right is None else right
    return left + right
