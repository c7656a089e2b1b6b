import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from polyarb.domain.errors import RefusedError, StoreError
from polyarb.domain.messages import CancelAll
from polyarb.store import locks, reading
from polyarb.store.reading import read_anchor, read_journal
from polyarb.store.records import START
from polyarb.store.segments import open_segments
from tests.journal_cases import JournalFiles, some_messages


@pytest.fixture
def files(tmp_path: Path) -> JournalFiles:
    return JournalFiles(tmp_path)


def test_no_journal_is_no_records(files: JournalFiles) -> None:
    assert files.read() == []
    assert read_anchor(files.current, files.archive) == START
    report = files.verify()
    assert (report.records, report.segments, report.is_whole) == (0, 0, True)


@pytest.mark.parametrize("rotate_bytes", [1, 1500, 10**9])
def test_reading_behind_a_record_gives_the_records_behind_it(
    files: JournalFiles, rotate_bytes: int
) -> None:
    files.write(some_messages(15), rotate_bytes)
    whole = files.read()
    for after in range(17):
        assert files.read(after) == whole[after:]


@pytest.mark.parametrize("rotate_bytes", [1, 1500, 10**9])
def test_the_anchor_is_the_place_of_the_last_whole_record(
    files: JournalFiles, rotate_bytes: int
) -> None:
    files.write(some_messages(15), rotate_bytes)
    last = files.read()[-1]
    with files.current.open("ab") as handle:
        for tail in (b"", b'{"event_type":', b"\0\n"):
            handle.write(tail)
            handle.flush()
            anchor = read_anchor(files.current, files.archive)
            assert (anchor.sequence, anchor.hash) == (last.sequence, last.hash)


def test_a_record_longer_than_the_first_look_at_the_end_is_found(files: JournalFiles) -> None:
    long = CancelAll(receive_time_ns=1, reason="x" * 300_000)
    files.write([long, long], rotate_bytes=1)
    files.current.unlink()
    assert read_anchor(files.current, files.archive).sequence == 2
    journal = files.open()
    assert journal.head.sequence == 2
    journal.close()


def test_a_reader_sees_what_is_written_while_it_reads_and_nothing_half(
    files: JournalFiles,
) -> None:
    messages = some_messages(60)
    journal = files.open(rotate_bytes=2500)
    for frame, message in enumerate(messages):
        journal.append(message, frame)
        journal.make_durable()
        records = read_journal(files.current, files.archive, after=frame)
        assert [record.message for record in records] == [message]
        if frame % 5 == 0:
            reader = read_journal(files.current, files.archive)
            begun = [next(reader)]
    seen = [record.message for record in [*begun, *reader]]
    assert seen == messages[: len(seen)]
    assert len(seen) >= 56
    journal.close()


def test_a_rotation_between_two_looks_repeats_and_skips_nothing(files: JournalFiles) -> None:
    messages = some_messages(8)
    files.write(messages, rotate_bytes=10**9)
    finished, handle = open_segments(files.current, files.archive)
    assert handle is not None
    assert finished == []
    handle.close()
    files.current.rename(files.archive / "000000000001.jsonl")
    finished, handle = open_segments(files.current, files.archive)
    assert handle is None
    assert files.messages() == messages
    # The name that a reader opened may be archived before it lists the archive.
    os.link(finished[0], files.current)
    assert open_segments(files.current, files.archive)[1] is None
    assert files.messages() == messages


def test_a_line_being_written_is_not_there_yet(files: JournalFiles) -> None:
    files.write(some_messages(3))
    whole = files.current.read_bytes()
    for cut in range(len(whole) - 1, len(whole) - 200, -7):
        files.current.write_bytes(whole[:cut])
        assert len(files.read()) == 2


def test_a_line_that_is_finished_while_it_is_looked_at_is_no_break(
    files: JournalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write(some_messages(4))
    whole = files.current.read_bytes()
    judge = reading.is_torn_tail

    def judge_late(handle: BinaryIO, offset: int) -> bool:
        files.current.write_bytes(whole)
        return judge(handle, offset)

    monkeypatch.setattr(reading, "is_torn_tail", judge_late)
    files.current.write_bytes(whole[: len(whole) // 2])
    assert len(files.read()) in (1, 2)


def test_a_message_of_another_version_is_a_fault_that_names_it(
    files: JournalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    from polyarb.store import records

    files.write(some_messages(2))
    chain = records.RecordChain(START)
    monkeypatch.setattr(records, "_decode", lambda body: body)
    monkeypatch.setattr(records, "_encode", lambda message: b'{"type":"Later"}')
    files.current.write_bytes(chain.seal(some_messages(1)[0], 0))
    monkeypatch.undo()
    assert files.verify().is_whole
    with pytest.raises(StoreError, match="line 1: expected a message of this version"):
        files.read()


_HOLDS = """
import sys
from pathlib import Path
from polyarb.store.locks import acquire
acquire(Path(sys.argv[1]), "the trader")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert locks.find_holder(path) is None
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert locks.find_holder(path) == process.pid
        with pytest.raises(RefusedError, match=f"the trader is in use by process {process.pid} "):
            locks.acquire(path, "the trader")
        process.kill()
    assert locks.find_holder(path) is None
    lock = locks.acquire(path, "the trader")
    assert locks.find_holder(path) == os.getpid()
    lock.release()
    lock.release()
    assert locks.find_holder(path) is None


def test_a_lock_that_somebody_only_looked_at_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("not a pid\n")
    assert locks.find_holder(path) is None
    locks.acquire(path, "the trader").release()
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_lock_in_no_directory_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check the path"):
        locks.acquire(tmp_path / "absent" / "lock", "the trader")
