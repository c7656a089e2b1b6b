import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.store.backup import restoring
from polyarb.store.backup.copying import Copier, list_files
from polyarb.store.backup.manifest import FORMAT, FileEntry, Manifest, encode_manifest, seal
from polyarb.store.backup.places import (
    find_backup,
    free_name,
    list_names,
    partial_of,
    read_manifest,
    remove_backup,
    time_of,
)
from polyarb.store.backup.register import (
    BackupRecord,
    Deed,
    backup_records,
    last_words,
)
from polyarb.store.backup.restoring import (
    Restoration,
    Target,
    missing_tapes,
    restore_backup,
)
from polyarb.store.backup.verifying import fold_state
from polyarb.store.control import open_inbox, read_halt
from polyarb.store.filesystem import REAL
from polyarb.store.journal import open_journal
from polyarb.store.lease import take_lease
from polyarb.store.locks import acquire
from polyarb.store.reading import read_anchor
from polyarb.store.workspace import Workspace, open_workspace
from tests.backup_cases import backup, flip_bit, full_workspace, overwrite, write
from tests.plan_lives import NOON_NS

NAME = "20260607_1200"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return full_workspace(tmp_path / "workspace")


@pytest.fixture
def folder(place: Workspace) -> Path:
    return place.backups_dir / backup(place).name


def restore(folder: Path, into: Path, **options: object) -> Restoration:
    return restore_backup(folder, Target(into=into, now_ns=NOON_NS + 1, **options))  # type: ignore[arg-type]


