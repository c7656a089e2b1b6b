"""A journal that lets go once another process took over the workspace."""

from polyarb.domain.errors import FencedError
from polyarb.domain.messages import JournalMessage
from polyarb.store.journal import FileJournal
from polyarb.store.lease import Fence


class FencedJournal:
    """The port `Journal` of a holder: it records nothing and lets no command go once fenced."""

    def __init__(self, journal: FileJournal, fence: Fence) -> None:
        self._journal = journal
        self._fence = fence

    def append(self, message: JournalMessage, frame: int) -> None:
        """Record a message. Errors: FencedError."""
        self._fence.check()
        self._journal.append(message, frame)

    def make_durable(self) -> None:
        """Make everything recorded durable; what rests on it may go only if this returns.

        Errors: FencedError, also when another took over during the write.
        """
        self._fence.check()
        self._journal.make_durable()
        self._fence.check()

    def close(self) -> None:
        """Close the journal; once fenced, without writing what still waits."""
        try:
            self._fence.check()
        except FencedError:
            self._journal.let_go()
        else:
            self._journal.close()
