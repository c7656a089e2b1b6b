"""What the exchange will do by itself, and when."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import msgspec

from polyarb.ports import FAR_FUTURE_NS

_VOID_MIN = 64
"""So few void timers are never worth sweeping."""


class Timer(msgspec.Struct, eq=False):
    """One action at its time; without an action it is void."""

    action: Callable[[], None] | None


class Timers:
    """Actions in order of their time, those of one time in the order they were set.

    A void timer is dropped when its time comes, or earlier when void ones are the majority.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = 0
        self._void = 0

    @property
    def next_due_ns(self) -> int:
        """Return when the next action is due."""
        return self._heap[0][0] if self._heap else FAR_FUTURE_NS

    def set(self, due_ns: int, action: Callable[[], None]) -> Timer:
        """Do something at a time to come."""
        self._count += 1
        timer = Timer(action)
        heappush(self._heap, (due_ns, self._count, timer))
        return timer

    def void(self, timer: Timer) -> None:
        """Do not do it after all."""
        timer.action = None
        self._void += 1
        if self._void > _VOID_MIN and self._void * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapify(self._heap)
            self._void = 0

    def take(self, now_ns: int) -> tuple[int, Callable[[], None]] | None:
        """Take the next action that is due by now, with its time."""
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, _, timer = heappop(self._heap)
            if timer.action is None:
                self._void -= 1
                continue
            return due_ns, timer.action
        return None
