"""`polyarb watch` looks from outside: what it finds, what it does, whom it leaves alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from polyarb.alerts.engine import AlertEngine
from polyarb.alerts.rules import PhaseFigures
from polyarb.config.alerts import read_alerts
from polyarb.config.document import parse_document
from polyarb.config.nodes import Layer, Origin
from polyarb.domain.limits import Phase
from polyarb.domain.order import TradingState
from polyarb.host.supervision import Supervisor
from polyarb.store.control import read_halt
from polyarb.store.lease import take_lease
from polyarb.store.locks import FileLock, acquire
from polyarb.store.status import Status, write_status
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.watching import START_MS, Watch, end_process, look_at, watch

S = 1_000_000_000
RULES = """
phases:
  shadow: {capital_usd: 10, drawdown_percent: 3, balance_percent_min: 50}
  micro_live: {capital_usd: 10, drawdown_percent: 3, balance_percent_min: 50}
  constrained: {capital_usd: 10, drawdown_percent: 3, balance_percent_min: 50}
  scaled: {capital_usd: 10, drawdown_percent: 3, balance_percent_min: 50}
rules:
  TRADER_HUNG:
    severity: CRITICAL
    summary: no sign of life
    expr: trader_silence_ms > 15s
    nodata: ok
    actions: [log, notify, kill]
  TRADER_CRASH_LOOP:
    severity: CRITICAL
    summary: crashes too often
    expr: trader_crashes > 1
    actions: [log, notify, halt]
  TRADER_CRASHED:
    severity: CRITICAL
    summary: crashed
    expr: trader_crashed == true
    for: 5s
    actions: [log, notify]
