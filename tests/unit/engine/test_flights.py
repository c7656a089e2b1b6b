"""Sets in flight: every answer moves them on, and what was reserved is freed at their end."""

import pytest
from polyarb.domain.messages import (
    CancelAll,
    Output,
    RaiseAlert,
    SetChanged,
    SettleSet,
    TradingStateChanged,
    UnwindSet,
)
from polyarb.domain.order import TRADING_STEPS, SetStatus, TradingState
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.engine import flights, risk
from polyarb.engine.flights import Answer
from polyarb.engine.state import EngineState, SetInFlight
from tests.set_lives import (
    PLAN,
    confirmed,
    failed,
    flight_of,
    killed,
    matched,
    settled,
)
from tests.worlds import ROOMY, START_NS


def state_with(*open_flights: SetInFlight) -> EngineState:
    state = EngineState({}, [], trading=TradingState.ACTIVE)
    for flight in open_flights:
        state.sets[flight.plan_id] = flight
        risk.reserve(
            state.exposure,
            flight.plan_id,
            relation_id=flight.relation_id,
            condition_ids=flight.condition_ids,
            reserved=flight.reserved,
        )
    return state


def steps(outputs: list[Output]) -> list[SetStatus]:
    return [output.current for output in outputs if isinstance(output, SetChanged)]


def give(state: EngineState, *answers: Answer) -> list[Output]:
    outputs: list[Output] = []
    for event in answers:
        outputs += flights.advance(state, ROOMY, event)
    return outputs


def test_a_set_lives_from_its_matches_to_its_money() -> None:
    flight = flight_of()
    state = state_with(flight)
    outputs = give(state, matched(flight, 0), matched(flight, 1))
    assert steps(outputs) == [SetStatus.COMPLETE]
    outputs = give(state, confirmed(flight, 0), confirmed(flight, 1))
    assert steps(outputs) == [SetStatus.CONVERTED]
    assert isinstance(outputs[-1], SettleSet)
    assert state.exposure.open_notional == flight.reserved
    outputs = give(state, settled(flight, SetStatus.CONVERTED, 10 * MICRO))
    assert steps(outputs) == [SetStatus.SETTLED]
    assert not state.sets and not state.exposure.open_notional
    assert state.exposure.day_pnl == 10 * MICRO - 8_500_000 - 20_000


def test_a_missed_set_frees_what_it_had_reserved_and_breaks_nothing() -> None:
    flight = flight_of()
    state = state_with(flight)
    assert steps(give(state, killed(flight, 0), killed(flight, 1))) == [SetStatus.MISSED]
    assert not state.sets and not state.exposure.by_plan
    assert not state.exposure.failures


def test_a_broken_set_is_unwound_when_its_match_is_confirmed() -> None:
    flight = flight_of()
    state = state_with(flight)
    assert steps(give(state, matched(flight, 0), killed(flight, 1))) == [SetStatus.BROKEN]
    (command,) = give(state, confirmed(flight, 0))
    assert isinstance(command, UnwindSet)
    assert state.exposure.open_notional == flight.reserved
    outputs = give(state, settled(flight, SetStatus.UNWOUND, 3_000_000, gas=0))
    assert steps(outputs) == [SetStatus.UNWOUND, SetStatus.SETTLED]
    assert not state.sets and not state.exposure.open_notional
    assert state.exposure.day_pnl == -1_000_000


def test_a_word_that_is_repeated_does_not_unwind_twice() -> None:
    flight = flight_of()
    state = state_with(flight)
    give(state, matched(flight, 0), killed(flight, 1), confirmed(flight, 0))
    assert give(state, confirmed(flight, 0)) == []


def test_a_complete_set_with_a_failed_trade_breaks_and_waits_for_the_other_word() -> None:
    flight = flight_of()
    state = state_with(flight)
    give(state, matched(flight, 0), matched(flight, 1))
    assert steps(give(state, failed(flight, 0))) == [SetStatus.BROKEN]
    (command,) = give(state, confirmed(flight, 1))
    assert isinstance(command, UnwindSet)


