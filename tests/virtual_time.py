"""An event loop whose time jumps to the next timer, so that hours of waiting take no time.

Whatever waits by the loop (sleep, timeout) is exact and repeatable. For code without sockets.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
WALL_START_NS = 1_795_262_400_000_000_000


class _JumpingSelector(selectors.SelectSelector):
    """Moves the time on instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that no timer brings"
        self.elapsed += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class LoopClock:
    """The time of the running loop, as the project's ports have it."""

    def now_ns(self) -> int:
        """Return unix nanoseconds, from a fixed start on."""
        return WALL_START_NS + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the start of the loop."""
        return round(asyncio.get_running_loop().time() * 1e9)


def run_virtually(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine to its end in a time of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
