"""Whether our clock may be traded by: everything measured of it and the verdict. Pure."""

import msgspec

from polyarb.domain.surroundings import ClockVerdict

ALARM_NS = 100_000_000
"""Source: requirement D6, clock drift > 100 ms stops trading."""
REFUSED_NS = 500_000_000
"""Beyond half a second no time of ours means anything: nothing may start."""
AGE_NS_MAX = 600_000_000_000
"""What was measured longer ago says nothing of now."""
_NS_PER_MS = 1_000_000


class ClockHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of our clock; None is not measured. Units: ns, measured in unix ns.

    Offsets are what must be added to our clock; drift is how much it gains on the venue's in a
    minute; stepped is the last leap of wall time against monotonic time, 0 for none.
    """

    measured_ns: int
    ntp_offset_ns: int | None = None
    ntp_uncertainty_ns: int | None = None
    venue_offset_ns: int | None = None
    venue_uncertainty_ns: int | None = None
    drift_ns_per_minute: int | None = None
    stepped_ns: int = 0


class ClockJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and its reason."""

    verdict: ClockVerdict
    reason: str


def judge(health: ClockHealth, now_ns: int, *, alarm_ns: int = ALARM_NS) -> ClockJudgement:
    """Judge a clock by the worst of what was measured of it; nothing measured is not good.

    Units: alarm_ns is how far it may be off for certain, leap, or drift in a minute.
    """
    if abs(now_ns - health.measured_ns) > AGE_NS_MAX:
        told = f"last measured {_ms(now_ns - health.measured_ns)} ms ago"
        return ClockJudgement(verdict=ClockVerdict.UNKNOWN, reason=told)
    found = [
        judge_offset(source, offset_ns, uncertainty_ns, alarm_ns=alarm_ns)
        for source, offset_ns, uncertainty_ns in (
            ("time servers", health.ntp_offset_ns, health.ntp_uncertainty_ns),
            ("the venue", health.venue_offset_ns, health.venue_uncertainty_ns),
        )
        if offset_ns is not None and uncertainty_ns is not None
    ]
    judgements = [*found, *_judge_changes(health, alarm_ns)]
    if not found:
        judgements.append(
            ClockJudgement(verdict=ClockVerdict.UNKNOWN, reason="neither time servers nor venue")
        )
    return max(judgements, key=lambda one: _RANK[one.verdict])


def judge_offset(
    source: str, offset_ns: int, uncertainty_ns: int, *, alarm_ns: int = ALARM_NS
) -> ClockJudgement:
    """Judge one offset: by how much it is off for certain; what may be off is unknown."""
    certain_ns = max(abs(offset_ns) - uncertainty_ns, 0)
    told = f"{_ms(offset_ns):+} ms from {source}, give or take {_ms(uncertainty_ns)} ms"
    if certain_ns > max(REFUSED_NS, alarm_ns):
        verdict = ClockVerdict.REFUSED
    elif certain_ns > alarm_ns:
        verdict = ClockVerdict.ALARM
    elif abs(offset_ns) + uncertainty_ns > REFUSED_NS:
        verdict = ClockVerdict.UNKNOWN
    else:
        verdict = ClockVerdict.GOOD
    return ClockJudgement(verdict=verdict, reason=told)


def _judge_changes(health: ClockHealth, alarm_ns: int) -> list[ClockJudgement]:
    found = []
    drift_ns = health.drift_ns_per_minute
    if drift_ns is not None and abs(drift_ns) > alarm_ns:
        told = f"drifts {_ms(drift_ns):+} ms a minute against the venue"
        found.append(ClockJudgement(verdict=ClockVerdict.ALARM, reason=told))
    if abs(health.stepped_ns) > alarm_ns:
        told = f"leapt by {_ms(health.stepped_ns):+} ms"
        found.append(ClockJudgement(verdict=ClockVerdict.ALARM, reason=told))
    return found


_RANK = {verdict: rank for rank, verdict in enumerate(ClockVerdict)}


def _ms(time_ns: int) -> int:
    return round(time_ns / _NS_PER_MS)
