"""`polyarb profiles` as typed: list, show, check, diff, apply, rollback, history."""

import json
import os
import shutil
from pathlib import Path

import pytest
import typer
from polyarb.cli import profiles
from polyarb.cli.output import fail
from polyarb.domain.errors import PolyarbError

APP = typer.Typer()
APP.add_typer(profiles.app, name="profiles")
SAFE = "live_safe_atomic_v1"


@pytest.fixture(autouse=True)
def workspace(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a workspace of the shipped configuration."""
    for name in os.environ:
        if name.upper().startswith("POLYARB_"):
            monkeypatch.delenv(name)
    shutil.copytree(root / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    """Run a command as the installed app does and return its exit code."""
    with pytest.raises(SystemExit) as left:
        try:
            APP(["profiles", *arguments])
        except PolyarbError as fault:
            fail(fault)
    return int(left.value.code or 0)


def edit(workspace: Path, name: str, old: str, new: str) -> None:
    path = workspace / "config" / "profiles" / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_list_shows_every_profile(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(
        workspace / "config/profiles/sandbox.yaml", workspace / "config/profiles/custom/a.yaml"
    )
    assert run("list") == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert len(lines) == 13
    assert lines[0].split()[:3] == ["profile", "run", "phase"]
    assert lines[6].split() == [SAFE, "live", "micro-live", "2", "5", "0.015", "20", "3"]
    assert lines[12].split()[:3] == ["custom/a", "shadow", "-"]
    assert not told.err


def test_list_is_json_of_whole_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert len(found) == 11
    assert found[SAFE]["profile"]["sizing"]["trade_size"] == 2_000_000
    assert found[SAFE]["is_custom"] is False
    assert found[SAFE]["fault"] == ""


def test_list_shows_the_others_beside_an_invalid_one(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(workspace, "sandbox", "run: shadow", "rum: shadow")
    assert run("list") == 2
    told = capsys.readouterr()
    assert "sandbox                     invalid" in told.out
    assert "taker                       shadow" in told.out
    assert "sandbox.yaml:4: rum: expected run (the nearest), found an unknown key" in told.err


def test_show_tells_the_source_of_every_value(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".env").write_text("POLYARB_GUARDS__SETTLE_MS=20\n")
    monkeypatch.setenv("POLYARB_SIZING__TRADE_SIZE_USD", "1")
    assert run("show", SAFE, "--set", "envelope.venues_max=1", "--set", "guards.skew_ms_max=9") == 0
    told = capsys.readouterr()
    rows = {line.split()[0]: line.split() for line in told.out.splitlines() if line}
    profile = str(Path(f"config/profiles/{SAFE}.yaml"))
    assert rows["run"] == ["run", "live", f"{profile}:8"]
    assert rows["sizing.gas_per_plan_usd"] == ["sizing.gas_per_plan_usd", "0.02", "default"]
    assert rows["guards.settle_ms"][1:] == ["20", ".env:1", "(POLYARB_GUARDS__SETTLE_MS)"]
    assert rows["envelope.venues_max"][1:4] == ["1", "command", "line"]
    assert rows["profile"] == ["profile", SAFE]
    assert len(rows["digest"][1]) == 64
    assert told.err.splitlines() == [
        "sizing.trade_size_usd is 1 instead of 2: environment (POLYARB_SIZING__TRADE_SIZE_USD)",
        "guards.settle_ms is 20 instead of 10: .env:1 (POLYARB_GUARDS__SETTLE_MS)",
        "guards.skew_ms_max is 9 instead of 100: command line (--set guards.skew_ms_max)",
    ]


def test_show_without_a_name_shows_the_workspaces_choice(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("/")
    assert run("show", "--json", "--workspace", str(workspace)) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["name"] == "live_shadow_atomic_v1"
    assert set(answer) == {"name", "digest", "values"}
    assert answer["values"][0].keys() == {"key", "value", "source", "replaces"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["show", "live_saef"], 2, "expected live_safe (the nearest), found live_saef"),
        (["show", SAFE, "--set", "x"], 2, "--set x: expected KEY=VALUE, each key once"),
        (["show", SAFE, "--set", "a=1", "--set", "a=2"], 2, "each key once"),
        (["show", SAFE, "--set", "sizing.trade_size_usd=3"], 3, "expected at most 2, found 3"),
        (["show", SAFE, "--set", "run=shadow"], 2, "an unknown key"),
        (["check", "nothing_like_it"], 2, "expected one of aggressive, balanced"),
        (["list", "--workspace", "/"], 2, "expected a workspace"),
    ],
)
def test_a_wrong_question_leaves_with_its_code(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == code
    assert told in capsys.readouterr().err


def test_a_readable_file_of_secrets_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".env").write_text("PRIVATE_KEY=abc\n")
    (workspace / ".env").chmod(0o644)
    assert run("show", SAFE) == 3
    assert "chmod 600" in capsys.readouterr().err


def test_check_proves_every_shipped_profile_legal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    told = capsys.readouterr()
    assert told.out.count(": legal\n") == 11
    assert not told.err


def test_check_prints_the_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", SAFE) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["negrisk_split", "2", "even", "legs", "5", "5", "2.54", "rounded", "up"] in lines
    assert ["negrisk_no", "2", "even", "legs", "5", "4.93", "2.47", "rounded", "up"] in lines
    text = "negrisk_no 2 legs, one at 0.05 20 19.71 18.71 illegal: capital 19.71 is above"
    assert [*text.split(), "trade_size_ceiling_usd", "5"] in lines
    assert ["even", "legs", "at", "most:", "negrisk_no", "2,", "negrisk_split", "5"] in lines
    assert lines[1][:4] == ["trade", "2", "USD,", "ceiling"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trade_size_ceiling_usd: 5", "trade_size_ceiling_usd: 4"),
        ("families: [binary, negrisk_no, negrisk_split]", "families: [binary]"),
    ],
)
def test_check_refuses_a_phase_that_can_place_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    edit(workspace, SAFE, old, new)
    assert run("check", SAFE) == 1
    assert f"{SAFE}: illegal" in capsys.readouterr().out
    assert run("check", "--json") == 1
    verdicts = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert verdicts[SAFE]["verdict"] == "illegal"
    assert verdicts["sandbox"]["verdict"] == "legal"


def test_check_tells_every_fault_of_every_file_once(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(workspace, "sandbox", "run: shadow", "rum: shadow")
    edit(workspace, "taker", "phase: null", "phase: nil")
    config = workspace / "config" / "config.yaml"
    config.write_text(config.read_text() + "extra: 1\n")
    assert run("check", "--json") == 2
    told = capsys.readouterr()
    assert told.err.count("extra: expected") == 1
    assert told.err.count("sandbox.yaml") == 2
    assert told.err.count("taker.yaml") == 1
    entry = next(entry for entry in json.loads(told.out) if entry["name"] == "taker")
    assert entry["verdict"] == "invalid"
    assert "phase: expected one of shadow" in entry["fault"]


def test_check_reads_the_phases_and_the_constraints_too(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "config" / "constraints.yaml").write_text("relations: 5\n")
    assert run("check") == 2
    assert "constraints.yaml:1: relations: expected a list" in capsys.readouterr().err


def test_the_proof_of_an_invalid_profile_is_its_faults(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(workspace, SAFE, "  venues_max: 1\n", "")
    assert run("check", SAFE) == 2
    told = capsys.readouterr()
    assert told.out.strip() == f"{SAFE}: invalid"
    assert "envelope.venues_max: expected a whole number" in told.err


@pytest.mark.parametrize("command", ["list", "show", "check"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    told = capsys.readouterr().out
    assert "--workspace" in told and "--json" in told


def test_a_change_is_shown_confirmed_applied_listed_and_taken_back(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shadow = "live_shadow_atomic_v1"
    shutil.copy(
        workspace / f"config/profiles/{shadow}.yaml", workspace / "config/profiles/custom/wide.yaml"
    )
    edit(workspace, "custom/wide", "daily_loss_usd_max: 1\n", "daily_loss_usd_max: 2\n")
    assert run("diff", "custom/wide") == 0
    shown = capsys.readouterr().out
    assert "envelope.daily_loss_usd_max: 1 to 2" in shown
    assert "INCREASE_DAILY_LOSS" in shown
    assert run("apply", "custom/wide") == 3
    assert "--accept INCREASE_DAILY_LOSS" in capsys.readouterr().err
    assert run("apply", "custom/wide", "--accept", "INCREASE_DAILY_LOSS", "--reason", "a try") == 0
    assert "phases.shadow: live_shadow_atomic_v1 to custom/wide" in capsys.readouterr().out
    assert run("apply", "custom/wide") == 0
    assert "nothing changes" in capsys.readouterr().out
    assert run("rollback", "--phase", "shadow", "--json") == 0
    assert json.loads(capsys.readouterr().out)["profile_name"] == shadow
    assert run("history", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["applied_by"], each["reason"]) for each in listed] == [
        ("rollback", "by hand"),
        ("user", "a try"),
    ]
    assert run("history", "--limit", "1") == 0
    assert "by rollback" in capsys.readouterr().out
    assert run("rollback", "--phase", "shadow") == 3


def test_a_comparison_of_two_profiles_names_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("diff", "aggressive", "sandbox", "--json") == 0
    compared = json.loads(capsys.readouterr().out)
    assert (compared["previous_name"], compared["profile_name"]) == ("sandbox", "aggressive")
    assert compared["diff"]["sizing.trade_size_usd"] == {"old": "1", "new": "20"}
    assert run("diff", "sandbox", "sandbox") == 0
    assert "no value differs" in capsys.readouterr().out
    assert run("diff", "no_such_one") == 2
