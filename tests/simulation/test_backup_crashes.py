"""Backups interrupted at every step, on a full disk, by real kills, and beside a live trader."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.messages import CancelAll
from polyarb.store.backup.copying import remove_tree
from polyarb.store.backup.manifest import Manifest
from polyarb.store.backup.places import (
    list_names,
    lock_backups,
    partial_of,
    read_manifest,
    remove_backup,
    sweep,
)
from polyarb.store.backup.restoring import Target, restore_backup
from polyarb.store.backup.verifying import fold_state, verify_backup
from polyarb.store.control import read_halt
from polyarb.store.filesystem import REAL, FileSystem
from polyarb.store.journal import open_journal
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from polyarb.store.projections import catch_up
from polyarb.store.reading import read_anchor
from polyarb.store.workspace import Workspace
from tests.backup_cases import append, backup, halts, write
from tests.journal_cases import UNSYNCED
from tests.plan_lives import NOON_NS


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small workspace: every step costs a whole backup here."""
    place = Workspace(tmp_path_factory.mktemp("template") / "workspace")
    write(place.root, "config/config.yaml", "a: 1\n")
    write(place.root, "data/alerts/alerts.jsonl", '{"alert":1}\n')
    write(place.root, "data/tape/run-1/a.jsonl.gz", b"frames")
    append(place, halts(8), rotate_bytes=1_200)
    catch_up(place.database_file, place.journal_file, place.journal_dir)
    append(place, halts(2, 9))
    place.backups_dir.mkdir()
    return place.root


def forget(root: Path) -> None:
    """Remove a workspace with its read-only backups."""
    remove_tree(UNSYNCED, root)


def fresh(template: Path, root: Path) -> Workspace:
    shutil.copytree(template, root)
    return Workspace(root)


def create(place: Workspace, files: FileSystem, **options: object) -> None:
    """Make a backup as the wiring does: under the lock, what was left swept away first."""
    lock = lock_backups(place.backups_dir, files)
    try:
        sweep(place.backups_dir, files)
        backup(place, files=files, **options)
    finally:
        lock.release()


def visible(place: Workspace) -> list[str]:
    """List everything in backups/ that does not hide."""
    return sorted(path.name for path in place.backups_dir.glob("[!.]*"))


def check(place: Workspace) -> None:
    """See that what is there is whole, and that the next backup is made as if nothing was."""
    names = list_names(place.backups_dir)
    assert sorted(names) == visible(place)
    assert all(verify_backup(place.backups_dir / name).is_sound for name in names)
    create(place, UNSYNCED, with_tapes=True)
    after = list_names(place.backups_dir)
    assert len(after) == len(names) + 1
    assert all(verify_backup(place.backups_dir / name).is_sound for name in after)
    assert not list(place.backups_dir.glob(".*.partial"))


def effects_of(run: Callable[[FileSystem], None], root: Path) -> int:
    files = LossyFileSystem(root)
    run(files)
    return files.effects


def test_a_kill_at_any_step_of_a_backup_leaves_nothing_that_looks_like_one(
    template: Path, tmp_path: Path
) -> None:
    whole = fresh(template, tmp_path / "whole")
    effects = effects_of(lambda files: create(whole, files, with_tapes=True), whole.backups_dir)
    assert effects > 50
    for crash_at in range(1, effects + 1):
        place = fresh(template, tmp_path / "one")
        with pytest.raises(SimulatedCrash):
            create(place, LossyFileSystem(place.backups_dir, crash_at=crash_at), with_tapes=True)
        # Only the last two steps come after the name: the sync of it.
        assert (visible(place) == []) == (crash_at < effects)
        check(place)
        forget(place.root)


