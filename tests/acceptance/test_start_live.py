"""`polyarb start` on the venue itself: recorded as it comes, played again byte for byte."""

import gzip
import json
import signal
import subprocess
import time
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb, command, environment
from tests.live_world import list_instruments, point_at
from tests.wire_server import Answer, Channel, ThreadedWire, Venue, WireServer


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


def test_a_restricted_venue_is_told_recorded_and_seen_by_a_replay(
    polyarb: Polyarb, workspace: Path, wire: ThreadedWire
) -> None:
    process = launch(workspace)
    wait_for_messages(workspace, 50)
    wire.call(refuse_once)
    wait_for_status(workspace, "venue_mode", "post-only")
    told = polyarb("status").stdout
    assert "the venue is post-only: nothing new is opened" in told and "our clock: " in told
    wait_for_status(workspace, "venue_mode", "ok")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    (tape,) = (workspace / "data" / "tape").iterdir()
    modes = [
        json.loads(line)["mode"]["mode"]
        for path in sorted(tape.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
        if b'"mode":{' in line
    ]
    assert modes == ["post-only", "ok"]
    assert len(verified(polyarb)) == 1
    assert polyarb("tape", "verify").returncode == 0


def wait_for_status(workspace: Path, key: str, value: str) -> None:
    status, deadline = workspace / "data" / "status.json", time.monotonic() + 30
    while json.loads(status.read_bytes()).get(key, "ok") != value:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def refuse_once(server: WireServer) -> None:
    """Answer one request as a venue does that is post-only for six seconds more."""
    body = b'{"error":"post-only mode","code":"post_only_mode","retry_after_seconds":6}'
    refusal = Answer(status=503, body=body, headers={"Retry-After": "6"})
    server.answers["/books"] = deque([refusal])


def test_recordings_of_earlier_runs_go_when_they_take_more_than_is_allowed(
    polyarb: Polyarb, workspace: Path, wire: ThreadedWire
) -> None:
    assert polyarb("start", "--phase", "shadow", "--duration", "2s").returncode == 0
    (first,) = (workspace / "data" / "tape").iterdir()
    settings = workspace / "config" / "config.yaml"
    limits = "recording:\n  disk_gib_max: 0.000001\n  replay_days_min: 0\n"
    settings.write_text(settings.read_text() + limits)
    ended = polyarb("start", "--phase", "shadow", "--duration", "2s")
    assert ended.returncode == 0, ended.stderr
    assert "removed 1 of the oldest recorded files" in ended.stderr
    assert not list(first.rglob("*.gz"))
    segments = [path for path in (workspace / "data").rglob("*.jsonl") if path.is_file()]
    assert any(b"RecordingsRemoved" in segment.read_bytes() for segment in segments)
    ended = polyarb("replay", "verify")
    assert ended.returncode == 1
    pruned, whole = ended.stdout.splitlines()
    assert "not comparable" in pruned and "removed to save disk" in pruned
    assert "identical" in whole


@pytest.mark.slow
def test_a_run_follows_the_instruments_without_a_restart_and_so_does_its_replay(
    polyarb: Polyarb, workspace: Path
) -> None:
    with ThreadedWire(Venue(6, seed=3), move_ms=2) as wire:
        wire.call(lambda server: list_instruments(server, 3))
        point_at(workspace, wire, connect_ms_max=4_000, request_ms_max=1_000, sync_minutes=1)
        process = launch(workspace)
        wait_for_messages(workspace, 50)
        wire.call(list_instruments)
        deadline = time.monotonic() + 90
        tape = workspace / "data" / "tape"
        while not any(b'"instruments":{' in text for text in texts_of(tape)):
            assert time.monotonic() < deadline
            time.sleep(1)
        taken = json.loads((workspace / "data" / "status.json").read_bytes())["messages"]
        wait_for_messages(workspace, taken + 100)
        (stream,) = [one for one in status_of(polyarb)["sources"] if one["source"] == "stream-1"]
        assert stream["markets"] == 6
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert "instruments: 3 markets are new or have other facts, 0 are no longer" in err
        assert len(verified(polyarb)) == 1


def texts_of(tape: Path) -> Iterator[bytes]:
    """Read what recorded files hold so far, the whole members of it."""
    for path in sorted(tape.rglob("*.gz")):
        decompressor, data = zlib.decompressobj(31), path.read_bytes()
        while data:
            yield decompressor.decompress(data)
            data, decompressor = decompressor.unused_data, zlib.decompressobj(31)


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
