"""Opportunities, plans, fill tiers, orders and slippage as sections."""

from polyarb.domain.messages import Tier
from polyarb.reports.census_document import episode_table, family_tables, verdict_lines
from polyarb.reports.document import Chart, Section, Table
from polyarb.reports.execution import Execution, Haircut, TierResult
from polyarb.reports.opportunities import Opportunities
from polyarb.reports.slippage import GRAVE_BPS, TOLERABLE_BPS, Slippage
from polyarb.reports.verdict import EdgeVerdict
from polyarb.reports.wording import (
    NO_SAMPLE,
    bps,
    count,
    listing,
    milliseconds,
    percent,
    share_of,
    shares,
    some,
    usd,
)

EPISODES_SHOWN = 10


def opportunity_section(found: Opportunities, verdict: EdgeVerdict) -> Section:
    """Tell the census: what looked like arbitrage and what became of it."""
    return Section(
        title="Opportunities (census)",
        lines=(
            *verdict_lines(verdict),
            f"{count(found.settled)} evaluation points; turned down: {listing(found.rejected)}",
            f"quality of the data: {listing(found.quality)}",
        ),
        tables=(
            *family_tables(found.families),
            episode_table(found.best[:EPISODES_SHOWN], found.episodes),
        ),
    )


def plan_section(execution: Execution) -> Section:
    """Tell what became of plans and of their sets."""
    plans, sets = execution.plans, execution.sets
    rounded = plans.sized_by_reason.get("MIN_SIZE_BINDING", 0)
    return Section(
        title="Plans",
        lines=(
            f"sized {count(plans.sized)}, approved {count(plans.approved)}, "
            f"placed {count(plans.placed)}; promised "
            f"{usd(plans.profit_planned if plans.placed else None)}",
            f"quantity decided by: {listing(plans.sized_by_reason)}; rounded up to the smallest "
            f"legal set: {share_of(rounded, plans.sized)}",
            f"sets: complete {share_of(sets.complete, sets.attempts)}, "
            f"broken {share_of(sets.broken, sets.attempts)}, missed {count(sets.missed)}",
            f"sets: merged {count(sets.merged)}, converted {count(sets.converted)}, held "
            f"{count(sets.held)}, repaired {count(sets.repaired)}, unwound {count(sets.unwound)} "
            f"(unsold {shares(sets.unsold)} shares)",
        ),
        tables=(
            Table(
                title="Denied, once per reason and episode",
                headings=("stage", "reason", "times"),
                rows=tuple((no.stage, no.reason, count(no.count)) for no in plans.denied),
                numbers=frozenset({2}),
                empty="nothing was denied",
            ),
        ),
    )


def tier_section(execution: Execution, charts: tuple[Chart, ...]) -> Section:
    """Tell what each fill tier would have got."""
    lines = (
        f"latency haircut T0 - T2: {_haircut(execution.haircut)}",
        "T0 at once, T1 median latency, T2 95th percentile with minimums and fees (gates read "
        "it), T3 with makers fading and settlements reverting",
    )
    return Section(
        title="Simulated execution by tier",
        lines=lines,
        charts=charts,
        tables=(
            Table(
                title="All families",
                headings=_TIER_HEADINGS,
                rows=tuple(_tier_row(result) for result in execution.tiers),
                numbers=_TIER_NUMBERS,
            ),
            Table(
                title="T2 by family",
                headings=("family", *_TIER_HEADINGS[1:]),
                rows=tuple(
                    (one.family, *_tier_row(one.result)[1:])
                    for one in execution.family_tiers
                    if one.result.tier is Tier.T2
                ),
                numbers=_TIER_NUMBERS,
                empty=NO_SAMPLE,
            ),
        ),
    )


def _haircut(haircut: Haircut | None) -> str:
    if haircut is None:
        return NO_SAMPLE
    text = f"{usd(haircut.cost)} over {some(haircut.plans, 'plan')}"
    if haircut.profit_t0 <= 0:
        return text
    return f"{text} ({percent(haircut.cost, haircut.profit_t0)} of T0)"


