"""The desk: recorded first, told to every channel, gone on with after any end of the process."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.alerts.alert import Action, Alert, Severity, Status
from polyarb.alerts.engine import Transition
from polyarb.alerts.outbox import Patience
from polyarb.alerts.routing import ESCALATE_NS, PAGE_REPEAT_NS
from polyarb.domain.errors import DeliveryError, RefusedError, StoreError
from polyarb.store.alert_log import RecordLog
from polyarb.store.alerts import (
    AlertRecord,
    AlertRequest,
    DeliveryOutcome,
    DeliveryRecord,
    RequestKind,
    SilenceRecord,
    new_request_id,
    post_request,
)
from polyarb.store.filesystem import FileSystem
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from polyarb.wiring.alerts.channels import PING_PATIENCE
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.outbox import Post
from tests.alert_cases import (
    SECOND_NS,
    START_NS,
    RecordingNotifier,
    StandingClock,
    firing,
    resolved,
)
from tests.journal_cases import UNSYNCED

DOWN = DeliveryError("webhook: expected status 200, found 500; it is tried again")


class World:
    """A workspace's alerts, with channels that can be made to fail and a clock that stands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = StandingClock()
        self.webhook = RecordingNotifier("webhook")
        self.telegram = RecordingNotifier("telegram")
        self.console = RecordingNotifier("console")
        self.reserve = RecordingNotifier("apprise")
        self.patience = Patience()
        self.desk: AlertDesk | None = None

    @property
    def posts(self) -> tuple[Post, ...]:
        return (
            Post(notifier=self.console, is_local=True, patience=self.patience),
            Post(notifier=self.webhook, patience=self.patience),
            Post(notifier=self.telegram, severity_min=Severity.CRITICAL, patience=self.patience),
            Post(notifier=self.reserve, is_reserve=True, patience=self.patience),
        )

    def open(self, posts: Sequence[Post] | None = None, files: FileSystem = UNSYNCED) -> AlertDesk:
        chosen = self.posts if posts is None else posts
        self.desk = AlertDesk(self.directory, chosen, self.clock, files=files)
        return self.desk

    def run(self, desk: AlertDesk) -> None:
        """Let every thread's work be done as far as it is due now."""
        desk.tick()
        desk.look()
        for channel in desk.outbox.channels:
            while desk.deliver(channel):
                pass
        desk.look()

    def later(self, desk: AlertDesk, span_ns: int) -> None:
        self.clock.pass_ns(span_ns)
        self.run(desk)

    def kill(self, desk: AlertDesk) -> None:
        """End without a word, as a killed process does."""
        desk.outbox.close()
        desk.book.close()

    def ask(self, kind: RequestKind, **wishes: object) -> str:
        request = AlertRequest(
            kind=kind,
            by="ann",
            time_ns=self.clock.now_ns(),
            **wishes,  # type: ignore[arg-type]
        )
        request_id = new_request_id(request.time_ns)
        post_request(self.directory / "requests", request_id, request, files=UNSYNCED)
        return request_id

    def lines(self) -> list[AlertRecord]:
        return RecordLog(self.directory / "alerts.jsonl", AlertRecord, files=UNSYNCED).read()[0]

    def deliveries(self) -> list[DeliveryRecord]:
        path = self.directory / "deliveries.jsonl"
        return RecordLog(path, DeliveryRecord, files=UNSYNCED).read()[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path / "alerts")
    yield one
    if one.desk is not None:
        one.desk.book.close()


def moves(*alerts: Alert) -> list[Transition]:
    return [Transition(alert=alert, previous=None, actions=()) for alert in alerts]


def key(alert: Alert) -> str:
    return f"{alert.alert_id}:{alert.status}"


