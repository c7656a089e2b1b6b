"""Which measurements agree: a majority that holds the truth is believed, nobody else."""

from hypothesis import assume, given
from hypothesis import strategies as st
from polyarb.host.agreement import Span, agree

widths = st.integers(0, 50)


def spans(*edges: tuple[int, int]) -> list[Span]:
    return [Span(f"s{index}", low, high) for index, (low, high) in enumerate(edges)]


@st.composite
def sets_of_spans(draw: st.DrawFn) -> list[Span]:
    lows = draw(st.lists(st.tuples(st.integers(-100, 100), widths), min_size=1, max_size=9))
    return spans(*((low, low + width) for low, width in lows))


def test_nothing_measured_is_nothing_agreed() -> None:
    assert agree([]) is None


def test_one_source_agrees_with_itself() -> None:
    found = agree(spans((-10, 30)))
    assert found is not None
    assert (found.value, found.uncertainty, found.agreeing) == (10, 20, ("s0",))


def test_two_sources_that_contradict_each_other_are_not_believed() -> None:
    assert agree(spans((0, 1), (2, 3))) is None


def test_half_of_the_sources_is_no_majority() -> None:
    assert agree(spans((0, 4), (1, 5), (10, 14), (11, 15))) is None


def test_the_one_that_is_off_by_an_hour_is_outvoted_and_named() -> None:
    found = agree(spans((0, 10), (3_600, 3_610), (2, 12)))
    assert found is not None
    assert found.outvoted == ("s1",)
    assert found.agreeing == ("s0", "s2")
    assert (found.value, found.uncertainty) == (6, 4)


def test_touching_is_agreeing() -> None:
    found = agree(spans((0, 5), (5, 9)))
    assert found is not None
    assert (found.value, found.uncertainty) == (5, 0)


def test_the_value_is_the_median_of_the_middles() -> None:
    found = agree(spans((0, 20), (0, 24), (0, 22)))
    assert found is not None
    assert found.value == 11


def test_a_median_outside_of_what_is_common_is_moved_into_it() -> None:
    found = agree(spans((0, 10), (9, 30), (9, 31)))
    assert found is not None
    assert (found.value, found.uncertainty) == (10, 1)


@given(st.integers(-1_000, 1_000), st.lists(st.tuples(widths, widths), min_size=1), sets_of_spans())
def test_a_majority_of_true_sources_holds_the_truth(
    truth: int, around: list[tuple[int, int]], liars: list[Span]
) -> None:
    assume(len(around) > len(liars))
    true = spans(*((truth - left, truth + right) for left, right in around))
    # Liars are farther off than any true span reaches, whatever they say among themselves.
    false = [Span(f"f{one.source}", one.low + 5_000, one.high + 5_000) for one in liars]
    found = agree([*true, *false])
    assert found is not None
    assert abs(found.value - truth) <= found.uncertainty
    assert set(found.outvoted) == {one.source for one in false}


@given(sets_of_spans())
def test_the_largest_set_is_found_and_the_value_lies_in_all_of_it(found_spans: list[Span]) -> None:
    deepest = max(
        sum(one.low <= point <= one.high for one in found_spans) for point in range(-100, 151)
    )
    found = agree(found_spans)
    if 2 * deepest <= len(found_spans):
        assert found is None
        return
    assert found is not None
    assert len(found.agreeing) == deepest
    holding = [one for one in found_spans if one.source in found.agreeing]
    assert all(one.low <= found.value <= one.high for one in holding)
    assert set(found.agreeing) | set(found.outvoted) == {one.source for one in found_spans}
