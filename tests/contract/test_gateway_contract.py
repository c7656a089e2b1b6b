"""What the runner may rely on, whatever the gateway."""

from collections.abc import Callable, Set

import pytest
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, OrderId, PlanId, TokenId
from polyarb.domain.limits import ShadowModel
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import (
    CancelAll,
    FeedLost,
    GatewayEvent,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    RaiseAlert,
    RedeemSet,
    RequestSnapshot,
    SetSettled,
    SettleSet,
    TradeConfirmed,
    TradeFailed,
    UnwindSet,
)
from polyarb.domain.order import OrderIntent, SetStatus, TimeInForce
from polyarb.domain.plan import Family, Outcome, Side
from polyarb.domain.units import Shares
from polyarb.ports import FAR_FUTURE_NS, Gateway
from polyarb.venue.shadow import ShadowGateway
from polyarb.venue.shadow.fakes import FakeBooks

START_NS = 10**18
LATER_NS = START_NS + 3_600 * 10**9
YES_MARKET, NO_MARKET = ConditionId("one"), ConditionId("other")
SHARES = 40_000_000


def shadow() -> Gateway:
    """A shadow of two markets whose pair costs .95."""
    markets = {
        condition_id: Market(
            condition_id=condition_id,
            yes=TokenId(f"{condition_id}-yes"),
            no=TokenId(f"{condition_id}-no"),
            fee=FeeSchedule(rate=400),
            size_min=Shares(5_000_000),
            hold_ms=150,
        )
        for condition_id in (YES_MARKET, NO_MARKET)
    }
    books = FakeBooks()
    books.replace(YES_MARKET, bids=((380_000, SHARES),), asks=((400_000, SHARES),))
    books.replace(NO_MARKET, bids=((450_000, SHARES),), asks=((470_000, SHARES),))
    model = ShadowModel(
        seed=3, latency_ms_p50=90, latency_ms_p95=300, fade_fraction=0, revert_fraction=0
    )
    return ShadowGateway(books, model, Catalogue(markets=markets), gas_per_plan=20_000)


GATEWAYS: dict[str, Callable[[], Gateway]] = {"shadow": shadow}


@pytest.fixture(params=GATEWAYS)
def gateway(request: pytest.FixtureRequest) -> Gateway:
    return GATEWAYS[request.param]()


def order(condition_id: ConditionId, outcome: Outcome, price_limit: int) -> OrderIntent:
    return OrderIntent(
        order_id=OrderId(f"order-{condition_id}"),
        plan_id=PlanId("plan"),
        leg=0 if outcome is Outcome.YES else 1,
        condition_id=condition_id,
        token_id=TokenId(f"{condition_id}-{outcome.lower()}"),
        outcome=outcome,
        side=Side.BUY,
        price_limit=price_limit,
        shares=SHARES,
        reserved=0,
        time_in_force=TimeInForce.GTC,
    )


def placed(no_limit: int = 550_000) -> PlaceOrders:
    return PlaceOrders(
        receive_time_ns=START_NS,
        plan_id=PlanId("plan"),
        family=Family.BINARY,
        quantity=SHARES,
        profit=0,
        orders=(
            order(YES_MARKET, Outcome.YES, 400_000),
            order(NO_MARKET, Outcome.NO, no_limit),
        ),
    )


def drained(gateway: Gateway) -> list[GatewayEvent]:
    """Ask at every deadline, as the runner does."""
    events: list[GatewayEvent] = []
    while gateway.deadline_ns <= LATER_NS:
        deadline_ns = gateway.deadline_ns
        due = gateway.due(deadline_ns)
        assert all(event.receive_time_ns <= deadline_ns for event in due)
        assert gateway.deadline_ns > deadline_ns
        events += due
    return events


def test_nothing_is_due_before_anything_was_asked(gateway: Gateway) -> None:
    assert gateway.deadline_ns == FAR_FUTURE_NS
    assert not gateway.due(LATER_NS)
    assert isinstance(gateway.watched, Set)


def test_a_command_never_answers_before_its_own_time(gateway: Gateway) -> None:
    gateway.dispatch(placed())
    assert START_NS <= gateway.deadline_ns < FAR_FUTURE_NS
    assert not gateway.due(START_NS - 1)


