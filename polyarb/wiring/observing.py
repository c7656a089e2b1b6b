"""Observers that leave something on disk: the status file of a running process."""

import os
from collections.abc import Callable

from polyarb.domain.units import format_micros
from polyarb.host.clock import SystemClock
from polyarb.ledger.pnl import total
from polyarb.runner import Runner
from polyarb.store.status import LatencyFigures, PnlColumns, SourceFigures, Status, write_status
from polyarb.store.workspace import Workspace
from polyarb.wiring.live import LiveHealth
from polyarb.wiring.session import Session

STATUS_NS = 1_000_000_000
"""Wall time between two writings of the status."""


def status_writer(workspace: Workspace, session: Session) -> Callable[[Runner], None]:
    """Make an observer that keeps data/status.json fresh."""
    clock = SystemClock()
    started_ns, due_ns = clock.now_ns(), 0

    def write(runner: Runner) -> None:
        nonlocal due_ns
        now_ns = clock.monotonic_ns()
        if now_ns < due_ns and not runner.progress.stop_reason:
            return
        due_ns = now_ns + STATUS_NS
        write_status(
            workspace.status_file,
            status_of(session, runner, started_ns=started_ns, now_ns=clock.now_ns()),
        )

    return write


def status_of(session: Session, runner: Runner, *, started_ns: int, now_ns: int) -> Status:
    """Collect a running process in figures."""
    timed = runner.stages.report()
    latency = runner.latency.percentiles()
    pnl, health = total(session.ledger.pnl), session.edge.health()
    return Status(
        pid=os.getpid(),
        run_id=session.recipe.run_id,
        phase=session.recipe.profile.phase or "",
        venue=session.recipe.venue,
        state=session.engine.state.trading,
        started_ns=started_ns,
        updated_ns=now_ns,
        journal=session.journal.head,
        frames=runner.progress.frames,
        messages=runner.feed.statistics.messages,
        opportunities=dict(session.folding.found),
        open_sets=len(session.engine.state.sets),
        pnl=PnlColumns(
            expected=_money(pnl.expected),
            matched=_money(pnl.matched),
            settled=_money(pnl.settled),
            chain=_money(pnl.chain),
        ),
        latency=LatencyFigures(
            p50_ns=latency.p50,
            p95_ns=latency.p95,
            p99_ns=latency.p99,
            received_p99_ns=timed.receive_to_decision.p99,
            bottleneck=timed.bottleneck or "",
        ),
        sources=_sources(health),
        venue_mode=session.engine.venue_mode,
        clock=None if health is None else health.clock,
    )


def _sources(health: LiveHealth | None) -> tuple[SourceFigures, ...]:
    return tuple(
        SourceFigures(
            source=one.source,
            messages=one.messages,
            markets=one.markets,
            latency_ms=one.latency_ms,
            faults=one.faults,
            isolated=one.isolated,
        )
        for one in (health.sources if health is not None else ())
    )


def _money(amount: int | None) -> str | None:
    return None if amount is None else format_micros(amount)
