"""`polyarb units` as typed: what it writes is understood by systemd and confines as shipped."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb

EXPOSURE_MAX = 30
"""Of 100, as `systemd-analyze security` counts; the same as of the shipped units."""


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_units_are_written_for_this_workspace_and_once(
    polyarb: Polyarb, workspace: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "units"
    ended = polyarb("units", "--into", str(folder), "--user", "ann")
    assert ended.returncode == 0, ended.stderr
    assert f"{folder}: 9 written, 0 unchanged" in ended.stdout
    assert "systemctl daemon-reload" in ended.stdout
    named = ended.stdout.rpartition("enable --now ")[2].split()
    shipped = {path.name.removesuffix(".service") for path in folder.iterdir()}
    assert {name.replace("@shadow", "@") for name in named} <= shipped
    assert {name for name in shipped if name.endswith(".timer")} <= set(named)
    text = (folder / "polyarb-trader@.service").read_text()
    assert f"ReadWritePaths={workspace}" in text.splitlines()
    assert "User=ann" in text.splitlines()
    again = polyarb("units", "--into", str(folder), "--user", "ann", "--json")
    told = json.loads(again.stdout)
    assert (told["written"], len(told["unchanged"])) == ([], 9)
    assert told["installation"]["workspace"] == str(workspace)


def test_an_edited_unit_is_not_overwritten_unasked(polyarb: Polyarb, tmp_path: Path) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    (folder / "polyarb-watch.service").write_text("mine\n")
    ended = polyarb("units", "--into", str(folder))
    assert ended.returncode == 2
    assert "polyarb-watch.service" in ended.stderr
    assert [path.name for path in folder.iterdir()] == ["polyarb-watch.service"]
    assert polyarb("units", "--into", str(folder), "--replace").returncode == 0
    assert (folder / "polyarb-watch.service").read_text() != "mine\n"


def test_the_cron_file_is_written_alone(polyarb: Polyarb, workspace: Path, tmp_path: Path) -> None:
    ended = polyarb("units", "--cron", "--into", str(tmp_path / "cron"))
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in (tmp_path / "cron").iterdir()] == ["polyarb"]
    assert f"POLYARB_WORKSPACE={workspace}" in (tmp_path / "cron" / "polyarb").read_text()
    assert "daemon-reload" not in ended.stdout


def test_systemd_understands_what_is_written_and_it_stays_confined(
    polyarb: Polyarb, tmp_path: Path
) -> None:
    folder = tmp_path / "units"
    polyarb("units", "--into", str(folder), "--user", "root")
    for unit in sorted(folder.iterdir()):
        text = unit.read_text()
        program = next((word for word in text.split() if word.endswith("/polyarb")), "")
        text = text.replace(program.partition("=")[2], sys.executable) if program else text
        unit.with_name(unit.name.replace("@.", "@shadow.")).write_text(text)
    (folder / "polyarb-trader@.service").unlink()
    verified = analyze("verify", *map(str, sorted(folder.iterdir())))
    told = [line for line in verified.stderr.splitlines() if "polyarb" in line]
    assert (verified.returncode, told) == (0, [])
    for unit in sorted(folder.glob("*.service")):
        found = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(unit))
        assert found.returncode == 0, found.stdout


def test_what_would_not_work_is_said(polyarb: Polyarb, tmp_path: Path) -> None:
    ended = polyarb("units", "--into", str(tmp_path / "units"), "--user", "root")
    assert ended.returncode == 0
    assert "the units run as root" in ended.stderr


def test_a_user_that_is_none_gives_exit_2(polyarb: Polyarb, tmp_path: Path) -> None:
    ended = polyarb("units", "--into", str(tmp_path / "units"), "--user", "a b")
    assert ended.returncode == 2
    assert "--user" in ended.stderr
    assert not (tmp_path / "units").exists()
