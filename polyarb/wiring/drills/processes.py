"""The drills `halt` and `kill`: what becomes of a running process, proven on a real one."""

import time

from polyarb.domain.messages import OperatorHalted, TradingStateChanged
from polyarb.domain.order import TradingState
from polyarb.store import control
from polyarb.store.reading import read_journal
from polyarb.store.verification import verify_journal
from polyarb.wiring.drills.room import DrillRoom, check, launched, run_to_end
from polyarb.wiring.replay import verify_runs

HALT_S_MAX = 1.0
_TAPE = "tape_hockey.jsonl.gz"
_MESSAGES_BEFORE = 20


def drill_halt(room: DrillRoom) -> None:
    """Halt a running process and start it again. Errors: UnprovenError."""
    with launched(room, *start_words(room, speed="5")) as process:
        room.wait_until(
            lambda: is_in_state(room, process.pid, TradingState.ACTIVE), "an active process"
        )
        asked_ns = time.time_ns()
        order = control.Halt(actor="drill", reason="drill", time_ns=asked_ns)
        control.halt(room.workspace.halt_file, room.workspace.inbox_dir, order)
        took_s = room.wait_until(lambda: _is_halted_by_order(room), "a halt in the journal")
        check(took_s <= HALT_S_MAX, f"the halt within {HALT_S_MAX:g} s", f"{took_s:.2f} s")
        room.note(f"the halt was in the journal {took_s * 1000:.0f} ms after it was ordered")
    records = _sequence(room)
    with launched(room, *start_words(room, speed="5")) as again:
        room.wait_until(lambda: _messages(room, again.pid) > _MESSAGES_BEFORE, "a second process")
        status = room.status(again)
        check(
            status is not None and status.state is TradingState.HALTED,
            "the second process to be halted",
            "nothing" if status is None else status.state,
        )
    became = {
        record.message.current
        for record in read_journal(
            room.workspace.journal_file, room.workspace.journal_dir, after=records
        )
        if isinstance(record.message, TradingStateChanged)
    }
    check(TradingState.ACTIVE not in became, "never active again", ", ".join(sorted(became)))
    latch = control.read_halt(room.workspace.halt_file)
    check(latch is not None and latch.actor == "drill", "the operator's latch to hold", latch)
    room.note("started again, the process stayed halted by the operator's latch")


def drill_kill(room: DrillRoom) -> None:
    """Kill a process in the middle of a run, start again, verify. Errors: UnprovenError."""
    with launched(room, *start_words(room, speed="20")) as process:
        room.wait_until(
            lambda: is_in_state(room, process.pid, TradingState.ACTIVE), "an active process"
        )
        process.kill()
        process.communicate()
    before = _sequence(room)
    check(before > 0, "records of the killed run", before)
    room.note(f"killed at record {before}")
    run_to_end(room, *start_words(room, speed="max"))
    report = verify_journal(room.workspace.journal_file, room.workspace.journal_dir)
    check(report.is_whole, "a whole journal", f"{len(report.breaks)} breaks")
    check(report.records > before, f"more than {before} records", report.records)
    room.note(f"started again; the journal is whole, {report.records} records")
    verified = list(verify_runs(room.workspace, None))
    check(len(verified) == 2, "two runs in the journal", len(verified))
    for run in verified:
        comparison = run.comparison
        check(comparison is not None, "a replay", run.reason)
        assert comparison is not None
        check(comparison.difference is None, "the same decisions", comparison.difference)
    room.note("both runs were made again, every decision byte for byte")


def start_words(room: DrillRoom, *, speed: str) -> tuple[str, ...]:
    """Say how the shipped tape is played in the shadow phase."""
    tape = str(room.workspace.samples_dir / _TAPE)
    return ("start", "--phase", "shadow", "--tape", tape, "--speed", speed)


def is_in_state(room: DrillRoom, pid: int, state: TradingState) -> bool:
    """Tell whether a process says that its trading is in a state."""
    status = room.status()
    return status is not None and status.pid == pid and status.state is state


def _messages(room: DrillRoom, pid: int) -> int:
    status = room.status()
    return status.messages if status is not None and status.pid == pid else 0


def _sequence(room: DrillRoom) -> int:
    records = read_journal(room.workspace.journal_file, room.workspace.journal_dir)
    return max((record.sequence for record in records), default=0)


def _is_halted_by_order(room: DrillRoom) -> bool:
    ordered = False
    for record in read_journal(room.workspace.journal_file, room.workspace.journal_dir):
        message = record.message
        if isinstance(message, OperatorHalted):
            ordered = True
        elif isinstance(message, TradingStateChanged) and ordered:
            return message.current is TradingState.HALTED
    return False
