"""A journal that latches the engine's own halt on disk, as an operator's halt is latched."""

from collections.abc import Callable
from pathlib import Path

from polyarb.domain.messages import (
    ControlEvent,
    JournalMessage,
    OperatorHalted,
    RunStopping,
    TradingStateChanged,
)
from polyarb.domain.order import TradingState
from polyarb.ports import Journal
from polyarb.store.control import Halt, write_halt

ENGINE = "engine"
"""Who halted, where nobody did."""


class LatchingJournal:
    """The port `Journal` that writes the latch before the record of a halt that nobody ordered.

    The stop of a run and an operator's halt are ordered: the one needs no latch, the other has its
    own. Should the record get lost, the latch holds all the same.
    """

    def __init__(self, journal: Journal, latch: Path, now_ns: Callable[[], int]) -> None:
        self._journal = journal
        self._latch = latch
        self._now_ns = now_ns
        self._is_ordered = False

    def append(self, message: JournalMessage, frame: int) -> None:
        """Latch the halt that a message tells of, then record the message."""
        if isinstance(message, ControlEvent):
            self._is_ordered = isinstance(message, OperatorHalted | RunStopping)
        elif isinstance(message, TradingStateChanged) and self._is_own_halt(message):
            order = Halt(actor=ENGINE, reason=message.reason, time_ns=self._now_ns())
            write_halt(self._latch, order)
        self._journal.append(message, frame)

    def make_durable(self) -> None:
        """Make everything recorded durable."""
        self._journal.make_durable()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _is_own_halt(self, message: TradingStateChanged) -> bool:
        return message.current is TradingState.HALTED and not self._is_ordered