def rows(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def test_a_restored_workspace_has_the_state_of_the_backed_up_one(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    restored = restore(folder, tmp_path / "new")
    new = open_workspace(tmp_path / "new")
    assert fold_state(new.journal_file, new.journal_dir) == restored.state
    assert restored.state == fold_state(place.journal_file, place.journal_dir)
    assert read_anchor(new.journal_file, new.journal_dir) == restored.head
    for path, file in list_files(folder):
        if path not in (
            "manifest.json",
            "metadata.json",
            "data/polyarb.db",
            "data/control/halt.json",
        ):
            assert (new.root / path).read_bytes() == file.read_bytes()


def test_the_database_is_followed_from_the_snapshot_to_the_head(
    folder: Path, tmp_path: Path
) -> None:
    restored = restore(folder, tmp_path / "new")
    assert (restored.applied, restored.is_database_rebuilt) == (3, False)
    other = tmp_path / "again"
    manifest = read_manifest(folder)
    assert isinstance(manifest, Manifest)
    shutil.copytree(folder, tmp_path / "without" / NAME)
    without = tmp_path / "without" / NAME
    (without / "data").chmod(0o700)
    (without / "data/polyarb.db").unlink()
    left = msgspec.structs.replace(manifest.database, applied=None, left_out="none")
    files = tuple(one for one in manifest.files if one.path != "data/polyarb.db")
    forged = seal(msgspec.structs.replace(manifest, database=left, files=files))
    overwrite(without / "manifest.json", encode_manifest(forged))
    assert restore(without, other).is_database_rebuilt
    assert rows(tmp_path / "new/data/polyarb.db") == rows(other / "data/polyarb.db")


def test_a_restored_workspace_is_halted_and_its_requests_are_not_there(
    folder: Path, tmp_path: Path
) -> None:
    restore(folder, tmp_path / "new")
    new = Workspace(tmp_path / "new")
    halt = read_halt(new.halt_file)
    assert halt is not None
    assert (halt.actor, halt.time_ns) == ("restore", NOON_NS + 1)
    assert "it was halted by ann then: lunch" in halt.reason
    assert open_inbox(new.inbox_dir, new.journal_file, new.journal_dir).take(1) == ()


def test_a_workspace_that_was_not_halted_is_so_when_restored(
    place: Workspace, tmp_path: Path
) -> None:
    place.halt_file.unlink()
    restore(place.backups_dir / backup(place).name, tmp_path / "new")
    halt = read_halt(tmp_path / "new/data/control/halt.json")
    assert halt is not None
    assert halt.reason == f"restored from backup {NAME}, reconcile before resuming"


def test_the_next_trader_takes_a_newer_epoch(folder: Path, tmp_path: Path) -> None:
    restore(folder, tmp_path / "new")
    assert take_lease(tmp_path / "new/data/lease.json", 1).lease.epoch == 4


def test_the_restored_journal_takes_records_and_its_files_can_be_written(
    folder: Path, tmp_path: Path
) -> None:
    restored = restore(folder, tmp_path / "new")
    new = Workspace(tmp_path / "new")
    journal = open_journal(new.journal_file, new.journal_dir)
    assert (journal.head, journal.repaired) == (restored.head, None)
    journal.close()
    assert stat.S_IMODE(new.config_file.stat().st_mode) == 0o644
    for directory in (new.custom_profiles_dir, new.backups_dir, new.daily_reports_dir):
        assert directory.is_dir()


def test_a_restore_is_noted_in_the_new_workspace(folder: Path, tmp_path: Path) -> None:
    restore(folder, tmp_path / "new")
    records = backup_records(Workspace(tmp_path / "new")).read()
    assert [(one.deed, one.name) for one in records] == [(Deed.RESTORED, NAME)]


def test_a_backup_with_tapes_brings_them_and_one_without_names_them(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    tape = "data/tape/run-1/20260607/12-0000.jsonl.gz"
    assert restore(folder, tmp_path / "a").tapes_left_out == (tape,)
    assert not (tmp_path / "a" / tape).exists()
    whole = backup(place, with_tapes=True)
    assert restore(place.backups_dir / whole.name, tmp_path / "b").tapes_left_out == ()
    assert (tmp_path / "b" / tape).read_bytes() == (place.root / tape).read_bytes()


def test_recordings_are_named_once_each() -> None:
    names = ("data/tape/b/1/x.gz", "data/tape/a/1/x.gz", "data/tape/b/1/y.gz")
    assert missing_tapes(names) == ("data/tape/a", "data/tape/b")


def test_an_empty_directory_is_as_good_as_none(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    restore(folder, tmp_path / "new")
    assert open_workspace(tmp_path / "new").config_file.is_file()


def test_what_an_interrupted_restore_left_is_in_nobodys_way(folder: Path, tmp_path: Path) -> None:
    write(partial_of(tmp_path / "new"), "data/events.jsonl", "half")
    restore(folder, tmp_path / "new")
    assert not partial_of(tmp_path / "new").exists()


# Refusals.


def refused(folder: Path, into: Path, match: str, **options: object) -> None:
    before = sorted(path for path, _ in list_files(into)) if into.is_dir() else None
    with pytest.raises(RefusedError, match=match):
        restore(folder, into, **options)
    assert (sorted(path for path, _ in list_files(into)) if into.is_dir() else None) == before
    assert not partial_of(into).exists()


def test_nothing_is_restored_over_a_live_workspace(place: Workspace, folder: Path) -> None:
    lock = acquire(place.lock_file, "this workspace")
    refused(folder, place.root, "a workspace that process .* trades in")
    lock.release()
    refused(folder, place.root, "nothing is ever overwritten")


def test_nothing_is_restored_over_a_file_or_behind_a_link(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "file", "mine")
    refused(folder, tmp_path / "file", "expected an empty directory or none")
    (tmp_path / "behind").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "behind")
    refused(folder, tmp_path / "link", "expected an empty directory or none")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    refused(folder, tmp_path / "nowhere", "expected an empty directory or none")


def _flip(folder: Path) -> None:
    flip_bit(folder / "data/events.jsonl", 1)
    flip_bit(folder / "config/config.yaml", 1)
    flip_bit(folder / "data/lease.json", 1)
    flip_bit(folder / "metadata.json", 1)


def _forge(folder: Path, **changes: object) -> None:
    manifest = read_manifest(folder)
    assert isinstance(manifest, Manifest)
    changed = seal(msgspec.structs.replace(manifest, **changes))
    overwrite(folder / "manifest.json", encode_manifest(changed))


def _newer(folder: Path) -> None:
    _forge(folder, format=FORMAT + 1)


def _escape(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert isinstance(manifest, Manifest)
    write(folder.parent, "outside.yaml", "x")
    entry = FileEntry(path="../outside.yaml", size=1, sha256="a")
    _forge(folder, files=(*manifest.files, entry))


def _link(folder: Path) -> None:
    (folder / "config").chmod(0o700)
    (folder / "config/config.yaml").rename(folder.parent / "config.yaml")
    (folder / "config/config.yaml").symlink_to(folder.parent / "config.yaml")


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (_flip, "expected a sound one, found .*CHANGED.* and . more"),
        (_newer, "format 2; use the version"),
        (_escape, "UNSAFE"),
        (_link, "a symbolic link"),
    ],
    ids=["damaged", "newer", "leaving the directory", "symbolic link"],
)
def test_an_unsound_backup_is_not_restored(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], match: str
) -> None:
    spoil(folder)
    refused(folder, tmp_path / "new", match)


def test_a_backup_that_was_made_up_anew_is_not_restored(folder: Path, tmp_path: Path) -> None:
    refused(folder, tmp_path / "new", "as kept elsewhere", known_seal="0" * 64)


def test_a_file_that_changes_after_it_was_verified_is_not_restored(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Copier.copy

    def change_first(self: Copier, source: object, path: str) -> FileEntry:
        flip_bit(folder / path, 1)
        with (folder / path).open("rb") as anew:
            return copy(self, anew, path)

    monkeypatch.setattr(Copier, "copy", change_first)
    refused(folder, tmp_path / "new", "found it changed meanwhile")


def test_a_restored_state_that_differs_is_a_fault_and_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = restoring.state_findings

    def differ(wanted: object, *places: Path) -> object:
        other = msgspec.structs.replace(wanted, digest="0" * 64)  # type: ignore[type-var]
        return found(other, *places)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring, "state_findings", differ)
    with pytest.raises(StoreError, match="is not the one backed up"):
        restore(folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not partial_of(tmp_path / "new").exists()


# Names.


def test_names_are_listed_in_the_order_of_their_times(tmp_path: Path) -> None:
    names = ["20260607_1200", "20260607_1200-2", "20260607_1200-10", "20260608_0000"]
    for name in (*reversed(names), "notes", "20261399_9999", ".20260607_1300.partial"):
        (tmp_path / name).mkdir()
    write(tmp_path, "20260607_1300", "a file")
    assert list_names(tmp_path) == tuple(names)
    assert list_names(tmp_path / "absent") == ()


def test_a_name_tells_its_minute() -> None:
    assert time_of("20260607_1200") == time_of("20260607_1200-2") == NOON_NS
    assert time_of("20261399_9999") is None
    assert time_of("20260607_1200-1") is None
    assert time_of("notes") is None


def test_a_name_that_anything_bears_is_not_free(tmp_path: Path) -> None:
    (tmp_path / "20260607_1200").symlink_to(tmp_path / "nowhere")
    write(tmp_path, "20260607_1200-2", "a file")
    assert free_name(tmp_path, NOON_NS + 59 * 10**9) == "20260607_1200-3"


@pytest.mark.parametrize("name", ["20260607_1201", "..", "", "/etc", "20260607_1200/data"])
def test_only_a_backup_of_the_folder_is_found_by_its_name(
    place: Workspace, folder: Path, name: str
) -> None:
    assert find_backup(place.backups_dir, NAME) == folder
    with pytest.raises(UsageError, match="polyarb backup list"):
        find_backup(place.backups_dir, name)


def test_a_removed_backup_is_gone_read_only_or_not(place: Workspace, folder: Path) -> None:
    (folder / "config").chmod(0o700)
    (folder / "config/link").symlink_to(place.root)
    remove_backup(folder, REAL)
    assert list(place.backups_dir.iterdir()) == []
    assert place.config_file.is_file()


# The register.


def test_the_last_word_on_a_backup_counts_for_its_seal_alone() -> None:
    def record(deed: Deed, seal: str, time_ns: int = 1) -> BackupRecord:
        return BackupRecord(deed=deed, name="a", seal=seal, time_ns=time_ns)

    made = record(Deed.CREATED, "s")
    assert not last_words([made])["a"].is_verified("s")
    verified = [made, record(Deed.VERIFIED, "s", 5)]
    word = last_words(verified)["a"]
    assert (word.is_verified("s"), word.verified_ns, word.created_seal) == (True, 5, "s")
    assert not word.is_verified("t")
    assert not word.is_verified("")
    damaged = last_words([*verified, record(Deed.DAMAGED, "")])["a"]
    assert not damaged.is_verified("s")
    assert damaged.created_seal == "s"
    again = last_words([*verified, record(Deed.PRUNED, ""), record(Deed.CREATED, "t")])["a"]
    assert not again.is_verified("s")
    assert again.created_seal == "t"
    assert last_words([record(Deed.RESTORED, "s")])["a"].verified_ns == 0
