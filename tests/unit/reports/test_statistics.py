"""Percentiles of nothing are nothing; an end that was not seen is not an end."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.reports.statistics import rank, survival_quantile


@pytest.mark.parametrize(
    ("values", "percent", "answer"),
    [([], 50, None), ([7], 50, 7), ([3, 1, 2], 50, 2), ([1, 2, 3, 4], 50, 2), ([1, 2], 100, 2)],
)
def test_rank_is_nearest_rank(values: list[int], percent: int, answer: int | None) -> None:
    assert rank(values, percent) == answer


def test_without_censoring_the_median_life_is_the_rank() -> None:
    lives = [(age, False) for age in (1, 2, 3, 4, 100)]
    assert survival_quantile(lives, 50) == 3
    assert survival_quantile(lives, 90) == 100


def test_censored_lives_push_the_estimate_up() -> None:
    # at risk 4, 3, 2, 1; the one censored at 2 leaves: 3/4, then 3/4 * 1/2 = 3/8
    lives = [(1, False), (2, True), (3, False), (4, False)]
    assert survival_quantile(lives, 50) == 3
    assert survival_quantile(lives, 90) == 4


def test_when_too_few_ended_nothing_is_claimed() -> None:
    assert survival_quantile([], 50) is None
    assert survival_quantile([(5, True), (9, True)], 50) is None
    assert survival_quantile([(1, False), (9, True), (9, True)], 50) is None


def test_an_end_and_a_censoring_at_one_age_count_the_end_first() -> None:
    assert survival_quantile([(5, False), (5, True)], 50) == 5


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30))
def test_quantiles_are_ages_at_which_something_ended_and_never_cross(
    lives: list[tuple[int, bool]],
) -> None:
    median, late = survival_quantile(lives, 50), survival_quantile(lives, 90)
    ended = {age for age, is_censored in lives if not is_censored}
    assert median is None or median in ended
    assert late is None or (median is not None and late >= median)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=40), st.integers(1, 99))
def test_the_estimate_is_the_exact_one(lives: list[tuple[int, bool]], percent: int) -> None:
    at_risk, alive, expected = len(lives), Fraction(1), None
    for age in sorted({age for age, _ in lives}):
        ended = lives.count((age, False))
        alive *= Fraction(at_risk - ended, at_risk)
        if ended and alive <= Fraction(100 - percent, 100):
            expected = age
            break
        at_risk -= ended + lives.count((age, True))
    assert survival_quantile(lives, percent) == expected
