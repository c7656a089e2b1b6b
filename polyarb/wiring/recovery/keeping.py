"""The observer that writes the session snapshot: at once, every minute, and at the run's end."""

from collections.abc import Callable
from threading import Thread

from polyarb.domain.errors import StoreError
from polyarb.ports import Clock
from polyarb.runner import Runner
from polyarb.store.session import SessionSnapshot, keep_session, seal_session
from polyarb.store.workspace import Workspace
from polyarb.wiring.session import Session

SNAPSHOT_NS = 60 * 10**9
"""Wall time between two snapshots."""


class SessionKeeper:
    """Keeps data/session.json fresh; the disk is waited for in a thread beside the decisions."""

    def __init__(
        self, workspace: Workspace, session: Session, clock: Clock, tell: Callable[[str], None]
    ) -> None:
        self._path = workspace.session_file
        self._session = session
        self._clock = clock
        self._tell = tell
        self._due_ns = clock.monotonic_ns()
        self._writing: Thread | None = None
        self._fault = ""

    def observe(self, runner: Runner) -> None:
        """Write a snapshot when one is due, and the last one before it returns.

        One that cannot be written is told: nobody misses it but the next start.
        """
        if runner.is_over:
            self.wait()
        if self._writing is None or not self._writing.is_alive():
            self._report()
            if runner.is_over or self._clock.monotonic_ns() >= self._due_ns:
                self._begin(runner)
        if runner.is_over:
            self.wait()
            self._report()

    def wait(self) -> None:
        """Return only when the snapshot in hand is written."""
        if self._writing is not None:
            self._writing.join()

    def _begin(self, runner: Runner) -> None:
        """Take the state of this moment; the journal must have it before the snapshot does."""
        self._due_ns = self._clock.monotonic_ns() + SNAPSHOT_NS
        runner.journal.make_durable()
        snapshot = SessionSnapshot(
            anchor=self._session.journal.head, past=self._session.folding.past.state()
        )
        self._writing = Thread(target=self._write, args=(snapshot,), name="session", daemon=True)
        self._writing.start()

    def _write(self, snapshot: SessionSnapshot) -> None:
        try:
            keep_session(self._path, seal_session(snapshot))
        except StoreError as fault:
            self._fault = str(fault)

    def _report(self) -> None:
        fault, self._fault = self._fault, ""
        if fault:
            self._tell(fault)
