"""`polyarb alerts drill`: every rule fires, acts and is told, through the real alerting.

The course of a rule's own case is played in leaps up to the moment at which it fires; from then on
time is real: threads, disk and a signed webhook to a receiver of this machine.
"""

import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status
from polyarb.alerts.cases import AlertTest, CaseGroup, samples_of
from polyarb.alerts.channels import PING, WEBHOOK
from polyarb.alerts.engine import Transition
from polyarb.alerts.history import Sample
from polyarb.alerts.outbox import FAR_FUTURE_NS
from polyarb.alerts.routing import HEARTBEAT_NS, TICKET_WAIT_NS
from polyarb.alerts.rules import PhaseFigures, Rule
from polyarb.alerts.series import Gap
from polyarb.config import load_phase_profile
from polyarb.config.alert_cases import case_files, load_cases
from polyarb.config.alerts import AlertFile, load_alerts
from polyarb.config.faults import nearest
from polyarb.domain.errors import DeliveryError, UsageError
from polyarb.domain.limits import Phase
from polyarb.domain.messages import JournalMessage, OperatorHalted, OperatorOrder, OperatorReduced
from polyarb.host.clock import SystemClock
from polyarb.ports import Notice
from polyarb.runner import Progress
from polyarb.store.control import read_halt
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.alerting import STOPPING, Alerting
from polyarb.wiring.alerts.channels import build_posts
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.outbox import ChannelHealth, Post
from polyarb.wiring.alerts.receiver import LoopbackReceiver, Receipt
from polyarb.wiring.drills.room import UnprovenError, check

ATTEMPT_MS_MAX = 1_000
"""How long after it fired a page may wait for its first attempt. Source: operations.md, 3."""
TOLD_MS_MAX = 5_000
"""How long after it fired an alert may take to be delivered, the wait of tickets aside."""
OUTBOX_METRIC = "alert_outbox_age_s"
"""What the alerting measures of itself; no course can tell it, so that its fault is made."""
OUTBOX_NS = 600 * 10**9
"""How long a channel that is down is waited for."""
_MS = 1_000_000
_POLL_S = 0.002


