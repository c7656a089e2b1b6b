"""`polyarb start`: one phase on one venue, from an opened workspace to a closed journal."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from polyarb.config.effective import Effective
from polyarb.config.loading import load_phase_profile, load_venue
from polyarb.config.secrets import secret_values
from polyarb.config.supervisor import find_supervisor
from polyarb.config.wallet import refuse_any_key
from polyarb.domain.errors import VenueError
from polyarb.domain.limits import Phase, RunKind
from polyarb.domain.venue import SANDBOX, TAPE
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.host.process_log import ProcessLog
from polyarb.ports import Clock
from polyarb.runner import Progress, Runner
from polyarb.store.control import FileInbox, open_inbox, read_halt
from polyarb.store.journal import open_journal
from polyarb.store.lease import Fence, take_lease
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.alerts.alerting import HeardJournal, open_alerting
from polyarb.wiring.alerts.sampling import RunSampling, samplers_of
from polyarb.wiring.backups.age import BackupAge
from polyarb.wiring.edges import Edge, TapeEdge, TapeOptions, VenueEdge
from polyarb.wiring.fencing import FencedJournal
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.go_no_go.binding import venue_name
from polyarb.wiring.latching import LatchingJournal
from polyarb.wiring.markets import MarketOrigin, venue_origin
from polyarb.wiring.observing import status_writer
from polyarb.wiring.profile_changes import note_use
from polyarb.wiring.recipe import make_recipe, new_run_id, save_recipe
from polyarb.wiring.recovery.holding import carry_over, refuse_other_venue
from polyarb.wiring.recovery.keeping import SessionKeeper
from polyarb.wiring.recovery.recovering import recover
from polyarb.wiring.session import Session
from polyarb.wiring.supervising import supervised

Kind = type[BaseException] | None


class SandboxOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which sandbox is the venue. Shape: info None is the one that serves this workspace."""

    info: Path | None = None


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `start` was asked for.

    Shape: neither tape nor sandbox is the venue itself. Units: duration in seconds of wall time.
    """

    phase: Phase
    tape: TapeOptions | None = None
    sandbox: SandboxOptions | None = None
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

    Errors: RefusedError for a live phase, which needs a GO record, for a second process, and in a
    workspace that holds runs on another venue.
    """
    effective = load_phase_profile(workspace, options.phase)
    profile = effective.profile
    if profile.run is RunKind.LIVE:
        from polyarb.wiring.go_no_go.refusal import refuse_live  # no other start needs it

        refuse_live(workspace, options.phase, _venue_of(workspace, options))
    else:
        refuse_any_key(workspace)
    with ExitStack() as stack:
        lock = acquire(workspace.lock_file, "this workspace")
        stack.callback(lock.release)
        refuse_other_venue(workspace, _venue_of(workspace, options))
        log = _open_log(workspace, stack)
        tell = _both(log.tell, watcher.tell)
        change = note_use(workspace, profile, SystemClock())
        if change is not None and change.unconfirmed:
            codes = ", ".join(change.unconfirmed)
            tell(f"{change.profile_name} was edited by hand; nobody confirmed: {codes}")
        session = _wire(workspace, options, effective, stack, tell)
        watcher.watch(session)
        log.tell(f"run {session.recipe.run_id} of {options.phase}, epoch {session.lease.epoch}")
        left_out = session.alerting.left_out
        log.tell(f"alert rules without anything to judge here: {', '.join(left_out) or 'none'}")
        progress = session.runner.run(
            session.recipe.started(SystemClock().now_ns(), session.lease.epoch),
            is_halted=session.is_halted,
        )
        beats = session.alerting.end(progress.stop_reason)
        over = f"; over with it: {', '.join(beats)}" if beats else ""
        log.tell(f"run {session.recipe.run_id} ended: {progress.stop_reason}{over}")
    return session, progress


def _open_log(workspace: Workspace, stack: ExitStack) -> ProcessLog:
    secrets = [canary.secret for canary in secret_values(workspace)]
    log = ProcessLog(workspace.log_file, secrets)
    stack.callback(log.close)
    return log


