"""How fast two clocks run apart, from one-way delays of a stream. Pure.

A message is never early: its delay is the fixed offset of the clocks, the shortest way and some
waiting. The line below all delays shows the drift; the offset cannot be told from the way.
"""

from collections import deque

SLOT_NS = 5_000_000_000
SLOTS_MAX = 120
SPAN_NS_MIN = 60_000_000_000
"""Below a minute of stream nothing is said."""
_MINUTE_NS = 60_000_000_000


class EnvelopeDrift:
    """Keeps the shortest delay of every slot of the last ten minutes. Units: ns."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int]] = deque(maxlen=SLOTS_MAX)
        self._slot_ends_ns = 0
        self._receive_ns = 0
        self._delay_ns = 0

    def observe(self, venue_time_ns: int, receive_time_ns: int) -> None:
        """Take the times of one message; in the order of receipt."""
        delay_ns = receive_time_ns - venue_time_ns
        if receive_time_ns >= self._slot_ends_ns:
            self._turn(receive_time_ns)
        elif delay_ns >= self._delay_ns:
            return
        elif receive_time_ns < self._slot_ends_ns - SLOT_NS:
            # Our clock went back before the slot began: what was gathered is of another time.
            self.restart()
            self._turn(receive_time_ns)
        self._receive_ns, self._delay_ns = receive_time_ns, delay_ns

    def restart(self) -> None:
        """Forget everything, for one of the clocks was set."""
        self._slots.clear()
        self._slot_ends_ns = 0

    def ns_per_minute(self) -> int | None:
        """Return how much our clock gains on the venue's in a minute; None when too little came."""
        points = [*self._slots, (self._receive_ns, self._delay_ns)] if self._slots else []
        if not points or points[-1][0] - points[0][0] < SPAN_NS_MIN:
            return None
        (begin_ns, early_ns), (end_ns, late_ns) = middle_edge(points)
        return (late_ns - early_ns) * _MINUTE_NS // (end_ns - begin_ns)

    def _turn(self, receive_time_ns: int) -> None:
        if self._slot_ends_ns:
            self._slots.append((self._receive_ns, self._delay_ns))
        self._slot_ends_ns = receive_time_ns + SLOT_NS


def middle_edge(points: list[tuple[int, int]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Find the edge of the lower hull over the mean of the abscissas.

    Of all lines that lie below every point it is the one nearest to them all.
    Shape: points by rising abscissa, no two alike, at least two.
    Source: Moon, Skelly, Towsley, "Estimation and removal of clock skew from network delay
    measurements", INFOCOM 1999.
    """
    hull: list[tuple[int, int]] = []
    for point in points:
        while len(hull) > 1 and _is_above(hull[-1], hull[-2], point):
            hull.pop()
        hull.append(point)
    total, n = sum(abscissa for abscissa, _ in points), len(points)
    right = next(index for index in range(1, len(hull)) if hull[index][0] * n >= total)
    return hull[right - 1], hull[right]


def _is_above(point: tuple[int, int], left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Tell whether a point lies on or above the line through two others around it."""
    run, rise = right[0] - left[0], right[1] - left[1]
    return (point[1] - left[1]) * run >= (point[0] - left[0]) * rise
