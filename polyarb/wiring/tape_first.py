"""A journal that makes the tape durable before a record is written."""

from polyarb.domain.messages import JournalMessage
from polyarb.ports import Journal
from polyarb.store.background import BackgroundTape


class TapeFirstJournal:
    """The port `Journal` whose every record is younger than the tape that it was decided on.

    The tape is flushed before anything is journaled, so that after any crash the recorded frames
    reach at least as far as the recorded decisions.
    """

    def __init__(self, journal: Journal, tape: BackgroundTape) -> None:
        self._journal = journal
        self._tape = tape

    def append(self, message: JournalMessage, frame: int) -> None:
        """Make the frames so far durable, then record a message."""
        self._tape.flush()
        self._journal.append(message, frame)

    def make_durable(self) -> None:
        """Make everything recorded durable."""
        self._tape.flush()
        self._journal.make_durable()

    def close(self) -> None:
        """Close the journal; the tape is closed by whoever opened it."""
        self._journal.close()
