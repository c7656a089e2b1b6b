"""Compare the ledger with a statement of the outside world: every difference is a break."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.plan import Outcome
from polyarb.domain.units import format_micros
from polyarb.ledger.accounts import Account
from polyarb.ledger.balances import Balance, cash, positions


class StatementPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one outcome token that the statement shows, in micro-shares."""

    condition_id: ConditionId
    outcome: Outcome
    shares: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue or the chain says we hold.

    Units: cash and opening_cash (what the ledger's trading began with) in micros of a USD; cash
    None is not stated and not compared.
    """

    positions: tuple[StatementPosition, ...]
    cash: int | None = None
    opening_cash: int = 0


class BreakKind(StrEnum):
    """How ledger and statement differ."""

    ONLY_IN_LEDGER = "ONLY_IN_LEDGER"
    ONLY_IN_STATEMENT = "ONLY_IN_STATEMENT"
    SHARES_DIFFER = "SHARES_DIFFER"
    CASH_DIFFERS = "CASH_DIFFERS"


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """One difference; ledger and statement in micro-shares, or micros of a USD for cash."""

    kind: BreakKind
    ledger: int
    statement: int
    condition_id: ConditionId | None = None
    outcome: Outcome | None = None

    @property
    def text(self) -> str:
        """Say what differs and by how much."""
        what = f"{self.condition_id} {self.outcome}" if self.condition_id else "cash"
        return (
            f"{self.kind} {what}: ledger {format_micros(self.ledger)}, "
            f"statement {format_micros(self.statement)}, "
            f"difference {format_micros(self.statement - self.ledger)}"
        )


def reconcile(balances: Mapping[Account, Balance], statement: Statement) -> tuple[Break, ...]:
    """List every difference between confirmed positions and cash and a statement of them.

    Shape: positions that the statement lists twice add up; a position of zero shares is none.
    """
    ours = {(p.condition_id, p.outcome): p.shares for p in positions(balances) if p.shares}
    theirs: dict[tuple[ConditionId, Outcome], int] = {}
    for position in statement.positions:
        key = (position.condition_id, position.outcome)
        theirs[key] = theirs.get(key, 0) + position.shares
    breaks = [
        Break(
            kind=_kind(ours.get(key, 0), theirs.get(key, 0)),
            ledger=ours.get(key, 0),
            statement=theirs.get(key, 0),
            condition_id=key[0],
            outcome=key[1],
        )
        for key in sorted({*ours, *theirs})
        if ours.get(key, 0) != theirs.get(key, 0)
    ]
    expected_cash = statement.opening_cash + cash(balances)
    if statement.cash is not None and statement.cash != expected_cash:
        breaks.append(
            Break(kind=BreakKind.CASH_DIFFERS, ledger=expected_cash, statement=statement.cash)
        )
    return tuple(breaks)


def _kind(ledger: int, statement: int) -> BreakKind:
    if not statement:
        return BreakKind.ONLY_IN_LEDGER
    return BreakKind.SHARES_DIFFER if ledger else BreakKind.ONLY_IN_STATEMENT
