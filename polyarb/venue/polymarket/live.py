"""The live feed: what sources receive, recorded and translated when the runner asks for it.

What is translated is the line that was recorded, so that a replay of the recording sees what the
engine saw. Time never goes back: a frame that was received before an idle moment was told, and
comes out after it, gets the time of that moment, in the recording, too.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from polyarb.domain.errors import PolyarbError, VenueError
from polyarb.ports import Clock, FeedStatistics, Frame
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.sources import Line, Loss

IDLE_SECONDS = 0.005
"""How long the feed waits for data before it tells the time instead."""
BATCH_MAX = 256
"""Lines between two looks at whether the run goes on."""
_NS_PER_MS = 1_000_000


class Recorder(Protocol):
    """Records what goes to the engine and says how it stands on the tape."""

    def record(self, frame: bytes, receive_time_ns: int) -> bytes:
        """Record one frame; return its line."""
        ...

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        """Record a loss; return its line."""
        ...


class Sources(Protocol):
    """What delivers to a feed; works only while it is given a turn."""

    def turn(self, seconds: float) -> None:
        """Work until something arrives, at most so many seconds; what is ready is done anyway."""
        ...

    def why_silent(self) -> str:
        """Say what kept data from coming."""
        ...


class LiveFeed:
    """Takes lines and losses from sources, which `frames` gives their turns; yields frames."""

    def __init__(
        self,
        translator: Translator,
        recorder: Recorder,
        sources: Sources,
        clock: Clock,
        *,
        connect_ms_max: int,
    ) -> None:
        """Units: connect_ms_max is how long the first line may take."""
        self.is_wanted: Callable[[], bool] = lambda: True
        self._translator = translator
        self._recorder = recorder
        self._sources = sources
        self._clock = clock
        self._connect_ns = connect_ms_max * _NS_PER_MS
        self._held: deque[Line | Loss] = deque()
        self._latest_ns = 0
        self._fault: PolyarbError | None = None

    @property
    def statistics(self) -> FeedStatistics:
        """Return the counts up to now."""
        return self._translator.statistics

    @property
    def held_lines(self) -> int:
        """Tell how many lines wait for the runner."""
        return len(self._held)

    def put(self, item: Line | Loss) -> None:
        """Take what goes to the engine; called by the sources in their turn."""
        self._held.append(item)

    def fail(self, fault: PolyarbError) -> None:
        """End the feed with a fault, after what already waits."""
        self._fault = self._fault or fault

    def frames(self) -> Iterator[Frame]:
        """Yield frames as they come and, in silence, the time, as long as `is_wanted` says.

        Errors: VenueError when nothing comes within the deadline; the fault that ended the sources.
        """
        self._await_first()
        while self.is_wanted():
            lines = self._take()
            if lines:
                yield from self._translator.frames(lines)
                if not self._held:
                    self._sources.turn(0.0)
            elif self._fault is not None:
                raise self._fault
            else:
                self._latest_ns = max(self._latest_ns, self._clock.now_ns())
                yield Frame(self._latest_ns, ())
                self._sources.turn(IDLE_SECONDS)

    def _await_first(self) -> None:
        """Wait for a first line. Errors: VenueError."""
        deadline_ns = self._clock.monotonic_ns() + self._connect_ns
        while not self._held and self.is_wanted():
            if self._fault is not None:
                raise self._fault
            if self._clock.monotonic_ns() >= deadline_ns:
                raise VenueError(
                    f"expected market data within {self._connect_ns // _NS_PER_MS} ms, "
                    f"found none: {self._sources.why_silent()}; "
                    "check the network with `polyarb doctor`"
                )
            self._sources.turn(IDLE_SECONDS)

    def _take(self) -> list[bytes]:
        """Record what waits, up to a batch, and return the lines."""
        lines: list[bytes] = []
        while self._held and len(lines) < BATCH_MAX:
            item = self._held.popleft()
            self._latest_ns = max(self._latest_ns, item.receive_time_ns)
            if isinstance(item, Line):
                lines.append(self._recorder.record(item.frame, self._latest_ns))
            else:
                loss = self._recorder.record_loss(item.reason, item.assets, self._latest_ns)
                lines.append(loss)
        return lines
