"""Look at the trader from a process of its own, which outlives it: dead, hung, crashing too often.

What it finds is judged by alert rules like everything else; what a rule does here is done from
outside: the halt is latched, and a process that is hung is ended.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import msgspec

from polyarb.alerts.alert import Action
from polyarb.alerts.engine import AlertEngine
from polyarb.alerts.history import Sample
from polyarb.alerts.lifecycle import Moment, Transition
from polyarb.alerts.metrics import Sampler
from polyarb.config import load_phase_profile
from polyarb.config.alert_channels import load_alert_channels
from polyarb.config.alerts import load_alerts
from polyarb.domain.errors import StoreError
from polyarb.domain.limits import Phase
from polyarb.host.clock import SystemClock
from polyarb.host.supervision import Supervisor
from polyarb.ports import Clock
from polyarb.store.control import Halt, halt, read_halt
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably, store_faults
from polyarb.store.lease import crashes, read_lease
from polyarb.store.locks import acquire, find_holder
from polyarb.store.status import Liveness, read_status
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.alerting import ACTIVE, STOPPING, rules_sampled_by
from polyarb.wiring.alerts.channels import build_posts
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.outbox import NS_PER_MS

LOOK_S = 1.0
START_MS = 180_000
"""A process that starts may be silent for so long: it reads the venue and repairs its records."""
DAY_NS = 86_400 * 10**9
SAMPLERS = frozenset({Sampler.WATCH, Sampler.PHASE})
_ACTOR = "watch"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at a workspace found.

    Shape: process holds the workspace since taken_ns, None and 0 if none does; said_ns is its
    last sign of life, 0 before the first, while is_starting; silence_ms is the time since the
    later of both; crashed: the last process is gone and never released its lease; fault is what
    could not be done, or empty. Units: unix nanoseconds.
    """

    process: int | None
    taken_ns: int
    said_ns: int
    is_starting: bool
    silence_ms: int | None
    crashed: bool
    crashes: int
    is_halted: bool
    phase: str
    fault: str = ""


def look_at(workspace: Workspace, now_ns: int) -> Look:
    """Look once, without touching anything. Units: now_ns is wall time."""
    holder = find_holder(workspace.lock_file)
    lease = read_lease(workspace.lease_file)
    reading = read_status(workspace.status_file, workspace.lock_file)
    status = reading.status
    taken_ns, said_ns = 0, 0
    if holder is not None:
        taken_ns = _taken_ns(workspace)
        is_own = status is not None and reading.liveness is Liveness.LIVE
        said_ns = status.updated_ns if is_own and status else 0
    past = crashes(workspace.lease_file).read()
    is_crashed = holder is None and lease is not None and not lease.released_ns
    recent = sum(1 for one in past if one.found_ns > now_ns - DAY_NS)
    return Look(
        process=holder,
        taken_ns=taken_ns,
        said_ns=said_ns,
        # The status of one before may lie there, under the same number.
        is_starting=said_ns < taken_ns,
        silence_ms=None if holder is None else _ms_since(max(said_ns, taken_ns), now_ns),
        crashed=is_crashed,
        crashes=recent + is_crashed,
        is_halted=read_halt(workspace.halt_file) is not None,
        phase=status.phase if status is not None else "",
    )


class _Silence:
    """How long a process gives no new sign of life, on our own steady clock.

    Wall time leaps when a machine wakes or its clock is set: that is no silence.
    """

    def __init__(self) -> None:
        self._sign: tuple[int | None, int, int] | None = None
        self._since_ns = 0

    def judged_ms(self, found: Look, now_ns: int) -> int | None:
        """Return the silence beyond what a start is allowed, None without a process."""
        sign = (found.process, found.taken_ns, found.said_ns)
        if sign != self._sign:
            self._sign, self._since_ns = sign, now_ns
        if found.process is None:
            return None
        allowed_ms = START_MS if found.is_starting else 0
        return max(0, _ms_since(self._since_ns, now_ns) - allowed_ms)


