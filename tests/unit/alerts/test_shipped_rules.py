"""The shipped rules are tested like code: cases, kinds of case, mutants, and the real promtool."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import msgspec
import pytest
from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.cases import (
    AlertTest,
    CaseGroup,
    InputSeries,
    coverage,
    run_group,
    timeline,
)
from polyarb.alerts.export_prometheus import prometheus_rules
from polyarb.alerts.expression import (
    OPERATORS,
    OPPOSITES,
    Absent,
    Arithmetic,
    Both,
    Comparison,
    Condition,
    Either,
    Literal,
    Window,
)
from polyarb.alerts.rules import Behaviour, Rule
from polyarb.alerts.series import Gap, Point
from polyarb.config.alert_cases import case_files, load_cases
from polyarb.domain.limits import Phase
from tests.alert_rules import ROOT, SECOND_NS, SHIPPED, rule_of, shipped

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
BOUNDARIES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
RULES = shipped().rules
RULE_IDS = [rule.rule_id for rule in RULES]


@cache
def groups() -> tuple[CaseGroup, ...]:
    return tuple(
        group for path in case_files(SHIPPED) for group in load_cases(SHIPPED, path, RULE_IDS)
    )


def failures(rule: Rule) -> int:
    """Count the tests of a rule that a changed form of it does not pass."""
    failed = 0
    for group in groups():
        tests = tuple(test for test in group.tests if test.rule_id == rule.rule_id)
        if tests:
            own = msgspec.structs.replace(group, tests=tests)
            failed += sum(not outcome.is_passed for outcome in run_group([rule], own))
    return failed


def test_the_rules_of_the_kit_and_its_five_companions_are_shipped() -> None:
    wanted = [
        *("WS_DISCONNECTED", "LIVE_NO_FILLS", "CIRCUIT_BREAKER_OPEN", "RPC_UNHEALTHY"),
        *("HIGH_REJECT_RATE", "LATENCY_P95_HIGH", "PNL_DRAWDOWN", "LOW_BALANCE"),
        *("POSITION_LIMIT_NEAR", "TRADE_EXECUTED", "OPPORTUNITY_DETECTED", "DRY_RUN_NO_FILLS"),
        *("DATA_DELAY_HIGH", "PERFORMANCE_DRIFT", "RISK_BREACH", "SLO_BURN", "DEAD_MAN"),
    ]
    assert [rule_id for rule_id in RULE_IDS if rule_id in wanted] == wanted


KIT = (
    ("WS_DISCONNECTED", "CRITICAL", "ws_connected == false", 10, 60),
    ("LIVE_NO_FILLS", "CRITICAL", "live_no_fills == true", 60, 120),
    ("CIRCUIT_BREAKER_OPEN", "CRITICAL", 'circuit_breaker_state == "OPEN"', 0, 300),
    ("RPC_UNHEALTHY", "WARNING", "rpc_error_count >= 5", 60, 180),
    ("HIGH_REJECT_RATE", "WARNING", "reject_rate >= 5%", 300, 300),
    ("LATENCY_P95_HIGH", "WARNING", "latency_p95_ms >= 500ms", 300, 600),
    ("PNL_DRAWDOWN", "WARNING", "drawdown_percent >= phase.drawdown", 0, 3600),
    (
        *("LOW_BALANCE", "WARNING"),
        *("wallet_balance_usd < phase.balance_min * phase.capital", 0, 3600),
    ),
    ("POSITION_LIMIT_NEAR", "WARNING", "position_usage_percent >= 90%", 0, 600),
    ("TRADE_EXECUTED", "INFO", "trade_executed == true", 0, 0),
    ("OPPORTUNITY_DETECTED", "INFO", "opportunity_detected > 0", 0, 0),
    ("DRY_RUN_NO_FILLS", "WARNING", "dry_run_no_fills == true", 60, 300),
)


@pytest.mark.parametrize(("rule_id", "severity", "expression", "window_s", "cooldown_s"), KIT)
def test_the_rules_of_the_kit_have_its_figures(
    rule_id: str, severity: str, expression: str, window_s: int, cooldown_s: int
) -> None:
    (rule,) = (rule for rule in RULES if rule.rule_id == rule_id)
    assert (rule.severity, rule.expression) == (severity, expression)
    assert (rule.for_ns, rule.cooldown_ns) == (window_s * SECOND_NS, cooldown_s * SECOND_NS)


def test_rules_act_as_the_kit_has_it() -> None:
    forceful = {rule.rule_id: rule.forceful for rule in RULES}
    assert {name for name, *_ in KIT if forceful[name]} == {"WS_DISCONNECTED", "LIVE_NO_FILLS"}
    assert forceful["WS_DISCONNECTED"] == forceful["LIVE_NO_FILLS"] == (Action.HALT,)
    in_shadow = {rule.rule_id: rule.in_phase(Phase.SHADOW).forceful for rule in RULES}
    assert {name: one for name, one in in_shadow.items() if one != forceful[name]} == {
        "WS_DISCONNECTED": (Action.REDUCE,)
    }
    assert forceful["RISK_BREACH"] == (Action.HALT,)
    assert forceful["DATA_DELAY_HIGH"] == (Action.REDUCE,)
    assert all(Action.LOG in rule.actions for rule in RULES)
    assert all(rule.is_event or rule.is_heartbeat for rule in RULES if rule.severity == "INFO")
    assert all(rule.runbook.endswith(f"#{rule.rule_id.lower()}") for rule in RULES)


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.name)
def test_every_case_ends_as_it_says(group: CaseGroup) -> None:
    outcomes = run_group(RULES, group)
    assert len(outcomes) == len(group.tests) > 0
    assert [outcome for outcome in outcomes if not outcome.is_passed] == []


def test_every_rule_has_every_kind_of_case() -> None:
    assert not {name: need.lacks for name, need in coverage(RULES, groups()).items() if need.lacks}


def test_a_rule_without_cases_is_seen() -> None:
    need = coverage([rule_of("ws_connected")], groups())["SOME_RULE"]
    assert len(need.lacks) == 4


def changed(numeric: Condition, old: object, new: object) -> Condition:
    """Replace one node of a tree, found by identity."""
    if numeric is old:
        return new  # type: ignore[return-value]
    if isinstance(numeric, Both | Either | Comparison | Arithmetic):
        left, right = changed(numeric.left, old, new), changed(numeric.right, old, new)  # type: ignore[arg-type]
        return replace(numeric, left=left, right=right)  # type: ignore[arg-type]
    return numeric


def walk(node: object) -> Iterator[object]:
    yield node
    if isinstance(node, Both | Either | Comparison | Arithmetic):
        yield from walk(node.left)
        yield from walk(node.right)


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Make every flip of a comparator, a threshold, a window and a duration of a rule."""
    for node in walk(rule.condition):
        for name, new in node_mutants(node):
            condition = changed(rule.condition, node, new)
            yield name, msgspec.structs.replace(rule, condition=condition)
    for key in ("for_ns", "keep_firing_for_ns"):
        value = getattr(rule, key)
        if value:
            for factor in (0, 2):
                yield f"{key} x {factor}", msgspec.structs.replace(rule, **{key: value * factor})
    if not rule.is_event and not rule.is_heartbeat:
        other = Behaviour.OK if rule.nodata is Behaviour.ALERT else Behaviour.ALERT
        yield f"nodata {other}", msgspec.structs.replace(rule, nodata=other)


