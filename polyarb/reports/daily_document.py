"""The daily report as a document: completeness first, gate progress last."""

from polyarb.domain.messages import Tier
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.census_document import episode_table, family_tables, verdict_lines
from polyarb.reports.completeness import BookLoss, Completeness
from polyarb.reports.daily import DailyReport
from polyarb.reports.diagnosis import NO_ANOMALY
from polyarb.reports.document import Document, Section, Table
from polyarb.reports.execution import Execution, Haircut, TierResult
from polyarb.reports.gates import NOT_JUDGED
from polyarb.reports.runs import Run
from polyarb.reports.wording import (
    NO_SAMPLE,
    NOT_MEASURED,
    count,
    duration,
    file_names,
    listing,
    milliseconds,
    moment,
    percent,
    share_of,
    shares,
    short,
    some,
    usd,
)

BOOKS_SHOWN = 10
INCIDENTS_SHOWN = 50
EPISODES_SHOWN = 10
DIGEST_SHOWN = 12


def daily_document(report: DailyReport) -> Document:
    """Lay a daily report out."""
    return Document(
        title=f"Daily report {report.day}",
        alarms=_alarms(report),
        summary=(
            f"Verdict: {report.verdict.finding}",
            f"{report.phase} with {', '.join(report.profiles)}; "
            f"{duration(report.completeness.covered_ns)} of the day covered",
        ),
        sections=(
            _completeness(report),
            _mode(report),
            _opportunities(report),
            _plans(report.execution),
            _tiers(report.execution),
            _pnl(report),
            _orders(report.execution),
            _latency(report),
            _incidents(report),
            Section(
                title="Diagnosis",
                lines=report.diagnosis,
                is_alarm=report.diagnosis != (NO_ANOMALY,),
            ),
            _gates(report),
        ),
    )


def _alarms(report: DailyReport) -> tuple[str, ...]:
    if report.is_whole:
        return ()
    return ("THE JOURNAL HAS HOLES: do not rely on the figures below", *report.failures)


def _completeness(report: DailyReport) -> Section:
    found = report.completeness
    verified = "verified" if found.is_chain_verified else "not checked"
    lines = [
        f"{count(found.records)} records, {found.sequence_first} to {found.sequence_last}; "
        f"hash chain {verified}; {len(found.holes) or 'no'} holes",
        f"{duration(found.covered_ns)} covered, {percent(found.covered_ns, 86_400 * 10**9)} "
        "of the day",
        *_feed_lines(found),
        *(
            f"silent from {moment(silence.start_ns)} for "
            f"{duration(silence.end_ns - silence.start_ns)}"
            for silence in found.silences
        ),
        *([f"torn tail: {found.torn}"] if found.torn else []),
    ]
    holes = Table(
        title="Holes",
        headings=("kind", "what is missing"),
        rows=tuple((hole.kind, hole.text) for hole in found.holes),
        empty="no holes",
    )
    tables = (*((holes,) if found.holes else ()), _run_table(found.runs), _book_table(report))
    return Section(
        title="Data completeness",
        lines=tuple(lines),
        tables=tables,
        is_alarm=not found.is_whole,
    )


def _feed_lines(found: Completeness) -> tuple[str, ...]:
    feed = found.feed
    if feed is None:
        return (f"feed: {NOT_MEASURED}",)
    return (
        f"feed: {count(feed.frames)} frames, {count(feed.messages)} messages "
        f"({listing(feed.by_type)})",
        f"feed: unusable {listing(feed.rejected)}; unknown tokens {count(feed.unknown_tokens)}; "
        f"odd and yet used {listing(feed.noted)}",
        f"markets {count(feed.markets)}, tokens {count(feed.tokens)}",
    )


def _run_table(runs: tuple[Run, ...]) -> Table:
    return Table(
        title="Runs",
        headings=("no.", "run", "from", "time", "end", "records", "feed", "counted"),
        rows=tuple(
            (
                str(run.ordinal),
                run.run_id,
                moment(run.started_ns),
                duration(run.ended_ns - run.started_ns),
                f"{run.end} {run.stop_reason}".strip(),
                count(run.records),
                file_names(run.feed),
                "yes" if run.is_counted else f"no; run {run.superseded_by} is",
            )
            for run in runs
        ),
        numbers=frozenset({0, 3, 5}),
    )


def _book_table(report: DailyReport) -> Table:
    found = report.completeness
    shown = found.books[:BOOKS_SHOWN]
    rest = f", {len(shown)} worst of {len(found.books)}" if len(found.books) > len(shown) else ""

    def row(book: BookLoss) -> tuple[str, ...]:
        return (
            report.titles.get(book.condition_id) or short(book.condition_id),
            duration(book.lost_ns),
            percent(book.lost_ns, found.covered_ns),
            count(book.invalidations),
            listing(book.by_fault),
        )

    return Table(
        title=f"Book time lost{rest}",
        headings=("market", "lost", "of time covered", "times", "faults"),
        rows=tuple(row(book) for book in shown),
        numbers=frozenset({1, 2, 3}),
        empty="no book was invalid",
    )


