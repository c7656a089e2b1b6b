"""Alert rules inside a running trader: they act first, then tell; a replay sees what they did."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb, command, environment

TAPE = ("--tape", "data/samples/tape_hockey.jsonl.gz", "--speed", "1")
RULE = """
  {rule}:
    severity: CRITICAL
    summary: A rule of a test
    expr: {expr}
    actions: [log, notify, {action}]
"""


def _add_rule(workspace: Path, rule: str, expr: str, action: str) -> None:
    path = workspace / "config/alerts.production.yaml"
    path.write_text(path.read_text() + RULE.format(rule=rule, expr=expr, action=action))


def _records(workspace: Path, kind: str) -> list[dict[str, object]]:
    lines = (workspace / "data/events.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record["data"] for record in records if record["event_type"] == kind]


def _alerts(workspace: Path, rule: str) -> list[str]:
    lines = (workspace / "data/alerts/alerts.jsonl").read_text().splitlines()
    return [one["status"] for one in map(json.loads, lines) if one["name"] == rule]


def test_a_rule_halts_latches_tells_and_is_replayed(workspace: Path, polyarb: Polyarb) -> None:
    _add_rule(workspace, "TICKS", "loop_ticks >= 2", "halt")
    ran = polyarb("start", "--phase", "shadow", *TAPE, "--duration", "5s")
    assert ran.returncode == 0, ran.stderr
    (halted,) = _records(workspace, "OperatorHalted")
    assert (halted["actor"], halted["reason"]) == ("alert", "TICKS: A rule of a test")
    latch = json.loads((workspace / "data/control/halt.json").read_text())
    assert latch["actor"] == "alert"
    assert _alerts(workspace, "TICKS") == ["FIRING"]
    assert "TICKS" in ran.stderr
    assert polyarb("replay", "verify").returncode == 0
    again = polyarb("start", "--phase", "shadow", *TAPE, "--duration", "1s")
    assert "a halt is latched" in again.stderr


def test_a_rule_that_kills_ends_the_run(workspace: Path, polyarb: Polyarb) -> None:
    _add_rule(workspace, "TICKS", "loop_ticks >= 2", "kill")
    ran = polyarb("start", "--phase", "shadow", *TAPE, "--json")
    assert json.loads(ran.stdout)["stop_reason"] == "killed by alert TICKS"
    assert (workspace / "data/control/halt.json").exists()
    assert len(_records(workspace, "RunStopped")) == 1


def test_a_rule_that_reduces_lets_go_again_once_it_is_over(
    workspace: Path, polyarb: Polyarb
) -> None:
    _add_rule(workspace, "TICKS", "loop_ticks == 2", "reduce")
    ran = polyarb("start", "--phase", "shadow", *TAPE, "--duration", "6s")
    assert ran.returncode == 0, ran.stderr
    assert [one["is_over"] for one in _records(workspace, "OperatorReduced")] == [False, True]
    states = [one["current"] for one in _records(workspace, "TradingStateChanged")]
    assert states == ["RECONCILING", "ACTIVE", "REDUCING", "ACTIVE", "HALTED"]
    assert not (workspace / "data/control/halt.json").exists()
    assert polyarb("replay", "verify").returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("expr: ws_connected == false", "expr: ws_conected == false", "ws_connected"),
        ("expr: latency_p95_ms >= 500ms", "expr: latency_p95_ms >= 3%", "latency_p95_ms"),
        ("severity: CRITICAL", "severty: CRITICAL", "severity"),
    ],
)
def test_a_rule_with_a_fault_lets_no_run_begin(
    workspace: Path, polyarb: Polyarb, old: str, new: str, said: str
) -> None:
    path = workspace / "config/alerts.production.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    ran = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert ran.returncode == 2
    assert "config/alerts.production.yaml:" in ran.stderr
    assert said in ran.stderr
    assert not (workspace / "data/events.jsonl").exists()


def test_without_rules_no_run_begins(workspace: Path, polyarb: Polyarb) -> None:
    (workspace / "config/alerts.production.yaml").unlink()
    ran = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert ran.returncode in (2, 4)
    assert "alerts.production.yaml" in ran.stderr


def test_an_alert_that_fires_survives_a_kill_and_is_not_fired_twice(
    workspace: Path, polyarb: Polyarb
) -> None:
    _add_rule(workspace, "TICKS", "loop_ticks >= 1", "reduce")
    killed = subprocess.Popen(
        command("start", "--phase", "shadow", *TAPE),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert killed.stderr is not None
    for line in killed.stderr:
        if "TICKS" in line:
            break
    killed.kill()
    killed.communicate()
    assert _alerts(workspace, "TICKS") == ["FIRING"]
    ran = polyarb("start", "--phase", "shadow", *TAPE, "--duration", "3s")
    assert ran.returncode == 0, ran.stderr
    assert _alerts(workspace, "TICKS").count("FIRING") == 1
    reduced = [one["is_over"] for one in _records(workspace, "OperatorReduced")]
    assert reduced[:2] == [False, False]
