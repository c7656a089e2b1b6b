"""Recordings are kept within their limits while a run lasts, and what a replay needs stays."""

import shutil
import time
from concurrent.futures import wait
from pathlib import Path
from random import Random

import msgspec
import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.market import Catalogue
from polyarb.domain.surroundings import RecordingSettings, RecordingsRemoved
from polyarb.domain.units import MICRO
from polyarb.store.memory import MemoryJournal
from polyarb.store.recording import TapeWriter
from polyarb.store.tape_index import read_index
from polyarb.store.workspace import Workspace
from polyarb.wiring.recipe import Recipe, save_recipe
from polyarb.wiring.recordings import refuse_pruned
from polyarb.wiring.retaining import HourlyRetention
from tests.feeds import Drive
from tests.worlds import ROOMY

HOUR_S = 3_600
NOW_S = 1_780_794_000 + 40 * HOUR_S
GIB = 1 << 30


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "data").mkdir()
    return Workspace(tmp_path)


def record(workspace: Workspace, run_id: str, *hours_ago: int) -> int:
    """Record an hour's file of random bytes each; return the bytes of one."""
    directory = workspace.tape_dir / run_id
    writer = TapeWriter(directory)
    random = Random(run_id)
    for ago in hours_ago:
        frame = b'"%s"' % random.randbytes(6_000).hex().encode()
        writer.record(frame, (NOW_S - ago * HOUR_S) * 10**9)
    writer.close()
    return max(path.stat().st_size for path in directory.rglob("*.gz"))


def recipe(workspace: Workspace, run_id: str) -> None:
    save_recipe(
        workspace,
        Recipe(
            run_id=run_id,
            code_digest="",
            profile=ROOMY,
            catalogue=Catalogue(markets={}),
            tapes=(str((workspace.tape_dir / run_id).absolute()),),
        ),
    )


class Watch:
    """A run's retention, with a clock and ears of its own."""

    def __init__(self, workspace: Workspace, **limits: int) -> None:
        self.told: list[str] = []
        self.now_s = float(NOW_S)
        self.drive = Drive(Catalogue(markets={}), ROOMY, [])
        self.retention = HourlyRetention(
            workspace,
            RecordingSettings(**{"replay_days_min": 0, **limits}),
            workspace.tape_dir / "own",
            self.told.append,
            lambda: self.now_s,
        )

    def look(self) -> None:
        """Let one look begin and end."""
        self.retention.observe(self.drive.runner)
        looking = self.retention._looking
        if looking is not None:
            wait((looking,))
            self.retention.observe(self.drive.runner)

    @property
    def notes(self) -> list[RecordingsRemoved]:
        messages = [record.message for record in self.drive.journal.records]
        return [one for one in messages if isinstance(one, RecordingsRemoved)]


