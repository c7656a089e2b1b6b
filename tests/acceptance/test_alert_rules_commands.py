"""`polyarb alerts rules|test|export` as typed, in a fresh workspace."""

import json
from pathlib import Path

from tests.acceptance.app import Polyarb


def test_the_rules_of_a_fresh_workspace_are_listed(polyarb: Polyarb) -> None:
    shown = polyarb("alerts", "rules")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "LATENCY_P95_HIGH" in shown.stdout
    assert "latency_p95_ms >= 500ms" in shown.stdout
    rules = json.loads(polyarb("alerts", "rules", "--json").stdout)
    assert len(rules) >= 17
    first = rules[0]
    assert (first["rule_id"], first["severity"], first["for_s"]) == (
        *("WS_DISCONNECTED", "CRITICAL"),
        10,
    )
    smaller = polyarb("alerts", "rules", "--rules", "config/alerts.yaml", "--json")
    assert len(json.loads(smaller.stdout)) == 9


def test_a_rule_file_with_faults_is_refused_with_all_of_them(
    polyarb: Polyarb, workspace: Path
) -> None:
    path = workspace / "config" / "alerts.production.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("ws_connected == false", "ws_conected == false").replace(
            "latency_p95_ms >= 500ms", "latency_p95_ms >= 500"
        ),
        encoding="utf-8",
    )
    for words in (("rules",), ("test",), ("export", "--prometheus")):
        refused = polyarb("alerts", *words)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "rules.WS_DISCONNECTED.expr: expected ws_connected (the nearest)" in refused.stderr
        assert "expected a time such as 500ms, found a number without a unit" in refused.stderr


def test_the_shipped_cases_pass_and_a_changed_rule_fails_some(
    polyarb: Polyarb, workspace: Path
) -> None:
    cases = workspace / "config" / "alert_cases"
    passed = polyarb("alerts", "test", "config/alert_cases/events.yaml", "--json")
    assert passed.returncode == 0
    report = json.loads(passed.stdout)
    assert (report["failures"], report["files"]) == ([], 1)
    rules = workspace / "config" / "alerts.production.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("detected > 0", "detected > 1"), encoding="utf-8")
    failed = polyarb("alerts", "test", str(cases / "events.yaml"))
    assert failed.returncode == 1
    assert "OPPORTUNITY_DETECTED at 10s: expected {" in failed.stdout
    assert "found no alert" in failed.stdout


def test_a_rule_without_cases_is_told(polyarb: Polyarb, workspace: Path) -> None:
    for path in (workspace / "config" / "alert_cases").glob("*.yaml"):
        if path.name != "events.yaml":
            path.unlink()
    lacking = polyarb("alerts", "test")
    assert lacking.returncode == 1
    assert "WS_DISCONNECTED lacks a case in which it fires" in lacking.stdout
    assert "TRADE_EXECUTED lacks" not in lacking.stdout
    (workspace / "config" / "alert_cases" / "events.yaml").unlink()
    assert polyarb("alerts", "test").returncode == 2


def test_the_rules_are_exported_for_prometheus_only_when_asked(polyarb: Polyarb) -> None:
    exported = polyarb("alerts", "export", "--prometheus")
    assert exported.returncode == 0
    assert "- alert: WS_DISCONNECTED" in exported.stdout
    rules = json.loads(polyarb("alerts", "rules", "--json").stdout)
    assert exported.stdout.count("- alert: ") == len(rules)
    refused = polyarb("alerts", "export")
    assert (refused.returncode, refused.stdout) == (2, "")
