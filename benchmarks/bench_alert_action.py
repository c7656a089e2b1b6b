"""How soon a rule acts and people are tried: `python -m benchmarks.bench_alert_action [RUNS]`.

A real runner with engine, journal, halt latch, alerting and desk takes 20,000 book changes each
second. Now and then a market is lost, which a page-class rule of its own hears of, or a figure that
is sampled turns bad; each latches a halt on disk, orders it through the journal, and is told by a
signed webhook to a receiver in a process of its own.
Shape: ms from when the runner was handed the frame (or the figure turned) to the end of the order,
and to the arrival of the first attempt. Of many runs the least and the most are printed.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.channels import AlertSettings, WebhookChannel
from polyarb.alerts.checking import compile_condition
from polyarb.alerts.history import Sample
from polyarb.alerts.rules import Rule
from polyarb.config.alerts import load_alerts
from polyarb.config.loading import load_phase_profile
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Phase
from polyarb.domain.messages import (
    UNKNOWN_PRICE,
    BookReplaced,
    FeedLost,
    JournalMessage,
    LevelChanged,
    OperatorOrder,
)
from polyarb.domain.plan import Outcome
from polyarb.domain.secret import Secret
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.ports import FeedStatistics, Frame
from polyarb.runner import Runner
from polyarb.store.journal import open_journal
from polyarb.store.memory import EmptyInbox
from polyarb.store.workspace import Workspace, open_workspace
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.alerts.alerting import Alerting, HeardJournal
from polyarb.wiring.alerts.channels import build_posts
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.receiver import LoopbackReceiver
from polyarb.wiring.latching import LatchingJournal
from polyarb.wiring.recipe import Recipe

from benchmarks.bench_live import catalogue_of
from benchmarks.timing import table

RATE = 20_000
MARKETS = 24
EVENTS = 120
FIGURES = 30
EVENT_S = 0.1
FIGURE_S = 1.5
QUIET_S = 2.0
HEALTHY = {
    "memory_mb": 100.0,
    "disk_free_mb": 9_999.0,
    "latency_p95_ms": 1.0,
    "loop_ticks": 1.0,
    "slo_missed": 0.0,
    "drawdown_percent": 0.0,
    "daily_loss_usd": 0.0,
    "position_usage_percent": 0.0,
    "backup_age_s": 60.0,
    "watch_age_s": 1.0,
    "data_delay_ms": 40.0,
    "ws_connected": 1.0,
    "circuit_breaker_state": 0.0,
}
"""Metrics of shipped rules, all of them as they should be."""
_MICRO = 1_000_000
_CLOCK = SystemClock()


class Timed(msgspec.Struct, kw_only=True):
    """When something happened, was acted on and was first told. Units: monotonic nanoseconds."""

    began_ns: dict[str, int] = {}
    acted_ns: dict[str, int] = {}
    told_ns: dict[str, int] = {}


class Load:
    """The port `Feed`: paced book changes, and between them what rules fire on."""

    def __init__(self, markets: list[ConditionId], timed: Timed) -> None:
        self.statistics = FeedStatistics()
        self.figure = 0
        self.lost = 0
        self._markets = markets
        self._timed = timed

    def frames(self) -> Iterator[Frame]:
        """Yield frames until everything has happened and been told."""
        now_ns = _CLOCK.now_ns()
        yield Frame(now_ns, [_book(market, now_ns) for market in self._markets])
        began = time.perf_counter()
        event_s = began + QUIET_S
        figure_s = event_s
        until = event_s + max(EVENTS * EVENT_S, FIGURES * FIGURE_S) + QUIET_S
        told = 0
        while (now := time.perf_counter()) < until:
            due = int((now - began) * RATE)
            for number in range(told, due):
                yield self._change(number)
            if told == due:
                yield Frame(_CLOCK.now_ns(), ())
                time.sleep(0.0002)
            told = due
            if now >= event_s and self.lost < EVENTS:
                event_s += EVENT_S
                yield self._lose()
            if now >= figure_s and self.figure < FIGURES:
                figure_s += FIGURE_S
                self.figure += 1
                self._timed.began_ns[f"FIGURE_{self.figure}"] = _CLOCK.monotonic_ns()
        self.seconds = time.perf_counter() - began

    def _change(self, number: int) -> Frame:
        self.statistics.frames += 1
        self.statistics.messages += 1
        now_ns = _CLOCK.now_ns()
        event = LevelChanged(
            condition_id=self._markets[number % len(self._markets)],
            is_bid=True,
            price=400_000,
            size=(100 + number % 7) * _MICRO,
            best_bid=400_000,
            best_ask=UNKNOWN_PRICE,
            venue_time_ns=now_ns,
            receive_time_ns=now_ns,
        )
        return Frame(now_ns, (event,))

    def _lose(self) -> Frame:
        """Lose a market and give it a new book at once; the rule hears of the loss."""
        market = self._markets[self.lost % len(self._markets)]
        self.lost += 1
        now_ns = _CLOCK.now_ns()
        self._timed.began_ns[f"EVENT_{self.lost}"] = _CLOCK.monotonic_ns()
        lost = FeedLost(receive_time_ns=now_ns, reason="bench", condition_ids=(market,))
        return Frame(now_ns, (lost, _book(market, now_ns)))


class LoadSampling:
    """Samples of a run like any other, and the two metrics that make the rules fire."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._heard = 0

    def of_message(self, message: JournalMessage, now_ns: int) -> Iterator[Sample]:
        """Tell of a loss as soon as the journal has it."""
        if self._heard < self._load.lost:
            self._heard = self._load.lost
            yield Sample(metric="ws_drops", value=float(self._heard), time_ns=now_ns)

    def of_moment(self, now_ns: int) -> Iterator[Sample]:
        """Tell every metric of the rules."""
        for name, value in HEALTHY.items():
            yield Sample(metric=name, value=value, time_ns=now_ns)
        yield Sample(metric="feed_rejected", value=float(self._load.figure), time_ns=now_ns)


