"""A rule's condition as a checked tree, and what it is worth at a moment.

What is not known is never false: a missing sample is NODATA, what cannot be computed is ERROR.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import floor, fsum, isfinite
from typing import assert_never

from polyarb.alerts.history import BOUNDARY_NS, History, Labels, Series
from polyarb.alerts.metrics import SECOND_NS, Kind, Metric, Unit


class Unknown(StrEnum):
    """Why a condition is neither true nor false."""

    NODATA = "nodata"
    ERROR = "error"


class Function(StrEnum):
    """What is made of the samples of a window."""

    RATE = "rate"
    AVG = "avg"
    MAX = "max"
    MIN = "min"
    P95 = "p95"


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in the unit of what it is compared with."""

    value: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The latest sample of a metric."""

    metric: Metric


@dataclass(frozen=True, slots=True)
class Window:
    """A function of the samples of the last window_ns."""

    function: Function
    metric: Metric
    window_ns: int


@dataclass(frozen=True, slots=True)
class Age:
    """How old the latest sample is, in seconds."""

    metric: Metric


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers made one; operator is one of + - * /."""

    operator: str
    left: "Numeric"
    right: "Numeric"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two numbers of one unit, compared."""

    operator: str
    left: "Numeric"
    right: "Numeric"
    unit: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No sample within the last window_ns, or with is_negated at least one. Always known."""

    metric: Metric
    window_ns: int
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """True or false, whatever is measured."""

    value: bool


@dataclass(frozen=True, slots=True)
class Both:
    """True when both are."""

    left: "Condition"
    right: "Condition"


@dataclass(frozen=True, slots=True)
class Either:
    """True when one of them is, whatever is not known of the other."""

    left: "Condition"
    right: "Condition"


Numeric = Literal | Reading | Window | Age | Arithmetic
Condition = Comparison | Absent | Constant | Both | Either
Leaf = Reading | Window | Age

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPPOSITES: dict[str, str] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def nodes(condition: Condition | Numeric) -> Iterator[Condition | Numeric]:
    """Walk a tree from the left, a node before what is below it."""
    yield condition
    if isinstance(condition, Arithmetic | Comparison | Both | Either):
        yield from nodes(condition.left)
        yield from nodes(condition.right)


def leaves(condition: Condition) -> tuple[Leaf, ...]:
    """List what a condition needs to know, each once, from the left."""
    found = (node for node in nodes(condition) if isinstance(node, Leaf))
    return tuple(dict.fromkeys(found))


def metrics_of(condition: Condition) -> tuple[Metric, ...]:
    """List every metric of a condition, each once, from the left."""
    found = {
        node.metric.name: node.metric
        for node in nodes(condition)
        if isinstance(node, Leaf | Absent)
    }
    return tuple(found.values())


def label_names(condition: Condition) -> tuple[str, ...]:
    """Name the labels by which a condition is judged, each set of them by itself."""
    return next((leaf.metric.labels for leaf in leaves(condition) if leaf.metric.labels), ())


def comparisons(condition: Condition) -> tuple[Comparison, ...]:
    """List the comparisons of a condition from the left."""
    return tuple(node for node in nodes(condition) if isinstance(node, Comparison))


def evaluate(condition: Condition, history: History, labels: Labels, now_ns: int) -> bool | Unknown:
    """Judge a condition for one set of labels.

    Shape: true for `or` when either is, else ERROR before NODATA before false.
    """
    match condition:
        case Comparison():
            return _compare(condition, history, labels, now_ns)
        case Absent(metric, window_ns, is_negated):
            return _is_absent(metric, window_ns, history, now_ns) is not is_negated
        case Constant(value):
            return value
        case Both(left, right) | Either(left, right):
            one = evaluate(left, history, labels, now_ns)
            other = evaluate(right, history, labels, now_ns)
            if isinstance(condition, Either) and (one is True or other is True):
                return True
            if Unknown.ERROR in (one, other):
                return Unknown.ERROR
            if Unknown.NODATA in (one, other):
                return Unknown.NODATA
            return one is True and other is True
        case _:
            assert_never(condition)


