"""A scenario text through the real runner: scripted feed, shadow gateway, journal in memory."""

from collections.abc import Iterator

from polyarb.domain.limits import Profile
from polyarb.domain.messages import Event, MarketEvent, OperatorOrder
from polyarb.domain.surroundings import ClockJudged
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.ports import FeedStatistics, Frame
from polyarb.research.expectations import unmet
from polyarb.research.scenario import Scenario, with_settings
from polyarb.runner import Runner
from polyarb.store.memory import MemoryJournal, MemoryRecord
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.recipe import Recipe

Told = OperatorOrder | ClockJudged


class ScriptedFeed:
    """The port `Feed` over events that are already there; one frame an event."""

    def __init__(self, events: list[Event]) -> None:
        self.statistics = FeedStatistics()
        self._events = events

    def frames(self) -> Iterator[Frame]:
        """Yield every event; what is told beside the feed is an empty frame at its time."""
        for event in self._events:
            self.statistics.frames += 1
            is_market = not isinstance(event, Told)
            events: list[MarketEvent] = [event] if is_market else []  # type: ignore[list-item]
            yield Frame(receive_time_ns=event.receive_time_ns, events=events)


class ScriptedInbox:
    """The port `Inbox` that hands out what is told beside the feed once its time has come."""

    def __init__(self, events: list[Event]) -> None:
        self._orders = [event for event in events if isinstance(event, Told)]

    def take(self, now_ns: int) -> list[Told]:
        """Return what is due."""
        due = [order for order in self._orders if order.receive_time_ns <= now_ns]
        self._orders = [order for order in self._orders if order.receive_time_ns > now_ns]
        return due


def run_scenario(scenario: Scenario, profile: Profile) -> tuple[list[str], list[MemoryRecord]]:
    """Run a scenario and return what it owes (nothing when it holds) and its journal."""
    profile = with_settings(profile, scenario.settings)
    catalogue = scenario.catalogue()
    recipe = Recipe(
        run_id="scenario", code_digest="", profile=profile, catalogue=catalogue, tapes=()
    )
    engine = Engine(catalogue, profile, recipe.config_digest)
    journal = MemoryJournal()
    runner = Runner(
        engine=engine,
        feed=ScriptedFeed(scenario.events),
        gateway=ShadowGateway(
            engine, profile.shadow, catalogue, gas_per_plan=profile.sizing.gas_per_plan
        ),
        journal=journal,
        inbox=ScriptedInbox(scenario.events),
        clock=SystemClock(),
    )
    runner.poll_every = 1
    runner.run(recipe.started(0), is_halted=False)
    return unmet(scenario, [record.message for record in journal.records]), journal.records
