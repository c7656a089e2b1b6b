"""A start stands on the snapshot where it fits the journal, and on the journal always."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polyarb.domain.errors import BrokenJournalError
from polyarb.domain.messages import JournalMessage
from polyarb.ledger.past import Past
from polyarb.store.journal import open_journal
from polyarb.store.records import START, Anchor
from polyarb.store.session import SessionSnapshot, keep_session, seal_session
from polyarb.store.verification import verify_anew
from polyarb.store.verified import read_verified_segments
from polyarb.store.workspace import Workspace
from polyarb.wiring.recovery.recovering import recover
from tests.plan_lives import NOON_NS, binary, binary_merged, broken, held, run_started, run_stopped

MESSAGES: list[JournalMessage] = [
    run_started("first", NOON_NS - 1, "a"),
    *binary_merged().messages,
    *held().messages,
    run_stopped(NOON_NS + 3_600 * 10**9),
    run_started("second", NOON_NS + 3_601 * 10**9, "b"),
    *broken(start_ns=NOON_NS + 3_602 * 10**9).messages,
    *binary("cut", NOON_NS + 3_700 * 10**9).begun().matched(0, 4_000_000, 1_800_000).messages,
]


def write(
    workspace: Workspace, messages: Sequence[JournalMessage], rotate_bytes: int = 1 << 20
) -> list[Anchor]:
    """Write a journal; return its place behind every record, from the start."""
    journal = open_journal(workspace.journal_file, workspace.journal_dir, rotate_bytes=rotate_bytes)
    places = [START]
    for message in messages:
        journal.append(message, 0)
        journal.make_durable()
        places.append(journal.head)
    journal.close()
    return places


def snapshot_at(place: Anchor, messages: Sequence[JournalMessage] = MESSAGES) -> SessionSnapshot:
    past = Past()
    for message in messages[: place.sequence]:
        past.apply(message)
    return SessionSnapshot(anchor=place, past=past.state())


def keep(workspace: Workspace, snapshot: SessionSnapshot) -> None:
    keep_session(workspace.session_file, seal_session(snapshot))


def whole() -> Past:
    return Past.of(snapshot_at(Anchor(sequence=len(MESSAGES))).past)


@pytest.mark.parametrize("rotate_bytes", [1 << 20, 3_000], ids=["one segment", "many segments"])
def test_a_start_reads_only_what_lies_behind_the_snapshot(
    tmp_path: Path, rotate_bytes: int
) -> None:
    workspace = Workspace(tmp_path)
    for place in write(workspace, MESSAGES, rotate_bytes):
        keep(workspace, snapshot_at(place))
        found = recover(workspace, pytest.fail)
        assert (found.since, found.replayed) == (place, len(MESSAGES) - place.sequence)
        assert found.past.state() == whole().state()


def test_without_a_snapshot_the_whole_journal_is_read(tmp_path: Path) -> None:
    write(Workspace(tmp_path), MESSAGES)
    found = recover(Workspace(tmp_path), pytest.fail)
    assert (found.since, found.replayed) == (START, len(MESSAGES))
    assert found.past.state() == whole().state()


def _damaged(workspace: Workspace, places: list[Anchor]) -> None:
    keep(workspace, snapshot_at(places[-1]))
    content = workspace.session_file.read_bytes()
    workspace.session_file.write_bytes(content.replace(b"1", b"2", 3))


def _of_another_version(workspace: Workspace, places: list[Anchor]) -> None:
    keep(workspace, snapshot_at(places[-1]))
    content = workspace.session_file.read_bytes()
    workspace.session_file.write_bytes(content.replace(b'"version":2', b'"version":9'))


def _ahead(workspace: Workspace, places: list[Anchor]) -> None:
    ahead = Anchor(sequence=places[-1].sequence + 1, hash="f" * 64)
    keep(workspace, SessionSnapshot(anchor=ahead, past=Past().state()))


def _of_another_journal(workspace: Workspace, places: list[Anchor]) -> None:
    foreign = Anchor(sequence=places[5].sequence, hash=places[6].hash)
    keep(workspace, SessionSnapshot(anchor=foreign, past=Past().state()))


@pytest.mark.parametrize(
    "spoil",
    [_damaged, _of_another_version, _ahead, _of_another_journal],
    ids=lambda spoil: spoil.__name__.strip("_"),
)
def test_a_snapshot_that_does_not_fit_is_told_and_not_used(
    tmp_path: Path, spoil: Callable[[Workspace, list[Anchor]], None]
) -> None:
    workspace, told = Workspace(tmp_path), list[str]()
    spoil(workspace, write(workspace, MESSAGES))
    found = recover(workspace, told.append)
    assert (found.since, found.replayed) == (START, len(MESSAGES))
    assert found.past.state() == whole().state()
    assert len(told) == 1
    assert "session.json" in told[0]
    assert "journal is read instead" in told[0]


def test_what_is_broken_behind_the_snapshot_is_found(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    places = write(workspace, MESSAGES)
    keep(workspace, snapshot_at(places[5]))
    lines = workspace.journal_file.read_bytes().splitlines(keepends=True)
    lines[8] = lines[8].replace(b"plan_id", b"plan_ix")
    workspace.journal_file.write_bytes(b"".join(lines))
    with pytest.raises(BrokenJournalError):
        recover(workspace, pytest.fail)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_a_torn_journal_behind_a_snapshot_is_what_its_whole_records_are(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("torn"))
    places = write(workspace, MESSAGES)
    size = workspace.journal_file.stat().st_size
    keep(workspace, snapshot_at(places[data.draw(st.integers(0, len(MESSAGES)))]))
    with workspace.journal_file.open("r+b") as handle:
        handle.truncate(data.draw(st.integers(1, size)))
    found = recover(workspace, lambda _: None)
    left = workspace.journal_file.read_bytes().count(b"\n")
    assert found.past.state() == snapshot_at(Anchor(sequence=left)).past
    assert msgspec.json.encode(found.past.state())


def verified(workspace: Workspace) -> None:
    """Let the finished segments be known from an earlier reading, as a daily report leaves them."""
    files = workspace.journal_file, workspace.journal_dir
    assert verify_anew(*files, workspace.verified_segments_file).is_whole
    assert read_verified_segments(workspace.verified_segments_file)


def test_without_a_snapshot_segments_that_were_verified_come_to_the_same(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write(workspace, MESSAGES, 3_000)
    verified(workspace)
    found = recover(workspace, pytest.fail)
    assert (found.since, found.replayed) == (START, len(MESSAGES))
    assert found.past.state() == whole().state()
    with workspace.journal_file.open("ab") as handle:
        handle.write(b'{"event_type":"RunSto')
    found = recover(workspace, pytest.fail)
    assert found.replayed == len(MESSAGES)
    assert found.past.state() == whole().state()


@pytest.mark.parametrize("place", [0, -1])
def test_a_verified_segment_that_was_changed_since_is_a_broken_journal(
    tmp_path: Path, place: int
) -> None:
    workspace = Workspace(tmp_path)
    write(workspace, MESSAGES, 3_000)
    verified(workspace)
    segment = sorted(workspace.journal_dir.glob("*.jsonl"))[place]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    with pytest.raises(BrokenJournalError, match=segment.name):
        recover(workspace, pytest.fail)
