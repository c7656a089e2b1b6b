"""The observer that writes the session snapshot: once a minute, and when the run is over."""

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
        self._due_ns = clock.monotonic_ns() + SNAPSHOT_NS
        self._writing: Thread | None = None
        self._fault = ""

    def observe(self, runner: Runner) -> None:
        """Write a snapshot when one is due, or the last one.

        A snapshot that cannot be written is told once: it is missed by nobody but the next start.
        """
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._due_ns and not runner.is_over:
            return
        if runner.is_over:
            self._join()
        if self._writing is not None and self._writing.is_alive():
            return
        self._due_ns = now_ns + SNAPSHOT_NS
        # Only what a crash leaves in the journal may stand behind the snapshot's place.
        runner.journal.make_durable()
        snapshot = SessionSnapshot(
            anchor=self._session.journal.head, past=self._session.folding.past.state()
        )
        self._writing = Thread(target=self._write, args=(snapshot,), name="session", daemon=True)
        self._writing.start()
        if runner.is_over:
            self._join()
        self._report()

    def _write(self, snapshot: SessionSnapshot) -> None:
        try:
            keep_session(self._path, seal_session(snapshot))
        except StoreError as fault:
            self._fault = str(fault)

    def _join(self) -> None:
        if self._writing is not None:
            self._writing.join()

    def _report(self) -> None:
        fault, self._fault = self._fault, ""
        if fault:
            self._tell(fault)
