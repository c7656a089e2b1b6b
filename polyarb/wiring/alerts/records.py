"""Between alerts as they are judged and as they are kept: records, and the state of the desk."""

import msgspec

from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status
from polyarb.alerts.outbox import LaneState
from polyarb.alerts.routing import Sent, Silence
from polyarb.store.alert_log import iso_of, time_ns_of
from polyarb.store.alerts import AlertContext, AlertRecord


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """data/alerts/alerts_state.json: where the transitions up to a sequence have led to.

    Shape: ended are alerts that are over and still have to be told of; sent is what was handed to
    the outbox of each; outbox is what each channel still has to be told.
    """

    active_alerts: tuple[AlertRecord, ...] = ()
    last_updated: str = ""
    sequence: int = 0
    silences: tuple[Silence, ...] = ()
    ended: tuple[AlertRecord, ...] = ()
    resolved_lately: tuple[AlertRecord, ...] = ()
    sent: tuple[Sent, ...] = ()
    outbox: tuple[LaneState, ...] = ()


def record_of(alert: Alert, *, sequence: int, now_ns: int) -> AlertRecord:
    """Write an alert as a line has it."""
    return AlertRecord(
        sequence=sequence,
        recorded_at=iso_of(now_ns),
        alert_id=alert.alert_id,
        name=alert.rule,
        severity=alert.severity,
        status=alert.status,
        cause=alert.cause,
        summary=alert.summary,
        runbook=alert.runbook,
        actions=alert.actions,
        labels=alert.labels,
        context=AlertContext(current_value=alert.value, threshold=alert.threshold, unit=alert.unit),
        pending_at=iso_of(alert.pending_ns),
        fired_at=_iso(alert.fired_ns),
        acked_at=_iso(alert.acked_ns),
        acked_by=alert.acked_by,
        resolved_at=_iso(alert.resolved_ns),
    )


def alert_of(record: AlertRecord) -> Alert:
    """Read an alert back from its line.

    Errors: ValueError for a word or a time that is none.
    """
    context = record.context
    return Alert(
        alert_id=record.alert_id,
        rule=record.name,
        severity=Severity(record.severity),
        status=Status(record.status),
        cause=Cause(record.cause),
        summary=record.summary,
        runbook=record.runbook,
        actions=tuple(map(Action, record.actions)),
        labels=record.labels,
        value=context.current_value,
        threshold=context.threshold,
        unit=context.unit,
        pending_ns=time_ns_of(record.pending_at),
        fired_ns=_time_ns(record.fired_at),
        acked_ns=_time_ns(record.acked_at),
        acked_by=record.acked_by,
        resolved_ns=_time_ns(record.resolved_at),
    )


def _iso(time_ns: int) -> str | None:
    return iso_of(time_ns) if time_ns else None


def _time_ns(text: str | None) -> int:
    return time_ns_of(text) if text else 0
