"""A recorded tape as a feed, at full speed or paced by its receive times."""

import time
from collections.abc import Callable, Iterable, Iterator

from polyarb.ports import FeedStatistics, Frame
from polyarb.venue.polymarket.channel.translate import Translator

PAUSE_SECONDS_MAX = 0.05
"""No pause is longer, so that an operator's word is heard while a quiet tape plays."""
_NS_PER_SECOND = 1_000_000_000


class TapeFeed:
    """Plays lines of a tape, one frame a line, so that frame numbers are line numbers."""

    def __init__(
        self,
        lines: Iterable[bytes],
        translator: Translator,
        speed: float | None = None,
        pause: Callable[[float], None] = time.sleep,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Speed is a multiple of real time, None is as fast as it goes.

        pause is called with at most PAUSE_SECONDS_MAX again and again while the next frame is not
        due; it may take an operator's orders, and `stop` the feed.
        """
        if speed is not None and not speed > 0:
            raise ValueError(f"expected a speed above zero, found {speed}")
        self._lines = lines
        self._translator = translator
        self._speed = speed
        self._pause = pause
        self._monotonic_ns = monotonic_ns
        self._is_stopped = False

    @property
    def statistics(self) -> FeedStatistics:
        """Return the counts up to now."""
        return self._translator.statistics

    def stop(self) -> None:
        """End a paced feed at the next pause or frame."""
        self._is_stopped = True

    def frames(self) -> Iterator[Frame]:
        """Yield every frame in the order of the tape."""
        frames = self._translator.frames(self._lines)
        return frames if self._speed is None else self._paced(frames, self._speed)

    def _paced(self, frames: Iterator[Frame], speed: float) -> Iterator[Frame]:
        """Yield every frame when it is due; the first one that has a time sets the start."""
        begun_ns = first_ns = 0
        for frame in frames:
            if first_ns:
                self._wait_until(begun_ns + int((frame.receive_time_ns - first_ns) / speed))
            elif frame.receive_time_ns:
                begun_ns, first_ns = self._monotonic_ns(), frame.receive_time_ns
            if self._is_stopped:
                return
            yield frame

    def _wait_until(self, due_ns: int) -> None:
        while not self._is_stopped:
            seconds = (due_ns - self._monotonic_ns()) / _NS_PER_SECOND
            if seconds <= 0:
                return
            self._pause(min(seconds, PAUSE_SECONDS_MAX))
