"""`polyarb start`: one phase on one venue, from an opened workspace to a closed journal."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from polyarb.config.effective import Effective
from polyarb.config.loading import load_phase_profile, load_relations
from polyarb.domain.errors import RefusedError
from polyarb.domain.limits import Phase, RunKind
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.runner import Progress, Runner
from polyarb.store.control import open_inbox, read_halt
from polyarb.store.journal import open_journal
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.observing import status_writer
from polyarb.wiring.recipe import make_recipe, save_recipe
from polyarb.wiring.session import Session
from polyarb.wiring.tapes import catalogue_of, check_tapes, open_feed


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `start` was asked for.

    Units: speed in times real time (None: as fast as possible), duration in seconds of wall time.
    """

    phase: Phase
    tapes: tuple[Path, ...]
    sidecars: tuple[Path, ...] = ()
    speed: float | None = None
    duration_s: float | None = None


def start(
    workspace: Workspace, options: StartOptions, watch: Callable[[Session], None]
) -> tuple[Session, Progress]:
    """Run a phase to its end; watch is called with the session before its first event.

    Errors: RefusedError for a live phase, which needs a GO record, and for a second process.
    """
    effective = load_phase_profile(workspace, options.phase)
    profile = effective.profile
    if profile.run is RunKind.LIVE:
        raise RefusedError(
            f"{options.phase} trades with money: expected a GO record for the running code and "
            "configuration, found none; this version trades in the shadow phase only"
        )
    with ExitStack() as stack:
        lock = acquire(workspace.lock_file, "this workspace")
        stack.callback(lock.release)
        session = _wire(workspace, options, effective, stack)
        session.runner.observers.append(status_writer(workspace, session))
        watch(session)
        progress = session.runner.run(
            session.recipe.started(SystemClock().now_ns()), is_halted=session.is_halted
        )
    return session, progress


def _wire(
    workspace: Workspace, options: StartOptions, effective: Effective, stack: ExitStack
) -> Session:
    """Build the parts of a run and let each go in the right order when the run is over."""
    profile, tapes = effective.profile, check_tapes(options.tapes)
    clock = SystemClock()
    catalogue = catalogue_of(tapes, options.sidecars, load_relations(workspace))
    recipe = make_recipe(profile, catalogue, tapes, clock.now_ns())
    save_recipe(workspace, recipe)
    journal = open_journal(workspace.journal_file, workspace.journal_dir)
    stack.callback(journal.close)
    folding = FoldingJournal(journal)
    engine = Engine(catalogue, profile, recipe.config_digest)

    def pause(seconds: float) -> None:
        clock.sleep(seconds)
        if not runner.poll():
            feed.stop()

    feed, reading = open_feed(tapes, catalogue, speed=options.speed, pause=pause)
    runner = Runner(
        engine=engine,
        feed=feed,
        gateway=ShadowGateway(
            engine, profile.shadow, catalogue, gas_per_plan=profile.sizing.gas_per_plan
        ),
        journal=folding,
        inbox=open_inbox(workspace.inbox_dir, workspace.journal_file, workspace.journal_dir),
        clock=clock,
    )
    if options.duration_s is not None:
        runner.duration_ns = int(options.duration_s * 1e9)
    return Session(
        recipe=recipe,
        runner=runner,
        engine=engine,
        journal=journal,
        folding=folding,
        reading=reading,
        is_halted=read_halt(workspace.halt_file) is not None,
        overrides=effective.overrides,
    )
