"""How old the newest verified backup is, looked up now and then."""

from polyarb.ports import Clock
from polyarb.store.backup.register import backup_records, last_words
from polyarb.store.workspace import Workspace

LOOK_NS = 60 * 10**9
_NS = 1_000_000_000


class BackupAge:
    """Knows the age of a workspace's newest verified backup, within a minute."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace = workspace
        self._clock = clock
        self._due_ns = 0
        self._verified_ns = 0

    def seconds(self) -> float | None:
        """Return the age; None where no backup was ever verified."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + LOOK_NS
            words = last_words(backup_records(self._workspace).read())
            self._verified_ns = max((one.verified_ns for one in words.values()), default=0)
        if not self._verified_ns:
            return None
        return max(0, self._clock.now_ns() - self._verified_ns) / _NS
