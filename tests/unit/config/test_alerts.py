"""Alert files: every fault with its place, key and the nearest word; both forms; the cases."""

from pathlib import Path

import pytest
from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.rules import Behaviour
from polyarb.config.alert_cases import load_cases, run_cases
from polyarb.config.alerts import AlertFile, load_alerts, read_alerts
from polyarb.config.document import parse_document
from polyarb.config.nodes import Layer, Origin
from polyarb.domain.errors import StoreError, UsageError
from polyarb.domain.limits import Envelope, Phase
from polyarb.domain.units import MICRO
from polyarb.store.workspace import Workspace
from tests.alert_rules import ROOT, SECOND_NS, SHIPPED, shipped

PHASES = "phases:\n" + "".join(
    f"  {phase}: {{capital_usd: 20, drawdown_percent: 3, balance_percent_min: 50}}\n"
    for phase in ("shadow", "micro_live", "constrained", "scaled")
)
GOOD = """\
  WS_DOWN:
    severity: CRITICAL
    summary: Down
    expr: ws_connected == false
    actions: [log, notify]
"""


def read(rules: str, phases: str = PHASES) -> AlertFile:
    return read_alerts(parse_document(phases + rules, Origin(Layer.CONFIG, "alerts.yaml")))


def refused(rules: str, phases: str = PHASES) -> list[str]:
    with pytest.raises(UsageError) as raised:
        read(rules, phases)
    return str(raised.value).splitlines()


def rule(text: str) -> str:
    return "rules:\n" + GOOD + text


