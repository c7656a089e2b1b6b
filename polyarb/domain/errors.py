"""Operating faults: raised at the I/O edge, translated once, shown to the operator as one line."""


class PolyarbError(Exception):
    """A fault that is not the program's: its text says what was expected, found and to be done."""

    retryable = False


class UsageError(PolyarbError):
    """A wrong argument or configuration."""


class RefusedError(PolyarbError):
    """Something was asked for that safety forbids."""


class VenueError(PolyarbError):
    """The venue or its recording cannot be read."""


class StoreError(PolyarbError):
    """A file of the workspace cannot be read or written."""


class BrokenJournalError(StoreError):
    """The journal's hash chain does not hold."""
