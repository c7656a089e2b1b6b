"""The venue's mode and our clock: less of either calls orders back, and is told once."""

import pytest
from polyarb.domain.messages import CancelAll, Event, Output, RaiseAlert
from polyarb.domain.order import TradingState
from polyarb.domain.surroundings import ClockJudged, VenueModeChanged
from polyarb.domain.venue import VenueMode
from polyarb.engine import surroundings
from polyarb.engine.state import EngineState
from tests.set_lives import flight_of
from tests.worlds import at


def state_with_an_open_order() -> EngineState:
    flight = flight_of()
    ladders = {one.ladder.condition_id: one.ladder for one in flight.orders.values()}
    state = EngineState(ladders, [], trading=TradingState.ACTIVE)
    state.sets[flight.plan_id] = flight
    return state


def mode(to: VenueMode, reason: str = "503") -> VenueModeChanged:
    return VenueModeChanged(receive_time_ns=at(1), mode=to, reason=reason)


def clock(is_trusted: bool, reason: str = "+200 ms") -> ClockJudged:
    return ClockJudged(receive_time_ns=at(1), is_trusted=is_trusted, reason=reason)


def give(state: EngineState, event: Event) -> list[Output]:
    if isinstance(event, VenueModeChanged):
        return surroundings.change_mode(state, event)
    assert isinstance(event, ClockJudged)
    return surroundings.judge_clock(state, event)


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (mode(VenueMode.POST_ONLY), "WARNING"),
        (mode(VenueMode.CANCEL_ONLY), "WARNING"),
        (mode(VenueMode.DOWN), "WARNING"),
        (clock(False), "CRITICAL"),
    ],
)
def test_what_is_open_is_called_back_and_nothing_is_free_until_it_is_over(
    event: Event, severity: str
) -> None:
    state = state_with_an_open_order()
    assert state.is_free
    canceled, alert = give(state, event)
    assert isinstance(canceled, CancelAll) and isinstance(alert, RaiseAlert)
    assert alert.severity == severity and alert.text == canceled.reason
    assert not state.is_free
    assert give(state, event) == []
    back = mode(VenueMode.OK) if isinstance(event, VenueModeChanged) else clock(True, "+1 ms")
    (told,) = give(state, back)
    assert isinstance(told, RaiseAlert) and told.severity == "INFO"
    assert state.is_free
    assert give(state, back) == []


def test_without_an_open_order_nothing_is_called_back() -> None:
    state = state_with_an_open_order()
    (flight,) = state.sets.values()
    for progress in flight.orders.values():
        progress.is_final = True
    for event in (mode(VenueMode.DOWN), clock(False)):
        assert [type(output) for output in give(state, event)] == [RaiseAlert]


def test_a_worse_mode_is_told_again_and_a_reason_that_is_empty_is_one_all_the_same() -> None:
    state = EngineState({}, [], trading=TradingState.ACTIVE)
    assert len(give(state, mode(VenueMode.POST_ONLY))) == 1
    assert len(give(state, mode(VenueMode.DOWN))) == 1
    give(state, mode(VenueMode.OK))
    give(state, clock(False, ""))
    assert state.clock_fault and not state.is_free


def test_only_active_trading_is_free() -> None:
    for trading in TradingState:
        state = EngineState({}, [], trading=trading)
        assert state.is_free is (trading is TradingState.ACTIVE)