def gib(size: int) -> int:
    """Give so many bytes as the configuration has them, rounded up."""
    return -(-size * MICRO // GIB)


def files(workspace: Workspace) -> list[str]:
    root = workspace.tape_dir
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.gz"))


def test_the_oldest_hours_of_earlier_runs_go_and_are_told_and_journaled(
    workspace: Workspace,
) -> None:
    size = record(workspace, "old", 5, 4, 3)
    record(workspace, "own", 2, 1, 0)
    watch = Watch(workspace, disk_gib_max=gib(4 * size + 2_000))
    watch.look()
    assert [name.split("/")[0] for name in files(workspace)] == ["old", "own", "own", "own"]
    (note,) = watch.notes
    assert [name.split("/")[0] for name in note.files] == ["old", "old"]
    assert note.kept_bytes + note.removed_bytes >= 6 * (size - 500)
    assert watch.told[0].startswith("removed 2 of the oldest recorded files")
    assert len(read_index(workspace.tape_dir / "old")) == 1


def test_without_a_limit_nothing_is_looked_at(workspace: Workspace) -> None:
    record(workspace, "old", 900)
    watch = Watch(workspace)
    watch.look()
    assert len(files(workspace)) == 1 and watch.told == []


def test_a_look_is_taken_once_an_hour(workspace: Workspace) -> None:
    size = record(workspace, "old", 5)
    watch = Watch(workspace, disk_gib_max=gib(size + 1_000))
    watch.look()
    record(workspace, "later", 4)
    watch.look()
    assert len(files(workspace)) == 2
    watch.now_s += HOUR_S
    watch.look()
    assert [name.split("/")[0] for name in files(workspace)] == ["later"]


def test_hours_that_are_too_old_go_whatever_the_disk_holds(workspace: Workspace) -> None:
    record(workspace, "old", 26, 25, 24, 23)
    watch = Watch(workspace, days_max=1)
    watch.look()
    assert len(files(workspace)) == 2
    assert watch.notes[0].bytes_max == 0


def test_the_runs_own_tape_stays_and_too_small_a_budget_is_told_with_its_arithmetic(
    workspace: Workspace,
) -> None:
    record(workspace, "own", 9, 8, 7)
    watch = Watch(workspace, disk_gib_max=gib(10), days_max=1)
    watch.look()
    assert len(files(workspace)) == 3 and watch.notes == []
    (told,) = watch.told
    assert "more than the 0.000 GiB of recording.disk_gib_max: this run has" in told
    assert "raise disk_gib_max" in told


def test_what_a_replay_of_the_last_days_needs_stays(workspace: Workspace) -> None:
    record(workspace, "needed", 5, 4)
    recipe(workspace, "needed")
    watch = Watch(workspace, disk_gib_max=gib(10), replay_days_min=7)
    watch.now_s = time.time()
    watch.look()
    assert len(files(workspace)) == 2
    assert "kept for runs of the last 7 days" in watch.told[0]
    watch = Watch(workspace, disk_gib_max=gib(10), replay_days_min=7)
    watch.now_s = time.time() + 8 * 86_400
    watch.look()
    assert files(workspace) == []


def test_a_budget_that_the_disk_does_not_have_is_told_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(workspace.data_dir)._replace(free=GIB)
    monkeypatch.setattr("polyarb.wiring.retaining.shutil.disk_usage", lambda _path: usage)
    watch = Watch(workspace, disk_gib_max=2 * MICRO)
    for _ in range(2):
        watch.look()
        watch.now_s += HOUR_S
    (told,) = watch.told
    assert "grow by 2.000 GiB" in told and "1.000 GiB free" in told


def test_a_recipe_that_cannot_be_read_removes_nothing_and_ends_no_run(
    workspace: Workspace,
) -> None:
    record(workspace, "old", 5)
    recipe(workspace, "old")
    (path,) = (workspace.data_dir / "runs").glob("*.json")
    path.write_text("{")
    watch = Watch(workspace, disk_gib_max=gib(10))
    watch.look()
    assert len(files(workspace)) == 1
    assert "could not be brought within their limits" in watch.told[0]


def test_a_look_that_ends_with_the_run_is_told_and_not_journaled_behind_its_end(
    workspace: Workspace,
) -> None:
    record(workspace, "old", 5)
    watch = Watch(workspace, disk_gib_max=gib(10))
    watch.retention.observe(watch.drive.runner)
    watch.drive.runner.stop("enough")
    watch.retention.observe(watch.drive.runner)
    assert watch.told and watch.notes == []
    watch.now_s += HOUR_S
    watch.look()
    assert len(watch.told) == 1


def pruned(workspace: Workspace, keep: int) -> Path:
    record(workspace, "run", 5, 4, 3)
    names = files(workspace)
    for name in names[: len(names) - keep]:
        (workspace.tape_dir / name).unlink()
    return workspace.tape_dir / "run"


@pytest.mark.parametrize(("keep", "told"), [(2, "the oldest were removed"), (0, "all were")])
def test_a_run_whose_tape_was_pruned_is_not_compared_but_told(
    workspace: Workspace, keep: int, told: str
) -> None:
    with pytest.raises(StoreError, match=told):
        refuse_pruned(pruned(workspace, keep))


def test_a_whole_tape_and_one_that_no_run_recorded_are_played(
    workspace: Workspace, samples: Path
) -> None:
    refuse_pruned(pruned(workspace, keep=3))
    refuse_pruned(samples / "tape_hockey.jsonl.gz")


def test_the_note_can_be_read_from_a_journal() -> None:
    note = RecordingsRemoved(
        receive_time_ns=1, files=("a",), removed_bytes=2, kept_bytes=3, bytes_max=4
    )
    journal = MemoryJournal()
    journal.append(note, 0)
    assert msgspec.json.decode(msgspec.json.encode(note), type=RecordingsRemoved) == note
