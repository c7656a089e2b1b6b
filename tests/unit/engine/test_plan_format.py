"""The plan format: what is read, and what every malformed input is told."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from polyarb.domain.errors import UsageError
from polyarb.domain.plan import Constraints, Family, Plan, SizeReason
from polyarb.engine.plan_format import DIGITS_MAX, parse_problems, render_plan
from polyarb.engine.plan_text import PlanFormatError
from polyarb.engine.size import cost_steps, size

LEG = {"fee_rate": "0.05", "asks": [["0.4", "10"]]}


def text(**changes: Any) -> bytes:
    """Write a good problem with changes; None takes a field away."""
    problem: dict[str, Any] = {"id": "p", "family": "binary", "legs": [LEG, LEG]}
    problem |= changes
    return json.dumps({k: v for k, v in problem.items() if v is not None}).encode()


def leg(**changes: Any) -> bytes:
    """Write a good problem with changes to its second leg."""
    changed = {k: v for k, v in (LEG | changes).items() if v is not None}
    return text(legs=[LEG, changed])


def complaint(content: bytes) -> str:
    with pytest.raises(PlanFormatError) as caught:
        parse_problems(content)
    assert isinstance(caught.value, UsageError)
    return str(caught.value)


def test_a_problem_is_read_in_micros_best_first_with_equal_prices_added() -> None:
    bids = [["0.2", "1"], ["0.30", "2.5"], ["0.3", "1"], ["0.35", "0"], ["0.1", "0.01"]]
    asks = [["0.9", "1"], ["0.4", "2"], ["0.4000", "3"]]
    content = text(
        id="cup",
        family="negrisk_yes",
        exhaustive=True,
        legs=[{"name": "L", "fee_rate": "0.0375", "asks": asks, "bids": bids}, {"fee_rate": "0"}],
        constraints={
            "lot": "0.5",
            "min_size": "5",
            "min_notional": "1.000001",
            "capital": "250",
            "gas": "0.02",
        },
    )
    (problem,) = parse_problems(content)
    first, second = problem.legs
    assert (problem.id, problem.family, problem.exhaustive) == ("cup", Family.NEGRISK_YES, True)
    assert first.asks == ((400_000, 5_000_000), (900_000, 1_000_000))
    assert first.bids == ((300_000, 3_500_000), (200_000, 1_000_000), (100_000, 10_000))
    assert (first.fee.rate, first.fee.exponent, first.name) == (375, 1, "L")
    assert (second.asks, second.bids, second.name) == ((), (), "")
    assert problem.constraints == Constraints(
        lot=500_000, size_min=5_000_000, notional_min=1_000_001, capital=250_000_000, gas=20_000
    )


def test_missing_constraints_are_the_defaults_of_the_format() -> None:
    (problem,) = parse_problems(text())
    assert problem.constraints == Constraints(lot=10_000)
    assert not problem.exhaustive
    (problem,) = parse_problems(text(constraints={"capital": None}))
    assert problem.constraints.capital is None


@pytest.mark.parametrize(
    "content",
    [
        text(id="a") + b"\n" + text(id="b"),
        b"\n" + text(id="a") + b"\r\n\r\n" + text(id="b") + b"\n\n",
        b"[" + text(id="a") + b",\n" + text(id="b") + b"]",
        b"\xef\xbb\xbf[" + text(id="a") + b"," + text(id="b") + b"]\n",
    ],
)
def test_an_array_and_json_lines_are_read_in_order(content: bytes) -> None:
    assert [problem.id for problem in parse_problems(content)] == ["a", "b"]


def test_one_object_may_span_lines() -> None:
    spread = json.dumps(json.loads(text()), indent=2).encode()
    assert len(parse_problems(spread)) == 1


def test_an_empty_array_holds_no_problem_but_an_empty_input_is_an_error() -> None:
    assert parse_problems(b"[]") == []
    for content in (b"", b" \n\t\r\n"):
        assert complaint(content) == "input: expected at least one problem, found nothing"


def test_an_id_may_hold_anything_that_can_be_written_again() -> None:
    for name in ("", "\u2028", "\u0000", "a\nb", "\U0001f600", "0"):
        assert parse_problems(text(id=name))[0].id == name


COMPLAINTS: list[tuple[bytes, str]] = [
    (b"{", "input: line 1: expected JSON, found an error at column 2"),
    (b'{"id": "p",\n "family" "x"}', "input: line 2: expected JSON, found an error at column 11"),
    (text() + b"\n{", "input: line 2: expected JSON, found an error at column 2"),
    (text() + text(), "input: line 1: expected JSON, found an error at column"),
    (text() + b"\n" + text(id="q") + b" 1", "input: line 2: expected JSON, found an error"),
    (b"\xff", "input: expected UTF-8, found byte 0 outside it"),
    (b"[" * 100_000, "input: expected a problem, found brackets nested too deep"),
    (b"1", "problem 1: expected an object, found the number 1"),
    (b'"p"', 'problem 1: expected an object, found "p"'),
    (b"null", "problem 1: expected an object, found null"),
    (b"[" + text() + b", []]", "problem 2: expected an object, found a list of 0"),
    (text() + b"\n[" + text(id="q") + b"]", "problem 2: expected an object, found a list of 1"),
    (text(id=None), "problem 1: id: expected a text, found nothing"),
    (text(id=7), "problem 1: id: expected a text, found the number 7"),
    (
        text(id="\ud800"),
        r'problem "\ud800": id: expected a text of whole characters',
    ),
    (text() + b"\n" + text(), 'problem 2: id: expected an id not yet used by problem 1, found "p"'),
    (
        text(colour="red"),
        'problem "p": colour: expected only the fields id, family, legs, exhaustive,',
    ),
    (b'{"id": 1, "id": 2}', "problem 1: id: expected the field once, found it twice"),
    (text(family=None), 'problem "p": family: expected one of binary, negrisk_yes,'),
    (text(family="Binary"), 'found "Binary"'),
    (text(family=[]), 'problem "p": family: expected one of'),
    (text(legs=None), 'problem "p": legs: expected exactly 2 legs for binary, found nothing'),
    (text(legs={}), "legs: expected exactly 2 legs for binary, found an object"),
    (text(legs=[LEG] * 3), "legs: expected exactly 2 legs for binary, found a list of 3"),
    (text(legs=[LEG]), "legs: expected exactly 2 legs for binary, found a list of 1"),
    (text(family="implication", legs=[LEG] * 3), "legs: expected exactly 2 legs for implication"),
    (text(family="ladder", legs=[LEG]), "legs: expected at least 2 legs for ladder, found a list"),
    (text(legs=[LEG, "x"]), 'problem "p": legs[1]: expected an object, found "x"'),
    (text(exhaustive="true"), 'exhaustive: expected true or false, found "true"'),
    (text(exhaustive=1), "exhaustive: expected true or false, found the number 1"),
    (leg(fee_rate=None), "legs[1].fee_rate: expected a decimal string from 0 to below 1 with at"),
    (leg(fee_rate="1"), "legs[1].fee_rate: expected a decimal string from 0 to below 1"),
    (leg(fee_rate=0.05), "legs[1].fee_rate: expected a decimal string"),
    (leg(fee_rate="0.00001"), "with at most 4 decimals, found"),
    (
        leg(fees="0"),
        "legs[1].fees: expected only the fields name, fee_rate, asks, bids,",
    ),
    (leg(name=5), "legs[1].name: expected a text, found the number 5"),
    (leg(asks={}), "legs[1].asks: expected a list of [price, size], found an object"),
    (leg(bids=[["0.4"]]), "legs[1].bids[0]: expected [price, size], found a list of 1"),
    (leg(bids=["0.4"]), 'legs[1].bids[0]: expected [price, size], found "0.4"'),
    (leg(bids=[["0.4", "1"], ["0", "1"]]), "legs[1].bids[1][0]: expected a decimal string between"),
    (leg(bids=[["1", "1"]]), "bids[0][0]: expected a decimal string between 0 and 1"),
    (leg(bids=[["0.00001", "1"]]), "bids[0][0]: expected"),
    (leg(bids=[["0.40000", "1"]]), "with at most 4 decimals, found"),
    (leg(bids=[["0.4", "1.001"]]), "bids[0][1]: expected a decimal string of at least 0 with at"),
    (leg(bids=[["0.4", "-1"]]), 'found "-1"'),
    (leg(bids=[["0.4", 1]]), "bids[0][1]: expected a decimal string of at least 0 with at most 2"),
    (text(constraints=[]), "constraints: expected an object, found a list of 0"),
    (text(constraints={"max": "1"}), "constraints.max: expected only the fields lot, min_size,"),
    (text(constraints={"lot": "0"}), "constraints.lot: expected a decimal string above 0"),
    (text(constraints={"lot": None}), "constraints.lot: expected a decimal string above 0"),
    (text(constraints={"lot": "0.001"}), "with at most 2 decimals"),
    (text(constraints={"gas": "0.0000001"}), "with at most 6 decimals"),
    (text(constraints={"min_size": True}), "constraints.min_size: expected a decimal string"),
    (text(constraints={"capital": "-0"}), "constraints.capital: expected a decimal string"),
]


@pytest.mark.parametrize(("content", "expected"), COMPLAINTS)
def test_a_complaint_names_problem_field_expectation_and_finding(
    content: bytes, expected: str
) -> None:
    assert expected in complaint(content)


@pytest.mark.parametrize(
    "number", ["5e-2", "+0.5", " 0.5", "0.5 ", ".5", "5.", "0,5", "½", "٠.٥", "0x1", "", "NaN"]
)
def test_only_plain_decimals_are_numbers(number: str) -> None:
    assert "bids[0][1]: expected a decimal string" in complaint(leg(bids=[["0.4", number]]))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
def test_no_json_number_is_a_number(number: str) -> None:
    content = leg(bids=[["0.4", "size"]]).replace(b'"size"', number.encode())
    assert "found the number" in complaint(content)


def test_a_number_has_a_thousand_digits_or_is_refused() -> None:
    long = "9" * DIGITS_MAX
    (problem,) = parse_problems(leg(asks=[["0.4", long]]))
    assert problem.legs[1].asks[0][1] == int(long) * 10**6
    told = complaint(leg(asks=[["0.4", long + "9"]]))
    assert "asks[0][1]: expected at most 1,000 digits before the point, found" in told
    assert len(told) < 300


def test_a_plan_of_huge_numbers_is_exact() -> None:
    long = "9" * DIGITS_MAX
    deep = {"fee_rate": "0", "asks": [["0.4", long]], "bids": []}
    (problem,) = parse_problems(text(legs=[deep, deep], constraints={"lot": "1"}))
    answer = render_plan(size(problem), problem)
    assert answer.quantity == long
    assert answer.profit == str(int(long) * 2 // 10) + "." + str(int(long) * 2 % 10)
    nested = [
        {"fee_rate": "0", "asks": [["0.4", long]]},
        {"fee_rate": "0", "bids": [["0.5", long]]},
    ]
    (problem,) = parse_problems(text(family="ladder", legs=nested, constraints={"lot": "1"}))
    assert render_plan(size(problem), problem).quantity == long
    assert cost_steps(problem, 3)[0].end == int(long) * 10**6


def test_a_complaint_cannot_steer_the_terminal() -> None:
    told = complaint(text(family="\x1b[31m\u202e"))
    assert told.isprintable()


def test_a_repeated_field_inside_a_leg_is_found() -> None:
    repeated = text().replace(b'"fee_rate": "0.05"', b'"fee_rate": "0", "fee_rate": "0.05"', 1)
    assert complaint(repeated) == (
        'problem "p": legs[0].fee_rate: expected the field once, found it twice'
    )


def test_a_refusal_is_rendered_with_zeros() -> None:
    (problem,) = parse_problems(text(constraints={"gas": "0.5"}))
    refused = Plan(problem_id="p", family=problem.family, reason=SizeReason.NO_EDGE)
    answer = render_plan(refused, problem)
    assert (answer.quantity, answer.profit, answer.reason) == ("0", "0", "NO_EDGE")
    assert {answer.capital, answer.payoff, answer.fees, answer.gas} == {"0"}
    assert answer.orders == ()


def test_an_answer_adds_up_as_decimals() -> None:
    (problem,) = parse_problems(text(constraints={"gas": "0.5", "lot": "1"}))
    answer = render_plan(size(problem), problem)
    assert (answer.quantity, answer.payoff, answer.gas) == ("10", "10", "0.5")
    assert (answer.capital, answer.fees, answer.profit) == ("8.24", "0.24", "1.26")
    assert [order.price_limit for order in answer.orders] == ["0.4", "0.4"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(["id", "family", "legs", "exhaustive", "constraints", "x"])


@given(changes=st.dictionaries(FIELDS, JSON, max_size=3))
@example(changes={"legs": [[], {}]})
def test_any_json_is_read_or_refused_but_never_breaks(changes: dict[str, Any]) -> None:
    try:
        parse_problems(text(**changes))
    except PlanFormatError as fault:
        assert str(fault).isprintable()


@given(content=st.binary(max_size=30))
def test_any_bytes_are_read_or_refused_but_never_break(content: bytes) -> None:
    try:
        parse_problems(content)
    except PlanFormatError as fault:
        assert str(fault).isprintable()
