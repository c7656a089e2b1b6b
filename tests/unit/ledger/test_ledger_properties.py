"""What holds of the ledger for any journal, and an independent recomputation of PnL."""

from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import (
    JournalMessage,
    OrderKilled,
    OrderMatched,
    PlanApproved,
    SetChanged,
    SetSettled,
    TradeConfirmed,
    TradeFailed,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.domain.units import MICRO
from polyarb.ledger.accounts import INVENTORY, Account, AccountKind, Book
from polyarb.ledger.balances import Balance, book_total
from polyarb.ledger.fold import Ledger, fold
from polyarb.ledger.invariants import violations
from polyarb.ledger.pnl import PnlColumns, by_day, by_family, by_plan, total
from tests.plan_lives import NOON_NS, SECOND_NS, LegPlan, Life, run_started

ENDINGS = {
    Family.BINARY: SetStatus.MERGED,
    Family.NEGRISK_YES: SetStatus.HELD,
    Family.NEGRISK_NO: SetStatus.CONVERTED,
    Family.NEGRISK_SPLIT: SetStatus.CONVERTED,
    Family.IMPLICATION: SetStatus.HELD,
    Family.LADDER: SetStatus.HELD,
}


@st.composite
def lives(draw: st.DrawFn, number: int) -> Life:
    """A consistent life: legs fill in parts, some are killed, some trades fail, sets end."""
    family = draw(st.sampled_from(list(Family)))
    side = Side.SELL if family is Family.NEGRISK_SPLIT else Side.BUY
    quantity = draw(st.integers(1, 90 * MICRO))
    count = draw(st.integers(2, 4))
    legs = [
        LegPlan(
            f"M{draw(st.integers(0, 3))}-{leg}",
            draw(st.sampled_from(list(Outcome))),
            draw(st.integers(1, 9_999)) * 100,
            draw(st.integers(1, quantity)),
            side,
        )
        for leg in range(count)
    ]
    life = Life(
        f"plan-{number}",
        family,
        legs,
        quantity=quantity,
        payoff=draw(st.integers(-quantity, 3 * quantity)),
        profit=draw(st.integers(-MICRO, MICRO)),
        start_ns=NOON_NS + draw(st.integers(0, 2 * 86_400)) * SECOND_NS,
        reserved=10**12,
    ).begun()
    filled = [draw(_fill(life, leg)) for leg in range(count)]
    if not any(filled):
        return life.changed(SetStatus.LEGGING, SetStatus.MISSED)
    failures = [draw(st.booleans()) and draw(st.booleans()) for _ in range(count)]
    for leg in range(count):
        if filled[leg]:
            _ = life.failed(leg) if failures[leg] else life.confirmed(leg)
    is_complete = all(f == leg.shares for f, leg in zip(filled, legs, strict=True))
    if draw(st.integers(0, 4)) == 0:
        return life
    if is_complete and not any(failures):
        ending = ENDINGS[family]
        life.changed(SetStatus.LEGGING, ending)
        if ending is SetStatus.HELD and draw(st.booleans()):
            return life
        status = SetStatus.SETTLED if ending is SetStatus.HELD else ending
        return life.settled(status, draw(st.integers(-quantity, 2 * quantity)), gas=12_345)
    life.changed(SetStatus.LEGGING, SetStatus.BROKEN)
    return life.settled(SetStatus.UNWOUND, draw(st.integers(-MICRO, quantity)))


@st.composite
def _fill(draw: st.DrawFn, life: Life, leg: int) -> int:
    order = life.legs[leg]
    rest = order.shares
    for _ in range(draw(st.integers(0, 2))):
        shares = draw(st.integers(0, rest)) if draw(st.booleans()) else rest
        if not shares:
            continue
        worth = Fraction(shares * order.price, MICRO)
        notional = ceil(worth) if order.side is Side.BUY else floor(worth)
        better = draw(st.integers(0, 3))
        notional += better if order.side is Side.SELL else -min(better, notional)
        life.matched(leg, shares, notional, draw(st.integers(0, 999)))
        rest -= shares
    if rest:
        life.killed(leg)
    return order.shares - rest


@st.composite
def journals(draw: st.DrawFn) -> list[JournalMessage]:
    """Several lives, shuffled together; each keeps its own order."""
    queues = [draw(lives(number)).messages for number in range(draw(st.integers(1, 4)))]
    messages: list[JournalMessage] = [run_started("run", NOON_NS)]
    while any(queues):
        queue = draw(st.sampled_from([q for q in queues if q]))
        messages.append(queue.pop(0))
    return messages


PLANS = st.sampled_from([PlanId("plan-0"), PlanId("plan-1")])
ORDERS = st.sampled_from([OrderId("plan-0/order-0"), OrderId("plan-0/order-1"), OrderId("no")])
TIMES = st.integers(NOON_NS, NOON_NS + 10**15)
STRAYS = st.one_of(
    st.builds(
        OrderMatched,
        receive_time_ns=TIMES,
        plan_id=PLANS,
        order_id=ORDERS,
        shares=st.integers(0, 10**8),
        notional=st.integers(0, 10**8),
        fee=st.integers(0, 10**5),
    ),
    st.builds(
        OrderKilled, receive_time_ns=TIMES, plan_id=PLANS, order_id=ORDERS, reason=st.just("")
    ),
    st.builds(TradeConfirmed, receive_time_ns=TIMES, plan_id=PLANS, order_id=ORDERS),
    st.builds(TradeFailed, receive_time_ns=TIMES, plan_id=PLANS, order_id=ORDERS),
    st.builds(
        SetSettled,
        receive_time_ns=TIMES,
        plan_id=PLANS,
        status=st.sampled_from(list(SetStatus)),
        proceeds=st.integers(-(10**8), 10**8),
        gas=st.integers(0, 10**5),
    ),
    st.builds(
        SetChanged,
        receive_time_ns=TIMES,
        plan_id=PLANS,
        family=st.sampled_from(list(Family)),
        previous=st.sampled_from(list(SetStatus)),
        current=st.sampled_from(list(SetStatus)),
    ),
    st.builds(
        PlanApproved,
        receive_time_ns=TIMES,
        plan_id=PLANS,
        reserved=st.integers(0, 10**8),
        open_notional=st.just(0),
    ),
    st.builds(run_started, st.just("again"), TIMES),
)


@st.composite
def disorder(draw: st.DrawFn) -> list[JournalMessage]:
    """A journal with messages doubled, dropped, moved and made up."""
    messages = list(draw(journals()))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(messages)))
        match draw(st.integers(0, 2)):
            case 0:
                messages.insert(place, draw(STRAYS))
            case 1:
                messages.insert(place, draw(st.sampled_from(messages)))
            case _ if len(messages) > 1:
                messages.pop(min(place, len(messages) - 1))
            case _:
                pass
    return messages


