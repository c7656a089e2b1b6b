"""Relations that fire on shared legs are sized as one portfolio, or the best of them goes first."""

from itertools import product
from random import Random
from typing import TypeVar

import pytest
from polyarb.domain.limits import Profile
from polyarb.domain.messages import (
    BooksOpened,
    OperatorHalted,
    OperatorResumed,
    OpportunityFound,
    OpportunityLost,
    OrderMatched,
    Output,
    PlanDenied,
    PlanSized,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Bond, Family, JointProblem
from polyarb.domain.reasons import Denial, Guard
from polyarb.domain.units import ATTO, MICRO
from polyarb.engine import offers
from polyarb.engine.engine import Engine
from polyarb.engine.pursuit import JOINT_REST_NS
from polyarb.research.scenario import parse_scenario, with_settings
from tests.worlds import MS, ROOMY, ask, at, bid, book, feed, pass_time, running

T = TypeVar("T")
FREE = with_settings(ROOMY, {"sizing.gas_per_plan_usd": "0"})
STRIKES = "market K1\nmarket K2\nmarket K3\nmarket N\nladder STRIKES K1 K2 K3\n"
PAIR = STRIKES + "implication PAIR K1 N\n"


def of_type(outputs: list[Output], kind: type[T]) -> list[T]:
    return [output for output in outputs if isinstance(output, kind)]


def world(text: str, profile: Profile = FREE, **settings: str) -> Engine:
    """Start an engine over the markets of a scenario text."""
    return running(parse_scenario(text).catalogue(), with_settings(profile, settings))


def strikes(engine: Engine) -> list[Output]:
    """Let the pair and the ladder of the scenario text fire on K1's asks at 10 ms."""
    outputs = feed(
        engine,
        book("K2", 0, bids=[(30, 10)], asks=[(60, 10)]),
        book("K3", 0, bids=[(45, 60)], asks=[(70, 10)]),
        book("N", 0, bids=[(47, 40)], asks=[(70, 10)]),
        book("K1", 0, bids=[(20, 10)], asks=[(40, 50), (42, 100)]),
    )
    return outputs + pass_time(engine, 10)


def only_plan(outputs: list[Output]) -> PlanSized:
    (sized,) = of_type(outputs, PlanSized)
    return sized


def test_every_episode_of_a_joint_plan_is_planned_and_can_be_traced() -> None:
    engine = world(PAIR)
    outputs = strikes(engine)
    sized = only_plan(outputs)
    ladder, pair = of_type(outputs, OpportunityFound)
    assert (ladder.family, pair.family) == (Family.LADDER, Family.IMPLICATION)
    assert sized.opportunity_id == sized.plan.problem_id == ladder.opportunity_id
    assert sized.joint_with == (pair.opportunity_id,)
    assert (sized.relation_id, sized.shared_with) == ("STRIKES", ("PAIR",))
    assert sized.condition_ids == ("K1", "K3", "N")
    assert sized.plan.profit == 48 * ATTO // 10
    assert not of_type(outputs, PlanDenied)
    assert dict(engine.state.census.tradable) == {Family.LADDER: 1, Family.IMPLICATION: 1}
    assert all(one.is_planned for watch in engine.state.watches for one in watch.episodes.values())
    lost = of_type(feed(engine, ask("K1", 50, 40, 0), ask("K1", 60, 42, 0)), OpportunityLost)
    lost += of_type(pass_time(engine, 1_000), OpportunityLost)
    assert [one.is_planned for one in lost] == [True, True]


def test_a_joint_plan_is_held_against_every_relation_and_only_its_markets() -> None:
    engine = world(PAIR)
    strikes(engine)
    (flight,) = engine.state.sets.values()
    exposure = engine.state.exposure
    assert exposure.by_relation == {"STRIKES": flight.reserved, "PAIR": flight.reserved}
    assert exposure.open_notional == flight.reserved
    assert set(exposure.by_market) == {"K1", "K3", "N"}
    assert flight.states and flight.status is SetStatus.LEGGING


def test_states_name_every_way_in_which_the_orders_may_pay() -> None:
    plan = only_plan(strikes(world(PAIR))).plan
    truths = {tuple(state) for state in plan.states}
    allowed = {
        (k1, k3, n)
        for k1, k3, n in product((True, False), repeat=3)
        if (k1 or not k3) and (k1 or not n)
    }
    assert truths == allowed
    assert len(plan.states) == len(truths)


@pytest.mark.parametrize(
    ("figure", "value", "denial"),
    [
        ("envelope.position_notional_usd_max", "90", Denial.POSITION_NOTIONAL),
        ("envelope.instruments_max", "2", Denial.INSTRUMENTS),
    ],
)
def test_a_joint_plan_that_is_denied_leaves_the_way_to_one_alone(
    figure: str, value: str, denial: Denial
) -> None:
    outputs = strikes(world(PAIR, **{figure: value}))
    sized = only_plan(outputs)
    assert not sized.joint_with and not sized.plan.states
    assert (sized.relation_id, sized.plan.profit) == ("STRIKES", 28 * ATTO // 10)
    reasons = [one.reason for one in of_type(outputs, PlanDenied)]
    assert denial not in reasons
    assert reasons == [Denial.LEG_UNDER_WAY]


def test_a_joint_plan_is_denied_aloud_where_no_relation_alone_is_a_trade() -> None:
    engine = world(
        PAIR, **{"sizing.gas_per_plan_usd": "3", "envelope.order_notional_usd_max": "30"}
    )
    outputs = strikes(engine)
    assert not of_type(outputs, PlanSized)
    first = of_type(outputs, PlanDenied)[0]
    assert (first.stage, first.reason) == ("risk", Denial.ORDER_NOTIONAL)
    assert engine.state.census.tradable[Family.LADDER] == 1


def test_gas_is_paid_once_by_what_is_sized_as_one() -> None:
    sized = only_plan(strikes(world(PAIR, **{"sizing.gas_per_plan_usd": "3"})))
    assert sized.plan.profit == 18 * ATTO // 10 and sized.joint_with


def test_a_family_that_may_not_trade_takes_no_part() -> None:
    outputs = strikes(world(PAIR, families="ladder"))
    assert not only_plan(outputs).joint_with
    outputs = strikes(world(PAIR, families="implication"))
    sized = only_plan(outputs)
    assert sized.relation_id == "PAIR" and not sized.joint_with


def test_a_relation_that_was_planned_takes_no_part_a_second_time() -> None:
    engine = world(PAIR)
    feed(engine, book("N", 0, bids=[(47, 40)]), book("K1", 0, asks=[(40, 50)]))
    assert only_plan(pass_time(engine, 10)).relation_id == "PAIR"
    feed(engine, book("K2", 20, bids=[(30, 10)]), book("K3", 20, bids=[(45, 60)]))
    outputs = pass_time(engine, 40)
    assert not of_type(outputs, PlanSized)
    assert [one.reason for one in of_type(outputs, PlanDenied)] == [Denial.LEG_UNDER_WAY]


def test_an_old_book_takes_no_part() -> None:
    engine = world(PAIR, **{"guards.content_age_ms_max": "1000"})
    feed(engine, book("N", 0, bids=[(47, 40)]))
    feed(
        engine,
        book("K2", 1_500, bids=[(30, 10)]),
        book("K3", 1_500, bids=[(45, 60)]),
        book("K1", 1_500, asks=[(40, 50)]),
    )
    sized = only_plan(pass_time(engine, 1_600))
    assert sized.relation_id == "STRIKES" and not sized.joint_with


def test_a_guard_that_refuses_one_leaves_the_other() -> None:
    late = book("N", 0, bids=[(47, 40)], venue=-150)
    engine = world(PAIR)
    feed(engine, late, book("K2", 0, bids=[(30, 10)]), book("K3", 0, bids=[(45, 60)]))
    feed(engine, book("K1", 0, asks=[(40, 50)]))
    sized = only_plan(pass_time(engine, 10))
    assert sized.relation_id == "STRIKES" and not sized.joint_with
    assert engine.state.census.rejected == {Guard.SKEWED: 1}


def test_what_shares_legs_through_a_third_relation_is_sized_with_it() -> None:
    engine = world(PAIR + "market M\nimplication NEXT M N\n")
    engine.handle(OperatorHalted(receive_time_ns=at(0), actor="alice", reason="lunch"))
    feed(engine, book("M", 0, asks=[(41, 10)]))
    assert not of_type(strikes(engine), PlanSized)
    engine.handle(OperatorResumed(receive_time_ns=at(11), actor="alice", reason="back"))
    engine.handle(BooksOpened(receive_time_ns=at(11), open_sets=0))
    feed(engine, bid("K1", 20, 21, 5))
    sized = only_plan(pass_time(engine, 40))
    assert len(sized.joint_with) == 2
    assert engine.state.exposure.by_relation.keys() == {"STRIKES", "PAIR", "NEXT"}


def test_relations_without_a_common_market_are_two_plans() -> None:
    engine = world(STRIKES + "market M\nimplication PAIR M N\n")
    feed(engine, book("M", 0, asks=[(40, 50)]))
    sized = of_type(strikes(engine), PlanSized)
    assert len(sized) == 2
    assert not any(one.joint_with for one in sized)


def test_halted_trading_looks_for_no_joint_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = world(PAIR)
    engine.handle(OperatorHalted(receive_time_ns=at(0), actor="alice", reason="lunch"))
    monkeypatch.setattr(offers, "size_joint", None)
    outputs = strikes(engine)
    assert {one.reason for one in of_type(outputs, PlanDenied)} == {Denial.NOT_ACTIVE}


def test_a_joint_sizing_rests_before_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[JointProblem] = []
    engine = world(PAIR, **{"sizing.edge_fraction_min": "0.5"})
    original = offers.size_joint

    def counted(problem: JointProblem) -> object:
        asked.append(problem)
        return original(problem)

    monkeypatch.setattr(offers, "size_joint", counted)
    assert not of_type(strikes(engine), PlanSized)
    assert len(asked) == 2, "once a relation"
    rest_ms = JOINT_REST_NS // MS
    feed(engine, bid("K1", rest_ms - 50, 21, 5))
    pass_time(engine, rest_ms - 30)
    assert len(asked) == 2
    feed(engine, bid("K1", rest_ms + 20, 22, 5))
    pass_time(engine, rest_ms + 40)
    assert len(asked) == 4


def test_a_better_rival_on_the_same_asks_goes_first() -> None:
    pairs = "market W\nmarket A\nmarket B\nimplication ONE W A\nimplication TWO W B\n"
    engine = world(pairs)
    feed(engine, book("A", 0, bids=[(45, 50)]), book("B", 0, bids=[(46, 50)]))
    feed(engine, book("W", 0, asks=[(40, 50)]))
    outputs = pass_time(engine, 10)
    sized = only_plan(outputs)
    assert (sized.relation_id, sized.plan.profit) == ("TWO", 3 * ATTO)
    assert engine.state.watches[1].episodes[Family.IMPLICATION].profit_max == 3 * ATTO
    assert engine.state.census.tradable == {Family.IMPLICATION: 2}
    assert [one.reason for one in of_type(outputs, PlanDenied)] == [Denial.LEG_UNDER_WAY]


def test_a_rival_that_is_denied_leaves_the_way_to_the_other() -> None:
    pairs = "market W\nmarket A\nmarket B\nimplication ONE W A\nimplication TWO W B\n"
    engine = world(pairs, **{"sizing.slippage_fraction_max": "0.02"})
    feed(engine, book("A", 0, bids=[(46, 50)]), book("B", 0, bids=[(48, 25), (46, 25)]))
    feed(engine, book("W", 0, asks=[(40, 50)]))
    outputs = pass_time(engine, 10)
    assert only_plan(outputs).relation_id == "ONE"
    (denied,) = of_type(outputs, PlanDenied)
    assert denied.reason == Denial.SLIPPAGE
    assert engine.state.watches[1].episodes[Family.IMPLICATION].reason == Denial.SLIPPAGE


def test_a_set_that_needs_more_than_the_trade_size_is_never_joint() -> None:
    engine = world(PAIR, **{"sizing.trade_size_usd": "2"})
    sized = only_plan(strikes(engine))
    assert not sized.joint_with
    assert sized.plan.quantity == 5 * MICRO


def answered(engine: Engine, when: float) -> None:
    """Match every order of every set at its limit."""
    for flight in list(engine.state.sets.values()):
        for progress in list(flight.orders.values()):
            intent = progress.intent
            engine.handle(
                OrderMatched(
                    receive_time_ns=at(when),
                    plan_id=flight.plan_id,
                    order_id=intent.order_id,
                    shares=intent.shares,
                    notional=intent.price_limit * intent.shares // MICRO,
                    fee=0,
                )
            )


def again(engine: Engine, when: float, size: float) -> list[Output]:
    """End the episode of the pair A, B and let another begin with so much to sell."""
    feed(engine, bid("B", when, 45, 0))
    pass_time(engine, when + 1_000)
    feed(engine, bid("B", when + 1_000, 45, size))
    return pass_time(engine, when + 1_100)


def test_another_episode_is_sized_on_what_ours_left() -> None:
    engine = world("market A\nmarket B\nimplication PAIR A B\n")
    feed(engine, book("A", 0, asks=[(40, 50)]), book("B", 0, bids=[(45, 30)]))
    assert only_plan(pass_time(engine, 10)).plan.quantity == 30 * MICRO
    answered(engine, 20)
    assert only_plan(again(engine, 100, 50)).plan.quantity == 20 * MICRO


def test_what_ours_took_whole_is_a_reason_of_its_own() -> None:
    engine = world("market A\nmarket B\nimplication PAIR A B\n")
    feed(engine, book("A", 0, asks=[(40, 50)]), book("B", 0, bids=[(45, 50)]))
    pass_time(engine, 10)
    answered(engine, 20)
    (denied,) = of_type(again(engine, 100, 50), PlanDenied)
    assert (denied.stage, denied.reason) == ("size", Guard.ALREADY_TAKEN)
    engine.state.census.rejected.clear()
    feed(engine, ask("A", 2_000, 40, 3))
    pass_time(engine, 2_100)
    assert engine.state.census.rejected == {"INFEASIBLE": 1}, "three are too few for anybody"


@pytest.mark.parametrize(("incomplete", "bond"), [("", "PARTITION"), ("augmented", "EXCLUSIVE")])
def test_a_group_with_a_gap_may_resolve_to_none_of_its_markets(
    incomplete: str, bond: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[JointProblem] = []
    original = offers.size_joint

    def noted(problem: JointProblem) -> object:
        asked.append(problem)
        return original(problem)

    monkeypatch.setattr(offers, "size_joint", noted)
    tail = f" incomplete {incomplete}" if incomplete else ""
    engine = world(
        f"market A\nmarket B\nmarket W\ngroup G A B{tail}\nimplication P W A\n",
    )
    feed(engine, book("W", 0, asks=[(40, 30)]), book("B", 0, bids=[(60, 50)]))
    feed(engine, book("A", 0, bids=[(45, 60), (42, 100)]))
    sized = only_plan(pass_time(engine, 10))
    assert sized.plan.states and sized.plan.family is Family.NEGRISK_NO
    assert [one.bond for one in asked[0].relations] == [Bond[bond], Bond.NESTED]
    nobody = (False,) * len(sized.condition_ids)
    assert (nobody in sized.plan.states) is bool(incomplete)


def test_a_leg_that_no_guard_looked_at_is_as_good_as_empty() -> None:
    engine = world(
        "market A\nmarket B\nmarket C fee unknown\nmarket W\ngroup G A B C\nimplication P W A\n"
    )
    feed(engine, book("W", 0, asks=[(40, 30)]), book("B", 0, bids=[(60, 50)]))
    feed(engine, book("A", 0, bids=[(45, 60), (42, 100)]))
    outputs = pass_time(engine, 10)
    assert only_plan(outputs).relation_id == "P"


def brute_force(engine: Engine) -> int:
    """Find the best portfolio of whole blocks of ten shares over W, A and B. Units: micros."""
    shown = engine.state.ladders
    sides = [sorted(shown["W"].asks.items())]  # type: ignore[index]
    sides += [sorted(shown[name].bids.items(), reverse=True) for name in ("A", "B")]  # type: ignore[index]
    block = 10 * MICRO

    def cash(levels: list[tuple[int, int]], shares: int) -> int:
        total = 0
        for price, size in levels:
            part = min(size, shares)
            total += price * part // MICRO
            shares -= part
        return total

    counts = [range(sum(size for _, size in side) // block + 1) for side in sides]
    return max(
        min(w, a + b) * block
        - cash(sides[0], w * block)
        - sum(
            count * block - cash(side, count * block)
            for side, count in ((sides[1], a), (sides[2], b))
        )
        for w, a, b in product(*counts)
    )


def test_a_joint_plan_earns_what_a_search_of_every_portfolio_finds() -> None:
    pairs = "market W\nmarket A\nmarket B\nimplication ONE W A\nimplication TWO W B\n"
    roomy = {"sizing.trade_size_usd": "250", "sizing.slippage_fraction_max": "0.9"}
    chance, joined = Random(5), 0
    for _ in range(12):
        engine = world(pairs, **roomy)
        for name in ("A", "B"):
            prices = chance.sample(range(41, 50), 2)
            feed(engine, book(name, 0, bids=[(p, 10 * chance.randint(1, 4)) for p in prices]))
        prices = chance.sample(range(36, 46), 3)
        feed(engine, book("W", 0, asks=[(p, 10 * chance.randint(1, 3)) for p in prices]))
        outputs = pass_time(engine, 10)
        plans = [sized.plan for sized in of_type(outputs, PlanSized)]
        if plans:
            joined += bool(plans[0].states)
            assert plans[0].profit == brute_force(engine) * 10**12
    assert joined >= 6
