"""The one place where tests turn events into a feed, and what they watch a run with."""

from collections.abc import Callable, Iterator, Sequence

from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import (
    Command,
    Event,
    GatewayEvent,
    JournalMessage,
    MarketEvent,
)
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.ports import FeedStatistics, Frame, Gateway, Inbox
from polyarb.research.replay import Replay
from polyarb.runner import Runner
from polyarb.store.memory import EmptyInbox, MemoryJournal, MemoryRecord
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.scenario import ScriptedFeed, ScriptedInbox, Told

from tests.worlds import started

__all__ = ["BareFeed", "Drive", "ScriptedFeed", "ScriptedInbox", "market_events", "replayed"]


class BareFeed:
    """The port `Feed` that yields (time, events) as they are, unusable frames included."""

    def __init__(self, frames: Sequence[tuple[int, Sequence[MarketEvent]]]) -> None:
        self.statistics = FeedStatistics()
        self._frames = frames

    def frames(self) -> Iterator[Frame]:
        """Yield every frame."""
        for time_ns, events in self._frames:
            self.statistics.frames += 1
            yield Frame(time_ns, events)


def market_events(events: Sequence[Event]) -> list[MarketEvent]:
    """Leave out what is told beside the feed."""
    return [
        event  # type: ignore[misc]
        for event in events
        if not isinstance(event, Told)
    ]


class Drive:
    """A run of the real runner over scripted events with the shadow gateway."""

    def __init__(
        self,
        catalogue: Catalogue,
        profile: Profile,
        events: Sequence[Event],
        *,
        gateway: Callable[[Engine], Gateway] | None = None,
        journal: MemoryJournal | None = None,
        inbox: Inbox | None = None,
        engine: type[Engine] = Engine,
    ) -> None:
        self.catalogue = catalogue
        self.profile = profile
        self.events = list(events)
        self.journal = journal if journal is not None else MemoryJournal()
        self.engine = engine(catalogue, profile, "digest")
        shadow = ShadowGateway(
            self.engine, profile.shadow, catalogue, gas_per_plan=profile.sizing.gas_per_plan
        )
        self.gateway = shadow if gateway is None else gateway(self.engine)
        orders = ScriptedInbox(self.events)
        self.runner = Runner(
            engine=self.engine,
            feed=ScriptedFeed(self.events),
            gateway=self.gateway,
            journal=self.journal,
            inbox=orders if inbox is None else inbox,
            clock=SystemClock(),
        )
        self.runner.poll_every = 1

    def run(self, *, is_halted: bool = False) -> list[JournalMessage]:
        """Run to the end and return what was journaled."""
        self.runner.run(started(), is_halted=is_halted)
        return [record.message for record in self.journal.records]


class DeafGateway:
    """The port `Gateway` that keeps commands and answers with what it was given."""

    def __init__(self, answers: Sequence[GatewayEvent] = ()) -> None:
        self.commands: list[Command] = []
        self.answers = sorted(answers, key=lambda answer: answer.receive_time_ns)
        self.watched: set[str] = set()
        self.observed: list[MarketEvent] = []

    def dispatch(self, command: Command) -> None:
        """Keep a command."""
        self.commands.append(command)

    @property
    def deadline_ns(self) -> int:
        """Say when the next answer is due."""
        return self.answers[0].receive_time_ns if self.answers else 2**63 - 1

    def due(self, now_ns: int) -> Sequence[GatewayEvent]:
        """Return what is due."""
        due = [answer for answer in self.answers if answer.receive_time_ns <= now_ns]
        self.answers = self.answers[len(due) :]
        return due

    def observe(self, event: MarketEvent) -> None:
        """Keep an event."""
        self.observed.append(event)


def quiet_inbox() -> EmptyInbox:
    """Make an inbox in which nothing ever lies."""
    return EmptyInbox()


def replayed(
    catalogue: Catalogue,
    profile: Profile,
    events: Sequence[Event],
    records: Sequence[MemoryRecord],
) -> Replay:
    """Replay a record over its market events."""
    replay = Replay(Engine(catalogue, profile, "digest"), records)
    replay.run(ScriptedFeed(list(events)).frames())
    return replay
