"""What must hold of every ledger, checked against what the plans themselves remember."""

from collections.abc import Callable, Iterator

import msgspec

from polyarb.domain.ids import OrderId
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import PICO, cost_up, proceeds_down
from polyarb.ledger.accounts import (
    INCOME_AND_EXPENSES,
    INVENTORY,
    Account,
    AccountKind,
    Book,
)
from polyarb.ledger.balances import Balance, book_total
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import Fill, OrderAccount, PlanKey
from polyarb.ledger.pnl import PnlColumns, total


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a ledger is not what it must be."""

    invariant: str
    text: str


class Invariant(msgspec.Struct, frozen=True, kw_only=True):
    """A law of the ledger: its name, its sentence, and a check that yields what breaks it."""

    name: str
    sentence: str
    check: Callable[[Ledger], Iterator[str]]


def violations(ledger: Ledger) -> tuple[Violation, ...]:
    """Check every invariant and list what breaks one."""
    return tuple(
        Violation(invariant=invariant.name, text=text)
        for invariant in INVARIANTS
        for text in invariant.check(ledger)
    )


def _sums_to_zero(ledger: Ledger) -> Iterator[str]:
    for book in Book:
        rest = book_total(ledger.balances, book)
        if rest:
            yield f"book {book} sums to {rest} micros instead of 0"


def _messages_fit(ledger: Ledger) -> Iterator[str]:
    for anomaly in ledger.anomalies:
        order = f" order {anomaly.order_id}" if anomaly.order_id else ""
        yield f"{anomaly.kind}: plan {anomaly.plan_id}{order} at {anomaly.time_ns} ns"


def _intent_is_once(ledger: Ledger) -> Iterator[str]:
    seen: dict[tuple[int, OrderId], PlanKey] = {}
    for key, plan in ledger.plans.items():
        legs = [order.intent.leg for order in plan.orders.values()]
        sides = {(o.intent.leg, o.intent.outcome) for o in plan.orders.values()}
        if len(sides) != len(legs):
            yield f"plan {key.plan_id} has two intents for one leg"
        for order_id in plan.orders:
            other = seen.setdefault((key.run, order_id), key)
            if other != key:
                yield f"order {order_id} belongs to plans {other.plan_id} and {key.plan_id}"


def _fills_stay_within(ledger: Ledger) -> Iterator[str]:
    for order in _orders(ledger):
        name = order.intent.order_id
        if order.matched.shares > order.intent.shares:
            yield f"order {name} matched {order.matched.shares} of {order.intent.shares} shares"
        if order.pending.shares < 0 or order.held.shares < 0:
            yield f"order {name} confirmed, failed or settled more than was matched"
        if _is_beyond_limit(order):
            yield f"order {name} matched beyond its limit price {order.intent.price_limit}"


def _is_beyond_limit(order: OrderAccount) -> bool:
    """Every match was rounded against us by less than one micro."""
    worth = order.matched.shares * order.intent.price_limit
    slack = max(order.matches - 1, 0)
    if order.intent.side is Side.BUY:
        return order.matched.notional > cost_up(worth, PICO) + slack
    return order.matched.notional < proceeds_down(worth, PICO) - slack


def _settled_was_confirmed(ledger: Ledger) -> Iterator[str]:
    for key, plan in ledger.plans.items():
        orders = plan.orders.values()
        if plan.is_settled and any(not order.pending.is_nothing for order in orders):
            yield f"plan {key.plan_id} is settled with matches that are not final"
        if plan.is_settled and any(not order.held.is_nothing for order in orders):
            yield f"plan {key.plan_id} is settled and still holds confirmed shares"
        confirmed = any(not order.confirmed.is_nothing for order in orders)
        state = plan.ending or plan.status
        is_operation = state in (SetStatus.MERGED, SetStatus.CONVERTED, SetStatus.HELD)
        if is_operation and not confirmed:
            yield f"plan {key.plan_id} is {state} without a confirmed trade"
        if plan.status is SetStatus.MISSED and any(o.matched.shares for o in orders):
            yield f"plan {key.plan_id} is {plan.status} although an order was matched"


def _positions_are_fills(ledger: Ledger) -> Iterator[str]:
    expected: dict[Account, Balance] = {}
    for order in _orders(ledger):
        _expect(expected, Book.MATCHED, AccountKind.PENDING, order, order.pending)
        _expect(
            expected, Book.MATCHED, AccountKind.SHARES, order, order.confirmed.minus(order.swept)
        )
        _expect(expected, Book.SETTLED, AccountKind.SHARES, order, order.held)
    stock = {
        account: balance
        for account, balance in ledger.balances.items()
        if account.kind in INVENTORY
    }
    for account in sorted({*expected, *stock}):
        found, wanted = stock.get(account, Balance()), expected.get(account, Balance())
        if found != wanted:
            yield (
                f"{account.name} holds {found.shares} micro-shares at {found.amount}, "
                f"its fills say {wanted.shares} at {wanted.amount}"
            )


def _expect(
    expected: dict[Account, Balance],
    book: Book,
    kind: AccountKind,
    order: OrderAccount,
    fill: Fill,
) -> None:
    account = Account(
        book=book,
        kind=kind,
        condition_id=order.intent.condition_id,
        outcome=order.intent.outcome,
    )
    before = expected.get(account, Balance())
    expected[account] = Balance(
        amount=before.amount + order.sign * fill.notional,
        shares=before.shares + order.sign * fill.shares,
    )


def _orders_are_reserved(ledger: Ledger) -> Iterator[str]:
    for key, plan in ledger.plans.items():
        needed = sum(order.intent.reserved for order in plan.orders.values())
        if plan.reserved is not None and needed > plan.reserved:
            yield f"orders of plan {key.plan_id} need {needed}, only {plan.reserved} is reserved"
        paid = sum(
            order.standing.notional + order.standing.fee
            for order in plan.orders.values()
            if order.intent.side is Side.BUY
        )
        if plan.reserved is not None and paid > plan.reserved:
            yield f"plan {key.plan_id} paid {paid}, only {plan.reserved} was reserved"


def _pnl_is_the_books(ledger: Ledger) -> Iterator[str]:
    columns = total(ledger.pnl)
    for book in Book:
        earned = -sum(
            balance.amount
            for account, balance in ledger.balances.items()
            if account.book is book and account.kind in INCOME_AND_EXPENSES
        )
        shown = _column(columns, book) or 0
        if earned != shown:
            yield f"column {book} shows {shown}, its book earned {earned}"


def _finished_left_nothing(ledger: Ledger) -> Iterator[str]:
    promised = sum((plan.expected or 0) - plan.expected_swept for plan in ledger.plans.values())
    account = Account(book=Book.EXPECTED, kind=AccountKind.PROMISED)
    found = ledger.balances.get(account, Balance()).amount
    if found != promised:
        yield f"{account.name} holds {found}, open plans promise {promised}"
    marked = sum(plan.mark - plan.mark_swept for plan in ledger.plans.values())
    account = Account(book=Book.MATCHED, kind=AccountKind.SETS)
    found = ledger.balances.get(account, Balance()).amount
    if found != marked:
        yield f"{account.name} holds {found}, open sets are worth {marked} above cost"


def _column(columns: PnlColumns, book: Book) -> int | None:
    match book:
        case Book.EXPECTED:
            return columns.expected
        case Book.MATCHED:
            return columns.matched
        case Book.SETTLED:
            return columns.settled
        case Book.CHAIN:
            return columns.chain


def _orders(ledger: Ledger) -> Iterator[OrderAccount]:
    for plan in ledger.plans.values():
        yield from plan.orders.values()


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name="ZERO_SUM",
        sentence="Every book sums to zero.",
        check=_sums_to_zero,
    ),
    Invariant(
        name="MESSAGES_FIT",
        sentence="Every message about a plan or an order fits what is known of it.",
        check=_messages_fit,
    ),
    Invariant(
        name="INTENT_ONCE",
        sentence="Every order is intended once, by one plan, once for a leg's outcome.",
        check=_intent_is_once,
    ),
    Invariant(
        name="FILLS_WITHIN",
        sentence="Matches stay within shares and limit; confirmed and failed within matched.",
        check=_fills_stay_within,
    ),
    Invariant(
        name="SETTLED_WAS_CONFIRMED",
        sentence="No set is settled or held without confirmed trades, or with open ones.",
        check=_settled_was_confirmed,
    ),
    Invariant(
        name="POSITIONS",
        sentence="Open positions are matched less failed less settled, account by account.",
        check=_positions_are_fills,
    ),
    Invariant(
        name="RESERVED",
        sentence="A plan's orders need, and its buys cost, no more than was reserved for it.",
        check=_orders_are_reserved,
    ),
    Invariant(
        name="PNL_COLUMNS",
        sentence="Each PnL column is the income less expenses of its own book.",
        check=_pnl_is_the_books,
    ),
    Invariant(
        name="FINISHED",
        sentence="A finished plan leaves nothing in the expected and matched books but PnL.",
        check=_finished_left_nothing,
    ),
)
"""The laws of the ledger, in the order in which they are told."""
