"""The drill `watchdog`: a trader that stands still is noticed and stopped from outside."""

import signal
import time

from polyarb.domain.order import TradingState
from polyarb.store.control import read_halt
from polyarb.wiring.drills.processes import is_in_state, start_words
from polyarb.wiring.drills.room import DrillRoom, check, launched

_ACTOR = "watch"


def drill_watchdog(room: DrillRoom) -> None:
    """Let a running process stand still beside a watch. Errors: UnprovenError."""
    with (
        launched(room, *start_words(room, speed="1")) as process,
        launched(room, "watch") as watch,
    ):
        room.wait_until(
            lambda: is_in_state(room, process.pid, TradingState.ACTIVE), "an active process"
        )
        room.wait_until(room.workspace.watch_file.exists, "a watch that looks")
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        room.note("the process was stopped where it stood; it still holds the workspace")
        room.wait_until(lambda: process.poll() is not None, "the process to be ended")
        took_s = time.monotonic() - began
        check(process.returncode == -signal.SIGKILL, "an end by force", process.returncode)
        check(watch.poll() is None, "a watch that goes on", watch.returncode)
    latch = read_halt(room.workspace.halt_file)
    check(latch is not None and latch.actor == _ACTOR, "a halt latched by the watch", latch)
    room.note(
        f"it was halted and ended from outside {took_s:.1f} s later: {latch and latch.reason}"
    )
