"""What will happen when: steps in the order of time, plan, order and kind, run as time passes."""

import heapq
from collections.abc import Callable, Sequence
from enum import IntEnum

from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import GatewayEvent
from polyarb.ports import FAR_FUTURE_NS

Action = Callable[[int], Sequence[GatewayEvent]]
"""A step: takes its own time in nanoseconds, returns the answers of that moment."""


class Kind(IntEnum):
    """What a step does; steps of one time, plan and order run in this sequence."""

    TELL = 0
    MATCH = 1
    PROBE_T1 = 2
    PROBE_T2 = 3
    UNWIND = 4


Entry = tuple[int, PlanId, OrderId, Kind, int, Action]
"""The key of a step, its number (so that no two keys are equal) and what it runs."""


class Schedule:
    """A heap of steps."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._added = 0

    @property
    def next_ns(self) -> int:
        """When the next step is due."""
        return self._entries[0][0] if self._entries else FAR_FUTURE_NS

    def add(self, time_ns: int, step: tuple[PlanId, OrderId, Kind], action: Action) -> None:
        """Plan one step."""
        self._added += 1
        heapq.heappush(self._entries, (time_ns, *step, self._added, action))

    def run(self, now_ns: int) -> list[GatewayEvent]:
        """Run every step that is due, each at its own time, and return their answers."""
        events: list[GatewayEvent] = []
        while self.next_ns <= now_ns:
            entry = heapq.heappop(self._entries)
            events += entry[-1](entry[0])
        return events

    def withdraw(self, kind: Kind, after_ns: int) -> list[tuple[PlanId, OrderId]]:
        """Drop the steps of a kind that lie after a time; tell whose they were, in their order."""
        dropped = sorted(
            entry for entry in self._entries if entry[3] is kind and entry[0] > after_ns
        )
        numbers = {entry[4] for entry in dropped}
        self._entries = [entry for entry in self._entries if entry[4] not in numbers]
        heapq.heapify(self._entries)
        return [(plan_id, order_id) for _, plan_id, order_id, _, _, _ in dropped]
