"""The drill `alert-delivery` tries the operator's own channels; what is missing fails it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from polyarb.config import load_phase_profile
from polyarb.config.alert_channels import load_alert_channels
from polyarb.config.alerts import load_alerts
from polyarb.domain.errors import UsageError
from polyarb.domain.limits import Phase
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.alerts.receiver import LoopbackReceiver
from polyarb.wiring.drills import alert_delivery
from polyarb.wiring.drills.alert_delivery import PAGE
from polyarb.wiring.drills.room import DrillRoom, UnprovenError, drill_workspace
from tests.webhook_server import KEY, Manner, WebhookServer

CANARY = "c4n4ry-Zq7Xw9Lm2Kp5"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


@pytest.fixture
def server(place: Workspace) -> Iterator[WebhookServer]:
    """Let the operator have a webhook and a pinger, whose addresses are secrets."""
    with WebhookServer() as one:
        place.alert_channels_file.write_text("webhook: {enabled: true}\nping: {enabled: true}\n")
        place.env_file.write_text(
            f"ALERT_WEBHOOK_URL={one.url}/{CANARY}\nALERT_WEBHOOK_KEY={KEY}\n"
            f"ALERT_PING_URL={one.url}/{CANARY}\n"
        )
        place.env_file.chmod(0o600)
        yield one


def room_of(place: Workspace, workspace: Workspace) -> tuple[DrillRoom, list[str]]:
    notes: list[str] = []
    room = DrillRoom(
        own=place,
        workspace=workspace,
        profile=load_phase_profile(place, Phase.SHADOW).profile,
        deadline_s=time.monotonic() + 60,
        note=notes.append,
    )
    return room, notes


def test_each_channel_that_leads_outside_gets_one_test_notice_and_the_pinger_none(
    place: Workspace, server: WebhookServer
) -> None:
    room, notes = room_of(place, place)
    alert_delivery._try_own_channels(room)
    (one,) = server.received
    assert (one.content["event_type"], one.is_signed) == ("test", True)
    assert notes == ["a test notice was taken by webhook"]


def test_a_channel_that_does_not_take_it_is_named_and_its_secret_is_not(
    place: Workspace, server: WebhookServer
) -> None:
    server.manner = Manner(status=500, body=CANARY.encode())
    room, _ = room_of(place, place)
    with pytest.raises(UnprovenError, match=r"webhook: .*found 500") as caught:
        alert_delivery._try_own_channels(room)
    assert CANARY not in str(caught.value)


def test_without_channels_to_the_outside_that_is_said(place: Workspace) -> None:
    room, notes = room_of(place, place)
    alert_delivery._try_own_channels(room)
    assert notes == ["no channel leads outside"]


def test_a_room_tells_nobody_and_the_drill_tells_its_receiver_alone(
    place: Workspace, server: WebhookServer, tmp_path: Path
) -> None:
    with drill_workspace(place, tmp_path / "room") as workspace, LoopbackReceiver() as receiver:
        assert load_alert_channels(workspace).webhook is None
        before = {rule.rule_id for rule in load_alerts(workspace).rules}
        alert_delivery._set_up(workspace, receiver)
        channels = load_alert_channels(workspace)
        assert channels.webhook is not None
        assert channels.webhook.url.reveal() == receiver.url
        assert (channels.console, channels.ping) == (None, None)
        rules = {rule.rule_id: rule for rule in load_alerts(workspace).rules}
        assert rules.keys() == {*before, PAGE}
        assert rules[PAGE].is_page
    assert PAGE not in place.alerts_file.read_text()


def test_rules_with_faults_fail_the_drill(place: Workspace, tmp_path: Path) -> None:
    text = place.alerts_file.read_text()
    place.alerts_file.write_text(text.replace("ws_connected == false", "ws_conected == false"))
    with (
        drill_workspace(place, tmp_path / "room") as workspace,
        LoopbackReceiver() as receiver,
        pytest.raises(UsageError, match="ws_connected"),
    ):
        alert_delivery._set_up(workspace, receiver)
