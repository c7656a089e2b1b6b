"""PnL of a stretch of days in its four columns, and whether the ledger behind them is sound."""

import msgspec

from polyarb.ledger.fold import Ledger
from polyarb.ledger.invariants import Violation, violations
from polyarb.ledger.pnl import FamilyPnl, PnlColumns, by_family, total
from polyarb.reports.window import Window


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What the time earned, and everything since the journal began.

    plans counts those that placed orders since the journal began. unmatched is the cost of legs
    without partners, held the cost of sets that wait for their settlement, both of plans open at
    its end.
    Units: micros of a USD.
    """

    day: PnlColumns
    families: tuple[FamilyPnl, ...]
    since_start: PnlColumns
    plans: int
    open_plans: int
    held_plans: int
    unmatched: int
    held: int
    violations: tuple[Violation, ...]


def read_money(ledger: Ledger, window: Window) -> Money:
    """Read the money of whole days from the ledger as of their end."""
    kept = {key: columns for key, columns in ledger.pnl.items() if window.has_day(key.day)}
    families = by_family(kept, ledger.plans)
    in_flight = [plan for plan in ledger.plans.values() if plan.is_open]
    held = [plan for plan in in_flight if plan.is_held]
    return Money(
        day=total(kept),
        families=families,
        since_start=total(ledger.pnl),
        plans=sum(plan.expected is not None for plan in ledger.plans.values()),
        open_plans=len(in_flight) - len(held),
        held_plans=len(held),
        unmatched=sum(family.unmatched for family in families),
        held=sum(family.held for family in families),
        violations=violations(ledger),
    )
