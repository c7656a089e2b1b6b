"""Stage 4: every limit refuses above it and lets through at it; what was reserved is freed once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.approval import Approved, Request
from polyarb.domain.fees import NO_FEE, FeeSchedule
from polyarb.domain.ids import ConditionId, PlanId, RelationId
from polyarb.domain.limits import Breaker, Profile
from polyarb.domain.order import TradingState
from polyarb.domain.plan import Family, Outcome, Plan, PlannedOrder, Side, SizeReason
from polyarb.domain.reasons import Denial
from polyarb.domain.units import ATTO, MICRO
from polyarb.domain.venue import VenueMode
from polyarb.engine import risk
from polyarb.engine.risk import RISK_CHECKS, Situation
from polyarb.engine.risk.exposure import DAY_NS, MINUTE_NS
from polyarb.engine.state import Exposure
from tests.worlds import ROOMY, START_NS

A, B = ConditionId("A"), ConditionId("B")
PAIR = RelationId("PAIR")
NOW_NS = START_NS


def request(
    *,
    limits: tuple[int, int] = (400_000, 500_000),
    best: tuple[int, int] | None = None,
    shares: int = 10 * MICRO,
    profit: int = ATTO,
    family: Family = Family.NEGRISK_YES,
    rate: int = 0,
    now_ns: int = NOW_NS,
) -> Request:
    """Ask for a pair of buys: ten sets for nine dollars that earn one."""
    fee = FeeSchedule(rate=rate) if rate else NO_FEE
    orders = tuple(
        PlannedOrder(
            leg=leg,
            outcome=Outcome.YES,
            side=Side.BUY,
            price_limit=limit,
            shares=shares,
            notional=limit * shares * MICRO,
            fee=0,
        )
        for leg, limit in enumerate(limits)
    )
    capital = sum(order.notional for order in orders)
    plan = Plan(
        problem_id="problem",
        family=family,
        reason=SizeReason.OK,
        quantity=shares,
        profit=profit,
        capital=capital,
        payoff=capital + profit,
        orders=orders,
    )
    return Request(
        plan_id=PlanId("plan"),
        plan=plan,
        relation_id=PAIR,
        condition_ids=(A, B),
        fees=(fee, fee),
        best_prices=limits if best is None else best,
        now_ns=now_ns,
    )


def limited(section: str, **figures: Any) -> Profile:
    """Change figures of the roomy profile."""
    changed = msgspec.structs.replace(getattr(ROOMY, section), **figures)
    return msgspec.structs.replace(ROOMY, **{section: changed})


def verdict(
    asked: Request | None = None,
    *,
    profile: Profile = ROOMY,
    exposure: Exposure | None = None,
    trading: TradingState = TradingState.ACTIVE,
    under_way: frozenset[ConditionId] = frozenset(),
    venue_mode: VenueMode = VenueMode.OK,
    is_clock_trusted: bool = True,
) -> Denial | None:
    """Return why a request is refused, or None."""
    found = risk.approve(
        Situation(
            asked or request(),
            Exposure() if exposure is None else exposure,
            trading,
            profile,
            under_way,
            venue_mode=venue_mode,
            is_clock_trusted=is_clock_trusted,
        )
    )
    return None if isinstance(found, Approved) else found


def exposed(total: int, relation_id: RelationId = PAIR, *markets: ConditionId) -> Exposure:
    exposure = Exposure()
    risk.reserve(
        exposure,
        PlanId("earlier"),
        relation_id=relation_id,
        condition_ids=markets,
        reserved=total,
    )
    return exposure


def test_a_request_within_every_limit_is_approved_as_it_is() -> None:
    asked = request()
    approved = risk.approve(Situation(asked, Exposure(), TradingState.ACTIVE, ROOMY))
    assert isinstance(approved, Approved)
    assert approved.value is asked


@pytest.mark.parametrize("trading", sorted(set(TradingState) - {TradingState.ACTIVE}))
def test_only_active_trading_opens_anything(trading: TradingState) -> None:
    assert verdict(trading=trading) is Denial.NOT_ACTIVE


@pytest.mark.parametrize("mode", sorted(set(VenueMode) - {VenueMode.OK}))
def test_in_any_mode_of_the_venue_but_ok_nothing_is_opened(mode: VenueMode) -> None:
    assert verdict(venue_mode=mode) is Denial.VENUE_RESTRICTED


def test_by_a_wrong_clock_nothing_is_opened() -> None:
    assert verdict(is_clock_trusted=False) is Denial.CLOCK_WRONG


def test_a_family_that_the_profile_does_not_name_is_refused() -> None:
    profile = msgspec.structs.replace(ROOMY, families=(Family.NEGRISK_NO,))
    assert verdict(profile=profile) is Denial.FAMILY_DISABLED
    assert verdict(request(family=Family.NEGRISK_NO), profile=profile) is None


AT_AND_OVER: list[tuple[str, Callable[[int], Denial | None], Denial]] = [
    (
        "edge fraction: 1 on 9",
        lambda one: verdict(profile=limited("sizing", edge_fraction_min=111_111 + one)),
        Denial.EDGE_TOO_SMALL,
    ),
    (
        "slippage: 4 cents from 40",
        lambda one: verdict(
            request(limits=(440_000, 500_000), best=(400_000, 500_000)),
            profile=limited("sizing", slippage_fraction_max=100_000 - one),
        ),
        Denial.SLIPPAGE,
    ),
    (
        "slippage of a sale: below its best price",
        lambda one: verdict(
            request(limits=(360_000, 500_000), best=(400_000, 500_000)),
            profile=limited("sizing", slippage_fraction_max=100_000 - one),
        ),
        Denial.SLIPPAGE,
    ),
    (
        "trade size",
        lambda one: verdict(profile=limited("sizing", trade_size_ceiling=9 * MICRO - one)),
        Denial.TRADE_SIZE,
    ),
    (
        "order notional",
        lambda one: verdict(profile=limited("envelope", order_notional_max=5 * MICRO - one)),
        Denial.ORDER_NOTIONAL,
    ),
    (
        "order notional with its fee",
        lambda one: verdict(
            request(rate=500),
            profile=limited("envelope", order_notional_max=5 * MICRO + 125_000 - one),
        ),
        Denial.ORDER_NOTIONAL,
    ),
    (
        "position",
        lambda one: verdict(
            profile=limited("envelope", position_notional_max=15 * MICRO - one),
            exposure=exposed(6 * MICRO),
        ),
        Denial.POSITION_NOTIONAL,
    ),
    (
        "open notional, of another relation",
        lambda one: verdict(
            profile=limited("envelope", open_notional_max=15 * MICRO - one),
            exposure=exposed(6 * MICRO, RelationId("OTHER")),
        ),
        Denial.OPEN_NOTIONAL,
    ),
    (
        "instruments: two of ours and one more",
        lambda one: verdict(
            profile=limited("envelope", instruments_max=3 - one),
            exposure=exposed(1, RelationId("OTHER"), ConditionId("C"), A),
        ),
        Denial.INSTRUMENTS,
    ),
    (
        "venues",
        lambda one: verdict(profile=limited("envelope", venues_max=1 - one)),
        Denial.VENUES,
    ),
]


@pytest.mark.parametrize(
    ("ask", "denial"),
    [(row[1], row[2]) for row in AT_AND_OVER],
    ids=[row[0] for row in AT_AND_OVER],
)
def test_a_limit_lets_through_at_it_and_refuses_one_beyond(
    ask: Callable[[int], Denial | None], denial: Denial
) -> None:
    assert ask(0) is None
    assert ask(1) is denial


def test_an_edge_of_exactly_the_threshold_is_enough() -> None:
    profile = limited("sizing", edge_fraction_min=100_000)
    assert verdict(request(profit=9 * ATTO // 10), profile=profile) is None
    refused = request(profit=9 * ATTO // 10 - 1)
    assert verdict(refused, profile=profile) is Denial.EDGE_TOO_SMALL


def test_another_relation_does_not_count_for_the_position() -> None:
    profile = limited("envelope", position_notional_max=9 * MICRO)
    assert verdict(profile=profile, exposure=exposed(6 * MICRO, RelationId("OTHER"))) is None


def test_a_joint_plan_counts_against_each_of_its_relations() -> None:
    profile = limited("envelope", position_notional_max=15 * MICRO)
    other = RelationId("OTHER")
    joint = msgspec.structs.replace(request(), shared_with=(RelationId("THIRD"), other))
    assert verdict(joint, profile=profile, exposure=exposed(6 * MICRO, other)) is None
    over = exposed(6 * MICRO + 1, other)
    assert verdict(joint, profile=profile, exposure=over) is Denial.POSITION_NOTIONAL
    assert verdict(profile=profile, exposure=over) is None


def test_a_joint_plan_is_freed_from_each_of_its_relations_and_counts_once_in_all() -> None:
    exposure = Exposure()
    plan_id, others = PlanId("plan"), (RelationId("OTHER"), RelationId("THIRD"))
    risk.reserve(
        exposure, plan_id, relation_id=PAIR, condition_ids=(A,), reserved=7, shared_with=others
    )
    assert exposure.by_relation == {PAIR: 7, "OTHER": 7, "THIRD": 7}
    assert exposure.open_notional == 7
    risk.release(exposure, plan_id, relation_id=PAIR, condition_ids=(A,))
    assert not any(exposure.by_relation.values()) and not exposure.shared
    assert not exposure.open_notional


def test_a_leg_without_an_order_is_no_market_with_exposure() -> None:
    profile = limited("envelope", instruments_max=2)
    thin = msgspec.structs.replace(
        request(), condition_ids=(A, B, ConditionId("C")), fees=(NO_FEE,) * 3
    )
    assert thin.ordered == (A, B)
    assert verdict(thin, profile=profile) is None
    one_more = exposed(1, PAIR, ConditionId("C"))
    assert verdict(thin, profile=profile, exposure=one_more) is Denial.INSTRUMENTS


def test_a_market_with_an_order_of_ours_under_way_is_left_alone() -> None:
    assert verdict(under_way=frozenset({B})) is Denial.LEG_UNDER_WAY
    assert verdict(under_way=frozenset({ConditionId("C")})) is None


def test_orders_of_a_sliding_minute_are_counted() -> None:
    profile = limited("envelope", orders_per_minute_max=4)
    exposure = Exposure()
    risk.record_orders(exposure, 2, NOW_NS)
    assert verdict(request(now_ns=NOW_NS), profile=profile, exposure=exposure) is None
    risk.record_orders(exposure, 1, NOW_NS + 1)
    refused = request(now_ns=NOW_NS + MINUTE_NS - 1)
    assert verdict(refused, profile=profile, exposure=exposure) is Denial.ORDER_RATE
    later = request(now_ns=NOW_NS + MINUTE_NS)
    assert verdict(later, profile=profile, exposure=exposure) is None


def test_what_is_remembered_of_orders_is_one_minute() -> None:
    exposure = Exposure()
    for second in range(600):
        risk.record_orders(exposure, 2, NOW_NS + second * 10**9)
    assert len(exposure.order_times_ns) == 120


def test_a_day_that_lost_its_limit_opens_nothing() -> None:
    profile = limited("envelope", daily_loss_max=5 * MICRO)
    assert verdict(profile=profile, exposure=Exposure(day_pnl=-5 * MICRO + 1)) is None
    assert verdict(profile=profile, exposure=Exposure(day_pnl=-5 * MICRO)) is Denial.DAILY_LOSS
    assert verdict(profile=profile, exposure=Exposure(day_pnl=5 * MICRO)) is None


def test_a_days_result_ends_at_utc_midnight() -> None:
    midnight = 20_000 * DAY_NS
    exposure = Exposure()
    risk.roll_day(exposure, midnight)
    exposure.day_pnl = -7
    risk.roll_day(exposure, midnight + DAY_NS - 1)
    assert exposure.day_pnl == -7
    risk.roll_day(exposure, midnight + DAY_NS)
    assert exposure.day_pnl == 0


def test_a_clock_that_steps_back_over_midnight_forgives_no_loss() -> None:
    midnight = 20_000 * DAY_NS
    exposure = Exposure()
    risk.roll_day(exposure, midnight)
    exposure.day_pnl = -7
    risk.roll_day(exposure, midnight - 1)
    risk.roll_day(exposure, midnight)
    assert exposure.day_pnl == -7


def test_checks_are_asked_in_order_and_change_nothing() -> None:
    exposure = exposed(6 * MICRO)
    before = msgspec.json.encode(exposure.by_plan), exposure.open_notional
    profile = msgspec.structs.replace(limited("envelope", venues_max=0), families=())
    assert verdict(profile=profile, exposure=exposure) is Denial.FAMILY_DISABLED
    assert (msgspec.json.encode(exposure.by_plan), exposure.open_notional) == before
    assert len(RISK_CHECKS) == len(Denial)


plans = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=10**9),
        st.sampled_from(["R", "S"]),
        st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=3, unique=True),
    ),
    max_size=8,
)


@given(plans, st.randoms(use_true_random=False))
def test_exposure_is_the_sum_of_what_is_open_and_returns_to_nothing(
    opened: list[tuple[int, str, list[str]]], chance: Any
) -> None:
    exposure = Exposure()
    open_plans = {}
    for number, (reserved, relation, markets) in enumerate(opened):
        key = PlanId(str(number))
        ids = tuple(ConditionId(name) for name in markets)
        open_plans[key] = (reserved, RelationId(relation), ids)
        risk.reserve(
            exposure, key, relation_id=RelationId(relation), condition_ids=ids, reserved=reserved
        )
    order = list(open_plans)
    chance.shuffle(order)
    for key in order:
        assert exposure.open_notional == sum(one[0] for one in open_plans.values())
        for relation_id in (RelationId("R"), RelationId("S")):
            assert exposure.by_relation[relation_id] == sum(
                one[0] for one in open_plans.values() if one[1] == relation_id
            )
        assert set(exposure.by_market) == {name for one in open_plans.values() for name in one[2]}
        _, relation_id, ids = open_plans.pop(key)
        risk.release(exposure, key, relation_id=relation_id, condition_ids=ids)
    assert not exposure.by_plan and not exposure.by_market and not exposure.open_notional
    assert not any(exposure.by_relation.values())


def test_what_is_not_reserved_cannot_be_released() -> None:
    exposure = exposed(6 * MICRO, PAIR, A)
    risk.release(exposure, PlanId("earlier"), relation_id=PAIR, condition_ids=(A,))
    with pytest.raises(KeyError):
        risk.release(exposure, PlanId("earlier"), relation_id=PAIR, condition_ids=(A,))


BREAKER = Breaker(consecutive_failures_max=3, failure_fraction_max=400_000, failure_window=10)


@pytest.mark.parametrize(
    ("outcomes", "is_broken"),
    [
        ("xx", False),
        ("xxx", True),
        ("xx.xx.xx", False),
        ("xx.xx.x...", True),
        ("xx.x.....", False),
        ("x..x..x...", False),
        ("x..x..x..x", True),
        ("xx.xx.x............", False),
    ],
)
def test_the_breaker_trips_on_a_run_and_on_a_share_of_a_full_window(
    outcomes: str, is_broken: bool
) -> None:
    exposure = Exposure()
    for outcome in outcomes:
        risk.record_outcome(exposure, outcome == "x", BREAKER.failure_window)
    assert bool(risk.breaker_reason(exposure, BREAKER)) is is_broken
    assert len(exposure.failures) <= BREAKER.failure_window


def test_a_person_who_resumes_resets_the_breaker() -> None:
    exposure = Exposure()
    for _ in range(3):
        risk.record_outcome(exposure, True, 10)
    risk.reset_breaker(exposure)
    assert not risk.breaker_reason(exposure, BREAKER)
    risk.record_outcome(exposure, True, 10)
    assert exposure.consecutive_failures == 1
