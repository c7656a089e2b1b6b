"""`polyarb start`: one phase on one venue, from an opened workspace to a closed journal."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec

from polyarb.config.effective import Effective
from polyarb.config.loading import load_phase_profile
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
from polyarb.wiring.edges import Edge, TapeEdge, TapeOptions, VenueEdge
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.holding import carry_over
from polyarb.wiring.latching import LatchingJournal
from polyarb.wiring.observing import status_writer
from polyarb.wiring.recipe import make_recipe, new_run_id, save_recipe
from polyarb.wiring.session import Session


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `start` was asked for.

    Shape: tape None is the venue itself. Units: duration in seconds of wall time.
    """

    phase: Phase
    tape: TapeOptions | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on: `tell` hears of what happens before the run, `watch` gets its session."""

    watch: Callable[[Session], None]
    tell: Callable[[str], None]


def start(
    workspace: Workspace, options: StartOptions, watcher: Watcher
) -> tuple[Session, Progress]:
    """Run a phase to its end; the watcher gets the session before its first event.

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
        session = _wire(workspace, options, effective, stack, watcher.tell)
        session.runner.observers.append(status_writer(workspace, session))
        watcher.watch(session)
        progress = session.runner.run(
            session.recipe.started(SystemClock().now_ns()), is_halted=session.is_halted
        )
    return session, progress


def _wire(
    workspace: Workspace,
    options: StartOptions,
    effective: Effective,
    stack: ExitStack,
    tell: Callable[[str], None],
) -> Session:
    """Build the parts of a run and let each go in the right order when the run is over."""
    profile, clock = effective.profile, SystemClock()
    run_id = new_run_id(profile, clock.now_ns())
    edge: Edge = (
        TapeEdge(workspace, options.tape)
        if options.tape is not None
        else VenueEdge(workspace, profile, run_id, stack, tell)
    )
    recipe = make_recipe(run_id, profile, edge.catalogue, edge.tapes)
    save_recipe(workspace, recipe)
    journal = open_journal(workspace.journal_file, workspace.journal_dir)
    stack.callback(journal.close)
    folding = FoldingJournal(edge.around_journal(journal))
    engine = Engine(edge.catalogue, profile, recipe.config_digest)
    gateway = ShadowGateway(
        engine, profile.shadow, edge.catalogue, gas_per_plan=profile.sizing.gas_per_plan
    )
    runner = Runner(
        engine=engine,
        feed=edge.feed,
        gateway=edge.around_gateway(gateway),
        journal=LatchingJournal(folding, workspace.halt_file, clock.now_ns),
        inbox=open_inbox(workspace.inbox_dir, workspace.journal_file, workspace.journal_dir),
        clock=clock,
    )
    edge.attend(runner)
    runner.held = carry_over(workspace, folding.ledger)
    if options.duration_s is not None:
        runner.duration_ns = int(options.duration_s * 1e9)
    return Session(
        recipe=recipe,
        runner=runner,
        engine=engine,
        journal=journal,
        folding=folding,
        edge=edge,
        is_halted=read_halt(workspace.halt_file) is not None,
        overrides=effective.overrides,
    )