"""


class _Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ns = 1_800_000_000 * S
        self.leap_ns = 0

    def now_ns(self) -> int:
        return self.ns + self.leap_ns

    def monotonic_ns(self) -> int:
        return self.ns


class _World:
    """A watched workspace, and the processes that were ended."""

    def __init__(self, root: Path) -> None:
        self.place = Workspace(root)
        self.place.data_dir.mkdir()
        self.clock = _Clock()
        self.ended: list[int] = []
        self.desk = AlertDesk(self.place.watch_alerts_dir, [], self.clock)
        file = read_alerts(parse_document(RULES, Origin(Layer.CONFIG, "rules")))
        figures = PhaseFigures(phase=Phase.SHADOW, capital=10, daily_loss=1)
        self.watch = Watch(
            self.place,
            AlertEngine(file.rules, figures, grace_ns=0),
            self.desk,
            self.clock,
            end=self.ended.append,
        )

    def turns(self, seconds: int) -> None:
        for _ in range(seconds):
            self.watch.turn()
            self.clock.ns += S

    def hold(self) -> FileLock:
        """Take the workspace as a trader does, at the time of this world."""
        lock = acquire(self.place.lock_file, "it")
        os.utime(self.place.lock_file, ns=(self.clock.now_ns(), self.clock.now_ns()))
        return lock

    def say(self, pid: int) -> None:
        status = Status(
            pid=pid,
            run_id="run-1",
            phase="shadow",
            state=TradingState.ACTIVE,
            started_ns=self.clock.now_ns(),
            updated_ns=self.clock.now_ns(),
        )
        write_status(self.place.status_file, status)

    @property
    def firing(self) -> set[str]:
        return {alert.rule for alert in self.desk.active if alert.fired_ns}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[_World]:
    made = _World(tmp_path)
    yield made
    made.desk.close()


def test_nothing_that_ever_ran_is_nothing_wrong(world: _World) -> None:
    world.turns(30)
    found = look_at(world.place, world.clock.ns)
    assert (found.process, found.crashed, found.crashes) == (None, False, 0)
    assert world.firing == set()
    assert not world.place.halt_file.exists()


def test_one_that_gives_signs_of_life_is_left_alone(world: _World) -> None:
    lock = world.hold()
    take_lease(world.place.lease_file, world.clock.ns)
    for _ in range(30):
        world.say(os.getpid())
        world.turns(1)
    assert world.firing == set()
    assert world.ended == []
    lock.release()


def test_one_that_falls_silent_is_halted_and_then_ended_once(world: _World) -> None:
    lock = world.hold()
    world.say(os.getpid())
    world.turns(15)
    assert world.ended == []
    world.turns(30)
    assert world.ended == [os.getpid()]
    halted = read_halt(world.place.halt_file)
    assert halted is not None
    assert (halted.actor, halted.reason) == ("watch", "TRADER_HUNG: no sign of life")
    assert list(world.place.inbox_dir.glob("*.json"))
    assert world.firing == {"TRADER_HUNG"}
    lock.release()


def test_one_that_starts_is_given_time_whatever_ran_before(world: _World) -> None:
    take_lease(world.place.lease_file, world.clock.ns).release(world.clock.ns)
    world.say(1)
    world.clock.ns += 86_400 * S
    lock = world.hold()
    world.turns(START_MS // 1000 + 15)
    assert (world.ended, world.firing) == ([], set())
    assert not world.place.halt_file.exists()
    found = look_at(world.place, world.clock.ns)
    assert (found.is_starting, found.said_ns, found.silence_ms) == (True, 0, 195_000)
    world.turns(2)
    assert world.ended == [os.getpid()]
    lock.release()


def test_a_status_of_one_before_with_the_same_number_is_no_sign(world: _World) -> None:
    world.say(os.getpid())
    world.clock.ns += 86_400 * S
    lock = world.hold()
    world.turns(20)
    assert world.ended == []
    assert look_at(world.place, world.clock.ns).is_starting
    lock.release()


def test_wall_time_that_leaps_is_no_silence(world: _World) -> None:
    lock = world.hold()
    for leap_ns in (0, 7_200 * S, -3_600 * S, 0):
        world.say(os.getpid())
        world.clock.leap_ns += leap_ns
        world.turns(10)
    assert world.ended == []
    world.turns(7)
    assert world.ended == [os.getpid()]
    lock.release()


def test_a_halt_that_the_disk_does_not_take_keeps_nothing_alive_and_is_tried_again(
    world: _World,
) -> None:
    lock = world.hold()
    world.say(os.getpid())
    world.place.control_dir.mkdir()
    world.place.inbox_dir.write_text("in the way")
    world.turns(17)
    assert world.ended == [os.getpid()]
    assert str(world.place.inbox_dir) in world.watch.turn().fault
    world.place.inbox_dir.unlink()
    assert world.watch.turn().fault == ""
    assert read_halt(world.place.halt_file) is not None
    (request,) = world.place.inbox_dir.glob("*.json")
    request.unlink()
    world.turns(1)
    assert not list(world.place.inbox_dir.glob("*.json"))
    lock.release()


def test_a_clock_set_back_before_the_start_ends_nobody_that_lives(world: _World) -> None:
    lock = world.hold()
    world.clock.leap_ns -= 3_600 * S
    for _ in range(START_MS // 10_000 + 4):
        world.say(os.getpid())
        world.turns(10)
    assert world.ended == []
    lock.release()


def test_one_that_left_in_order_is_no_crash(world: _World) -> None:
    fence = take_lease(world.place.lease_file, world.clock.ns)
    fence.release(world.clock.ns)
    world.turns(10)
    assert world.firing == set()


def test_one_that_left_without_a_word_is_a_crash_until_another_runs(world: _World) -> None:
    take_lease(world.place.lease_file, world.clock.ns)
    world.turns(4)
    assert world.firing == set()
    world.turns(3)
    assert world.firing == {"TRADER_CRASHED"}
    lock = world.hold()
    take_lease(world.place.lease_file, world.clock.ns)
    world.say(os.getpid())
    world.turns(2)
    assert world.firing == set()
    assert look_at(world.place, world.clock.ns).crashes == 1
    lock.release()


def test_more_than_one_crash_a_day_latches_the_halt(world: _World) -> None:
    take_lease(world.place.lease_file, world.clock.ns)
    take_lease(world.place.lease_file, world.clock.ns)
    fence = take_lease(world.place.lease_file, world.clock.ns)
    fence.release(world.clock.ns)
    assert look_at(world.place, world.clock.ns).crashes == 2
    world.turns(1)
    halted = read_halt(world.place.halt_file)
    assert halted is not None
    assert halted.reason.startswith("TRADER_CRASH_LOOP")
    assert world.ended == []
    assert look_at(world.place, world.clock.ns + 86_401 * S).crashes == 0


def test_it_leaves_a_sign_of_life_at_each_look(world: _World) -> None:
    world.watch.turn()
    assert world.place.watch_file.read_text() == str(world.clock.ns)


def test_it_looks_as_long_as_it_is_wanted(world: _World) -> None:
    wanted = iter([True, True, False])
    slept: list[float] = []
    looks = watch(world.watch, Supervisor(""), is_wanted=lambda: next(wanted), sleep=slept.append)
    assert len(list(looks)) == len(slept) == 2


def test_a_stopped_process_is_ended_for_good() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process.send_signal(signal.SIGSTOP)
    end_process(process.pid)
    assert process.wait(30) == -signal.SIGKILL
    end_process(process.pid)


def test_another_crash_after_somebody_resumed_halts_again(world: _World) -> None:
    for _ in range(2):
        take_lease(world.place.lease_file, world.clock.ns)
    fence = take_lease(world.place.lease_file, world.clock.ns)
    fence.release(world.clock.ns)
    world.turns(2)
    world.place.halt_file.unlink()
    world.turns(5)
    assert not world.place.halt_file.exists()
    take_lease(world.place.lease_file, world.clock.ns)
    world.turns(1)
    halted = read_halt(world.place.halt_file)
    assert halted is not None
    assert halted.reason.startswith("TRADER_CRASH_LOOP")
    assert world.ended == []