class Watch:
    """The rules about the trader, judged once a look; what they do, done; people told."""

    def __init__(
        self,
        workspace: Workspace,
        engine: AlertEngine,
        desk: AlertDesk,
        clock: Clock,
        *,
        end: Callable[[int], None],
    ) -> None:
        """end: how a hung process is ended, by its number."""
        self._workspace = workspace
        self._engine = engine
        self._desk = desk
        self._clock = clock
        self._end = end
        self._silence = _Silence()
        self._unlatched: Halt | None = None
        self._crashes = look_at(workspace, clock.now_ns()).crashes
        self._engine.restore(desk.saved, self._now())

    def turn(self) -> Look:
        """Look, judge, act, and leave a sign of life; in this order.

        What a full disk does not take is a fault of the look: it keeps nothing that hangs alive.
        """
        now = self._now()
        found = look_at(self._workspace, now.wall_ns)
        silence_ms = self._silence.judged_ms(found, now.monotonic_ns)
        for sample in _samples(found, silence_ms, now.monotonic_ns):
            self._engine.observe(sample)
        transitions = self._engine.evaluate(now)
        for transition in transitions:
            self._act(transition, found)
        self._halt_again(found)
        self._desk.take(transitions)
        for acked in self._desk.tick().acked:
            self._engine.acknowledge(acked.alert_id, acked.acked_by, now)
        fault = self._latch() or self._sign(now.wall_ns)
        return msgspec.structs.replace(found, fault=fault)

    def _act(self, transition: Transition, found: Look) -> None:
        if STOPPING.isdisjoint(transition.actions):
            return
        self._order_halt(f"{transition.alert.rule}: {transition.alert.summary}")
        still = find_holder(self._workspace.lock_file)
        if Action.KILL in transition.actions and found.process and still == found.process:
            self._end(found.process)

    def _halt_again(self, found: Look) -> None:
        """Latch anew when another crash comes while an alert that halts still fires.

        Somebody resumed meanwhile, and the rule itself acts when it begins to fire alone.
        """
        is_worse, self._crashes = found.crashes > self._crashes, found.crashes
        if not is_worse or found.is_halted:
            return
        for alert in self._engine.active:
            if alert.status in ACTIVE and not STOPPING.isdisjoint(alert.actions):
                self._order_halt(f"{alert.rule}: {alert.summary}")

    def _order_halt(self, reason: str) -> None:
        self._unlatched = Halt(actor=_ACTOR, reason=reason, time_ns=self._clock.now_ns())
        self._latch()

    def _latch(self) -> str:
        """Latch the halt that is due; return what is in the way, to be tried again, or nothing."""
        if self._unlatched is not None:
            try:
                halt(self._workspace.halt_file, self._workspace.inbox_dir, self._unlatched)
            except StoreError as fault:
                return str(fault)
            self._unlatched = None
        return ""

    def _sign(self, now_ns: int) -> str:
        """Leave a sign of life, for whoever watches the watch; return what is in the way."""
        path = self._workspace.watch_file
        try:
            with store_faults("write", path):
                ensure_directory(REAL, path.parent)
                replace_durably(REAL, path, str(now_ns).encode())
        except StoreError as fault:
            return str(fault)
        return ""

    def _now(self) -> Moment:
        return Moment(monotonic_ns=self._clock.monotonic_ns(), wall_ns=self._clock.now_ns())


def open_watch(
    workspace: Workspace, phase: Phase, tell: Callable[[str], None], stack: ExitStack
) -> Watch:
    """Take the watch of a workspace; it is left with the stack. A full disk is no obstacle.

    Errors: RefusedError where somebody watches already; UsageError for rules with faults.
    """
    with store_faults("make", workspace.alerts_dir):
        ensure_directory(REAL, workspace.watch_alerts_dir)
    lock = acquire(
        workspace.watch_alerts_dir / "lock", "the watch of this workspace", needs_name=False
    )
    stack.callback(lock.release)
    file, settings = load_alerts(workspace), load_alert_channels(workspace)
    envelope = load_phase_profile(workspace, phase).profile.envelope
    clock = SystemClock()
    desk = AlertDesk(
        workspace.watch_alerts_dir,
        build_posts(settings, clock, tell),
        clock,
        down_ns_max=settings.down_ms_max * NS_PER_MS,
    )
    stack.callback(desk.close)
    desk.start()
    rules = rules_sampled_by(file.rules, SAMPLERS)
    engine = AlertEngine(rules, file.figures(phase, envelope))
    return Watch(workspace, engine, desk, clock, end=end_process)


def watch(
    watching: Watch,
    supervisor: Supervisor,
    *,
    is_wanted: Callable[[], bool],
    sleep: Callable[[float], object],
) -> Iterator[Look]:
    """Yield look after look, one a second, as long as it is wanted."""
    supervisor.ready()
    while is_wanted():
        found = watching.turn()
        supervisor.alive(f"trader {found.process or 'absent'}")
        yield found
        sleep(LOOK_S)
    supervisor.stopping("asked to stop")


def end_process(process: int) -> None:
    """End a process that does not listen any more; one that is gone is as well."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _taken_ns(workspace: Workspace) -> int:
    """Return when the workspace was taken: its holder writes the lock's file once, then."""
    with store_faults("read", workspace.lock_file):
        return workspace.lock_file.stat().st_mtime_ns


def _ms_since(then_ns: int, now_ns: int) -> int:
    return max(0, now_ns - then_ns) // NS_PER_MS


def _samples(found: Look, silence_ms: int | None, now_ns: int) -> Iterator[Sample]:
    silence = None if silence_ms is None else float(silence_ms)
    yield Sample(metric="trader_silence_ms", value=silence, time_ns=now_ns)
    yield Sample(metric="trader_crashed", value=float(found.crashed), time_ns=now_ns)
    yield Sample(metric="trader_crashes", value=float(found.crashes), time_ns=now_ns)
