"""Of two starts in one workspace at the same moment exactly one runs; the other says who does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from polyarb.store.lease import read_lease
from polyarb.store.workspace import Workspace
from tests.acceptance.app import Polyarb, environment

ROOT = Path(__file__).parents[2]


def race(workspace: Path, count: int) -> list[list[tuple[int, str]]]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.start_races", str(count)],
        cwd=workspace,
        env={**environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20 + 10 * count,
        check=True,
    )
    found: list[list[tuple[int, str]]] = json.loads(ran.stdout)
    return found


def check(polyarb: Polyarb, workspace: Path, count: int) -> None:
    pairs = race(workspace, count)
    assert len(pairs) == count
    for pair in pairs:
        (won, said), (lost, told) = sorted(pair)
        assert (won, lost) == (0, 3), pair
        assert "ended: signal SIGTERM" in said
        assert "this workspace is in use by process " in told
        assert "stop that process first, or use another workspace" in told
        assert "Traceback" not in told
    lease = read_lease(Workspace(workspace).lease_file)
    assert lease is not None
    assert lease.epoch == count
    assert lease.released_ns
    assert polyarb("ledger", "verify").returncode == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system waits for no process so")
def test_of_two_starts_at_once_exactly_one_runs(polyarb: Polyarb, workspace: Path) -> None:
    check(polyarb, workspace, 3)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system waits for no process so")
def test_of_two_starts_at_once_exactly_one_runs_two_hundred_times(
    polyarb: Polyarb, workspace: Path
) -> None:
    check(polyarb, workspace, 200)
