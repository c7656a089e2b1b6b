import json
import os
import random
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import BrokenJournalError, RefusedError, StoreError
from polyarb.domain.messages import OperatorHalted, UnwindSet
from polyarb.store.filesystem import FileSystem
from polyarb.store.lossy import LossyFileSystem
from polyarb.store.records import GENESIS, START, Anchor
from tests.journal_cases import (
    MESSAGE_TYPES,
    JournalFiles,
    independent_hashes,
    make_message,
    some_messages,
)


@pytest.fixture
def files(tmp_path: Path) -> JournalFiles:
    return JournalFiles(tmp_path)


def _halt(time_ns: int = 1) -> OperatorHalted:
    return OperatorHalted(receive_time_ns=time_ns, actor="operator", reason="test")


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_every_kind_of_message_reads_back_as_written(files: JournalFiles, kind: type) -> None:
    chance = random.Random(kind.__name__)
    messages = [make_message(kind, chance) for _ in range(20)]
    files.write(messages)
    records = files.read()
    assert [record.message for record in records] == messages
    assert [record.frame for record in records] == list(range(20))
    assert [record.sequence for record in records] == list(range(1, 21))
    assert [record.time_ns for record in records] == [m.receive_time_ns for m in messages]


def test_a_line_has_the_fields_of_the_documented_envelope(files: JournalFiles) -> None:
    files.write([_halt(1_780_796_400_123_456_789)])
    line = json.loads(files.current.read_bytes())
    assert list(line) == [
        "event_type",
        "timestamp",
        "sequence",
        "frame",
        "time_ns",
        "data",
        "previous",
        "hash",
    ]
    assert line["event_type"] == line["data"]["type"] == "OperatorHalted"
    assert line["timestamp"] == "2026-06-07T01:40:00.123456Z"
    assert datetime.fromisoformat(line["timestamp"]).timestamp() == 1_780_796_400.123456
    assert line["previous"] == GENESIS


def test_the_chain_is_what_a_verifier_without_the_store_computes(files: JournalFiles) -> None:
    files.write(some_messages(50))
    hashes = independent_hashes(files.current.read_bytes(), GENESIS)
    assert hashes == [record.hash for record in files.read()]


def test_the_same_messages_make_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name, rotate_bytes in (("a", 10**9), ("b", 1000)):
        files = JournalFiles(tmp_path / name)
        files.write(some_messages(40), rotate_bytes)
        contents.append(b"".join(path.read_bytes() for path in files.segments()))
    assert contents[0] == contents[1]


def test_a_message_that_could_not_be_read_back_is_not_recorded(files: JournalFiles) -> None:
    journal = files.open()
    journal.append(_halt(), 0)
    head = journal.head
    for wrong in (1.0, 0.5, "1"):
        with pytest.raises(msgspec.ValidationError):
            journal.append(UnwindSet(receive_time_ns=wrong, plan_id="p"), 1)  # type: ignore[arg-type]
    assert journal.head == head
    journal.append(_halt(2), 1)
    journal.close()
    assert len(files.read()) == 2


def test_records_are_on_the_disk_only_once_made_durable(files: JournalFiles) -> None:
    journal = files.open()
    journal.append(_halt(), 0)
    assert (files.read(), journal.durable_head) == ([], START)
    journal.make_durable()
    assert [record.hash for record in files.read()] == [journal.durable_head.hash]
    journal.close()


def test_a_large_batch_goes_to_the_file_before_it_is_durable(files: JournalFiles) -> None:
    journal = files.open()
    for number in range(5000):
        journal.append(_halt(number), number)
    assert files.current.stat().st_size > 1 << 20
    assert journal.durable_head == START
    journal.close()
    assert len(files.read()) == 5000


def test_a_batch_is_one_write_and_one_sync_and_an_empty_one_none(tmp_path: Path) -> None:
    lossy = LossyFileSystem(tmp_path)
    journal = JournalFiles(tmp_path).open(files=lossy)
    before = lossy.effects
    for number in range(100):
        journal.append(_halt(number), number)
    journal.make_durable()
    assert lossy.effects == before + 2
    journal.make_durable()
    assert lossy.effects == before + 2
    journal.close()


