"""What stands at a glance: alerts that fire, what is still to be told, whether anybody watches."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from polyarb.alerts.alert import Alert, Severity, Status
from polyarb.store.alert_log import iso_of
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.orders import read_alerts

WORST_MAX = 5
"""Alerts that are named; the others are counted."""
_FIRES = frozenset({Status.FIRING, Status.ACKED, Status.RECOVERING})
_SECONDS = 19
_SEVERITIES = tuple(Severity)


class StandingAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that fires. Shape: since is ISO 8601 in UTC, to the second."""

    rule: str
    severity: str
    since: str
    acked_by: str


class AlertStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What stands.

    Shape: counts by severity, the worst ones by name, the oldest first; undelivered are alerts that
    channels still have to be told of; watch_age_s is None where nobody ever watched.
    """

    counts: dict[str, int]
    worst: tuple[StandingAlert, ...]
    undelivered: int
    watch_age_s: float | None


def standing_of(
    alerts: Iterable[Alert], *, undelivered: int, watch_age_s: float | None
) -> AlertStanding:
    """Sum up alerts as an engine holds them; the heartbeat is none."""
    firing = [
        StandingAlert(
            rule=one.rule,
            severity=one.severity,
            since=iso_of(one.fired_ns)[:_SECONDS],
            acked_by=one.acked_by,
        )
        for one in alerts
        if one.status in _FIRES
    ]
    return _sum_up(firing, undelivered=undelivered, watch_age_s=watch_age_s)


def read_standing(workspace: Workspace, now_ns: int) -> AlertStanding:
    """Read what stands in a workspace, of the trader and of the watch, whoever runs or does not."""
    reading = read_alerts(workspace, now_ns)
    firing = [
        StandingAlert(
            rule=one.name,
            severity=one.severity,
            since=(one.fired_at or "")[:_SECONDS],
            acked_by=one.acked_by,
        )
        for one in reading.active_alerts
        if one.status in _FIRES
    ]
    return _sum_up(
        firing,
        undelivered=reading.undelivered,
        watch_age_s=watch_age_s(workspace.watch_file, now_ns / 1e9),
    )


def watch_age_s(path: Path, now_s: float | None = None) -> float | None:
    """Return how long ago `polyarb watch` looked; None where nobody ever watched."""
    try:
        looked_s = path.stat().st_mtime
    except FileNotFoundError:
        return None
    return max(0, (time.time() if now_s is None else now_s) - looked_s)


def _sum_up(
    firing: Iterable[StandingAlert], *, undelivered: int, watch_age_s: float | None
) -> AlertStanding:
    told = sorted(
        (one for one in firing if one.severity != Severity.INFO),
        key=lambda one: (_SEVERITIES.index(Severity(one.severity)), one.since),
    )
    return AlertStanding(
        counts=dict(Counter(one.severity for one in told)),
        worst=tuple(told[:WORST_MAX]),
        undelivered=undelivered,
        watch_age_s=watch_age_s,
    )
