"""`polyarb init` as typed."""

import json
from pathlib import Path

import pytest
import typer
from polyarb.cli import init
from polyarb.cli.output import fail
from polyarb.domain.errors import PolyarbError

APP = typer.Typer()
APP.callback()(lambda: None)
APP.command("init")(init.init)


def run(*arguments: str) -> int:
    """Run a command as the installed app does and return its exit code."""
    with pytest.raises(SystemExit) as left:
        try:
            APP(["init", *arguments])
        except PolyarbError as fault:
            fail(fault)
    return int(left.value.code or 0)


def test_init_makes_a_workspace_and_says_what_is_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path / "w")) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"workspace {tmp_path.resolve() / 'w'}: ")
    assert "0 kept\nnext: polyarb start --phase shadow" in told.out
    assert not told.err
    assert (tmp_path / "w" / "data" / "samples" / "tape_hockey.jsonl.gz").is_file()


def test_init_here_and_by_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run() == 0
    assert run("--workspace", "other") == 0
    assert (tmp_path / "config" / "config.yaml").is_file()
    assert (tmp_path / "other" / "config" / "config.yaml").is_file()
    assert not capsys.readouterr().err


def test_a_second_init_keeps_everything_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path)) == 0
    capsys.readouterr()
    assert run(str(tmp_path)) == 0
    told = capsys.readouterr()
    assert ": 0 files written, " in told.out
    assert "kept config/config.yaml" in told.err.splitlines()
    assert run(str(tmp_path), "--json") == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert answer["workspace"] == str(tmp_path.resolve())
    assert answer["written"] == []
    assert "config/profiles/live_shadow_atomic_v1.yaml" in answer["kept"]


def test_init_on_a_file_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert run(str(tmp_path / "file")) == 2
    assert "expected a directory, found a file" in capsys.readouterr().err


def test_init_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "a file that exists is kept" in capsys.readouterr().out