def test_an_alert_is_on_disk_with_the_products_fields_before_anybody_is_told(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    line = msgspec.json.decode((world.directory / "alerts.jsonl").read_bytes())
    assert world.webhook.attempted == []
    assert {
        "alert_id": alert.alert_id,
        "name": "WS_DISCONNECTED",
        "severity": "CRITICAL",
        "status": "FIRING",
        "event_type": "alert",
        "fired_at": "2026-05-28T20:26:40.000000000Z",
        "resolved_at": None,
        "acked_at": None,
    }.items() <= line.items()
    assert line["context"] == {"current_value": 1.0, "threshold": 0.5, "unit": "count"}


def test_a_page_is_told_once_to_each_channel_that_is_to_hear_of_it(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    for _ in range(3):
        world.run(desk)
        desk.take(moves(alert))
    assert world.webhook.keys == world.telegram.keys == world.console.keys == [key(alert)]
    assert world.reserve.attempted == []
    assert len(world.lines()) == 1
    assert {one.outcome for one in world.deliveries()} == {DeliveryOutcome.DELIVERED}
    assert [one.sequence for one in world.deliveries()] == [1, 2, 3]


def test_its_end_is_told_too_and_it_leaves_the_state(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    world.run(desk)
    world.clock.pass_ns(SECOND_NS)
    over = resolved(alert, world.clock.now_ns())
    desk.take(moves(over))
    world.later(desk, 5 * SECOND_NS)
    assert world.webhook.keys == [key(alert), key(over)]
    assert desk.active == ()
    assert desk.saved == (over,)
    assert desk.book.ended == desk.book.sent == {}


def test_a_channel_hears_only_of_what_is_severe_enough(world: World) -> None:
    desk = world.open()
    desk.take(moves(firing("RPC_UNHEALTHY", Severity.WARNING)))
    world.run(desk)
    assert world.webhook.keys == []
    world.later(desk, 30 * SECOND_NS)
    assert len(world.webhook.keys) == 1
    assert world.telegram.keys == []


def test_what_only_is_to_be_logged_is_told_to_nobody(world: World) -> None:
    desk = world.open()
    desk.take(moves(firing(actions=(Action.LOG,))))
    world.run(desk)
    assert world.console.attempted == []
    assert len(world.lines()) == 1


def test_what_never_fired_and_is_over_is_dropped_and_told_to_nobody(world: World) -> None:
    desk = world.open()
    pending = msgspec.structs.replace(firing(), status=Status.PENDING, fired_ns=0)
    desk.take(moves(pending))
    world.run(desk)
    assert desk.active == (pending,)
    desk.take(moves(resolved(pending)))
    world.run(desk)
    assert desk.saved == ()
    assert world.console.attempted == []


def test_a_page_that_was_over_before_anybody_could_be_told_is_told_all_the_same(
    world: World,
) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    desk.take(moves(resolved(alert)))
    world.run(desk)
    assert world.webhook.keys == [key(resolved(alert))]


def test_with_every_channel_down_nothing_is_lost_over_a_restart(world: World) -> None:
    desk, alert = world.open(), firing()
    world.webhook.fault = world.telegram.fault = DOWN
    desk.take(moves(alert))
    world.run(desk)
    assert [len(one.attempted) for one in (world.webhook, world.telegram)] == [1, 1]
    desk.close()
    world.clock.pass_ns(60 * SECOND_NS)
    desk = world.open()
    world.webhook.fault = world.telegram.fault = None
    world.run(desk)
    assert world.webhook.keys == world.telegram.keys == [key(alert)]
    world.run(desk)
    assert len(world.webhook.keys) == 1
    (first, second) = world.webhook.attempted
    assert first.notice_id == second.notice_id


def test_a_failed_round_is_recorded_counted_and_tried_on(world: World) -> None:
    desk, alert = world.open(), firing()
    world.webhook.fault = DOWN
    desk.take(moves(alert))
    world.run(desk)
    for _ in range(3):
        world.later(desk, 6 * SECOND_NS)
    failed = [one for one in world.deliveries() if one.outcome is DeliveryOutcome.FAILED]
    assert [(one.channel, one.attempts, one.keys) for one in failed] == [
        ("webhook", 3, (key(alert),))
    ]
    assert failed[0].reason == str(DOWN)
    (health,) = (one for one in desk.health().channels if one.channel == "webhook")
    assert (health.failed_attempts, health.failures, health.waiting) == (3, 1, 1)
    assert health.last_fault == str(DOWN)
    assert health.failing_ms == health.oldest_ms == 18_000
    world.webhook.fault = None
    world.later(desk, 400 * SECOND_NS)
    assert key(alert) in world.webhook.keys


def test_what_is_given_up_is_recorded(world: World) -> None:
    world.patience = Patience(give_up_ns=10 * SECOND_NS)
    desk = world.open()
    world.webhook.fault = DOWN
    desk.take(moves(firing()))
    world.run(desk)
    for _ in range(5):
        world.later(desk, 6 * SECOND_NS)
    assert DeliveryOutcome.GAVE_UP in {one.outcome for one in world.deliveries()}


def test_when_no_channel_to_the_outside_works_for_long_that_is_told_to_the_trader(
    world: World,
) -> None:
    desk = world.open()
    world.webhook.fault = world.telegram.fault = DOWN
    desk.take(moves(firing()))
    world.run(desk)
    assert not desk.health().is_down
    world.later(desk, 299 * SECOND_NS)
    assert not desk.tick().health.is_down
    # The reserve was never asked, and the console reaches nobody who is away.
    world.later(desk, 2 * SECOND_NS)
    health = desk.tick().health
    assert health.is_down
    assert health.down_ms == 301_000
    world.telegram.fault = None
    world.later(desk, 600 * SECOND_NS)
    assert not desk.tick().health.is_down


def test_without_a_channel_to_the_outside_none_can_be_down(world: World) -> None:
    desk = world.open(world.posts[:1])
    world.console.fault = DOWN
    desk.take(moves(firing()))
    world.later(desk, 10_000 * SECOND_NS)
    assert desk.health().down_ms == 0


def test_a_page_is_repeated_until_somebody_takes_it(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    world.run(desk)
    world.later(desk, PAGE_REPEAT_NS)
    assert world.webhook.taken[1].title.startswith("still CRITICAL")
    world.ask(RequestKind.ACK, alert_ids=(alert.alert_id,))
    (acked,) = desk.tick().acked
    assert (acked.status, acked.acked_by) == (Status.ACKED, "ann")
    for _ in range(5):
        world.later(desk, PAGE_REPEAT_NS)
    assert len(world.webhook.taken) == 2
    assert [line.status for line in world.lines()] == ["FIRING", "ACKED"]
    assert world.lines()[1].acked_by == "ann"


def test_what_nobody_takes_is_told_to_the_reserve_and_so_is_its_end(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    world.run(desk)
    world.later(desk, ESCALATE_NS)
    assert world.reserve.taken[0].title.startswith("nobody took it: CRITICAL")
    desk.take(moves(resolved(alert, world.clock.now_ns())))
    world.later(desk, 10 * SECOND_NS)
    assert world.reserve.keys[-1].endswith(":RESOLVED")


def test_an_acknowledgement_is_not_recorded_twice_when_the_engine_says_it_too(
    world: World,
) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    world.ask(RequestKind.ACK)
    (acked,) = desk.tick().acked
    later = msgspec.structs.replace(acked, acked_ns=acked.acked_ns + 5)
    desk.take(moves(later))
    assert len(world.lines()) == 2
    world.ask(RequestKind.ACK)
    assert desk.tick().acked == ()


def test_a_silence_keeps_an_alert_from_being_told_for_its_time(world: World) -> None:
    desk = world.open()
    until_ns = world.clock.now_ns() + 600 * SECOND_NS
    name = world.ask(
        RequestKind.SILENCE, matcher={"rule": "WS_DISCONNECTED"}, until_ns=until_ns, reason="work"
    )
    world.run(desk)
    alert = firing(time_ns=START_NS)
    desk.take(moves(alert))
    world.run(desk)
    assert world.webhook.attempted == []
    assert len(world.lines()) == 1
    assert list(desk.book.silences) == [name]
    world.later(desk, 600 * SECOND_NS)
    assert world.webhook.keys == [key(alert)]
    assert desk.book.silences == {}


def test_a_silence_can_be_lifted_and_both_are_on_record(world: World) -> None:
    desk = world.open()
    until_ns = world.clock.now_ns() + 600 * SECOND_NS
    name = world.ask(
        RequestKind.SILENCE, matcher={"severity": "WARNING"}, until_ns=until_ns, reason="work"
    )
    world.run(desk)
    world.ask(RequestKind.UNSILENCE, silence_id=name)
    world.ask(RequestKind.UNSILENCE, silence_id="unknown")
    world.run(desk)
    assert desk.book.silences == {}
    log = RecordLog(world.directory / "silences.jsonl", SilenceRecord, files=UNSYNCED)
    first, second = log.read()[0]
    assert (first.by, first.reason, first.matcher) == ("ann", "work", {"severity": "WARNING"})
    assert second.until_at < first.until_at


def test_a_silence_that_may_not_stand_is_told_and_has_no_effect(world: World) -> None:
    desk = world.open()
    world.ask(RequestKind.SILENCE, matcher={}, until_ns=world.clock.now_ns() + 1, reason="work")
    (world.directory / "requests" / "00.json").write_bytes(b"{")
    health = desk.tick().health
    world.run(desk)
    assert desk.book.silences == {}
    assert any("empty" in one for one in health.findings)
    assert any("cannot be understood" in one for one in health.findings)
    assert [path.suffix for path in (world.directory / "requests").iterdir()] == [".refused"]


def test_requests_outlive_a_kill_between_their_effect_and_the_state(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    world.run(desk)
    world.ask(RequestKind.ACK, alert_ids=(alert.alert_id,))
    until_ns = world.clock.now_ns() + 600 * SECOND_NS
    world.ask(RequestKind.SILENCE, matcher={"rule": "A"}, until_ns=until_ns, reason="work")
    desk.tick()
    world.kill(desk)
    desk = world.open()
    assert [one.status for one in desk.active] == [Status.ACKED]
    assert desk.book.silences == {}
    assert desk.tick().acked == ()
    world.run(desk)
    assert len(desk.book.silences) == 1
    assert list((world.directory / "requests").iterdir()) == []
    world.kill(desk)
    assert len(world.open().book.silences) == 1


def test_a_request_is_there_until_its_effect_is_saved(world: World) -> None:
    class Dying(LossyFileSystem):
        def rename(self, source: Path, target: Path) -> None:
            if target.name == "alerts_state.json":
                raise SimulatedCrash
            super().rename(source, target)

    world.directory.mkdir()
    desk = world.open(files=Dying(world.directory))
    until_ns = world.clock.now_ns() + 600 * SECOND_NS
    world.ask(RequestKind.SILENCE, matcher={"rule": "A"}, until_ns=until_ns, reason="work")
    desk.tick()
    with pytest.raises(SimulatedCrash):
        desk.look()
    world.kill(desk)
    desk = world.open()
    desk.tick()
    assert len(desk.book.silences) == 1


def test_only_one_process_holds_the_book(world: World) -> None:
    world.open()
    with pytest.raises(RefusedError, match="book of alerts"):
        AlertDesk(world.directory, (), world.clock, files=UNSYNCED)


def test_on_a_full_disk_people_are_told_and_the_lines_are_written_later(world: World) -> None:
    world.directory.mkdir()
    files = LossyFileSystem(world.directory)
    desk, alert = world.open(files=files), firing()
    files.space = 0
    desk.take(moves(alert))
    world.run(desk)
    assert world.webhook.keys == [key(alert)]
    health = desk.tick().health
    assert health.owed == 1
    assert "free space" in health.fault
    files.space = None
    world.run(desk)
    assert desk.tick().health.owed == 0
    assert desk.tick().health.fault == ""
    assert [line.alert_id for line in world.lines()] == [alert.alert_id]
    assert len(world.deliveries()) == 3


def test_a_disk_that_stays_full_does_not_fill_the_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyarb.wiring.alerts.book.OWED_MAX", 3)
    monkeypatch.setattr("polyarb.wiring.alerts.outbox.OWED_MAX", 2)
    world.directory.mkdir()
    files = LossyFileSystem(world.directory)
    desk = world.open(files=files)
    files.space = 0
    for number in range(5):
        desk.take(moves(firing(f"R{number}")))
        world.run(desk)
    health = desk.health()
    assert (health.owed, health.lost) == (3, 2)


def test_what_waited_for_a_channel_that_is_gone_is_recorded_as_dropped(world: World) -> None:
    desk = world.open()
    world.webhook.fault = DOWN
    desk.take(moves(firing()))
    world.run(desk)
    desk.close()
    world.open(world.posts[:1])
    dropped = [one for one in world.deliveries() if one.outcome is DeliveryOutcome.DROPPED]
    assert [(one.channel, one.alerts) for one in dropped] == [("webhook", 1)]


def test_a_damaged_state_is_rebuilt_from_the_lines_and_what_stands_is_told_again(
    world: World,
) -> None:
    desk, alert, over = world.open(), firing(), firing("OTHER")
    desk.take(moves(alert, over))
    world.run(desk)
    desk.take(moves(resolved(over)))
    world.run(desk)
    desk.close()
    (world.directory / "alerts_state.json").write_bytes(b"{}}")
    desk = world.open()
    assert desk.active == (alert,)
    assert any("rebuilt" in one for one in desk.health().findings)
    told = len(world.webhook.keys)
    world.run(desk)
    assert world.webhook.keys[told:] == [key(alert)]


def test_old_files_go_when_a_desk_opens_and_what_cannot_go_is_told(world: World) -> None:
    desk = world.open()
    desk.take(moves(firing()))
    world.kill(desk)
    old = world.directory / "alerts-20200101-000000000000.jsonl"
    old.write_bytes(b"")
    world.kill(world.open())
    assert not old.exists()
    old.write_bytes(b"")

    class Stuck(LossyFileSystem):
        def remove(self, path: Path) -> None:
            raise PermissionError(13, "Permission denied")

    desk = world.open(files=Stuck(world.directory))
    assert any("cannot remove" in one for one in desk.health().findings)
    assert old.exists()


def test_a_silence_that_the_disk_does_not_take_is_told(world: World) -> None:
    world.directory.mkdir()
    files = LossyFileSystem(world.directory)
    desk = world.open(files=files)
    until_ns = world.clock.now_ns() + 600 * SECOND_NS
    world.ask(RequestKind.SILENCE, matcher={"rule": "A"}, until_ns=until_ns, reason="work")
    files.space = 0
    health = desk.tick().health
    assert "free space" in health.fault
    assert len(desk.book.silences) == 1


def test_a_cooldown_is_remembered_of_the_last_of_many_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyarb.wiring.alerts.book.LATELY_MAX", 2)
    desk = world.open()
    for number in range(1, 4):
        desk.take(moves(resolved(firing(number=number))))
    assert [one.labels["market"] for one in desk.saved] == ["2", "3"]
    desk.look()
    world.kill(desk)
    desk = world.open()
    assert [one.labels["market"] for one in desk.saved] == ["2", "3"]
    assert desk.book.ended == {}
    world.later(desk, 7_201 * SECOND_NS)
    desk.take(moves(firing("B")))
    world.run(desk)
    assert [one.rule for one in desk.saved] == ["B"]


def test_damage_and_unknown_words_in_the_lines_are_told(world: World) -> None:
    desk = world.open()
    desk.take(moves(firing("A"), firing("B"), firing("C")))
    world.kill(desk)
    path = world.directory / "alerts.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first.replace(b"CRITICAL", b"TERRIBLE") + b"?" + second + third + b"torn")
    desk = world.open()
    assert [one.rule for one in desk.active] == ["C"]
    findings = "\n".join(desk.health().findings)
    for expected in ("TERRIBLE", "line 2", "torn end of 4 bytes"):
        assert expected in findings


def test_a_stepped_clock_neither_repeats_nor_delays(world: World) -> None:
    desk, alert = world.open(), firing()
    desk.take(moves(alert))
    world.run(desk)
    for hours in (-1, 2):
        world.clock.now_ns = lambda hours=hours: START_NS + hours * 3_600 * SECOND_NS  # type: ignore[misc]
        world.later(desk, SECOND_NS)
    assert len(world.webhook.keys) == 1
    desk.take(moves(firing("OTHER")))
    world.run(desk)
    assert len(world.webhook.keys) == 2


@settings(max_examples=80)
@given(st.integers(1, 140), st.integers(0, 1_000), st.booleans())
def test_after_a_kill_or_a_power_cut_at_any_moment_everybody_hears_of_everything(
    tmp_path_factory: pytest.TempPathFactory, crash_at: int, seed: int, is_power_cut: bool
) -> None:
    world = World(tmp_path_factory.mktemp("desk") / "alerts")
    world.directory.mkdir()
    files = LossyFileSystem(world.directory, crash_at=crash_at)
    confirmed: list[Alert] = []
    asked: list[Alert] = []
    alerts = [firing(f"R{number}", time_ns=START_NS + number) for number in range(6)]
    try:
        desk = world.open(files=files)
        for number, alert in enumerate(alerts):
            over = [resolved(alerts[number - 1], START_NS + SECOND_NS)] if number % 2 else []
            for one in (alert, *over):
                asked.append(one)
                desk.take(moves(one))
                confirmed.append(one)
            world.later(desk, 6 * SECOND_NS)
    except SimulatedCrash:
        if is_power_cut:
            files.cut_power(seed)
        files.revive()
    if world.desk is not None:
        world.kill(world.desk)
    desk = world.open()
    world.run(desk)
    for _ in range(3):
        world.later(desk, 6 * SECOND_NS)
    told = set(world.webhook.keys)
    last = {alert.alert_id: alert for alert in confirmed}
    # What the process was killed in the middle of may have happened or not.
    open_ended = {one.alert_id for one in asked if one not in confirmed}
    active = {one.alert_id for one in desk.active}
    for alert in last.values():
        # Whoever was over before anybody heard of it is told as over.
        assert key(alert) in told
        if alert.alert_id not in open_ended:
            assert (alert.alert_id in active) is (alert.status is Status.FIRING)
    world.kill(desk)


def test_a_desk_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    for round_ in range(3):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _alert_until_killed(tmp_path, writer, round_)
        os.close(writer)
        confirmed = b""
        while confirmed.count(b"\n") < 15:
            confirmed += os.read(reader, 4096)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 4096):
            confirmed += more
        os.close(reader)
        world = World(tmp_path)
        desk = world.open()
        rules = {one.rule for one in desk.active}
        world.run(desk)
        world.kill(desk)
        assert {line.decode() for line in confirmed.splitlines()} <= rules
        assert desk.health().findings == () or "torn" in desk.health().findings[0]
        assert len(world.console.taken) < len(rules)


def _alert_until_killed(directory: Path, writer: int, round_: int) -> None:
    """Take alerts, and only then confirm, for ever; a child never comes back from here."""
    try:
        world = World(directory)
        desk = world.open()
        number = 0
        while True:
            rule = f"R{round_}x{number}"
            desk.take(moves(firing(rule)))
            os.write(writer, f"{rule}\n".encode())
            number += 1
            if number % 3 == 0:
                world.run(desk)
    finally:
        os._exit(1)


def test_a_state_that_cannot_be_written_is_told_and_written_later(world: World) -> None:
    desk = world.open()

    def refuse(*_: object) -> None:
        raise StoreError("no")

    written = desk.book.save
    desk.book.save = refuse  # type: ignore[method-assign]
    desk.take(moves(firing()))
    world.run(desk)
    assert desk.health().fault == "no"
    desk.book.save = written  # type: ignore[method-assign]
    desk.look()
    assert b"WS_DISCONNECTED" in (world.directory / "alerts_state.json").read_bytes()


def beat() -> Alert:
    return firing("DEAD_MAN", Severity.INFO)


def pinged(world: World, fault: DeliveryError | None = None) -> tuple[AlertDesk, RecordingNotifier]:
    pinger = RecordingNotifier("ping")
    pinger.fault = fault
    posts = (*world.posts, Post(notifier=pinger, patience=PING_PATIENCE, is_pinger=True))
    return world.open(posts), pinger


def test_the_heartbeat_goes_to_the_pinger_alone_each_minute_and_nothing_else_does(
    world: World,
) -> None:
    desk, pinger = pinged(world)
    desk.take(moves(beat(), firing("RISK_BREACH")))
    world.run(desk)
    world.later(desk, 59 * SECOND_NS)
    assert [one.title for one in pinger.taken] == ["INFO FIRING: DEAD_MAN"]
    world.later(desk, SECOND_NS)
    assert len(pinger.taken) == 2
    assert not any("DEAD_MAN" in key for key in (*world.webhook.keys, *world.console.keys))
    assert len(world.webhook.taken) == 1
    assert not {"ping"} & {one.channel for one in world.deliveries()}


def test_pings_end_when_the_loop_stands_still_and_go_on_when_it_turns_again(world: World) -> None:
    desk, pinger = pinged(world)
    desk.take(moves(beat()))
    world.run(desk)
    for _ in range(10):
        world.clock.pass_ns(60 * SECOND_NS)
        desk.look()
        desk.deliver("ping")
    assert len(pinger.taken) == 1
    world.run(desk)
    assert len(pinger.taken) == 2


def test_a_heartbeat_that_is_over_is_told_no_more(world: World) -> None:
    desk, pinger = pinged(world)
    alive = beat()
    desk.take(moves(alive))
    world.run(desk)
    desk.take(moves(resolved(alive)))
    for _ in range(5):
        world.later(desk, 60 * SECOND_NS)
    assert len(pinger.taken) == 1


def test_a_ping_that_fails_is_tried_again_counted_given_up_and_says_nothing_of_the_channels(
    world: World,
) -> None:
    desk, pinger = pinged(world, DOWN)
    desk.take(moves(beat()))
    world.run(desk)
    for _ in range(60):
        world.later(desk, 10 * SECOND_NS)
    health = desk.tick().health
    (one,) = (each for each in health.channels if each.channel == "ping")
    assert one.failed_attempts == len(pinger.attempted) > 12
    assert one.waiting <= 1
    assert one.oldest_ms <= 30_000
    assert (health.down_ms, health.is_down) == (0, False)
    pinger.fault = None
    world.later(desk, 60 * SECOND_NS)
    assert len(pinger.taken) == 1


def test_a_restart_sends_no_ping_before_the_loop_turns(world: World) -> None:
    desk, pinger = pinged(world, DOWN)
    desk.take(moves(beat()))
    world.run(desk)
    desk.close()
    desk, pinger = pinged(world)
    desk.look()
    assert not desk.deliver("ping")
    world.clock.pass_ns(60 * SECOND_NS)
    world.run(desk)
    assert len(pinger.taken) == 1


def test_nobody_takes_the_heartbeat_on(world: World) -> None:
    desk, pinger = pinged(world)
    page = firing("RISK_BREACH")
    desk.take(moves(beat(), page))
    world.run(desk)
    world.ask(RequestKind.ACK)
    acked = desk.tick().acked
    assert [one.rule for one in acked] == ["RISK_BREACH"]
    world.later(desk, 60 * SECOND_NS)
    assert len(pinger.taken) == 2
