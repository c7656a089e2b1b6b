"""What the agents will do and when: the only clock of the flow."""

from collections.abc import Callable
from heapq import heappop, heappush

from polyarb.ports import FAR_FUTURE_NS

Action = Callable[[], None]


class Agenda:
    """Actions in the order of their time; those of one time in the order they were put down."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self._entries: list[tuple[int, int, Action]] = []
        self._count = 0

    @property
    def next_due_ns(self) -> int:
        """Return when something is to be done next."""
        return self._entries[0][0] if self._entries else FAR_FUTURE_NS

    def after(self, delay_ns: int, action: Action) -> None:
        """Put down an action for later; a nanosecond at least, so that nothing spins in place."""
        self._count += 1
        heappush(self._entries, (self.now_ns + max(delay_ns, 1), self._count, action))

    def take(self) -> Action:
        """Take the next action off; its time becomes the agents' now."""
        due_ns, _, action = heappop(self._entries)
        self.now_ns = max(self.now_ns, due_ns)
        return action