@given(journals())
def test_every_consistent_journal_keeps_every_invariant(messages: list[JournalMessage]) -> None:
    assert violations(fold(messages)) == ()


@given(disorder())
def test_every_book_sums_to_zero_whatever_the_journal_says(
    messages: list[JournalMessage],
) -> None:
    ledger = Ledger()
    for message in messages:
        for transaction in ledger.apply(message):
            assert sum(posting.amount for posting in transaction.postings) == 0
    assert [book_total(ledger.balances, book) for book in Book] == [0, 0, 0, 0]
    broken = {violation.invariant for violation in violations(ledger)}
    assert not broken & {"ZERO_SUM", "PNL_COLUMNS", "POSITIONS", "FINISHED"}


@given(disorder(), st.integers(0, 60))
def test_going_on_from_where_one_stood_is_folding_from_the_start(
    messages: list[JournalMessage], cut: int
) -> None:
    ledger = fold(messages[:cut])
    for message in messages[cut:]:
        ledger.apply(message)
    assert ledger == fold(messages)


@given(journals())
def test_rows_by_family_day_and_plan_add_up_to_the_same_total(
    messages: list[JournalMessage],
) -> None:
    ledger = fold(messages)
    sums = [
        [row.columns for row in by_family(ledger.pnl, ledger.plans)],
        [row.columns for row in by_day(ledger.pnl)],
        [row.columns for row in by_plan(ledger.pnl, ledger.plans)],
    ]
    for columns in sums:
        added = PnlColumns()
        for column in columns:
            added = added.plus(column)
        assert added == total(ledger.pnl)


