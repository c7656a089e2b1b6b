"""Versions of the instrument master: nothing recorded is lost, and the last good one stays."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.instruments import Instrument, Instruments, Refusal
from polyarb.domain.market import Market, MarketGroup
from polyarb.store import instruments as module
from polyarb.store.instruments import InstrumentStore, Provenance, Version, VersionKind
from polyarb.store.locks import acquire
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash

SYNC = Provenance(actor="me", source="here", written_ns=7)


def reading(*names: str, volume: int = 0) -> Instruments:
    members = tuple(map(ConditionId, names))
    group_id = GroupId("0xg")
    return Instruments(
        read_time_ms=volume,
        instruments={
            each: Instrument(
                market=Market(
                    condition_id=each, yes=TokenId(f"{each}/yes"), no=TokenId(f"{each}/no")
                ),
                volume_24h=volume,
            )
            for each in members
        },
        groups={group_id: MarketGroup(group_id=group_id, condition_ids=members)},
        refused=(Refusal(subject="x", reason="y"),),
    )


@pytest.fixture
def store(tmp_path: Path) -> InstrumentStore:
    return InstrumentStore(tmp_path / "data" / "instruments")


def loaded(store: InstrumentStore) -> Instruments | None:
    found = store.load_current()
    return found.instruments if found else None


def test_before_the_first_version_there_is_none(store: InstrumentStore) -> None:
    assert store.history() == [] and store.current() is None and store.load_current() is None


def test_a_version_says_what_it_is_and_what_is_different(store: InstrumentStore) -> None:
    store.add(reading("a", "b"), SYNC)
    version, told = store.add(reading("b", "c"), SYNC)
    assert (told.added, told.removed) == (("c",), ("a",))
    assert version == Version(
        version=2,
        kind=VersionKind.SYNC,
        content=2,
        sha256=version.sha256,
        written_ns=7,
        actor="me",
        source="here",
        markets=2,
        groups=1,
        groups_complete=1,
        refused=1,
        added=1,
        removed=1,
        changed=0,
    )
    assert store.current() == version
    assert loaded(store) == reading("b", "c")
    assert [each.version for each in store.history()] == [1, 2]


def test_equal_content_is_an_equal_file(store: InstrumentStore) -> None:
    first, _ = store.add(reading("a"), SYNC)
    second, told = store.add(reading("a"), SYNC)
    assert first.sha256 == second.sha256 and told.is_empty


def test_a_rollback_is_a_new_entry_of_an_old_content(store: InstrumentStore) -> None:
    for names in ("a", "ab", "abc"):
        store.add(reading(*names), SYNC)
    entry, told = store.roll_back(None, SYNC)
    assert (entry.version, entry.kind, entry.content) == (4, VersionKind.ROLLBACK, 2)
    assert told.removed == ("c",)
    assert loaded(store) == reading("a", "b")
    entry, _ = store.roll_back(None, SYNC)
    assert (entry.version, entry.content, entry.markets) == (5, 1, 1)
    assert loaded(store) == reading("a")
    with pytest.raises(UsageError, match="expected a content before that of version 5"):
        store.roll_back(None, SYNC)
    entry, _ = store.roll_back(4, SYNC)
    assert (entry.version, entry.content) == (6, 2)
    version, _ = store.add(reading("z"), SYNC)
    assert version.version == version.content == 7
    assert [each.version for each in store.history()] == [1, 2, 3, 4, 5, 6, 7]


def test_there_must_be_something_to_go_back_to(store: InstrumentStore) -> None:
    with pytest.raises(UsageError, match="found none at all"):
        store.roll_back(None, SYNC)
    store.add(reading("a"), SYNC)
    with pytest.raises(UsageError, match="expected a content before that of version 1"):
        store.roll_back(None, SYNC)
    with pytest.raises(UsageError, match="VERSION: expected 1 to 1, found 2"):
        store.roll_back(2, SYNC)
    assert len(store.history()) == 1


def test_old_contents_are_removed_but_never_their_entries_nor_the_current_one(
    store: InstrumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_CONTENTS", 2)
    for name in "abc":
        store.add(reading(name), SYNC)
    assert [store.content_file(each).exists() for each in (1, 2, 3)] == [False, True, True]
    store.roll_back(2, SYNC)
    store.add(reading("d"), SYNC)
    assert [store.content_file(each).exists() for each in (2, 3, 5)] == [True, False, True]
    assert len(store.history()) == 5
    with pytest.raises(StoreError, match="expected version 1, found no file; run `polyarb markets"):
        store.roll_back(1, SYNC)
    assert loaded(store) == reading("d")


@pytest.mark.parametrize(
    "damage", [b"", b"junk", gzip.compress(b"{}", mtime=0), gzip.compress(b"[", mtime=0)]
)
def test_a_content_that_is_not_what_was_written_is_told_with_a_way_out(
    store: InstrumentStore, damage: bytes
) -> None:
    store.add(reading("a"), SYNC)
    store.add(reading("b"), SYNC)
    store.content_file(2).write_bytes(damage)
    with pytest.raises(StoreError, match=r"expected SHA-256 .* `polyarb markets rollback VERSION`"):
        store.load_current()
    entry, told = store.roll_back(None, SYNC)
    assert entry.content == 1 and told.added == ("a",)
    assert loaded(store) == reading("a")


def test_a_damaged_current_version_does_not_stop_the_next_one(store: InstrumentStore) -> None:
    store.add(reading("a"), SYNC)
    store.content_file(1).unlink()
    _, told = store.add(reading("a"), SYNC)
    assert told.added == ("a",)
    assert loaded(store) == reading("a")


@pytest.mark.parametrize("content", [b"[1]", b"{", b"not gzip"])
def test_a_content_of_another_release_is_told(store: InstrumentStore, content: bytes) -> None:
    from hashlib import sha256

    version, _ = store.add(reading("a"), SYNC)
    packed = content if content == b"not gzip" else gzip.compress(content)
    store.content_file(1).write_bytes(packed)
    line = store.history_file.read_bytes()
    store.history_file.write_bytes(
        line.replace(version.sha256.encode(), sha256(packed).hexdigest().encode())
    )
    with pytest.raises(StoreError, match="expected instruments of this release"):
        store.load_current()


def test_an_entry_that_a_crash_left_unfinished_does_not_count(store: InstrumentStore) -> None:
    store.add(reading("a"), SYNC)
    with store.history_file.open("ab") as stream:
        stream.write(b'{"version":2,"kind":"sy')
    assert [each.version for each in store.history()] == [1]
    store.add(reading("b"), SYNC)
    assert [each.version for each in store.history()] == [1, 2]
    assert loaded(store) == reading("b")


def test_an_entry_that_makes_no_sense_is_told_with_its_line(store: InstrumentStore) -> None:
    store.add(reading("a"), SYNC)
    with store.history_file.open("ab") as stream:
        stream.write(b"{}\n")
    with pytest.raises(StoreError, match=r"history.jsonl:2: expected an entry of the history"):
        store.history()


def test_only_one_process_writes(store: InstrumentStore) -> None:
    store.add(reading("a"), SYNC)
    lock = acquire(store.directory / "lock", "another")
    try:
        with pytest.raises(RefusedError, match="the instrument master is in use"):
            store.add(reading("b"), SYNC)
    finally:
        lock.release()
    assert loaded(store) == reading("a")


def test_a_full_disk_keeps_the_version_before(tmp_path: Path) -> None:
    files = LossyFileSystem(tmp_path)
    store = InstrumentStore(tmp_path / "instruments", files)
    store.add(reading("a"), SYNC)
    files.space = 10
    with pytest.raises(StoreError, match="free space on that disk"):
        store.add(reading("b"), SYNC)
    files.space = None
    assert loaded(store) == reading("a")
    store.add(reading("c"), SYNC)
    assert loaded(store) == reading("c")


@given(crash_at=st.integers(1, 25), seed=st.integers(0, 50))
def test_after_any_crash_the_old_or_the_new_version_is_current_and_whole(
    tmp_path_factory: pytest.TempPathFactory, crash_at: int, seed: int
) -> None:
    root = tmp_path_factory.mktemp("crash")
    InstrumentStore(root / "instruments").add(reading("a"), SYNC)
    files = LossyFileSystem(root, crash_at=crash_at)
    store = InstrumentStore(root / "instruments", files)
    is_done = False
    try:
        store.add(reading("b"), SYNC)
        is_done = True
        store.roll_back(1, SYNC)
    except SimulatedCrash:
        pass
    files.cut_power(seed)
    after = InstrumentStore(root / "instruments")
    found = loaded(after)
    assert found in (reading("a"), reading("b"))
    if is_done:
        assert [each.version for each in after.history()][:2] == [1, 2]
    version, _ = after.add(reading("c"), SYNC)
    assert loaded(after) == reading("c")
    assert [each.version for each in after.history()] == list(range(1, version.version + 1))


@given(seed=st.integers(0, 50))
def test_a_first_version_that_was_told_survives_a_power_cut(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    root = tmp_path_factory.mktemp("cut")
    files = LossyFileSystem(root)
    InstrumentStore(root / "instruments", files).add(reading("a"), SYNC)
    files.cut_power(seed)
    assert loaded(InstrumentStore(root / "instruments")) == reading("a")
