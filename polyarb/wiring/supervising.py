"""An observer that tells the supervisor of progress: only from the trading loop, never by timer.

What counts as progress: the loop turns, data or idle time arrives, and the journal was written.
"""

from collections.abc import Callable

from polyarb.domain.order import TradingState
from polyarb.host.supervision import Supervisor
from polyarb.ports import Clock
from polyarb.runner import Runner
from polyarb.wiring.session import Session

STATUS_NS = 1_000_000_000
"""Wall time between two words to the supervisor where it set no shorter one."""


def supervised(session: Session, supervisor: Supervisor, clock: Clock) -> Callable[[Runner], None]:
    """Make an observer that says READY once reconciled, then speaks at half the watchdog's time."""
    every_ns = min(STATUS_NS, supervisor.watchdog_ns // 2 or STATUS_NS)
    is_ready, due_ns = False, 0

    def tell(runner: Runner) -> None:
        nonlocal is_ready, due_ns
        if runner.progress.stop_reason:
            supervisor.stopping(runner.progress.stop_reason)
            return
        if not is_ready and _is_reconciled(session):
            is_ready = True
            supervisor.ready()
        now_ns = clock.monotonic_ns()
        if now_ns >= due_ns:
            due_ns = now_ns + every_ns
            supervisor.alive(_told(session, runner))

    return tell


def _is_reconciled(session: Session) -> bool:
    """Tell whether the start is over: books are opened, or a latched halt lets it only watch."""
    return session.is_halted or session.engine.state.trading is TradingState.ACTIVE


def _told(session: Session, runner: Runner) -> str:
    return (
        f"{session.recipe.profile.name} {session.engine.state.trading}, "
        f"{runner.progress.frames:,} frames, journal {session.journal.durable_head.sequence:,}"
    )
