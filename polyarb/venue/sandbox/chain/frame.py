"""PURE: what runs inside a transaction: the caller, the state it may change, what it logs."""

from dataclasses import dataclass, field

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.events import Emitted, Event
from polyarb.venue.sandbox.chain.state import State


class RevertError(Exception):
    """A contract gave up; every write of its transaction is taken back.

    Shape: reason is a text as in `require`, or a custom error such as `InvalidIndexSet()`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Frame:
    """One call of one contract. sender is who called it (`msg.sender`)."""

    state: State
    sender: Address
    logs: list[Emitted] = field(default_factory=list)

    def by(self, sender: Address) -> "Frame":
        """Return the frame of an inner call that a contract makes in its own name."""
        return Frame(self.state, sender, self.logs)

    def emit(self, contract: Address, event: Event, *arguments: object) -> None:
        """Log an event; it is only encoded when somebody reads it."""
        self.logs.append((contract, event, arguments))


def need(is_so: bool, reason: str) -> None:
    """RevertError unless something is so."""
    if not is_so:
        raise RevertError(reason)