class Noting:
    """The runner as the alerting sees it; notes when an order was carried out."""

    def __init__(self, runner: Runner, timed: Timed) -> None:
        self._runner = runner
        self._timed = timed
        self.progress = runner.progress

    @property
    def is_urgent(self) -> bool:
        """Tell whether the observers are wanted at once."""
        return self._runner.is_urgent

    @is_urgent.setter
    def is_urgent(self, value: bool) -> None:
        self._runner.is_urgent = value

    def order(self, event: OperatorOrder) -> None:
        """Carry an order out, then note the time."""
        self._runner.order(event)
        name = event.reason.partition(":")[0]
        self._timed.acted_ns.setdefault(name, _CLOCK.monotonic_ns())

    def stop(self, reason: str) -> None:
        """End the run."""
        self._runner.stop(reason)


def _book(market: ConditionId, now_ns: int) -> BookReplaced:
    return BookReplaced(
        condition_id=market,
        outcome=Outcome.YES,
        bids=((400_000, 100 * _MICRO),),
        asks=((600_000, 100 * _MICRO),),
        venue_time_ns=now_ns,
        receive_time_ns=now_ns,
    )


def _rule(rule_id: str, text: str) -> Rule:
    return Rule(
        rule_id=rule_id,
        expression=text,
        condition=compile_condition(text),
        severity=Severity.CRITICAL,
        summary="a rule of a benchmark",
        runbook="",
        actions=(Action.LOG, Action.NOTIFY, Action.HALT),
    )


def _receive(control: Connection) -> None:
    """Receive webhooks in a process of its own; the first arrival of each rule counts."""
    with LoopbackReceiver() as receiver:
        control.send((receiver.url, receiver.key))
        control.recv()
        told: dict[str, int] = {}
        for one in receiver.receipts:
            for rule in one.rules:
                told.setdefault(rule, one.monotonic_ns)
        control.send(told)


