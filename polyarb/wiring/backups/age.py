"""How old the newest verified backup is, looked up now and then by a trader that must not stop."""

import math

from polyarb.domain.errors import PolyarbError
from polyarb.ports import Clock
from polyarb.store.workspace import Workspace
from polyarb.wiring.backups.listing import newest_verified

LOOK_NS = 60 * 10**9
_NS = 1_000_000_000


class BackupAge:
    """Knows the age of a workspace's newest verified backup, within a minute."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace = workspace
        self._clock = clock
        self._due_ns = 0
        self._created_ns: float | None = None

    def seconds(self) -> float | None:
        """Return the age; None without a verified backup, not a number where it cannot be told."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + LOOK_NS
            self._created_ns = self._look()
        if self._created_ns is None:
            return None
        return (self._clock.now_ns() - self._created_ns) / _NS

    def _look(self) -> float | None:
        """Return when it was made in unix nanoseconds; a damaged record stops no trader."""
        try:
            found = newest_verified(self._workspace)
        except PolyarbError:
            return math.nan
        return None if found is None else found.created_ns
