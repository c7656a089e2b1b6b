"""Every rule over every sample: what began, fired, recovered and was resolved.

Rules of the page class are judged when one of their metrics changes and each second, the others
each five seconds. No clock: `now` is handed in.
"""

from collections.abc import Iterable, Sequence
from itertools import count

import msgspec

from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status, alert_id
from polyarb.alerts.checking import longest_windows
from polyarb.alerts.expression import Unknown, evaluate, number
from polyarb.alerts.history import History, Labels, Sample
from polyarb.alerts.lifecycle import Judgement, Life, Moment, Signal, Transition
from polyarb.alerts.metrics import METRICS, SECOND_NS, Kind
from polyarb.alerts.rules import OTHER_EVERY_NS, PAGE_EVERY_NS, Behaviour, PhaseFigures, Rule

__all__ = ["AlertEngine", "Moment", "Transition"]

GRACE_NS = 30 * SECOND_NS
"""How long after its start a missing sample is not yet taken for one that is gone."""
_UNKNOWN: dict[Behaviour, Signal] = {
    Behaviour.ALERT: Signal.BAD,
    Behaviour.OK: Signal.OK,
    Behaviour.KEEP: Signal.KEEP,
}


class _Occurrence(msgspec.Struct, frozen=True):
    """An event that a rule speaks of, not told yet."""

    rule: Rule
    labels: dict[str, str]
    judgement: Judgement
    time_ns: int