def test_rotation_moves_finished_segments_and_keeps_the_chain(files: JournalFiles) -> None:
    messages = some_messages(120)
    journal = files.open(rotate_bytes=5000)
    for start in range(0, 120, 7):
        for message in messages[start : start + 7]:
            journal.append(message, start)
        journal.make_durable()
    head = journal.head
    journal.close()
    archived = sorted(files.archive.iterdir())
    assert len(archived) > 3
    assert archived[0].name == "000000000001.jsonl"
    for path in archived:
        first = json.loads(path.read_bytes().splitlines()[0])
        assert path.name == f"{first['sequence']:012d}.jsonl"
        assert path.stat().st_size >= 5000
    assert files.messages() == messages
    report = files.verify()
    assert report.is_whole
    assert (report.records, report.head) == (120, head)
    assert report.segments == len(archived) + 1
    assert report.first_time_ns == messages[0].receive_time_ns
    assert report.last_time_ns == messages[-1].receive_time_ns


def test_a_journal_opened_again_goes_on_where_it_ended(files: JournalFiles) -> None:
    messages = some_messages(30)
    for start in range(0, 30, 3):
        files.write(messages[start : start + 3], rotate_bytes=1500)
    assert files.messages() == messages
    assert files.verify().is_whole


def test_a_second_writer_is_refused_by_the_first_ones_process(files: JournalFiles) -> None:
    journal = files.open()
    with pytest.raises(RefusedError, match=f"process {os.getpid()} "):
        files.open()
    journal.append(_halt(), 0)
    journal.close()
    journal.close()
    files.open().close()
    assert len(files.read()) == 1


def test_a_closed_journal_takes_nothing(files: JournalFiles) -> None:
    journal = files.open()
    journal.close()
    with pytest.raises(StoreError, match="closed"):
        journal.append(_halt(), 0)
    with pytest.raises(StoreError, match="closed"):
        journal.make_durable()


