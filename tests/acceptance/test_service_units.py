"""The shipped units are understood by systemd, confine what they start, and run what exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.app import command, environment

UNITS = sorted((Path(__file__).parents[2] / "scripts" / "systemd").iterdir())
EXPOSURE_MAX = 30
"""Of 100, as `systemd-analyze security` counts."""
PLACE = "/opt/polyarb/bin/polyarb"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Copy the units with a program in place that exists on this machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        name = unit.name.replace("@.", "@shadow.")
        (tmp_path / name).write_text(unit.read_text().replace(PLACE, sys.executable))
    return tmp_path


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_no_fault_in_any_unit(installed: Path) -> None:
    found = _analyze("verify", *map(str, sorted(installed.iterdir())))
    told = [line for line in found.stderr.splitlines() if "polyarb" in line]
    assert (found.returncode, told) == (0, [])


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name
)
def test_a_service_is_confined(installed: Path, unit: Path) -> None:
    path = installed / unit.name.replace("@.", "@shadow.")
    found = _analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(path))
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name
)
def test_a_service_starts_commands_that_exist(unit: Path) -> None:
    starts = re.findall(rf"^Exec\w+={PLACE} (\S+(?: [a-z]\S*)?)", unit.read_text(), re.MULTILINE)
    assert starts
    for start in starts:
        helped = subprocess.run(
            command(*start.split(), "--help"), capture_output=True, env=environment(), check=False
        )
        assert helped.returncode == 0, start


def test_the_trader_is_watched_by_progress_and_not_restarted_into_a_refusal() -> None:
    (text,) = [unit.read_text() for unit in UNITS if unit.name == "polyarb-trader@.service"]
    for line in (
        "Type=notify",
        "WatchdogSec=10",
        "Restart=on-failure",
        "RestartPreventExitStatus=2 3 5",
        "OnFailure=polyarb-flatten.service",
        "StartLimitBurst=3",
    ):
        assert line in text.splitlines()
