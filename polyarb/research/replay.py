"""Run a journal again over its tape and compare every decision with the record, byte for byte.

What came from outside (gateway answers, control) is taken from the journal at its place; clock
ticks follow from the engine's own deadlines, as they did then. Orders go nowhere.
"""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from polyarb.domain.messages import (
    ClockTicked,
    ControlEvent,
    Event,
    GatewayEvent,
    JournalMessage,
    Note,
    Output,
    RunStopped,
)
from polyarb.engine.engine import Engine
from polyarb.ports import Frame


class Recorded(Protocol):
    """What a replay reads of a journal record."""

    @property
    def sequence(self) -> int:
        """Place in the journal."""
        ...

    @property
    def frame(self) -> int:
        """Market events handled before it."""
        ...

    @property
    def message(self) -> JournalMessage:
        """The message itself."""
        ...


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where a replay and the record part. Shape: JSON of a message, empty where there is none."""

    sequence: int
    expected: str
    found: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found; is_whole is false for a run that ended without its RunStopped."""

    run_id: str
    events: int
    compared: int
    is_whole: bool
    difference: Difference | None = None

    @property
    def is_identical(self) -> bool:
        """Tell whether every recorded decision was made again."""
        return self.difference is None


class Replay:
    """One pass over one run."""

    def __init__(self, engine: Engine, records: Iterable[Recorded]) -> None:
        self.difference: Difference | None = None
        self.compared = 0
        self.is_whole = False
        self._engine = engine
        self._inputs: deque[tuple[int, GatewayEvent | ControlEvent]] = deque()
        self._expected: deque[tuple[int, bytes]] = deque()
        for record in records:
            message = record.message
            if isinstance(message, Note):
                continue
            self.is_whole = isinstance(message, RunStopped) or self.is_whole
            if isinstance(message, GatewayEvent | ControlEvent):
                self._inputs.append((record.frame, message))
            else:
                self._expected.append((record.sequence, msgspec.json.encode(message)))

    def run(self, frames: Iterable[Frame]) -> int:
        """Play the frames until the record is used up; return how many events were handled."""
        position = 0
        for frame in frames:
            for event in frame.events:
                self._catch_up(event.receive_time_ns, position)
                if self._is_over():
                    return position
                position += 1
                self._handle(event)
        while self._inputs and not self._is_over():
            recorded_at, awaited = self._inputs[0]
            if recorded_at > position:
                self._part(0, f"market event {position + 1}", "the end of the tape")
            self._catch_up(awaited.receive_time_ns, position)
        if self._expected:
            sequence, expected = self._expected[0]
            self._part(sequence, expected.decode(), "")
        return position

    def _part(self, sequence: int, expected: str, found: str) -> None:
        """Keep the first difference."""
        if self.difference is None:
            self.difference = Difference(sequence=sequence, expected=expected, found=found)

    def _is_over(self) -> bool:
        return self.difference is not None or not (self._expected or self._inputs)

    def _catch_up(self, now_ns: int, position: int) -> None:
        """Handle what came before the next market event: by its place, whatever its time.

        A run that was stopped lived on past the time of the tape's next event.
        """
        while self._inputs and self._inputs[0][0] <= position and not self._is_over():
            self._tick_until(self._inputs[0][1].receive_time_ns)
            if not self._is_over():
                self._handle(self._inputs.popleft()[1])
        self._tick_until(now_ns)

    def _tick_until(self, now_ns: int) -> None:
        while self._engine.deadline_ns <= now_ns and not self._is_over():
            self._handle(ClockTicked(receive_time_ns=self._engine.deadline_ns))

    def _handle(self, event: Event) -> None:
        for output in self._engine.handle(event):
            self._compare(output)

    def _compare(self, output: Output) -> None:
        if not self._expected:
            if self.is_whole:
                self._part(0, "", msgspec.json.encode(output).decode())
            return
        sequence, expected = self._expected.popleft()
        found = msgspec.json.encode(output)
        self.compared += 1
        if found != expected:
            self._part(sequence, expected.decode(), found.decode())
