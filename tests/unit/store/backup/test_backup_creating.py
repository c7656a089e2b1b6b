import errno
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import BrokenJournalError, RefusedError, StoreError
from polyarb.domain.secret import Secret
from polyarb.store.backup import creating
from polyarb.store.backup.canaries import Canary
from polyarb.store.backup.copying import list_files
from polyarb.store.backup.manifest import FORMAT, Manifest, decode_manifest
from polyarb.store.backup.places import list_names, partial_of, read_manifest, sweep
from polyarb.store.backup.verifying import fold_state, verify_backup
from polyarb.store.filesystem import REAL
from polyarb.store.journal import open_journal
from polyarb.store.projections import catch_up
from polyarb.store.reading import read_anchor, read_journal
from polyarb.store.records import START
from polyarb.store.tape_index import IndexEntry, append_entry
from polyarb.store.workspace import Workspace
from tests.backup_cases import (
    RECORDING,
    append,
    backup,
    full_workspace,
    halts,
    overwrite,
    paths_below,
    write,
)
from tests.journal_cases import UNSYNCED, some_messages

NAME = "20260607_1200"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return full_workspace(tmp_path / "workspace")


def snapshot_of(root: Path) -> dict[str, bytes]:
    return {path: file.read_bytes() for path, file in list_files(root)}


def test_a_backup_holds_what_belongs_into_it_and_nothing_else(place: Workspace) -> None:
    manifest = backup(place)
    segments = [path.name for path in sorted(place.journal_dir.glob("*.jsonl"))]
    assert len(segments) > 1
    assert manifest.name == NAME
    wanted = {
        ".env.example",
        "config/alerts.production.yaml",
        "config/config.yaml",
        "config/constraints.yaml",
        "config/profiles/custom/mine.yaml",
        "data/alerts/alerts.jsonl",
        "data/alerts/alerts_state.json",
        "data/audit/config_changes.jsonl",
        "data/control/halt.json",
        "data/events.jsonl",
        "data/instruments/v1.json",
        *(f"data/journal/{name}" for name in segments),
        "data/journal/torn-3.bin",
        "data/lease.json",
        "data/polyarb.db",
        "data/runs/run-1.json",
        "data/samples/tape.jsonl.gz",
        "metadata.json",
        "reports/go_no_go/20260607.json",
    }
    assert {entry.path for entry in manifest.files} == wanted
    assert set(paths_below(place.backups_dir / NAME)) == wanted | {"manifest.json"}


def test_making_a_backup_changes_nothing_in_the_workspace(place: Workspace) -> None:
    before = snapshot_of(place.root)
    backup(place)
    after = {
        path: content
        for path, content in snapshot_of(place.root).items()
        if not path.startswith("backups/")
    }
    assert after == before


def test_the_manifest_is_what_another_program_computes(place: Workspace) -> None:
    manifest = backup(place)
    folder = place.backups_dir / NAME
    told = json.loads((folder / "manifest.json").read_bytes())
    assert told["format"] == FORMAT
    for entry in told["files"]:
        content = (folder / entry["path"]).read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (entry["size"], entry["sha256"])
    last = (folder / "data/events.jsonl").read_bytes().splitlines()[-1]
    assert told["journal"]["head"]["hash"] == json.loads(last)["hash"]
    assert decode_manifest((folder / "manifest.json").read_bytes(), NAME) == manifest


def test_the_metadata_say_where_it_comes_from(place: Workspace) -> None:
    backup(place)
    told = json.loads((place.backups_dir / NAME / "metadata.json").read_bytes())
    assert {"timestamp_utc", "timestamp_local", "version", "code_digest", "hostname", "user"} < set(
        told
    )


def test_everything_in_a_backup_is_read_only(place: Workspace) -> None:
    backup(place)
    for at, _, names in os.walk(place.backups_dir / NAME):
        assert stat.S_IMODE(Path(at).stat().st_mode) == 0o500
        assert all(stat.S_IMODE(Path(at, name).stat().st_mode) == 0o400 for name in names)


def test_the_journal_reaches_its_last_whole_record(place: Workspace) -> None:
    head = read_anchor(place.journal_file, place.journal_dir)
    with place.journal_file.open("ab") as file:
        file.write(b'{"event_type":"CancelAll","timesta')
    manifest = backup(place)
    folder = place.backups_dir / NAME
    assert manifest.journal.head == head
    assert (folder / "data/events.jsonl").read_bytes().endswith(b'"}\n')
    assert verify_backup(folder).is_sound


def test_lines_that_are_being_written_are_not_there_yet(place: Workspace) -> None:
    backup(place)
    copied = (place.backups_dir / NAME / "data/alerts/alerts.jsonl").read_bytes()
    assert copied == b'{"alert":1}\n{"alert":2}\n'