def _mode(report: DailyReport) -> Section:
    runs = report.completeness.runs
    counted = [run for run in runs if run.is_counted]
    codes = dict.fromkeys(run.code_digest[:DIGEST_SHOWN] for run in counted)
    configs = dict.fromkeys(run.config_digest[:DIGEST_SHOWN] for run in counted)
    return Section(
        title="Mode and profile",
        lines=(
            f"phase {report.phase}; profile {', '.join(report.profiles)}",
            f"code {', '.join(codes)}; configuration {', '.join(configs)}",
            "fills are simulated; nothing was sent to the venue"
            if report.phase == "shadow"
            else "orders were sent to the venue",
        ),
    )


def _opportunities(report: DailyReport) -> Section:
    found = report.opportunities
    return Section(
        title="Opportunities (census)",
        lines=(
            *verdict_lines(report.verdict),
            f"{count(found.settled)} evaluation points; turned down: {listing(found.rejected)}",
            f"quality of the data: {listing(found.quality)}",
        ),
        tables=(
            *family_tables(found.families),
            episode_table(found.best[:EPISODES_SHOWN], found.episodes),
        ),
    )


def _plans(execution: Execution) -> Section:
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


def _tiers(execution: Execution) -> Section:
    lines = (
        f"latency haircut T0 - T2: {_haircut(execution.haircut)}",
        "T0 at once, T1 median latency, T2 95th percentile with minimums and fees (gates read "
        "it), T3 with makers fading and settlements reverting",
    )
    return Section(
        title="Simulated execution by tier",
        lines=lines,
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


def _pnl(report: DailyReport) -> Section:
    money = report.money
    rows: list[tuple[str, ...]] = [
        (one.family, count(one.plans), *_columns(one.columns), usd(one.unmatched), usd(one.held))
        for one in money.families
    ]
    rows.append(("the day", "", *_columns(money.day), usd(money.unmatched), usd(money.held)))
    rows.append(("since the journal began", "", *_columns(money.since_start), "", ""))
    return Section(
        title="PnL in four columns",
        lines=(
            "expected: promised by placed plans; matched: complete sets at their payoff less cost "
            "and fees; settled: cash that is final; the columns are never added",
            "legs without partners and held sets stay apart at cost; nothing is on chain",
            f"open at the end of the day: {count(money.open_plans)} in flight, "
            f"{count(money.held_plans)} held",
            *(f"ledger: {one.invariant}: {one.text}" for one in money.violations),
        ),
        tables=(
            Table(
                headings=(
                    "family",
                    "plans",
                    "expected",
                    "matched",
                    "settled",
                    "chain",
                    "unmatched at cost",
                    "held at cost",
                ),
                rows=tuple(rows),
                numbers=frozenset(range(1, 8)),
            ),
        ),
        is_alarm=bool(money.violations),
    )


def _columns(columns: PnlColumns) -> tuple[str, str, str, str]:
    chain = "none" if columns.chain is None else usd(columns.chain)
    return usd(columns.expected), usd(columns.matched), usd(columns.settled), chain


def _orders(execution: Execution) -> Section:
    orders = execution.orders
    n = orders.submitted
    return Section(
        title="Orders",
        lines=(
            f"submitted {count(n)}; filled wholly {share_of(orders.filled, n)}, partly "
            f"{share_of(orders.partly_filled, n)}, not at all {share_of(orders.unfilled, n)}; "
            f"open {count(orders.open)}",
            f"remainders killed: {listing(orders.killed_by_reason)}",
            f"trades confirmed {count(orders.trades_confirmed)}, failed "
            f"{share_of(orders.trades_failed, orders.trades_confirmed + orders.trades_failed)}",
        ),
    )


def _latency(report: DailyReport) -> Section:
    latency = report.latency
    if latency.p95 is None:
        return Section(title="Latency", lines=(f"receipt to decision: {NOT_MEASURED}",))
    of_runs = "" if latency.runs == 1 else f", the worst of {latency.runs} runs"
    return Section(
        title="Latency",
        lines=(
            f"receipt to decision{of_runs}: p50 {milliseconds(latency.p50)}, "
            f"p95 {milliseconds(latency.p95)}, p99 {milliseconds(latency.p99)}",
        ),
    )


def _incidents(report: DailyReport) -> Section:
    incidents = report.incidents
    shown = incidents.listed[:INCIDENTS_SHOWN]
    rest = f", the first {len(shown)} of {len(incidents.listed)}"
    return Section(
        title="Incidents",
        lines=(f"books invalidated by fault: {listing(incidents.books_by_fault)}",),
        tables=(
            Table(
                title=f"Incidents{rest}" if len(incidents.listed) > len(shown) else "",
                headings=("time", "severity", "kind", "what"),
                rows=tuple(
                    (moment(one.time_ns), one.severity, one.kind, one.text) for one in shown
                ),
                empty="no incident",
            ),
        ),
        is_alarm=bool(incidents.critical),
    )


def _gates(report: DailyReport) -> Section:
    return Section(
        title="Gate progress",
        lines=(
            "figures only: no gate judges them yet, so none of these is passed or failed"
            if report.gates
            else f"criteria of phase {report.phase}: {NOT_JUDGED}",
        ),
        tables=(
            Table(
                headings=("criterion", "threshold", "value", "n", "missing"),
                rows=tuple(
                    (
                        gate.criterion,
                        gate.threshold,
                        gate.value or NOT_JUDGED,
                        "-" if gate.n is None else count(gate.n),
                        gate.missing or "-",
                    )
                    for gate in report.gates
                ),
                numbers=frozenset({3}),
                empty=NOT_JUDGED,
            ),
        ),
    )
