"""A clock that stands still until it is moved."""


class FixedClock:
    """Wall and monotonic time that only a test moves."""

    def __init__(self, now_ns: int = 1_795_000_000_000_000_000) -> None:
        self.wall_ns = now_ns
        self.elapsed_ns = 0

    def now_ns(self) -> int:
        return self.wall_ns + self.elapsed_ns

    def monotonic_ns(self) -> int:
        return self.elapsed_ns

    def move(self, nanoseconds: int) -> None:
        self.elapsed_ns += nanoseconds
