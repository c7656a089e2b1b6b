"""`polyarb start --venue sandbox`: a shadow run over the real wire of the local venue."""

import json
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tests.acceptance.app import Polyarb, command, environment
from tests.sandbox_process import serving

SHADOW = ("start", "--phase", "shadow", "--venue", "sandbox")


def verified(polyarb: Polyarb) -> list[str]:
    """Return what `replay verify` says of each run; all must be identical."""
    ended = polyarb("replay", "verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def recipes(workspace: Path) -> list[dict[str, object]]:
    """Read what runs were made of, oldest first."""
    files = sorted(
        (workspace / "data" / "runs").glob("*.json"), key=lambda path: path.stat().st_mtime
    )
    return [json.loads(path.read_bytes()) for path in files]


def wait_for_status(workspace: Path, key: str, least: int) -> None:
    status, deadline = workspace / "data" / "status.json", time.monotonic() + 60
    while not status.exists() or json.loads(status.read_bytes())[key] < least:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def change_tick(admin: str, condition_id: str) -> None:
    """Let one thing happen that everybody is told: a new tick."""
    answer = httpx.post(f"{admin}/markets/{condition_id}/tick", json={"tick": 1_000})
    assert answer.status_code == 200, answer.text


def test_a_run_in_the_sandbox_is_recorded_halted_and_made_again_byte_for_byte(
    polyarb: Polyarb, workspace: Path
) -> None:
    with serving(workspace, "--scenario", "rich") as served:
        markets = served.info["markets"]
        process = subprocess.Popen(
            command(*SHADOW, "--json"),
            cwd=workspace,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_status(workspace, "messages", 2 * len(markets))
        halted = polyarb("halt", "--reason", "rehearsal")
        assert halted.returncode == 0, halted.stderr
        for market in markets[:3]:
            change_tick(served.info["admin"], market["condition_id"])
        wait_for_status(workspace, "messages", 2 * len(markets) + 6)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["unusable"] == {}
    (recipe,) = recipes(workspace)
    assert recipe["venue"] == "sandbox"
    catalogue = recipe["catalogue"]
    assert isinstance(catalogue, dict)
    assert set(catalogue["markets"]) == {market["condition_id"] for market in markets}
    in_groups = {each for group in catalogue["groups"].values() for each in group["condition_ids"]}
    neg_risk = {market["condition_id"] for market in markets if market["neg_risk"]}
    assert in_groups == neg_risk and in_groups < set(catalogue["markets"])
    assert all(not group["incomplete"] for group in catalogue["groups"].values())
    (told,) = verified(polyarb)
    assert f"{summary['run_id']}: identical" in told
    census = polyarb("census", "--json", *summary["tapes"])
    assert census.returncode == 0, census.stderr
    assert not (workspace / "data" / "instruments").exists()


def test_another_sandbox_in_the_same_workspace_lists_its_own_markets(
    polyarb: Polyarb, workspace: Path
) -> None:
    for seed in ("1", "2"):
        with serving(
            workspace, "--scenario", "quiet", "--seed", seed, "--info", "x.json"
        ) as served:
            wanted = {market["condition_id"] for market in served.info["markets"]}
            ended = polyarb(*SHADOW[:3], "--sandbox-info", "x.json", "--duration", "1s")
            assert ended.returncode == 0, ended.stderr
            served.end()
        catalogue = recipes(workspace)[-1]["catalogue"]
        assert isinstance(catalogue, dict) and set(catalogue["markets"]) == wanted
        assert not (workspace / "x.json").exists()
    assert len(verified(polyarb)) == 2


def test_without_a_sandbox_it_says_what_to_do(polyarb: Polyarb, workspace: Path) -> None:
    ended = polyarb(*SHADOW)
    assert ended.returncode == 4
    assert "polyarb sandbox serve" in ended.stderr
    file = workspace / "data" / "sandbox.json"
    file.write_text("{}")
    ended = polyarb(*SHADOW)
    assert ended.returncode == 4
    assert "polyarb sandbox serve" in ended.stderr


def test_a_sandbox_that_was_killed_is_told_from_one_that_answers(
    polyarb: Polyarb, workspace: Path
) -> None:
    with serving(workspace, "--scenario", "quiet") as served:
        served.end(signal.SIGKILL)
        assert served.file.exists()
        ended = polyarb(*SHADOW)
    assert ended.returncode == 4
    assert "found nobody who answers" in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--venue", "sandbox", "--speed", "max"),
        ("--venue", "tape", "--sandbox-info", "x"),
        ("--speed", "max", "--sandbox-info", "x"),
    ],
    ids=range(3),
)
def test_options_of_another_venue_are_refused(polyarb: Polyarb, words: tuple[str, ...]) -> None:
    ended = polyarb("start", "--phase", "shadow", *words)
    assert ended.returncode == 2
    assert "expected it with --venue" in ended.stderr


def test_the_workspace_of_a_sandbox_holds_no_run_on_the_real_venue(
    polyarb: Polyarb, workspace: Path
) -> None:
    played = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert played.returncode == 0, played.stderr
    with serving(workspace, "--scenario", "quiet"):
        ended = polyarb(*SHADOW, "--duration", "1s")
        assert ended.returncode == 0, ended.stderr
        status = polyarb("status")
        assert "shadow on sandbox, run-" in status.stdout
        judged = polyarb("go-no-go", "--phase", "shadow", "--json")
        assert json.loads(judged.stdout)["record"]["binding"]["venue"] == "sandbox"
    journal = (workspace / "data" / "events.jsonl").read_bytes()
    refused = polyarb("start", "--phase", "shadow", "--duration", "1s")
    assert refused.returncode == 3
    assert "expected runs on sandbox" in refused.stderr and "polyarb init" in refused.stderr
    assert (workspace / "data" / "events.jsonl").read_bytes() == journal
    assert len(recipes(workspace)) == 2
    again = polyarb("start", "--phase", "shadow", "--speed", "max")
    assert again.returncode == 0, again.stderr
    assert not (workspace / "data" / "instruments").exists()
