"""Quantiles of what was observed: nearest rank, and Kaplan-Meier where ends were not seen."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction


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
    at_risk, alive = len(lives), Fraction(1)
    for duration in sorted(gone):
        if ends[duration]:
            alive *= Fraction(at_risk - ends[duration], at_risk)
            if alive <= Fraction(100 - percent, 100):
                return duration
        at_risk -= gone[duration]
    return None