def node_mutants(node: object) -> Iterator[tuple[str, object]]:
    if isinstance(node, Comparison):
        for sign in {OPPOSITES[node.operator], BOUNDARIES.get(node.operator, "!=")}:
            if sign != node.operator:
                yield f"{node.operator} to {sign}", replace(node, operator=sign)
        for factor in (0.98, 1.02):
            yield f"threshold x {factor}", replace(node, right=scaled(node, factor))
    elif isinstance(node, Both):
        yield "and to or", Either(node.left, node.right)
    elif isinstance(node, Either):
        yield "or to and", Both(node.left, node.right)
    elif isinstance(node, Absent):
        yield "absent flipped", replace(node, is_negated=not node.is_negated)
        for factor in (0.5, 2):
            yield f"window x {factor}", replace(node, window_ns=int(node.window_ns * factor))
    elif isinstance(node, Window):
        yield "window x 0.5", replace(node, window_ns=node.window_ns // 2)


def scaled(node: Comparison, factor: float) -> Literal | Arithmetic:
    """Move a threshold; a small whole one becomes its neighbour."""
    is_whole = node.unit in ("bool", "state", "count")
    if isinstance(node.right, Literal) and is_whole and node.right.value < 50:
        return Literal(node.right.value + (1 if factor > 1 else -1))
    if isinstance(node.right, Literal):
        return Literal(node.right.value * factor)
    return Arithmetic("*", node.right, Literal(factor))


@pytest.mark.parametrize("rule", RULES, ids=RULE_IDS)
def test_every_mutant_of_a_rule_fails_some_case(rule: Rule) -> None:
    assert failures(rule) == 0
    found = list(mutants(rule))
    assert len(found) >= 2
    survivors = [name for name, mutant in found if not failures(mutant)]
    assert survivors == []


def test_the_mutants_flip_every_operator() -> None:
    flips = {name for sign in OPERATORS for name, _ in node_mutants(comparison_of(sign))}
    assert {f"{sign} to {OPPOSITES[sign]}" for sign in OPERATORS} <= flips


def comparison_of(sign: str) -> Comparison:
    found = rule_of(f"latency_p95_ms {sign} 5ms").condition
    assert isinstance(found, Comparison)
    return found


def promtool(*arguments: str, folder: Path) -> str:
    """Run promtool; return what it said, empty when it agreed."""
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("path", case_files(SHIPPED), ids=lambda path: path.stem)
def test_promtool_agrees_on_every_shipped_case(path: Path, tmp_path: Path) -> None:
    asked = {test.rule_id for group in load_cases(SHIPPED, path, RULE_IDS) for test in group.tests}
    rules = prometheus_rules([rule for rule in RULES if rule.rule_id in asked])
    (tmp_path / "polyarb.rules.yaml").write_text(rules, encoding="utf-8")
    shutil.copy(path, tmp_path)
    assert promtool("check", "rules", "polyarb.rules.yaml", folder=tmp_path) == ""
    assert promtool("test", "rules", path.name, folder=tmp_path) == ""


@needs_promtool
def test_promtool_sees_a_rule_that_was_changed(tmp_path: Path) -> None:
    rules = prometheus_rules([rule for rule in RULES if rule.is_event])
    shutil.copy(SHIPPED.config_file.parent / "alert_cases" / "events.yaml", tmp_path)
    (tmp_path / "polyarb.rules.yaml").write_text(rules.replace("> 0)", ">= 0)"), encoding="utf-8")
    told = promtool("test", "rules", "events.yaml", folder=tmp_path)
    assert "OPPORTUNITY_DETECTED" in told


EXTRA: tuple[Rule, ...] = (
    rule_of("rate(ws_drops[1m]) > 4/1m", "RATE"),
    rule_of("p95(latency_p95_ms[1m]) >= 80ms", "QUANTILE", for_ns=20 * SECOND_NS),
    rule_of("min(latency_p95_ms[30s]) >= 60ms or max(latency_p95_ms[30s]) < 40ms", "ENDS"),
    rule_of("rate(feed_rejected[1m]) / rate(feed_messages[1m]) > 50%", "SHARE"),
    rule_of("rate(feed_rejected[1m]) / rate(feed_messages[1m]) > 50%", "LAX", error=Behaviour.OK),
    rule_of("age(data_delay_ms) > 20s", "AGE", nodata=Behaviour.OK),
    rule_of("not (ws_connected and latency_p95_ms < 50ms)", "NOT", nodata=Behaviour.KEEP),
    rule_of("daily_loss_usd + $1 > phase.capital / 2", "MONEY", keep_firing_for_ns=30 * SECOND_NS),
    rule_of("source_delay_ms > 50ms", "LABELS", for_ns=10 * SECOND_NS),
    rule_of("source_delay_ms * 2 > data_delay_ms and ws_connected", "BESIDE", nodata=Behaviour.OK),
    rule_of("absent(ws_connected[20s]) or absent(source_delay_ms[40s])", "ABSENT"),
    rule_of('circuit_breaker_state != "OPEN"', "STATE", labels={"a": "b"}, nodata=Behaviour.OK),
)
"""What the shipped rules do not use, to be held against promtool as well."""
DRAWN: dict[str, tuple[tuple[float, ...], bool]] = {
    "ws_connected": ((0, 1), False),
    "latency_p95_ms": ((30, 50, 60, 80, 81), False),
    "data_delay_ms": ((20, 100, 101), False),
    "daily_loss_usd": ((8, 9, 9.5, 10), False),
    "circuit_breaker_state": ((0, 1, 2), False),
    "live_no_fills": ((0, 1), False),
    "rpc_error_count": ((4, 5, 6), False),
    "drawdown_percent": ((2, 3, 4), False),
    "position_usage_percent": ((80, 90, 101), False),
    "ws_drops": ((0, 1, 2), True),
    "feed_messages": ((0, 0, 4), True),
    "feed_rejected": ((0, 1, 2), True),
}
RUN_LENGTHS = (1, 1, 2, 3, 8, 14)
"""How long a value stands, or is missing."""


def drawn_points(
    seeded: Random, values: tuple[float, ...], length: int, *, grows: bool
) -> list[Point]:
    """Draw runs of values, gaps and ends."""
    found: list[Point] = []
    total = 3.0
    while len(found) < length:
        kind = seeded.random()
        for _ in range(seeded.choice(RUN_LENGTHS)):
            if kind < 0.12:
                found.append(Gap.MISSING)
            elif kind < 0.18:
                found.append(Gap.STALE)
            elif grows:
                total = 0.0 if seeded.random() < 0.04 else total + seeded.choice(values)
                found.append(total)
            elif kind < 0.2:
                found.append(float("nan"))
            else:
                found.append(values[int(kind * 1e6) % len(values)])
    return found[:length]


def drawn_group(number: int) -> CaseGroup:
    """Draw a course of all metrics, ten seconds apart, asked at every evaluation."""
    seeded = Random(f"alerts {number}")
    length = 60
    series = [
        InputSeries(
            metric=metric,
            labels={},
            points=tuple(drawn_points(seeded, values, length, grows=grows)),
        )
        for metric, (values, grows) in DRAWN.items()
    ]
    series += [
        InputSeries(
            metric="source_delay_ms",
            labels={"source": source},
            points=tuple(drawn_points(seeded, (20, 50, 60), length, grows=False)),
        )
        for source in ("poll", "stream-1")
    ]
    figures = {
        "phase_capital_usd": 20.0,
        "phase_daily_loss_usd": 9.0,
        "phase_drawdown_percent": 3.0,
    }
    series += [
        InputSeries(metric=metric, labels={}, points=(value,) * length)
        for metric, value in figures.items()
    ]
    times = [place * 10 * SECOND_NS for place in range(length)]
    return CaseGroup(
        name=f"drawn {number}",
        interval_ns=10 * SECOND_NS,
        evaluation_ns=10 * SECOND_NS,
        series=tuple(series),
        tests=tuple(
            AlertTest(rule_id=rule.rule_id, eval_time_ns=time_ns, expected=())
            for rule in compared()
            for time_ns in times
        ),
    )


def compared() -> tuple[Rule, ...]:
    """List the rules that promtool is asked about, without what exists on our side only."""
    known = {*DRAWN, "phase_capital_usd", "phase_daily_loss_usd", "phase_drawdown_percent"}
    state = [rule for rule in RULES if set(rule.metrics) <= known]
    return tuple(msgspec.structs.replace(rule, cooldown_ns=0) for rule in (*state, *EXTRA))


def written(group: CaseGroup) -> dict[str, object]:
    """Write what our engine says of a course as the expectation that promtool is to confirm."""
    firing = dict(timeline(compared(), group))
    tests = [
        {
            "eval_time": f"{test.eval_time_ns // SECOND_NS}s",
            "alertname": test.rule_id,
            "exp_alerts": [
                {"exp_labels": dict(one.labels), "exp_annotations": dict(one.annotations)}
                for one in firing[test.eval_time_ns].get(test.rule_id, ())
            ],
        }
        for test in group.tests
    ]
    series = [
        {"series": series_name(one), "values": " ".join(map(point_text, one.points))}
        for one in group.series
    ]
    return {
        "name": group.name,
        "interval": "10s",
        "input_series": series,
        "alert_rule_test": tests,
    }


def series_name(series: InputSeries) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in series.labels.items())
    return f"{series.metric}{{{labels}}}" if labels else series.metric


