"""`polyarb alerts list|ack|silence|silences` as typed, in a workspace where nothing runs."""

import json
import subprocess
from pathlib import Path

import pytest
from polyarb.alerts.engine import Transition
from polyarb.host.clock import SystemClock
from polyarb.store.workspace import create_workspace, open_workspace, shipped_templates
from polyarb.wiring.alerts.desk import AlertDesk
from tests.acceptance.app import command, environment
from tests.alert_cases import firing
from tests.journal_cases import UNSYNCED


@pytest.fixture
def place(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    create_workspace(root, shipped_templates())
    now_ns = SystemClock().now_ns()
    desk = AlertDesk(open_workspace(root).alerts_dir, (), SystemClock(), files=UNSYNCED)
    desk.take([Transition(alert=firing(time_ns=now_ns), previous=None, actions=())])
    desk.close()
    return root


def polyarb(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("alerts", *words),
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_alert_is_listed_taken_and_silenced_by_hand(place: Path) -> None:
    listed = json.loads(polyarb(place, "list", "--json").stdout)
    (alert,) = listed["active_alerts"]
    assert (alert["name"], alert["status"], listed["total_active"]) == (
        "WS_DISCONNECTED",
        "FIRING",
        1,
    )
    acked = polyarb(place, "ack", alert["alert_id"], "--by", "ann")
    assert (acked.returncode, acked.stderr) == (0, "")
    assert acked.stdout.endswith("; done\n")
    assert ", taken by ann)" in polyarb(place, "list").stdout
    silenced = polyarb(
        place, "silence", "rule=WS_DISCONNECTED", "--for", "30m", "--by", "ann", "--reason", "works"
    )
    assert silenced.returncode == 0
    assert "by ann: works" in polyarb(place, "silences").stdout


def test_a_rule_that_is_none_is_not_silenced(place: Path) -> None:
    refused = polyarb(place, "silence", "rule=WS_DISCONECTED", "--for", "30m", "--reason", "works")
    assert refused.returncode == 2
    assert refused.stderr.startswith("polyarb: rule=WS_DISCONECTED: expected a rule")
    assert polyarb(place, "silences").stdout == "no silence holds\n"


def test_an_unknown_alert_is_a_wrong_argument(place: Path) -> None:
    refused = polyarb(place, "ack", "alert-0000000000")
    assert refused.returncode == 2
    assert "see `polyarb alerts list`" in refused.stderr