def _both(first: Callable[[str], None], second: Callable[[str], None]) -> Callable[[str], None]:
    def tell(text: str) -> None:
        first(text)
        second(text)

    return tell


def _releasing(fence: Fence, clock: Clock) -> Callable[[Kind, object, object], None]:
    """Release the lease at the end of a run that ended in order; any other end is a crash."""

    def release(kind: Kind, _fault: object, _trace: object) -> None:
        if kind is None or issubclass(kind, VenueError):
            fence.release(clock.now_ns())

    return release


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
    edge = _edge(
        workspace,
        options,
        lambda venue, origin: VenueEdge(
            workspace, profile, run_id, stack, tell, venue=venue, origin=origin
        ),
    )
    samplers = samplers_of(profile, is_recorded=edge.health() is None)
    alerting = open_alerting(workspace, profile, samplers, stack, tell)
    recipe = make_recipe(run_id, profile, edge.catalogue, edge.tapes, venue=edge.venue)
    save_recipe(workspace, recipe)
    journal = open_journal(workspace.journal_file, workspace.journal_dir)
    fence = take_lease(workspace.lease_file, clock.now_ns())
    stack.push(_releasing(fence, clock))
    fenced = FencedJournal(journal, fence)
    stack.callback(fenced.close)
    folding = FoldingJournal(edge.around_journal(fenced))
    engine = Engine(edge.catalogue, profile, recipe.config_digest)
    gateway = ShadowGateway(
        engine, profile.shadow, edge.catalogue, gas_per_plan=profile.sizing.gas_per_plan
    )
    runner = Runner(
        engine=engine,
        feed=edge.feed,
        gateway=edge.around_gateway(gateway),
        journal=HeardJournal(LatchingJournal(folding, workspace.halt_file, clock.now_ns), alerting),
        inbox=edge.around_inbox(_inbox(workspace)),
        clock=clock,
    )
    edge.attend(runner)
    recovered = recover(workspace, tell)
    carry_over(recovered.past, edge.venue, runner, folding)
    if options.duration_s is not None:
        runner.duration_ns = int(options.duration_s * 1e9)
    session = Session(
        recipe=recipe,
        runner=runner,
        engine=engine,
        journal=journal,
        lease=fence.lease,
        folding=folding,
        edge=edge,
        alerting=alerting,
        is_halted=read_halt(workspace.halt_file) is not None,
        overrides=effective.overrides,
    )
    _attend(workspace, session, clock, tell)
    return session


def _venue_of(workspace: Workspace, options: StartOptions) -> str:
    """Name the venue that is asked for, before anybody asks it anything."""
    if options.tape is not None:
        return TAPE
    return SANDBOX if options.sandbox is not None else venue_name(load_venue(workspace))


def _edge(
    workspace: Workspace, options: StartOptions, open_live: Callable[[str, MarketOrigin], Edge]
) -> Edge:
    """Choose where market data comes from, and open it."""
    if options.tape is not None:
        return TapeEdge(workspace, options.tape)
    if options.sandbox is not None:
        from polyarb.wiring.sandbox.origin import sandbox_origin  # no other start needs it

        return open_live(SANDBOX, sandbox_origin(workspace, options.sandbox.info))
    origin = venue_origin(workspace)
    return open_live(venue_name(origin.settings), origin)


def _attend(
    workspace: Workspace, session: Session, clock: Clock, tell: Callable[[str], None]
) -> None:
    """Let everybody look on who acts on a run, tells of it or keeps it."""
    alerting, runner = session.alerting, session.runner
    backup_age = BackupAge(workspace, clock)
    alerting.begin(RunSampling(workspace, session, alerting.figures, backup_age.seconds), runner)
    runner.observers += [
        status_writer(workspace, session),
        alerting.observe,
        supervised(session, find_supervisor(), clock),
        SessionKeeper(workspace, session, clock, tell).observe,
    ]


def _inbox(workspace: Workspace) -> FileInbox:
    return open_inbox(workspace.inbox_dir, workspace.journal_file, workspace.journal_dir)