_TIER_HEADINGS = (
    "tier",
    "plans",
    "complete",
    "complete and earning",
    "sets of planned",
    "profit",
    "latency (median)",
)
_TIER_NUMBERS = frozenset(range(1, 7))


def _tier_row(result: TierResult) -> tuple[str, ...]:
    n = result.measured
    return (
        result.tier,
        count(n),
        share_of(result.complete, n),
        share_of(result.reachable, n),
        f"{shares(result.quantity)} of {shares(result.planned)}" if n else NO_SAMPLE,
        usd(result.profit if n else None),
        milliseconds(result.latency_ns_median) if n else NO_SAMPLE,
    )


def order_section(execution: Execution, *, is_sent: bool) -> Section:
    """Tell what became of orders; is_sent tells whether they reached the venue."""
    orders = execution.orders
    n, final = orders.submitted, orders.trades_confirmed + orders.trades_failed
    refused = sum(orders.rejected_by_reason.values())
    kind = "" if is_sent else " (simulated: nothing was sent to the venue)"
    return Section(
        title="Execution",
        lines=(
            f"orders submitted {count(n)}{kind}; matches {count(orders.matches)}",
            f"filled wholly {share_of(orders.filled, n)}, partly "
            f"{share_of(orders.partly_filled, n)}, not at all {share_of(orders.unfilled, n)}; "
            f"open {count(orders.open)}",
        ),
        tables=(
            Table(
                headings=("fate", "orders", "of"),
                rows=(
                    ("submitted", count(n), "-"),
                    ("matched", count(orders.matched), share_of(orders.matched, n)),
                    (
                        "confirmed",
                        count(orders.trades_confirmed),
                        share_of(orders.trades_confirmed, final),
                    ),
                    (
                        "reverted",
                        count(orders.trades_failed),
                        share_of(orders.trades_failed, final),
                    ),
                    ("rejected", count(refused), share_of(refused, n)),
                    *(
                        (f"rejected: {reason}", count(number), share_of(number, n))
                        for reason, number in orders.rejected_by_reason.items()
                    ),
                    (
                        "cut short after a match",
                        count(orders.cut_short),
                        share_of(orders.cut_short, n),
                    ),
                    ("canceled by us", count(orders.canceled), share_of(orders.canceled, n)),
                ),
                numbers=frozenset({1}),
            ),
        ),
    )


def slippage_section(found: Slippage) -> Section:
    """Tell what was paid against what was planned."""
    n = found.orders
    rows, before = [], ""
    for bucket in found.buckets:
        name = _bucket_name(before, bucket.end)
        rows.append((name, count(bucket.orders) if n else NO_SAMPLE, share_of(bucket.orders, n)))
        before = "" if bucket.end is None else str(bucket.end + 1)
    return Section(
        title="Slippage: paid against planned",
        lines=(
            f"p50 {bps(found.p50)}, p95 {bps(found.p95)}, worst {bps(found.worst)}; "
            f"{some(n, 'order')} compared, it cost {usd(found.cost)}",
            f"within {TOLERABLE_BPS} bps: {share_of(found.within_tolerable, n)}; beyond "
            f"{GRAVE_BPS} bps: {share_of(found.grave, n)}",
            *(
                [f"without a planned price to compare: {some(found.unplanned, 'matched order')}"]
                if found.unplanned
                else []
            ),
        ),
        tables=(
            Table(
                headings=("worse than planned by", "orders", "of all compared"),
                rows=tuple(rows),
                numbers=frozenset({1, 2}),
            ),
        ),
    )


def _bucket_name(first: str, end: int | None) -> str:
    if end is None:
        return f"{first} bps and more"
    if not first:
        return "better than planned"
    return f"{end} bps" if first == str(end) else f"{first} to {end} bps"
