"""Quantiles of what was observed: nearest rank, and Kaplan-Meier where ends were not seen."""

from collections import Counter
from collections.abc import Iterable, Sequence

_WHOLE = 1 << 256
"""Of how many parts a share is counted: enough that rounding down decides nothing."""


def rank(values: Iterable[int], percent: int) -> int | None:
    """Find the nearest-rank percentile; None of nothing."""
    ranked = sorted(values)
    if not ranked:
        return None
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def survival_quantile(lives: Sequence[tuple[int, bool]], percent: int) -> int | None:
    """Find the age by which so many percent had ended, as Kaplan and Meier estimate it.

    Shape: (duration, is_censored); a censored one was last seen alive at that age.
    None: so many never ended within what was seen.
    """
    ends = Counter(duration for duration, is_censored in lives if not is_censored)
    gone = Counter(duration for duration, _ in lives)
    at_risk, alive = len(lives), _WHOLE
    for duration in sorted(gone):
        if ends[duration]:
            alive = alive * (at_risk - ends[duration]) // at_risk
            if alive * 100 <= (100 - percent) * _WHOLE:
                return duration
        at_risk -= gone[duration]
    return None
