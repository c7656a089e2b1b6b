"""Alerts drilled as typed, and the stream lost for real: reported, acted on, let go in shadow."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb
from tests.acceptance.test_start_live import launch, verified, wait_for_messages
from tests.live_world import list_instruments, point_at
from tests.webhook_server import KEY, WebhookServer
from tests.wire_server import Opening, ThreadedWire, Venue, WireServer

LATE = "expected the first attempt within"
"""What a drill says of a machine that is too busy: true of the machine, no fault of the rules."""


def test_one_rule_is_drilled_and_told_in_a_table(polyarb: Polyarb) -> None:
    ran = polyarb("alerts", "drill", "RISK_BREACH", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "first attempt ms" in ran.stdout
    (line,) = [one for one in ran.stdout.splitlines() if "RISK_BREACH" in one]
    assert "log, notify, halt" in line
    assert line.rstrip().endswith("passed")


def test_a_rule_that_is_not_there_is_a_wrong_word_and_one_without_a_case_is_not_proven(
    polyarb: Polyarb, workspace: Path
) -> None:
    ran = polyarb("alerts", "drill", "RISK_BREECH")
    assert ran.returncode == 2
    assert "expected RISK_BREACH (the nearest), found RISK_BREECH" in ran.stderr
    cases = workspace / "config" / "alert_cases" / "money.yaml"
    cases.unlink()
    ran = polyarb("alerts", "drill", "PNL_DRAWDOWN", "--quick", "--json")
    assert ran.returncode == 1
    (row,) = json.loads(ran.stdout)["rules"]
    assert row["fault"] == "no case under config/alert_cases/ makes its condition hold"


@pytest.mark.slow
def test_every_shipped_rule_and_the_faults_that_can_be_made_are_drilled(polyarb: Polyarb) -> None:
    rules = {one["rule_id"] for one in json.loads(polyarb("alerts", "rules", "--json").stdout)}
    ran = polyarb("alerts", "drill", "--json")
    told = json.loads(ran.stdout)
    faults = [one["fault"] for one in told["rules"] if one["fault"]]
    assert [fault for fault in faults if not fault.startswith(LATE)] == []
    assert {one["rule_id"] for one in told["rules"]} == rules
    assert [one["name"] for one in told["faults"]] == ["breaker", "feed-loss", "kill", "watchdog"]
    assert all(one["outcome"]["passed"] for one in told["faults"]), told["faults"]
    assert ran.returncode == (1 if faults else 0)


@pytest.fixture
def receiver(workspace: Path) -> Iterator[WebhookServer]:
    """Let the operator have a webhook of their own."""
    with WebhookServer() as one:
        channels = workspace / "config" / "alert_channels.yaml"
        channels.write_text("webhook: {enabled: true}\n")
        secrets = workspace / ".env"
        secrets.write_text(f"ALERT_WEBHOOK_URL={one.url}\nALERT_WEBHOOK_KEY={KEY}\n")
        secrets.chmod(0o600)
        yield one


@pytest.mark.slow
def test_a_page_in_a_real_process_halts_and_is_delivered_and_go_no_go_reads_that(
    polyarb: Polyarb, receiver: WebhookServer
) -> None:
    ran = polyarb("drill", "alert-delivery", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ((report,)) = json.loads(ran.stdout)
    times, tried = report["outcome"]["findings"]
    for word in ("fired", "latched", "recorded", "delivered", "seen halted in the journal"):
        assert f"{word} after " in times
    assert tried == "a test notice was taken by webhook"
    assert [one.content["event_type"] for one in receiver.received] == ["test"]
    found = json.loads(polyarb("go-no-go", "--phase", "micro-live", "--json").stdout)
    (check,) = [one for one in found["record"]["checks"] if one["check_id"] == "O3"]
    assert check["status"] == "PASS", check


def lose(server: WireServer) -> None:
    """Cut every connection, and refuse so many that follow."""
    server.openings.extend([Opening.REFUSED] * 10_000)
    for channel in list(server.channels):
        channel.drop()


def take_again(server: WireServer) -> None:
    server.openings.clear()


def journal(workspace: Path, kind: str) -> list[dict[str, object]]:
    lines = (workspace / "data" / "events.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [one["data"] for one in records if one["event_type"] == kind]


def wait_for_journal(workspace: Path, kind: str, count: int) -> None:
    deadline = time.monotonic() + 90
    while len(journal(workspace, kind)) < count:
        assert time.monotonic() < deadline, f"expected {count} {kind}"
        time.sleep(0.1)


@pytest.mark.slow
def test_in_shadow_a_lost_stream_reduces_and_measuring_goes_on_once_it_is_back(
    polyarb: Polyarb, workspace: Path
) -> None:
    with ThreadedWire(Venue(6, seed=3), move_ms=2) as wire:
        wire.call(list_instruments)
        point_at(workspace, wire, connect_ms_max=4_000, request_ms_max=1_000)
        process = launch(workspace)
        wait_for_messages(workspace, 50)
        wire.call(lose)
        wait_for_journal(workspace, "OperatorReduced", 1)
        shown = polyarb("status").stdout
        assert "alerts: 1 CRITICAL" in shown
        assert "CRITICAL  WS_DISCONNECTED since " in shown
        wire.call(take_again)
        wait_for_journal(workspace, "OperatorReduced", 2)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert [one["is_over"] for one in journal(workspace, "OperatorReduced")] == [False, True]
    assert journal(workspace, "OperatorHalted") == []
    states = [one["current"] for one in journal(workspace, "TradingStateChanged")]
    assert states == ["RECONCILING", "ACTIVE", "REDUCING", "ACTIVE", "HALTED"]
    assert not (workspace / "data" / "control" / "halt.json").exists()
    assert "alerts that fired: WS_DISCONNECTED 1" in out
    assert " alerts=WS_DISCONNECTED" in err
    assert len(verified(polyarb)) == 1
