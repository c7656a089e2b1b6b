"""`polyarb backup` in process: what each command says, and its exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from polyarb.cli.app import app
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.output import exit_code_of
from polyarb.domain.errors import PolyarbError
from polyarb.store.backup.places import list_names
from polyarb.store.projections import rebuild
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.backups import backups
from tests.backup_cases import append, flip_bit, halts, write

Call = Callable[..., int]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    # The tests that follow in this process keep their priority.
    monkeypatch.setattr(backups, "step_back", lambda: None)
    root = tmp_path / "workspace"
    create_workspace(root, shipped_templates())
    found = open_workspace(root)
    append(found, halts(5))
    rebuild(found.database_file, found.journal_file, found.journal_dir)
    return found


@pytest.fixture
def polyarb(place: Workspace) -> Call:
    def call(*words: str) -> int:
        try:
            app(args=[*words, "--workspace", str(place.root)])
        except PolyarbError as fault:
            return exit_code_of(fault)
        except SystemExit as ended:
            return int(ended.code or 0)
        raise AssertionError("a command always leaves with a code")

    return call


@pytest.fixture
def name(place: Workspace) -> str:
    return backups.create(place).manifest.name


def test_a_backup_is_made_and_told(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place.root, "data/tape/run-1/a.jsonl.gz", b"frames")
    place.database_file.unlink()
    write(place.backups_dir, ".20260607_1200.partial/a", "half")
    assert polyarb("backup", "create") == ExitCode.DONE
    (name,) = list_names(place.backups_dir)
    told = capsys.readouterr()
    assert f"{name}: " in told.out
    assert "journal up to record 5" in told.out
    assert "1 tape file (6 bytes) named, not copied: --with-tapes" in told.out
    assert "removed .20260607_1200.partial, which an interrupted call left behind" in told.err
    assert "the database is left out: there is none" in told.err


def test_a_backup_with_tapes_says_nothing_of_tapes(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place.root, "data/tape/run-1/a.jsonl.gz", b"frames")
    assert polyarb("backup", "create", "--with-tapes", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["manifest"]["tapes"][0]["is_included"] is True
    assert polyarb("backup", "create", "--with-tapes") == ExitCode.DONE
    assert "not copied" not in capsys.readouterr().out


def test_backups_are_listed_with_what_was_found_of_them(
    place: Workspace, polyarb: Call, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("backup", "list") == ExitCode.DONE
    (line,) = [line for line in capsys.readouterr().out.splitlines() if name in line]
    assert line.split()[-1] == "no"
    polyarb("backup", "verify")
    capsys.readouterr()
    polyarb("backup", "list")
    assert "UTC" in capsys.readouterr().out.splitlines()[-1].split("MB")[-1]
    assert polyarb("backup", "list", "--json") == ExitCode.DONE
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["is_verified"], told["records"]) == (name, True, 5)
    flip_bit(place.backups_dir / name / "manifest.json", 1)
    polyarb("backup", "list")
    assert "manifest.json: MANIFEST" in capsys.readouterr().out


def test_verifying_says_whole_or_names_what_is_not(
    place: Workspace, polyarb: Call, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("backup", "verify", name) == ExitCode.DONE
    assert f"{name}: whole" in capsys.readouterr().out
    assert polyarb("backup", "verify", str(place.backups_dir / name)) == ExitCode.DONE
    flip_bit(place.backups_dir / name / "config/config.yaml", 1)
    assert polyarb("backup", "verify", "--latest") == ExitCode.NO
    told = capsys.readouterr().out
    assert f"{name}: DAMAGED" in told
    assert "  config/config.yaml: CHANGED: expected" in told
    backups.create(place)
    assert polyarb("backup", "verify") == ExitCode.DONE
    assert polyarb("backup", "verify", "--all", "--json") == ExitCode.NO
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["is_sound"] for one in found] == [False, True]


def test_verifying_nothing_is_no_evidence(
    polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ((), ("--all",), ("--latest",)):
        assert polyarb("backup", "verify", *words) == ExitCode.INSUFFICIENT
        assert "there is no backup" in capsys.readouterr().out


def test_one_choice_of_backups_is_enough(polyarb: Call, name: str) -> None:
    assert polyarb("backup", "verify", name, "--all") == ExitCode.USAGE
    assert polyarb("backup", "verify", "--latest", "--all") == ExitCode.USAGE
    assert polyarb("backup", "verify", "20200101_0000") == ExitCode.USAGE


def test_a_restore_tells_state_halt_and_missing_tapes(
    place: Workspace, polyarb: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place.root, "data/tape/run-1/a.jsonl.gz", b"frames")
    name = backups.create(place).manifest.name
    into = tmp_path / "new"
    assert polyarb("backup", "restore", name, "--into", str(into)) == ExitCode.DONE
    told = capsys.readouterr()
    assert "halted: reconcile, then `polyarb resume`" in told.out
    assert "database restored, 0 records applied" in told.out
    assert "data/tape/run-1 is not in the backup" in told.err
    assert polyarb("backup", "restore", name, "--into", str(into)) == ExitCode.REFUSED
    other = str(tmp_path / "other")
    path = str(place.backups_dir / name)
    assert polyarb("backup", "restore", path, "--into", other, "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["workspace"] == other


def test_an_absent_tape_of_a_run_is_told_at_once(
    place: Workspace,
    polyarb: Call,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(backups, "_absent_tapes", lambda _place: ("/tapes/a.jsonl.gz",))
    assert polyarb("backup", "restore", name, "--into", str(tmp_path / "new")) == ExitCode.DONE
    told = capsys.readouterr().err
    assert "a run names the tape /tapes/a.jsonl.gz, which is not there" in told


def test_pruning_tells_what_stays_and_for_what(
    place: Workspace, polyarb: Call, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("backup", "prune") == ExitCode.REFUSED
    polyarb("backup", "verify")
    capsys.readouterr()
    assert polyarb("backup", "prune", "--yes") == ExitCode.DONE
    told = capsys.readouterr().out
    reasons = "of the last 7 days, hourly, daily, weekly, monthly, newest verified"
    assert f"keep {name}: {reasons}\n" in told
    assert "1 backup kept, 0 removed" in told
    assert polyarb("backup", "prune", "--expect", "0", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["removed"] == []


def test_pruning_without_a_yes_says_what_would_go(
    place: Workspace,
    polyarb: Call,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    polyarb("backup", "verify")
    manifest = backups.create(place).manifest
    chosen = backups.Pruning(kept=(), expired=(manifest.name,))
    monkeypatch.setattr(backups, "choose_expired", lambda *_words, **_options: chosen)
    capsys.readouterr()
    assert polyarb("backup", "prune") == ExitCode.DONE
    told = capsys.readouterr().out
    assert f"would remove {manifest.name}" in told
    assert "0 backups kept, 1 would remove; `--yes` does it" in told
    assert polyarb("backup", "prune", "--yes") == ExitCode.DONE
    assert f"removed {manifest.name}" in capsys.readouterr().out
    assert list_names(place.backups_dir) == (name,)


def test_a_drill_says_every_step_and_its_verdict(
    place: Workspace, polyarb: Call, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("backup", "drill") == ExitCode.DONE
    told = capsys.readouterr().out
    assert f"restore drill of {name}: PASSED, ready after" in told
    assert "  ok   boots halted: as expected" in told
    flip_bit(place.backups_dir / name / "data/events.jsonl", 1)
    assert polyarb("backup", "drill") == ExitCode.NO
    told = capsys.readouterr().out
    assert "FAILED\n  FAIL restore: backup" in told
    assert polyarb("backup", "drill", "--json") == ExitCode.NO
    assert json.loads(capsys.readouterr().out)["is_passed"] is False


def test_a_command_that_works_hard_lets_others_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    monkeypatch.setattr("os.getpriority", lambda *_: 3)
    monkeypatch.setattr("os.nice", raised.append)
    backups.step_back()
    assert raised == [7]
    monkeypatch.setattr("os.getpriority", lambda *_: 10)
    backups.step_back()
    assert raised == [7]
