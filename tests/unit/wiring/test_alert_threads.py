"""Delivery as it runs: threads, a real receiver, restarts; nothing here waits for a clock."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from polyarb.alerts.alert import Alert
from polyarb.alerts.channels import AlertSettings, WebhookChannel
from polyarb.alerts.engine import Transition
from polyarb.alerts.outbox import Patience
from polyarb.domain.secret import Secret
from polyarb.host.clock import SystemClock
from polyarb.ports import Notice
from polyarb.wiring.alerts.channels import build_posts
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.outbox import Post
from tests.alert_cases import RecordingNotifier, firing
from tests.journal_cases import UNSYNCED
from tests.webhook_server import KEY, Manner, WebhookServer

CANARY = "c4n4ry-Zq7Xw9Lm2Kp5"
CLOCK = SystemClock()


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with WebhookServer() as one:
        yield one


def settings(server: WebhookServer) -> AlertSettings:
    return AlertSettings(
        console=None,
        webhook=WebhookChannel(
            url=Secret(f"{server.url}/{CANARY}"),
            signing_key=Secret(KEY),
            retry_ms=20,
            timeout_ms=5_000,
        ),
    )


def opened(directory: Path, server: WebhookServer) -> AlertDesk:
    posts = build_posts(settings(server), CLOCK, lambda _line: None)
    desk = AlertDesk(directory, posts, CLOCK, files=UNSYNCED)
    desk.start()
    return desk


def page(rule: str = "WS_DISCONNECTED") -> Alert:
    return firing(rule, time_ns=CLOCK.now_ns())


def moves(*alerts: Alert) -> list[Transition]:
    return [Transition(alert=alert, previous=None, actions=()) for alert in alerts]


def test_a_page_reaches_a_healthy_channel_signed_and_once(
    tmp_path: Path, server: WebhookServer
) -> None:
    desk, alert = opened(tmp_path, server), page()
    desk.take(moves(alert))
    (one,) = server.wait_for(1)
    desk.close()
    assert one.is_signed
    assert one.content["alert_id"] == alert.alert_id
    assert one.headers["x-polyarb-id"] == f"{alert.alert_id}:FIRING"
    assert len(server.received) == 1


def test_what_no_channel_took_is_delivered_once_they_are_back_over_a_restart(
    tmp_path: Path, server: WebhookServer
) -> None:
    server.manner = Manner(status=503)
    desk, first = opened(tmp_path, server), page("FIRST")
    desk.take(moves(first))
    server.wait_for(2, is_taken=False)
    desk.close()
    assert server.accepted == []
    second = page("SECOND")
    desk = opened(tmp_path, server)
    desk.take(moves(second))
    server.manner = Manner()
    accepted = server.wait_for(2)
    desk.close()
    ids = {str(one.content["alert_id"]) for one in accepted}
    assert ids == {first.alert_id, second.alert_id}
    assert len(accepted) == 2


def test_the_secret_address_is_in_no_file_of_the_desk(
    tmp_path: Path, server: WebhookServer
) -> None:
    server.manner = Manner(status=500, body=CANARY.encode())
    desk = opened(tmp_path, server)
    desk.take(moves(page()))
    server.wait_for(3, is_taken=False)
    desk.close()
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert b"expected status 200, found 500" in b"".join(texts)
    for text in texts:
        assert CANARY.encode() not in text
        assert KEY.encode() not in text
    assert CANARY not in repr(desk.health())


class Hanging:
    """A channel that takes nothing until it is let go, whatever its deadline should have been."""

    name = "hanging"

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    def send(self, notice: Notice) -> None:
        self.entered.set()
        self.let_go.wait(30)


def test_a_channel_that_hangs_delays_neither_another_nor_the_trader(tmp_path: Path) -> None:
    hanging, healthy = Hanging(), Signalling()
    posts = [Post(notifier=hanging), Post(notifier=healthy)]
    desk = AlertDesk(tmp_path, posts, CLOCK, files=UNSYNCED)
    desk.start()
    desk.take(moves(page("FIRST")))
    assert hanging.entered.wait(20)
    desk.take(moves(page("SECOND")))
    healthy.wait_for(2)
    assert desk.tick().health.channels[0].waiting >= 1
    hanging.let_go.set()
    desk.close()


class Signalling(RecordingNotifier):
    """Tells when it took something."""

    def __init__(self) -> None:
        super().__init__("signalling")
        self._took = threading.Condition()

    def send(self, notice: Notice) -> None:
        with self._took:
            super().send(notice)
            self._took.notify_all()

    def wait_for(self, count: int) -> None:
        with self._took:
            assert self._took.wait_for(lambda: len(self.taken) >= count, 20)


class Breaking:
    """A channel with a mistake of ours in it."""

    name = "breaking"

    def send(self, notice: Notice) -> None:
        raise AssertionError("a mistake")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sender_that_breaks_is_seen_and_counts_as_failing(tmp_path: Path) -> None:
    desk = AlertDesk(tmp_path, [Post(notifier=Breaking())], CLOCK, down_ns_max=1, files=UNSYNCED)
    desk.start()
    desk.take(moves(page()))
    for thread in threading.enumerate():
        if thread.name == "alert-breaking":
            thread.join(20)
    (channel,) = desk.health().channels
    assert not channel.is_alive
    assert desk.health().is_routing
    desk.close()
    assert desk.outbox.waiting == 1


def test_a_close_sends_what_is_due_and_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    notifier = Signalling()
    posts = [Post(notifier=notifier, patience=Patience(again_ns=3_600 * 10**9))]
    desk = AlertDesk(tmp_path, posts, CLOCK, files=UNSYNCED)
    desk.start()
    desk.take(moves(page("SAME")))
    notifier.wait_for(1)
    desk.take(moves(firing("SAME", number=2, time_ns=CLOCK.now_ns()), page("OTHER")))
    desk.close()
    assert [notice.title for notice in notifier.taken] == [
        "CRITICAL FIRING: SAME",
        "CRITICAL FIRING: OTHER",
    ]
    again = AlertDesk(tmp_path, posts, CLOCK, files=UNSYNCED)
    assert again.outbox.waiting == 1
    again.start()
    notifier.wait_for(3)
    again.close()


def test_a_storm_is_few_notices_and_every_alert_is_on_record(tmp_path: Path) -> None:
    notifier = Signalling()
    desk = AlertDesk(tmp_path, [Post(notifier=notifier)], CLOCK, files=UNSYNCED)
    desk.start()
    now_ns = CLOCK.now_ns()
    alerts = [firing("STORM", number=number, time_ns=now_ns) for number in range(1, 2_001)]
    for start in range(0, 2_000, 50):
        desk.take(moves(*alerts[start : start + 50]))
    desk.take(moves(page("OTHER")))
    desk.close()
    assert (tmp_path / "alerts.jsonl").read_bytes().count(b"\n") == 2_001
    assert len(notifier.taken) <= 5
    assert "CRITICAL FIRING: OTHER" in {notice.title for notice in notifier.taken}
