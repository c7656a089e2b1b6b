"""How soon and at what cost people hear of alerts: `python -m benchmarks.bench_alert_delivery`.

Shape: latency from the moment an alert is taken to the first attempt of a channel, under a stream
of alerts and beside a channel that hangs; then a storm: time, notices, memory and disk.
Times are by the clock, on the disk of the temporary folder, synced as in production.
"""

import shutil
import statistics
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status, alert_id
from polyarb.alerts.engine import Transition
from polyarb.host.clock import SystemClock
from polyarb.ports import Notice, Notifier
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.outbox import Post

from benchmarks.timing import table

STREAM_ALERTS = 400
STREAM_PER_S = 40
"""Twice the most that 20 rules judged every second can say."""
STORM_ALERTS = 10_000
STORM_BATCH = 20
_CLOCK = SystemClock()


class Timed:
    """A channel that answers after a while and notes when each alert was first told."""

    def __init__(self, name: str, answer_s: float) -> None:
        self._name = name
        self._answer_s = answer_s
        self.first_ns: dict[str, int] = {}
        self.notices = 0

    @property
    def name(self) -> str:
        """Return the channel's name."""
        return self._name

    def send(self, notice: Notice) -> None:
        """Note the time, then take as long as a receiver does."""
        now_ns = time.monotonic_ns()
        self.notices += 1
        for line in notice.text.splitlines():
            found = line.rpartition("; id ")[2]
            self.first_ns.setdefault(found, now_ns)
        time.sleep(self._answer_s)


class Hanging:
    """A channel that never answers within the run."""

    name = "hanging"

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def send(self, notice: Notice) -> None:
        """Wait for ever."""
        self.let_go.wait()


def _page(rule: str, number: int) -> Alert:
    now_ns = _CLOCK.now_ns()
    labels = {"market": str(number)}
    return Alert(
        alert_id=alert_id(rule, labels, now_ns),
        rule=rule,
        severity=Severity.CRITICAL,
        status=Status.FIRING,
        cause=Cause.CONDITION,
        summary="the feed is not connected",
        runbook="docs/PRODUCTION_RUNBOOK.md",
        actions=(Action.NOTIFY, Action.LOG),
        labels=labels,
        value=0.0,
        threshold=1.0,
        pending_ns=now_ns,
        fired_ns=now_ns,
    )


def _in_folder(run: Callable[[Path], None]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        run(folder)
    finally:
        shutil.rmtree(folder)


def _percentiles(values_ns: list[int]) -> tuple[str, ...]:
    cuts = statistics.quantiles(values_ns, n=100)
    return tuple(f"{value / 1e6:.2f}" for value in (cuts[49], cuts[98], max(values_ns)))


def _stream(folder: Path, rows: list[tuple[str, ...]], hanging: Hanging | None) -> None:
    """Take single pages of different rules at a steady rate, each told by itself."""
    timed = Timed("webhook", answer_s=0.002)
    notifiers: list[Notifier] = [timed] if hanging is None else [hanging, timed]
    desk = AlertDesk(folder, [Post(notifier=one) for one in notifiers], _CLOCK)
    desk.start()
    began: dict[str, int] = {}
    taken: list[int] = []
    for number in range(STREAM_ALERTS):
        alert = _page(f"RULE_{number}", number)
        began[alert.alert_id] = time.monotonic_ns()
        desk.take([Transition(alert=alert, previous=None, actions=())])
        taken.append(time.monotonic_ns() - began[alert.alert_id])
        time.sleep(1 / STREAM_PER_S)
    if hanging is not None:
        hanging.let_go.set()
    desk.close()
    waits = [timed.first_ns[each] - at for each, at in began.items() if each in timed.first_ns]
    beside = " beside a channel that hangs" if hanging is not None else ""
    rows.append((f"event to first attempt{beside}, ms", *_percentiles(waits), str(len(waits))))
    rows.append((f"the trader waits in take{beside}, ms", *_percentiles(taken), str(len(taken))))


def _storm(folder: Path, lines: list[tuple[str, ...]], *, is_down: bool) -> None:
    timed: Timed | Hanging = Hanging() if is_down else Timed("webhook", answer_s=0.05)
    desk = AlertDesk(folder, [Post(notifier=timed)], _CLOCK)
    desk.start()
    batches = [
        [
            Transition(alert=_page(f"RULE_{n % 12}", n), previous=None, actions=())
            for n in range(first, first + STORM_BATCH)
        ]
        for first in range(0, STORM_ALERTS, STORM_BATCH)
    ]
    began = time.perf_counter()
    tracemalloc.start()
    for batch in batches:
        desk.take(batch)
    took = time.perf_counter() - began
    last = _page("THE_LAST_ONE", 0)
    at_ns = time.monotonic_ns()
    desk.take([Transition(alert=last, previous=None, actions=())])
    while isinstance(timed, Timed) and last.alert_id not in timed.first_ns:
        time.sleep(0.001)
    late_ms = (
        f"{(timed.first_ns[last.alert_id] - at_ns) / 1e6:.1f}" if isinstance(timed, Timed) else "-"
    )
    waiting = desk.outbox.waiting
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    if isinstance(timed, Hanging):
        timed.let_go.set()
    desk.close()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    notices = str(timed.notices) if isinstance(timed, Timed) else str(waiting)
    name = "channel hangs" if is_down else "channel answers in 50 ms"
    mib = (f"{memory / 2**20:.1f}", f"{size / 2**20:.1f}")
    lines.append((f"{STORM_ALERTS:,} pages, {name}", f"{took:.2f}", late_ms, notices, *mib))


def main() -> None:
    """Measure and print."""
    rows: list[tuple[str, ...]] = []
    _in_folder(lambda folder: _stream(folder, rows, None))
    _in_folder(lambda folder: _stream(folder, rows, Hanging()))
    print(
        table(
            f"{STREAM_ALERTS} pages at {STREAM_PER_S}/s",
            ("figure", "p50", "p99", "worst", "n"),
            rows,
        )
    )
    lines: list[tuple[str, ...]] = []
    _in_folder(lambda folder: _storm(folder, lines, is_down=False))
    _in_folder(lambda folder: _storm(folder, lines, is_down=True))
    head = ("storm", "s to take", "next page ms", "notices", "MiB memory", "MiB disk")
    print(table("a storm", head, lines))


if __name__ == "__main__":
    main()
