"""Rule expressions: what is refused when a file is read, and what one is worth at a moment."""

from collections.abc import Iterable
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.alerts.checking import FUNCTIONS, compile_condition, longest_windows
from polyarb.alerts.expression import Unknown, comparisons, evaluate, number
from polyarb.alerts.history import History, Sample
from polyarb.alerts.metrics import METRICS, PHASE_NAMES, Kind, Unit
from polyarb.alerts.syntax import ExpressionError, duration_ns, duration_text

S = 1_000_000_000

REFUSED = (
    ("latency_p95_ms >= 500", "a time such as 500ms", "a number without a unit", 16),
    ("drawdown_percent >= 3", "a percentage such as 3%", "a number without a unit", 18),
    ("reject_rate >= 0.05", "a percentage such as 3%", "a number without a unit", 13),
    ("latency_p95_ms > $5", "a time such as 500ms", "USD such as $5", 16),
    ("wallet_balance_usd < 3%", "USD such as $5", "a percentage such as 3%", 20),
    ("rpc_error_count >= 5%", "a count such as 5", "a percentage such as 3%", 17),
    ("latency_p95_ms", "a condition (yes or no)", "a time such as 500ms", 1),
    ("500ms", "a condition (yes or no)", "a time such as 500ms", 1),
    ("circuit_breaker_state", "a condition (yes or no)", "a state", 1),
    ("1 > 0", "something that is measured", "two numbers", 3),
    ("ws_connected > 1", "== or != beside a flag", "`>`", 14),
    ("ws_connected == 1", "true or false", "something else", 17),
    ("latency_p95_ms == true", "a number", "a condition", 19),
    ('circuit_breaker_state > "OPEN"', "== or != beside a state", "`>`", 23),
    ("circuit_breaker_state == 2", 'one of "CLOSED"', "something else", 23),
    ('latency_p95_ms == "OPEN"', "a time such as 500ms", 'the state "OPEN"', 19),
    ('"OPEN"', "a state beside", '"OPEN"', 1),
    ("rate(latency_p95_ms[5m]) > 1", "a counter in rate()", "the gauge", 6),
    ("avg(ws_drops[5m]) > 1", "a gauge or a flag in avg()", "the counter", 5),
    ("max(circuit_breaker_state[5m]) > 1", "a gauge or a flag", "the state", 5),
    ("avg(trade_executed[5m]) > 1%", "a gauge or a flag", "the event", 5),
    ("avg(latency_p95_ms) > 5ms", "a window: avg(latency_p95_ms[5m])", "none", 1),
    ("age(latency_p95_ms[5m]) > 5ms", "without a window", "one", 1),
    ("avg(latency_p95_ms[25h]) > 5ms", "at most 24h", "a longer one", 1),
    ("avg(latency_p95_ms[5]) > 5ms", "a window such as", "`5`", 20),
    ("avg(latency_p95_ms[0s]) > 5ms", "a duration", "`0s`", 20),
    ("avg(5) > 5ms", "the name of a metric", "`5`", 5),
    ("data_delay_ms / 0 > 5ms", "a divisor that is not zero", "0", 15),
    ("data_delay_ms + 5 > 5ms", "a time", "a number without a unit", 15),
    ("latency_p95_ms > 1ms > 2ms", "one comparison", "`>`", 22),
    ("latency_p95_ms > ", "a number, a metric or a call", "the end", 18),
    ("daily_loss_usd / rpc_error_count > $1", "USD^1 count^-1", "USD such as $5", 34),
    ("latency_p95_ms * daily_loss_usd > 1s", "USD^1 time^1", "a time such as 10s", 33),
    ("(ws_connected and ws_connected) == true", "a number", "a condition", 15),
    ("(not ws_connected) == true", "a number", "a condition", 2),
    ("circuit_breaker_state + 1 > 2", "a number", "a state", 1),
    ("(latency_p95_ms > 1ms", "`)`", "the end", 22),
    ("ws_connected ws_connected", "an operator", "`ws_connected`", 14),
    ("ws_connected @", "a number, a name", "`@`", 14),
    ("data_delay_ms > 5x", "a number such as", "`5x`", 17),
    ("data_delay_ms > $5ms", "USD such as $5", "`$5ms`", 17),
    ("trade_executed == true and ws_connected", "an event alone", "more than one", 1),
    (
        "source_delay_ms > 1s and alert_delivery_failures > 1",
        "metrics with the same labels",
        "channel",
        1,
    ),
    ("((((((((((((((((((((((((((((((((1", "at most 30 levels", "more", 31),
    ("not " * 40 + "ws_connected", "at most 30 levels", "more", 121),
    ("ws_connected or " * 70 + "ws_connected", "at most 1000 characters", "1132", 1),
    ("", "a number, a metric or a call", "the end", 1),
)


