"""What the runner needs of the world, as Protocols that adapters satisfy structurally."""

from collections.abc import Iterator, Sequence, Set
from typing import Protocol

import msgspec

from polyarb.domain.book import Depth
from polyarb.domain.ids import ConditionId
from polyarb.domain.market import Market
from polyarb.domain.messages import (
    Command,
    GatewayEvent,
    JournalMessage,
    MarketEvent,
    OperatorOrder,
)
from polyarb.domain.surroundings import ClockJudged
from polyarb.domain.venue import VenueMode

FAR_FUTURE_NS = 2**63 - 1
"""A deadline that never comes."""


class Frame(msgspec.Struct, gc=False):
    """What one frame of a feed said: its events (none if it was unusable) and when it came."""

    receive_time_ns: int
    events: Sequence[MarketEvent]


class FeedStatistics(msgspec.Struct):
    """Counters of a feed since its start: messages = sum of by_type + sum of rejected.

    Shape: rejected is reason to count, noted is what was odd and yet used to count.
    """

    frames: int = 0
    messages: int = 0
    by_type: dict[str, int] = {}
    rejected: dict[str, int] = {}
    noted: dict[str, int] = {}
    unknown_tokens: int = 0


class Feed(Protocol):
    """A source of market data, in arrival order."""

    @property
    def statistics(self) -> FeedStatistics:
        """Return the counts up to now."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Yield every frame; paced by the adapter, ended by the end of the source."""
        ...


class Books(Protocol):
    """A read-only look at the engine's books, for adapters that simulate against them."""

    def depth(self, condition_id: ConditionId) -> Depth | None:
        """Return the levels of a book that may be decided on, or None."""
        ...

    def market(self, condition_id: ConditionId) -> Market | None:
        """Return a market as it is known now, or None where nothing is known since the start."""
        ...

    @property
    def venue_mode(self) -> VenueMode:
        """What the venue accepts at present."""
        ...


class Gateway(Protocol):
    """Where commands go; answers come back as events at their own time."""

    def dispatch(self, command: Command) -> None:
        """Take one command; never blocks on the answer."""
        ...

    @property
    def deadline_ns(self) -> int:
        """When the next answer is due in receive time; FAR_FUTURE_NS when none is."""
        ...

    def due(self, now_ns: int) -> Sequence[GatewayEvent]:
        """Return the answers that are due by now, oldest first.

        The runner asks before it applies a market event that is later than a deadline.
        """
        ...

    @property
    def watched(self) -> Set[ConditionId]:
        """The markets whose events it wants to observe; a live set, empty where there are none."""
        ...

    def observe(self, event: MarketEvent) -> None:
        """Take an event of a watched market, after the engine's books took it."""
        ...


class Journal(Protocol):
    """The append-only record of everything but market data."""

    def append(self, message: JournalMessage, frame: int) -> None:
        """Record one message at its place: after so many frames of the run's feed."""
        ...

    def make_durable(self) -> None:
        """Return only when everything appended survives a power cut."""
        ...

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        ...


class Inbox(Protocol):
    """What a running process is told beside its feed: an operator's orders, its clock's health."""

    def take(self, now_ns: int) -> Sequence[OperatorOrder | ClockJudged]:
        """Return what arrived since the last call, as events of this moment."""
        ...


class Clock(Protocol):
    """Wall and monotonic time."""

    def now_ns(self) -> int:
        """Return unix nanoseconds."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never step back."""
        ...


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is told at once. The id is the same however often it is sent.

    Shape: body is JSON for machines; title and text are for people; is_urgent wakes somebody.
    """

    notice_id: str
    title: str
    text: str
    body: bytes
    is_urgent: bool


class Notifier(Protocol):
    """A channel that people or machines are told through."""

    @property
    def name(self) -> str:
        """Return its name in records and messages."""
        ...

    def send(self, notice: Notice) -> None:
        """Return only when the channel took it, within the channel's own deadline.

        Errors: DeliveryError, without anything secret in it.
        """
        ...
