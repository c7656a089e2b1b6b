"""The live feed: what sources receive, recorded and translated when the runner asks for it.

What is translated is the line that was recorded, so that a replay of the recording sees what the
engine saw. Time never goes back: a frame that was received before an idle moment was told, and
comes out after it, gets the time of that moment, in the recording, too.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from polyarb.domain.errors import PolyarbError, VenueError
from polyarb.domain.surroundings import CatalogueChange
from polyarb.ports import Clock, FeedStatistics, Frame
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.channel.wire import ReadLine
from polyarb.venue.polymarket.sources import Item, Line, ModeChange, OtherInstruments

IDLE_SECONDS = 0.005
"""How long the feed waits for data before it tells the time instead."""
BATCH_MAX = 256
"""Lines between two looks at whether the run goes on."""
_NS_PER_MS = 1_000_000


class Recorder(Protocol):
    """Records what goes to the engine and says how it stands on the tape."""

    def record(self, frame: bytes, receive_time_ns: int, *, is_plain: bool = False) -> bytes:
        """Record one frame; return its line.

        is_plain: it is known to be JSON in ASCII without a line break.
        """
        ...

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        """Record a loss; return its line."""
        ...

    def record_mode(self, mode: str, reason: str, receive_time_ns: int) -> bytes:
        """Record a mode of the venue; return its line."""
        ...

    def record_instruments(self, change: CatalogueChange, receive_time_ns: int) -> bytes:
        """Record other instruments; return their line."""
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
        self._held: deque[Item] = deque()
        self._has_begun = False
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

    def put(self, item: Item) -> None:
        """Take what goes to the engine; called by the sources in their turn."""
        self._held.append(item)
        if not self._has_begun:
            self._has_begun = not isinstance(item, ModeChange)

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
        """Wait for a first line; that the venue is restricted is none. Errors: VenueError."""
        deadline_ns = self._clock.monotonic_ns() + self._connect_ns
        while not self._has_begun and self.is_wanted():
            if self._fault is not None:
                raise self._fault
            if self._clock.monotonic_ns() >= deadline_ns:
                raise VenueError(
                    f"expected market data within {self._connect_ns // _NS_PER_MS} ms, "
                    f"found none: {self._sources.why_silent()}; "
                    "check the network with `polyarb doctor`"
                )
            self._sources.turn(IDLE_SECONDS)

    def _take(self) -> list[bytes | ReadLine]:
        """Record what waits, up to a batch, and return the lines.

        A frame that stands in its line as it is, and was read by the arbiter, is not read again.
        """
        lines: list[bytes | ReadLine] = []
        held, recorder, latest_ns = self._held, self._recorder, self._latest_ns
        for _ in range(min(len(held), BATCH_MAX)):
            item = held.popleft()
            latest_ns = max(latest_ns, item.receive_time_ns)
            if isinstance(item, Line):
                frame, pair = item.frame, item.pair
                if pair is not None and _is_plain(frame):
                    line = recorder.record(frame, latest_ns, is_plain=True)
                    lines.append(ReadLine(msg=pair, recv_ns=latest_ns, line=line))
                else:
                    lines.append(recorder.record(frame, latest_ns))
            elif isinstance(item, ModeChange):
                lines.append(recorder.record_mode(item.mode, item.reason, latest_ns))
            elif isinstance(item, OtherInstruments):
                lines.append(recorder.record_instruments(item.change, latest_ns))
            else:
                lines.append(recorder.record_loss(item.reason, item.assets, latest_ns))
        self._latest_ns = latest_ns
        return lines


def _is_plain(frame: bytes) -> bool:
    """Tell whether JSON stands in a line as it is."""
    return frame.isascii() and b"\n" not in frame and b"\r" not in frame
