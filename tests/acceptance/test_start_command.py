"""`polyarb start`, and what stops it: its end, a signal, a kill, a wrong word, safety."""

import gzip
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from polyarb.store.verification import verify_journal
from tests.acceptance.app import Polyarb, command, environment

HOCKEY_MESSAGES = 47_640


def wait_for(path: Path, seconds: float = 20) -> None:
    """Wait until a process has written a file."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.02)


def launch(workspace: Path, *words: str) -> subprocess.Popen[str]:
    """Start the app and wait until it runs."""
    (workspace / "data" / "status.json").unlink(missing_ok=True)
    process = subprocess.Popen(
        command("start", "--phase", "shadow", *words),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(workspace / "data" / "status.json")
    return process


def journal_is_whole(workspace: Path) -> bool:
    report = verify_journal(workspace / "data" / "events.jsonl", workspace / "data" / "journal")
    return not report.breaks


def test_a_whole_tape_is_played_journaled_and_summed_up(polyarb: Polyarb, workspace: Path) -> None:
    ended = polyarb("start", "--phase", "shadow", "--speed", "max", "--json")
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["messages"] == HOCKEY_MESSAGES
    assert summary["stop_reason"] == "end of feed"
    assert summary["raw_hits"] == {
        "binary": 7,
        "negrisk_yes": 0,
        "negrisk_no": 0,
        "negrisk_split": 0,
        "implication": 0,
        "ladder": 0,
    }
    assert summary["rejected"] == {"UNSETTLED": 7}
    assert summary["sets"] == {}
    assert journal_is_whole(workspace)
    assert polyarb("replay", "verify").returncode == 0


def test_a_person_is_told_what_was_seen_and_what_comes_next(polyarb: Polyarb) -> None:
    ended = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert "looked like arbitrage: binary 7" in ended.stdout
    assert "polyarb report daily" in ended.stdout
    assert "frames=" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly(workspace: Path, number: signal.Signals) -> None:
    process = launch(workspace, "--speed", "1", "--json")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out)["stop_reason"] == f"signal {number.name}"
    assert journal_is_whole(workspace)
    last = (workspace / "data" / "events.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["event_type"] == "CensusCounted"


def test_a_killed_process_leaves_a_journal_that_opens_and_replays(
    polyarb: Polyarb, workspace: Path
) -> None:
    for pause in (0.0, 0.3, 0.7):
        process = launch(workspace, "--speed", "20")
        time.sleep(pause)
        process.kill()
        process.communicate(timeout=30)
    assert polyarb("start", "--phase", "shadow", "--speed", "max").returncode == 0
    assert journal_is_whole(workspace)
    verified = polyarb("replay", "verify")
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.count("identical") == 4
    assert verified.stdout.count("cut off") == 3


def test_a_second_process_in_the_same_workspace_is_refused(
    polyarb: Polyarb, workspace: Path
) -> None:
    process = launch(workspace, "--speed", "1")
    second = polyarb("start", "--phase", "shadow", "--speed", "max")
    process.kill()
    process.communicate(timeout=30)
    assert second.returncode == 3
    assert str(process.pid) in second.stderr


def test_a_halt_reaches_the_running_process_and_a_resume_lifts_it(
    polyarb: Polyarb, workspace: Path
) -> None:
    process = launch(workspace, "--speed", "1")
    told = polyarb("halt", "--reason", "lunch", "--json")
    assert json.loads(told.stdout)["process"] == process.pid
    for state in ("HALTED", "ACTIVE"):
        deadline = time.monotonic() + 20
        while f", {state}" not in polyarb("status").stdout:
            assert time.monotonic() < deadline, state
        if state == "HALTED":
            assert "halt latched" in polyarb("status").stdout
            polyarb("resume")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert polyarb("replay", "verify").returncode == 0


def test_a_latched_halt_holds_for_the_next_process(polyarb: Polyarb) -> None:
    polyarb("halt", "--reason", "weekend")
    ended = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert ended.returncode == 0
    assert "halt is latched" in ended.stderr
    journal = polyarb("replay", "verify")
    assert journal.returncode == 0


@pytest.mark.parametrize("phase", ["micro-live", "constrained", "scaled"])
def test_a_live_phase_is_refused_for_safety(polyarb: Polyarb, phase: str) -> None:
    refused = polyarb("start", "--phase", phase)
    assert refused.returncode == 3
    assert "GO record" in refused.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--phase", "lunar"), "lunar"),
        (("--phase", "shadow", "--speed", "fast"), "--speed"),
        (("--phase", "shadow", "--speed", "0"), "--speed"),
        (("--phase", "shadow", "--duration", "soon"), "--duration"),
        (("--phase", "shadow", "--tape", "absent.jsonl.gz"), "absent.jsonl.gz"),
        ((), "--phase"),
    ],
)
def test_a_wrong_word_is_a_usage_fault(
    polyarb: Polyarb, words: tuple[str, ...], expected: str
) -> None:
    wrong = polyarb("start", *words)
    assert wrong.returncode == 2
    assert expected in wrong.stderr


def test_a_duration_ends_a_paced_run(polyarb: Polyarb) -> None:
    ended = polyarb("start", "--phase", "shadow", "--venue", "tape", "--duration", "1s", "--json")
    assert json.loads(ended.stdout)["stop_reason"] == "duration reached"


def test_a_torn_tape_is_played_to_its_last_whole_line_and_told(
    polyarb: Polyarb, workspace: Path
) -> None:
    whole = (workspace / "data" / "samples" / "tape_hockey.jsonl.gz").read_bytes()
    torn = workspace / "data" / "samples" / "torn.jsonl.gz"
    torn.write_bytes(whole[: len(whole) // 2])
    ended = polyarb("start", "--phase", "shadow", "--speed", "max", "--tape", str(torn), "--json")
    assert ended.returncode == 4
    summary = json.loads(ended.stdout)
    assert 10_000 < summary["messages"] < HOCKEY_MESSAGES
    assert "torn" in ended.stderr
    assert polyarb("replay", "verify").returncode == 0


def test_an_empty_tape_and_one_of_nonsense_end_in_order(polyarb: Polyarb, workspace: Path) -> None:
    empty, nonsense = workspace / "empty.jsonl.gz", workspace / "nonsense.jsonl.gz"
    empty.write_bytes(gzip.compress(b""))
    nonsense.write_bytes(gzip.compress(b"{\n" * 50 + b'{"msg": 5}\n[1,2]\n'))
    for tape, lines in ((empty, 0), (nonsense, 52)):
        ended = polyarb(
            "start", "--phase", "shadow", "--speed", "max", "--tape", str(tape), "--json"
        )
        assert ended.returncode == 0, ended.stderr
        summary = json.loads(ended.stdout)
        assert sum(summary["unusable"].values()) == lines


def test_outside_a_workspace_the_remedy_is_told(tmp_path: Path) -> None:
    lost = subprocess.run(
        command("start", "--phase", "shadow"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert lost.returncode == 2
    assert "polyarb init" in lost.stderr
