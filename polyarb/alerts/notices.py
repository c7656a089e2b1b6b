"""How alerts are told: one JSON body for machines, a title and a text for people. Pure.

Source: production-kit, the webhook payload; a group tells its worst alert in the same fields.
"""

from datetime import UTC, datetime

import msgspec

from polyarb.alerts.alert import Alert, Severity, Status
from polyarb.alerts.metrics import Unit
from polyarb.alerts.outbox import Item, Note, Parcel
from polyarb.domain.ids import derive_id
from polyarb.ports import Notice

LINES_MAX = 10
"""Alerts that the text for people lists."""
_TEXT_MAX = 200
_SEVERITIES = tuple(Severity)
_ENDED = frozenset({Status.RESOLVED})


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule compared."""

    current_value: float | None
    threshold: float | None
    unit: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a body. Shape: key is its id and status, to know a repeat by."""

    alert_id: str
    name: str
    severity: Severity
    status: Status
    fired_at: str | None
    resolved_at: str | None
    context: Context
    cause: str
    summary: str
    labels: dict[str, str]
    runbook: str
    key: str
    note: Note


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook is sent: the worst alert's fields, then all that are told at once.

    Shape: alerts holds the first of them; count is how many there are, omitted ones included.
    """

    event_type: str = "alert"
    notice_id: str
    alert_id: str
    name: str
    severity: Severity
    status: Status
    fired_at: str | None
    context: Context
    summary: str
    count: int
    omitted: int
    alerts: tuple[Told, ...]


def compose(parcel: Parcel) -> Notice:
    """Write what a channel is told of a parcel."""
    items = sorted(parcel.items, key=_worst_first)
    alert, keys = items[0].alert, [item.key for item in parcel.items]
    is_single = parcel.count == 1
    notice_id = keys[0] if is_single else derive_id("alerts", *keys, str(parcel.omitted))
    body = Body(
        notice_id=notice_id,
        alert_id=alert.alert_id,
        name=alert.rule,
        severity=alert.severity,
        status=alert.status,
        fired_at=_iso(alert.fired_ns),
        context=_context(alert),
        summary=alert.summary,
        count=parcel.count,
        omitted=parcel.omitted,
        alerts=tuple(map(_told, items)),
    )
    return Notice(
        notice_id=notice_id,
        title=_title(items[0], parcel.count),
        text="\n".join(_lines(items, parcel.count)),
        body=msgspec.json.encode(body),
        is_urgent=parcel.is_urgent,
    )


def _worst_first(item: Item) -> tuple[bool, int, int]:
    return (
        item.alert.status in _ENDED,
        _SEVERITIES.index(item.alert.severity),
        item.since_ns,
    )


def _told(item: Item) -> Told:
    alert = item.alert
    return Told(
        alert_id=alert.alert_id,
        name=alert.rule,
        severity=alert.severity,
        status=alert.status,
        fired_at=_iso(alert.fired_ns),
        resolved_at=_iso(alert.resolved_ns),
        context=_context(alert),
        cause=alert.cause,
        summary=alert.summary,
        labels=alert.labels,
        runbook=alert.runbook,
        key=item.key,
        note=item.note,
    )


def _context(alert: Alert) -> Context:
    return Context(current_value=alert.value, threshold=alert.threshold, unit=alert.unit)


def _title(item: Item, count: int) -> str:
    alert = item.alert
    more = f" and {count - 1:,} more" if count > 1 else ""
    prefix = {Note.NEW: "", Note.REPEAT: "still ", Note.ESCALATION: "nobody took it: "}[item.note]
    return f"{prefix}{alert.severity} {alert.status}: {alert.rule}{more}"


def _lines(items: list[Item], count: int) -> list[str]:
    lines = [_line(item) for item in items[:LINES_MAX]]
    rest = count - len(lines)
    if rest > 0:
        lines.append(f"and {rest:,} more; see polyarb alerts list")
    runbooks = dict.fromkeys(item.alert.runbook for item in items[:LINES_MAX] if item.alert.runbook)
    return [*lines, *(f"runbook: {place}" for place in list(runbooks)[:3])]


def _line(item: Item) -> str:
    alert = item.alert
    labels = ", ".join(f"{key}={alert.labels[key]}" for key in sorted(alert.labels))
    unit = "" if alert.unit == Unit.COUNT else f" {alert.unit}".rstrip()
    value = "" if alert.value is None else f" [{alert.value:g}{unit}]"
    since = _iso(alert.resolved_ns if alert.status in _ENDED else alert.fired_ns)
    text = f"{alert.status} {alert.rule}: {alert.summary}{value}"
    shown = text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
    return f"{shown}{f' ({labels})' if labels else ''} since {since}; id {alert.alert_id}"


def _iso(time_ns: int) -> str | None:
    if not time_ns:
        return None
    second, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"
