"""The notation of samples, and how the answers to cases are told."""

from math import isnan

import pytest
from polyarb.alerts.cases import AlertTest, CaseGroup, InputSeries, firing_alert, run_group
from polyarb.alerts.series import POINTS_MAX, Gap, parse_series, parse_values
from polyarb.alerts.syntax import ExpressionError
from tests.alert_rules import SECOND_NS, rule_of


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 2 -3.5", (1, 2, -3.5)),
        ("1+2x3", (1, 3, 5, 7)),
        ("5-1x2", (5, 4, 3)),
        ("4x2", (4, 4, 4)),
        ("0.1x0", (0.1,)),
        ("1e3 .5 +2", (1_000, 0.5, 2)),
        ("_ 1 _x2 stale", (Gap.MISSING, 1, Gap.MISSING, Gap.MISSING, Gap.STALE)),
        ("inf -Inf", (float("inf"), float("-inf"))),
        ("", ()),
    ],
)
def test_values_are_read_as_promtool_reads_them(text: str, wanted: tuple[object, ...]) -> None:
    assert parse_values(text) == wanted


def test_no_number_is_one() -> None:
    (value,) = parse_values("NaN")
    assert isinstance(value, float)
    assert isnan(value)


@pytest.mark.parametrize(
    "text", ["x", "1 2y", "1x", "stalex2", "NaNx2", "1+x2", f"1x{POINTS_MAX}", "1x60000 1x60000"]
)
def test_other_values_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_values(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ws_connected", ("ws_connected", {})),
        ("a{}", ("a", {})),
        ('a{b="c", d="e f"}', ("a", {"b": "c", "d": "e f"})),
    ],
)
def test_a_series_is_a_metric_with_labels(text: str, wanted: tuple[str, dict[str, str]]) -> None:
    assert parse_series(text) == wanted


@pytest.mark.parametrize("text", ["", "1a", "a{b}", 'a{b="c"', 'a{b=~"c"}', "a b"])
def test_another_text_is_no_series(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_series(text)


def test_a_test_is_answered_as_of_the_last_evaluation_before_it() -> None:
    nothing, fires = (), (firing_alert({"severity": "WARNING"}, ANNOTATIONS),)
    times = {9: nothing, 10: fires, 19: fires, 20: nothing}
    group = CaseGroup(
        name="g",
        interval_ns=10 * SECOND_NS,
        evaluation_ns=10 * SECOND_NS,
        series=(InputSeries(metric="ws_connected", labels={}, points=(1.0, 0.0, 1.0)),),
        tests=tuple(
            AlertTest(rule_id="SOME_RULE", eval_time_ns=at * SECOND_NS, expected=expected)
            for at, expected in reversed(times.items())
        ),
    )
    outcomes = run_group([rule_of("ws_connected == false")], group)
    assert [outcome.eval_time_ns // SECOND_NS for outcome in outcomes] == [9, 10, 19, 20]
    assert all(outcome.is_passed for outcome in outcomes)
    wrong = run_group([rule_of("ws_connected == true")], group)
    assert not any(outcome.is_passed for outcome in wrong)


ANNOTATIONS = {
    "summary": "Something is wrong",
    "runbook_url": "docs/PRODUCTION_RUNBOOK.md#some_rule",
}