def test_a_split_of_which_nothing_was_sold_is_broken_and_unwound_at_once() -> None:
    flight = flight_of(Family.NEGRISK_SPLIT)
    state = state_with(flight)
    outputs = give(state, killed(flight, 0), killed(flight, 1))
    assert steps(outputs) == [SetStatus.BROKEN]
    assert isinstance(outputs[-1], UnwindSet)


def test_a_held_set_keeps_its_reservation() -> None:
    flight = flight_of(Family.NEGRISK_YES)
    state = state_with(flight)
    answers = [matched(flight, 0), matched(flight, 1), confirmed(flight, 0), confirmed(flight, 1)]
    outputs = give(state, *answers)
    assert steps(outputs) == [SetStatus.COMPLETE, SetStatus.HELD]
    assert isinstance(outputs[-1], SettleSet) and outputs[-1].status is SetStatus.HELD
    assert state.exposure.open_notional == flight.reserved > 0


def test_an_answer_to_what_is_not_open_stops_trading_and_never_the_process() -> None:
    flight = flight_of()
    state = state_with()
    outputs = give(state, matched(flight, 0))
    assert [type(output) for output in outputs] == [TradingStateChanged, CancelAll, RaiseAlert]
    assert state.trading is TradingState.HALTED
    assert PLAN in outputs[0].reason  # type: ignore[union-attr]


def test_an_answer_for_an_order_that_is_not_the_plans_stops_trading() -> None:
    flight, other = flight_of(), flight_of(Family.NEGRISK_SPLIT)
    other.plan_id = flight.plan_id
    state = state_with(flight)
    foreign = matched(flight, 0)
    flight.orders.pop(foreign.order_id)
    give(state, foreign)
    assert state.trading is TradingState.HALTED


def test_completed_and_broken_sets_are_counted_and_missed_ones_are_not() -> None:
    state = state_with()
    for is_good in (True, False, None):
        flight = flight_of()
        state.sets[flight.plan_id] = flight
        state.exposure.by_plan[flight.plan_id] = 0
        for condition_id in flight.condition_ids:
            state.exposure.by_market[condition_id] += 1
        if is_good is None:
            give(state, killed(flight, 0), killed(flight, 1))
        elif is_good:
            give(state, matched(flight, 0), matched(flight, 1))
            give(state, confirmed(flight, 0), confirmed(flight, 1))
        else:
            give(state, matched(flight, 0), killed(flight, 1))
        state.sets.clear()
    assert list(state.exposure.failures) == [False, True]


def test_too_many_broken_sets_halt_trading_once() -> None:
    state = state_with()
    told: list[Output] = []
    for _ in range(4):
        flight = flight_of()
        state.sets[flight.plan_id] = flight
        told += give(state, matched(flight, 0), killed(flight, 1))
    assert state.trading is TradingState.HALTED
    assert sum(isinstance(output, RaiseAlert) for output in told) == 1
    assert sum(isinstance(output, CancelAll) for output in told) == 1


@pytest.mark.parametrize("previous", list(TradingState))
@pytest.mark.parametrize("current", list(TradingState))
def test_trading_takes_only_steps_of_its_table(
    previous: TradingState, current: TradingState
) -> None:
    state = state_with()
    state.trading = previous
    if current is previous:
        assert flights.change_trading(state, current, "why", START_NS) == []
    elif current in TRADING_STEPS[previous]:
        (told,) = flights.change_trading(state, current, "why", START_NS)
        assert isinstance(told, TradingStateChanged)
        assert state.trading is current
    else:
        with pytest.raises(AssertionError):
            flights.change_trading(state, current, "why", START_NS)


def test_a_halt_cancels_and_alerts_even_when_nothing_changes() -> None:
    state = state_with()
    flights.halt(state, "first", START_NS)
    outputs = flights.halt(state, "second", START_NS)
    assert [type(output) for output in outputs] == [CancelAll, RaiseAlert]
