"""What stands of alerts, in words: a line for logs, lines for `status`, rows for the board."""

from polyarb.wiring.alerts.standing import AlertStanding, StandingAlert


def alert_lines(standing: AlertStanding) -> list[str]:
    """Say what stands, the worst ones by name."""
    told = [_counts(standing) or "none", *_notes(standing)]
    return [f"  alerts: {'; '.join(told)}", *map(_line, standing.worst)]


def alert_rows(standing: AlertStanding) -> list[tuple[str, str]]:
    """Say the same in rows of two."""
    rows = [(one.rule, _since(one)) for one in standing.worst]
    rest = sum(standing.counts.values()) - len(rows)
    rows += [("and more", str(rest))] if rest else []
    rows += [("still to be told", str(standing.undelivered))] if standing.undelivered else []
    return [*(rows or [("none", "")]), ("watch", _watch(standing))]


def alert_words(standing: AlertStanding) -> str:
    """Say the same in two or three words of a log line."""
    names = ",".join(one.rule for one in standing.worst)
    rest = sum(standing.counts.values()) - len(standing.worst)
    more = f"+{rest}" if rest else ""
    owed = f" undelivered={standing.undelivered}" if standing.undelivered else ""
    age = standing.watch_age_s
    watch = "none" if age is None else f"{age:.0f}s"
    return f" alerts={names or 'none'}{more}{owed} watch={watch}"


def _counts(standing: AlertStanding) -> str:
    return ", ".join(f"{count} {severity}" for severity, count in standing.counts.items())


def _notes(standing: AlertStanding) -> list[str]:
    owed = [f"{standing.undelivered} still to be told"] if standing.undelivered else []
    return [*owed, f"watch: {_watch(standing)}"]


def _watch(standing: AlertStanding) -> str:
    age = standing.watch_age_s
    return "nobody watches" if age is None else f"looked {age:.0f} s ago"


def _line(one: StandingAlert) -> str:
    return f"    {one.severity:<8}  {one.rule} since {_since(one)}"


def _since(one: StandingAlert) -> str:
    taken = f", taken by {one.acked_by}" if one.acked_by else ""
    return f"{one.since.replace('T', ' ')} UTC{taken}"
