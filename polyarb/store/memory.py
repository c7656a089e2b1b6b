"""A journal in memory, for runs that leave nothing behind and for tests of whatever writes one."""

from collections.abc import Sequence

import msgspec

from polyarb.domain.messages import JournalMessage, OperatorHalted, OperatorResumed


class MemoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a view of the journal reads of a record."""

    sequence: int
    frame: int
    time_ns: int
    message: JournalMessage


class MemoryJournal:
    """The port `Journal` without a file; durable counts what make_durable has covered."""

    def __init__(self) -> None:
        self.records: list[MemoryRecord] = []
        self.durable = 0

    def append(self, message: JournalMessage, frame: int) -> None:
        """Keep one message."""
        self.records.append(
            MemoryRecord(
                sequence=len(self.records) + 1,
                frame=frame,
                time_ns=message.receive_time_ns,
                message=message,
            )
        )

    def make_durable(self) -> None:
        """Note how far durability was asked for."""
        self.durable = len(self.records)

    def close(self) -> None:
        """Make everything durable."""
        self.make_durable()


class EmptyInbox:
    """The port `Inbox` of a run that nobody can talk to."""

    def take(self, now_ns: int) -> Sequence[OperatorHalted | OperatorResumed]:
        """Return nothing."""
        return ()
