"""Alerts inside the trader: samples in, rules judged, what a rule does done, and only then told.

Page-class rules are judged on what happens and each second. An action needs no channel, no disk
but the latch, and nobody's consent; it arrives as a control event, so that a replay sees it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import ExitStack
from typing import Protocol

import msgspec

from polyarb.alerts.alert import Action, Alert, Severity, Status
from polyarb.alerts.engine import AlertEngine
from polyarb.alerts.history import Sample
from polyarb.alerts.lifecycle import Moment, Transition
from polyarb.alerts.metrics import METRICS, Sampler
from polyarb.alerts.rules import FORCEFUL, PhaseFigures, Rule
from polyarb.config.alert_channels import load_alert_channels
from polyarb.config.alerts import load_alerts
from polyarb.domain.limits import Profile
from polyarb.domain.messages import (
    JournalMessage,
    OperatorHalted,
    OperatorOrder,
    OperatorReduced,
)
from polyarb.host.clock import SystemClock
from polyarb.ports import Clock, Journal
from polyarb.runner import Progress
from polyarb.store.control import Halt, write_halt
from polyarb.store.filesystem import REAL, ensure_directory, store_faults
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.channels import build_posts
from polyarb.wiring.alerts.desk import AlertDesk, Health
from polyarb.wiring.alerts.outbox import NS_PER_MS
from polyarb.wiring.alerts.standing import AlertStanding, standing_of, watch_age_s

TICK_NS = 1_000_000_000
"""Pause between two full samplings; what happens in between is sampled as it happens."""
STOPPING = frozenset({Action.HALT, Action.DEMOTE, Action.KILL})
"""Actions that stop trading; demote and kill do more than that."""
ACTIVE = frozenset({Status.FIRING, Status.ACKED})
_ACTOR = "alert"


class Sampling(Protocol):
    """Where samples come from."""

    def of_message(self, message: JournalMessage, now_ns: int) -> Iterator[Sample]:
        """Yield what a message tells at once."""
        ...

    def of_moment(self, now_ns: int) -> Iterator[Sample]:
        """Yield everything that can be measured now."""
        ...


class Trader(Protocol):
    """Who takes what a rule does: the runner."""

    is_urgent: bool

    @property
    def progress(self) -> Progress:
        """Say where the run stands."""
        ...

    def order(self, event: OperatorOrder) -> None:
        """Take an order."""
        ...

    def stop(self, reason: str) -> None:
        """End the run."""
        ...


class Alerting:
    """The alert engine of one run, between its journal, its inbox and the alert desk."""

    def __init__(
        self,
        workspace: Workspace,
        rules: Sequence[Rule],
        figures: PhaseFigures,
        desk: AlertDesk,
        clock: Clock,
    ) -> None:
        self.engine = AlertEngine(rules, figures)
        self.figures = figures
        self.desk = desk
        self.health: Health | None = None
        self.left_out: tuple[str, ...] = ()
        self.fired: Counter[str] = Counter()
        """How often each rule fired in this run, events and the heartbeat aside."""
        self._latch = workspace.halt_file
        self._watch_file = workspace.watch_file
        self._clock = clock
        self._sampling: Sampling | None = None
        self._trader: Trader | None = None
        self._reducing: dict[str, str] = {}
        self._undone: list[tuple[Alert, frozenset[Action]]] = []
        self._due_ns = 0

    @property
    def standing(self) -> AlertStanding:
        """Sum up what stands, as whoever looks on is shown it."""
        channels = self.health.channels if self.health is not None else ()
        return standing_of(
            self.engine.active,
            undelivered=sum(one.waiting for one in channels if not one.is_pinger),
            watch_age_s=watch_age_s(self._watch_file),
        )

    def begin(self, sampling: Sampling, trader: Trader) -> None:
        """Go on with the alerts of before."""
        self._sampling, self._trader = sampling, trader
        saved = self.desk.saved
        orphans = self.engine.restore(saved, self._now())
        # The rule of an orphan is gone: nobody else would ever end it.
        self.desk.take([_ended(alert, self._now().wall_ns) for alert in orphans])
        done = {alert.alert_id: frozenset(alert.actions) for alert in saved}
        # An alert of another phase does something else from now on, which is kept with it.
        self.desk.take(
            [
                Transition(alert=alert, previous=alert.status, actions=())
                for alert in self.engine.active
                if done.get(alert.alert_id) != frozenset(alert.actions)
            ]
        )
        self._undone = [
            (alert, _undone(alert, done.get(alert.alert_id, frozenset())))
            for alert in self.engine.active
            if alert.status in ACTIVE
        ]

    # What the runner's parts call

    def heard(self, message: JournalMessage) -> None:
        """Sample a message once it is recorded; what concerns a page-class rule is urgent."""
        if self._sampling is None or self._trader is None:
            return
        for sample in self._sampling.of_message(message, self._clock.monotonic_ns()):
            if self.engine.observe(sample):
                self._trader.is_urgent = True

    def observe(self, _runner: object = None) -> None:
        """Sample everything once a second, judge what is due, and act; an observer of the runner.

        It is called between two events, so that what a rule does is done when people are told.
        """
        assert self._sampling is not None
        while self._undone:
            self._act(*self._undone.pop())
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + TICK_NS
            for sample in self._sampling.of_moment(now_ns):
                self.engine.observe(sample)
            self._tick(now_ns)
        self._judge()

    def end(self, reason: str) -> tuple[str, ...]:
        """End the heartbeat of a run that ended in order; return its rules.

        Whatever else stands goes on: that nobody measures it any more does not make it over.
        """
        over = [
            _ended(
                msgspec.structs.replace(alert, summary=f"The run ended in order: {reason}"),
                self._now().wall_ns,
            )
            for alert in self.engine.active
            if alert.is_heartbeat
        ]
        self.desk.take(over)
        return tuple(one.alert.rule for one in over)

    # Inside

    def _tick(self, now_ns: int) -> None:
        """Let the desk apply what people asked, and tell the rules how telling people goes."""
        tick = self.desk.tick()
        self.health = tick.health
        for acked in tick.acked:
            self.engine.acknowledge(acked.alert_id, acked.acked_by, self._now())
        for sample in _delivery(tick.health, now_ns):
            self.engine.observe(sample)

    def _judge(self) -> None:
        transitions = self.engine.evaluate(self._now())
        if not transitions:
            return
        for transition in transitions:
            self._act(transition.alert, transition.actions)
            if _has_begun(transition):
                self.fired[transition.alert.rule] += 1
            if transition.alert.status is Status.RESOLVED:
                self._relax(transition.alert)
        self.desk.take(transitions)

    def _act(self, alert: Alert, actions: Iterable[Action]) -> None:
        """Do what a rule does, before anybody is told."""
        wanted = frozenset(actions)
        if wanted & STOPPING:
            self._halt(f"{alert.rule}: {alert.summary}")
        elif Action.REDUCE in wanted:
            self._reduce(alert)
        if Action.KILL in wanted and self._trader is not None:
            self._trader.stop(f"killed by alert {alert.rule}")

    def _halt(self, reason: str) -> None:
        """Latch the halt on disk first: it holds whatever becomes of this process."""
        write_halt(self._latch, Halt(actor=_ACTOR, reason=reason, time_ns=self._clock.now_ns()))
        self._order(lambda now: OperatorHalted(receive_time_ns=now, actor=_ACTOR, reason=reason))

    def _reduce(self, alert: Alert) -> None:
        self._reducing[alert.alert_id] = alert.rule
        reason = f"{alert.rule}: {alert.summary}"
        self._order(lambda now: OperatorReduced(receive_time_ns=now, actor=_ACTOR, reason=reason))

    def _relax(self, alert: Alert) -> None:
        """Let trading go on once the last alert that reduced it is over."""
        if self._reducing.pop(alert.alert_id, None) is not None and not self._reducing:
            reason = f"{alert.rule}: over"
            self._order(
                lambda now: OperatorReduced(
                    receive_time_ns=now, actor=_ACTOR, reason=reason, is_over=True
                )
            )

    def _order(self, make: Callable[[int], OperatorOrder]) -> None:
        if self._trader is not None:
            self._trader.order(make(self._trader.progress.now_ns))

    def _now(self) -> Moment:
        return Moment(monotonic_ns=self._clock.monotonic_ns(), wall_ns=self._clock.now_ns())


def open_alerting(
    workspace: Workspace,
    profile: Profile,
    samplers: Set[Sampler],
    stack: ExitStack,
    tell: Callable[[str], None],
) -> Alerting:
    """Load rules and channels and open the desk, which closes with the stack.

    A rule of which a metric has no sampler in this run is left out: its missing sample would say
    nothing.
    Errors: UsageError for rules or channels with faults.
    """
    assert profile.phase is not None
    file, settings = load_alerts(workspace), load_alert_channels(workspace)
    with store_faults("make", workspace.alerts_dir):
        # The watch may have to begin when this disk is full and takes no folder any more.
        ensure_directory(REAL, workspace.watch_alerts_dir)
    clock = SystemClock()
    desk = AlertDesk(
        workspace.alerts_dir,
        build_posts(settings, clock, tell),
        clock,
        down_ns_max=settings.down_ms_max * NS_PER_MS,
    )
    stack.callback(desk.close)
    desk.start()
    judged = rules_sampled_by(file.rules, samplers)
    alerting = Alerting(
        workspace, judged, file.figures(profile.phase, profile.envelope), desk, clock
    )
    alerting.left_out = tuple(rule.rule_id for rule in file.rules if rule not in judged)
    return alerting


def rules_sampled_by(rules: Iterable[Rule], samplers: Set[Sampler]) -> list[Rule]:
    """List the rules of which every metric has one of these samplers."""
    return [
        rule for rule in rules if all(METRICS[name].sampled_by in samplers for name in rule.metrics)
    ]


class HeardJournal:
    """The port `Journal` that lets the alert rules hear of every message once it is recorded."""

    def __init__(self, journal: Journal, alerting: Alerting) -> None:
        self._journal = journal
        self._alerting = alerting

    def append(self, message: JournalMessage, frame: int) -> None:
        """Record a message, then look at it."""
        self._journal.append(message, frame)
        self._alerting.heard(message)

    def make_durable(self) -> None:
        """Make everything recorded durable."""
        self._journal.make_durable()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()


def _undone(alert: Alert, done: frozenset[Action]) -> frozenset[Action]:
    """Say what an alert of before wants done: a halt is latched, unless another phase had none."""
    wanted = frozenset(alert.actions) & frozenset(FORCEFUL)
    return (wanted - done) | (wanted & {Action.REDUCE})


def _has_begun(transition: Transition) -> bool:
    """Tell whether an alert that people are to hear of fires from now on."""
    alert = transition.alert
    was_firing = transition.previous in (Status.FIRING, Status.ACKED, Status.RECOVERING)
    is_state = alert.severity is not Severity.INFO
    return is_state and alert.status is Status.FIRING and not was_firing


def _ended(alert: Alert, now_ns: int) -> Transition:
    over = msgspec.structs.replace(alert, status=Status.RESOLVED, resolved_ns=now_ns)
    return Transition(alert=over, previous=alert.status, actions=())


def _delivery(health: Health, now_ns: int) -> Iterator[Sample]:
    for one in health.channels:
        yield Sample(
            metric="alert_delivery_failures",
            value=float(one.failed_attempts),
            time_ns=now_ns,
            labels={"channel": one.channel},
        )
    told = (one.oldest_ms for one in health.channels if not one.is_pinger)
    oldest_ms = max(told, default=0)
    yield Sample(metric="alert_outbox_age_s", value=oldest_ms / 1_000, time_ns=now_ns)
