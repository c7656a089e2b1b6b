"""A session snapshot is read back as it was, or refused with what is wrong with it."""

from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.ledger.past import Past
from polyarb.store.filesystem import FileSystem
from polyarb.store.records import Anchor
from polyarb.store.session import SessionSnapshot, keep_session, read_session, seal_session
from tests.plan_lives import NOON_NS, binary, broken, held, run_started

ANCHOR = Anchor(sequence=7, hash="a" * 64)


def snapshot() -> SessionSnapshot:
    past = Past()
    lives = [binary().begun().matched(0, 4, 2).messages, broken().messages, held().messages]
    for message in [run_started("run", NOON_NS - 1), *(one for life in lives for one in life)]:
        past.apply(message)
    return SessionSnapshot(anchor=ANCHOR, past=past.state())


def test_a_snapshot_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "session.json"
    assert read_session(path) is None
    keep_session(path, seal_session(snapshot()))
    assert read_session(path) == snapshot()
    later = SessionSnapshot(anchor=Anchor(sequence=9, hash="b" * 64), past=Past().state())
    keep_session(path, seal_session(later))
    assert read_session(path) == later
    assert [one.name for one in path.parent.iterdir()] == ["session.json"]


def test_a_snapshot_that_was_changed_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    sealed = seal_session(snapshot())
    for place in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[place] ^= 1
        path.write_bytes(changed)
        try:
            found = read_session(path)
        except StoreError:
            continue
        assert found == snapshot(), place


@pytest.mark.parametrize("size", [0, 1, 40, -1], ids=str)
def test_a_snapshot_that_was_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "session.json"
    path.write_bytes(seal_session(snapshot())[:size])
    with pytest.raises(StoreError, match="nothing is lost: the journal is read instead"):
        read_session(path)


def test_a_snapshot_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_bytes(seal_session(snapshot()).replace(b'"version":2', b'"version":1', 1))
    with pytest.raises(StoreError, match="expected version 2, found version 1"):
        read_session(path)


def test_a_snapshot_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    class FullDisk(FileSystem):
        def write(self, descriptor: int, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    path = tmp_path / "session.json"
    keep_session(path, seal_session(snapshot()))
    with pytest.raises(StoreError, match="No space left"):
        keep_session(path, b"later", FullDisk())
    assert read_session(path) == snapshot()