def test_a_journal_cut_at_any_byte_opens_with_the_records_before(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path)
    messages = some_messages(5, seed=3)
    files.write(messages, rotate_bytes=10**9)
    whole = files.current.read_bytes()
    borders = [0] + [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    for cut in [*range(0, borders[3], 7), *range(borders[3] - 2, len(whole))]:
        files.current.write_bytes(whole[:cut])
        before = max(at for at in borders if at <= cut)
        expected = messages[: borders.index(before)]
        assert files.messages() == expected
        journal = files.open()
        torn = journal.repaired
        journal.close()
        assert files.messages() == expected
        assert files.verify().is_whole
        assert (torn is None) == (cut == before)
        if torn is not None:
            assert (torn.sequence, torn.offset) == (len(expected) + 1, before)
            assert torn.size == cut - before
            assert Path(torn.kept_in).read_bytes() == whole[before:cut]
            Path(torn.kept_in).unlink()


@pytest.mark.parametrize("junk", [b"\0" * 700, b"junk\n", b"a\nb\n", b"\n", b"{}\n", b"\xff\n\0\n"])
def test_rubbish_behind_the_last_record_is_cut_off_and_kept(
    files: JournalFiles, junk: bytes
) -> None:
    messages = some_messages(3)
    files.write(messages)
    with files.current.open("ab") as handle:
        handle.write(junk)
    report = files.verify()
    assert report.is_whole
    assert report.torn is not None
    assert (report.torn.sequence, report.torn.size) == (4, len(junk))
    assert files.messages() == messages
    journal = files.open()
    assert journal.repaired is not None
    assert Path(journal.repaired.kept_in).read_bytes() == junk
    journal.append(_halt(), 0)
    journal.close()
    assert files.verify().torn is None
    assert len(files.read()) == 4


def test_two_different_tears_at_one_place_are_both_kept(files: JournalFiles) -> None:
    files.write(some_messages(2))
    for junk in (b"one", b"two", b"one"):
        with files.current.open("ab") as handle:
            handle.write(junk)
        files.open().close()
    assert {path.read_bytes() for path in files.archive.glob("torn-3*.bin")} == {b"one", b"two"}


def test_a_byte_changed_before_the_last_record_is_a_break(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path)
    files.write(some_messages(4, seed=5))
    whole = files.current.read_bytes()
    last = whole.rfind(b"\n", 0, len(whole) - 1) + 1
    for at in range(last):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << (at % 8)
        files.current.write_bytes(flipped)
        line = whole.count(b"\n", 0, at) + 1
        with pytest.raises(BrokenJournalError, match=rf"events\.jsonl line {line}: expected .*"):
            files.open()
        report = files.verify()
        assert not report.is_whole
        assert (report.breaks[0].file, report.breaks[0].line) == (str(files.current), line)
        with pytest.raises(BrokenJournalError):
            files.read()
    files.current.write_bytes(whole)
    assert files.verify().is_whole


def test_a_byte_changed_in_a_finished_segment_is_a_break(files: JournalFiles) -> None:
    files.write(some_messages(9), rotate_bytes=1500)
    path = sorted(files.archive.iterdir())[-1]
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[at] ^= 32
        path.write_bytes(flipped)
        assert not files.verify().is_whole
        with pytest.raises(BrokenJournalError):
            files.read()
    path.write_bytes(whole[:-1])
    assert not files.verify().is_whole
    with pytest.raises(BrokenJournalError):
        files.open()


def test_the_last_finished_segment_is_verified_where_the_current_is_empty(
    files: JournalFiles,
) -> None:
    files.write(some_messages(8), rotate_bytes=1)
    for path in sorted(files.archive.iterdir())[2:]:
        path.unlink()
    files.write(some_messages(8), rotate_bytes=3000)
    files.current.unlink()
    path = sorted(files.archive.iterdir())[-1]
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 2
    path.write_bytes(b"".join([lines[0], lines[1].replace(b":", b";", 1), *lines[2:]]))
    with pytest.raises(BrokenJournalError, match="line 2"):
        files.open()


def _rotated(files: JournalFiles) -> list[Path]:
    # One record stands in the current segment, whatever the size of the twenty before it.
    files.write(some_messages(20), rotate_bytes=2000)
    files.write(some_messages(1), rotate_bytes=1 << 20)
    return sorted(files.archive.iterdir())


def test_a_missing_segment_is_a_break(files: JournalFiles) -> None:
    archived = _rotated(files)
    for path in archived:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(BrokenJournalError, match="expected record"):
            files.open()
        with pytest.raises(BrokenJournalError, match="expected record"):
            files.read()
        assert len(files.verify().breaks) == 1
        path.write_bytes(content)
    assert files.verify().is_whole


def test_segments_in_the_wrong_order_are_breaks(files: JournalFiles) -> None:
    first, second = _rotated(files)[:2]
    swap = first.read_bytes(), second.read_bytes()
    first.write_bytes(swap[1])
    second.write_bytes(swap[0])
    assert not files.verify().is_whole
    with pytest.raises(BrokenJournalError):
        files.open()


def test_a_segment_under_a_wrong_name_is_a_break(files: JournalFiles) -> None:
    last = _rotated(files)[-1]
    last.rename(last.with_name("000000000099.jsonl"))
    assert [found.kind for found in files.verify().breaks] == ["MISPLACED"]
    with pytest.raises(BrokenJournalError, match="expected the name"):
        files.open()


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:1] + lines[2:],
        lambda lines: lines[:2] + lines[1:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:1], b"x\n", *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [*lines[:-2], lines[-2][:-1] + b" ", lines[-1]],
    ],
    ids=["deleted", "duplicated", "swapped", "inserted", "first deleted", "joined"],
)
def test_a_moved_line_is_a_break(files: JournalFiles, change: object) -> None:
    files.write(some_messages(5))
    lines = files.current.read_bytes().splitlines(keepends=True)
    files.current.write_bytes(b"".join(change(lines)))  # type: ignore[operator]
    assert not files.verify().is_whole
    with pytest.raises(BrokenJournalError):
        files.open()


def test_a_break_does_not_hide_the_records_behind_it(files: JournalFiles) -> None:
    files.write(some_messages(10))
    lines = files.current.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"frame":2', b'"frame":3')
    del lines[6]
    files.current.write_bytes(b"".join(lines))
    report = files.verify()
    assert [(found.line, found.kind) for found in report.breaks] == [
        (3, "CHANGED"),
        (7, "MISPLACED"),
    ]
    assert report.head.sequence == 10


def test_a_record_of_another_journal_is_a_break(tmp_path: Path) -> None:
    files, other = JournalFiles(tmp_path / "a"), JournalFiles(tmp_path / "b")
    files.write(some_messages(4, seed=1))
    other.write(some_messages(4, seed=2))
    ours = files.current.read_bytes().splitlines(keepends=True)
    theirs = other.current.read_bytes().splitlines(keepends=True)
    files.current.write_bytes(b"".join([*ours[:2], *theirs[2:]]))
    assert [found.kind for found in files.verify().breaks] == ["UNLINKED"]
    with pytest.raises(BrokenJournalError, match="previous hash"):
        files.open()


