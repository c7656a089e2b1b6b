"""Sets in flight: the gateway's answers move them through their table until they are money."""

from polyarb.domain.limits import Profile
from polyarb.domain.messages import (
    CancelAll,
    OrderKilled,
    OrderMatched,
    Output,
    RaiseAlert,
    SetChanged,
    SetSettled,
    TradeConfirmed,
    TradeFailed,
    TradingStateChanged,
)
from polyarb.domain.order import TRADING_STEPS, SetStatus, TradingState
from polyarb.engine import execute, risk, settle
from polyarb.engine.state import EngineState, SetInFlight

Answer = OrderMatched | OrderKilled | TradeConfirmed | TradeFailed | SetSettled


def advance(state: EngineState, profile: Profile, event: Answer) -> list[Output]:
    """Take one answer of the gateway; one to nothing that is open stops trading."""
    flight = state.sets.get(event.plan_id)
    if flight is None or not _is_ours(flight, event):
        reason = f"an answer came for plan {event.plan_id}, in which nothing like it is open"
        return halt(state, reason, event.receive_time_ns)
    match event:
        case OrderMatched():
            outputs = execute.on_matched(flight, event)
        case OrderKilled():
            outputs = execute.on_killed(flight, event)
        case TradeConfirmed() | TradeFailed():
            settle.on_trade(flight, event)
            outputs = []
        case SetSettled():
            outputs = _settled(state, flight, event)
    return outputs + _follow(state, profile, flight, outputs, event.receive_time_ns)


def _is_ours(flight: SetInFlight, event: Answer) -> bool:
    return isinstance(event, SetSettled) or event.order_id in flight.orders


def _follow(
    state: EngineState,
    profile: Profile,
    flight: SetInFlight,
    outputs: list[Output],
    now_ns: int,
) -> list[Output]:
    """Draw the conclusions of a step: the next one, the set operation, the breaker."""
    more: list[Output] = []
    status = settle.next_status(flight)
    if status is not None:
        more.append(execute.step(flight, status, now_ns))
    before = flight.status
    steps = [message for message in outputs + more if isinstance(message, SetChanged)]
    more += _count_outcomes(state, profile, steps, now_ns)
    if before in (SetStatus.MISSED, SetStatus.SETTLED):
        _forget(state, flight)
        return more
    if steps or before is SetStatus.BROKEN:
        command = settle.command(flight, now_ns)
        more += [command] if command is not None else []
    return more


def _count_outcomes(
    state: EngineState, profile: Profile, steps: list[SetChanged], now_ns: int
) -> list[Output]:
    """Tell the breaker of completed and broken sets; too many of the latter halt trading."""
    window = profile.breaker.failure_window
    for step in steps:
        if step.current is SetStatus.BROKEN or step.previous is SetStatus.COMPLETE:
            is_failure = step.current is SetStatus.BROKEN
            risk.record_outcome(state.exposure, is_failure, window)
    reason = risk.breaker_reason(state.exposure, profile.breaker) if steps else ""
    if not reason or state.trading is TradingState.HALTED:
        return []
    return halt(state, f"breaker: {reason}", now_ns)


def _settled(state: EngineState, flight: SetInFlight, event: SetSettled) -> list[Output]:
    now_ns = event.receive_time_ns
    steps: list[Output] = []
    if flight.status is SetStatus.BROKEN:
        steps.append(execute.step(flight, SetStatus.UNWOUND, now_ns))
    steps.append(execute.step(flight, SetStatus.SETTLED, now_ns))
    risk.roll_day(state.exposure, now_ns)
    state.exposure.day_pnl += settle.result(flight, event)
    return steps


def _forget(state: EngineState, flight: SetInFlight) -> None:
    del state.sets[flight.plan_id]
    risk.release(
        state.exposure,
        flight.plan_id,
        relation_id=flight.relation_id,
        condition_ids=flight.condition_ids,
    )


def change_trading(
    state: EngineState, current: TradingState, reason: str, now_ns: int
) -> list[Output]:
    """Take one step of the trading state's table; staying put says nothing."""
    previous = state.trading
    if previous is current:
        return []
    assert current in TRADING_STEPS[previous], (previous, current)
    state.trading = current
    return [
        TradingStateChanged(
            receive_time_ns=now_ns, previous=previous, current=current, reason=reason
        )
    ]


def halt(state: EngineState, reason: str, now_ns: int) -> list[Output]:
    """Stop everything that adds risk and cancel what is open."""
    return [
        *change_trading(state, TradingState.HALTED, reason, now_ns),
        CancelAll(receive_time_ns=now_ns, reason=reason),
        RaiseAlert(receive_time_ns=now_ns, severity="CRITICAL", text=f"trading halted: {reason}"),
    ]
