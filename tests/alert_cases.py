"""Alerts, clocks and channels as the tests of delivery need them."""

import msgspec
from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status, alert_id
from polyarb.domain.errors import DeliveryError
from polyarb.ports import Notice

START_NS = 1_780_000_000_000_000_000
SECOND_NS = 1_000_000_000


class StandingClock:
    """Moves only when told to."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        return self.time_ns

    def monotonic_ns(self) -> int:
        return self.time_ns - START_NS + SECOND_NS

    def pass_ns(self, span_ns: int) -> None:
        self.time_ns += span_ns


class RecordingNotifier:
    """Takes every notice, or none while `fault` is set; remembers both."""

    def __init__(self, name: str = "webhook") -> None:
        self._name = name
        self.fault: DeliveryError | None = None
        self.attempted: list[Notice] = []
        self.taken: list[Notice] = []

    @property
    def name(self) -> str:
        return self._name

    def send(self, notice: Notice) -> None:
        self.attempted.append(notice)
        if self.fault is not None:
            raise self.fault
        self.taken.append(notice)

    @property
    def keys(self) -> list[str]:
        """Return the id and status of every alert that was told, in order."""
        return [key for notice in self.taken for key in keys_of(notice)]


def keys_of(notice: Notice) -> list[str]:
    return [str(one["key"]) for one in msgspec.json.decode(notice.body)["alerts"]]


def firing(
    rule: str = "WS_DISCONNECTED",
    severity: Severity = Severity.CRITICAL,
    number: int = 0,
    *,
    time_ns: int = START_NS,
    actions: tuple[Action, ...] = (Action.NOTIFY, Action.LOG),
) -> Alert:
    labels = {"market": str(number)} if number else {}
    return Alert(
        alert_id=alert_id(rule, labels, time_ns),
        rule=rule,
        severity=severity,
        status=Status.FIRING,
        cause=Cause.CONDITION,
        summary=f"{rule} holds",
        runbook=f"docs/PRODUCTION_RUNBOOK.md#{rule.lower()}",
        actions=actions,
        labels=labels,
        value=1.0,
        threshold=0.5,
        unit="count",
        pending_ns=time_ns,
        fired_ns=time_ns,
    )


def resolved(alert: Alert, time_ns: int = START_NS + SECOND_NS) -> Alert:
    return msgspec.structs.replace(alert, status=Status.RESOLVED, resolved_ns=time_ns)