def test_rubbish_lists_no_more_breaks_than_anybody_reads(files: JournalFiles) -> None:
    files.write(some_messages(2))
    content = files.current.read_bytes()
    files.current.write_bytes(b"x\n" * 3000 + content)
    assert len(files.verify().breaks) == 1000


def test_a_cut_end_and_a_chain_made_anew_show_against_an_anchor(tmp_path: Path) -> None:
    from polyarb.store.verification import verify_journal

    files = JournalFiles(tmp_path / "a")
    files.write(some_messages(6))
    anchors = [Anchor(sequence=record.sequence, hash=record.hash) for record in files.read()]
    assert verify_journal(files.current, files.archive, anchors=anchors).is_whole
    lines = files.current.read_bytes().splitlines(keepends=True)
    files.current.write_bytes(b"".join(lines[:4]))
    assert files.verify().is_whole
    report = verify_journal(files.current, files.archive, anchors=anchors[4:])
    assert [found.kind for found in report.breaks] == ["LOST", "LOST"]
    anew = JournalFiles(tmp_path / "b")
    anew.write(some_messages(6, seed=9))
    report = verify_journal(anew.current, anew.archive, anchors=[START, anchors[3]])
    assert [(found.line, found.kind) for found in report.breaks] == [(4, "CHANGED")]


class _FailingFileSystem(FileSystem):
    def __init__(self) -> None:
        self.fails = ""

    def sync(self, descriptor: int) -> None:
        if self.fails == "sync":
            raise OSError(5, "Input/output error")

    def rename(self, source: Path, target: Path) -> None:
        if self.fails == "rename":
            raise OSError(28, "No space left on device")
        super().rename(source, target)


@pytest.mark.parametrize("fails", ["sync", "rename"])
def test_after_a_fault_of_the_disk_the_journal_takes_nothing_until_opened_again(
    files: JournalFiles, fails: str
) -> None:
    failing = _FailingFileSystem()
    journal = files.open(rotate_bytes=1, files=failing)
    journal.append(_halt(1), 0)
    journal.make_durable()
    failing.fails = fails
    journal.append(_halt(2), 0)
    with pytest.raises(StoreError, match="cannot write"):
        journal.make_durable()
    failing.fails = ""
    with pytest.raises(StoreError, match="closed by a fault of the disk"):
        journal.append(_halt(3), 0)
    with pytest.raises(StoreError, match="closed by a fault of the disk"):
        journal.make_durable()
    journal.close()
    files.write([_halt(4)])
    assert [record.time_ns for record in files.read()] == [1, 2, 4]


def test_a_full_disk_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path)
    for space in range(0, 1500, 37):
        held = len(files.read())
        journal = files.open(files=LossyFileSystem(tmp_path, space=space))
        with pytest.raises(StoreError, match="free space"):
            for number in range(20):
                journal.append(_halt(number), number)
                journal.make_durable()
                held += 1
        journal.close()
        assert len(files.read()) >= held
        files.open().close()
        assert files.verify().is_whole


_FILLS_THE_DISK = """
import resource, signal, sys
from pathlib import Path
from polyarb.domain.errors import StoreError
from polyarb.domain.messages import CancelAll
from polyarb.store.journal import open_journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
directory = Path(sys.argv[1])
journal = open_journal(directory / "events.jsonl", directory / "journal")
resource.setrlimit(resource.RLIMIT_FSIZE, (4321, 4321))
durable = 0
try:
    while True:
        journal.append(CancelAll(receive_time_ns=durable, reason="test"), durable)
        journal.make_durable()
        durable += 1
except StoreError as fault:
    print(durable, fault)
"""


def test_a_file_that_the_system_lets_grow_no_further_is_a_full_disk(files: JournalFiles) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _FILLS_THE_DISK, str(files.current.parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    durable, _, fault = run.stdout.partition(" ")
    assert "free space" in fault
    assert files.current.stat().st_size == 4321
    journal = files.open()
    assert journal.repaired is not None
    journal.close()
    assert len(files.read()) == int(durable) > 5


def test_a_directory_that_cannot_be_made_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(StoreError, match="cannot open"):
        JournalFiles(tmp_path).open()
