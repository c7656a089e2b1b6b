"""Go/no-go and drills as typed: from a fresh workspace to a GO of shadow, and never of money."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from polyarb.rollout.checks import SPECS, CheckId, Priority
from tests.acceptance.app import Polyarb, command, environment
from tests.conftest import ROOT
from tests.go_no_go_cases import ask_for_time
from tests.live_world import point_at
from tests.time_server import TimeServer
from tests.wire_server import Answer, ThreadedWire, Venue, WireServer

Answered = dict[str, dict[str, list[dict[str, str]]]]
SHADOW_DRILLS = ("breaker", "feed-loss", "halt", "kill", "restore")
PLACE = b'{"blocked":false,"ip":"192.0.2.1","country":"IE","region":"L"}'


def answer_all(server: WireServer) -> None:
    server.routes["/markets/keyset"] = lambda *_: Answer(body=b'{"markets":[]}')
    server.routes["/api/geoblock"] = lambda *_: Answer(body=PLACE)


@pytest.fixture
def venue(workspace: Path) -> Iterator[None]:
    """Serve a venue that the workspace points at, and the time."""
    with ExitStack() as stack:
        wire = stack.enter_context(ThreadedWire(Venue(1, seed=1)))
        wire.call(answer_all)
        point_at(workspace, wire)
        ask_for_time(workspace, stack.enter_context(TimeServer()).address)
        yield


def statuses(answer: Answered) -> dict[str, str]:
    return {check["check_id"]: check["status"] for check in answer["record"]["checks"]}


def too_slow(answer: Answered) -> set[str]:
    """Name the checks that a busy machine did not finish in time, which is no pass."""
    return {
        check["check_id"]
        for check in answer["record"]["checks"]
        if check["status"] == "ERROR" and " within " in check["evidence"][0]
    }


@pytest.mark.slow
def test_from_a_fresh_workspace_to_a_go_of_shadow(
    polyarb: Polyarb, workspace: Path, venue: None
) -> None:
    before = polyarb("go-no-go", "--json")
    assert before.returncode == (1 if too_slow(json.loads(before.stdout)) else 5), before.stdout
    assert {one["status"] for one in json.loads(before.stdout)["record"]["requirements"]} == {
        "INSUFFICIENT"
    }
    for name in SHADOW_DRILLS:
        ended = polyarb("drill", name)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert polyarb("operators", "add", "alice", "--role", "trader").returncode == 0
    for member in ("O4", "O6"):
        assert polyarb("go-no-go", "--attest", member, "--sign", "alice").returncode == 0
    ended = polyarb("go-no-go", "--sign", "alice", "--json")
    answer = json.loads(ended.stdout)
    found = statuses(answer)
    # The venue of this test is not the real one, nobody takes its alerts, and how busy this
    # machine is nobody knows.
    forgiven = {"S5", "O1", "O3"}
    slow = too_slow(answer)
    unmet = {one for one, status in found.items() if status not in ("PASS", "NOT_APPLICABLE")}
    assert unmet - slow <= forgiven, ended.stdout
    assert {one["status"] for one in answer["record"]["requirements"]} == {"PASS"}
    if len(unmet) <= 2 and not slow:
        assert ended.returncode == 0
        assert answer["record"]["outcome"] == "GO_WITH_WARNINGS"
    assert [one["name"] for one in answer["record"]["signatures"]] == ["alice"]
    saved = json.loads((workspace / answer["path"]).read_bytes())
    assert saved == answer["record"]
    page = (workspace / answer["path"]).with_suffix(".md").read_text()
    assert "alice (trader)" in page


def test_money_is_no_go_on_an_empty_workspace(
    polyarb: Polyarb, workspace: Path, venue: None
) -> None:
    ended = polyarb("go-no-go", "--phase", "micro-live")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    told = ended.stdout.splitlines()
    assert any(line.startswith("FAIL    S1 ") for line in told)
    assert any(line.startswith("MISSING gate shadow") for line in told)
    assert any(line.startswith("NO-GO for micro-live (22 checks in ") for line in told)
    assert not [line for line in told if line.startswith("MOOT")]
    for check_id in CheckId:
        assert any(line.split()[1:2] == [check_id] for line in told), check_id
    started = polyarb("start", "--phase", "micro-live")
    assert started.returncode == 3
    assert "it says NO_GO" in started.stderr


def test_money_is_refused_without_a_record(polyarb: Polyarb, workspace: Path) -> None:
    for phase in ("micro-live", "constrained", "scaled"):
        ended = polyarb("start", "--phase", phase)
        assert ended.returncode == 3
        assert f"no go/no-go record of {phase} is there" in ended.stderr
    assert not (workspace / "data" / "events.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--sign", "nobody", "--attest", "O4"), 2, "expected a name of config/operators.yaml"),
        (("--attest", "O4"), 2, "expected --sign NAME with it"),
        (("--attest", "O9", "--sign", "alice"), 2, "O9"),
        (("--phase", "moon"), 2, "moon"),
    ],
)
def test_what_cannot_be_is_usage(
    polyarb: Polyarb, words: Sequence[str], code: int, told: str
) -> None:
    ended = polyarb("go-no-go", *words)
    assert ended.returncode == code
    assert told in ended.stderr


def test_operators_are_listed(polyarb: Polyarb) -> None:
    assert "nobody may sign yet" in polyarb("operators", "list").stdout
    added = polyarb("operators", "add", "alice", "--role", "trader", "--json")
    assert json.loads(added.stdout)["name"] == "alice"
    assert json.loads(polyarb("operators", "list", "--json").stdout) == [json.loads(added.stdout)]
    assert "alice" in polyarb("operators", "list").stdout
    assert polyarb("operators", "add", "alice", "--role", "trader").returncode == 2


def test_drills_are_listed_and_recorded(polyarb: Polyarb, workspace: Path) -> None:
    listed = json.loads(polyarb("drill", "--list", "--json").stdout)
    assert [one["name"] for one in listed][: len(SHADOW_DRILLS)] == list(SHADOW_DRILLS)
    assert {one["last"] for one in listed} == {None}
    ended = polyarb("drill", "breaker", "--json")
    assert ended.returncode == 0
    (report,) = json.loads(ended.stdout)
    assert report["outcome"]["passed"] is True
    lines = (workspace / "data" / "audit" / "drills.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [report["outcome"]]
    assert "breaker         passed; required in shadow" in polyarb("drill", "--list").stdout


# Scripts


def run_script(
    name: str, workspace: Path, *words: str, path: Path
) -> subprocess.CompletedProcess[str]:
    """Run a script of ours with a `polyarb` that lies first in the path."""
    return subprocess.run(
        [str(ROOT / "scripts" / name), *words],
        cwd=workspace,
        env={**environment(), "PATH": f"{path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def install(folder: Path, body: str) -> Path:
    """Put a `polyarb` into a folder that notes how it was called."""
    folder.mkdir()
    script = folder / "polyarb"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/called"\n{body}\n')
    script.chmod(0o755)
    pause = folder / "sleep"
    pause.write_text("#!/bin/sh\n")
    pause.chmod(0o755)
    return folder


def called(folder: Path) -> list[str]:
    return (folder / "called").read_text().splitlines()


def test_the_gate_script_is_the_command(workspace: Path, tmp_path: Path) -> None:
    real = " ".join(command())
    folder = install(tmp_path / "bin", f'exec {real} "$@"')
    ended = run_script("go_no_go_check.sh", workspace, "--phase", "moon", path=folder)
    assert ended.returncode == 2
    assert called(folder) == ["go-no-go --phase moon"]


def test_the_live_script_ends_where_the_gate_says_no(workspace: Path, tmp_path: Path) -> None:
    folder = install(tmp_path / "bin", 'case "$1" in go-no-go) exit 1 ;; esac')
    ended = run_script("start_live_safe.sh", workspace, path=folder)
    assert ended.returncode == 1
    assert called(folder) == ["go-no-go --phase micro-live"]


def test_the_live_script_ends_where_the_backup_fails(workspace: Path, tmp_path: Path) -> None:
    folder = install(tmp_path / "bin", 'case "$1" in backup) exit 4 ;; esac')
    assert run_script("start_live_safe.sh", workspace, "scaled", path=folder).returncode == 4
    assert called(folder) == ["go-no-go --phase scaled", "backup create"]


@pytest.mark.parametrize(
    ("code", "reports"), [(0, True), (1, True), (4, True), (3, False)], ids=str
)
def test_the_live_script_goes_gate_backup_risk_countdown_run_report(
    workspace: Path, tmp_path: Path, code: int, reports: bool
) -> None:
    folder = install(tmp_path / "bin", f'case "$1" in start) exit {code} ;; esac')
    ended = run_script("start_live_safe.sh", workspace, "micro-live", "--json", path=folder)
    assert ended.returncode == code
    assert ended.stderr.splitlines()[:6] == [
        "REAL MONEY: micro-live starts in 5 seconds; Ctrl-C stops it now.",
        *"54321",
    ]
    assert called(folder) == [
        "go-no-go --phase micro-live",
        "backup create",
        "profiles check",
        "start --phase micro-live --json",
        *(["report daily"] if reports else []),
    ]


def test_the_live_script_starts_no_other_phase(workspace: Path, tmp_path: Path) -> None:
    folder = install(tmp_path / "bin", "")
    ended = run_script("start_live_safe.sh", workspace, "shadow", path=folder)
    assert ended.returncode == 2
    assert not (folder / "called").exists()


def test_three_advised_checks_cannot_all_be_forgiven() -> None:
    assert {SPECS[CheckId(one)].priority for one in ("S5", "O1", "O3")} == {Priority.P1}
