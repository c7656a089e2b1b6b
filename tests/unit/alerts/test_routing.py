"""Who is told when: grouping, repeats, escalation, inhibition, silences; a page is never hidden."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.alerts.alert import Action, Alert, Cause, Severity, Status, alert_id
from polyarb.alerts.routing import (
    ESCALATE_NS,
    HEARTBEAT_NS,
    HOUR_NS,
    INHIBITIONS,
    MINUTE_NS,
    PAGE_REPEAT_NS,
    SILENCE_NS_MAX,
    STEPS_MAX,
    TICKET_GROUP_NS,
    TICKET_REPEAT_NS,
    TICKET_WAIT_NS,
    Notification,
    Reason,
    Sent,
    Silence,
    inhibitor_of,
    notify_now,
    silence_faults,
    silence_of,
)
from tests.alert_rules import SECOND_NS, WALL_NS, shipped

NOTIFY = (Action.LOG, Action.NOTIFY)


def alert_of(
    rule: str = "WS_DISCONNECTED",
    severity: Severity = Severity.CRITICAL,
    status: Status = Status.FIRING,
    at_ns: int = WALL_NS,
    **labels: str,
) -> Alert:
    return Alert(
        alert_id=alert_id(rule, labels, at_ns),
        rule=rule,
        severity=severity,
        status=status,
        cause=Cause.CONDITION,
        summary="",
        runbook="",
        actions=NOTIFY,
        labels=labels,
        pending_ns=at_ns,
        fired_ns=at_ns,
        resolved_ns=at_ns if status is Status.RESOLVED else 0,
    )


def ticket(rule: str = "RPC_UNHEALTHY", at_ns: int = WALL_NS, **labels: str) -> Alert:
    return alert_of(rule, Severity.WARNING, at_ns=at_ns, **labels)


def sent_of(alert: Alert, at_ns: int = WALL_NS, step: int = 0) -> Sent:
    return Sent(alert_id=alert.alert_id, status=alert.status, time_ns=at_ns, step=step)


def silence(**changes: object) -> Silence:
    made = Silence(
        silence_id="s",
        author="ada",
        reason="maintenance",
        matcher={"rule": "RPC_UNHEALTHY"},
        from_ns=WALL_NS,
        until_ns=WALL_NS + HOUR_NS,
    )
    return msgspec.structs.replace(made, **changes)


def told(
    alerts: list[Alert], sent: list[Sent], after_ns: int, silences: list[Silence] | None = None
) -> list[tuple[str, Reason, int, int]]:
    found = notify_now(alerts, silences or [], sent, WALL_NS + after_ns)
    return [(one.key, one.reason, len(one.alerts), one.step) for one in found]


def test_a_page_is_told_at_once_and_each_five_minutes_until_acknowledged() -> None:
    page = alert_of()
    assert told([page], [], 0) == [("WS_DISCONNECTED", Reason.FIRST, 1, 0)]
    assert told([page], [sent_of(page)], PAGE_REPEAT_NS - 1) == []
    assert told([page], [sent_of(page)], PAGE_REPEAT_NS) == [
        ("WS_DISCONNECTED", Reason.REPEAT, 1, 0)
    ]
    acked = msgspec.structs.replace(page, status=Status.ACKED)
    assert told([acked], [sent_of(page)], HOUR_NS) == []


def test_a_page_that_was_never_told_is_told_though_it_recovers_or_was_acknowledged() -> None:
    for status in (Status.RECOVERING, Status.ACKED):
        assert told([alert_of(status=status)], [], 0) == [("WS_DISCONNECTED", Reason.FIRST, 1, 0)]


def test_tickets_wait_for_each_other_and_are_told_together() -> None:
    first, second = ticket(), ticket("HIGH_REJECT_RATE", WALL_NS + 20 * SECOND_NS)
    assert told([first, second], [], TICKET_WAIT_NS - 1) == []
    assert told([first, second], [], TICKET_WAIT_NS) == [("ticket", Reason.FIRST, 2, 0)]
    sent = [sent_of(first, WALL_NS + TICKET_WAIT_NS)]
    after_ns = TICKET_WAIT_NS + TICKET_GROUP_NS
    assert told([first, second], sent, after_ns - 1) == []
    assert told([first, second], sent, after_ns) == [("ticket", Reason.FIRST, 1, 0)]
    assert told([first], sent, TICKET_WAIT_NS + TICKET_REPEAT_NS) == [
        ("ticket", Reason.REPEAT, 1, 0)
    ]


def test_a_page_never_waits_for_tickets() -> None:
    assert told([ticket(), alert_of()], [], 0) == [("WS_DISCONNECTED", Reason.FIRST, 1, 0)]
    found = notify_now([ticket(), alert_of()], [], [], WALL_NS + TICKET_WAIT_NS)
    assert [one.alerts[0].severity for one in found] == [Severity.CRITICAL, Severity.WARNING]


def test_an_unanswered_page_climbs_step_by_step() -> None:
    page, sent, steps = alert_of(), [], []
    for minute in range(120):
        for one in notify_now([page], [], sent, WALL_NS + minute * MINUTE_NS):
            steps.append((minute, one.reason, one.step))
            sent.append(sent_of(page, WALL_NS + minute * MINUTE_NS, one.step))
    climbed = [(minute, step) for minute, reason, step in steps if reason is Reason.ESCALATED]
    every = ESCALATE_NS // MINUTE_NS
    assert climbed == [(every * step, step) for step in range(1, STEPS_MAX + 1)]
    assert steps[-1][2] == STEPS_MAX
    assert max(b - a for (a, *_), (b, *_) in pairwise(steps)) == 5


def test_what_was_told_is_told_to_be_over_and_nothing_else() -> None:
    over = alert_of(status=Status.RESOLVED)
    before = sent_of(alert_of(), step=2)
    assert told([over], [], 0) == []
    assert told([over], [before], 0) == [("WS_DISCONNECTED", Reason.RESOLVED, 1, 2)]
    assert told([over], [before], 0, [silence(matcher={"severity": "CRITICAL"})]) == [
        ("WS_DISCONNECTED", Reason.RESOLVED, 1, 2)
    ]
    assert told([over], [before, sent_of(over)], 0) == []
    never = msgspec.structs.replace(over, fired_ns=0)
    assert told([never], [before], 0) == []


def test_events_are_for_the_report_and_the_heartbeat_for_those_who_listen() -> None:
    event = alert_of("TRADE_EXECUTED", Severity.INFO, Status.RESOLVED)
    assert told([event], [sent_of(event)], HOUR_NS) == []
    beat = alert_of("DEAD_MAN", Severity.INFO)
    assert told([beat], [], 0) == [("DEAD_MAN", Reason.FIRST, 1, 0)]
    assert told([beat], [sent_of(beat)], HEARTBEAT_NS - 1) == []
    assert told([beat], [sent_of(beat)], HEARTBEAT_NS) == [("DEAD_MAN", Reason.REPEAT, 1, 0)]
    gone = msgspec.structs.replace(beat, status=Status.RESOLVED)
    assert told([gone], [sent_of(beat)], HOUR_NS) == []


def test_a_rule_that_does_not_notify_and_a_pending_alert_are_not_told() -> None:
    quiet = msgspec.structs.replace(alert_of(), actions=(Action.LOG, Action.HALT))
    pending = msgspec.structs.replace(alert_of(), status=Status.PENDING, fired_ns=0)
    assert told([quiet, pending], [], HOUR_NS) == []


def test_a_silenced_alert_is_told_when_the_silence_is_over() -> None:
    quiet = silence()
    assert told([ticket()], [], HOUR_NS - 1, [quiet]) == []
    assert told([ticket()], [], HOUR_NS, [quiet]) == [("ticket", Reason.FIRST, 1, 0)]
    assert told([ticket()], [], -1, [quiet]) != []


def test_a_page_is_silent_for_an_hour_at_most() -> None:
    week = silence(matcher={"rule": "WS_DISCONNECTED"}, until_ns=WALL_NS + SILENCE_NS_MAX)
    assert told([alert_of()], [], HOUR_NS - 1, [week]) == []
    assert told([alert_of()], [], HOUR_NS, [week]) == [("WS_DISCONNECTED", Reason.FIRST, 1, 0)]


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        ({"rule": "RPC_UNHEALTHY"}, True),
        ({"rule": "rpc_unhealthy", "severity": "warning", "host": "A"}, True),
        ({"severity": "WARNING"}, True),
        ({"host": "a"}, True),
        ({"host": "b"}, False),
        ({"rule": "RPC_UNHEALTHY", "host": "b"}, False),
        ({"zone": ""}, False),
        ({}, False),
    ],
)
def test_a_silence_fits_when_everything_it_names_does(matcher: dict[str, str], fits: bool) -> None:
    found = silence_of(ticket(host="a"), [silence(matcher=matcher)], WALL_NS)
    assert (found is not None) is fits


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"author": " "}, "an author"),
        ({"reason": ""}, "a reason"),
        ({"matcher": {}}, "a matcher"),
        ({"matcher": {"rule": ""}}, "a matcher"),
        ({"until_ns": WALL_NS}, "an end after the beginning"),
        ({"from_ns": WALL_NS - 9, "until_ns": WALL_NS}, "in the future"),
        ({"until_ns": WALL_NS + SILENCE_NS_MAX + 1}, "at most 168 hours"),
        ({"matcher": {"severity": "critical"}, "until_ns": WALL_NS + HOUR_NS + 1}, "at most 1"),
    ],
)
def test_a_silence_that_is_no_good_is_told_why(changes: dict[str, object], fault: str) -> None:
    assert any(fault in each for each in silence_faults(silence(**changes), WALL_NS))


def test_a_good_silence_has_no_fault() -> None:
    assert silence_faults(silence(), WALL_NS) == ()
    assert silence_faults(silence(until_ns=WALL_NS + SILENCE_NS_MAX), WALL_NS) == ()


def test_a_consequence_is_not_told_while_its_cause_fires() -> None:
    cause = alert_of()
    consequence = ticket("DATA_DELAY_HIGH")
    assert [key for key, *_ in told([cause, consequence], [], HOUR_NS)] == ["WS_DISCONNECTED"]
    recovered = msgspec.structs.replace(cause, status=Status.RECOVERING)
    assert len(told([recovered, consequence], [sent_of(cause)], TICKET_WAIT_NS)) == 1
    both = told([recovered, consequence], [sent_of(cause)], TICKET_WAIT_NS)
    assert both == [("ticket", Reason.FIRST, 1, 0)]


def test_a_page_is_never_inhibited_and_every_inhibition_is_of_shipped_rules() -> None:
    rules = {rule.rule_id: rule for rule in shipped().rules}
    for one in INHIBITIONS:
        assert one.targets | {one.source} <= set(rules)
        assert not any(rules[target].is_page for target in one.targets)
        page = alert_of(next(iter(one.targets)), Severity.CRITICAL)
        assert inhibitor_of(page, frozenset({one.source})) == ""


def test_a_storm_is_one_notification() -> None:
    storm = [ticket(host=str(place)) for place in range(10_000)]
    page = alert_of()
    found = notify_now([*storm, page], [], [], WALL_NS + TICKET_WAIT_NS)
    assert [(one.key, len(one.alerts)) for one in found] == [
        ("WS_DISCONNECTED", 1),
        ("ticket", 10_000),
    ]
    sent = [sent_of(alert, WALL_NS + TICKET_WAIT_NS) for one in found for alert in one.alerts]
    assert notify_now([*storm, page], [], sent, WALL_NS + TICKET_WAIT_NS) == ()


@pytest.mark.parametrize("jump_ns", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_jumps_tells_twice_at_worst(jump_ns: int) -> None:
    page, small = alert_of(), ticket()
    sent = [sent_of(page), sent_of(small)]
    assert len(notify_now([page, small], [], sent, WALL_NS + jump_ns)) <= 2
    assert told([alert_of(at_ns=WALL_NS + HOUR_NS)], [], 0) != []
    assert told([ticket(at_ns=WALL_NS + HOUR_NS)], [], 0) != []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Severity),
            st.sampled_from(Status),
            st.integers(0, 7200),
            st.sampled_from(["WS_DISCONNECTED", "DATA_DELAY_HIGH", "PNL_DRAWDOWN", "RISK_BREACH"]),
        ),
        max_size=12,
    ),
    st.lists(st.tuples(st.sampled_from(list(Severity)), st.integers(0, 7000)), max_size=4),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_whatever_is_silenced_a_page_is_told_within_the_hour(
    drawn: list[tuple[Severity, Status, int, str]], quiet: list[tuple[Severity, int]]
) -> None:
    alerts = [
        alert_of(rule, severity, status, WALL_NS + at * SECOND_NS, number=str(place))
        for place, (severity, status, at, rule) in enumerate(drawn)
    ]
    silences = [
        silence(matcher={"severity": severity}, until_ns=WALL_NS + length * SECOND_NS)
        for severity, length in quiet
    ]
    found = notify_now(alerts, silences, [], WALL_NS + HOUR_NS)
    named = [alert.alert_id for one in found for alert in one.alerts]
    assert len(named) == len(set(named))
    standing = (Status.FIRING, Status.ACKED, Status.RECOVERING)
    pages = {a.alert_id for a in alerts if a.severity is Severity.CRITICAL if a.status in standing}
    assert pages <= set(named)


def test_a_notification_tells_its_group() -> None:
    (one,) = notify_now([alert_of()], [], [], WALL_NS)
    assert isinstance(one, Notification)
    assert one.alerts == (alert_of(),)
