"""A trader under a supervisor: what it hears, whether it ends in order or not."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.acceptance.app import command, environment

START = ("start", "--phase", "shadow", "--tape", "data/samples/tape_hockey.jsonl.gz")


NO_SPACE = 'trap "" XFSZ; ulimit -f 0; exec "$@"'


def test_a_watch_begins_on_a_full_disk_looks_and_tells(workspace: Path) -> None:
    watched = workspace / "data" / "alerts" / "watch"
    watched.mkdir(parents=True)
    watching = subprocess.Popen(
        ["/bin/sh", "-c", NO_SPACE, "sh", *command("watch", "--json")],
        cwd=workspace,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    look = msgspec.json.decode(watching.stdout.readline())
    assert look["process"] is None
    assert "free space on that disk" in look["fault"]
    watching.send_signal(signal.SIGTERM)
    assert watching.communicate(timeout=30)
    assert watching.returncode == 0
    assert (watched / "lock").read_bytes() == b""


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def _started(workspace: Path, heard: socket.socket, *words: str) -> subprocess.Popen[bytes]:
    told = {"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "200000"}
    return subprocess.Popen(
        command(*START, *words),
        cwd=workspace,
        env=environment() | told,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _lease(workspace: Path) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode((workspace / "data/lease.json").read_bytes())
    return found


def test_it_is_ready_once_reconciled_then_alive_and_at_last_stopping(
    workspace: Path, heard: socket.socket
) -> None:
    process = _started(workspace, heard, "--speed", "1")
    words = [heard.recv(4096).decode()]
    while words.count(words[-1]) < 1 or not words[-1].startswith("WATCHDOG=1"):
        words.append(heard.recv(4096).decode())
    assert words[0] == "READY=1"
    assert "STATUS=live_shadow_atomic_v1 ACTIVE" in words[-1]
    process.send_signal(signal.SIGTERM)
    while not words[-1].startswith("STOPPING=1"):
        words.append(heard.recv(4096).decode())
    assert "signal SIGTERM" in words[-1]
    assert process.wait(60) == 0
    assert _lease(workspace)["released_ns"] != 0


def test_a_latched_halt_is_ready_as_well_and_only_watches(
    workspace: Path, heard: socket.socket
) -> None:
    subprocess.run(command("halt"), cwd=workspace, env=environment(), check=True)
    process = _started(workspace, heard, "--speed", "1")
    assert heard.recv(4096) == b"READY=1"
    assert b"HALTED" in heard.recv(4096)
    process.send_signal(signal.SIGINT)
    process.wait(60)


def test_a_killed_trader_is_a_crash_to_the_next_one(workspace: Path, heard: socket.socket) -> None:
    process = _started(workspace, heard, "--speed", "1")
    assert heard.recv(4096) == b"READY=1"
    process.kill()
    process.wait(60)
    assert _lease(workspace)["released_ns"] == 0
    again = _started(workspace, heard, "--speed", "max")
    assert again.wait(60) == 0
    (crash,) = (workspace / "data/crashes.jsonl").read_text().splitlines()
    assert msgspec.json.decode(crash)["lease"]["pid"] == process.pid
    assert _lease(workspace)["epoch"] == 2


def test_a_trader_that_lost_its_lease_stops_and_writes_nothing_more(
    workspace: Path, heard: socket.socket
) -> None:
    process = _started(workspace, heard, "--speed", "1")
    assert heard.recv(4096) == b"READY=1"
    taken = {**_lease(workspace), "epoch": 2, "pid": os.getpid()}
    draft = workspace / "data/lease.new"
    draft.write_bytes(msgspec.json.encode(taken))
    draft.replace(workspace / "data/lease.json")
    subprocess.run(command("halt"), cwd=workspace, env=environment(), check=True)
    assert process.wait(60) == 3
    journal = (workspace / "data/events.jsonl").read_text()
    assert "OperatorHalted" not in journal
    assert _lease(workspace)["epoch"] == 2