@pytest.mark.parametrize(("text", "expected", "found", "column"), REFUSED)
def test_what_means_nothing_is_refused_with_its_place(
    text: str, expected: str, found: str, column: int
) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_condition(text)
    assert expected in raised.value.expected
    assert found in raised.value.found
    assert raised.value.column == column
    assert str(column) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("ws_conected == false", "ws_conected", "ws_connected"),
        ("avg(latency_p95[5m]) > 1ms", "latency_p95", "latency_p95_ms"),
        ("wallet_balance_usd < phase.capitol", "phase.capitol", "phase.capital"),
        ("wallet_balance_usd < capital", "capital", "phase.capital"),
        ('circuit_breaker_state == "opne"', "opne", "OPEN"),
        ("ratee(ws_drops[5m]) > 1/1s", "ratee", "rate"),
    ],
)
def test_an_unknown_word_is_told_with_the_words_there_are(
    text: str, wrong: str, right: str
) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_condition(text)
    assert raised.value.found == wrong
    assert right in raised.value.choices


@given(st.text(st.sampled_from(list("ws_conected pm.5%$[]()<>=!+-*/\"'`é\n\t0")), max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_read_or_refused_and_never_breaks(text: str) -> None:
    try:
        assert compile_condition(text) is not None
    except ExpressionError as fault:
        assert fault.column >= 1


def filled(**values: float | Iterable[float | None] | None) -> History:
    """Fill a history; a list is a value a second up to second 100, one value stands there."""
    history = History()
    for metric, value in values.items():
        points = [value] if value is None or isinstance(value, int | float) else list(value)
        for place, point in enumerate(points):
            time_ns = (100 - len(points) + 1 + place) * S
            history.append(Sample(metric=metric, value=point, time_ns=time_ns))
    return history


def judge(text: str, history: History, at_s: float = 100) -> bool | Unknown:
    return evaluate(compile_condition(text), history, (), int(at_s * S))


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("latency_p95_ms >= 500ms", {"latency_p95_ms": 500}, True),
        ("latency_p95_ms >= 0.5s", {"latency_p95_ms": 500}, True),
        ("latency_p95_ms > 0.5s", {"latency_p95_ms": 500}, False),
        ("1m <= backup_age_s", {"backup_age_s": 60}, True),
        ("backup_age_s - 10s > 49500ms", {"backup_age_s": 60}, True),
        ("latency_p95_ms > backup_age_s", {"latency_p95_ms": 61_000, "backup_age_s": 60}, True),
        ("latency_p95_ms > backup_age_s", {"latency_p95_ms": 59_000, "backup_age_s": 60}, False),
        ("drawdown_percent >= 3%", {"drawdown_percent": 3}, True),
        ("drawdown_percent >= reject_rate", {"drawdown_percent": 5, "reject_rate": 0.05}, True),
        ("reject_rate >= 5%", {"reject_rate": 0.05}, True),
        ("reject_rate * 2 >= 10%", {"reject_rate": 0.05}, True),
        ("rpc_error_count / 2 > 2", {"rpc_error_count": 5}, True),
        ("rpc_error_count - 4 == 1", {"rpc_error_count": 5}, True),
        ("5 - rpc_error_count == 0", {"rpc_error_count": 5}, True),
        ("-daily_loss_usd < -$3", {"daily_loss_usd": 4}, True),
        ("daily_loss_usd + $1 == 1 * $5", {"daily_loss_usd": 4}, True),
        ("data_delay_ms + 2s * 3 + 1s - 500ms == 7s", {"data_delay_ms": 500}, True),
        ("1s + data_delay_ms == 1500ms", {"data_delay_ms": 500}, True),
        ("2 + 3 == rpc_error_count", {"rpc_error_count": 5}, True),
        ("rpc_error_count > 6 / 2", {"rpc_error_count": 4}, True),
        ("daily_loss_usd / $2 > 150% - 10%", {"daily_loss_usd": 3}, True),
        ("daily_loss_usd / $2 > 150%", {"daily_loss_usd": 4}, True),
        (
            "wallet_balance_usd < 50% * phase.capital",
            {"wallet_balance_usd": 9, "phase_capital_usd": 20},
            True,
        ),
        (
            "wallet_balance_usd < phase.balance_min * phase.capital",
            {"wallet_balance_usd": 10, "phase_capital_usd": 20, "phase_balance_min_percent": 50},
            False,
        ),
        ("ws_connected", {"ws_connected": 1}, True),
        ("not ws_connected", {"ws_connected": 0}, True),
        ("ws_connected != true", {"ws_connected": 0}, True),
        ("not not ws_connected == true", {"ws_connected": 0}, False),
        ('circuit_breaker_state == "open"', {"circuit_breaker_state": 2}, True),
        ('circuit_breaker_state == "OPEN"', {"circuit_breaker_state": 2}, True),
        ('"Half_Open" != circuit_breaker_state', {"circuit_breaker_state": 2}, True),
        ("not (latency_p95_ms > 5ms or ws_connected)", {"latency_p95_ms": 5, "ws_connected": 0}, 1),
        (
            "not (latency_p95_ms > 5ms and ws_connected)",
            {"latency_p95_ms": 9, "ws_connected": 1},
            0,
        ),
        ("false or ws_connected and not false", {"ws_connected": 1}, True),
        ("true", {}, True),
        ("age(ws_connected) < 1s", {"ws_connected": 1}, True),
        ("absent(ws_connected[5s])", {"ws_connected": 1}, False),
        ("not absent(ws_connected[5s])", {"ws_connected": 1}, True),
        ("absent(ws_connected[5s])", {}, True),
    ],
)
def test_units_states_and_logic_are_worth_what_they_say(
    text: str, values: dict[str, float], wanted: bool
) -> None:
    assert judge(text, filled(**values)) is bool(wanted)


