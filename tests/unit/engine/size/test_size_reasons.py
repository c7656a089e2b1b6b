"""Tables of small problems: one for every reason, every border and every choice of quantity."""

import json
from typing import Any

import pytest
from polyarb.domain.plan import Plan, SizeReason
from polyarb.engine.plan_format import parse_problems, render_plan
from polyarb.engine.size import cost_steps, size

Book = list[list[str]]


def leg(asks: Book | None = None, bids: Book | None = None, rate: str = "0") -> dict[str, Any]:
    return {"fee_rate": rate, "asks": asks or [], "bids": bids or []}


def ask(*levels: str) -> dict[str, Any]:
    return leg(asks=[level.split("x") for level in levels])


def bid(*levels: str) -> dict[str, Any]:
    return leg(bids=[level.split("x") for level in levels])


def both(asks: str, bids: str) -> dict[str, Any]:
    return leg([asks.split("x")], [bids.split("x")])


def solve(family: str, legs: list[dict[str, Any]], **limits: str) -> Plan:
    drawn: dict[str, Any] = {"id": "p", "family": family, "legs": legs}
    if family == "negrisk_yes":
        drawn["exhaustive"] = True
    drawn["constraints"] = {"lot": "1"} | limits
    (problem,) = parse_problems(json.dumps(drawn).encode())
    return size(problem)


def told(family: str, legs: list[dict[str, Any]], **limits: str) -> tuple[str, str, str]:
    drawn = {"id": "p", "family": family, "legs": legs}
    (problem,) = parse_problems(json.dumps(drawn).encode())
    answer = render_plan(solve(family, legs, **limits), problem)
    return answer.quantity, answer.profit, answer.reason


PAIR = [ask("0.45x20"), ask("0.50x30")]
NO_SET = [bid("0.62x100"), bid("0.41x100"), bid("0.05x10")]
LADDER = [ask("0.50x10"), bid("0.60x10")]

