"""Operating faults: raised at the I/O edge, translated once, shown to the operator as one line."""


class PolyarbError(Exception):
    """A fault that is not the program's: its text says what was expected, found and to be done."""

    retryable = False


class UsageError(PolyarbError):
    """A wrong argument or configuration."""


class RefusedError(PolyarbError):
    """Something was asked for that safety forbids."""


class FencedError(RefusedError):
    """Another process took over the workspace; this one may write nothing more."""


class VenueError(PolyarbError):
    """The venue or its recording cannot be read."""


class StoreError(PolyarbError):
    """A file of the workspace cannot be read or written."""


class BrokenJournalError(StoreError):
    """The journal's hash chain does not hold."""


class DeliveryError(PolyarbError):
    """A channel did not take an alert; its text names no address and no secret."""

    retryable = True

    def __init__(self, text: str, *, wait_ns: int = 0) -> None:
        super().__init__(text)
        self.wait_ns = wait_ns
        """How long the channel asked to be left alone, 0 where it did not say."""