WINDOWS = (
    ("avg(latency_p95_ms[3s]) == 30ms", [10, 20, 30, 40], True),
    ("max(latency_p95_ms[3s]) == 40ms", [90, 20, 30, 40], True),
    ("min(latency_p95_ms[3s]) == 20ms", [10, 20, 30, 40], True),
    ("p95(latency_p95_ms[1m]) == 19.05ms", list(range(1, 21)), True),
    ("p95(latency_p95_ms[1m]) == 7ms", [7], True),
    ("avg(latency_p95_ms[1s]) == 40ms", [10, 20, 30, 40], True),
)


@pytest.mark.parametrize(("text", "values", "wanted"), WINDOWS)
def test_a_window_holds_what_is_younger_than_it_is_long(
    text: str, values: list[float], wanted: bool
) -> None:
    assert judge(text, filled(latency_p95_ms=values)) is wanted


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([100, 110, 120, 130, 140], 10.0),
        ([0, 10, 20, 30, 40], 8.0),
        ([100, 110, 0, 10, 20], 7.5),
        ([5, 5, 5, 5, 5], 0.0),
    ],
)
def test_a_rate_is_a_second_and_bears_resets(values: list[float], wanted: float) -> None:
    node = comparisons(compile_condition("rate(ws_drops[5s]) > 1/1s"))[0]
    found = number(node.left, filled(ws_drops=values), (), 100 * S)
    assert isinstance(found, float)
    assert found == pytest.approx(wanted, rel=1e-3)
    assert node.unit == "per second"


def test_a_share_of_two_rates_is_a_fraction() -> None:
    history = filled(feed_rejected=[0, 1, 2, 3], feed_messages=[0, 10, 20, 30])
    text = "rate(feed_rejected[1m]) / rate(feed_messages[1m])"
    assert judge(f"{text} == 10%", history) is True
    assert judge(f"{text} > 11%", history) is False
    assert comparisons(compile_condition(f"{text} > 11%"))[0].unit == ""


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("latency_p95_ms > 5ms", {}, Unknown.NODATA),
        ("not latency_p95_ms > 5ms", {}, Unknown.NODATA),
        ("latency_p95_ms > 5ms and ws_connected", {"ws_connected": 0}, Unknown.NODATA),
        ("latency_p95_ms > 5ms or ws_connected", {"ws_connected": 1}, True),
        ("latency_p95_ms > 5ms or ws_connected", {"ws_connected": 0}, Unknown.NODATA),
        ("latency_p95_ms + 1ms > 5ms", {}, Unknown.NODATA),
        ("avg(latency_p95_ms[5s]) > 5ms", {}, Unknown.NODATA),
        ("rate(ws_drops[5s]) > 1/1s", {"ws_drops": 3}, Unknown.NODATA),
        ("age(latency_p95_ms) > 5s", {}, Unknown.NODATA),
        ("latency_p95_ms > 5ms", {"latency_p95_ms": nan}, Unknown.ERROR),
        ("latency_p95_ms != 5ms", {"latency_p95_ms": inf}, Unknown.ERROR),
        ("avg(latency_p95_ms[5s]) > 5ms", {"latency_p95_ms": [1, nan, 2]}, Unknown.ERROR),
        ("max(latency_p95_ms[5s]) > 5ms", {"latency_p95_ms": [inf, -inf]}, Unknown.ERROR),
        ("daily_loss_usd / wallet_balance_usd > 1%", {"daily_loss_usd": 1}, Unknown.NODATA),
        (
            "daily_loss_usd / wallet_balance_usd > 1%",
            {"daily_loss_usd": 1, "wallet_balance_usd": 0},
            Unknown.ERROR,
        ),
        ("daily_loss_usd * 10 > $1", {"daily_loss_usd": 1e308}, Unknown.ERROR),
        ("ws_connected", {"ws_connected": 2}, Unknown.ERROR),
        ('circuit_breaker_state == "OPEN"', {"circuit_breaker_state": 1.5}, Unknown.ERROR),
        (
            "latency_p95_ms > 5ms or data_delay_ms > 5ms",
            {"latency_p95_ms": nan},
            Unknown.ERROR,
        ),
        (
            "latency_p95_ms + data_delay_ms > 5ms",
            {"data_delay_ms": nan},
            Unknown.ERROR,
        ),
        ("latency_p95_ms > data_delay_ms", {"data_delay_ms": nan}, Unknown.ERROR),
    ],
)
def test_what_is_not_known_is_never_false(
    text: str, values: dict[str, float | list[float]], wanted: bool | Unknown
) -> None:
    assert judge(text, filled(**values)) is wanted