def test_a_rule_is_read_with_everything_it_may_have() -> None:
    found = read(
        "rules:\n"
        + GOOD
        + "    for: 1m30s\n    keep_firing_for: 5s\n    cooldown: 0s\n    labels: {team: feed}\n"
        + "    runbook: docs/OTHER.md#x\n    nodata: keep\n    error: ok\n    phases: [scaled]\n"
    ).rules[0]
    assert (rule_ := found).rule_id == "WS_DOWN"
    assert rule_.severity is Severity.CRITICAL
    assert (rule_.for_ns, rule_.keep_firing_for_ns, rule_.cooldown_ns) == (
        90 * SECOND_NS,
        5 * SECOND_NS,
        0,
    )
    assert (rule_.labels, rule_.runbook) == ({"team": "feed"}, "docs/OTHER.md#x")
    assert (rule_.nodata, rule_.error) == (Behaviour.KEEP, Behaviour.OK)
    assert rule_.phases == (Phase.SCALED,)
    plain = read("rules:\n" + GOOD).rules[0]
    assert plain.runbook == "docs/PRODUCTION_RUNBOOK.md#ws_down"
    assert (plain.nodata, plain.error) == (Behaviour.ALERT, Behaviour.ALERT)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (rule("    expr2: a\n"), "alerts.yaml:12: rules.WS_DOWN.expr2: expected expr (the near"),
        (rule("    for: 10\n"), "rules.WS_DOWN.for: expected a duration such as 0s, 30s"),
        (rule("    for: [1s]\n"), "rules.WS_DOWN.for: expected a duration"),
        (rule("    window: 5s\n    for: 5s\n"), "window: expected only one of for and window"),
        (rule("    metric: ws_connected\n"), "metric: expected only one of expr and metric"),
        (rule("    notify_channels: [ui]\n"), "only one of actions and notify_channels"),
        (
            rule("    actions_in: {shadw: [log]}\n"),
            "alerts.yaml:12: rules.WS_DOWN.actions_in: expected shadow (the nearest), found the",
        ),
        (rule("    actions_in: {}\n"), "actions_in: expected phases, each with a list"),
        (rule("    actions_in: [log]\n"), "actions_in: expected phases, each with a list"),
        (rule("    actions_in: {shadow: [stop]}\n"), "actions_in: expected one of log"),
        (rule("    actions_in: {shadow: [log]}\n"), "actions_in: expected notify among"),
        (
            rule("    phases: [scaled]\n    actions_in: {shadow: [log, notify]}\n"),
            "actions_in: expected phases of the rule (scaled), found shadow",
        ),
        (rule("    nodata: maybe\n"), "nodata: expected one of alert, ok, keep"),
        (rule("    labels: {severity: x}\n"), "label names in lower case"),
        (rule("    labels: x\n"), "names with texts"),
        (rule("    phases: [live]\n"), "phases: expected micro-live (the nearest)"),
        (rule("    heartbeat: yes\n"), "heartbeat: expected true or false"),
        (rule("    heartbeat: true\n"), "severity: expected INFO"),
        ("rules: {}\n", "rules: expected at least one rule, found none"),
        ("rules: 5\n", "alerts.yaml:6: rules: expected a section"),
        ("", "rules: expected a section, found nothing"),
        ("rules:\n  A_RULE: 5\n", "rules.A_RULE: expected a section"),
        ("rules:\n" + GOOD.replace("WS_DOWN", "ws_down"), "expected an id in capitals"),
        ("rules:\n" + GOOD.replace("log, ", ""), ""),
        ("rules:\n" + GOOD.replace("[log, notify]", "[log]"), "expected notify among"),
        ("rules:\n" + GOOD.replace("notify", "notifi"), "actions: expected notify (the nearest)"),
        ("rules:\n" + GOOD.replace("CRITICAL", "CRITICL"), "severity: expected CRITICAL (the ne"),
        ("rules:\n" + GOOD.replace("CRITICAL", "INFO"), "severity: expected WARNING or CRITICAL"),
        ("rules:\n" + GOOD.replace("    summary: Down\n", ""), "summary: expected a value, found"),
        ("rules:\n" + GOOD.replace("Down", '"a\\nb"'), "summary: expected one line of text"),
        ("rules:\n" + GOOD.replace("ws_connected", "ws_conected"), "expected ws_connected (the n"),
        ("rules:\n" + GOOD.replace("== false", "> 3"), "expected == or != beside a flag"),
        ("rules:\n" + GOOD.replace("ws_connected == false", "true"), "expected a metric"),
        ("rules:\n" + GOOD.replace("ws_connected == false", '""'), "an expression such as"),
        (
            "rules:\n" + GOOD.replace("    expr: ws_connected == false\n", ""),
            "expected expr, or metric with thresholds, or conditions",
        ),
    ],
)
def test_what_is_wrong_is_told_with_place_key_and_nearest_word(rules: str, message: str) -> None:
    if not message:
        assert read(rules).rules[0].actions == (Action.NOTIFY,)
        return
    assert any(message in line for line in refused(rules)), refused(rules)


EVENT = """\
rules:
  TRADED:
    severity: INFO
    summary: Traded
    expr: trade_executed == true
    actions: [log]
"""


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (EVENT.replace("INFO", "WARNING"), "severity: expected INFO: an event or the heartbeat"),
        (EVENT.replace("[log]", "[log, halt]"), "actions: expected log or notify of an INFO rule"),
        (EVENT + "    for: 5s\n", "for: expected no durations of an event"),
        (EVENT + "    nodata: alert\n", "nodata: expected ok: no event is no news"),
    ],
)
def test_a_rule_about_events_is_no_state(rules: str, message: str) -> None:
    assert any(message in line for line in refused(rules)), refused(rules)
    assert read(EVENT).rules[0].nodata is Behaviour.OK


def test_everything_wrong_is_told_at_once() -> None:
    faults = refused(
        "rule: 5\nrules:\n" + GOOD.replace("CRITICAL", "LOUD").replace("ws_connected", "ws_conn"),
        PHASES.replace("capital_usd: 20", "capital_usd: -1", 1),
    )
    assert len(faults) == 4
    assert [fault.split(": ")[1] for fault in faults] == [
        *("rule", "phases.shadow.capital_usd"),
        *("rules.WS_DOWN.expr", "rules.WS_DOWN.severity"),
    ]


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        (PHASES.replace("scaled", "scale"), "phases.scale: expected scaled (the nearest)"),
        (PHASES.replace("capital_usd: 20, ", "", 1), "phases.shadow.capital_usd: expected a value"),
        (PHASES.replace("50}", "101}", 1), "balance_percent_min: expected a plain decimal"),
        ("", "phases: expected a section, found nothing"),
    ],
)
def test_the_money_of_a_phase_must_be_there(phases: str, message: str) -> None:
    assert any(message in line for line in refused("rules:\n" + GOOD, phases))