class OrderedFileSystem(FileSystem):
    """Notes what is not durable yet, and what was not when a directory got its name."""

    def __init__(self) -> None:
        self.written: dict[int, Path] = {}
        self.unsynced: set[Path] = set()
        self.unnamed: set[Path] = set()
        self.undurable_at_rename: list[set[Path]] = []

    def open_append(self, path: Path, *, is_new: bool = False) -> int:
        if not path.exists():
            self.unnamed.add(path)
        descriptor = super().open_append(path, is_new=is_new)
        self.written[descriptor] = path
        return descriptor

    def write(self, descriptor: int, content: bytes) -> int:
        self.unsynced.add(self.written[descriptor])
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self.unsynced.discard(self.written[descriptor])

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)
        self.unnamed.add(path)

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self.unnamed = {name for name in self.unnamed if name.parent != path}

    def rename(self, source: Path, target: Path) -> None:
        if source.is_dir():
            inside = {path for path in self.unsynced | self.unnamed if source in path.parents}
            self.undurable_at_rename.append(inside)
        super().rename(source, target)
        self.unnamed = {path for path in self.unnamed if source not in (path, *path.parents)}
        self.unnamed.add(target)


def test_everything_is_durable_before_the_name_appears(template: Path, tmp_path: Path) -> None:
    place, files = fresh(template, tmp_path / "one"), OrderedFileSystem()
    create(place, files, with_tapes=True)
    restore_backup(
        place.backups_dir / visible(place)[0],
        Target(into=tmp_path / "new", now_ns=NOON_NS, files=files),
    )
    assert files.undurable_at_rename == [set(), set()]
    assert not files.unsynced
    assert not files.unnamed


def test_a_full_disk_at_any_byte_is_a_fault_that_leaves_nothing(
    template: Path, tmp_path: Path
) -> None:
    whole = fresh(template, tmp_path / "whole")
    counted = LossyFileSystem(whole.backups_dir, space=1 << 40)
    create(whole, counted, with_tapes=True)
    assert counted.space is not None
    needed = (1 << 40) - counted.space
    chance = random.Random(4)
    for space in {0, 1, needed - 1, *(chance.randrange(needed) for _ in range(25))}:
        place = fresh(template, tmp_path / "one")
        with pytest.raises(StoreError, match="free space on that disk"):
            create(place, LossyFileSystem(place.backups_dir, space=space), with_tapes=True)
        assert [path.name for path in place.backups_dir.iterdir()] == [".lock"]
        check(place)
        forget(place.root)


def test_a_full_disk_under_sqlite_is_a_fault_too(template: Path, tmp_path: Path) -> None:
    place = fresh(template, tmp_path / "one")
    child = os.fork()
    if not child:
        _back_up_with_little_space(place)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 42
    assert [path.name for path in place.backups_dir.iterdir()] == [".lock"]
    check(place)


def _back_up_with_little_space(place: Workspace) -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))
    code = 1
    with suppress(BaseException):
        try:
            create(place, REAL)
        except StoreError as fault:
            code = 42 if "polyarb.db" in str(fault) else 2
    os._exit(code)


def test_a_kill_at_any_step_of_a_restore_leaves_nothing_in_the_place(
    template: Path, tmp_path: Path
) -> None:
    place = fresh(template, tmp_path / "one")
    create(place, REAL)
    source = place.backups_dir / visible(place)[0]

    def restore(root: Path, files: FileSystem) -> None:
        restore_backup(source, Target(into=root / "new", now_ns=NOON_NS, files=files))

    (tmp_path / "count").mkdir()
    effects = effects_of(lambda files: restore(tmp_path / "count", files), tmp_path / "count")
    for crash_at in range(1, effects + 1):
        root = tmp_path / "into"
        root.mkdir()
        with pytest.raises(SimulatedCrash):
            restore(root, LossyFileSystem(root, crash_at=crash_at))
        if crash_at < effects:
            assert not (root / "new").exists()
            # Even the half of it is halted, from its first moment on.
            half = Workspace(partial_of(root / "new"))
            assert not half.config_file.exists() or read_halt(half.halt_file)
            restore(root, UNSYNCED)
        assert verify_backup(source).is_sound
        new = Workspace(root / "new")
        assert fold_state(new.journal_file, new.journal_dir) == fold_state(
            place.journal_file, place.journal_dir
        )
        forget(root)


