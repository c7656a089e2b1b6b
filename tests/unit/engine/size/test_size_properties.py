"""The sizer against enumeration: small problems of every family under every constraint."""

import heapq
import json
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.plan import Constraints, Family, Leg, Outcome, Plan, Problem, Side, SizeReason
from polyarb.domain.units import ATTO, MICRO, PICO
from polyarb.engine.plan_format import parse_problems
from polyarb.engine.size import size
from tests.unit.engine.size import size_brute_force as brute
from tests.unit.engine.size.size_cases import FAMILIES, problem

SMALL = {"ladder": (3, 2)}


@st.composite
def problems(draw: st.DrawFn, family: str) -> dict[str, Any]:
    legs_max, levels_max = SMALL.get(family, (4, 3))
    return problem(lambda options: draw(st.sampled_from(options)), family, legs_max, levels_max)


def solve(drawn: dict[str, Any]) -> tuple[Problem, Plan]:
    (parsed,) = parse_problems(json.dumps(drawn).encode())
    return parsed, size(parsed)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=150)
@given(data=st.data())
def test_the_answer_is_the_one_that_enumeration_finds(family: str, data: st.DataObject) -> None:
    drawn = data.draw(problems(family))
    _, plan = solve(drawn)
    found = Fraction(plan.quantity, MICRO), Fraction(plan.profit, ATTO), plan.reason.value
    assert found == brute.answer(drawn)


@pytest.mark.parametrize("family", FAMILIES)
def test_seeded_problems_are_answered_as_enumeration_does(family: str) -> None:
    seeded = Random(f"{family} of old")
    reasons = set()
    for _ in range(200):
        drawn = problem(seeded.choice, family, *SMALL.get(family, (4, 3)))
        _, plan = solve(drawn)
        found = Fraction(plan.quantity, MICRO), Fraction(plan.profit, ATTO), plan.reason.value
        assert found == brute.answer(drawn), drawn
        reasons.add(plan.reason)
    assert {SizeReason.OK, SizeReason.NO_EDGE, SizeReason.INFEASIBLE} <= reasons


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=100)
@given(data=st.data())
def test_the_orders_of_a_plan_walk_the_books_and_add_up(family: str, data: st.DataObject) -> None:
    drawn = data.draw(problems(family))
    parsed, plan = solve(drawn)
    limits = brute.limits_of(drawn)
    cash = Fraction(0)
    for order in plan.orders:
        kind = "sell" if order.side is Side.SELL else "buy"
        is_no = order.outcome is Outcome.NO and family != "binary"
        kind = "buy_no" if is_no else kind
        shares = Fraction(order.shares, MICRO)
        walked = brute.order(drawn["legs"][order.leg], kind, shares)
        assert walked is not None, "an order may not be larger than its depth"
        assert shares % limits["lot"] == 0
        assert brute.is_legal(shares, walked[1], limits)
        assert Fraction(order.notional, ATTO) == walked[1]
        sign = -1 if kind == "sell" else 1
        assert Fraction(sign * order.notional + order.fee, ATTO) == walked[0]
        assert touched(drawn["legs"][order.leg], kind, shares) == order.price_limit
        cash += walked[0]
    if family != "negrisk_split":
        assert Fraction(plan.capital, ATTO) == cash
    assert limits["capital"] is None or Fraction(plan.capital, ATTO) <= limits["capital"]
    gas = parsed.constraints.gas * PICO if plan.is_trade else 0
    assert plan.profit == plan.payoff - plan.capital - gas
    assert bool(plan.orders) is plan.is_trade


def touched(leg: dict[str, Any], kind: str, shares: Fraction) -> int:
    """Find the worst price an order of so many shares touches, of the token that is traded."""
    passed = Fraction(0)
    for price, size_ in brute.book(leg, "asks" if kind == "buy" else "bids"):
        passed += size_
        if passed >= shares:
            return int((1 - price if kind == "buy_no" else price) * MICRO)
    raise AssertionError("beyond depth")


@settings(max_examples=60)
@given(data=st.data())
def test_both_routes_of_the_no_side_earn_the_same_without_limits(data: st.DataObject) -> None:
    drawn = data.draw(problems("negrisk_no"))
    drawn["constraints"] = {"lot": drawn["constraints"]["lot"]}
    _, bought = solve(drawn)
    _, split = solve(drawn | {"family": "negrisk_split"})
    assert (bought.quantity, bought.profit, bought.reason) == (
        split.quantity,
        split.profit,
        split.reason,
    )


Matching = tuple[int, int]


def refund_matching(parsed: Problem) -> Matching:
    """Match single lots with refunds: (quantity, profit) of a ladder without minima or capital."""
    lot = parsed.constraints.lot
    heap: list[tuple[int, int]] = []
    quantity = profit = 0
    for leg in parsed.legs:
        for cost in lot_gains(leg, lot, is_bid=False):
            heapq.heappush(heap, (-cost, 1))
        for worth in lot_gains(leg, lot, is_bid=True):
            if heap and heap[0][0] < worth:
                cost, is_fresh = heapq.heappop(heap)
                profit += worth - cost
                quantity += lot * is_fresh
                heapq.heappush(heap, (worth, 0))
    return quantity, profit


def lot_gains(leg: Leg, lot: int, *, is_bid: bool) -> list[int]:
    """List what every whole lot of a side gains, best first, share by cent-share."""
    gains = []
    for price, size_ in leg.bids if is_bid else leg.asks:
        fee = leg.fee.rate * price * (MICRO - price) // 10_000
        share = price * MICRO - fee if is_bid else -price * MICRO - fee
        gains += [share * (MICRO // 100)] * (size_ // (MICRO // 100))
    step = lot // (MICRO // 100)
    whole = len(gains) // step * step
    return [sum(gains[start : start + step]) for start in range(0, whole, step)]


@settings(max_examples=40)
@given(
    seed=st.randoms(use_true_random=False),
    legs_count=st.integers(2, 8),
    lot=st.sampled_from([MICRO // 100, MICRO // 10, MICRO]),
)
def test_a_deep_ladder_is_the_refundable_matching(seed: Any, legs_count: int, lot: int) -> None:
    centre = seed.randrange(300, 700)
    legs = []
    for _ in range(legs_count):
        middle = centre + seed.randrange(-90, 90)
        fee = FeeSchedule(rate=seed.choice((0, 200, 700)))
        legs.append(
            Leg(fee=fee, asks=deep(seed, middle + 1, 1), bids=deep(seed, middle, -1)),
        )
    deep_problem = Problem(
        id="deep",
        family=Family.LADDER,
        legs=tuple(legs),
        constraints=Constraints(lot=lot),
    )
    plan = size(deep_problem)
    assert (plan.quantity, plan.profit) == refund_matching(deep_problem)


def deep(seed: Any, start: int, sign: int) -> tuple[tuple[int, int], ...]:
    levels = []
    for _ in range(seed.randrange(0, 6)):
        levels.append((start * 1000, seed.randrange(1, 1500) * 10_000))
        start += sign * seed.randrange(1, 15)
    return tuple(levels)
