"""A set that was cut off in flight is followed from where it was, and counts from the first."""

from collections.abc import Sequence

import pytest
from polyarb.domain.ids import RelationId
from polyarb.domain.messages import (
    BooksOpened,
    CancelAll,
    Output,
    RecoverSet,
    SetChanged,
    SettleSet,
    TradingStateChanged,
    UnwindSet,
)
from polyarb.domain.order import HeldOrder, HeldSet, OrderStatus, SetStatus, TradingState
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.engine.engine import Engine
from tests.set_lives import SHARES, confirmed, failed, flight_of, killed, settled
from tests.worlds import RELATION, ROOMY, START_NS, at, group_of, started

Fate = tuple[int, bool, bool, bool]
"""Shares, and whether the order is final, confirmed, failed."""
OPEN: Fate = (0, False, False, False)
MATCHED: Fate = (SHARES, True, False, False)
CONFIRMED: Fate = (SHARES, True, True, False)
KILLED: Fate = (0, True, False, False)
FAILED: Fate = (0, True, False, True)


def left_in(
    status: SetStatus, *fates: Fate, family: Family = Family.NEGRISK_NO, plan: str = "plan"
) -> HeldSet:
    flight = flight_of(family)
    return HeldSet(
        plan_id=type(flight.plan_id)(plan),
        family=family,
        relation_ids=(RELATION, RelationId("OTHER")),
        quantity=SHARES,
        reserved=9 * MICRO,
        held_ns=START_NS - 1,
        orders=tuple(
            HeldOrder(
                intent=progress.intent,
                shares=shares,
                notional=progress.intent.price_limit * shares // MICRO,
                fee=0,
                is_final=is_final,
                is_confirmed=is_confirmed,
                is_failed=is_failed,
            )
            for progress, (shares, is_final, is_confirmed, is_failed) in zip(
                flight.orders.values(), fates, strict=True
            )
        ),
        status=status,
    )


def opened_with(*left: HeldSet) -> tuple[Engine, list[Output]]:
    engine = Engine(group_of("A", "B"), ROOMY, "digest")
    engine.handle(started())
    opened = BooksOpened(receive_time_ns=at(0), open_sets=len(left), held=left, day_pnl=-5)
    return engine, list(engine.handle(opened))


def kinds(outputs: Sequence[Output]) -> list[object]:
    """Name outputs; a set's step by where it leads."""
    return [one.current if isinstance(one, SetChanged) else type(one) for one in outputs]


CASES: dict[str, tuple[HeldSet, list[object]]] = {
    "nothing matched": (left_in(SetStatus.LEGGING, OPEN, OPEN), [RecoverSet]),
    "one leg matched": (left_in(SetStatus.LEGGING, MATCHED, OPEN), [RecoverSet]),
    "both matched, the step not written": (
        left_in(SetStatus.LEGGING, MATCHED, MATCHED),
        [RecoverSet, SetStatus.COMPLETE],
    ),
    "one leg killed, the step not written": (
        left_in(SetStatus.LEGGING, MATCHED, KILLED),
        [RecoverSet, SetStatus.BROKEN],
    ),
    "both killed, the step not written": (
        left_in(SetStatus.LEGGING, KILLED, KILLED),
        [RecoverSet, SetStatus.MISSED],
    ),
    "complete, unconfirmed": (left_in(SetStatus.COMPLETE, CONFIRMED, MATCHED), [RecoverSet]),
    "complete, the step not written": (
        left_in(SetStatus.COMPLETE, CONFIRMED, CONFIRMED),
        [RecoverSet, SetStatus.CONVERTED, SettleSet],
    ),
    "complete, a trade failed": (
        left_in(SetStatus.COMPLETE, CONFIRMED, FAILED),
        [RecoverSet, SetStatus.BROKEN, UnwindSet],
    ),
    "converted and not settled": (
        left_in(SetStatus.CONVERTED, CONFIRMED, CONFIRMED),
        [RecoverSet, SettleSet],
    ),
    "merged and not settled": (
        left_in(SetStatus.MERGED, CONFIRMED, CONFIRMED, family=Family.BINARY),
        [RecoverSet, SettleSet],
    ),
    "broken, unconfirmed": (left_in(SetStatus.BROKEN, MATCHED, KILLED), [RecoverSet]),
    "broken and not unwound": (
        left_in(SetStatus.BROKEN, CONFIRMED, KILLED),
        [RecoverSet, UnwindSet],
    ),
    "a split of which nothing was sold": (
        left_in(SetStatus.LEGGING, KILLED, KILLED, family=Family.NEGRISK_SPLIT),
        [RecoverSet, SetStatus.BROKEN, UnwindSet],
    ),
    "held": (left_in(SetStatus.HELD, CONFIRMED, CONFIRMED), []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_set_goes_on_from_where_it_was_cut_off(case: str) -> None:
    left, expected = CASES[case]
    engine, outputs = opened_with(left)
    *own, state = outputs
    assert kinds(own) == expected
    assert isinstance(state, TradingStateChanged) and state.current is TradingState.ACTIVE
    is_over = SetStatus.MISSED in expected
    assert engine.state.exposure.open_notional == (0 if is_over else 9 * MICRO)
    assert bool(engine.state.sets) is not is_over


def test_it_counts_against_every_limit_from_the_first_moment() -> None:
    engine, _ = opened_with(left_in(SetStatus.LEGGING, MATCHED, OPEN))
    exposure = engine.state.exposure
    assert exposure.by_relation == {RELATION: 9 * MICRO, "OTHER": 9 * MICRO}
    assert exposure.by_market == {"A": 1, "B": 1}
    assert exposure.day_pnl == -5
    (flight,) = engine.state.sets.values()
    statuses = [progress.status for progress in flight.orders.values()]
    assert statuses == [OrderStatus.MATCHED, OrderStatus.UNKNOWN]


def test_the_gateways_answers_take_a_broken_one_to_its_end() -> None:
    engine, _ = opened_with(left_in(SetStatus.LEGGING, MATCHED, OPEN))
    (flight,) = engine.state.sets.values()
    assert kinds(list(engine.handle(killed(flight, 1)))) == [SetStatus.BROKEN]
    assert kinds(list(engine.handle(confirmed(flight, 0)))) == [UnwindSet]
    ended = list(engine.handle(settled(flight, SetStatus.UNWOUND, 3 * MICRO, gas=0)))
    assert kinds(ended) == [SetStatus.UNWOUND, SetStatus.SETTLED]
    assert engine.state.exposure.day_pnl == -5 - MICRO
    assert not engine.state.sets and not engine.state.exposure.open_notional


def test_a_failed_word_breaks_a_complete_one() -> None:
    engine, _ = opened_with(left_in(SetStatus.COMPLETE, CONFIRMED, MATCHED))
    (flight,) = engine.state.sets.values()
    assert kinds(list(engine.handle(failed(flight, 1)))) == [SetStatus.BROKEN, UnwindSet]


def test_too_many_broken_ones_halt_before_trading_begins() -> None:
    plans = [left_in(SetStatus.LEGGING, MATCHED, KILLED, plan=f"plan-{n}") for n in range(3)]
    engine, outputs = opened_with(*plans)
    assert engine.state.trading is TradingState.HALTED
    assert any(isinstance(one, CancelAll) for one in outputs)
    reasons = [one.reason for one in outputs if isinstance(one, TradingStateChanged)]
    assert reasons == ["breaker: 3 sets in a row broke"]
