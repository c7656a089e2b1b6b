"""The account tree: four books that are never mixed, and the kinds of account in each.

A debit is positive: assets and expenses grow above zero, income and equity below it.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.plan import Outcome


class Book(StrEnum):
    """How sure a figure is; every transaction belongs to exactly one book.

    EXPECTED is what plans promised, MATCHED what the venue's matches say, SETTLED what confirmed
    trades and finished sets brought, CHAIN what our addresses show on chain.
    """

    EXPECTED = "expected"
    MATCHED = "matched"
    SETTLED = "settled"
    CHAIN = "chain"


class AccountKind(StrEnum):
    """What an account holds.

    PENDING is what was matched and is not yet confirmed, SHARES what is held, both at cost
    without fees; SETS is what matched complete sets are worth above their cost; PROMISED is the
    expected profit of open plans.
    """

    CASH = "assets:cash"
    PENDING = "assets:pending"
    SHARES = "assets:shares"
    SETS = "assets:sets"
    PROMISED = "assets:promised"
    FEES = "expenses:fees"
    GAS = "expenses:gas"
    PROMISE = "income:expected"
    GAIN = "income:matched"
    REALISED = "income:realised"
    OPENING = "equity:opening"
    FINISHED = "equity:finished"


INCOME_AND_EXPENSES = frozenset(
    {
        AccountKind.FEES,
        AccountKind.GAS,
        AccountKind.PROMISE,
        AccountKind.GAIN,
        AccountKind.REALISED,
    }
)
"""What PnL is made of."""
INVENTORY = frozenset({AccountKind.PENDING, AccountKind.SHARES})
"""Accounts that are kept apart by outcome token and count shares beside their cost."""


class Account(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One account; condition_id and outcome are given for inventory and only there."""

    book: Book
    kind: AccountKind
    condition_id: ConditionId = ConditionId("")
    outcome: Outcome | None = None

    @property
    def name(self) -> str:
        """Write the account's path, such as settled:assets:shares:0xabc:YES."""
        parts = [self.book, self.kind, *([self.condition_id] if self.condition_id else [])]
        return ":".join([*parts, *([self.outcome] if self.outcome else [])])
