"""A plan's own figures."""

import pytest
from polyarb.domain.plan import Family, Plan, SizeReason


@pytest.mark.parametrize(
    ("profit", "capital", "bps"), [(150, 10_000, 150), (1, 3, 3_333), (-1, 3, -3_334), (5, 0, 0)]
)
def test_the_edge_in_basis_points_is_rounded_down(profit: int, capital: int, bps: int) -> None:
    plan = Plan(
        problem_id="p",
        family=Family.LADDER,
        reason=SizeReason.OK,
        quantity=1,
        profit=profit,
        capital=capital,
    )
    assert plan.edge_bps == bps
    assert plan.is_trade


def test_a_plan_of_nothing_is_no_trade() -> None:
    assert not Plan(problem_id="p", family=Family.LADDER, reason=SizeReason.NO_EDGE).is_trade
