"""The doctor on installed units: what differs from this version is named line by line."""

from pathlib import Path

import pytest
from polyarb.host.checkup import Result
from polyarb.store.workspace import Workspace
from polyarb.wiring.doctor.units import check_units
from polyarb.wiring.units import write_for

TRADER = "polyarb-trader@.service"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    (tmp_path / "workspace").mkdir()
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def folder(place: Workspace, tmp_path: Path) -> Path:
    write_for(place, tmp_path / "units", may_replace=False)
    return tmp_path / "units"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_where_no_unit_is_installed_nothing_is_compared(place: Workspace, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        found = check_units(place, folder)
        assert found.result is Result.SKIPPED
        assert str(folder) in found.found


def test_units_as_this_version_writes_them_are_well(place: Workspace, folder: Path) -> None:
    found = check_units(place, folder)
    assert (found.result, found.found) == (Result.OK, "9 of 9 units are as shipped")


def test_a_changed_line_is_named_with_what_is_to_be_done(place: Workspace, folder: Path) -> None:
    edit(folder / TRADER, "WatchdogSec=10", "WatchdogSec=0")
    found = check_units(place, folder)
    assert found.result is Result.WARN
    assert found.found.startswith("8 of 9 units are as shipped; ")
    assert f"{TRADER} differs: -WatchdogSec=10 | +WatchdogSec=0" in found.found
    assert found.remedy.startswith(f"sudo polyarb units --into {folder} --replace")
    assert found.measured == {"changed": 1, "missing": 0}


def test_of_many_changed_lines_the_first_are_told(place: Workspace, folder: Path) -> None:
    edit(folder / TRADER, "[Service]\n", "[Service]\n" + "Environment=A=1\n" * 7)
    assert "and 3 more lines" in check_units(place, folder).found


def test_a_unit_for_another_workspace_is_told(place: Workspace, folder: Path) -> None:
    edit(
        folder / "polyarb-watch.service", f"POLYARB_WORKSPACE={place.root}", "POLYARB_WORKSPACE=/x"
    )
    found = check_units(place, folder)
    assert found.result is Result.WARN
    assert "+Environment=POLYARB_WORKSPACE=/x" in found.found


def test_a_unit_that_another_one_starts_is_missed(place: Workspace, folder: Path) -> None:
    (folder / "polyarb-flatten.service").unlink()
    found = check_units(place, folder)
    assert found.result is Result.WARN
    assert "not there, but started by others: polyarb-flatten.service" in found.found


def test_what_an_operator_added_is_told_and_no_fault(place: Workspace, folder: Path) -> None:
    (folder / f"{TRADER}.d").mkdir()
    (folder / f"{TRADER}.d" / "memory.conf").write_text("[Service]\nMemoryMax=8G\n")
    (folder / "polyarb-mine.timer").write_text("")
    (folder / "polyarb-mine.service").write_text("")
    found = check_units(place, folder)
    assert found.result is Result.OK
    assert f"settings beside them: {TRADER}.d/memory.conf" in found.found
    assert "not shipped: polyarb-mine.service, polyarb-mine.timer" in found.found
