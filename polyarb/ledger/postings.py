"""What each message type does to the books: one function per type, listed in POSTINGS.

Each function is pure: it takes a plan's account and a message and returns the account after it,
the transactions it causes and whatever does not fit. Facts that do not fit are told, never lost
in an exception: a journal must stay readable.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from polyarb.domain.ids import OrderId
from polyarb.domain.messages import (
    Message,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    PlanApproved,
    SetChanged,
    SetSettled,
    TradeConfirmed,
    TradeFailed,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.units import ATTO, proceeds_down
from polyarb.ledger.accounts import AccountKind, Book
from polyarb.ledger.plans import (
    Fill,
    OrderAccount,
    PlanAccount,
    paired_cost,
    paired_sets,
)
from polyarb.ledger.transactions import (
    Anomaly,
    AnomalyKind,
    Cause,
    Posting,
    Transaction,
    line,
    stock,
    write,
)

OrderMessage = OrderMatched | OrderKilled | TradeConfirmed | TradeFailed
"""Messages about one order of a plan."""
PlanMessage = OrderMessage | PlanApproved | PlaceOrders | SetChanged | SetSettled
"""Messages about a plan that has been sized."""
NOTHING = Fill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one message did to one plan."""

    plan: PlanAccount
    transactions: tuple[Transaction, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()


def on_approved(plan: PlanAccount, message: PlanApproved) -> Step:
    """Remember what risk set aside for a plan."""
    return Step(plan=replace(plan, reserved=message.reserved))


def on_placed(plan: PlanAccount, message: PlaceOrders) -> Step:
    """Write down what a plan promises, and its intents: each once, after an approval."""
    known = plan.orders
    if plan.expected is not None or any(order.order_id in known for order in message.orders):
        return Step(plan=plan, anomalies=(_anomaly(AnomalyKind.INTENT_REPEATED, message),))
    expected = int(proceeds_down(message.profit, ATTO))
    placed = replace(
        plan,
        expected=expected,
        status=SetStatus.LEGGING,
        changed_ns=message.receive_time_ns,
        states=message.states,
        orders={intent.order_id: OrderAccount(intent=intent) for intent in message.orders},
    )
    promise = (
        line(Book.EXPECTED, AccountKind.PROMISED, expected),
        line(Book.EXPECTED, AccountKind.PROMISE, -expected),
    )
    kind = AnomalyKind.NOT_APPROVED
    return Step(
        plan=placed,
        transactions=_transactions(placed, message, Cause.PLACED, promise),
        anomalies=(_anomaly(kind, message),) if plan.reserved is None else (),
    )


def on_matched(plan: PlanAccount, message: OrderMatched) -> Step:
    """Move the cash of a match against shares that are not confirmed yet; mark whole sets."""
    order = plan.orders[message.order_id]
    fill = Fill(shares=message.shares, notional=message.notional, fee=message.fee)
    matched = replace(order, matched=order.matched.plus(fill), matches=order.matches + 1)
    after, marks = _marked(_with(plan, matched))
    overfilled = matched.matched.shares > order.intent.shares
    return Step(
        plan=after,
        transactions=_transactions(
            after, message, Cause.MATCHED, (*_trade(order, fill, AccountKind.PENDING), *marks)
        ),
        anomalies=(_anomaly(AnomalyKind.OVERFILLED, message),) if overfilled else (),
    )


def on_killed(plan: PlanAccount, message: OrderKilled) -> Step:
    """Remember that an order's remainder is gone; no money moves."""
    order = plan.orders[message.order_id]
    return Step(plan=_with(plan, replace(order, is_killed=True)))


def on_confirmed(plan: PlanAccount, message: TradeConfirmed) -> Step:
    """Turn everything pending of an order into money and shares of the settled book."""
    order = plan.orders[message.order_id]
    fill = order.pending
    if fill.is_nothing:
        return Step(plan=plan, anomalies=(_anomaly(AnomalyKind.NOTHING_PENDING, message),))
    confirmed = replace(order, confirmed=order.confirmed.plus(fill))
    after = _with(plan, confirmed)
    moved = (
        stock(Book.MATCHED, AccountKind.PENDING, order, NOTHING.minus(fill)),
        stock(Book.MATCHED, AccountKind.SHARES, order, fill),
    )
    settled = (
        stock(Book.SETTLED, AccountKind.SHARES, order, fill),
        line(Book.SETTLED, AccountKind.FEES, fill.fee),
        line(Book.SETTLED, AccountKind.CASH, -order.sign * fill.notional - fill.fee),
    )
    transactions = (
        *_transactions(after, message, Cause.CONFIRMED, moved),
        *_transactions(after, message, Cause.CONFIRMED, settled),
    )
    return Step(plan=after, transactions=transactions)


def on_failed(plan: PlanAccount, message: TradeFailed) -> Step:
    """Take back everything pending of an order: its shares and cash were never moved."""
    order = plan.orders[message.order_id]
    fill = order.pending
    if fill.is_nothing:
        return Step(plan=plan, anomalies=(_anomaly(AnomalyKind.NOTHING_PENDING, message),))
    failed = replace(order, failed=order.failed.plus(fill))
    after, marks = _marked(_with(plan, failed))
    reversal = _trade(order, NOTHING.minus(fill), AccountKind.PENDING)
    return Step(
        plan=after,
        transactions=_transactions(after, message, Cause.FAILED, (*reversal, *marks)),
    )


def on_changed(plan: PlanAccount, message: SetChanged) -> Step:
    """Take a step of a set's life; a missed set is over."""
    return Step(plan=replace(plan, status=message.current, changed_ns=message.receive_time_ns))


def on_settled(plan: PlanAccount, message: SetSettled) -> Step:
    """Realise what a set operation, a redemption or an unwind brought; a hold only pays its gas.

    Proceeds below zero are paid, as the split of a set is. Shares that an unwind could not sell
    leave the books with the rest: they count as worth nothing.
    """
    if plan.is_settled and all(order.held.is_nothing for order in plan.orders.values()):
        return Step(plan=plan, anomalies=(_anomaly(AnomalyKind.SETTLED_TWICE, message),))
    is_held = message.status is SetStatus.HELD
    pending = any(not order.pending.is_nothing for order in plan.orders.values())
    used = {} if is_held else {key: order.held for key, order in plan.orders.items()}
    orders = {
        key: replace(order, closed=order.closed.plus(used.get(key, NOTHING)))
        for key, order in plan.orders.items()
    }
    after = replace(
        plan,
        orders=orders,
        status=message.status,
        ending=message.status,
        unsold=plan.unsold + message.unsold,
        is_settled=plan.is_settled or not is_held,
    )
    kind = AnomalyKind.SETTLED_PENDING
    return Step(
        plan=after,
        transactions=_transactions(after, message, Cause.SETTLED, _realised(plan, message, used)),
        anomalies=(_anomaly(kind, message),) if pending and not is_held else (),
    )


def finish(plan: PlanAccount, time_ns: int) -> Step:
    """Sweep a plan that is over out of the expected and the matched book into equity.

    Their assets then show what is open; income and expenses, and so the PnL columns, stay.
    """
    pending = any(not order.pending.is_nothing for order in plan.orders.values())
    if not plan.is_over or pending:
        return Step(plan=plan)
    promise = (plan.expected or 0) - plan.expected_swept
    mark = plan.mark - plan.mark_swept
    unswept = {key: order.confirmed.minus(order.swept) for key, order in plan.orders.items()}
    after = replace(
        plan,
        expected_swept=plan.expected or 0,
        mark_swept=plan.mark,
        orders={key: replace(order, swept=order.confirmed) for key, order in plan.orders.items()},
    )
    return Step(
        plan=after,
        transactions=(
            *write(after, time_ns, Cause.FINISHED, _promise_swept(promise)),
            *write(after, time_ns, Cause.FINISHED, _matched_swept(plan, unswept, mark)),
        ),
    )


def _promise_swept(promise: int) -> tuple[Posting, ...]:
    return (
        line(Book.EXPECTED, AccountKind.PROMISED, -promise),
        line(Book.EXPECTED, AccountKind.FINISHED, promise),
    )


def _matched_swept(
    plan: PlanAccount, unswept: dict[OrderId, Fill], mark: int
) -> tuple[Posting, ...]:
    fees = sum(fill.fee for fill in unswept.values())
    cost = sum(plan.orders[key].sign * fill.notional for key, fill in unswept.items())
    return (
        *(
            stock(Book.MATCHED, AccountKind.SHARES, plan.orders[key], NOTHING.minus(fill))
            for key, fill in unswept.items()
        ),
        line(Book.MATCHED, AccountKind.CASH, cost + fees),
        line(Book.MATCHED, AccountKind.SETS, -mark),
        line(Book.MATCHED, AccountKind.FINISHED, mark - fees),
    )


def _realised(
    plan: PlanAccount, message: SetSettled, used: dict[OrderId, Fill]
) -> tuple[Posting, ...]:
    cost = sum(plan.orders[key].sign * fill.notional for key, fill in used.items())
    return (
        *(
            stock(Book.SETTLED, AccountKind.SHARES, plan.orders[key], NOTHING.minus(fill))
            for key, fill in used.items()
        ),
        line(Book.SETTLED, AccountKind.GAS, message.gas),
        line(Book.SETTLED, AccountKind.CASH, message.proceeds - message.gas),
        line(Book.SETTLED, AccountKind.REALISED, cost - message.proceeds),
    )


def _trade(order: OrderAccount, fill: Fill, kind: AccountKind) -> tuple[Posting, ...]:
    return (
        stock(Book.MATCHED, kind, order, fill),
        line(Book.MATCHED, AccountKind.FEES, fill.fee),
        line(Book.MATCHED, AccountKind.CASH, -order.sign * fill.notional - fill.fee),
    )


def _marked(plan: PlanAccount) -> tuple[PlanAccount, tuple[Posting, ...]]:
    """Value complete sets at what they are guaranteed to pay; a leg alone stays at its cost."""
    sets = paired_sets(plan)
    payoff = int(proceeds_down(plan.payoff * sets // plan.quantity, ATTO)) if sets else 0
    mark = payoff - paired_cost(plan, sets)
    change = mark - plan.mark
    return replace(plan, mark=mark), (
        line(Book.MATCHED, AccountKind.SETS, change),
        line(Book.MATCHED, AccountKind.GAIN, -change),
    )


def _with(plan: PlanAccount, order: OrderAccount) -> PlanAccount:
    orders = {**plan.orders, order.intent.order_id: order}
    return replace(plan, orders=orders)


def _transactions(
    plan: PlanAccount, message: Message, cause: Cause, postings: Iterable[Posting]
) -> tuple[Transaction, ...]:
    return write(plan, message.receive_time_ns, cause, postings)


def _anomaly(kind: AnomalyKind, message: PlanMessage) -> Anomaly:
    return Anomaly(
        kind=kind,
        time_ns=message.receive_time_ns,
        plan_id=message.plan_id,
        order_id=message.order_id if isinstance(message, OrderMessage) else None,
    )


POSTINGS: dict[type[PlanMessage], Callable[..., Step]] = {
    PlanApproved: on_approved,
    PlaceOrders: on_placed,
    OrderMatched: on_matched,
    OrderKilled: on_killed,
    TradeConfirmed: on_confirmed,
    TradeFailed: on_failed,
    SetChanged: on_changed,
    SetSettled: on_settled,
}
"""The message types that move an account, and how."""
