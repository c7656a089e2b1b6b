"""Cases in the format of promtool, run on our own engine: what was measured, what must fire when.

The engine is given every rule, whatever the phase; the figures of the phase are series as well.
Flapping, which no other engine knows, holds nothing here.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from polyarb.alerts.alert import Alert, Status
from polyarb.alerts.engine import AlertEngine, Moment
from polyarb.alerts.export_prometheus import annotations_of, labels_of
from polyarb.alerts.history import Sample
from polyarb.alerts.rules import Rule
from polyarb.alerts.series import Gap, Point

EPOCH_NS = 1_700_000_000 * 10**9
"""The wall time at which the cases begin; nothing depends on it."""
_FIRES = frozenset({Status.FIRING, Status.ACKED, Status.RECOVERING})


class InputSeries(msgspec.Struct, frozen=True, kw_only=True):
    """What one metric was, a point an interval from the beginning."""

    metric: str
    labels: dict[str, str]
    points: tuple[Point, ...]


class FiringAlert(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One alert that fires, as Prometheus shows it, without its name."""

    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


class AlertTest(msgspec.Struct, frozen=True, kw_only=True):
    """What must fire of one rule at one time; nothing at all when expected is empty."""

    rule_id: str
    eval_time_ns: int
    expected: tuple[FiringAlert, ...]


class CaseGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One course of events with the questions asked of it."""

    name: str
    interval_ns: int
    evaluation_ns: int
    series: tuple[InputSeries, ...]
    tests: tuple[AlertTest, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one test ended."""

    group: str
    rule_id: str
    eval_time_ns: int
    expected: tuple[FiringAlert, ...]
    found: tuple[FiringAlert, ...]

    @property
    def is_passed(self) -> bool:
        """Tell whether exactly what was expected fired."""
        return sorted(self.expected) == sorted(self.found)


def run_group(rules: Sequence[Rule], group: CaseGroup) -> tuple[Outcome, ...]:
    """Play a course of events and answer its tests, each as of the last evaluation before it."""
    by_time = sorted(group.tests, key=lambda test: test.eval_time_ns)
    outcomes: list[Outcome] = []
    for now_ns, firing in timeline(rules, group):
        while by_time and by_time[0].eval_time_ns < now_ns + group.evaluation_ns:
            test = by_time.pop(0)
            outcomes.append(
                Outcome(
                    group=group.name,
                    rule_id=test.rule_id,
                    eval_time_ns=test.eval_time_ns,
                    expected=test.expected,
                    found=tuple(sorted(firing.get(test.rule_id, ()))),
                )
            )
        if not by_time:
            break
    return tuple(outcomes)


def timeline(
    rules: Sequence[Rule], group: CaseGroup
) -> Iterator[tuple[int, dict[str, list[FiringAlert]]]]:
    """Yield what fires at every evaluation, by rule, until the last test."""
    by_id = {rule.rule_id: rule for rule in rules}
    every_ns = group.evaluation_ns
    engine = AlertEngine(
        rules,
        None,
        page_every_ns=every_ns,
        other_every_ns=every_ns,
        grace_ns=0,
        holds_flapping=False,
    )
    samples = sorted(samples_of(group), key=lambda sample: sample.time_ns)
    until_ns = max((test.eval_time_ns for test in group.tests), default=0)
    place = 0
    for now_ns in range(0, until_ns + 1, every_ns):
        while place < len(samples) and samples[place].time_ns <= now_ns:
            engine.observe(samples[place])
            place += 1
        changed = engine.evaluate(Moment(monotonic_ns=now_ns, wall_ns=EPOCH_NS + now_ns))
        occurred = (one.alert for one in changed if by_id[one.alert.rule].is_event)
        firing: dict[str, list[FiringAlert]] = {}
        for alert in chain(engine.active, occurred):
            rule = by_id[alert.rule]
            if rule.is_event or alert.status in _FIRES:
                firing.setdefault(alert.rule, []).append(_shown(rule, alert))
        yield now_ns, firing


def samples_of(group: CaseGroup) -> Iterator[Sample]:
    """Yield every sample of a course, series by series; times count from its beginning."""
    for series in group.series:
        for place, point in enumerate(series.points):
            if point is not Gap.MISSING:
                yield Sample(
                    metric=series.metric,
                    value=None if isinstance(point, Gap) else point,
                    time_ns=place * group.interval_ns,
                    labels=series.labels,
                )


def _shown(rule: Rule, alert: Alert) -> FiringAlert:
    return firing_alert({**alert.labels, **labels_of(rule)}, annotations_of(rule))


def firing_alert(labels: dict[str, str], annotations: dict[str, str]) -> FiringAlert:
    """Bring labels and annotations into the order in which they are compared."""
    return FiringAlert(
        labels=tuple(sorted(labels.items())), annotations=tuple(sorted(annotations.items()))
    )


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Which kinds of case a rule has."""

    fires: bool = False
    stays_quiet: bool = False
    has_missing: bool = False
    has_stale: bool = False

    @property
    def lacks(self) -> tuple[str, ...]:
        """Name the kinds that are lacking."""
        kinds = {
            "a case in which it fires": self.fires,
            "a case in which it does not": self.stays_quiet,
            "a case with missing samples": self.has_missing,
            "a case with a stale series": self.has_stale,
        }
        return tuple(kind for kind, is_there in kinds.items() if not is_there)


def coverage(rules: Sequence[Rule], groups: Sequence[CaseGroup]) -> dict[str, Need]:
    """Tell which kinds of case each rule has."""
    return {rule.rule_id: _need(rule, groups) for rule in rules}


def _need(rule: Rule, groups: Sequence[CaseGroup]) -> Need:
    asked = [
        (test, [series.points for series in group.series if series.metric in rule.metrics])
        for group in groups
        for test in group.tests
        if test.rule_id == rule.rule_id
    ]
    return Need(
        fires=any(test.expected for test, _ in asked),
        stays_quiet=any(not test.expected for test, _ in asked),
        has_missing=any(
            not lines or any(Gap.MISSING in points for points in lines) for _, lines in asked
        ),
        has_stale=any(Gap.STALE in points for _, lines in asked for points in lines),
    )