TABLE: list[tuple[str, list[dict[str, Any]], dict[str, str], tuple[str, str, str]]] = [
    ("binary", [both("0.45x9", "0.45x9"), ask("0.5x9")], {}, ("0", "0", "CROSSED_BOOK")),
    ("binary", [ask("0.45x20"), leg()], {}, ("0", "0", "INCOMPLETE")),
    ("negrisk_yes", [ask("0.4x9"), bid("0.3x9")], {}, ("0", "0", "INCOMPLETE")),
    ("implication", [bid("0.4x9"), bid("0.3x9")], {}, ("0", "0", "INCOMPLETE")),
    ("implication", [ask("0.4x9"), ask("0.3x9")], {}, ("0", "0", "INCOMPLETE")),
    ("binary", [ask("0.45x20"), ask("0.55x30")], {}, ("0", "0", "NO_EDGE")),
    ("negrisk_no", [bid("0.6x9"), bid("0.4x9")], {}, ("0", "0", "NO_EDGE")),
    ("negrisk_split", [bid("0.6x9"), leg()], {}, ("0", "0", "NO_EDGE")),
    ("implication", [ask("0.4x9"), bid("0.4x9")], {}, ("0", "0", "NO_EDGE")),
    ("ladder", [bid("0.6x9"), ask("0.5x9")], {}, ("0", "0", "NO_EDGE")),
    ("ladder", [leg(), leg()], {}, ("0", "0", "NO_EDGE")),
    ("ladder", [ask("0.5x9"), bid("0.5x9")], {}, ("0", "0", "NO_EDGE")),
    ("binary", PAIR, {"lot": "21"}, ("0", "0", "INFEASIBLE")),
    ("binary", PAIR, {"min_size": "21"}, ("0", "0", "INFEASIBLE")),
    ("binary", PAIR, {"min_size": "20"}, ("20", "1", "OK")),
    ("binary", PAIR, {"min_notional": "9.01"}, ("0", "0", "INFEASIBLE")),
    ("binary", PAIR, {"min_notional": "9"}, ("20", "1", "OK")),
    ("binary", PAIR, {"capital": "0.94"}, ("0", "0", "INFEASIBLE")),
    ("binary", PAIR, {"capital": "0.95"}, ("1", "0.05", "CAPITAL_BINDING")),
    ("binary", PAIR, {"capital": "19"}, ("20", "1", "OK")),
    ("binary", PAIR, {"capital": "18.99"}, ("19", "0.95", "CAPITAL_BINDING")),
    ("binary", PAIR, {"capital": "0"}, ("0", "0", "INFEASIBLE")),
    ("binary", PAIR, {"gas": "1"}, ("0", "0", "BELOW_GAS")),
    ("binary", PAIR, {"gas": "0.999999"}, ("20", "0.000001", "OK")),
    ("negrisk_no", NO_SET, {"capital": "0"}, ("0", "0", "INFEASIBLE")),
    ("negrisk_no", NO_SET, {"min_size": "101"}, ("0", "0", "INFEASIBLE")),
    ("negrisk_no", NO_SET, {"min_size": "11"}, ("100", "3", "MIN_SIZE_BINDING")),
    ("negrisk_no", NO_SET, {"min_size": "10"}, ("100", "3.5", "OK")),
    ("negrisk_no", NO_SET, {"lot": "3"}, ("99", "3.42", "OK")),
    ("negrisk_split", NO_SET, {"capital": "100"}, ("100", "3.5", "OK")),
    ("negrisk_split", NO_SET, {"capital": "99.99"}, ("99", "3.47", "CAPITAL_BINDING")),
    ("negrisk_split", NO_SET, {"lot": "200"}, ("0", "0", "INFEASIBLE")),
    ("negrisk_no", [bid("0.7x5"), bid("0.4x3")], {"min_size": "4"}, ("0", "0", "NO_GAIN")),
    ("ladder", LADDER, {"gas": "1"}, ("0", "0", "BELOW_GAS")),
    ("ladder", LADDER, {"gas": "0.9"}, ("10", "0.1", "OK")),
    ("ladder", LADDER, {"min_size": "11"}, ("0", "0", "INFEASIBLE")),
    ("ladder", LADDER, {"capital": "0.89"}, ("0", "0", "INFEASIBLE")),
    ("ladder", LADDER, {"capital": "0.9"}, ("1", "0.1", "CAPITAL_BINDING")),
    ("ladder", LADDER, {"capital": "9"}, ("10", "1", "OK")),
    ("ladder", LADDER, {"lot": "11"}, ("0", "0", "INFEASIBLE")),
    (
        "ladder",
        [ask("0.50x3", "0.70x10"), bid("0.60x10")],
        {"min_size": "5"},
        ("5", "0.1", "MIN_SIZE_BINDING"),
    ),
    (
        "ladder",
        [ask("0.50x3", "0.70x10"), bid("0.60x10")],
        {"min_size": "6"},
        ("0", "0", "NO_GAIN"),
    ),
]


