"""`polyarb census`: tapes through the engine at full speed, leaving nothing behind."""

from collections.abc import Sequence
from pathlib import Path

from polyarb.domain.ids import RelationId
from polyarb.domain.limits import Profile
from polyarb.domain.market import Relation
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.runner import Runner
from polyarb.store.memory import EmptyInbox, MemoryJournal, MemoryRecord
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.recipe import make_recipe, new_run_id
from polyarb.wiring.tapes import catalogue_of, check_tapes, open_feed


def census_records(
    profile: Profile,
    relations: dict[RelationId, Relation],
    tapes: Sequence[Path],
    sidecars: Sequence[Path] = (),
) -> list[MemoryRecord]:
    """Run every tape as a run of its own and return what their journals would hold.

    Errors: UsageError for a missing tape; the faults of tapes and sidecars.
    """
    records: list[MemoryRecord] = []
    for tape in check_tapes(tapes):
        records += _run(profile, relations, tape, sidecars)
    return records


def _run(
    profile: Profile, relations: dict[RelationId, Relation], tape: Path, sidecars: Sequence[Path]
) -> list[MemoryRecord]:
    clock, journal = SystemClock(), MemoryJournal()
    catalogue = catalogue_of([tape], sidecars, relations)
    run_id = new_run_id(profile, clock.now_ns())
    recipe = make_recipe(run_id, profile, catalogue, [tape])
    engine = Engine(catalogue, profile, recipe.config_digest)
    feed, _reading = open_feed([tape], catalogue, speed=None)
    runner = Runner(
        engine=engine,
        feed=feed,
        gateway=ShadowGateway(
            engine, profile.shadow, catalogue, gas_per_plan=profile.sizing.gas_per_plan
        ),
        journal=journal,
        inbox=EmptyInbox(),
        clock=clock,
    )
    runner.run(recipe.started(clock.now_ns()), is_halted=False)
    return journal.records
