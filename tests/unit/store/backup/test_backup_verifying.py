import shutil
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.errors import StoreError
from polyarb.store.backup import verifying
from polyarb.store.backup.manifest import (
    FORMAT,
    FileEntry,
    Finding,
    FindingKind,
    Manifest,
    compare,
    decode_manifest,
    encode_manifest,
    seal,
)
from polyarb.store.backup.places import read_manifest
from polyarb.store.backup.verifying import Verification, verify_backup
from polyarb.store.records import Anchor
from polyarb.store.workspace import Workspace
from tests.backup_cases import (
    RECORDING,
    append,
    backup,
    flip_bit,
    full_workspace,
    halts,
    make_writable,
    overwrite,
    paths_below,
    write,
)

NAME = "20260607_1200"
KINDS = (
    ".env.example",
    "config/config.yaml",
    "config/profiles/custom/mine.yaml",
    "data/alerts/alerts.jsonl",
    "data/alerts/alerts_state.json",
    "data/audit/config_changes.jsonl",
    "data/control/halt.json",
    "data/events.jsonl",
    "data/instruments/v1.json",
    "data/journal/000000000001.jsonl",
    "data/journal/torn-3.bin",
    "data/lease.json",
    "data/polyarb.db",
    "data/runs/run-1.json",
    "data/samples/tape.jsonl.gz",
    f"{RECORDING}/20260607/12-0000.jsonl.gz",
    "manifest.json",
    "metadata.json",
    "reports/go_no_go/20260607.json",
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one sound backup, with tapes; tests spoil copies of it."""
    place = full_workspace(tmp_path_factory.mktemp("sound") / "workspace")
    return place.backups_dir / backup(place, with_tapes=True).name


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / NAME))


def manifest_of(folder: Path) -> Manifest:
    found = read_manifest(folder)
    assert isinstance(found, Manifest)
    return found


def forge(folder: Path, **changes: object) -> None:
    """Seal another manifest, as one could who knows this program."""
    manifest = msgspec.structs.replace(manifest_of(folder), **changes)
    overwrite(folder / "manifest.json", encode_manifest(seal(manifest)))


def forged_entry(folder: Path, path: str) -> tuple[FileEntry, ...]:
    """List the files of a backup with one of them hashed anew."""
    content = (folder / path).read_bytes()
    anew = FileEntry(path=path, size=len(content), sha256=sha256(content).hexdigest())
    return tuple(anew if one.path == path else one for one in manifest_of(folder).files)


def kinds(found: Verification) -> set[FindingKind]:
    return {finding.kind for finding in found.findings}


def test_a_backup_is_sound_as_it_was_made(folder: Path) -> None:
    found = verify_backup(folder)
    assert found.is_sound
    assert not found.findings
    assert found.manifest == manifest_of(folder)


def test_every_kind_of_file_is_in_the_tests_of_bits(folder: Path) -> None:
    others = {path for path in paths_below(folder) if path.startswith(("config/", "data/journal/"))}
    assert set(paths_below(folder)) - others <= set(KINDS)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("path", KINDS)
def test_a_flipped_bit_is_found_and_the_file_named(folder: Path, path: str, seed: int) -> None:
    flip_bit(folder / path, seed)
    found = verify_backup(folder)
    assert not found.is_sound
    assert path in {finding.path for finding in found.findings}
    assert kinds(found) & {FindingKind.CHANGED, FindingKind.MANIFEST, FindingKind.NEWER}


@pytest.mark.parametrize("path", KINDS)
def test_a_missing_file_is_found_and_named(folder: Path, path: str) -> None:
    make_writable((folder / path).parent)
    (folder / path).unlink()
    found = verify_backup(folder)
    expected = FindingKind.MANIFEST if path == "manifest.json" else FindingKind.MISSING
    assert (expected, path) in {(one.kind, one.path) for one in found.findings}


@pytest.mark.parametrize(
    "path", ["config/more.yaml", ".env", "data/journal/000000000099.jsonl", "x/y"]
)
def test_an_extra_file_is_found_and_named(folder: Path, path: str) -> None:
    for at in (folder, folder / "config", folder / "data/journal"):
        make_writable(at)
    write(folder, path, "more\n")
    found = verify_backup(folder)
    assert (FindingKind.EXTRA, path) in {(one.kind, one.path) for one in found.findings}


@pytest.mark.parametrize("path", ["config/config.yaml", "data/polyarb.db", "manifest.json"])
def test_a_symbolic_link_is_unsafe_even_to_the_same_bytes(
    folder: Path, tmp_path: Path, path: str
) -> None:
    make_writable((folder / path).parent)
    (folder / path).rename(tmp_path / "elsewhere")
    (folder / path).symlink_to(tmp_path / "elsewhere")
    found = verify_backup(folder)
    assert kinds(found) & {FindingKind.UNSAFE, FindingKind.MANIFEST}
    assert found.findings[0].path == path


def test_a_link_to_a_directory_is_unsafe(folder: Path, tmp_path: Path) -> None:
    make_writable(folder)
    (tmp_path / "outside").mkdir()
    (folder / "more").symlink_to(tmp_path / "outside")
    assert (FindingKind.UNSAFE, "more") in {
        (one.kind, one.path) for one in verify_backup(folder).findings
    }


def test_an_unfinished_or_foreign_manifest_is_not_trusted(folder: Path) -> None:
    content = (folder / "manifest.json").read_bytes()
    for other in (b"", b"{}", b"\xff", content[:-1], content + b" ", b" " + content):
        overwrite(folder / "manifest.json", other)
        assert kinds(verify_backup(folder)) == {FindingKind.MANIFEST}


def test_a_backup_under_another_name_is_not_trusted(folder: Path) -> None:
    moved = folder.rename(folder.with_name("20260607_1300"))
    assert kinds(verify_backup(moved)) == {FindingKind.MANIFEST}


def test_a_backup_of_a_newer_version_is_told_as_such(folder: Path) -> None:
    forge(folder, format=FORMAT + 1)
    found = verify_backup(folder)
    assert kinds(found) == {FindingKind.NEWER}
    assert "use the version of polyarb that wrote it" in found.findings[0].text
    overwrite(folder / "manifest.json", b'{"format":99,"everything":"else"}')
    assert kinds(verify_backup(folder)) == {FindingKind.NEWER}


# What only meaning shows: whoever changed it has sealed it anew.


def test_a_backup_that_was_made_up_anew_shows_by_the_seal_kept_elsewhere(folder: Path) -> None:
    kept = manifest_of(folder).seal
    overwrite(folder / "config/config.yaml", b"profile: another\n")
    forge(folder, files=forged_entry(folder, "config/config.yaml"))
    assert verify_backup(folder).is_sound
    found = verify_backup(folder, known_seal=kept)
    assert kinds(found) == {FindingKind.MANIFEST}
    assert "as kept elsewhere" in found.findings[0].text


def test_a_changed_record_shows_by_the_chain_even_with_its_hash_made_anew(folder: Path) -> None:
    content = (folder / "data/events.jsonl").read_bytes()
    overwrite(folder / "data/events.jsonl", content.replace(b"xxxx", b"yyyy", 1))
    forge(folder, files=forged_entry(folder, "data/events.jsonl"))
    found = verify_backup(folder)
    assert kinds(found) == {FindingKind.CHAIN}
    assert "at line" in found.findings[0].text


@pytest.mark.parametrize("cut", [1, 40], ids=["a line break", "a whole line"])
def test_a_cut_journal_shows_by_its_head(folder: Path, cut: int) -> None:
    lines = (folder / "data/events.jsonl").read_bytes().splitlines(keepends=True)
    content = b"".join(lines)[:-1] if cut == 1 else b"".join(lines[:-1])
    overwrite(folder / "data/events.jsonl", content)
    forge(folder, files=forged_entry(folder, "data/events.jsonl"))
    assert kinds(verify_backup(folder)) == {FindingKind.CHAIN}


@pytest.mark.parametrize("more", ["records", "a torn line"])
def test_a_journal_that_goes_on_behind_its_head_is_found(folder: Path, more: str) -> None:
    longer = Workspace(folder)
    overwrite(longer.journal_file, longer.journal_file.read_bytes())
    make_writable(longer.journal_dir)
    if more == "records":
        append(longer, halts(2, 500))
        longer.journal_file.with_suffix(".lock").unlink()
    else:
        overwrite(longer.journal_file, longer.journal_file.read_bytes() + b'{"event_ty')
    forge(folder, files=forged_entry(folder, "data/events.jsonl"))
    found = verify_backup(folder)
    assert FindingKind.CHAIN in kinds(found)
    assert ("torn line" in found.findings[0].text) == (more == "a torn line")


def test_a_whole_journal_of_somebody_else_shows_by_its_head(folder: Path, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "other")
    append(other, halts(5))
    make_writable(folder / "data/journal")
    for segment in (folder / "data/journal").glob("*.jsonl"):
        make_writable(segment.parent)
        segment.unlink()
    overwrite(folder / "data/events.jsonl", other.journal_file.read_bytes())
    files = tuple(
        one
        for one in forged_entry(folder, "data/events.jsonl")
        if not one.path.startswith("data/journal/0")
    )
    forge(folder, files=files)
    assert kinds(verify_backup(folder)) == {FindingKind.CHAIN}


def test_another_state_than_the_journal_folds_to_is_found(folder: Path) -> None:
    state = msgspec.structs.replace(manifest_of(folder).state, digest="0" * 64)
    forge(folder, state=state)
    found = verify_backup(folder)
    assert kinds(found) == {FindingKind.STATE}
    assert "0" * 64 in found.findings[0].text


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"no database but as long as one needs to be", "not a database"), (b"", "no such table")],
    ids=["rubbish", "empty"],
)
def test_a_database_that_is_none_is_found_by_reading_it(
    folder: Path, content: bytes, word: str
) -> None:
    overwrite(folder / "data/polyarb.db", content)
    forge(folder, files=forged_entry(folder, "data/polyarb.db"))
    found = verify_backup(folder)
    assert kinds(found) == {FindingKind.DATABASE}
    assert word in found.findings[0].text


def test_a_database_of_another_place_in_the_journal_is_found(folder: Path) -> None:
    manifest = manifest_of(folder)
    assert manifest.database.applied is not None
    place = Anchor(sequence=manifest.journal.head.sequence, hash=manifest.journal.head.hash)
    forge(folder, database=msgspec.structs.replace(manifest.database, applied=place))
    assert kinds(verify_backup(folder)) == {FindingKind.DATABASE}
    nowhere = Anchor(sequence=place.sequence + 7, hash="0" * 64)
    forge(folder, database=msgspec.structs.replace(manifest.database, applied=nowhere))
    assert kinds(verify_backup(folder)) >= {FindingKind.CHAIN, FindingKind.DATABASE}


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/passwd", ".env", "data/control/inbox/1-a.json"]
)
def test_a_path_that_no_backup_writes_is_unsafe(folder: Path, path: str) -> None:
    entry = FileEntry(path=path, size=0, sha256=sha256(b"").hexdigest())
    forge(folder, files=(*manifest_of(folder).files, entry))
    assert FindingKind.UNSAFE in kinds(verify_backup(folder))


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("hash_file", FindingKind.UNSAFE),
        ("verify_journal", FindingKind.CHAIN),
        ("check_integrity", FindingKind.DATABASE),
        ("fold_state", FindingKind.STATE),
    ],
)
def test_what_the_disk_does_not_give_back_is_found_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, function: str, kind: FindingKind
) -> None:
    def fail(*_words: object, **_options: object) -> None:
        raise StoreError("cannot read: Input/output error")

    monkeypatch.setattr(verifying, function, fail)
    found = verify_backup(folder)
    assert kind in kinds(found)
    assert "Input/output error" in found.findings[0].text


# The comparison itself.

entries = st.builds(
    FileEntry,
    path=st.integers(0, 5).map(lambda number: f"config/{number}.yaml"),
    size=st.integers(0, 3),
    sha256=st.sampled_from(["a", "b"]),
)
listings = st.lists(entries, max_size=6, unique_by=lambda entry: entry.path)


def manifest_with(files: list[FileEntry], like: Manifest) -> Manifest:
    return seal(msgspec.structs.replace(like, files=tuple(files)))


@settings(max_examples=200)
@given(wanted=listings, there=listings)
def test_a_comparison_finds_exactly_the_differences(
    sound: Path, wanted: list[FileEntry], there: list[FileEntry]
) -> None:
    manifest = manifest_with(wanted, manifest_of(sound))
    findings = compare(manifest, {entry.path: entry for entry in there})
    ours, theirs = ({one.path: one for one in some} for some in (wanted, there))
    assert {(one.kind, one.path) for one in findings} == {
        *((FindingKind.MISSING, path) for path in ours.keys() - theirs.keys()),
        *((FindingKind.EXTRA, path) for path in theirs.keys() - ours.keys()),
        *(
            (FindingKind.CHANGED, path)
            for path in ours.keys() & theirs.keys()
            if ours[path] != theirs[path]
        ),
    }


def test_a_path_that_stands_twice_is_unsafe(sound: Path) -> None:
    entry = FileEntry(path="config/a.yaml", size=0, sha256="a")
    manifest = manifest_with([entry, entry], manifest_of(sound))
    findings = compare(manifest, {"config/a.yaml": entry})
    assert [(one.kind, one.found) for one in findings] == [(FindingKind.UNSAFE, "it twice")]


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_bit_of_a_manifest_can_change_unseen(sound: Path, place: int, bit: int) -> None:
    content = bytearray((sound / "manifest.json").read_bytes())
    content[place % len(content)] ^= 1 << bit
    assert isinstance(decode_manifest(bytes(content), NAME), Finding)