def test_a_kill_at_any_step_of_a_removal_leaves_the_whole_or_nothing(
    template: Path, tmp_path: Path
) -> None:
    def prepared(root: Path) -> Workspace:
        place = fresh(template, root)
        create(place, UNSYNCED)
        return place

    whole = prepared(tmp_path / "whole")
    folder = whole.backups_dir / visible(whole)[0]
    effects = effects_of(lambda files: remove_backup(folder, files), whole.backups_dir)
    assert effects > 8
    for crash_at in range(1, effects + 1):
        place = prepared(tmp_path / "one")
        name = visible(place)[0]
        files = LossyFileSystem(place.backups_dir, crash_at=crash_at)
        with pytest.raises(SimulatedCrash):
            remove_backup(place.backups_dir / name, files)
        assert visible(place) == ([name] if crash_at == 1 else [])
        check(place)
        forget(place.root)


def _back_up_until_killed(place: Workspace, told: int) -> None:
    while True:
        with suppress(StoreError):
            create(place, REAL)
        os.write(told, b".")


def test_real_kills_leave_no_half_of_a_backup(template: Path, tmp_path: Path) -> None:
    place = fresh(template, tmp_path / "one")
    chance = random.Random(7)
    for _ in range(12):
        heard, told = os.pipe()
        child = os.fork()
        if not child:
            os.close(heard)
            _back_up_until_killed(place, told)
        os.close(told)
        os.read(heard, chance.randint(1, 2))
        for _ in range(chance.randint(0, 300_000)):
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(heard)
    names = list_names(place.backups_dir)
    assert sorted(names) == visible(place)
    assert len(names) >= 12
    assert all(verify_backup(place.backups_dir / name).is_sound for name in names)
    check(place)


def _trade_until_killed(place: Workspace, told: int) -> None:
    journal = open_journal(place.journal_file, place.journal_dir, rotate_bytes=20_000)
    while True:
        for _ in range(journal.head.sequence % 3 + 1):
            number = journal.head.sequence + 1
            journal.append(CancelAll(receive_time_ns=number, reason="x" * (number % 50)), 0)
        journal.make_durable()
        os.write(told, journal.durable_head.sequence.to_bytes(8, "big"))


def _heard(pipe: int) -> int:
    """Return the newest word of the writer."""
    last = os.read(pipe, 1 << 16)
    return int.from_bytes(last[-8:], "big")


def test_backups_beside_a_live_trader_hold_what_was_durable_when_they_began(
    tmp_path: Path,
) -> None:
    place = Workspace(tmp_path / "one")
    write(place.root, "config/config.yaml", "a: 1\n")
    append(place, halts(50))
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(heard)
        _trade_until_killed(place, told)
    os.close(told)
    heads = [0]
    try:
        for _ in range(12):
            durable = _heard(heard)
            create(place, REAL)
            name = list_names(place.backups_dir)[-1]
            manifest = read_manifest(place.backups_dir / name)
            assert isinstance(manifest, Manifest)
            assert manifest.journal.head.sequence >= durable
            assert manifest.journal.head.sequence > heads[-1]
            heads.append(manifest.journal.head.sequence)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(heard)
    head = read_anchor(place.journal_file, place.journal_dir)
    assert head.sequence > heads[-1]
    assert len(list(place.journal_dir.glob("*.jsonl"))) > 2
    for name in list_names(place.backups_dir):
        assert verify_backup(place.backups_dir / name).is_sound
        restored = restore_backup(
            place.backups_dir / name, Target(into=tmp_path / name, now_ns=NOON_NS)
        )
        assert restored.head.sequence == restored.state.sequence <= head.sequence
