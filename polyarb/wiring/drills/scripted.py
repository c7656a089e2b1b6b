"""A scenario text through the real runner onto a real journal with the halt latch."""

from polyarb.domain.limits import Profile
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.research.expectations import unmet
from polyarb.research.scenario import Scenario, with_settings
from polyarb.runner import Runner
from polyarb.store.control import read_halt
from polyarb.store.journal import open_journal
from polyarb.store.reading import read_journal
from polyarb.store.workspace import Workspace
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.latching import LatchingJournal
from polyarb.wiring.recipe import Recipe
from polyarb.wiring.scenario import ScriptedFeed, ScriptedInbox


def play(scenario: Scenario, profile: Profile, place: Workspace) -> list[str]:
    """Play a scenario in a workspace and return what it owes, nothing when it holds."""
    profile = with_settings(profile, scenario.settings)
    catalogue, clock = scenario.catalogue(), SystemClock()
    recipe = Recipe(run_id="drill", code_digest="", profile=profile, catalogue=catalogue, tapes=())
    engine = Engine(catalogue, profile, recipe.config_digest)
    journal = open_journal(place.journal_file, place.journal_dir)
    before = journal.head.sequence
    try:
        runner = Runner(
            engine=engine,
            feed=ScriptedFeed(scenario.events),
            gateway=ShadowGateway(
                engine, profile.shadow, catalogue, gas_per_plan=profile.sizing.gas_per_plan
            ),
            journal=LatchingJournal(journal, place.halt_file, clock.now_ns),
            inbox=ScriptedInbox(scenario.events),
            clock=clock,
        )
        runner.poll_every = 1
        is_halted = read_halt(place.halt_file) is not None
        runner.run(recipe.started(0), is_halted=is_halted)
    finally:
        journal.close()
    records = read_journal(place.journal_file, place.journal_dir, after=before)
    return unmet(scenario, [record.message for record in records])