class RuleDrill(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one rule in one phase; fault is empty when all was as it must be.

    Shape: case is the course that was played. Units: ms from the sample that made it fire; for a
    ticket attempt and delivery count from the end of its wait. None did not happen.
    """

    rule_id: str
    severity: str
    phase: str
    actions: tuple[str, ...]
    case: str = ""
    acted_ms: float | None = None
    attempted_ms: float | None = None
    delivered_ms: float | None = None
    fault: str = ""

    @property
    def is_passed(self) -> bool:
        """Tell whether it fired, acted and was told in time."""
        return not self.fault


class LeapingClock:
    """The real clocks, and what was leapt over."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self._leapt_ns = 0

    def now_ns(self) -> int:
        """Return unix nanoseconds, leaps included."""
        return self._real.now_ns() + self._leapt_ns

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never step back, leaps included."""
        return self._real.monotonic_ns() + self._leapt_ns

    def leap(self, span_ns: int) -> None:
        """Let time pass at once."""
        self._leapt_ns += span_ns


class StandIn:
    """Takes what a rule does in place of the runner, and when."""

    def __init__(self) -> None:
        self.is_urgent = False
        self.progress = Progress()
        self.orders: list[OperatorOrder] = []
        self.stops: list[str] = []
        self.acted_ns = 0

    def order(self, event: OperatorOrder) -> None:
        """Note an order."""
        self.orders.append(event)
        self.acted_ns = time.monotonic_ns()

    def stop(self, reason: str) -> None:
        """Note an end."""
        self.stops.append(reason)
        self.acted_ns = time.monotonic_ns()


class ChannelDown:
    """A channel that takes nothing."""

    name = "down"

    def send(self, notice: Notice) -> None:
        """Refuse. Errors: DeliveryError, each time."""
        raise DeliveryError("down: expected nothing else in a drill")


class CourseSampling:
    """Tells the samples of a course when their time has come."""

    def __init__(self, group: CaseGroup, began_ns: int) -> None:
        shifted = (
            msgspec.structs.replace(one, time_ns=began_ns + one.time_ns)
            for one in samples_of(group)
        )
        self._waiting = sorted(shifted, key=lambda one: one.time_ns, reverse=True)

    def of_message(self, message: JournalMessage, now_ns: int) -> Iterator[Sample]:
        """Yield nothing: a course has no messages."""
        yield from ()

    def of_moment(self, now_ns: int) -> Iterator[Sample]:
        """Yield everything up to now that was not told yet."""
        while self._waiting and self._waiting[-1].time_ns <= now_ns:
            yield self._waiting.pop()


def drill_rules(place: Workspace, wanted: Collection[str] = ()) -> Iterator[RuleDrill]:
    """Drill rules, or all of them, in every phase in which one acts differently.

    Errors: UsageError for a rule that is not there, and for rules or cases with faults.
    """
    file = load_alerts(place)
    rule_ids = [rule.rule_id for rule in file.rules]
    for one in wanted:
        if one not in rule_ids:
            raise UsageError(f"alerts drill: expected {nearest(one, rule_ids)}, found {one}")
    groups = [group for path in case_files(place) for group in load_cases(place, path, rule_ids)]
    chosen = [rule for rule in file.rules if not wanted or rule.rule_id in wanted]
    for rule in chosen:
        for phase in _phases(rule):
            yield _drill(rule.in_phase(phase), _figures(place, file, phase), groups)


def _phases(rule: Rule) -> tuple[Phase, ...]:
    """Pick the first phase of each set of actions."""
    by_actions: dict[tuple[Action, ...], Phase] = {}
    for phase in rule.phases:
        by_actions.setdefault(rule.in_phase(phase).actions, phase)
    return tuple(by_actions.values())


def _figures(place: Workspace, file: AlertFile, phase: Phase) -> PhaseFigures:
    return file.figures(phase, load_phase_profile(place, phase).profile.envelope)


def _drill(rule: Rule, figures: PhaseFigures, groups: Sequence[CaseGroup]) -> RuleDrill:
    """Play its courses one after the other until its condition fires in one."""
    row = RuleDrill(
        rule_id=rule.rule_id,
        severity=rule.severity,
        phase=figures.phase,
        actions=rule.actions,
        fault="no case under config/alert_cases/ makes its condition hold",
    )
    for group, test in _must_fire(rule, groups):
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="polyarb-alert-"))
            scene = _Scene(Path(folder), rule, figures, group, stack)
            alert = scene.play(test.eval_time_ns)
            if alert is not None and alert.cause is Cause.CONDITION:
                return scene.prove(alert, row)
    return row


def _must_fire(rule: Rule, groups: Iterable[CaseGroup]) -> Iterator[tuple[CaseGroup, AlertTest]]:
    """List the first moment of each course at which a rule must fire, whole courses first."""
    found = []
    for group in groups:
        tests = [one for one in group.tests if one.rule_id == rule.rule_id and one.expected]
        if tests:
            first = min(tests, key=lambda one: one.eval_time_ns)
            points = (one.points for one in group.series if one.metric in rule.metrics)
            has_gaps = any(isinstance(point, Gap) for each in points for point in each)
            found.append((has_gaps, group, first))
    found.sort(key=lambda one: one[0])
    yield from ((group, test) for _, group, test in found)


class _Scene:
    """One rule with its own workspace, desk and receiver; all end with the stack."""

    def __init__(
        self, folder: Path, rule: Rule, figures: PhaseFigures, group: CaseGroup, stack: ExitStack
    ) -> None:
        self._rule = rule
        self._group = group
        self._place = Workspace(folder)
        self._clock = LeapingClock()
        self._receiver = stack.enter_context(LoopbackReceiver())
        posts = build_posts(self._receiver.settings, SystemClock(), _say_nothing)
        is_of_outbox = OUTBOX_METRIC in rule.metrics
        if is_of_outbox:
            posts = (*posts, Post(notifier=ChannelDown()))
        self._desk = AlertDesk(self._place.alerts_dir, posts, self._clock)
        stack.callback(self._desk.close)
        self._desk.start()
        self._alerting = Alerting(self._place, [rule], figures, self._desk, self._clock)
        self._trader = StandIn()
        self._fired_ns = 0
        began_ns = self._clock.monotonic_ns()
        self._alerting.begin(CourseSampling(group, began_ns), self._trader)
        if is_of_outbox:
            waiting = _waiting_page(self._clock.now_ns())
            self._desk.take([Transition(alert=waiting, previous=None, actions=())])
            self._slack_ns = OUTBOX_NS
        else:
            self._slack_ns = group.evaluation_ns

    def play(self, until_ns: int) -> Alert | None:
        """Play the course up to the moment at which the rule fires; None when it does not."""
        every_ns = self._group.evaluation_ns
        for _ in range(0, until_ns + self._slack_ns + 1, every_ns):
            self._fired_ns = time.monotonic_ns()
            self._alerting.observe()
            for one in self._desk.saved:
                if one.rule == self._rule.rule_id and one.fired_ns:
                    return one
            self._leap(every_ns)
        return None

    def prove(self, alert: Alert, row: RuleDrill) -> RuleDrill:
        """Look at what the alert did and who heard of it."""
        row = msgspec.structs.replace(row, case=self._group.name, fault="")
        try:
            row = self._prove_action(row)
            if Action.NOTIFY not in self._rule.actions:
                return row
            if self._rule.is_heartbeat:
                return self._prove_pings(row)
            return self._prove_delivery(alert, row)
        except UnprovenError as unproven:
            return msgspec.structs.replace(row, fault=str(unproven))

    def _prove_action(self, row: RuleDrill) -> RuleDrill:
        wanted, trader = frozenset(self._rule.forceful), self._trader
        latch = read_halt(self._place.halt_file)
        stops = bool(wanted & STOPPING)
        is_latched = latch is not None and latch.reason.startswith(self._rule.rule_id)
        check(is_latched is stops, "a latched halt" if stops else "no halt", latch)
        kinds = {type(one) for one in trader.orders}
        expected = {OperatorHalted} if stops else {OperatorReduced} & _kinds_of(wanted)
        check(kinds == expected, _names(expected), _names(kinds))
        is_ended = bool(trader.stops)
        check(is_ended is (Action.KILL in wanted), "the end that a kill is", trader.stops)
        if not wanted:
            return row
        return msgspec.structs.replace(row, acted_ms=self._since(trader.acted_ns))

    def _prove_delivery(self, alert: Alert, row: RuleDrill) -> RuleDrill:
        """Wait until the receiver heard of it, and until the desk knows that it did."""
        due_ns = self._fired_ns
        if not self._rule.is_page:
            self._leap(TICKET_WAIT_NS)
            due_ns = time.monotonic_ns()
        key = f"{alert.alert_id}:{alert.status}"
        heard = self._receiver.wait_for(lambda one: key in one.keys, TOLD_MS_MAX / 1_000)
        if heard is None:
            raise UnprovenError(f"expected a webhook within {TOLD_MS_MAX} ms, found none")
        row = msgspec.structs.replace(row, attempted_ms=(heard.monotonic_ns - due_ns) / _MS)
        check(heard.is_signed, "a signature that is right", "another")
        if row.acted_ms is not None:
            is_first = self._trader.acted_ns < heard.monotonic_ns
            check(is_first, "the action before any telling", "the telling first")
        if self._rule.is_page:
            self._expect_in_time("the first attempt", row.attempted_ms, ATTEMPT_MS_MAX)
        self._wait_for_delivered(WEBHOOK)
        row = msgspec.structs.replace(row, delivered_ms=(time.monotonic_ns() - due_ns) / _MS)
        self._expect_in_time("the delivery", row.delivered_ms, TOLD_MS_MAX)
        return row

    def _prove_pings(self, row: RuleDrill) -> RuleDrill:
        """Look for a ping, a second one a minute on, and none from a loop that stands still."""
        first = self._receiver.wait_for(_is_ping, TOLD_MS_MAX / 1_000)
        if first is None:
            raise UnprovenError(f"expected a ping within {TOLD_MS_MAX} ms, found none")
        self._wait_for_delivered(PING)
        row = msgspec.structs.replace(
            row,
            attempted_ms=self._since(first.monotonic_ns),
            delivered_ms=self._since(time.monotonic_ns()),
        )
        before = self._health(PING).delivered
        self._leap(HEARTBEAT_NS)
        self._desk.look()
        # In this order: what is sent in between is either still there or counted.
        is_silent = self._desk.outbox.deadline_ns(PING) == FAR_FUTURE_NS
        is_silent &= self._health(PING).delivered == before
        check(is_silent, "no ping of a loop that stands still", "one")
        return row

    def _wait_for_delivered(self, channel: str) -> None:
        until_ns = time.monotonic_ns() + TOLD_MS_MAX * _MS
        while time.monotonic_ns() < until_ns:
            one = self._health(channel)
            if one.delivered and not one.waiting:
                return
            time.sleep(_POLL_S)
        raise UnprovenError(f"expected the desk to know what {channel} took, found it did not")

    def _health(self, channel: str) -> ChannelHealth:
        (one,) = (each for each in self._desk.health().channels if each.channel == channel)
        return one

    def _leap(self, span_ns: int) -> None:
        """Let time pass at once, and none of it within a look of the desk."""
        with self._desk.looking:
            self._clock.leap(span_ns)

    def _since(self, time_ns: int) -> float:
        return (time_ns - self._fired_ns) / _MS

    def _expect_in_time(self, what: str, took_ms: float | None, most_ms: int) -> None:
        is_so = took_ms is not None and took_ms <= most_ms
        check(is_so, f"{what} within {most_ms} ms", f"{took_ms} ms")


def _kinds_of(wanted: frozenset[Action]) -> set[type]:
    return {OperatorReduced} if Action.REDUCE in wanted else set()


def _waiting_page(now_ns: int) -> Alert:
    """Make an alert that a channel which is down is to tell."""
    return Alert(
        alert_id=f"drill-{now_ns}",
        rule="DRILL",
        severity=Severity.CRITICAL,
        status=Status.FIRING,
        cause=Cause.CONDITION,
        summary="An alert of a drill",
        runbook="",
        actions=(Action.LOG, Action.NOTIFY),
        pending_ns=now_ns,
        fired_ns=now_ns,
    )


def _names(kinds: Iterable[type]) -> str:
    return ", ".join(sorted(kind.__name__ for kind in kinds)) or "no order"


def _is_ping(receipt: Receipt) -> bool:
    return receipt.is_ping


def _say_nothing(_line: str) -> None:
    """Write nothing: no console is set up here."""