def test_the_state_is_that_of_the_journal(place: Workspace) -> None:
    manifest = backup(place)
    assert manifest.state == fold_state(place.journal_file, place.journal_dir)
    assert manifest.state.sequence == manifest.journal.head.sequence
    assert manifest.state.plans == 1
    assert manifest.state.transactions > 0


def test_a_second_backup_of_one_minute_gets_a_name_of_its_own(place: Workspace) -> None:
    names = [backup(place).name for _ in range(3)]
    assert names == [NAME, f"{NAME}-2", f"{NAME}-3"]
    assert list_names(place.backups_dir) == tuple(names)
    assert all(verify_backup(place.backups_dir / name).is_sound for name in names)


def test_an_empty_workspace_can_be_backed_up(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    write(tmp_path, "config/config.yaml", "a: 1\n")
    manifest = backup(place)
    assert manifest.journal.head == START
    assert manifest.database.left_out == "there is none"
    assert [entry.path for entry in manifest.files] == ["config/config.yaml", "metadata.json"]
    assert verify_backup(place.backups_dir / manifest.name).is_sound


# The database.


class _Trader:
    """Appends and follows between two steps, as a live trader does."""

    def __init__(self, place: Workspace) -> None:
        self.place = place
        self.first = 1000

    def go_on(self, _draft: object) -> None:
        append(self.place, halts(2, self.first))
        self.first += 2
        catch_up(self.place.database_file, self.place.journal_file, self.place.journal_dir)


def test_the_journal_reaches_at_least_as_far_as_the_database(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = _Trader(place)
    steps = [step for one in creating.STEPS for step in (one, trader.go_on)]
    monkeypatch.setattr(creating, "STEPS", tuple(steps))
    manifest = backup(place)
    assert manifest.database.applied is not None
    assert manifest.database.applied.sequence < manifest.journal.head.sequence
    assert verify_backup(place.backups_dir / manifest.name).is_sound


def test_in_the_reverse_order_the_database_would_be_ahead(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, journal, keep, *rest = creating.STEPS
    steps = (journal, _Trader(place).go_on, database, keep, *rest)
    monkeypatch.setattr(creating, "STEPS", steps)
    manifest = backup(place)
    assert "followed another journal" in manifest.database.left_out
    assert verify_backup(place.backups_dir / manifest.name).is_sound


def _wal(place: Workspace) -> None:
    with closing(sqlite3.connect(place.database_file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _damaged(place: Workspace) -> None:
    content = bytearray(place.database_file.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    place.database_file.write_bytes(content)


def _no_database(place: Workspace) -> None:
    place.database_file.write_bytes(b"not a database at all, but long enough to be read")


def _other_tables(place: Workspace) -> None:
    place.database_file.unlink()
    with closing(sqlite3.connect(place.database_file)) as connection:
        connection.execute("CREATE TABLE a (b)")


def _no_progress(place: Workspace) -> None:
    with closing(sqlite3.connect(place.database_file)) as connection:
        connection.execute("DELETE FROM progress")
        connection.commit()


def _other_journal(place: Workspace) -> None:
    with closing(sqlite3.connect(place.database_file)) as connection:
        connection.execute("UPDATE progress SET hash = ?", ("0" * 64,))
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_wal, "WAL mode"),
        (_damaged, "damaged|malformed|no database of ours"),
        (_no_database, "not a database"),
        (_other_tables, "no such table"),
        (_no_progress, "does not say"),
        (_other_journal, "another journal"),
    ],
    ids=lambda one: getattr(one, "__name__", "reason"),
)
def test_a_database_that_cannot_be_used_is_left_out_and_the_journal_is_not(
    place: Workspace, spoil: object, reason: str
) -> None:
    spoil(place)  # type: ignore[operator]
    manifest = backup(place)
    folder = place.backups_dir / manifest.name
    assert manifest.database.applied is None
    assert any(word in manifest.database.left_out for word in reason.split("|"))
    assert "polyarb ledger rebuild" in manifest.database.left_out
    assert not (folder / "data/polyarb.db").exists()
    assert verify_backup(folder).is_sound


def test_a_database_that_another_process_keeps_locked_is_left_out(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyarb.store.backup.snapshot._BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(place.database_file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        manifest = backup(place)
        connection.execute("ROLLBACK")
    assert "does not let go" in manifest.database.left_out
    assert verify_backup(place.backups_dir / manifest.name).is_sound


def test_a_reader_beside_does_not_hinder_the_snapshot(place: Workspace) -> None:
    with closing(sqlite3.connect(place.database_file, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM progress").fetchone()
        manifest = backup(place)
    assert manifest.database.applied is not None


# What stops a backup.


def refused(place: Workspace, error: type[Exception], match: str, **options: object) -> None:
    with pytest.raises(error, match=match):
        backup(place, **options)
    assert list_names(place.backups_dir) == ()
    assert [path.name for path in place.backups_dir.iterdir()] == []


def test_a_broken_journal_is_not_backed_up_over_whole_ones(place: Workspace) -> None:
    segment = sorted(place.journal_dir.glob("*.jsonl"))[0]
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    overwrite(segment, bytes(content))
    refused(place, BrokenJournalError, "journal is broken at .* line 1")


def test_a_record_of_another_version_stops_it(place: Workspace) -> None:
    journal = open_journal(place.journal_file, place.journal_dir, files=UNSYNCED)
    head = journal.head
    journal.close()
    body = b'{"type":"FromTheFuture","receive_time_ns":1}'
    sealed = (
        b'{"event_type":"FromTheFuture","timestamp":"","sequence":%d,"frame":0,"time_ns":1,"data":'
        b'%b,"previous":"%b"' % (head.sequence + 1, body, head.hash.encode())
    )
    line = sealed + b',"hash":"%b"}\n' % sha256(sealed).hexdigest().encode()
    with place.journal_file.open("ab") as file:
        file.write(line)
    refused(place, StoreError, "FromTheFuture")


@pytest.mark.parametrize(
    "path",
    [
        "config/config.yaml",
        "data/audit/new.jsonl",
        "data/instruments/v1.json",
        f"{RECORDING}/20260607/12-0001.jsonl.gz",
    ],
)
def test_a_symbolic_link_is_not_followed(place: Workspace, tmp_path: Path, path: str) -> None:
    outside = write(tmp_path, "outside.txt", "nobody's business\n")
    (place.root / path).unlink(missing_ok=True)
    (place.root / path).symlink_to(outside)
    refused(place, RefusedError, "found a symbolic link", with_tapes=True)


def test_a_link_to_a_directory_is_not_followed_either(place: Workspace, tmp_path: Path) -> None:
    write(tmp_path, "outside/a.json", "{}")
    (place.audit_dir / "linked").symlink_to(tmp_path / "outside")
    refused(place, RefusedError, "found a symbolic link")


def test_a_pipe_is_no_file(place: Workspace) -> None:
    os.mkfifo(place.audit_dir / "pipe")
    refused(place, RefusedError, "something else than a file")


def test_a_configuration_with_a_secret_in_it_is_refused(place: Workspace) -> None:
    write(place.root, "config/config.yaml", "profile: a\nprivate_key: 0xcanary0canary\n")
    refused(place, RefusedError, r"config/config.yaml:2: .*found a value for private_key")


@pytest.mark.parametrize(
    "path",
    [
        "config/alerts.production.yaml",
        "data/alerts/alerts_state.json",
        "data/instruments/v1.json",
        "data/runs/run-1.json",
        "data/samples/tape.jsonl.gz",
        f"{RECORDING}/20260607/12-0000.jsonl.gz",
    ],
)
def test_a_known_secret_is_found_in_any_file(place: Workspace, path: str) -> None:
    write(place.root, path, "x canary-value-1 y\n")
    canary = Canary("NODE_URL", "environment", Secret("canary-value-1"))
    refused(place, RefusedError, f"{path}.*NODE_URL", canaries=[canary], with_tapes=True)


def test_a_known_secret_is_found_in_the_journal_and_in_the_database(place: Workspace) -> None:
    append(place, [msgspec.structs.replace(halts(1)[0], reason="canary-value-1")])
    canary = Canary("NODE_URL", "environment", Secret("canary-value-1"))
    refused(place, RefusedError, "events.jsonl.*NODE_URL", canaries=[canary])
    with closing(sqlite3.connect(place.database_file)) as connection:
        connection.execute("CREATE TABLE notes AS SELECT 'canary-value-2' AS note")
        connection.commit()
    other = Canary("NODE_URL", "environment", Secret("canary-value-2"))
    refused(place, RefusedError, "polyarb.db.*NODE_URL", canaries=[other])


def test_of_env_only_its_hash_and_its_names_are_kept(place: Workspace) -> None:
    text = "# mine\nPOLYARB_PROFILE=a\nexport BOT_TOKEN='canary-value-1'\nPRIVATE_KEY=canary-2\n"
    write(place.root, ".env", text)
    manifest = backup(place)
    assert manifest.env is not None
    assert manifest.env.names == ("POLYARB_PROFILE", "BOT_TOKEN", "PRIVATE_KEY")
    assert manifest.env.sha256 == sha256(text.encode()).hexdigest()
    for _, path in list_files(place.backups_dir):
        assert b"canary" not in path.read_bytes()
        assert path.name != ".env"


# Tapes.


def test_tapes_are_named_with_their_hashes_and_not_copied(place: Workspace) -> None:
    tape = f"{RECORDING}/20260607/12-0000.jsonl.gz"
    manifest = backup(place)
    assert [(one.path, one.is_included) for one in manifest.tapes] == [(tape, False)]
    content = (place.root / tape).read_bytes()
    assert manifest.tapes[0].sha256 == sha256(content).hexdigest()
    assert not (place.backups_dir / NAME / "data/tape").exists()


def test_tapes_are_copied_where_asked_for(place: Workspace) -> None:
    manifest = backup(place, with_tapes=True)
    tape = manifest.tapes[0]
    assert tape.is_included
    copied = (place.backups_dir / NAME / tape.path).read_bytes()
    assert copied == (place.root / tape.path).read_bytes()
    assert verify_backup(place.backups_dir / NAME).is_sound


def test_the_hash_of_a_finished_tape_is_that_of_its_index(place: Workspace) -> None:
    folder = place.root / RECORDING
    for name, size in (("12-0000", 9), ("13-0000", 7)):
        write(folder, f"20260607/{name}.jsonl.gz", b"\x1f\x8b frames"[:9])
        entry = IndexEntry(
            file=f"20260607/{name}.jsonl.gz",
            first_ns=1,
            last_ns=2,
            lines=1,
            bytes=size,
            sha256=f"as recorded {name}",
        )
        append_entry(REAL, folder, entry)
    manifest = backup(place)
    hashes = {one.path.rsplit("/", 1)[1]: one.sha256 for one in manifest.tapes}
    assert hashes["12-0000.jsonl.gz"] == "as recorded 12-0000"
    # Of another size than its index says: read anew.
    assert hashes["13-0000.jsonl.gz"] == sha256(b"\x1f\x8b frames"[:9]).hexdigest()


# What an interrupted one leaves.


def test_what_an_interrupted_backup_left_is_swept_away(place: Workspace) -> None:
    manifest = backup(place)
    partial = partial_of(place.backups_dir / "20260607_1201")
    write(partial, "data/events.jsonl", "torn")
    (partial / "data").chmod(0o500)
    write(place.backups_dir, ".notes.partial/mine.txt", "an operator's own")
    assert list_names(place.backups_dir) == (manifest.name,)
    assert sweep(place.backups_dir, REAL) == (partial.name,)
    assert sorted(path.name for path in place.backups_dir.iterdir()) == [
        ".notes.partial",
        manifest.name,
    ]


@pytest.fixture
def all_kinds(tmp_path: Path) -> Iterator[Workspace]:
    place = Workspace(tmp_path / "kinds")
    append(place, some_messages(200), rotate_bytes=20_000)
    yield place


def test_a_journal_of_every_kind_of_message_is_copied_byte_for_byte(all_kinds: Workspace) -> None:
    manifest = backup(all_kinds)
    copy = Workspace(all_kinds.backups_dir / manifest.name)
    own = list(read_journal(all_kinds.journal_file, all_kinds.journal_dir))
    assert list(read_journal(copy.journal_file, copy.journal_dir)) == own
    found = read_manifest(copy.root)
    assert isinstance(found, Manifest)
    assert found.state == fold_state(all_kinds.journal_file, all_kinds.journal_dir)


@pytest.mark.parametrize("with_tapes", [False, True])
def test_a_file_that_went_away_since_it_was_listed_is_not_missed(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, with_tapes: bool
) -> None:
    listed = creating.list_files

    def list_and_lose(folder: Path) -> Iterator[tuple[str, Path]]:
        yield from listed(folder)
        yield "gone.json", folder / "gone.json"

    monkeypatch.setattr(creating, "list_files", list_and_lose)
    manifest = backup(place, with_tapes=with_tapes)
    assert not [entry.path for entry in manifest.files if "gone" in entry.path]
    assert len(manifest.tapes) == 1
    assert verify_backup(place.backups_dir / NAME).is_sound


def test_a_file_that_cannot_be_opened_stops_the_backup(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: Path, *words: int) -> int:
        if str(path).endswith("halt.json"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *words)

    monkeypatch.setattr(os, "open", refuse)
    refused(place, StoreError, "halt.json: Permission denied")


def test_a_database_that_cannot_be_written_to_the_disk_stops_the_backup(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_words: Path) -> None:
        fault = sqlite3.OperationalError("database or disk is full")
        fault.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise fault

    monkeypatch.setattr("polyarb.store.backup.snapshot._copy", fail)
    refused(place, StoreError, "database or disk is full; free space on that disk")
