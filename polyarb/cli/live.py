"""What a person sees of a running process: a live board on a terminal, plain lines elsewhere."""

from collections import Counter
from collections.abc import Callable
from types import TracebackType

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from polyarb.cli.alert_words import alert_rows, alert_words
from polyarb.domain.messages import Tier
from polyarb.domain.plan import Family
from polyarb.domain.surroundings import ClockStanding
from polyarb.domain.units import format_micros
from polyarb.runner import Runner
from polyarb.wiring.live import LiveHealth
from polyarb.wiring.session import Session

LINE_EVERY = 8
"""Observer calls between two plain lines: about two seconds."""


class LiveBoard:
    """A rich live board; use as a context, then give `show` to the runner's observers."""

    def __init__(self, session: Session, console: Console) -> None:
        self._session = session
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> "LiveBoard":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, runner: Runner) -> None:
        """Draw the present state."""
        self._live.update(board(self._session, runner), refresh=True)


def board(session: Session, runner: Runner) -> RenderableType:
    """Draw one state of a run."""
    state = session.engine.state
    title = f"{session.recipe.profile.name} · {state.trading} · {clock_of(runner.progress.now_ns)}"
    return Panel(
        Group(
            Columns(
                [*_market_data(session, runner), _books(session), _latency(session, runner)],
                expand=True,
            ),
            Columns([_opportunities(session), _tiers(session), _money(session)], expand=True),
            _table("Alerts", alert_rows(session.alerting.standing)),
        ),
        title=title,
        subtitle="Ctrl-C stops cleanly",
    )


def clock_of(time_ns: int) -> str:
    """Write a time as UTC seconds."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _feed(runner: Runner) -> Table:
    statistics = runner.feed.statistics
    rows = [
        ("frames", f"{runner.progress.frames:,}"),
        ("messages", f"{statistics.messages:,}"),
        ("unusable", f"{sum(statistics.rejected.values()):,}"),
        ("unknown tokens", f"{statistics.unknown_tokens:,}"),
    ]
    return _table("Feed", rows)


def _market_data(session: Session, runner: Runner) -> list[Table]:
    """Show what came, and on the venue itself from where."""
    health = session.edge.health()
    return [_feed(runner)] if health is None else [_feed(runner), _sources(health)]


def _sources(health: LiveHealth) -> Table:
    rows = [
        (one.source, one.isolated or f"{one.markets} markets, {one.latency_ms} ms")
        for one in health.sources
    ]
    open_sockets = sum(stream.open_sockets for stream in health.streams)
    sockets = sum(len(stream.sockets) for stream in health.streams)
    rows += [
        ("true books", f"{health.live_markets}/{health.markets}"),
        ("sockets open", f"{open_sockets}/{sockets}"),
        ("losses", f"{health.losses:,}"),
        ("switches", f"{health.switches:,}"),
        ("venue", health.caution or f"{health.mode.mode}"),
        ("clock", clock_words(health.clock)),
    ]
    return _table("Sources", rows)


def clock_words(clock: ClockStanding) -> str:
    """Say in a few words what our clock is worth."""
    if clock.offset_ms is None:
        return f"{clock.verdict}"
    return f"{clock.verdict}, {clock.offset_ms:+.0f} ms"


def _books(session: Session) -> Table:
    counts = Counter(ladder.status for ladder in session.engine.state.ladders.values())
    return _table(
        "Books", [(status.lower(), str(number)) for status, number in sorted(counts.items())]
    )


def _latency(session: Session, runner: Runner) -> Table:
    found = runner.latency.percentiles()
    rows = [
        (name, f"{value / 1000:.1f} µs" if value is not None else "not measured")
        for name, value in (("p50", found.p50), ("p95", found.p95), ("p99", found.p99))
    ]
    whole = runner.stages.report()
    if whole.receive_to_decision.p99 is not None:
        rows.append(("from receipt p99", f"{whole.receive_to_decision.p99 / 1e6:.2f} ms"))
    if whole.bottleneck is not None:
        rows.append(("slowest", whole.bottleneck))
    return _table("Latency", [*rows, ("journal", f"#{session.journal.head.sequence}")])


def _opportunities(session: Session) -> Table:
    census, folding = session.engine.state.census, session.folding
    raw = folding.raw_hits + census.raw_hits
    rejected = folding.rejected + census.rejected
    rows = [(f"{family} raw hits", f"{raw[family]:,}") for family in Family if raw[family]]
    rows += [(f"  refused {reason}", f"{count:,}") for reason, count in rejected.most_common(6)]
    rows += [(f"{family} episodes", f"{count:,}") for family, count in folding.found.items()]
    return _table("Opportunities", rows or [("nothing seen", "0")])


def _tiers(session: Session) -> Table:
    folding = session.folding
    rows = [
        (str(tier), f"{folding.complete[tier]}/{folding.measured[tier]} complete")
        for tier in Tier
        if folding.measured[tier]
    ]
    rows += [(f"sets {status.lower()}", str(count)) for status, count in folding.sets.items()]
    return _table("Shadow fills", rows or [("no plan yet", "")])


def _money(session: Session) -> Table:
    exposure, limits = session.engine.state.exposure, session.recipe.profile.envelope
    open_notional = format_micros(exposure.open_notional)
    rows = [
        ("open", f"${open_notional} of ${format_micros(limits.open_notional_max)}"),
        ("today", f"${format_micros(exposure.day_pnl)}"),
        ("sets in flight", str(len(session.engine.state.sets))),
    ]
    return _table("Money", rows)


def plain_lines(session: Session, write: Callable[[str], None]) -> Callable[[Runner], None]:
    """Make an observer that writes a line now and then, for logs and pipes."""
    calls = 0

    def show(runner: Runner) -> None:
        nonlocal calls
        calls += 1
        if calls % LINE_EVERY == 1 or runner.progress.stop_reason:
            write(line(session, runner))

    return show


def line(session: Session, runner: Runner) -> str:
    """Say the present state in one line."""
    state, progress = session.engine.state, runner.progress
    raw = sum((session.folding.raw_hits + state.census.raw_hits).values())
    return (
        f"{clock_of(progress.now_ns)} {state.trading} frames={progress.frames} "
        f"messages={runner.feed.statistics.messages} raw_hits={raw} "
        f"episodes={sum(session.folding.found.values())} sets={len(state.sets)} "
        f"journal={session.journal.head.sequence}{_told_by(session)}"
        f"{alert_words(session.alerting.standing)}"
    )


def _told_by(session: Session) -> str:
    """Say who tells how many books, on the venue itself."""
    health = session.edge.health()
    if health is None:
        return ""
    sources = ",".join(f"{one.source}:{one.markets}" for one in health.sources if one.markets)
    return (
        f" books={health.live_markets}/{health.markets} from={sources or 'nobody'}"
        f" venue={session.engine.venue_mode} clock={health.clock.verdict}"
    )
