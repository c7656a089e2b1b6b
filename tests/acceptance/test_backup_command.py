"""`polyarb backup` as typed: beside a running trader, restored elsewhere, by script and cron."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from polyarb.store.backup.copying import list_files
from polyarb.store.locks import acquire
from tests.acceptance.app import Polyarb, command, environment

_LITTLE_SPACE = 'trap "" XFSZ; ulimit -f 200; exec "$@"'
SCRIPTS = Path(__file__).parents[2] / "scripts"
CANARIES = {
    "POLYARB_UNKNOWN_SECRET": "canary-of-env-file",
    "TELEGRAM_BOT_TOKEN": "canary-of-a-bot",
    "SIGNER": "0x" + "c0ffee11" * 8,
}


@pytest.fixture
def traded(workspace: Path, polyarb: Polyarb) -> Path:
    """Play the shipped tape once and build the tables."""
    assert polyarb("start", "--phase", "shadow", "--speed", "max").returncode == 0
    assert polyarb("ledger", "rebuild").returncode == 0
    return workspace


def run_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def names_of(workspace: Path) -> list[str]:
    return sorted(path.name for path in (workspace / "backups").glob("[0-9]*"))


def test_a_restored_workspace_starts_halted_and_everything_works_there(
    traded: Path, polyarb: Polyarb, tmp_path: Path
) -> None:
    assert polyarb("backup", "create").returncode == 0
    (name,) = names_of(traded)
    assert polyarb("backup", "verify").returncode == 0
    new = tmp_path / "new"
    restored = polyarb("backup", "restore", name, "--into", str(new))
    assert restored.returncode == 0, restored.stderr
    assert "halt latched by restore" in run_in(new, "status").stdout
    verified = run_in(new, "ledger", "verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["is_sound"]) == (0, True)
    assert run_in(new, "replay", "verify").returncode == 0
    assert run_in(new, "report", "daily").returncode == 0
    assert run_in(new, "backup", "list").returncode == 0
    started = run_in(new, "start", "--phase", "shadow", "--speed", "max")
    assert started.returncode == 0, started.stderr
    assert "a halt is latched: watching only" in started.stderr
    assert "ACTIVE" not in started.stderr
    again = polyarb("backup", "restore", name, "--into", str(new))
    assert again.returncode == 3
    assert "nothing is ever overwritten" in again.stderr


def test_a_backup_is_made_and_verified_beside_a_running_trader(
    workspace: Path, polyarb: Polyarb
) -> None:
    trader = subprocess.Popen(
        command("start", "--phase", "shadow", "--speed", "0.5", "--duration", "10m"),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not (workspace / "data" / "status.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(2):
            made = polyarb("backup", "create")
            assert made.returncode == 0, made.stderr
        assert polyarb("backup", "verify", "--all").returncode == 0
        name = names_of(workspace)[0]
        over = polyarb("backup", "restore", name, "--into", str(workspace))
        assert over.returncode == 3
        assert f"process {trader.pid} trades in" in over.stderr
        assert trader.poll() is None
    finally:
        trader.terminate()
        trader.wait(30)
    assert len(names_of(workspace)) == 2


def test_two_backups_at_once_are_refused_for_safety(workspace: Path, polyarb: Polyarb) -> None:
    lock = acquire(workspace / "backups" / ".lock", "the folder of backups")
    refused = polyarb("backup", "create")
    lock.release()
    assert refused.returncode == 3
    assert f"in use by process {os.getpid()}" in refused.stderr
    assert names_of(workspace) == []


def test_no_secret_of_this_machine_is_in_any_byte_of_a_backup(
    traded: Path, polyarb: Polyarb, tmp_path: Path
) -> None:
    env = traded / ".env"
    lines = [f"{name}={value}\n" for name, value in CANARIES.items() if "UNKNOWN" not in name]
    env.write_text("".join(lines))
    env.chmod(0o600)
    secrets = {**environment(), "NODE_API_KEY": "canary-of-the-environment"}
    made = subprocess.run(
        command("backup", "create", "--with-tapes"),
        cwd=traded,
        env=secrets,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (name,) = names_of(traded)
    assert polyarb("backup", "restore", name, "--into", str(tmp_path / "new")).returncode == 0
    looked_at = [*list_files(traded / "backups"), *list_files(tmp_path / "new")]
    looked_at += list_files(traded / "data")
    assert len(looked_at) > 60
    for _, path in looked_at:
        content = path.read_bytes()
        for value in (*CANARIES.values(), "canary-of-the-environment"):
            assert value.encode() not in content, path
    manifest = json.loads((traded / "backups" / name / "manifest.json").read_bytes())
    assert manifest["env"]["names"] == ["TELEGRAM_BOT_TOKEN", "SIGNER"]
    assert not (tmp_path / "new" / ".env").exists()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("config/constraints.yaml", "private_key: canary-of-a-key\n"),
        ("config/profiles/custom/mine.yaml", "# by hand\nbot_token: 'canary-of-a-key'\n"),
        ("data/audit/config_changes.jsonl", '{"PRIVATE_KEY":"canary-of-a-key"}\n'),
        ("config/alerts.yaml", "to: https://me:canary-of-a-key@example.org/\n"),
    ],
)
def test_a_file_that_tells_a_secret_is_refused_with_its_line_and_not_its_value(
    workspace: Path, polyarb: Polyarb, path: str, text: str
) -> None:
    (workspace / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace / path).write_text(text)
    refused = polyarb("backup", "create")
    assert refused.returncode == 3
    assert f"{path}:{text.count(chr(10))}: expected no secret" in refused.stderr
    assert "canary" not in refused.stderr + refused.stdout
    assert names_of(workspace) == []


def test_a_full_disk_is_a_fault_and_the_next_backup_is_whole(
    traded: Path, polyarb: Polyarb
) -> None:
    limited = subprocess.run(
        ["/bin/sh", "-c", _LITTLE_SPACE, "sh", *command("backup", "create")],
        cwd=traded,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 4, limited.stderr
    assert "free space on that disk" in limited.stderr
    assert [path.name for path in (traded / "backups").iterdir()] == [".lock"]
    assert polyarb("backup", "create").returncode == 0
    assert polyarb("backup", "verify").returncode == 0


# What operators install.


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which `polyarb` is found as it is when installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "polyarb"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m polyarb "$@"\n')
    program.chmod(0o755)
    return {**environment(), "PATH": f"{folder}:{os.environ['PATH']}"}


def script(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPTS / "backup_state.sh"), *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_script_backs_up_verifies_and_prunes(traded: Path, on_path: dict[str, str]) -> None:
    done = script(traded, on_path)
    assert done.returncode == 0, done.stderr
    (name,) = names_of(traded)
    assert f"{name}: whole" in done.stdout
    assert "1 backup kept, 0 removed" in done.stdout
    records = (traded / "data/audit/backups.jsonl").read_text().splitlines()
    assert [json.loads(line)["deed"] for line in records] == ["created", "verified"]
    assert script(traded, on_path, "--with-tapes").returncode == 0


def test_the_script_ends_with_the_code_of_what_failed(
    workspace: Path, on_path: dict[str, str], tmp_path: Path
) -> None:
    assert script(tmp_path, on_path).returncode == 2
    lock = acquire(workspace / "backups" / ".lock", "the folder of backups")
    assert script(workspace, on_path).returncode == 3
    lock.release()
    # A backup from the future: made and verified, but nothing may be pruned by such a clock.
    assert script(workspace, on_path).returncode == 0
    (name,) = names_of(workspace)
    (workspace / "backups" / name).rename(workspace / "backups" / "29990101_0000")
    failed = script(workspace, on_path)
    assert failed.returncode == 1
    assert "29990101_0000: DAMAGED" in failed.stdout


def test_cron_runs_what_exists_at_times_that_cron_understands() -> None:
    text = (SCRIPTS / "cron" / "polyarb").read_text()
    jobs = [line for line in text.splitlines() if re.match(r"[\d*]", line)]
    assert len(jobs) == 3
    for job in jobs:
        fields = job.split()
        assert all(re.fullmatch(r"\*|\d+", field) for field in fields[:5])
        assert fields[5:9] == ["polyarb", "nice", "-n", "10"]
        words = fields[9:]
        if words[0] == "polyarb":
            helped = subprocess.run(
                command(*words[1:3], "--help"), capture_output=True, env=environment(), check=False
            )
            assert helped.returncode == 0
        else:
            assert (SCRIPTS.parent / words[0].removeprefix("/opt/polyarb/")).stat().st_mode & 0o111
    # A bare % ends a command in a crontab.
    assert not re.search(r"(?<!\\)%", text)


@pytest.mark.parametrize("unit", ["polyarb-backup", "polyarb-report", "polyarb-restore-drill"])
def test_every_timer_has_its_service_and_a_time(unit: str) -> None:
    timer = (SCRIPTS / "systemd" / f"{unit}.timer").read_text()
    assert (SCRIPTS / "systemd" / f"{unit}.service").is_file()
    assert "OnCalendar=" in timer
    assert "Persistent=yes" in timer


def test_the_service_does_what_the_script_does() -> None:
    service = (SCRIPTS / "systemd" / "polyarb-backup.service").read_text()
    starts = re.findall(r"^ExecStart=\S+ (.*)$", service, re.MULTILINE)
    typed = (SCRIPTS / "backup_state.sh").read_text().replace(' "$@"', "")
    assert starts == re.findall(r"^(?:exec )?polyarb (.*)$", typed, re.MULTILINE)
