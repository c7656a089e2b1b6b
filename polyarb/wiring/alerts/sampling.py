"""What the alert rules are judged by: samples of a run, taken from its parts and its messages.

A thing that cannot be measured has no sample; it is never a zero.
"""

from collections import deque
from collections.abc import Callable, Iterator
from shutil import disk_usage

from polyarb.alerts.history import Sample
from polyarb.alerts.metrics import METRICS, Sampler
from polyarb.alerts.rules import PhaseFigures
from polyarb.domain.limits import Profile, RunKind
from polyarb.domain.messages import (
    JournalMessage,
    OpportunityFound,
    OrderKilled,
    PlaceOrders,
    SetChanged,
    TradeConfirmed,
    TradingStateChanged,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.units import MICRO
from polyarb.engine.risk.exposure import breaker_reason
from polyarb.host.memory import resident_bytes
from polyarb.runner import Runner
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.standing import watch_age_s
from polyarb.wiring.session import Session

MS = 1_000_000
MEGABYTE = 1 << 20
LATE_NS = 500 * MS
"""A decision later than this breaks the promise of the loop. Source: production-kit.md, 1."""
FAILURES_NS = 60 * 10**9
"""Time over which failed requests are counted. Source: production-kit.md, 4.1."""
REJECTS_NS = 300 * 10**9
"""Time over which the share of refused orders is taken. Source: production-kit.md, 4.1."""


def samplers_of(profile: Profile, *, is_recorded: bool) -> frozenset[Sampler]:
    """Say who takes samples in a run: a tape has no sources, shadow no wallet."""
    absent = {Sampler.WATCH, Sampler.FEED} if is_recorded else {Sampler.WATCH}
    if profile.run is RunKind.SHADOW:
        absent.add(Sampler.CHAIN)
    return frozenset(Sampler) - absent


class RunSampling:
    """Takes the samples of one run, at times of the monotonic clock."""

    def __init__(
        self,
        workspace: Workspace,
        session: Session,
        figures: PhaseFigures,
        backup_age_s: Callable[[], float | None],
    ) -> None:
        self._workspace = workspace
        self._session = session
        self._capital = self._peak = figures.capital
        self._backup_age_s = backup_age_s
        self._is_live = session.recipe.profile.run is RunKind.LIVE
        self._sent: deque[tuple[int, int]] = deque()
        self._refused: deque[tuple[int, int]] = deque()
        self._failures: deque[tuple[int, int]] = deque()
        self._orders = self._fills = self._ticks = 0
        self._durable_ns: int | None = None

    # From what happens

    def of_message(self, message: JournalMessage, now_ns: int) -> Iterator[Sample]:
        """Yield what a message tells at once."""
        match message:
            case OpportunityFound():
                yield _sample("opportunity_detected", 1, now_ns, family=message.family)
            case SetChanged(current=SetStatus.COMPLETE):
                yield _sample("trade_executed", 1, now_ns, family=message.family)
            case PlaceOrders():
                self._orders += len(message.orders)
                self._sent.append((now_ns, len(message.orders)))
            case OrderKilled():
                if self._is_live:
                    self._refused.append((now_ns, 1))
            case TradeConfirmed():
                self._fills += 1
            case TradingStateChanged():
                yield _state("trading_state", message.current, now_ns)
                yield from self._breaker(now_ns)
            case _:
                pass

    # Of the moment

    def of_moment(self, now_ns: int) -> Iterator[Sample]:
        """Yield everything that can be measured now."""
        runner = self._session.runner
        self._ticks += 1
        yield _sample("loop_ticks", self._ticks, now_ns)
        yield _sample("loop_tick_age_ms", 0, now_ns)
        yield from self._feed(runner, now_ns)
        yield from self._latency(runner, now_ns)
        yield from self._engine(now_ns)
        yield from self._ledger(now_ns)
        yield from self._records(now_ns)

    def _feed(self, runner: Runner, now_ns: int) -> Iterator[Sample]:
        statistics, health = runner.feed.statistics, self._session.edge.health()
        yield _sample("feed_messages", statistics.messages, now_ns)
        yield _sample("feed_rejected", sum(statistics.rejected.values()), now_ns)
        if health is None:
            return
        yield _sample("ws_connected", any(one.open_sockets for one in health.streams), now_ns)
        self._failures.append((now_ns, health.request_failures))
        while self._failures[0][0] < now_ns - FAILURES_NS:
            self._failures.popleft()
        failed = health.request_failures - self._failures[0][1]
        yield _sample("rpc_error_count", failed, now_ns)
        sockets = [one for pool in health.streams for one in pool.sockets]
        drops = sum(one.connects - one.is_open for one in sockets)
        yield _sample("ws_drops", drops, now_ns)
        if drops:
            stood_again = sum(one.connects - 1 for one in sockets if one.connects)
            yield _sample("ws_reconnect_success_percent", 100 * stood_again / drops, now_ns)
        if health.markets:
            stale = 1 - health.live_markets / health.markets
            yield _sample("stale_books_fraction", stale, now_ns)
        telling = [one for one in health.sources if one.messages]
        for one in telling:
            yield _sample("source_delay_ms", one.latency_ms, now_ns, source=one.source)
        if telling:
            yield _sample("data_delay_ms", min(one.latency_ms for one in telling), now_ns)
        if health.clock.offset_ms is not None:
            yield _sample("clock_offset_ms", abs(health.clock.offset_ms), now_ns)

    def _latency(self, runner: Runner, now_ns: int) -> Iterator[Sample]:
        timed = runner.stages.report().receive_to_decision if runner.is_live else None
        p95_ns = timed.p95 if timed is not None else runner.latency.percentiles().p95
        if p95_ns is None:
            return
        yield _sample("latency_p95_ms", p95_ns / MS, now_ns)
        health = self._session.edge.health()
        is_cut = health is not None and not any(one.open_sockets for one in health.streams)
        yield _sample("slo_missed", is_cut or p95_ns > LATE_NS, now_ns)

    def _engine(self, now_ns: int) -> Iterator[Sample]:
        exposure = self._session.engine.state.exposure
        envelope = self._session.recipe.profile.envelope
        yield _state("trading_state", self._session.engine.state.trading, now_ns)
        yield from self._breaker(now_ns)
        yield _sample("orders_submitted", self._orders, now_ns)
        sent, refused = _recent(self._sent, now_ns), _recent(self._refused, now_ns)
        if sent:
            yield _sample("reject_rate", refused / sent, now_ns)
        used = 100 * exposure.open_notional / envelope.open_notional_max
        yield _sample("position_usage_percent", used, now_ns)
        yield _sample("daily_loss_usd", max(0, -exposure.day_pnl) / MICRO, now_ns)

    def _breaker(self, now_ns: int) -> Iterator[Sample]:
        state, breaker = self._session.engine.state, self._session.recipe.profile.breaker
        is_open = bool(breaker_reason(state.exposure, breaker))
        yield _state("circuit_breaker_state", "OPEN" if is_open else "CLOSED", now_ns)

    def _ledger(self, now_ns: int) -> Iterator[Sample]:
        ledger = self._session.ledger
        total = ledger.total()
        equity = self._capital + (total.settled or 0)
        self._peak = max(self._peak, equity)
        if self._peak:
            yield _sample("drawdown_percent", 100 * (self._peak - equity) / self._peak, now_ns)
        if total.settled is not None and total.expected:
            yield _sample("edge_capture_percent", 100 * total.settled / total.expected, now_ns)
        unmatched = sum(plan.unmatched for plan in ledger.plans.values() if plan.is_open)
        yield _sample("unmatched_notional_usd", unmatched / MICRO, now_ns)
        yield _sample("fills_confirmed", self._fills, now_ns)
        is_barren = self._orders > 0 and not self._fills
        yield _sample("live_no_fills", self._is_live and is_barren, now_ns)
        yield _sample("dry_run_no_fills", not self._is_live and is_barren, now_ns)

    def _records(self, now_ns: int) -> Iterator[Sample]:
        journal = self._session.journal
        if journal.durable_head == journal.head or self._durable_ns is None:
            self._durable_ns = now_ns
        yield _sample("journal_age_ms", (now_ns - self._durable_ns) / MS, now_ns)
        yield _sample("memory_mb", resident_bytes() / MEGABYTE, now_ns)
        free = disk_usage(self._workspace.data_dir).free
        yield _sample("disk_free_mb", free / MEGABYTE, now_ns)
        watched_s = watch_age_s(self._workspace.watch_file)
        if watched_s is not None:
            yield _sample("watch_age_s", watched_s, now_ns)
        age_s = self._backup_age_s()
        if age_s is not None:
            yield _sample("backup_age_s", age_s, now_ns)


def _sample(metric: str, value: float, now_ns: int, **labels: str) -> Sample:
    return Sample(metric=metric, value=float(value), time_ns=now_ns, labels=labels)


def _state(metric: str, state: str, now_ns: int) -> Sample:
    return _sample(metric, METRICS[metric].number(state), now_ns)


def _recent(counts: deque[tuple[int, int]], now_ns: int) -> int:
    while counts and counts[0][0] < now_ns - REJECTS_NS:
        counts.popleft()
    return sum(count for _, count in counts)