@pytest.mark.parametrize(("family", "legs", "limits", "expected"), TABLE)
def test_a_problem_has_the_answer_of_the_table(
    family: str, legs: list[dict[str, Any]], limits: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert told(family, legs, **limits) == expected


def test_a_set_that_is_not_exhaustive_is_refused_before_its_empty_sides() -> None:
    drawn = {"id": "p", "family": "negrisk_yes", "legs": [leg(), leg()]}
    (problem,) = parse_problems(json.dumps(drawn).encode())
    assert size(problem).reason is SizeReason.NON_EXHAUSTIVE


def test_a_level_that_gains_nothing_is_left() -> None:
    assert told("binary", [ask("0.45x5", "0.5x9"), ask("0.5x30")])[0] == "5"
    assert told("ladder", [ask("0.5x5", "0.6x9"), bid("0.6x30")])[0] == "5"
    assert told("negrisk_split", [bid("0.6x9"), bid("0.5x5", "0.4x9")])[0] == "5"


def test_of_two_equal_summits_the_lower_is_taken() -> None:
    legs = [bid("0.70x20"), bid("0.40x10"), bid("0.15x20")]
    assert told("negrisk_split", legs, min_notional="3") == ("10", "1", "MIN_SIZE_BINDING")
    legs = [bid("0.70x20"), bid("0.40x10"), bid("0.16x20")]
    assert told("negrisk_split", legs, min_notional="3.2")[:2] == ("20", "1.2")


def test_a_minimum_beyond_the_depth_of_another_leg_is_infeasible() -> None:
    legs = [ask("0.16x9"), ask("0.58x1")]
    assert told("binary", legs, min_notional="0.4") == ("0", "0", "INFEASIBLE")


def test_one_lot_past_the_kink_is_taken_only_if_it_gains() -> None:
    legs = [ask("0.45x2.5", "0.6x9"), ask("0.5x30")]
    assert told("binary", legs) == ("2", "0.1", "OK")
    legs = [ask("0.45x2.5", "0.55x9"), ask("0.5x30")]
    assert told("binary", legs) == ("2", "0.1", "OK")
    legs = [ask("0.45x2.5", "0.54x9"), ask("0.5x30")]
    assert told("binary", legs) == ("3", "0.105", "OK")
    assert told("binary", legs, capital="2.895") == ("3", "0.105", "OK")
    assert told("binary", legs, capital="2.5") == ("2", "0.1", "CAPITAL_BINDING")


def test_a_leg_that_falls_back_to_its_last_whole_lot_frees_capital() -> None:
    legs = [bid("0.40x5.9"), bid("0.65x60")]
    assert told("negrisk_no", legs, lot="3", capital="6.6") == ("3", "0.15", "OK")
    legs = [bid("0.07x5.9"), bid("0.40x60"), bid("0.70x60")]
    assert told("negrisk_no", legs, lot="3") == ("60", "6.21", "OK")
    for capital, expected in (("8.19", "6"), ("8.18", "3"), ("10.89", "9"), ("10.88", "6")):
        answer = told("negrisk_no", legs, lot="3", capital=capital)
        assert (answer[0], answer[2]) == (expected, "CAPITAL_BINDING")


def test_a_sweep_goes_on_past_a_kink_that_a_later_leg_makes_good() -> None:
    legs = [bid("0.7x10"), bid("0.35x10"), bid("0.30x10", "0.10x40"), bid("0.06x40")]
    assert told("negrisk_split", legs, min_notional="2.1")[2] == "MIN_SIZE_BINDING"


def test_a_leg_that_comes_in_at_its_minimum_may_pay_for_the_sets_before_it() -> None:
    legs = [bid("0.90x100"), bid("0.09x100"), bid("0.02x100")]
    plan = solve("negrisk_split", legs, min_notional="1")
    assert [order.leg for order in plan.orders] == [0, 1, 2]
    assert plan.quantity == 100_000_000
    assert told("negrisk_split", legs, min_notional="2.01") == ("0", "0", "NO_GAIN")


def test_orders_name_token_side_and_the_worst_price_of_what_is_traded() -> None:
    rows = {
        "negrisk_no": [("NO", "BUY", 390_000), ("NO", "BUY", 600_000)],
        "negrisk_split": [("YES", "SELL", 610_000), ("YES", "SELL", 400_000)],
        "implication": [("YES", "BUY", 410_000), ("NO", "BUY", 380_000)],
        "ladder": [("YES", "BUY", 410_000), ("NO", "BUY", 380_000)],
        "binary": [("YES", "BUY", 410_000), ("NO", "BUY", 550_000)],
        "negrisk_yes": [("YES", "BUY", 410_000), ("YES", "BUY", 550_000)],
    }
    set_legs = [bid("0.62x5", "0.61x5"), bid("0.41x6", "0.40x5")]
    nested_legs = [ask("0.40x5", "0.41x5"), bid("0.63x6", "0.62x5")]
    yes_legs = [ask("0.40x5", "0.41x5"), ask("0.54x6", "0.55x5")]
    legs = {
        "negrisk_no": set_legs,
        "negrisk_split": set_legs,
        "implication": nested_legs,
        "ladder": nested_legs,
        "binary": yes_legs,
        "negrisk_yes": yes_legs,
    }
    for family, expected in rows.items():
        orders = solve(family, legs[family]).orders
        assert [(o.outcome, o.side, o.price_limit) for o in orders] == expected
        assert {order.shares for order in orders} == {10_000_000}


def test_capital_counts_the_fee() -> None:
    legs = [leg(asks=[["0.5", "10"]], rate="0.1"), leg(asks=[["0.4", "10"]], rate="0.1")]
    cost = "0.949"
    assert told("binary", legs, lot="1", capital=cost) == ("1", "0.051", "CAPITAL_BINDING")
    assert told("binary", legs, lot="1", capital="0.948999") == ("0", "0", "INFEASIBLE")


def test_gas_is_not_part_of_the_capital() -> None:
    assert told("binary", PAIR, capital="19", gas="0.5") == ("20", "0.5", "OK")


def test_the_edge_in_basis_points_is_rounded_down_and_zero_without_capital() -> None:
    assert solve("binary", PAIR).edge_bps == 526
    assert solve("binary", PAIR, gas="2").edge_bps == 0


def test_a_ladder_that_needs_too_many_branches_is_undecided_not_wrong() -> None:
    legs = [ask("0.50x3", "0.70x9"), ask("0.51x3", "0.70x9"), bid("0.60x8")]
    drawn = {"id": "p", "family": "ladder", "legs": legs}
    drawn["constraints"] = {"lot": "1", "min_size": "5"}
    (problem,) = parse_problems(json.dumps(drawn).encode())
    undecided = size(problem, branches_max=1)
    assert (undecided.reason, undecided.quantity) == (SizeReason.UNDECIDED, 0)
    assert size(problem, branches_max=8).reason is SizeReason.MIN_SIZE_BINDING


def test_a_no_before_its_yes_is_covered_by_lots_that_flow_past_it() -> None:
    legs = [ask("0.50x10"), both("0.58x10", "0.55x10"), bid("0.60x20")]
    plan = solve("ladder", legs)
    bought = {(order.leg, order.outcome.value): order.shares // 10**6 for order in plan.orders}
    assert bought == {(0, "YES"): 10, (1, "YES"): 10, (2, "NO"): 20}
    legs = [ask("0.50x10"), bid("0.55x4"), leg([["0.51", "10"]], [["0.50", "1"]]), bid("0.6x10")]
    plan = solve("ladder", legs)
    bought = {(order.leg, order.outcome.value): order.shares // 10**6 for order in plan.orders}
    assert bought == {(0, "YES"): 10, (1, "NO"): 4, (2, "YES"): 4, (3, "NO"): 10}


def test_a_no_before_its_yes_takes_no_more_lots_than_flow_past_it() -> None:
    legs = [ask("0.50x3"), bid("0.55x10"), ask("0.51x10"), bid("0.60x3")]
    assert told("ladder", legs) == ("6", "0.42", "OK")
    plan = solve("ladder", legs)
    assert [order.shares // 10**6 for order in plan.orders] == [3, 3, 3, 3]


def steps_of(family: str, legs: list[dict[str, Any]], count_max: int = 9) -> list[tuple[Any, ...]]:
    drawn = {"id": "p", "family": family, "legs": legs, "constraints": {"lot": "1"}}
    (problem,) = parse_problems(json.dumps(drawn).encode())
    steps = cost_steps(problem, count_max)
    cent = 10**10
    sets = 10**6
    return [
        (s.start // sets, s.end and s.end // sets, s.cost // cent, s.payoff // cent) for s in steps
    ]


def test_steps_say_what_one_more_set_costs_and_pays() -> None:
    assert steps_of("negrisk_split", NO_SET) == [
        (0, 10, 100, 108),
        (10, 100, 100, 103),
        (100, None, 100, 0),
    ]
    assert steps_of("implication", [ask("0.40x10"), bid("0.43x6")]) == [(0, 6, 97, 100)]
    ladder = [ask("0.50x10", "0.59x9"), bid("0.60x12", "0.2x3")]
    expected = [(0, 10, 90, 100), (10, 12, 99, 100), (12, 15, 139, 100)]
    assert steps_of("ladder", ladder) == expected
    assert steps_of("ladder", ladder, 2) == expected[:2]
    crossing = [ask("0.50x3"), bid("0.55x10"), ask("0.51x10"), bid("0.60x3")]
    assert steps_of("ladder", crossing) == [(0, 3, 90, 100), (3, 6, 96, 100)]


def test_there_are_no_steps_where_a_side_is_empty() -> None:
    assert steps_of("binary", [ask("0.40x10"), leg()]) == []
    assert steps_of("ladder", [ask("0.40x10"), leg()]) == []