class Recount:
    """PnL from raw fills alone, in exact fractions; shares no code with the ledger."""

    def __init__(self, messages: list[JournalMessage]) -> None:
        self.settled = Fraction(0)
        self.matched = Fraction(0)
        self.shares: dict[tuple[str, str], int] = {}
        plans: dict[str, dict[str, list[JournalMessage]]] = {}
        for message in messages:
            if hasattr(message, "plan_id"):
                plans.setdefault(message.plan_id, {}).setdefault(type(message).__name__, []).append(
                    message
                )
        for told in plans.values():
            self._count(told)

    def _count(self, told: dict[str, list[JournalMessage]]) -> None:
        plan = told["PlanSized"][-1].plan
        confirmed = {m.order_id for m in told.get("TradeConfirmed", [])}
        failed = {m.order_id for m in told.get("TradeFailed", [])}
        settlements = told.get("SetSettled", [])
        for settlement in settlements:
            self.settled += settlement.proceeds - settlement.gas
        is_over = any(s.status is not SetStatus.HELD for s in settlements)
        ratios, costs = [], []
        for intent in told["PlaceOrders"][0].orders:
            fills = [m for m in told.get("OrderMatched", []) if m.order_id == intent.order_id]
            sign = 1 if intent.side is Side.BUY else -1
            shares = sum(m.shares for m in fills)
            cash = -sign * sum(m.notional for m in fills) - sum(m.fee for m in fills)
            if intent.order_id in confirmed:
                self.settled += cash
                if not is_over:
                    # what is still held is worth its cost
                    self.settled += sign * sum(m.notional for m in fills)
                    key = (intent.condition_id, intent.outcome)
                    self.shares[key] = self.shares.get(key, 0) + sign * shares
            stands = intent.order_id not in failed
            ratios.append(Fraction(shares if stands else 0, intent.shares))
            if stands and fills:
                self.matched -= sum(m.fee for m in fills)
                costs.append((intent, shares, sign * sum(m.notional for m in fills)))
        sets = min(floor(ratio * plan.quantity) for ratio in ratios)
        if sets:
            payoff = -plan.capital if plan.family is Family.NEGRISK_SPLIT else plan.payoff
            self.matched += floor(Fraction(payoff, 10**12) * sets / plan.quantity)
        for intent, shares, cost in costs:
            used = min(ceil(Fraction(sets * intent.shares, plan.quantity)), shares)
            self.matched -= ceil(Fraction(cost * used, shares))


@given(journals())
def test_pnl_equals_an_independent_recount_of_raw_fills_to_the_micro(
    messages: list[JournalMessage],
) -> None:
    ledger, recount = fold(messages), Recount(messages)
    columns = total(ledger.pnl)
    assert (columns.settled or 0) == recount.settled
    assert (columns.matched or 0) == recount.matched
    held = {
        (account.condition_id, account.outcome): balance.shares
        for account, balance in ledger.balances.items()
        if account.book is Book.SETTLED and account.kind is AccountKind.SHARES and balance.shares
    }
    assert held == {key: shares for key, shares in recount.shares.items() if shares}


@given(journals())
def test_inventory_at_no_shares_has_no_cost_once_every_plan_is_over(
    messages: list[JournalMessage],
) -> None:
    ledger = fold(messages)
    if any(plan.is_open for plan in ledger.plans.values()):
        return
    for account, balance in ledger.balances.items():
        if account.kind in INVENTORY:
            assert balance == Balance()
    assert (
        ledger.balances.get(Account(book=Book.EXPECTED, kind=AccountKind.PROMISED), Balance())
        == Balance()
    )
