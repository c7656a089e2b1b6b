"""What a report reads: records of the journal, and what a check of its chain found."""

from typing import Protocol

import msgspec

from polyarb.domain.messages import JournalMessage


class Record(Protocol):
    """One record of the journal, as a store yields it."""

    @property
    def sequence(self) -> int:
        """The place in the journal, from 1, without gaps."""
        ...

    @property
    def frame(self) -> int:
        """How much of the run's feed had been handled."""
        ...

    @property
    def time_ns(self) -> int:
        """The message's time, in unix nanoseconds."""
        ...

    @property
    def message(self) -> JournalMessage:
        """What was recorded."""
        ...


class ChainCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the journal's hash chain found.

    breaks tells every place where the chain does not hold, torn an unfinished last line; both are
    empty when there is none. is_verified False is a chain that nobody checked.
    """

    is_verified: bool = False
    breaks: tuple[str, ...] = ()
    torn: str = ""