def point_text(point: Point) -> str:
    if isinstance(point, Gap):
        return str(point)
    return "NaN" if point != point else repr(point)  # noqa: PLR0124


@needs_promtool
def test_promtool_agrees_on_courses_drawn_at_random(tmp_path: Path) -> None:
    rules = compared()
    (tmp_path / "polyarb.rules.yaml").write_text(prometheus_rules(rules), encoding="utf-8")
    drawn = [written(drawn_group(number)) for number in range(3)]
    document = {
        "rule_files": ["polyarb.rules.yaml"],
        "evaluation_interval": "10s",
        "tests": drawn,
    }
    (tmp_path / "drawn.yaml").write_text(json.dumps(document), encoding="utf-8")
    assert promtool("test", "rules", "drawn.yaml", folder=tmp_path) == ""
    fired = {
        test["alertname"] for one in drawn for test in one["alert_rule_test"] if test["exp_alerts"]
    }
    assert fired >= {rule.rule_id for rule in EXTRA}
    assert len(fired) >= len(EXTRA) + 7


def test_the_export_names_every_rule_once_with_its_severity() -> None:
    text = prometheus_rules(RULES)
    assert [line.split(": ")[1] for line in text.splitlines() if "- alert:" in line] == sorted(
        RULE_IDS, key=lambda rule_id: (not is_page(rule_id), RULE_IDS.index(rule_id))
    )
    assert text.count("    for: ") == sum(bool(rule.for_ns) for rule in RULES)
    assert text.count("keep_firing_for: 5m") == 1
    assert prometheus_rules([]).endswith("groups:\n")
    assert "vector(1)" in prometheus_rules([rule_of("true or ws_connected")])
    assert "vector(1) == 0" in prometheus_rules([rule_of("false or ws_connected")])


def is_page(rule_id: str) -> bool:
    return any(rule.rule_id == rule_id and rule.severity is Severity.CRITICAL for rule in RULES)


def test_the_case_files_lie_where_init_takes_them_from() -> None:
    assert all(path.is_relative_to(ROOT / "config") for path in case_files(SHIPPED))
