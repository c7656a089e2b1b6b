"""Answers that nobody reads any more, terminals that go, folders that cannot be read."""

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

from tests.acceptance.app import Polyarb, command, environment


def launch(workspace: Path, speed: str, **streams: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("start", "--phase", "shadow", "--speed", speed),
        cwd=workspace,
        env=environment(),
        text=True,
        **streams,
    )


def released_ns(workspace: Path) -> int:
    lease: dict[str, int] = json.loads((workspace / "data" / "lease.json").read_bytes())
    return lease["released_ns"]


def wait_for_status(workspace: Path) -> None:
    """Wait until the process has said what it does."""
    status, deadline = workspace / "data" / "status.json", time.monotonic() + 30
    while not status.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_trader_goes_on_when_nobody_reads_what_it_says(workspace: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    running = launch(workspace, "max", stdout=subprocess.DEVNULL, stderr=writing)
    os.close(writing)
    assert running.wait(60) == 0
    assert released_ns(workspace) > 0


def test_a_terminal_that_goes_stops_a_run_cleanly(workspace: Path) -> None:
    leader, terminal = pty.openpty()
    running = launch(workspace, "1", stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    wait_for_status(workspace)
    os.close(leader)
    running.send_signal(signal.SIGHUP)
    assert running.wait(60) == 0
    assert released_ns(workspace) > 0


def test_a_command_that_nobody_reads_ends_as_broken_off(workspace: Path) -> None:
    for words in (
        ("profiles", "list"),
        ("backup", "list"),
        ("status", "--json"),
        ("alerts", "rules"),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        ended = subprocess.run(
            command(*words),
            cwd=workspace,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(writing)
        assert (ended.returncode, ended.stderr) == (4, ""), words


def test_a_path_that_cannot_be_used_is_a_fault_in_one_line(
    polyarb: Polyarb, workspace: Path
) -> None:
    (workspace / "data" / "lock").mkdir()
    ended = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert ended.returncode == 4
    assert ended.stderr.startswith("polyarb: cannot lock ")
    assert len(ended.stderr.splitlines()) == 1
    (workspace / "config" / "config.yaml").unlink()
    (workspace / "config" / "config.yaml").symlink_to("config.yaml")
    for words in (("status",), ("halt",), ("alerts", "list"), ("backup", "list")):
        ended = polyarb(*words)
        assert ended.returncode in (2, 4), ended
        assert ended.stderr.startswith("polyarb: ")
        assert len(ended.stderr.splitlines()) == 1