def number(numeric: Numeric, history: History, labels: Labels, now_ns: int) -> float | Unknown:
    """Compute a number for one set of labels."""
    match numeric:
        case Literal(value):
            return value
        case Reading(metric):
            return _read(metric, history, labels, now_ns)
        case Window(metric=metric):
            return _look_back(numeric, history.find(metric.name, _own(metric, labels)), now_ns)
        case Age(metric):
            series = history.find(metric.name, _own(metric, labels))
            age_ns = series.age_ns(now_ns) if series else None
            return Unknown.NODATA if age_ns is None else age_ns / SECOND_NS
        case Arithmetic(sign, left, right):
            one = number(left, history, labels, now_ns)
            other = number(right, history, labels, now_ns)
            if isinstance(one, Unknown) or isinstance(other, Unknown):
                return Unknown.ERROR if Unknown.ERROR in (one, other) else Unknown.NODATA
            return _calculate(sign, one, other)
        case _:
            assert_never(numeric)


def _own(metric: Metric, labels: Labels) -> Labels:
    return labels if metric.labels else ()


def _compare(
    comparison: Comparison, history: History, labels: Labels, now_ns: int
) -> bool | Unknown:
    left = number(comparison.left, history, labels, now_ns)
    right = number(comparison.right, history, labels, now_ns)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown.ERROR if Unknown.ERROR in (left, right) else Unknown.NODATA
    return OPERATORS[comparison.operator](left, right)


def _is_absent(metric: Metric, window_ns: int, history: History, now_ns: int) -> bool:
    found = (history.find(metric.name, labels) for labels in history.label_sets(metric.name))
    return not any(series is not None and series.has_within(now_ns, window_ns) for series in found)


def _read(metric: Metric, history: History, labels: Labels, now_ns: int) -> float | Unknown:
    series = history.find(metric.name, _own(metric, labels))
    value = series.latest(now_ns, metric.fresh_ns) if series else None
    if value is None:
        return Unknown.NODATA
    if metric.states:
        return value if value in range(len(metric.states)) else Unknown.ERROR
    if metric.unit is Unit.FLAG:
        return value if value in (0, 1) else Unknown.ERROR
    return value if isfinite(value) else Unknown.ERROR


def _look_back(window: Window, series: Series | None, now_ns: int) -> float | Unknown:
    function = window.function
    times, values = series.window(now_ns, window.window_ns) if series else ([], [])
    if not values or (function is Function.RATE and len(values) < 2):
        return Unknown.NODATA
    if not isfinite(sum(values)):
        return Unknown.ERROR
    match function:
        case Function.AVG:
            return fsum(values) / len(values)
        case Function.MAX:
            return max(values)
        case Function.MIN:
            return min(values)
        case Function.P95:
            return _quantile(values, 0.95)
        case Function.RATE:
            return _rate(times, values, now_ns, window.window_ns)
        case _:
            assert_never(function)


def _quantile(values: list[float], share: float) -> float:
    """Interpolate linearly between the ranks, as Prometheus does."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    lower = floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    weight = rank - lower
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


def _rate(times: list[int], values: list[float], now_ns: int, window_ns: int) -> float:
    """Return the growth of a counter a second, with resets, extrapolated to the whole window.

    Source: the rate() of Prometheus, whose rules ours are exported to.
    """
    window_ns -= BOUNDARY_NS
    growth = values[-1] - values[0]
    for before, after in pairwise(values):
        if after < before:
            growth += before
    sampled_ns = times[-1] - times[0]
    to_start_ns: float = times[0] - (now_ns - window_ns)
    to_end_ns = now_ns - times[-1]
    if growth > 0 and values[0] >= 0:
        to_start_ns = min(to_start_ns, sampled_ns * values[0] / growth)
    between_ns = sampled_ns / (len(times) - 1)
    reach_ns = between_ns * 1.1
    covered_ns = (
        sampled_ns
        + (to_start_ns if to_start_ns < reach_ns else between_ns / 2)
        + (to_end_ns if to_end_ns < reach_ns else between_ns / 2)
    )
    return growth * covered_ns / sampled_ns / (window_ns / SECOND_NS)


def _calculate(sign: str, left: float, right: float) -> float | Unknown:
    if sign == "/" and right == 0:
        return Unknown.ERROR
    match sign:
        case "+":
            found = left + right
        case "-":
            found = left - right
        case "*":
            found = left * right
        case _:
            found = left / right
    return found if isfinite(found) else Unknown.ERROR


def is_event(condition: Condition) -> bool:
    """Tell whether a condition is about occurrences rather than about a state."""
    return any(metric.kind is Kind.EVENT for metric in metrics_of(condition))
