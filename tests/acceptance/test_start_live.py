"""`polyarb start` on the venue itself: recorded as it comes, played again byte for byte."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb, command, environment
from tests.live_world import list_instruments, point_at
from tests.wire_server import Channel, ThreadedWire, Venue, WireServer


@pytest.fixture
def wire(workspace: Path) -> Iterator[ThreadedWire]:
    """Serve a venue that the workspace points at."""
    with ThreadedWire(Venue(6, seed=3), move_ms=2) as serving:
        serving.call(list_instruments)
        point_at(workspace, serving, connect_ms_max=4_000, request_ms_max=1_000)
        yield serving


def launch(workspace: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("start", "--phase", "shadow"),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_messages(workspace: Path, count: int) -> None:
    """Wait until the running process says that it took so many messages."""
    status, deadline = workspace / "data" / "status.json", time.monotonic() + 30
    while not status.exists() or json.loads(status.read_bytes())["messages"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def verified(polyarb: Polyarb) -> list[str]:
    """Return what `replay verify` says of each run; all must be identical."""
    ended = polyarb("replay", "verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_a_run_reads_the_instruments_records_and_is_made_again(
    polyarb: Polyarb, workspace: Path, wire: ThreadedWire
) -> None:
    ended = polyarb("start", "--phase", "shadow", "--duration", "3s", "--json")
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["messages"] > 12 and summary["unusable"] == {}
    (tape,) = summary["tapes"]
    assert list(Path(tape).rglob("*.jsonl.gz"))
    assert "6 markets" in ended.stderr
    (told,) = verified(polyarb)
    assert f"{summary['run_id']}: identical" in told
    assert polyarb("report", "daily").returncode == 0
    (status,) = [one for one in status_of(polyarb)["sources"] if one["source"] == "stream-1"]
    assert status["markets"] == 6 and status["isolated"] == ""


def status_of(polyarb: Polyarb) -> dict[str, list[dict[str, object]]]:
    answer = json.loads(polyarb("status", "--json").stdout)
    status: dict[str, list[dict[str, object]]] = answer["reading"]["status"]
    return status


def test_a_kill_at_any_moment_leaves_a_run_that_is_made_again(
    polyarb: Polyarb, workspace: Path, wire: ThreadedWire
) -> None:
    for count in (20, 300):
        (workspace / "data" / "status.json").unlink(missing_ok=True)
        process = launch(workspace)
        wait_for_messages(workspace, count)
        wire.call(drop_all)
        wait_for_messages(workspace, count + 100)
        process.kill()
        process.communicate()
    assert len(verified(polyarb)) == 2


def drop_all(server: WireServer) -> None:
    channels: list[Channel] = list(server.channels)
    for channel in channels:
        channel.drop()


def test_an_interrupt_ends_a_live_run_in_order(
    polyarb: Polyarb, workspace: Path, wire: ThreadedWire
) -> None:
    process = launch(workspace)
    wait_for_messages(workspace, 50)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "ended: signal SIGINT" in out
    assert len(verified(polyarb)) == 1


def test_a_venue_that_cannot_be_reached_is_a_fault_with_its_remedy(
    polyarb: Polyarb, workspace: Path, wire: ThreadedWire
) -> None:
    assert polyarb("markets", "sync").returncode == 0
    wire.stop()
    ended = polyarb("start", "--phase", "shadow")
    assert ended.returncode == 4
    assert "expected market data within 4000 ms" in ended.stderr
    assert "polyarb doctor" in ended.stderr


@pytest.mark.parametrize("words", [("--speed", "max"), ("--tape", "x")])
def test_what_is_of_tapes_is_refused_on_the_venue(polyarb: Polyarb, words: tuple[str, str]) -> None:
    ended = polyarb("start", "--phase", "shadow", "--venue", "polymarket", *words)
    assert ended.returncode == 2
    assert words[0] in ended.stderr
