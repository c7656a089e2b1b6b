"""Who is told of what now: grouping, repeats until somebody answers, inhibition, silences.

Pure: alerts, silences and what was sent before go in, what to send comes out. In doubt somebody is
told twice; nothing ever hides an alert of the page class for good.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from polyarb.alerts.alert import Action, Alert, Severity, Status
from polyarb.alerts.metrics import SECOND_NS

MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
PAGE_REPEAT_NS = 5 * MINUTE_NS
"""How often a page is told until somebody acknowledges it; the first time is at once."""
TICKET_WAIT_NS = 30 * SECOND_NS
"""How long a first ticket waits for others to be told together with."""
TICKET_GROUP_NS = 5 * MINUTE_NS
"""Time between two notifications of new tickets."""
TICKET_REPEAT_NS = 4 * HOUR_NS
HEARTBEAT_NS = MINUTE_NS
ESCALATE_NS = 15 * MINUTE_NS
"""How long a page may stay unacknowledged before the next step hears of it."""
STEPS_MAX = 3
SILENCE_NS_MAX = 7 * 24 * HOUR_NS
PAGE_SILENCE_NS_MAX = HOUR_NS
TICKETS = "ticket"

_TOLD_OF = frozenset({Status.FIRING, Status.ACKED, Status.RECOVERING})
_RULE, _SEVERITY = "rule", "severity"


class Reason(StrEnum):
    """Why a notification goes out."""

    FIRST = "first"
    REPEAT = "repeat"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish not to be told for a while.

    Shape: matcher maps rule, severity or a label's name to what it must be; all must fit.
    Units: unix nanoseconds.
    """

    silence_id: str
    author: str
    reason: str
    matcher: dict[str, str]
    from_ns: int
    until_ns: int


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier notification of one alert; step is how far it had been escalated."""

    alert_id: str
    status: Status
    time_ns: int
    step: int = 0


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that are told together. Shape: key names the group; step 0 is who is told first."""

    key: str
    alerts: tuple[Alert, ...]
    reason: Reason
    step: int = 0


class Inhibition(msgspec.Struct, frozen=True, kw_only=True):
    """While the source fires its consequences are not told; they are recorded all the same."""

    source: str
    targets: frozenset[str]


INHIBITIONS: tuple[Inhibition, ...] = (
    Inhibition(
        source="WS_DISCONNECTED",
        targets=frozenset({"DATA_DELAY_HIGH", "SLO_BURN", "DRY_RUN_NO_FILLS"}),
    ),
    Inhibition(source="CIRCUIT_BREAKER_OPEN", targets=frozenset({"DRY_RUN_NO_FILLS"})),
    Inhibition(source="RISK_BREACH", targets=frozenset({"PNL_DRAWDOWN", "POSITION_LIMIT_NEAR"})),
)


class _Told(msgspec.Struct):
    """What was sent of one alert so far."""

    last_ns: int
    step: int
    is_resolved: bool


def silence_faults(silence: Silence, now_ns: int) -> tuple[str, ...]:
    """Tell what is wrong with a silence; nothing when it may stand."""
    length_ns = silence.until_ns - silence.from_ns
    is_page = silence.matcher.get(_SEVERITY, "").upper() == Severity.CRITICAL
    longest_ns = PAGE_SILENCE_NS_MAX if is_page else SILENCE_NS_MAX
    rules = (
        (not silence.author.strip(), "expected an author, found none"),
        (not silence.reason.strip(), "expected a reason, found none"),
        (
            not silence.matcher or not all(map(str.strip, silence.matcher.values())),
            "expected a matcher such as rule=RPC_UNHEALTHY, found an empty one",
        ),
        (length_ns <= 0, "expected an end after the beginning, found one before"),
        (silence.until_ns <= now_ns, "expected an end in the future, found one in the past"),
        (
            length_ns > longest_ns,
            f"expected at most {longest_ns // HOUR_NS} hours, found {length_ns / HOUR_NS:.1f}",
        ),
    )
    return tuple(fault for is_wrong, fault in rules if is_wrong)


def silence_of(alert: Alert, silences: Iterable[Silence], now_ns: int) -> Silence | None:
    """Return a silence that keeps an alert from being told; a page's ends after an hour."""
    for silence in silences:
        until_ns = silence.until_ns
        if alert.severity is Severity.CRITICAL:
            until_ns = min(until_ns, silence.from_ns + PAGE_SILENCE_NS_MAX)
        if silence.from_ns <= now_ns < until_ns and _matches(silence.matcher, alert):
            return silence
    return None


def _matches(matcher: dict[str, str], alert: Alert) -> bool:
    names = {**alert.labels, _RULE: alert.rule, _SEVERITY: alert.severity}
    return bool(matcher) and all(
        name in names and names[name].casefold() == wanted.casefold()
        for name, wanted in matcher.items()
    )


