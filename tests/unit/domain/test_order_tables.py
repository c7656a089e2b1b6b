"""The tables of allowed steps: complete, closed, and ending where lives end."""

from collections.abc import Mapping
from enum import StrEnum

import pytest
from polyarb.domain.order import (
    ORDER_STEPS,
    SET_STEPS,
    TRADE_STEPS,
    TRADING_STEPS,
    OrderStatus,
    SetStatus,
    TradeStatus,
    TradingState,
)

TABLES: list[tuple[type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]], StrEnum]] = [
    (OrderStatus, ORDER_STEPS, OrderStatus.PLANNED),  # type: ignore[list-item]
    (TradeStatus, TRADE_STEPS, TradeStatus.MATCHED),  # type: ignore[list-item]
    (SetStatus, SET_STEPS, SetStatus.LEGGING),  # type: ignore[list-item]
    (TradingState, TRADING_STEPS, TradingState.HALTED),  # type: ignore[list-item]
]


def _reached(steps: Mapping[StrEnum, frozenset[StrEnum]], start: StrEnum) -> set[StrEnum]:
    seen, todo = {start}, [start]
    while todo:
        for state in steps[todo.pop()] - seen:
            seen.add(state)
            todo.append(state)
    return seen


@pytest.mark.parametrize(
    ("states", "steps", "start"), TABLES, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_table_names_every_state_and_reaches_every_state(
    states: type[StrEnum], steps: Mapping[StrEnum, frozenset[StrEnum]], start: StrEnum
) -> None:
    assert set(steps) == set(states)
    assert _reached(steps, start) == set(states)


@pytest.mark.parametrize(
    ("states", "steps", "start"), TABLES, ids=lambda one: getattr(one, "__name__", "")
)
def test_no_state_steps_to_itself(
    states: type[StrEnum], steps: Mapping[StrEnum, frozenset[StrEnum]], start: StrEnum
) -> None:
    assert all(state not in steps[state] for state in states)


@pytest.mark.parametrize(
    ("steps", "ends"),
    [
        (
            ORDER_STEPS,
            {
                OrderStatus.MATCHED,
                OrderStatus.REJECTED,
                OrderStatus.CANCELED,
                OrderStatus.EXPIRED,
            },
        ),
        (TRADE_STEPS, {TradeStatus.CONFIRMED, TradeStatus.FAILED}),
        (SET_STEPS, {SetStatus.MISSED, SetStatus.SETTLED}),
        (TRADING_STEPS, set()),
    ],
)
def test_only_ends_have_no_next_step(
    steps: Mapping[StrEnum, frozenset[StrEnum]], ends: set[StrEnum]
) -> None:
    assert {state for state, following in steps.items() if not following} == ends


def test_every_set_that_is_not_missed_can_become_money() -> None:
    for state in set(SetStatus) - {SetStatus.MISSED}:
        assert SetStatus.SETTLED in _reached(SET_STEPS, state)  # type: ignore[arg-type]


def test_an_unknown_order_can_still_be_resolved_to_any_end() -> None:
    ends = {state for state, following in ORDER_STEPS.items() if not following}
    assert ends <= ORDER_STEPS[OrderStatus.UNKNOWN]


def test_trading_is_never_active_without_reconciling_first() -> None:
    assert TRADING_STEPS[TradingState.HALTED] == {TradingState.RECONCILING}
    assert all(
        TradingState.HALTED in following
        for state, following in TRADING_STEPS.items()
        if state is not TradingState.HALTED
    )
