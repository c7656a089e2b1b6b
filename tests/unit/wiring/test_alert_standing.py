"""What stands at a glance, from an engine and from the files of a workspace alike."""

import os
from pathlib import Path

import pytest
from polyarb.alerts.alert import Alert, Severity, Status
from polyarb.alerts.engine import Transition
from polyarb.domain.errors import UsageError
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.orders import acknowledge
from polyarb.wiring.alerts.outbox import Post
from polyarb.wiring.alerts.standing import WORST_MAX, read_standing, standing_of, watch_age_s
from tests.alert_cases import SECOND_NS, START_NS, RecordingNotifier, StandingClock, firing
from tests.journal_cases import UNSYNCED


def pending() -> Alert:
    import msgspec

    return msgspec.structs.replace(firing("DISK_LOW"), status=Status.PENDING, fired_ns=0)


def many() -> list[Alert]:
    warnings = [
        firing(f"RULE_{number}", Severity.WARNING, time_ns=START_NS + number * SECOND_NS)
        for number in reversed(range(6))
    ]
    page = firing("RISK_BREACH", time_ns=START_NS + 60 * SECOND_NS)
    return [*warnings, firing("DEAD_MAN", Severity.INFO), pending(), page]


def test_the_worst_and_then_the_oldest_are_named_and_the_heartbeat_is_none() -> None:
    found = standing_of(many(), undelivered=2, watch_age_s=1.0)
    assert found.counts == {"CRITICAL": 1, "WARNING": 6}
    names = [one.rule for one in found.worst]
    assert names == ["RISK_BREACH", "RULE_0", "RULE_1", "RULE_2", "RULE_3"]
    assert len(names) == WORST_MAX
    assert found.worst[0].since == "2026-05-28T20:27:40"
    assert (found.undelivered, found.watch_age_s) == (2, 1.0)


def test_a_workspace_tells_the_same_of_the_trader_and_of_the_watch(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    trader, watcher = many(), firing("TRADER_HUNG")
    for directory, alerts in ((place.alerts_dir, trader), (place.watch_alerts_dir, [watcher])):
        webhook = Post(notifier=RecordingNotifier())
        desk = AlertDesk(directory, [webhook], StandingClock(), files=UNSYNCED)
        desk.take([Transition(alert=one, previous=None, actions=()) for one in alerts])
        desk.close()
    found = read_standing(place, START_NS)
    both = standing_of([*trader, watcher], undelivered=found.undelivered, watch_age_s=None)
    assert found == both
    assert found.undelivered == 8  # the heartbeat and what is pending are told to nobody


def test_the_heartbeat_is_no_alert_that_a_person_can_take_on(tmp_path: Path) -> None:
    place, beat, page = Workspace(tmp_path), firing("DEAD_MAN", Severity.INFO), firing("HERE")
    desk = AlertDesk(place.alerts_dir, [], StandingClock(), files=UNSYNCED)
    desk.take([Transition(alert=one, previous=None, actions=()) for one in (beat, page)])
    desk.close()
    with pytest.raises(UsageError, match="expected the id of an alert that fires"):
        acknowledge(place, [beat.alert_id], by="ann", now_ns=START_NS)
    assert acknowledge(place, [page.alert_id], by="ann", now_ns=START_NS).processes == ()
    assert [one.acked_by for one in read_standing(place, START_NS).worst] == ["ann"]


def test_the_age_of_the_watch_is_that_of_its_last_look(tmp_path: Path) -> None:
    path = tmp_path / "watch"
    assert watch_age_s(path) is None
    path.touch()
    os.utime(path, (1_000, 1_000))
    assert watch_age_s(path, 1_007.5) == 7.5
    assert watch_age_s(path, 900) == 0
    assert (watch_age_s(path) or 0) > 1_000_000
