"""How long to wait before the next attempt: exponential, with full jitter. No clock, no I/O."""

from random import Random

FIRST_MS = 250
MOST_MS = 30_000
"""The waits of the official client's streams. Source: polymarket.md 4.1."""

UNSTEADY_DOUBLINGS = 3
"""A venue that delivers and hangs up at once is waited for at most 2 s."""


class Backoff:
    """Doubles the longest wait with every attempt that led to nothing.

    A wait is drawn evenly from zero to the longest, so that many connections that were lost at
    once do not come back at once. Units: milliseconds.
    """

    def __init__(self, random: Random, *, first_ms: int = FIRST_MS, most_ms: int = MOST_MS) -> None:
        self._random = random
        self._first_ms = first_ms
        self._most_ms = most_ms
        self._longest_ms = first_ms

    def wait_ms(self, at_least_ms: float = 0) -> float:
        """Draw the next wait; the one after it may be twice as long."""
        waited = self._random.uniform(0, self._longest_ms)
        self._longest_ms = min(2 * self._longest_ms, self._most_ms)
        return max(waited, at_least_ms)

    def delivered(self, lived_ms: float) -> None:
        """Begin anew after a connection that delivered, unless it lived shorter than a wait.

        A venue that tells a snapshot and hangs up again and again is not asked ever faster, but
        fast enough for books within UNSTEADY_DOUBLINGS of the first wait.
        """
        if lived_ms >= self._longest_ms / 2:
            self._longest_ms = self._first_ms
        else:
            self._longest_ms = min(self._longest_ms, self._first_ms << UNSTEADY_DOUBLINGS)
