"""The published sizing vectors: every row, to the last digit."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.plan import (
    Constraints,
    CostStep,
    Family,
    Leg,
    Level,
    Plan,
    Problem,
    SizeReason,
)
from polyarb.domain.units import ATTO, MICRO, PICO
from polyarb.engine.plan_format import parse_problems, render_plan
from polyarb.engine.size import cost_steps, size

VECTORS = Path(__file__).resolve().parents[3] / "vectors"
SHARED = Path(__file__).resolve().parents[5] / "shared" / "data" / "vectors"
EXAMPLES = json.loads((VECTORS / "plan-examples.json").read_text())
ROWS = json.loads((VECTORS / "arbitrage.json").read_text())["vectors"]


@pytest.mark.parametrize("name", ["plan-examples.json", "arbitrage.json"])
def test_the_shipped_vectors_are_the_reference(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("the reference beside the checkout is absent")
    assert (VECTORS / name).read_bytes() == (SHARED / name).read_bytes()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["answer"]["id"])
def test_every_plan_example_is_answered_exactly(example: dict[str, Any]) -> None:
    (problem,) = parse_problems(json.dumps(example["problem"]).encode())
    answer = render_plan(size(problem), problem)
    expected = example["answer"]
    found = {name: getattr(answer, name) for name in ("id", "quantity", "profit", "reason")}
    assert found == expected


def micros(number: str) -> int:
    whole = Fraction(number) * MICRO
    assert whole.denominator == 1
    return int(whole)


def row_problem(row: dict[str, Any]) -> Problem:
    """Read a row: sets that pay 1 are asks, those that pay n - 1 are bids seen from NO."""
    sides = [[(micros(price), micros(size_)) for price, size_ in leg] for leg in row["legs"]]
    is_no = row["payoff_per_set"] != "1"
    fee = FeeSchedule(rate=micros(row["fee_rate"]) // 100, exponent=row["fee_exponent"])
    family = Family.NEGRISK_NO if is_no else Family.NEGRISK_YES
    given = row["constraints"]
    return Problem(
        id=row["id"],
        family=family,
        legs=tuple(row_leg(side, fee, is_no=is_no) for side in sides),
        constraints=Constraints(
            lot=micros(given["lot"]),
            size_min=micros(given.get("min_size", "0")),
            notional_min=micros(given.get("min_notional", "0")),
            capital=micros(given["capital"]) if "capital" in given else None,
            gas=micros(given.get("gas", "0")),
        ),
        exhaustive=True,
    )


def row_leg(side: list[Level], fee: FeeSchedule, *, is_no: bool) -> Leg:
    if is_no:
        return Leg(fee=fee, bids=tuple((MICRO - price, size_) for price, size_ in side))
    return Leg(fee=fee, asks=tuple(side))


def row_cost(problem: Problem, plan: Plan) -> Fraction:
    """Cost as the rows count it: a NO that is not bought counts 1."""
    cost = Fraction(plan.capital, ATTO)
    if problem.family is Family.NEGRISK_NO and plan.is_trade:
        bought = sum(order.shares for order in plan.orders)
        cost += Fraction(len(problem.legs) * plan.quantity - bought, MICRO)
    return cost


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_arbitrage_row_has_its_quantity_cost_and_profit(row: dict[str, Any]) -> None:
    problem = row_problem(row)
    plan = size(problem)
    expected = row["expect"]
    assert plan.reason.value == expected["reason"]
    assert Fraction(plan.quantity, MICRO) == Fraction(expected["quantity"])
    assert Fraction(plan.profit, ATTO) == Fraction(expected["profit"])
    assert row_cost(problem, plan) == Fraction(expected["cost"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_arbitrage_row_has_its_marginal_costs(row: dict[str, Any]) -> None:
    problem = row_problem(row)
    steps = cost_steps(problem, 8)
    if problem.family is Family.NEGRISK_NO and not row["no_side_terminal_level"]:
        thinnest = min(sum(size_ for _, size_ in leg.bids) for leg in problem.legs)
        steps = tuple(step for step in steps if step.start < thinnest)
    assert [step_row(step) for step in steps] == [
        tuple(None if value is None else Fraction(value) for value in piece)
        for piece in row["expect"]["marginal"]
    ]
    payoff = micros(row["payoff_per_set"]) * MICRO
    assert {step.payoff for step in steps} <= {payoff}


def step_row(step: CostStep) -> tuple[Fraction, Fraction | None, Fraction]:
    end = None if step.end is None else Fraction(step.end, MICRO)
    return Fraction(step.start, MICRO), end, Fraction(step.cost, PICO)


def test_the_rows_that_a_planner_must_refuse_are_refused() -> None:
    answers = {example["answer"]["id"]: example["answer"] for example in EXAMPLES}
    refused = {row["id"]: row["verdict"] for row in ROWS if row["verdict"] != verdict_of(row)}
    assert set(refused) == {"V08", "V11a"}
    for name, verdict in refused.items():
        assert verdict.items() <= answers[name].items()
    assert {answers[name]["reason"] for name in refused} == {
        SizeReason.CROSSED_BOOK,
        SizeReason.NON_EXHAUSTIVE,
    }


def verdict_of(row: dict[str, Any]) -> dict[str, str]:
    return {name: row["expect"][name] for name in ("quantity", "profit", "reason")}
