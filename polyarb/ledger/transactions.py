"""Transactions: postings of one book that sum to zero, and what did not fit into any."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.plan import Family
from polyarb.ledger.accounts import INVENTORY, Account, AccountKind, Book
from polyarb.ledger.plans import Fill, OrderAccount, PlanAccount, PlanKey


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a transaction. Units: amount in micros of a USD, shares in micro-shares."""

    account: Account
    amount: int
    shares: int = 0


class Cause(StrEnum):
    """Why a transaction was written."""

    OPENED = "opened"
    PLACED = "placed"
    MATCHED = "matched"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SETTLED = "settled"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Postings of one book that sum to zero; anything else is a programmer's error."""

    time_ns: int
    cause: Cause
    book: Book
    key: PlanKey | None
    family: Family | None
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        assert sum(posting.amount for posting in self.postings) == 0, self
        assert all(posting.account.book is self.book for posting in self.postings), self
        assert all(
            (posting.account.outcome is not None) == (posting.account.kind in INVENTORY)
            for posting in self.postings
        ), self


class AnomalyKind(StrEnum):
    """How a message did not fit what the ledger knew."""

    UNKNOWN_PLAN = "UNKNOWN_PLAN"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    PLAN_REPEATED = "PLAN_REPEATED"
    NOT_APPROVED = "NOT_APPROVED"
    INTENT_REPEATED = "INTENT_REPEATED"
    OVERFILLED = "OVERFILLED"
    NOTHING_PENDING = "NOTHING_PENDING"
    SETTLED_PENDING = "SETTLED_PENDING"
    SETTLED_TWICE = "SETTLED_TWICE"


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """One message that did not fit."""

    kind: AnomalyKind
    time_ns: int
    plan_id: PlanId
    order_id: OrderId | None = None


def line(book: Book, kind: AccountKind, amount: int) -> Posting:
    """Post an amount to an account that counts money only."""
    return Posting(account=Account(book=book, kind=kind), amount=amount)


def stock(book: Book, kind: AccountKind, order: OrderAccount, fill: Fill) -> Posting:
    """Post a fill of an order to an inventory account, at cost without fees."""
    intent = order.intent
    account = Account(
        book=book, kind=kind, condition_id=intent.condition_id, outcome=intent.outcome
    )
    return Posting(
        account=account, amount=order.sign * fill.notional, shares=order.sign * fill.shares
    )


def write(
    plan: PlanAccount, time_ns: int, cause: Cause, postings: Iterable[Posting]
) -> tuple[Transaction, ...]:
    """Write one transaction; postings of nothing are left out, and so is one without postings."""
    kept = tuple(posting for posting in postings if posting.amount or posting.shares)
    if not kept:
        return ()
    return (
        Transaction(
            time_ns=time_ns,
            cause=cause,
            book=kept[0].account.book,
            key=plan.key,
            family=plan.family,
            postings=kept,
        ),
    )


def opening(cash: int, time_ns: int) -> Transaction:
    """Write down the cash that a settled book begins with. Units: micros of a USD."""
    postings = (
        line(Book.SETTLED, AccountKind.CASH, cash),
        line(Book.SETTLED, AccountKind.OPENING, -cash),
    )
    return Transaction(
        time_ns=time_ns,
        cause=Cause.OPENED,
        book=Book.SETTLED,
        key=None,
        family=None,
        postings=postings,
    )
