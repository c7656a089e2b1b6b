"""The notation of promtool for samples: `1 2+1x3 _ _x4 stale 5x2 NaN`, one value an interval.

Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

import re
from enum import StrEnum

from polyarb.alerts.syntax import ExpressionError

POINTS_MAX = 100_000
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
_NO_NUMBER = re.compile(r"[Nn]a[Nn]$|[+-]?[Ii]nf$")
_RUN = re.compile(rf"(?P<first>{_NUMBER})(?:(?P<step>[+-](?:\d+(?:\.\d+)?))?x(?P<times>\d+))?$")
_GAP = re.compile(r"_(?:x(?P<times>\d+))?$")
_SERIES = re.compile(r"(?P<metric>[A-Za-z_][A-Za-z0-9_]*)\s*(?:\{(?P<labels>.*)\})?$")
_LABEL = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"([^"\\]*)"\s*$')


class Gap(StrEnum):
    """No sample at a time, or the end of the series."""

    MISSING = "_"
    STALE = "stale"


Point = float | Gap


def parse_values(text: str) -> tuple[Point, ...]:
    """Read the values of a series.

    Errors: ExpressionError for what is not of the notation.
    """
    found: list[Point] = []
    for word in text.split():
        column = text.index(word) + 1
        if word == Gap.STALE:
            found.append(Gap.STALE)
        elif _NO_NUMBER.match(word):
            found.append(float(word))
        elif gap := _GAP.match(word):
            found += [Gap.MISSING] * int(gap["times"] or 1)
        elif run := _RUN.match(word):
            count = int(run["times"] or 0) + 1
            if count > POINTS_MAX:
                raise ExpressionError(column, f"at most {POINTS_MAX} values", str(count))
            found += _run(float(run["first"]), float(run["step"] or 0), count)
        else:
            raise ExpressionError(column, "values such as 1 2+1x3 _ stale", f"`{word}`")
        if len(found) > POINTS_MAX:
            raise ExpressionError(column, f"at most {POINTS_MAX} values", "more")
    return tuple(found)


def _run(first: float, step: float, count: int) -> list[Point]:
    """Add the step again and again, as promtool does, so that both end at the same float."""
    found: list[Point] = []
    for _ in range(count):
        found.append(first)
        first += step
    return found


def parse_series(text: str) -> tuple[str, dict[str, str]]:
    """Read a metric with its labels: `source_delay_ms{source="poll"}`.

    Errors: ExpressionError for anything else.
    """
    found = _SERIES.match(text.strip())
    if found is None:
        raise ExpressionError(1, 'a series such as name{label="value"}', f"`{text}`")
    labels = {}
    for part in filter(str.strip, (found["labels"] or "").split(",")):
        pair = _LABEL.match(part)
        if pair is None:
            raise ExpressionError(1, 'labels such as source="poll"', f"`{part}`")
        labels[pair[1]] = pair[2]
    return found["metric"], labels