def inhibitor_of(
    alert: Alert, firing: frozenset[str], inhibitions: Sequence[Inhibition] = INHIBITIONS
) -> str:
    """Name the firing rule that explains an alert, or nothing; a page is never explained away."""
    if alert.severity is Severity.CRITICAL:
        return ""
    found = (one.source for one in inhibitions if alert.rule in one.targets)
    return next((source for source in found if source in firing and source != alert.rule), "")


def notify_now(
    alerts: Sequence[Alert],
    silences: Sequence[Silence],
    sent: Iterable[Sent],
    now_ns: int,
    inhibitions: Sequence[Inhibition] = INHIBITIONS,
) -> tuple[Notification, ...]:
    """Decide what to send now, pages first; times are those of one clock.

    Shape: alerts are the active ones and those resolved since the last call.
    """
    told = _told_before(sent)
    firing = frozenset(
        alert.rule for alert in alerts if alert.status in (Status.FIRING, Status.ACKED)
    )
    groups: dict[tuple[str, Reason, int], list[Alert]] = {}
    waiting: list[Alert] = []
    for alert in alerts:
        if Action.NOTIFY not in alert.actions or not alert.fired_ns:
            continue
        before = told.get(alert.alert_id)
        if alert.status is Status.RESOLVED:
            if before and not before.is_resolved and alert.severity is not Severity.INFO:
                groups.setdefault((_key(alert), Reason.RESOLVED, before.step), []).append(alert)
            continue
        if alert.status not in _TOLD_OF or silence_of(alert, silences, now_ns):
            continue
        if inhibitor_of(alert, firing, inhibitions):
            continue
        if before is None and alert.severity is Severity.WARNING:
            waiting.append(alert)
        elif (due := _due(alert, before, now_ns)) is not None:
            groups.setdefault((_key(alert), *due), []).append(alert)
    if waiting and _is_group_due(alerts, waiting, told, now_ns):
        groups[TICKETS, Reason.FIRST, 0] = waiting
    found = [
        Notification(key=key, alerts=tuple(each), reason=reason, step=step)
        for (key, reason, step), each in groups.items()
    ]
    return tuple(sorted(found, key=_order))


def _told_before(sent: Iterable[Sent]) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for one in sent:
        told = found.get(one.alert_id)
        if told is None:
            told = found[one.alert_id] = _Told(one.time_ns, 0, is_resolved=False)
        told.last_ns = max(told.last_ns, one.time_ns)
        told.step = max(told.step, one.step)
        told.is_resolved = told.is_resolved or one.status is Status.RESOLVED
    return found


def _has_passed(since_ns: int, needed_ns: int, now_ns: int) -> bool:
    """Tell whether enough time is over; a time that lies ahead is a clock that jumped: it is."""
    return now_ns < since_ns or now_ns - since_ns >= needed_ns


def _due(alert: Alert, before: _Told | None, now_ns: int) -> tuple[Reason, int] | None:
    """Say why an alert is to be told now, if it is."""
    if before is None:
        return Reason.FIRST, 0
    if alert.status is not Status.FIRING:
        return None
    if alert.severity is Severity.CRITICAL and before.step < STEPS_MAX:
        needed_ns = ESCALATE_NS * (before.step + 1)
        if now_ns >= alert.fired_ns and now_ns - alert.fired_ns >= needed_ns:
            return Reason.ESCALATED, before.step + 1
    if _has_passed(before.last_ns, _REPEATS[alert.severity], now_ns):
        return Reason.REPEAT, before.step
    return None


_REPEATS: dict[Severity, int] = {
    Severity.CRITICAL: PAGE_REPEAT_NS,
    Severity.WARNING: TICKET_REPEAT_NS,
    Severity.INFO: HEARTBEAT_NS,
}


def _is_group_due(
    alerts: Iterable[Alert], waiting: Iterable[Alert], told: dict[str, _Told], now_ns: int
) -> bool:
    """Tell whether new tickets waited for each other, and the last lot is long enough ago."""
    is_ripe = any(_has_passed(alert.fired_ns, TICKET_WAIT_NS, now_ns) for alert in waiting)
    last = [
        told[alert.alert_id].last_ns
        for alert in alerts
        if alert.severity is Severity.WARNING and alert.alert_id in told
    ]
    return is_ripe and (not last or _has_passed(max(last), TICKET_GROUP_NS, now_ns))


def _key(alert: Alert) -> str:
    """Name the group of an alert: pages by their rule, tickets all together."""
    return TICKETS if alert.severity is Severity.WARNING else alert.rule


def _order(notification: Notification) -> tuple[int, bool]:
    severities = tuple(Severity)
    worst = min(severities.index(alert.severity) for alert in notification.alerts)
    return worst, notification.reason is Reason.RESOLVED
