"""What the shadow phase must still prove: the figures that exist, and plainly which do not.

Nothing here is a verdict: a gate needs its minimum sample and calendar and is judged elsewhere.
"""

from collections.abc import Sequence

import msgspec

from polyarb.domain.limits import Phase
from polyarb.domain.venue import SANDBOX, TAPE
from polyarb.ledger.pnl import DAY_NS
from polyarb.reports.completeness import Completeness
from polyarb.reports.diagnosis import LATENCY_NS_MAX, Evidence
from polyarb.reports.runs import Run, RunEnd
from polyarb.reports.verdict import EPISODES_MIN, EdgeVerdict
from polyarb.reports.wording import duration, milliseconds, usd

SHADOW_DAYS_MIN = 7
"""Source: product specification, phases: phase 0 lasts 7 days at least."""
NOT_JUDGED = "not judged yet"
REHEARSALS = frozenset({SANDBOX, TAPE})
"""Where runs show nothing of the venue itself."""


DRILLS_WANTED: tuple[tuple[str, str], ...] = (
    ("breaker", "the breaker stops trading"),
    ("feed-loss", "a lost feed is survived"),
    ("halt", "an operator's halt holds"),
    ("kill", "a killed process goes on"),
    ("restore", "a backup restores"),
    ("alert-delivery", "an alert is delivered"),
    ("watchdog", "a stuck process is noticed"),
)
"""The drills by name, and what each shows."""
DRILL_AGE_DAYS_MAX = 30


class GateProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion of the phase: its threshold, what was measured, and what is missing.

    value and n are None where nothing is recorded that could be measured.
    """

    criterion: str
    threshold: str
    value: str | None
    n: int | None
    missing: str


def progress(phase: str, runs: Sequence[Run], evidence: Evidence) -> tuple[GateProgress, ...]:
    """List the criteria of the shadow phase; other phases have none here yet.

    What ran in the sandbox or on a tape is a rehearsal and shows nothing of the venue.
    """
    if phase != Phase.SHADOW:
        return ()
    counted = [
        run for run in runs if run.is_counted and run.phase == phase and run.venue not in REHEARSALS
    ]
    return (
        _days(counted),
        _crashes(counted),
        _journal(evidence.completeness),
        *_measured(evidence),
        _critical(evidence),
        _unrecorded("WS reconnects succeed", "> 95 %", "reconnects are not recorded on a tape"),
        *(_drill(name, criterion, evidence) for name, criterion in DRILLS_WANTED),
    )


def _measured(evidence: Evidence) -> tuple[GateProgress, ...]:
    """List what is measured of a day; where part of it is a rehearsal, that proves nothing."""
    rows = (_latency(evidence), _pnl(evidence), _edge(evidence.verdict))
    shown = {run.venue for run in evidence.completeness.runs if run.is_counted}
    rehearsed = sorted(REHEARSALS & shown)
    if not rehearsed:
        return rows
    why = f"a day on the venue: this one's figures are of the {' and the '.join(rehearsed)}"
    return tuple(_unrecorded(row.criterion, row.threshold, why) for row in rows)


def _days(runs: Sequence[Run]) -> GateProgress:
    days = {
        day for run in runs for day in range(run.started_ns // DAY_NS, run.ended_ns // DAY_NS + 1)
    }
    more = SHADOW_DAYS_MIN - len(days)
    return GateProgress(
        criterion="days on which shadow ran",
        threshold=f"at least {SHADOW_DAYS_MIN}",
        value=str(len(days)),
        n=len(runs),
        missing=f"{more} more days" if more > 0 else "",
    )


def _crashes(runs: Sequence[Run]) -> GateProgress:
    crashed = sum(run.end is RunEnd.CRASHED for run in runs)
    return GateProgress(
        criterion="runs that crashed",
        threshold=f"none in {SHADOW_DAYS_MIN} days",
        value=str(crashed),
        n=len(runs),
        missing="days without a crash" if crashed else "",
    )


def _journal(completeness: Completeness) -> GateProgress:
    return GateProgress(
        criterion="holes in the journal",
        threshold="none",
        value=str(len(completeness.holes)) if completeness.is_chain_verified else None,
        n=completeness.records,
        missing="" if completeness.is_chain_verified else "a check of the hash chain",
    )


def _latency(evidence: Evidence) -> GateProgress:
    p95 = evidence.latency.p95
    return GateProgress(
        criterion="P95 latency, receipt to decision",
        threshold=f"below {milliseconds(LATENCY_NS_MAX)}",
        value=None if p95 is None else milliseconds(p95),
        n=evidence.latency.runs,
        missing="a measured run" if p95 is None else "",
    )


def _pnl(evidence: Evidence) -> GateProgress:
    money = evidence.money
    settled = money.since_start.settled
    return GateProgress(
        criterion="PnL correct: ledger invariants broken",
        threshold="none",
        value=f"{len(money.violations)}, settled {usd(settled)}",
        n=money.plans,
        missing="a settled plan" if settled is None else "",
    )


def _edge(verdict: EdgeVerdict) -> GateProgress:
    return GateProgress(
        criterion="edge reachable at T2",
        threshold=f"at least {EPISODES_MIN} plans that fill wholly and earn",
        value=f"{verdict.reachable}: {verdict.finding}",
        n=verdict.measured,
        missing="; ".join(verdict.missing),
    )


def _critical(evidence: Evidence) -> GateProgress:
    alerts = evidence.alerts
    found = len(alerts.critical)
    return GateProgress(
        criterion="critical alerts",
        threshold="none",
        value=str(found) if alerts.is_recorded else None,
        n=len(alerts.fired) if alerts.is_recorded else None,
        missing="" if alerts.is_recorded else "no alert engine ran",
    )


def _drill(name: str, criterion: str, evidence: Evidence) -> GateProgress:
    threshold = f"drill {name}, at most {DRILL_AGE_DAYS_MAX} days old"
    found = next((one for one in evidence.drills.last if one.outcome.name == name), None)
    if found is None:
        return _unrecorded(criterion, threshold, "the drill is not recorded")
    missing = []
    if not found.outcome.passed:
        missing.append("a pass")
    if not found.is_of_this_code:
        missing.append("a drill of the code that ran")
    if found.age_ns > DRILL_AGE_DAYS_MAX * DAY_NS:
        missing.append("a newer one")
    result = "passed" if found.outcome.passed else "failed"
    return GateProgress(
        criterion=criterion,
        threshold=threshold,
        value=f"{result}, {duration(found.age_ns)} old",
        n=1,
        missing="; ".join(missing),
    )


def _unrecorded(criterion: str, threshold: str, why: str) -> GateProgress:
    return GateProgress(criterion=criterion, threshold=threshold, value=None, n=None, missing=why)