SMALL = """\
rules:
  WS_DOWN:
    severity: CRITICAL
    summary: Down
    metric: ws_connected
    thresholds: {"==": false}
    window: 10s
    cooldown: 60s
    notify_channels: [ui, webhook]
  BREAKER:
    severity: WARNING
    summary: Open
    metric: circuit_breaker_state
    thresholds: {"==": "OPEN"}
    conditions: ["ws_connected == true"]
    notify_channels: [ui]
"""


def test_the_smaller_form_is_the_same_rule() -> None:
    down, breaker = read(SMALL).rules
    assert (down.expression, down.for_ns) == ("ws_connected == false", 10 * SECOND_NS)
    assert down.condition == read("rules:\n" + GOOD).rules[0].condition
    assert (down.actions, down.labels) == (
        (Action.LOG, Action.NOTIFY),
        {"channels": "ui webhook"},
    )
    assert breaker.expression == '(circuit_breaker_state == "OPEN") and (ws_connected == true)'
    assert breaker.actions == (Action.LOG,)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ws_connected\n    thr", "ws_conected\n    thr", "metric: expected ws_connected (the n"),
        ('{"==": false}', '{"=": false}', "thresholds: expected one of == != <= >= < >"),
        ('{"==": false}', '{"==": [1]}', "thresholds: expected a value"),
        ('{"==": false}', "{}", "thresholds: expected comparisons such as"),
        ('{"==": false}', '{"==": 5}', "thresholds: expected true or false"),
        ('{"==": "OPEN"}', '{"==": "OPNE"}', "thresholds: expected OPEN (the nearest)"),
        ('["ws_connected == true"]', "[]", "conditions: expected a list of expressions"),
        ('["ws_connected == true"]', '["ws_connected >"]', "conditions: expected a number"),
        ("[ui, webhook]", "[ui, webhok]", "notify_channels: expected webhook (the nearest)"),
        ("[ui, webhook]", "[ui, ui]", "each once"),
        ("[ui, webhook]", "[]", "notify_channels: expected a list"),
        ("    metric: circuit_breaker_state\n", "", "metric: expected the metric of the thresh"),
    ],
)
def test_what_is_wrong_in_the_smaller_form_is_told(old: str, new: str, message: str) -> None:
    assert old in SMALL
    faults = refused(SMALL.replace(old, new))
    assert any(message in line for line in faults), faults


def test_figures_join_the_money_of_a_phase_with_its_limits() -> None:
    envelope = Envelope(
        order_notional_max=1,
        position_notional_max=1,
        open_notional_max=1,
        daily_loss_max=3 * MICRO,
        instruments_max=1,
        venues_max=1,
        orders_per_minute_max=1,
    )
    figures = shipped().figures(Phase.MICRO_LIVE, envelope)
    assert figures.values() == {
        "phase_capital_usd": 20,
        "phase_daily_loss_usd": 3,
        "phase_drawdown_percent": 3,
        "phase_balance_min_percent": 50,
    }


def test_the_other_shipped_file_has_the_nine_rules_of_its_form() -> None:
    found = load_alerts(SHIPPED, ROOT / "config" / "alerts.yaml")
    primary = {rule.rule_id: rule for rule in shipped().rules}
    assert len(found.rules) == 9
    for each in found.rules:
        assert each.for_ns == primary[each.rule_id].for_ns
        assert each.forceful == ()
        assert Action.NOTIFY in each.actions
    assert set(found.phases) == set(Phase)


def test_a_file_that_is_not_there_is_a_fault_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="a readable file"):
        load_alerts(Workspace(tmp_path))


