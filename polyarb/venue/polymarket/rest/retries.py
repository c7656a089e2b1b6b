"""What keeps retries from becoming a storm: a budget of them, and a breaker for an outage.

Times are monotonic nanoseconds that the caller gives. No clock, no I/O.
"""

RETRY_SHARE_PERCENT = 10
RETRY_RESERVE = 10
FAILURES_MAX = 8
COOL_DOWN_MS = 5_000
COOL_DOWN_MS_MAX = 60_000
_NS_PER_MS = 1_000_000


class RetryBudget:
    """Allows as many retries as a share of the requests, and a small reserve at the start.

    However long the venue is down: retries <= reserve + share x requests.
    """

    def __init__(
        self, *, reserve: int = RETRY_RESERVE, share_percent: int = RETRY_SHARE_PERCENT
    ) -> None:
        self._most = 100 * reserve
        self._share = share_percent
        self._hundredths = self._most

    @property
    def left(self) -> int:
        """Return how many retries may be made at once."""
        return self._hundredths // 100

    def earn(self) -> None:
        """Count one request, which earns its share of a retry."""
        self._hundredths = min(self._most, self._hundredths + self._share)

    def spend(self) -> bool:
        """Take one retry if there is one."""
        if self._hundredths < 100:
            return False
        self._hundredths -= 100
        return True


class Breaker:
    """Stops asking a host that fails again and again; after a pause one request tries it.

    The one that tries may be lost or cancelled: then the pause begins anew by itself.
    """

    def __init__(
        self, *, failures_max: int = FAILURES_MAX, cool_down_ms: int = COOL_DOWN_MS
    ) -> None:
        self._failures_max = failures_max
        self._first_ms = cool_down_ms
        self._cool_down_ms = cool_down_ms
        self._closed_until_ns = 0
        self.failures = 0
        self.reason = ""

    @property
    def is_open(self) -> bool:
        """Tell whether the host counts as down."""
        return self.failures >= self._failures_max

    def wait_ms(self, now_ns: int) -> int:
        """Return 0 if the host may be asked now, else how long it is left alone.

        Who gets 0 of a host that is down is the one that tries it.
        """
        if not self.is_open:
            return 0
        if now_ns < self._closed_until_ns:
            return -(-(self._closed_until_ns - now_ns) // _NS_PER_MS)
        self._closed_until_ns = now_ns + self._cool_down_ms * _NS_PER_MS
        return 0

    def failed(self, reason: str, now_ns: int) -> bool:
        """Count a failure; return whether the host has just come to count as down."""
        was_open = self.is_open
        self.failures += 1
        self.reason = reason
        if not self.is_open:
            return False
        if was_open:
            self._cool_down_ms = min(2 * self._cool_down_ms, COOL_DOWN_MS_MAX)
        self._closed_until_ns = now_ns + self._cool_down_ms * _NS_PER_MS
        return not was_open

    def answered(self) -> None:
        """Take note that the host is itself again."""
        self.failures = 0
        self.reason = ""
        self._cool_down_ms = self._first_ms