class AlertEngine:
    """The rules of a phase at work.

    Shape: without figures every rule is, and the figures of the phase are samples like others.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        figures: PhaseFigures | None,
        *,
        page_every_ns: int = PAGE_EVERY_NS,
        other_every_ns: int = OTHER_EVERY_NS,
        grace_ns: int = GRACE_NS,
        holds_flapping: bool = True,
    ) -> None:
        self.rules = _rules_in(rules, figures)
        self._states = tuple(rule for rule in self.rules if not rule.is_event)
        self._events = {
            name: tuple(rule for rule in self.rules if rule.is_event and name in rule.metrics)
            for name, metric in METRICS.items()
            if metric.kind is Kind.EVENT
        }
        self._pages = {
            name: tuple(rule for rule in self._states if rule.is_page and name in rule.metrics)
            for name in METRICS
        }
        self._history = History(_windows(self.rules))
        self._lives: dict[str, dict[Labels, Life]] = {rule.rule_id: {} for rule in self._states}
        self._dirty: dict[str, Rule] = {}
        self._occurrences: list[_Occurrence] = []
        self._numbers = count()
        self._event_ns = 0
        self._every_ns = (page_every_ns, other_every_ns)
        self._due_ns: list[int | None] = [None, None]
        self._grace_ns = grace_ns
        self._holds_flapping = holds_flapping
        self._known_from_ns: int | None = None
        for name, value in (figures.values() if figures else {}).items():
            self._history.append(Sample(metric=name, value=value, time_ns=0))

    @property
    def active(self) -> tuple[Alert, ...]:
        """List every alert that is pending, firing, acknowledged or recovering."""
        lives = (life for lives in self._lives.values() for life in lives.values())
        return tuple(life.alert for life in lives if life.alert is not None)

    def observe(self, sample: Sample) -> bool:
        """Take one sample; tell whether a rule of the page class wants to be judged now.

        Errors: ValueError for a metric or a label that is not in the catalogue.
        """
        if sample.metric in self._events:
            # An occurrence that comes late is one as well: it is judged as of the latest.
            self._event_ns = max(self._event_ns, sample.time_ns)
            sample = msgspec.structs.replace(sample, time_ns=self._event_ns)
        is_changed = self._history.append(sample)
        if sample.value is not None:
            for rule in self._events.get(sample.metric, ()):
                self._note(rule, sample)
        if is_changed:
            for rule in self._pages[sample.metric]:
                self._dirty[rule.rule_id] = rule
        return bool(self._dirty)

    def evaluate(self, now: Moment) -> tuple[Transition, ...]:
        """Judge what is due, and whatever a sample has touched; return what changed.

        The strongest action comes first.
        """
        if self._known_from_ns is None:
            self._known_from_ns = now.monotonic_ns + self._grace_ns
        found = [self._tell(occurrence, now) for occurrence in self._occurrences]
        self._occurrences.clear()
        is_due = [self._take_turn(place, now.monotonic_ns) for place in (0, 1)]
        for rule in self._states:
            is_turn = is_due[0 if rule.is_page else 1]
            if is_turn or rule.rule_id in self._dirty:
                found += self._judge(rule, now, is_turn=is_turn)
        self._dirty.clear()
        found.sort(key=_urgency)
        return tuple(found)

    def acknowledge(self, alert_id: str, by: str, now: Moment) -> Transition | None:
        """Record that somebody has seen an alert; None when there is none that waits for it."""
        for lives in self._lives.values():
            for life in lives.values():
                if life.alert is not None and life.alert.alert_id == alert_id:
                    return life.acknowledge(by, now)
        return None

    def restore(self, alerts: Iterable[Alert], now: Moment) -> tuple[Alert, ...]:
        """Go on with saved alerts; return those that no rule of this phase speaks of any more.

        Alerts that were resolved lately may be among them: their cooldown goes on.
        """
        rules = {rule.rule_id: rule for rule in self._states}
        orphans = []
        for alert in alerts:
            rule = rules.get(alert.rule)
            if rule is None:
                if alert.status is not Status.RESOLVED:
                    orphans.append(alert)
                continue
            labels = tuple(sorted(alert.labels.items()))
            own = tuple(pair for pair in labels if pair[0] in rule.by_labels)
            # What is done is said by the rule of this phase, whatever was done in another.
            kept = msgspec.structs.replace(alert, actions=rule.actions)
            self._life(rule, own).restore(rule, kept, now)
        return tuple(orphans)

    def _take_turn(self, place: int, now_ns: int) -> bool:
        """Tell whether rules judged at intervals are due; a late turn is not made up for."""
        due_ns = self._due_ns[place]
        if due_ns is not None and now_ns < due_ns:
            return False
        self._due_ns[place] = now_ns + self._every_ns[place]
        return True

    def _life(self, rule: Rule, labels: Labels) -> Life:
        return self._lives[rule.rule_id].setdefault(labels, Life())

    def _label_sets(self, rule: Rule) -> tuple[Labels, ...]:
        """List what a rule is judged for: every set of labels seen, or none at all."""
        if not rule.by_labels:
            return ((),)
        seen: dict[Labels, None] = {}
        for name in rule.metrics:
            if METRICS[name].labels:
                seen.update(dict.fromkeys(self._history.label_sets(name)))
        seen.update(dict.fromkeys(self._lives[rule.rule_id]))
        return tuple(seen) or ((),)

    def _judge(self, rule: Rule, now: Moment, *, is_turn: bool) -> list[Transition]:
        found = []
        sets = self._label_sets(rule)
        for labels in sets:
            life = self._life(rule, labels)
            judgement = self._judgement(rule, labels, now.monotonic_ns)
            if rule.by_labels and not labels and len(sets) > 1:
                # The metric was wholly unknown and is no more: each set now speaks for itself.
                judgement = Judgement(signal=Signal.GOOD)
            if is_turn and self._holds_flapping:
                life.check(holds=judgement.signal is Signal.BAD)
            changed = life.judge(rule, {**rule.labels, **dict(labels)}, judgement, now)
            if changed is not None:
                found.append(changed)
        return found

    def _judgement(self, rule: Rule, labels: Labels, now_ns: int) -> Judgement:
        outcome = evaluate(rule.condition, self._history, labels, now_ns)
        if isinstance(outcome, Unknown):
            return self._unknown(rule, outcome, now_ns)
        signal = Signal.BAD if outcome else Signal.GOOD
        return self._measured(rule, labels, now_ns, signal=signal)

    def _measured(self, rule: Rule, labels: Labels, now_ns: int, *, signal: Signal) -> Judgement:
        """Add value and threshold: of the comparison that holds, or else of the first one."""
        chosen = rule.comparisons[:1]
        if signal is Signal.BAD and len(rule.comparisons) > 1:
            holding = (
                one
                for one in rule.comparisons
                if evaluate(one, self._history, labels, now_ns) is True
            )
            chosen = (next(holding, rule.comparisons[0]),)
        for comparison in chosen:
            left = number(comparison.left, self._history, labels, now_ns)
            right = number(comparison.right, self._history, labels, now_ns)
            return Judgement(
                signal=signal,
                value=None if isinstance(left, Unknown) else left,
                threshold=None if isinstance(right, Unknown) else right,
                unit=comparison.unit,
            )
        return Judgement(signal=signal)

    def _unknown(self, rule: Rule, outcome: Unknown, now_ns: int) -> Judgement:
        if outcome is Unknown.ERROR:
            return Judgement(signal=_UNKNOWN[rule.error], cause=Cause.ERROR)
        if self._known_from_ns is not None and now_ns < self._known_from_ns:
            return Judgement(signal=Signal.WAIT)
        return Judgement(signal=_UNKNOWN[rule.nodata], cause=Cause.NODATA)

    def _note(self, rule: Rule, sample: Sample) -> None:
        """Judge one occurrence by itself: the next one may come before anybody looks."""
        labels = tuple(sorted(sample.labels.items()))
        judgement = self._judgement(rule, labels, sample.time_ns)
        if judgement.signal is Signal.BAD:
            told = {**rule.labels, **sample.labels}
            self._occurrences.append(_Occurrence(rule, told, judgement, sample.time_ns))

    def _tell(self, occurrence: _Occurrence, now: Moment) -> Transition:
        """Make an alert of one occurrence, over as soon as it began and never one with another."""
        rule, labels = occurrence.rule, occurrence.labels
        time_ns = now.wall_ns - max(0, now.monotonic_ns - occurrence.time_ns)
        numbered = {**labels, "occurrence": str(next(self._numbers))}
        alert = Alert(
            alert_id=alert_id(rule.rule_id, numbered, time_ns),
            rule=rule.rule_id,
            severity=rule.severity,
            status=Status.RESOLVED,
            cause=occurrence.judgement.cause,
            summary=rule.summary,
            runbook=rule.runbook,
            actions=rule.actions,
            labels=labels,
            value=occurrence.judgement.value,
            threshold=occurrence.judgement.threshold,
            unit=occurrence.judgement.unit,
            pending_ns=time_ns,
            fired_ns=time_ns,
            resolved_ns=time_ns,
        )
        return Transition(alert=alert, previous=None, actions=rule.forceful)


def _rules_in(rules: Iterable[Rule], figures: PhaseFigures | None) -> tuple[Rule, ...]:
    """Pick the rules of a phase, each as it acts there."""
    if figures is None:
        return tuple(rules)
    phase = figures.phase
    return tuple(rule.in_phase(phase) for rule in rules if phase in rule.phases)


def _windows(rules: Iterable[Rule]) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule in rules:
        for name, window_ns in longest_windows(rule.condition).items():
            found[name] = max(found.get(name, 0), window_ns)
    return found


_SEVERITIES = tuple(Severity)
_ACTIONS = tuple(Action)


def _urgency(transition: Transition) -> tuple[int, int]:
    """Order transitions: what acts before what only tells, the worse before the lesser."""
    strength = max((_ACTIONS.index(action) for action in transition.actions), default=0)
    return -strength, _SEVERITIES.index(transition.alert.severity)
