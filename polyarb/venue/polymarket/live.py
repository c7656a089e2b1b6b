"""The live feed: what sources receive, recorded and translated when the runner asks for it.

What is translated is the line that was recorded, so that a replay of the recording sees what the
engine saw. Time never goes back: a frame that was received before an idle moment was told, and
comes out after it, gets the time of that moment, in the recording, too.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from threading import Event
from typing import Protocol

from polyarb.domain.errors import PolyarbError, VenueError
from polyarb.ports import Clock, FeedStatistics, Frame
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.sources import Line, Loss

IDLE_SECONDS = 0.005
"""How long the feed waits for data before it tells the time instead."""
HELD_BYTES_MAX = 64 << 20
"""What may wait for the runner; beyond it everything is lost at once, never a part in silence."""
HELD_LINES_MAX = 1 << 17
BATCH_MAX = 256
"""Lines between two looks at the clock and at whether to stop."""
OVERRUN = "overrun: data came faster than it was decided on"
_NS_PER_MS = 1_000_000


class Recorder(Protocol):
    """Records what goes to the engine and says how it stands on the tape."""

    def record(self, frame: bytes, receive_time_ns: int) -> bytes:
        """Record one frame; return its line."""
        ...

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        """Record a loss; return its line."""
        ...


class LiveFeed:
    """Takes lines and losses from sources; yields frames to the runner.

    `turn` lets the sources work until something arrives, at most so many seconds. Without one they
    work in a thread of their own.
    """

    def __init__(
        self,
        translator: Translator,
        recorder: Recorder,
        clock: Clock,
        *,
        connect_ms_max: int,
        held_bytes_max: int = HELD_BYTES_MAX,
    ) -> None:
        """Units: connect_ms_max is how long the first line may take."""
        self.turn: Callable[[float], object] = self._wait_for_thread
        self.on_overrun: Callable[[], None] = lambda: None
        self.is_wanted: Callable[[], bool] = lambda: True
        self.why_silent: Callable[[], str] = lambda: "nothing was received"
        self.overruns = 0
        self._translator = translator
        self._recorder = recorder
        self._clock = clock
        self._connect_ns = connect_ms_max * _NS_PER_MS
        self._held: deque[Line | Loss] = deque()
        self._held_bytes_max = held_bytes_max
        self._put_bytes = 0
        self._taken_bytes = 0
        self._is_overrun = False
        self._arrived = Event()
        self._latest_ns = 0
        self._fault: PolyarbError | None = None
        self._is_stopped = False

    @property
    def statistics(self) -> FeedStatistics:
        """Return the counts up to now."""
        return self._translator.statistics

    @property
    def is_waiting(self) -> bool:
        """Tell whether the runner has nothing to do."""
        return not self._held and self._fault is None

    @property
    def held_lines(self) -> int:
        """Tell how many lines wait for the runner."""
        return len(self._held)

    # What the sources do

    def put(self, item: Line | Loss) -> None:
        """Take what goes to the engine; when too much waits, everything waiting is of no use."""
        if self._is_overrun and not self._is_overrun_over():
            return
        self._held.append(item)
        self._put_bytes += _weight(item)
        if self._is_full():
            self._is_overrun = True
            self.overruns += 1
            self._held.clear()
            self._put_bytes = self._taken_bytes
            self._held.append(Loss(item.receive_time_ns, OVERRUN))
        if not self._arrived.is_set():
            self._arrived.set()

    def fail(self, fault: PolyarbError) -> None:
        """End the feed with a fault, after what already waits."""
        self._fault = self._fault or fault
        self._arrived.set()

    def _is_full(self) -> bool:
        held_bytes = self._put_bytes - self._taken_bytes
        return held_bytes > self._held_bytes_max or len(self._held) > HELD_LINES_MAX

    def _is_overrun_over(self) -> bool:
        """Begin anew once the runner has taken what waited."""
        if self._held:
            return False
        self._is_overrun = False
        self.on_overrun()
        return True

    # What the runner does

    def stop(self) -> None:
        """End the feed at the next line or idle moment."""
        self._is_stopped = True
        self._arrived.set()

    def frames(self) -> Iterator[Frame]:
        """Yield frames as they come and, in silence, the time.

        Errors: VenueError when nothing comes within the deadline; the fault that ended the sources.
        """
        self._await_first()
        while not self._is_stopped and self.is_wanted():
            lines = self._take()
            if lines:
                yield from self._translator.frames(lines)
                if not self._held:
                    self.turn(0.0)
            elif self._fault is not None:
                raise self._fault
            else:
                self._latest_ns = max(self._latest_ns, self._clock.now_ns())
                yield Frame(self._latest_ns, ())
                self.turn(IDLE_SECONDS)

    def _await_first(self) -> None:
        """Wait for a first line. Errors: VenueError."""
        deadline_ns = self._clock.monotonic_ns() + self._connect_ns
        while not self._held and not self._is_stopped and self.is_wanted():
            if self._fault is not None:
                raise self._fault
            if self._clock.monotonic_ns() >= deadline_ns:
                raise VenueError(
                    f"expected market data within {self._connect_ns // _NS_PER_MS} ms, "
                    f"found none: {self.why_silent()}; check the network with `polyarb doctor`"
                )
            self.turn(IDLE_SECONDS)

    def _wait_for_thread(self, seconds: float) -> None:
        if seconds:
            self._arrived.wait(seconds)

    def _take(self) -> list[bytes]:
        """Record what waits, up to a batch, and return the lines."""
        self._arrived.clear()
        held = self._held
        lines: list[bytes] = []
        while len(lines) < BATCH_MAX:
            try:
                item = held.popleft()
            except IndexError:
                break
            self._taken_bytes += _weight(item)
            self._latest_ns = max(self._latest_ns, item.receive_time_ns)
            if isinstance(item, Line):
                lines.append(self._recorder.record(item.frame, self._latest_ns))
            else:
                loss = self._recorder.record_loss(item.reason, item.assets, self._latest_ns)
                lines.append(loss)
        return lines


def _weight(item: Line | Loss) -> int:
    return len(item.frame) if isinstance(item, Line) else 0
