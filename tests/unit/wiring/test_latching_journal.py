"""A halt that nobody ordered is latched on disk, and no other."""

from pathlib import Path

import pytest
from polyarb.domain.messages import (
    BooksOpened,
    ControlEvent,
    OperatorHalted,
    OperatorResumed,
    RunStopping,
    TradingStateChanged,
)
from polyarb.domain.order import TradingState
from polyarb.store.control import Halt, read_halt
from polyarb.store.memory import MemoryJournal
from polyarb.wiring.latching import LatchingJournal
from tests.worlds import at, started

HALTED = OperatorHalted(receive_time_ns=at(1), actor="alice", reason="lunch")
RESUMED = OperatorResumed(receive_time_ns=at(2), actor="alice", reason="back")
OPENED = BooksOpened(receive_time_ns=at(2), open_sets=0)
STOPPING = RunStopping(receive_time_ns=at(3), reason="end of feed")


def change(current: TradingState, previous: TradingState = TradingState.ACTIVE) -> object:
    return TradingStateChanged(
        receive_time_ns=at(4), previous=previous, current=current, reason="breaker: 3 sets broke"
    )


@pytest.fixture
def latch(tmp_path: Path) -> Path:
    return tmp_path / "control" / "halt.json"


@pytest.mark.parametrize(
    ("controls", "is_latched"),
    [
        ((started(), OPENED), True),
        ((started(), OPENED, HALTED), False),
        ((started(), OPENED, STOPPING), False),
        ((started(), OPENED, HALTED, RESUMED, OPENED), True),
    ],
)
def test_only_the_engines_own_halt_is_latched(
    latch: Path, controls: tuple[ControlEvent, ...], is_latched: bool
) -> None:
    journal = LatchingJournal(MemoryJournal(), latch, lambda: 77)
    for control in controls:
        journal.append(control, 0)
    journal.append(change(TradingState.HALTED), 0)  # type: ignore[arg-type]
    expected = Halt(actor="engine", reason="breaker: 3 sets broke", time_ns=77)
    assert read_halt(latch) == (expected if is_latched else None)


def test_no_other_step_of_trading_is_latched(latch: Path) -> None:
    journal = LatchingJournal(MemoryJournal(), latch, lambda: 77)
    for current in TradingState:
        if current is not TradingState.HALTED:
            journal.append(change(current, TradingState.HALTED), 0)  # type: ignore[arg-type]
    assert not latch.exists()


def test_everything_is_passed_on_and_the_latch_comes_first(latch: Path) -> None:
    class Failing(MemoryJournal):
        def append(self, message: object, frame: int) -> None:
            super().append(message, frame)  # type: ignore[arg-type]
            assert not isinstance(message, TradingStateChanged) or latch.exists()

    inner = Failing()
    journal = LatchingJournal(inner, latch, lambda: 77)
    journal.append(OPENED, 3)
    journal.append(change(TradingState.HALTED), 4)  # type: ignore[arg-type]
    journal.make_durable()
    assert [record.frame for record in inner.records] == [3, 4]
    assert inner.durable == 2
    journal.append(STOPPING, 5)
    journal.close()
    assert inner.durable == 3