@pytest.mark.parametrize(("at_s", "wanted"), [(129, True), (129.9, True), (130, Unknown.NODATA)])
def test_a_sample_speaks_for_thirty_seconds(at_s: float, wanted: bool | Unknown) -> None:
    assert judge("ws_connected", filled(ws_connected=1), at_s) is wanted


def test_the_figures_of_a_phase_never_go_stale() -> None:
    history = filled(phase_capital_usd=20)
    assert judge("phase.capital == $20", history, 1e6) is True


def test_a_series_that_ended_is_no_data_though_windows_still_see_it() -> None:
    history = filled(latency_p95_ms=[7, 7, None])
    assert judge("latency_p95_ms > 5ms", history) is Unknown.NODATA
    assert judge("avg(latency_p95_ms[5s]) == 7ms", history) is True
    assert judge("age(latency_p95_ms) > 0s", history) is Unknown.NODATA


@pytest.mark.parametrize(("at_s", "wanted"), [(104, False), (106, True), (401, Unknown.NODATA)])
def test_age_is_known_for_five_minutes(at_s: float, wanted: bool | Unknown) -> None:
    assert judge("age(ws_connected) > 5s", filled(ws_connected=1), at_s) is wanted


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_min_avg_p95_and_max_are_in_order(values: list[int]) -> None:
    history = filled(latency_p95_ms=values)
    found = [
        number(
            comparisons(compile_condition(f"{name}(latency_p95_ms[1m]) > 1ms"))[0].left,
            history,
            (),
            100 * S,
        )
        for name in ("min", "avg", "p95", "max")
    ]
    smallest, average, high, largest = (float(value) for value in found)
    assert smallest <= average * (1 + 1e-12) <= largest * (1 + 1e-9)
    assert smallest <= high <= largest


def test_longest_windows_are_what_the_history_must_keep() -> None:
    text = "avg(slo_missed[5m]) > 1% and avg(slo_missed[1h]) > 1% or absent(ws_drops[20m])"
    assert longest_windows(compile_condition(text)) == {
        "slo_missed": 3_600 * S,
        "ws_drops": 1_200 * S,
    }


@pytest.mark.parametrize("text", ["30s", "5m", "1h30m", "4m59s999ms", "2d", "100ms"])
def test_a_duration_is_written_as_it_was_read(text: str) -> None:
    assert duration_text(duration_ns(text)) == text


@pytest.mark.parametrize("text", ["", "0s", "5", "m", "-5m", "5 m", "1.5h", "5m3"])
def test_another_text_is_no_duration(text: str) -> None:
    with pytest.raises(ExpressionError):
        duration_ns(text)
    assert duration_text(0) == "0s"


def test_the_catalogue_fits_together() -> None:
    assert set(PHASE_NAMES.values()) <= set(METRICS)
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.name not in FUNCTIONS
        assert (metric.unit is Unit.STATE) is bool(metric.states)
        assert all(state == state.upper() for state in metric.states)
        assert (metric.kind is Kind.EVENT) is (metric.fresh_ns == S)
        endings = {Unit.MILLISECONDS: "_ms", Unit.USD: "_usd", Unit.PERCENT: "_percent"}
        assert name.endswith(endings.get(metric.unit, ""))
    breaker = METRICS["circuit_breaker_state"]
    assert breaker.number("half_open") == 1
    with pytest.raises(ValueError, match="ajar"):
        breaker.number("ajar")