def _run(folder: Path, control: Connection) -> tuple[Timed, float]:
    """Run once and return the times, and the messages a second that were taken."""
    place, shipped, timed = Workspace(folder), open_workspace(Path()), Timed()
    catalogue = catalogue_of(MARKETS)
    profile = load_phase_profile(shipped, Phase.SHADOW).profile
    file = load_alerts(shipped)
    load = Load(list(catalogue.markets), timed)
    url, key = control.recv()
    settings = AlertSettings(
        console=None, webhook=WebhookChannel(url=Secret(url), signing_key=Secret(key))
    )
    desk = AlertDesk(place.alerts_dir, build_posts(settings, _CLOCK, print), _CLOCK)
    desk.start()
    rules = [rule for rule in file.rules if HEALTHY.keys() >= set(rule.metrics)]
    rules += [_rule(f"EVENT_{one + 1}", f"ws_drops > {one}") for one in range(EVENTS)]
    rules += [_rule(f"FIGURE_{one + 1}", f"feed_rejected > {one}") for one in range(FIGURES)]
    figures = file.figures(Phase.SHADOW, profile.envelope)
    alerting = Alerting(place, rules, figures, desk, _CLOCK)
    journal = open_journal(place.journal_file, place.journal_dir)
    recipe = Recipe(run_id="bench", code_digest="", profile=profile, catalogue=catalogue, tapes=())
    engine = Engine(catalogue, profile, recipe.config_digest)
    latching = LatchingJournal(journal, place.halt_file, _CLOCK.now_ns)
    runner = Runner(
        engine=engine,
        feed=load,
        gateway=ShadowGateway(engine, profile.shadow, catalogue, gas_per_plan=0),
        journal=HeardJournal(latching, alerting),
        inbox=EmptyInbox(),
        clock=_CLOCK,
    )
    runner.is_live = True
    alerting.begin(LoadSampling(load), Noting(runner, timed))
    runner.observers.append(alerting.observe)
    runner.run(recipe.started(_CLOCK.now_ns()), is_halted=False)
    desk.close()
    journal.close()
    control.send("over")
    timed.told_ns = control.recv()
    return timed, load.statistics.messages / load.seconds


def _row(name: str, runs: list[list[float]]) -> tuple[str, ...]:
    cuts = [statistics.quantiles(values, n=100, method="inclusive") for values in runs]
    columns = ([cut[49] for cut in cuts], [cut[98] for cut in cuts], [max(one) for one in runs])
    shown = (_range(column) for column in columns)
    return (name, *shown, str(min(len(one) for one in runs)))


def _range(values: list[float]) -> str:
    return " to ".join(dict.fromkeys((f"{min(values):.1f}", f"{max(values):.1f}")))


def _delays(timed: Timed, kind: str, ended_ns: dict[str, int]) -> list[float]:
    """List ms from the beginning; what never ended is a fault of the measurement."""
    began = {name: at for name, at in timed.began_ns.items() if name.startswith(kind)}
    missing = sorted(began.keys() - ended_ns.keys())
    assert not missing, f"never happened: {missing[:5]}"
    return [(ended_ns[name] - at) / 1e6 for name, at in began.items()]


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    runs, rates = [], []
    context = multiprocessing.get_context("spawn")
    for _ in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(target=_receive, args=(theirs,), daemon=True)
        process.start()
        with tempfile.TemporaryDirectory() as folder:
            timed, rate = _run(Path(folder), ours)
        process.join()
        runs.append(timed)
        rates.append(rate)
    rows = [
        _row("event to action, ms", [_delays(one, "EVENT", one.acted_ns) for one in runs]),
        _row("event to first attempt, ms", [_delays(one, "EVENT", one.told_ns) for one in runs]),
        _row("figure to action, ms", [_delays(one, "FIGURE", one.acted_ns) for one in runs]),
        _row("figure to first attempt, ms", [_delays(one, "FIGURE", one.told_ns) for one in runs]),
    ]
    taken = f"{min(rates):,.0f} to {max(rates):,.0f}"
    title = f"pages under {taken} messages/s (of {RATE:,} offered), {count} runs"
    print(table(title, ("figure", "p50", "p99", "worst", "n"), rows))


if __name__ == "__main__":
    main()