def test_another_file_that_is_not_there_is_a_wrong_word(tmp_path: Path) -> None:
    absent = tmp_path / "no.yaml"
    with pytest.raises(UsageError, match=r"no.yaml: expected a file, found none of this name"):
        load_alerts(Workspace(tmp_path), absent)
    with pytest.raises(UsageError, match=r"no.yaml: expected a file, found none of this name"):
        run_cases(Workspace(tmp_path), (), (absent,))


CASES = """\
rule_files: [polyarb.rules.yaml]
evaluation_interval: 10s
tests:
- name: one
  interval: 10s
  input_series:
  - series: ws_connected
    values: "1 0x5"
  alert_rule_test:
  - eval_time: 0m
    alertname: WS_DOWN
  - eval_time: 20s
    alertname: WS_DOWN
    exp_alerts:
    - exp_labels:
        severity: CRITICAL
      exp_annotations:
        summary: Down
        runbook_url: docs/PRODUCTION_RUNBOOK.md#ws_down
"""


def test_cases_are_run_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(CASES, encoding="utf-8")
    rules = read("rules:\n" + GOOD).rules
    report = run_cases(SHIPPED, rules, [path])
    assert (report.files, report.passed, report.failures) == (1, 2, ())
    assert report.is_passed
    path.write_text(CASES.replace("summary: Down", "summary: Up"), encoding="utf-8")
    (failure,) = run_cases(SHIPPED, rules, [path]).failures
    assert failure.eval_time_ns == 20 * SECOND_NS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alertname: WS_DOWN", "alertname: WS_DWN", "tests[0].alert_rule_test[0].alertname: expe"),
        ("series: ws_connected", "series: ws_conected", "series: expected ws_connected (the nea"),
        ("series: ws_connected", "series: 'ws_connected{a=\"b\"}'", "series: expected no labels"),
        ("series: ws_connected", "series: 'a b'", "series: expected a series such as"),
        ("series: ws_connected", "series: [a]", "series: expected a text"),
        ('"1 0x5"', '"1 y"', "values: expected values such as"),
        ("eval_time: 20s", "eval_time: soon", "eval_time: expected a duration"),
        ("eval_time: 20s", "eval_time: 365d", "at most 100000 evaluations"),
        ("exp_labels", "exp_label", "expected exp_labels (the nearest)"),
        ("        severity: CRITICAL", "      - a", "exp_labels: expected names with texts"),
        ("tests:", "promql_expr_test:", "promql_expr_test: expected"),
        ("interval: 10s\n  input", "promql_expr_test: []\n  input", "expected"),
        ("- name: one\n  interval: 10s\n  ", "- 5\n- ", "tests[0]: expected a section"),
    ],
)
def test_what_is_wrong_in_a_case_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "cases.yaml"
    assert old in CASES
    path.write_text(CASES.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_cases(SHIPPED, path, ["WS_DOWN"])
    assert message in str(raised.value)


def test_a_file_without_tests_and_a_workspace_without_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    for text in ("rule_files: [a]\n", "tests: 5\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="tests: expected"):
            load_cases(SHIPPED, path, ["WS_DOWN"])
    with pytest.raises(UsageError, match="expected case files"):
        run_cases(Workspace(tmp_path), ())


def test_a_rule_may_act_differently_in_some_phases() -> None:
    (found,) = read(rule("    actions_in: {shadow: [reduce, notify], scaled: [notify]}\n")).rules
    assert found.actions == (Action.LOG, Action.NOTIFY)
    assert found.in_phase(Phase.SHADOW).actions == (Action.NOTIFY, Action.REDUCE)
    assert found.in_phase(Phase.SCALED).actions == (Action.NOTIFY,)
    assert found.in_phase(Phase.MICRO_LIVE).actions == (Action.LOG, Action.NOTIFY)
    assert found.in_phase(Phase.SHADOW).forceful == (Action.REDUCE,)
    told = refused(
        "rules:\n  SEEN:\n    severity: INFO\n    summary: Seen\n    expr: trade_executed == true\n"
        "    actions: [log]\n    actions_in: {shadow: [log, halt]}\n"
    )
    assert "actions_in: expected log or notify of an INFO rule, found halt" in told[0]
