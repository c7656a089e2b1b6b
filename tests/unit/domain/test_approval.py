"""What a plan can cost at worst."""

from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.approval import Request, worst_cost
from polyarb.domain.fees import NO_FEE, FeeSchedule, fee_per_share
from polyarb.domain.ids import ConditionId, PlanId, RelationId
from polyarb.domain.plan import Family, Outcome, Plan, PlannedOrder, Side, SizeReason
from polyarb.domain.units import ATTO, MICRO, PICO, cost_up


def order(leg: int, side: Side, price: int, shares: int) -> PlannedOrder:
    return PlannedOrder(
        leg=leg,
        outcome=Outcome.YES,
        side=side,
        price_limit=price,
        shares=shares,
        notional=0,
        fee=0,
    )


def request(family: Family, quantity: int, *orders: PlannedOrder) -> Request:
    legs = max(one.leg for one in orders) + 1
    return Request(
        plan_id=PlanId("plan"),
        plan=Plan(
            problem_id="problem",
            family=family,
            reason=SizeReason.OK,
            quantity=quantity,
            orders=orders,
        ),
        relation_id=RelationId("relation"),
        condition_ids=tuple(ConditionId(str(leg)) for leg in range(legs)),
        fees=(NO_FEE,) * legs,
        best_prices=tuple(one.price_limit for one in orders),
        now_ns=0,
    )


prices = st.integers(min_value=1, max_value=9_999).map(lambda four: four * 100)


@given(
    prices,
    st.integers(min_value=1, max_value=10**10),
    st.integers(min_value=0, max_value=700),
    st.data(),
)
def test_no_fill_at_the_limit_or_better_costs_more_than_the_worst(
    limit: int, shares: int, rate: int, data: st.DataObject
) -> None:
    schedule = FeeSchedule(rate=rate)
    worst = worst_cost(order(0, Side.BUY, limit, shares), schedule)
    price = data.draw(st.integers(min_value=1, max_value=limit // 100)) * 100
    paid = cost_up(price * shares, PICO) + cost_up(fee_per_share(price, schedule) * shares, ATTO)
    assert paid <= worst


def test_a_sale_costs_nothing() -> None:
    assert worst_cost(order(0, Side.SELL, 600_000, 10 * MICRO), FeeSchedule(rate=500)) == 0


def test_the_fee_counts_at_the_dearest_price_below_the_limit() -> None:
    bought = order(0, Side.BUY, 900_000, 100 * MICRO)
    assert worst_cost(bought, FeeSchedule(rate=500)) == 90 * MICRO + 1_250_000


def test_a_plan_reserves_what_all_its_orders_can_cost() -> None:
    two = (order(0, Side.BUY, 400_000, 10 * MICRO), order(1, Side.BUY, 500_000, 10 * MICRO))
    assert request(Family.NEGRISK_YES, 10 * MICRO, *two).reserved == 9 * MICRO


def test_a_split_reserves_a_dollar_a_set() -> None:
    sold = order(0, Side.SELL, 600_000, 10 * MICRO)
    assert request(Family.NEGRISK_SPLIT, 10 * MICRO, sold).reserved == 10 * MICRO
