"""The real clock."""

import time


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now_ns(self) -> int:
        """Return unix nanoseconds."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never step back."""
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
