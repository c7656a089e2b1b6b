"""Whether the wall clock was set or the machine slept: wall time against time that never steps."""

from enum import StrEnum

import msgspec

STEP_NS_MIN = 50_000_000
"""Less than this is no step: two clocks are never read in the same instant."""


class Instant(msgspec.Struct, frozen=True, kw_only=True):
    """Three clocks read together, and how long that took. Units: ns.

    Shape: boot goes on while the machine sleeps, monotonic does not; where a system has no such
    clock, boot is monotonic.
    """

    wall_ns: int
    monotonic_ns: int
    boot_ns: int
    width_ns: int = 0


class StepKind(StrEnum):
    """Why wall time did not go along with monotonic time."""

    SET = "the wall clock was set"
    SLEPT = "the machine slept"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One divergence between two looks; size is what wall time leapt by."""

    kind: StepKind
    size_ns: int
    noticed_ns: int


class StepWatch:
    """Compares every look with the one before."""

    def __init__(self, first: Instant, *, step_ns_min: int = STEP_NS_MIN) -> None:
        self._last = first
        self._step_ns_min = step_ns_min

    def look(self, now: Instant) -> Step | None:
        """Return the step since the last look, if there was one."""
        last, self._last = self._last, now
        elapsed_ns = now.monotonic_ns - last.monotonic_ns
        leapt_ns = now.wall_ns - last.wall_ns - elapsed_ns
        slept_ns = now.boot_ns - last.boot_ns - elapsed_ns
        limit_ns = self._step_ns_min + now.width_ns + last.width_ns
        if abs(leapt_ns - slept_ns) > limit_ns:
            return Step(kind=StepKind.SET, size_ns=leapt_ns - slept_ns, noticed_ns=now.wall_ns)
        if slept_ns > limit_ns:
            return Step(kind=StepKind.SLEPT, size_ns=slept_ns, noticed_ns=now.wall_ns)
        return None
