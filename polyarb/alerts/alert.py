"""The noun of this room: one alert, as it stands at a moment. No clock, no I/O."""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import derive_id


class Severity(StrEnum):
    """How much an alert matters; decides how soon a person hears of it."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"
    INFO = "INFO"


class Status(StrEnum):
    """Where an alert stands; RECOVERING is a condition that ended within keep_firing_for."""

    PENDING = "PENDING"
    FIRING = "FIRING"
    ACKED = "ACKED"
    RECOVERING = "RECOVERING"
    RESOLVED = "RESOLVED"


class Cause(StrEnum):
    """Why an alert is there: its condition holds, its metric is missing, or it cannot be judged."""

    CONDITION = "CONDITION"
    NODATA = "NODATA"
    ERROR = "ERROR"


class Action(StrEnum):
    """What a rule does by itself, in the order of force; NOTIFY and LOG tell people."""

    LOG = "log"
    NOTIFY = "notify"
    REDUCE = "reduce"
    HALT = "halt"
    DEMOTE = "demote"
    KILL = "kill"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of one rule and one set of labels, from pending to resolved.

    Shape: value and threshold as of the last evaluation, None where there is none; labels without
    the rule's name. Units: those of `unit`; times in unix nanoseconds, 0 where it did not happen.
    """

    alert_id: str
    rule: str
    severity: Severity
    status: Status
    cause: Cause
    summary: str
    runbook: str
    actions: tuple[Action, ...]
    labels: dict[str, str] = {}
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    pending_ns: int
    fired_ns: int = 0
    acked_ns: int = 0
    acked_by: str = ""
    resolved_ns: int = 0

    @property
    def is_heartbeat(self) -> bool:
        """Tell whether it is the heartbeat: nothing else of no severity goes on."""
        return self.severity is Severity.INFO and self.status is Status.FIRING


def fingerprint(rule: str, labels: dict[str, str]) -> str:
    """Name what an alert is about, whatever the order of its labels."""
    return derive_id("alert", rule, *(f"{key}={labels[key]}" for key in sorted(labels)))


def alert_id(rule: str, labels: dict[str, str], pending_ns: int) -> str:
    """Name one alert: what it is about and when it began, so that a repeat is known as one."""
    return derive_id("alert", fingerprint(rule, labels), str(pending_ns))
