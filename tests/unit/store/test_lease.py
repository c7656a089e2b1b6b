"""The epoch of a workspace: it only grows, and whoever holds an older one writes nothing more."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from polyarb.domain.errors import FencedError, StoreError
from polyarb.store.lease import crashes, read_lease, take_lease
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash


def test_every_holder_has_a_newer_epoch(tmp_path: Path) -> None:
    path = tmp_path / "data" / "lease.json"
    assert read_lease(path) is None
    assert [take_lease(path, now).lease.epoch for now in (5, 6, 7)] == [1, 2, 3]
    found = read_lease(path)
    assert found is not None
    assert (found.epoch, found.pid, found.taken_ns) == (3, os.getpid(), 7)


def test_the_newest_holder_passes_and_the_older_ones_do_not(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    older = take_lease(path, 1)
    older.check()
    newer = take_lease(path, 2)
    newer.check()
    for _ in range(2):
        with pytest.raises(FencedError, match=r"expected epoch 1 .*, found epoch 2 of process"):
            older.check()


def test_a_lease_that_is_gone_fences_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    fence = take_lease(path, 1)
    path.unlink()
    with pytest.raises(FencedError, match="found no lease"):
        fence.check()


def test_the_same_lease_written_again_is_still_ours(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    fence = take_lease(path, 1)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    fence.check()
    fence.check()


def test_a_holder_that_never_released_is_recorded_as_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    first = take_lease(path, 1)
    first.release(5)
    found = read_lease(path)
    assert found is not None
    assert (found.epoch, found.released_ns) == (1, 5)
    first.check()
    take_lease(path, 10)
    assert crashes(path).read() == []
    take_lease(path, 20)
    (crash,) = crashes(path).read()
    assert (crash.lease.epoch, crash.lease.pid, crash.found_ns) == (2, os.getpid(), 20)


def test_one_that_was_fenced_releases_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    older = take_lease(path, 1)
    newer = take_lease(path, 2)
    older.release(3)
    newer.check()
    found = read_lease(path)
    assert found is not None
    assert (found.epoch, found.released_ns) == (2, 0)


def test_an_unreadable_lease_gives_no_epoch(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    path.write_bytes(b"{")
    with pytest.raises(StoreError, match="expected a lease"):
        take_lease(path, 1)
    with pytest.raises(StoreError, match="expected a lease"):
        read_lease(path)


def test_no_crash_gives_an_epoch_twice(tmp_path: Path) -> None:
    for crash_at in range(1, 20):
        root = tmp_path / str(crash_at)
        root.mkdir()
        given = [take_lease(root / "lease.json", 1).lease.epoch]
        disk = LossyFileSystem(root, crash_at=crash_at)
        with contextlib.suppress(SimulatedCrash):
            given.append(take_lease(root / "lease.json", 2, disk).lease.epoch)
        disk.cut_power(crash_at)
        after = take_lease(root / "lease.json", 3).lease.epoch
        assert after not in given
        if len(given) == 2:
            return
    pytest.fail("the sweep never reached the end")


_BOT = """
import sys, time
from pathlib import Path
from polyarb.domain.errors import FencedError
from polyarb.store.lease import take_lease

root, is_fenced = Path(sys.argv[1]), sys.argv[2] == "fenced"
fence = take_lease(root / "lease.json", 1)
orders = open(root / "orders", "a", buffering=1)
print("ready", flush=True)
for _ in range(100_000):
    if is_fenced:
        try:
            fence.check()
        except FencedError:
            break
    orders.write(f"{fence.lease.epoch}\\n")
    time.sleep(0.001)
"""


def _stale_orders(root: Path, mode: str) -> int:
    """Stop a bot, let another take over, let the first go on; count what it still sends."""
    root.mkdir()
    bots = []
    orders = root / "orders"
    try:
        for _ in range(2):
            bot = subprocess.Popen(
                [sys.executable, "-c", _BOT, str(root), mode], stdout=subprocess.PIPE
            )
            bots.append(bot)
            assert bot.stdout is not None
            assert bot.stdout.readline() == b"ready\n"
            while not orders.exists() or f"{len(bots)}\n" not in orders.read_text():
                assert bot.poll() is None
            if len(bots) == 1:
                bot.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, bot.pid, os.WSTOPPED)
        before = len(orders.read_text())
        bots[0].send_signal(signal.SIGCONT)
        if mode == "fenced":
            assert bots[0].wait(30) == 0
        else:
            while "1\n" not in orders.read_text()[before:]:
                assert bots[0].poll() is None
        return orders.read_text()[before:].count("1\n")
    finally:
        for bot in bots:
            bot.kill()
            bot.wait()
            assert bot.stdout is not None
            bot.stdout.close()


def test_a_process_that_was_stopped_sends_nothing_after_another_took_over(tmp_path: Path) -> None:
    """The order under way when it was stopped may still go; without the fence many do."""
    assert _stale_orders(tmp_path / "fenced", "fenced") <= 1
    assert _stale_orders(tmp_path / "unfenced", "unfenced") >= 1
