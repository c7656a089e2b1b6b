"""Sets in flight: the gateway's answers move them through their table until they are money."""

from collections.abc import Collection

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.limits import Profile
from polyarb.domain.market import Market
from polyarb.domain.messages import (
    NO_WINNER,
    CancelAll,
    OrderKilled,
    OrderMatched,
    Output,
    RaiseAlert,
    RecoverSet,
    RedeemSet,
    SetChanged,
    SetSettled,
    TradeConfirmed,
    TradeFailed,
    TradingStateChanged,
)
from polyarb.domain.order import (
    TRADING_STEPS,
    HeldOrder,
    HeldSet,
    OrderIntent,
    OrderStatus,
    SetStatus,
    TradingState,
)
from polyarb.domain.plan import Outcome
from polyarb.engine import execute, risk, settle
from polyarb.engine.state import EngineState, Ladder, OrderProgress, SetInFlight

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
        more += _redemption(state, flight, now_ns)
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


def recall(
    state: EngineState, condition_ids: Collection[ConditionId], reason: str, now_ns: int
) -> list[Output]:
    """Call every order back once one of ours is open in a market that can no longer be seen."""
    markets = frozenset(condition_ids)
    is_open = any(
        not progress.is_final and progress.intent.condition_id in markets
        for flight in state.sets.values()
        for progress in flight.orders.values()
    )
    return [CancelAll(receive_time_ns=now_ns, reason=reason)] if is_open else []


def redeem(state: EngineState, now_ns: int) -> list[Output]:
    """Command the redemption of every held set whose markets are all resolved."""
    return [
        command for flight in state.sets.values() for command in _redemption(state, flight, now_ns)
    ]


def _redemption(state: EngineState, flight: SetInFlight, now_ns: int) -> list[Output]:
    """Command the redemption of a set once, when the winner of its every market is known."""
    intents = [(progress.intent, progress.shares) for progress in flight.orders.values()]
    is_decided = all(intent.condition_id in state.winners for intent, _shares in intents)
    if flight.status is not SetStatus.HELD or flight.is_redeeming or not is_decided:
        return []
    flight.is_redeeming = True
    winning = sum(
        _paid(shares, state.winners[intent.condition_id], intent.token_id)
        for intent, shares in intents
    )
    return [
        RedeemSet(
            receive_time_ns=now_ns, plan_id=flight.plan_id, family=flight.family, quantity=winning
        )
    ]


def _paid(shares: int, winner: TokenId, token_id: TokenId) -> int:
    """Count the whole dollars, in micros, that shares of a token of a resolved market are paid."""
    if winner == NO_WINNER:
        return shares // 2
    return shares if winner == token_id else 0


def adopt(state: EngineState, held: HeldSet) -> None:
    """Take over a set that an earlier run left; it counts against the limits of this one."""
    assert held.plan_id not in state.sets, held.plan_id
    flight = SetInFlight(
        plan_id=held.plan_id,
        family=held.family,
        relation_id=held.relation_ids[0],
        condition_ids=tuple(dict.fromkeys(order.intent.condition_id for order in held.orders)),
        quantity=held.quantity,
        reserved=held.reserved,
        orders={order.intent.order_id: _adopted(state, order) for order in held.orders},
        states=held.states,
        status=held.status,
    )
    state.sets[held.plan_id] = flight
    risk.reserve(
        state.exposure,
        held.plan_id,
        relation_id=held.relation_ids[0],
        condition_ids=flight.condition_ids,
        reserved=held.reserved,
        shared_with=held.relation_ids[1:],
    )


def _adopted(state: EngineState, order: HeldOrder) -> OrderProgress:
    return OrderProgress(
        order.intent,
        state.ladders.get(order.intent.condition_id) or Ladder(_market_of(order.intent)),
        status=_status_of(order),
        shares=order.shares,
        notional=order.notional,
        fee=order.fee,
        is_final=order.is_final,
        is_confirmed=order.is_confirmed,
        is_failed=order.is_failed,
    )


def _status_of(order: HeldOrder) -> OrderStatus:
    """Name where an order stands; what became of one that is not final nobody knows yet."""
    if order.shares or order.is_failed:
        return OrderStatus.MATCHED
    return OrderStatus.CANCELED if order.is_final else OrderStatus.UNKNOWN


def recover(state: EngineState, profile: Profile, left: HeldSet, now_ns: int) -> list[Output]:
    """Follow an adopted set from where its run was cut off; one that is held simply waits."""
    if left.status is SetStatus.HELD:
        return []
    flight = state.sets[left.plan_id]
    outputs: list[Output] = [
        RecoverSet(receive_time_ns=now_ns, plan_id=left.plan_id, left=left),
        *execute.conclude(flight, now_ns),
    ]
    outputs += _follow(state, profile, flight, outputs, now_ns)
    if left.status in (SetStatus.MERGED, SetStatus.CONVERTED):
        command = settle.command(flight, now_ns)
        outputs += [command] if command is not None else []
    return outputs


def _market_of(intent: OrderIntent) -> Market:
    """Describe a market that is no longer in the catalogue by what an order tells of it."""
    is_yes, nothing = intent.outcome is Outcome.YES, TokenId("")
    return Market(
        condition_id=intent.condition_id,
        yes=intent.token_id if is_yes else nothing,
        no=nothing if is_yes else intent.token_id,
    )


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
