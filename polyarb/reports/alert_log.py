"""Alerts of a stretch of time and how soon somebody answered; without an engine nothing is known.

The rows are those of the alert log: one a change of an alert's status, the last one of an alert
tells how it stands.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from polyarb.reports.statistics import rank
from polyarb.reports.window import Window

CRITICAL = "CRITICAL"
WARNING = "WARNING"


class AlertSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the alert log.

    Shape: value and threshold as text, empty where there was none. Units: unix nanoseconds, None
    where it has not happened.
    """

    alert_id: str
    name: str
    severity: str
    status: str
    fired_ns: int | None
    acked_ns: int | None = None
    resolved_ns: int | None = None
    value: str = ""
    threshold: str = ""

    @property
    def is_critical(self) -> bool:
        """Tell whether it is critical, however that is spelled."""
        return self.severity.upper() == CRITICAL


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took over the alerts of which it was seen.

    Units: nanoseconds, nearest rank; None is no sample.
    """

    n: int
    p50: int | None
    longest: int | None


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert engine told of a stretch of time.

    is_recorded False: there is no alert log, so no engine ran and nothing is known. fired lists
    the alerts that fired in the time, open those that were still firing at its end, whenever they
    began; by_rule counts firings; damaged counts lines of the log that cannot be read. To
    acknowledge and to resolve count from the firing.
    """

    is_recorded: bool
    fired: tuple[AlertSeen, ...] = ()
    open: tuple[AlertSeen, ...] = ()
    by_severity: dict[str, int] = {}
    by_rule: dict[str, int] = {}
    to_acknowledge: Response = Response(n=0, p50=None, longest=None)
    to_resolve: Response = Response(n=0, p50=None, longest=None)
    never_acknowledged: int = 0
    damaged: int = 0

    @property
    def critical(self) -> tuple[AlertSeen, ...]:
        """List the critical ones that fired in the time or were firing at its end."""
        named = {one.alert_id: one for one in (*self.open, *self.fired) if one.is_critical}
        return tuple(named.values())


NOT_RECORDED = Alerts(is_recorded=False)
"""No alert engine ran."""


def read_alerts(rows: Sequence[AlertSeen] | None, window: Window, *, damaged: int = 0) -> Alerts:
    """Sum the rows of an alert log up; None is no log at all."""
    if rows is None:
        return NOT_RECORDED
    known = _latest(rows)
    fired = sorted(
        (one for one in known if one.fired_ns is not None and window.has(one.fired_ns)),
        key=lambda one: (one.fired_ns or 0, one.alert_id),
    )
    is_open = [one for one in known if _is_open(one, window)]
    acked = [one.acked_ns - one.fired_ns for one in fired if one.acked_ns and one.fired_ns]
    resolved = [one.resolved_ns - one.fired_ns for one in fired if one.resolved_ns and one.fired_ns]
    return Alerts(
        is_recorded=True,
        damaged=damaged,
        fired=tuple(fired),
        open=tuple(sorted(is_open, key=lambda one: (one.fired_ns or 0, one.alert_id))),
        by_severity=_counted(one.severity.upper() for one in fired),
        by_rule=_counted(one.name for one in fired),
        to_acknowledge=_response(acked),
        to_resolve=_response(resolved),
        never_acknowledged=sum(one.acked_ns is None and one.is_critical for one in fired),
    )


def _latest(rows: Iterable[AlertSeen]) -> list[AlertSeen]:
    """Keep the last row of each alert that fired at all."""
    return list({row.alert_id: row for row in rows if row.fired_ns is not None}.values())


def _is_open(one: AlertSeen, window: Window) -> bool:
    began = one.fired_ns is not None and one.fired_ns < window.end_ns
    return began and (one.resolved_ns is None or one.resolved_ns >= window.end_ns)


def _response(times: Sequence[int]) -> Response:
    return Response(n=len(times), p50=rank(times, 50), longest=max(times, default=None))


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
