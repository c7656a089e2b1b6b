"""How old the newest verified backup is, as a running trader is told."""

import math
import shutil
from pathlib import Path

import pytest
from polyarb.store.backup.register import backup_records
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.backups import backups, listing
from polyarb.wiring.backups.age import LOOK_NS, BackupAge

S = 1_000_000_000


class _Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.wall_ns = 0
        self.steady_ns = 1

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.steady_ns


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


def test_the_age_is_that_of_the_newest_backup_that_is_there_and_verified(place: Workspace) -> None:
    clock = _Clock()
    age = BackupAge(place, clock)
    assert age.seconds() is None
    backups.create(place)
    (listed,) = listing.list_backups(place)
    clock.steady_ns += LOOK_NS
    assert age.seconds() is None
    list(backups.verify(place, [listed.name]))
    assert age.seconds() is None
    clock.steady_ns += LOOK_NS
    clock.wall_ns = listed.created_ns + 90 * S
    assert age.seconds() == pytest.approx(90)
    shutil.rmtree(place.backups_dir / listed.name)
    clock.steady_ns += LOOK_NS
    assert age.seconds() is None


def test_a_damaged_record_is_no_age_and_stops_nothing(place: Workspace) -> None:
    path = backup_records(place).path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("nonsense\n")
    found = BackupAge(place, _Clock()).seconds()
    assert found is not None
    assert math.isnan(found)