def test_answers_come_in_the_order_of_their_times(gateway: Gateway) -> None:
    gateway.dispatch(placed())
    times = [event.receive_time_ns for event in drained(gateway)]
    assert times == sorted(times)
    assert min(times) >= START_NS


def test_every_order_ends_full_or_killed_and_every_match_gets_a_final_word(
    gateway: Gateway,
) -> None:
    gateway.dispatch(placed(no_limit=540_000))
    events = drained(gateway)
    killed = {event.order_id for event in events if isinstance(event, OrderKilled)}
    for each in placed().orders:
        shares = sum(
            event.shares
            for event in events
            if isinstance(event, OrderMatched) and event.order_id == each.order_id
        )
        words = [
            event
            for event in events
            if isinstance(event, TradeConfirmed | TradeFailed) and event.order_id == each.order_id
        ]
        assert 0 <= shares <= each.shares
        assert (shares < each.shares) is (each.order_id in killed)
        assert len(words) == (1 if shares else 0)


def test_a_match_costs_no_more_than_the_limit_and_its_fee(gateway: Gateway) -> None:
    gateway.dispatch(placed())
    limits = {each.order_id: each.price_limit for each in placed().orders}
    matches = [event for event in drained(gateway) if isinstance(event, OrderMatched)]
    assert matches
    for event in matches:
        assert event.notional * 1_000_000 <= limits[event.order_id] * event.shares
        assert event.fee >= 0


def test_a_merged_set_returns_one_dollar_a_set(gateway: Gateway) -> None:
    gateway.dispatch(placed())
    drained(gateway)
    command = SettleSet(
        receive_time_ns=LATER_NS - 10**12,
        plan_id=PlanId("plan"),
        family=Family.BINARY,
        status=SetStatus.MERGED,
        quantity=SHARES,
    )
    gateway.dispatch(command)
    (settled,) = drained(gateway)
    assert isinstance(settled, SetSettled)
    assert (settled.status, settled.proceeds) == (SetStatus.MERGED, SHARES)
    assert settled.gas >= 0


def test_a_held_set_is_not_settled(gateway: Gateway) -> None:
    gateway.dispatch(placed())
    drained(gateway)
    command = SettleSet(
        receive_time_ns=LATER_NS - 10**12,
        plan_id=PlanId("plan"),
        family=Family.BINARY,
        status=SetStatus.HELD,
        quantity=SHARES,
    )
    gateway.dispatch(command)
    assert not drained(gateway)


def test_a_redeemed_set_brings_a_dollar_a_winning_share(gateway: Gateway) -> None:
    command = RedeemSet(
        receive_time_ns=LATER_NS - 10**12,
        plan_id=PlanId("of an earlier run"),
        family=Family.NEGRISK_YES,
        quantity=SHARES,
    )
    gateway.dispatch(command)
    (settled,) = drained(gateway)
    assert isinstance(settled, SetSettled)
    assert (settled.status, settled.proceeds) == (SetStatus.SETTLED, SHARES)
    assert settled.receive_time_ns > command.receive_time_ns
    assert settled.gas >= 0


def test_an_unwound_set_is_settled_once(gateway: Gateway) -> None:
    gateway.dispatch(placed(no_limit=540_000))
    drained(gateway)
    gateway.dispatch(UnwindSet(receive_time_ns=LATER_NS - 10**12, plan_id=PlanId("plan")))
    (settled,) = drained(gateway)
    assert isinstance(settled, SetSettled)
    assert settled.status is SetStatus.UNWOUND
    assert settled.proceeds > 0


def test_what_is_canceled_in_time_never_matches(gateway: Gateway) -> None:
    gateway.dispatch(placed())
    gateway.dispatch(CancelAll(receive_time_ns=START_NS, reason="operator"))
    events = drained(gateway)
    assert not any(isinstance(event, OrderMatched) for event in events)
    assert len([event for event in events if isinstance(event, OrderKilled)]) == 2


def test_commands_for_others_and_events_of_any_market_are_taken_quietly(gateway: Gateway) -> None:
    gateway.dispatch(RequestSnapshot(receive_time_ns=START_NS, condition_id=YES_MARKET))
    gateway.dispatch(RaiseAlert(receive_time_ns=START_NS, severity="page", text="look"))
    gateway.observe(FeedLost(receive_time_ns=START_NS, reason="closed"))
    assert not drained(gateway)
