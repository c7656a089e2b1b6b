"""The edge bridge, the four PnL columns, and PnL by family and market as sections."""

from collections.abc import Mapping

from polyarb.domain.ids import ConditionId
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.bridge import Bridge, BridgeStep
from polyarb.reports.document import Chart, Section, Table
from polyarb.reports.markets import Costs, MarketPnl
from polyarb.reports.money import Money
from polyarb.reports.wording import NO_SAMPLE, NOT_MEASURED, count, short, some, usd

MARKETS_SHOWN = 20
VIOLATIONS_SHOWN = 10
_COLUMNS = ("expected", "matched", "settled", "chain")


def bridge_section(bridge: Bridge) -> Section:
    """Walk the edge from its quote to the chain."""
    return Section(
        title="Edge bridge, from quote to chain",
        lines=(
            f"{some(bridge.plans, 'plan')} placed in the time; each amount is the one it stands "
            "on, plus the change over plans known at both, less plans without a figure here, plus "
            "plans without one there",
            f"settled column = settled of these plans, plus {usd(bridge.unfinished)} of those "
            f"still open, plus {usd(bridge.earlier)} of plans placed before",
        ),
        tables=(
            Table(
                headings=("stage", "plans", "change", "no figure here", "none before", "amount"),
                rows=(*_bridge_rows(bridge), ("on chain", "0", "", "", "", NOT_MEASURED)),
                numbers=frozenset(range(1, 6)),
            ),
        ),
    )


def _bridge_rows(bridge: Bridge) -> tuple[tuple[str, ...], ...]:
    is_first = True
    rows: list[tuple[str, ...]] = []
    for step in bridge.steps:
        rows.append(_bridge_row(step, is_first=is_first))
        is_first = is_first and step.amount is None
    return tuple(rows)


def _bridge_row(step: BridgeStep, *, is_first: bool) -> tuple[str, ...]:
    if step.amount is None:
        return (step.stage, "0", "", "", "", NOT_MEASURED)
    if is_first:
        return (step.stage, count(step.plans), "", "", "", usd(step.amount))
    return (
        step.stage,
        count(step.plans),
        usd(step.change),
        usd(-step.dropped),
        usd(step.joined),
        usd(step.amount),
    )


def pnl_section(money: Money, costs: Costs, charts: tuple[Chart, ...], time: str) -> Section:
    """Tell the four columns by family; time names what they are of."""
    rows: list[tuple[str, ...]] = [
        (one.family, count(one.plans), *columns(one.columns), usd(one.unmatched), usd(one.held))
        for one in money.families
    ]
    rows.append((time, "", *columns(money.day), usd(money.unmatched), usd(money.held)))
    rows.append(("since the journal began", "", *columns(money.since_start), "", ""))
    return Section(
        title="PnL in four columns",
        lines=(
            "expected: promised by placed plans; matched: complete sets at their payoff less cost "
            "and fees; settled: cash that is final; the columns are never added",
            "legs without partners and held sets stay apart at cost; nothing is on chain",
            f"fees of matches {usd(costs.fees_matched)}, of confirmed trades "
            f"{usd(costs.fees_settled)}; gas {usd(costs.gas)}",
            f"open at the end: {count(money.open_plans)} in flight, {count(money.held_plans)} held",
        ),
        charts=charts,
        tables=(
            Table(
                headings=("family", "plans", *_COLUMNS, "unmatched at cost", "held at cost"),
                rows=tuple(rows),
                numbers=frozenset(range(1, 8)),
            ),
        ),
    )


def violation_sections(money: Money) -> tuple[Section, ...]:
    """Tell how the ledger breaks; nothing where it is sound."""
    found = money.violations
    if not found:
        return ()
    more = len(found) - VIOLATIONS_SHOWN
    return (
        Section(
            title="The ledger breaks",
            lines=(
                *(f"{one.invariant}: {one.text}" for one in found[:VIOLATIONS_SHOWN]),
                *([f"and {count(more)} more"] if more > 0 else []),
            ),
            is_alarm=True,
        ),
    )


def market_section(markets: tuple[MarketPnl, ...], titles: Mapping[ConditionId, str]) -> Section:
    """Tell PnL by family and market, the largest settled results first."""
    ranked = sorted(markets, key=lambda row: -abs(row.columns.settled or 0))
    shown = ranked[:MARKETS_SHOWN]
    rest = f", {len(shown)} of {len(ranked)}" if len(ranked) > len(shown) else ""
    return Section(
        title="PnL by family and market",
        tables=(
            Table(
                title=f"By size of the settled result{rest}" if rest else "",
                headings=("family", "market", "plans", *_COLUMNS, "fees", "gas"),
                rows=tuple(
                    (
                        row.family,
                        _market(row, titles),
                        count(row.plans),
                        *columns(row.columns),
                        usd(row.fees),
                        usd(row.gas),
                    )
                    for row in shown
                ),
                numbers=frozenset(range(2, 9)),
                empty=NO_SAMPLE,
            ),
        ),
    )


def _market(row: MarketPnl, titles: Mapping[ConditionId, str]) -> str:
    known = [titles[one] for one in row.condition_ids if one in titles]
    if not known:
        return short(row.relation_id)
    others = len(row.condition_ids) - 1
    return f"{known[0]} and {others} more" if others else known[0]


def columns(found: PnlColumns) -> tuple[str, str, str, str]:
    """Write the four columns."""
    chain = NOT_MEASURED if found.chain is None else usd(found.chain)
    return usd(found.expected), usd(found.matched), usd(found.settled), chain
