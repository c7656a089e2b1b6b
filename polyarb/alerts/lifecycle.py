"""The life of one alert as a table: inactive, pending, firing (acked), recovering, resolved.

Durations are monotonic, records are wall time. Nothing that is not known ever resolves an alert.
"""

from enum import StrEnum

import msgspec

from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status, alert_id
from polyarb.alerts.flapping import Flapping
from polyarb.alerts.rules import Rule


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Now, by both clocks: durations are measured by the first, records carry the second."""

    monotonic_ns: int
    wall_ns: int


class Signal(StrEnum):
    """What one judgement says: it holds, it does not, or it is not known.

    Shape: KEEP and OK as the rule wants the unknown to be taken, WAIT just after a start.
    """

    BAD = "bad"
    GOOD = "good"
    KEEP = "keep"
    OK = "ok"
    WAIT = "wait"


class Step(StrEnum):
    """What a signal does to an alert."""

    NOTHING = "nothing"
    BEGIN = "begin"
    RIPEN = "ripen"
    CANCEL = "cancel"
    EASE = "ease"
    RETURN = "return"
    SETTLE = "settle"


LIFECYCLE: dict[tuple[Status | None, Signal], Step] = {
    (None, Signal.BAD): Step.BEGIN,
    (None, Signal.GOOD): Step.NOTHING,
    (None, Signal.KEEP): Step.NOTHING,
    (None, Signal.OK): Step.NOTHING,
    (None, Signal.WAIT): Step.NOTHING,
    (Status.PENDING, Signal.BAD): Step.RIPEN,
    (Status.PENDING, Signal.GOOD): Step.CANCEL,
    (Status.PENDING, Signal.KEEP): Step.RIPEN,
    (Status.PENDING, Signal.OK): Step.CANCEL,
    (Status.PENDING, Signal.WAIT): Step.NOTHING,
    (Status.FIRING, Signal.BAD): Step.NOTHING,
    (Status.FIRING, Signal.GOOD): Step.EASE,
    (Status.FIRING, Signal.KEEP): Step.NOTHING,
    (Status.FIRING, Signal.OK): Step.NOTHING,
    (Status.FIRING, Signal.WAIT): Step.NOTHING,
    (Status.ACKED, Signal.BAD): Step.NOTHING,
    (Status.ACKED, Signal.GOOD): Step.EASE,
    (Status.ACKED, Signal.KEEP): Step.NOTHING,
    (Status.ACKED, Signal.OK): Step.NOTHING,
    (Status.ACKED, Signal.WAIT): Step.NOTHING,
    (Status.RECOVERING, Signal.BAD): Step.RETURN,
    (Status.RECOVERING, Signal.GOOD): Step.SETTLE,
    (Status.RECOVERING, Signal.KEEP): Step.RETURN,
    (Status.RECOVERING, Signal.OK): Step.RETURN,
    (Status.RECOVERING, Signal.WAIT): Step.NOTHING,
}
"""Every status with every signal; a status of None is inactive."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluation found. Shape: value and threshold as the rule compares them."""

    signal: Signal
    cause: Cause = Cause.CONDITION
    value: float | None = None
    threshold: float | None = None
    unit: str = ""


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that changed, and what must be done at once, before anybody is told.

    Shape: actions are the forceful ones, the strongest first; previous is None at its beginning.
    """

    alert: Alert
    previous: Status | None
    actions: tuple[Action, ...] = ()


class Life:
    """What is remembered of one rule and one set of labels."""

    __slots__ = ("_began_ns", "_eased_ns", "_has_acted", "_quiet_until_ns", "alert", "flapping")

    def __init__(self) -> None:
        self.alert: Alert | None = None
        self.flapping = Flapping()
        self._began_ns = 0
        self._eased_ns = 0
        self._quiet_until_ns: int | None = None
        self._has_acted = False

    def judge(
        self, rule: Rule, labels: dict[str, str], judgement: Judgement, now: Moment
    ) -> Transition | None:
        """Take one judgement; return what it changed."""
        before = self.alert
        step = LIFECYCLE[before.status if before else None, judgement.signal]
        if before is None:
            return self._begin(rule, labels, judgement, now) if step is Step.BEGIN else None
        alert = self._measured(before, judgement)
        match step:
            case Step.RIPEN:
                return self._ripen(rule, alert, now, previous=alert.status)
            case Step.CANCEL:
                self.alert = None
                return _changed(alert, Status.RESOLVED, resolved_ns=now.wall_ns)
            case Step.EASE:
                self._eased_ns = now.monotonic_ns
                return self._settle(rule, alert, now)
            case Step.SETTLE:
                return self._settle(rule, alert, now)
            case Step.RETURN:
                return self._return(rule, alert)
            case _:
                is_told = alert.cause is not before.cause
                return Transition(alert=alert, previous=alert.status) if is_told else None

    def acknowledge(self, by: str, now: Moment) -> Transition | None:
        """Record that somebody has seen it; a recovering alert keeps recovering."""
        alert = self.alert
        if alert is None or alert.status is Status.PENDING or alert.acked_ns:
            return None
        status = Status.ACKED if alert.status is Status.FIRING else alert.status
        self.alert = msgspec.structs.replace(
            alert, status=status, acked_ns=now.wall_ns, acked_by=by
        )
        return Transition(alert=self.alert, previous=alert.status)

    def restore(self, rule: Rule, alert: Alert, now: Moment) -> None:
        """Go on with a saved alert; what it had waited counts, a clock that jumped does not."""
        if alert.status is Status.RESOLVED:
            passed_ns = max(0, now.wall_ns - alert.resolved_ns)
            left_ns = min(rule.cooldown_ns, rule.cooldown_ns - passed_ns)
            self._quiet_until_ns = now.monotonic_ns + left_ns if left_ns > 0 else None
            return
        waited_ns = min(max(0, now.wall_ns - alert.pending_ns), rule.for_ns)
        self.alert = alert
        self._began_ns = now.monotonic_ns - waited_ns
        self._eased_ns = now.monotonic_ns

    def check(self, *, holds: bool) -> None:
        """Take one of the regular looks, by which flapping is told."""
        self.flapping.check(holds=holds)

    def _begin(
        self, rule: Rule, labels: dict[str, str], judgement: Judgement, now: Moment
    ) -> Transition:
        self._began_ns = now.monotonic_ns
        self._has_acted = False
        self.alert = Alert(
            alert_id=alert_id(rule.rule_id, labels, now.wall_ns),
            rule=rule.rule_id,
            severity=rule.severity,
            status=Status.PENDING,
            cause=judgement.cause,
            summary=rule.summary,
            runbook=rule.runbook,
            actions=rule.actions,
            labels=labels,
            value=judgement.value,
            threshold=judgement.threshold,
            unit=judgement.unit,
            pending_ns=now.wall_ns,
        )
        found = self._ripen(rule, self.alert, now, previous=None)
        return found or Transition(alert=self.alert, previous=None)

    def _ripen(
        self, rule: Rule, alert: Alert, now: Moment, *, previous: Status | None
    ) -> Transition | None:
        """Fire when the condition held long enough and the last alert is long enough ago.

        The second keeps people from being told anew at once; it never holds back a page's action.
        """
        if now.monotonic_ns - self._began_ns < rule.for_ns:
            return None
        if self._quiet_until_ns is not None and now.monotonic_ns < self._quiet_until_ns:
            if rule.severity is not Severity.CRITICAL or self._has_acted or not rule.forceful:
                return None
            self._has_acted = True
            return Transition(alert=alert, previous=previous, actions=rule.forceful)
        self._quiet_until_ns = None
        fired_ns = max(now.wall_ns, alert.pending_ns)
        self.alert = msgspec.structs.replace(alert, status=Status.FIRING, fired_ns=fired_ns)
        return Transition(alert=self.alert, previous=previous, actions=rule.forceful)

    def _settle(self, rule: Rule, alert: Alert, now: Moment) -> Transition | None:
        """Resolve what has been quiet long enough and does not flap, else let it recover."""
        waited_ns = now.monotonic_ns - self._eased_ns
        if waited_ns >= rule.keep_firing_for_ns and not self.flapping.is_flapping:
            self._quiet_until_ns = now.monotonic_ns + rule.cooldown_ns if rule.cooldown_ns else None
            self.alert = None
            resolved_ns = max(now.wall_ns, alert.fired_ns)
            return _changed(alert, Status.RESOLVED, resolved_ns=resolved_ns)
        if alert.status is Status.RECOVERING:
            return None
        changed = _changed(alert, Status.RECOVERING, resolved_ns=0)
        self.alert = changed.alert
        return changed

    def _return(self, rule: Rule, alert: Alert) -> Transition:
        """Hold again while recovering: the same alert, known as it was, and acted on again."""
        status = Status.ACKED if alert.acked_ns else Status.FIRING
        self.alert = msgspec.structs.replace(alert, status=status)
        return Transition(alert=self.alert, previous=alert.status, actions=rule.forceful)

    def _measured(self, alert: Alert, judgement: Judgement) -> Alert:
        """Keep what was measured last; while nothing is known the cause of the alert stands."""
        is_known = judgement.signal in (Signal.BAD, Signal.GOOD)
        cause = judgement.cause if judgement.signal is Signal.BAD else alert.cause
        if judgement.value == alert.value and cause is alert.cause:
            return alert
        self.alert = msgspec.structs.replace(
            alert,
            cause=cause,
            value=judgement.value if is_known else alert.value,
            threshold=judgement.threshold if is_known else alert.threshold,
            unit=judgement.unit if is_known else alert.unit,
        )
        return self.alert


def _changed(alert: Alert, status: Status, *, resolved_ns: int) -> Transition:
    changed = msgspec.structs.replace(alert, status=status, resolved_ns=resolved_ns)
    return Transition(alert=changed, previous=alert.status)
