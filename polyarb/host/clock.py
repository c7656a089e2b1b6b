"""The real clock."""

import time

from polyarb.host.steps import Instant

_ATTEMPTS = 3


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now_ns(self) -> int:
        """Return unix nanoseconds."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never step back."""
        return time.monotonic_ns()

    def boot_ns(self) -> int:
        """Return nanoseconds since boot, sleep included; monotonic where there is no such clock."""
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)

    def instant(self) -> Instant:
        """Read all three clocks; of a few attempts the one that was interrupted least."""
        return min((self._read() for _ in range(_ATTEMPTS)), key=lambda one: one.width_ns)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def _read(self) -> Instant:
        began_ns = time.monotonic_ns()
        wall_ns, boot_ns = time.time_ns(), self.boot_ns()
        return Instant(
            wall_ns=wall_ns,
            monotonic_ns=began_ns,
            boot_ns=boot_ns,
            width_ns=time.monotonic_ns() - began_ns,
        )
