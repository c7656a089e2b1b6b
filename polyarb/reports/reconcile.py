"""Do the figures of a report agree with each other, with the ledger and with the journal?

Every check holds one figure against another way of coming to it; a break makes the report fail.
"""

from collections.abc import Callable, Iterator

import msgspec

from polyarb.ledger.accounts import INCOME_AND_EXPENSES, Book
from polyarb.ledger.fold import Ledger
from polyarb.ledger.pnl import PnlColumns, by_day
from polyarb.reports.bridge import Bridge, BridgeStage, bridge_breaks
from polyarb.reports.execution import Execution
from polyarb.reports.markets import MarketPnl
from polyarb.reports.money import Money
from polyarb.reports.opportunities import Opportunities
from polyarb.reports.slippage import Slippage
from polyarb.reports.survey import Survey
from polyarb.reports.window import Window


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is held against each other."""

    window: Window
    ledger: Ledger
    survey: Survey
    opportunities: Opportunities
    execution: Execution
    money: Money
    markets: tuple[MarketPnl, ...]
    bridge: Bridge
    slippage: Slippage


def find_breaks(figures: Figures) -> tuple[str, ...]:
    """Make every check and tell what does not agree."""
    return tuple(text for check in RECONCILIATIONS for text in check(figures))


def _columns_are_balances(figures: Figures) -> Iterator[str]:
    """The columns since the beginning are what the ledger's accounts hold, book by book."""
    earned = dict.fromkeys(Book, 0)
    for account, balance in figures.ledger.balances.items():
        if account.kind in INCOME_AND_EXPENSES:
            earned[account.book] -= balance.amount
    for book, shown in _by_book(figures.money.since_start):
        if earned[book] != shown:
            yield f"{book} PnL shows {shown} micros, the ledger's accounts hold {earned[book]}"


def _parts_are_the_whole(figures: Figures) -> Iterator[str]:
    """Families, markets and days each add up to the columns of the time."""
    whole = figures.money.day
    days = [one for one in by_day(figures.ledger.pnl) if figures.window.has_day(one.day)]
    for name, parts in (
        ("families", [one.columns for one in figures.money.families]),
        ("markets", [one.columns for one in figures.markets]),
        ("days", [one.columns for one in days]),
    ):
        added = PnlColumns()
        for part in parts:
            added = added.plus(part)
        for (book, mine), (_, theirs) in zip(_by_book(whole), _by_book(added), strict=True):
            if mine != theirs:
                yield f"{book} PnL is {mine} micros, its {name} add up to {theirs}"


def _counts_are_the_journal(figures: Figures) -> Iterator[str]:
    """What was folded is what the journal's headings count."""
    execution, plans, orders = figures.execution, figures.execution.plans, figures.execution.orders
    days = figures.window.day_numbers
    for name, shown in (
        ("PlanSized", plans.sized),
        ("PlanDenied", sum(one.count for one in plans.denied)),
        ("PlanApproved", plans.approved),
        ("PlaceOrders", plans.placed),
        ("OrderMatched", orders.matches),
        ("TradeConfirmed", orders.trades_confirmed),
        ("TradeFailed", orders.trades_failed),
        ("TierMeasured", sum(one.measured for one in execution.tiers) + execution.remeasured),
    ):
        there = figures.survey.count(name, days.start, days.stop)
        if there != shown:
            yield f"the report counts {shown} {name}, the journal {there}"


def _orders_are_accounted_for(figures: Figures) -> Iterator[str]:
    """Every submitted order is filled, partly filled, unfilled or open; nothing is two of them."""
    orders = figures.execution.orders
    parts = orders.filled + orders.partly_filled + orders.unfilled + orders.open
    if parts != orders.submitted or orders.open < 0:
        yield f"{orders.submitted} orders were submitted, {parts} are accounted for"


def _bridge_steps_add_up(figures: Figures) -> Iterator[str]:
    yield from bridge_breaks(figures.bridge)


def _bridge_ends_in_the_ledger(figures: Figures) -> Iterator[str]:
    """The promises and the settled money of the bridge are the ledger's columns."""
    bridge, day = figures.bridge, figures.money.day
    promised = bridge.step(BridgeStage.PROMISED).amount
    if (promised or 0) != (day.expected or 0):
        yield f"bridge promises {promised} micros, the expected column shows {day.expected}"
    settled = bridge.step(BridgeStage.SETTLED).amount or 0
    made = settled + bridge.unfinished + bridge.earlier
    if made != (day.settled or 0):
        yield f"bridge settles {made} micros, the settled column shows {day.settled}"


def _slippage_is_of_matched_orders(figures: Figures) -> Iterator[str]:
    found = figures.slippage
    counted = sum(bucket.orders for bucket in found.buckets)
    if counted != found.orders:
        yield f"slippage of {found.orders} orders, {counted} in its buckets"


def _episodes_are_accounted_for(figures: Figures) -> Iterator[str]:
    """Every raw hit is rejected or tradable."""
    found = figures.opportunities
    hits = sum(one.raw_hits for one in found.families)
    fates = sum(found.rejected.values()) + sum(one.tradable for one in found.families)
    if hits != fates:
        yield f"{hits} raw hits, {fates} are rejected or tradable"


def _by_book(columns: PnlColumns) -> tuple[tuple[Book, int], ...]:
    return (
        (Book.EXPECTED, columns.expected or 0),
        (Book.MATCHED, columns.matched or 0),
        (Book.SETTLED, columns.settled or 0),
        (Book.CHAIN, columns.chain or 0),
    )


RECONCILIATIONS: tuple[Callable[[Figures], Iterator[str]], ...] = (
    _columns_are_balances,
    _parts_are_the_whole,
    _counts_are_the_journal,
    _orders_are_accounted_for,
    _episodes_are_accounted_for,
    _bridge_steps_add_up,
    _bridge_ends_in_the_ledger,
    _slippage_is_of_matched_orders,
)
"""The checks, in the order in which they speak."""
