"""Balances: the sum of the postings of each account."""

from collections.abc import Iterable, Mapping

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.plan import Outcome
from polyarb.ledger.accounts import Account, AccountKind, Book
from polyarb.ledger.transactions import Transaction


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds. Units: amount in micros of a USD, shares in micro-shares."""

    amount: int = 0
    shares: int = 0


class AccountBalance(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a trial balance. Units: micros of a USD, micro-shares."""

    book: Book
    account: str
    amount: int
    shares: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Confirmed shares of one outcome token. Units: micro-shares, cost in micros of a USD."""

    condition_id: ConditionId
    outcome: Outcome
    shares: int
    cost: int


Balances = dict[Account, Balance]


def add(balances: Balances, transactions: Iterable[Transaction]) -> None:
    """Add transactions to balances in place."""
    for transaction in transactions:
        for posting in transaction.postings:
            before = balances.get(posting.account, Balance())
            balances[posting.account] = Balance(
                amount=before.amount + posting.amount, shares=before.shares + posting.shares
            )


def trial_balance(balances: Mapping[Account, Balance]) -> tuple[AccountBalance, ...]:
    """List every account that holds something, book by book; each book sums to zero."""
    order = {kind: rank for rank, kind in enumerate(AccountKind)}
    books = {book: rank for rank, book in enumerate(Book)}
    accounts = sorted(
        (account for account, balance in balances.items() if balance != Balance()),
        key=lambda a: (books[a.book], order[a.kind], a.condition_id, a.outcome or ""),
    )
    return tuple(
        AccountBalance(
            book=account.book,
            account=account.name,
            amount=balances[account].amount,
            shares=balances[account].shares,
        )
        for account in accounts
    )


def book_total(balances: Mapping[Account, Balance], book: Book) -> int:
    """Add up one book; anything but zero is a defect."""
    return sum(balance.amount for account, balance in balances.items() if account.book is book)


def positions(balances: Mapping[Account, Balance]) -> tuple[Position, ...]:
    """List the confirmed shares that are held, by market and outcome."""
    return tuple(
        Position(
            condition_id=account.condition_id,
            outcome=account.outcome,
            shares=balance.shares,
            cost=balance.amount,
        )
        for account, balance in sorted(balances.items())
        if account.book is Book.SETTLED
        and account.kind is AccountKind.SHARES
        and account.outcome is not None
        and balance != Balance()
    )


def cash(balances: Mapping[Account, Balance]) -> int:
    """Return the settled cash, in micros of a USD; below zero when nothing was paid in."""
    account = Account(book=Book.SETTLED, kind=AccountKind.CASH)
    return balances.get(account, Balance()).amount
