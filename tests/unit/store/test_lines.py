"""A file of records that only grows."""

import multiprocessing
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import StoreError
from polyarb.store.lines import LineFile
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash


class Note(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    text: str = ""


def _notes(*numbers: int) -> list[Note]:
    return [Note(number=number, text="x" * 50) for number in numbers]


def test_records_come_back_in_order(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "deep" / "notes.jsonl", Note)
    file.append(*_notes(1, 2))
    file.append()
    file.append(*_notes(3))
    assert file.read() == _notes(1, 2, 3)


def test_an_absent_file_holds_nothing(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "notes.jsonl", Note)
    file.append()
    assert file.read() == []
    assert not file.path.exists()


def test_a_piece_of_a_record_is_skipped_and_then_cut_away(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "notes.jsonl", Note)
    file.append(*_notes(1))
    with file.path.open("ab") as stream:
        stream.write(b'{"number":2,' + b"y" * 200_000)
    assert file.read() == _notes(1)
    file.append(*_notes(3))
    assert file.read() == _notes(1, 3)


def test_a_file_of_one_piece_begins_anew(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "notes.jsonl", Note)
    file.path.write_bytes(b'{"number"')
    assert file.read() == []
    file.append(*_notes(1))
    assert file.read() == _notes(1)


def test_a_whole_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "notes.jsonl", Note)
    file.append(*_notes(1))
    with file.path.open("ab") as stream:
        stream.write(b'{"number":"two"}\n')
    with pytest.raises(StoreError, match=r"notes.jsonl:2: expected a record, found .*number"):
        file.read()


@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_a_power_cut_at_any_moment(
    tmp_path: Path, seed: int
) -> None:
    for crash_at in range(1, 40):
        root = tmp_path / f"{crash_at}"
        root.mkdir()
        disk = LossyFileSystem(root, crash_at=crash_at)
        file = LineFile(root / "audit" / "notes.jsonl", Note, disk)
        acknowledged = 0
        try:
            for number in range(1, 9):
                file.append(*_notes(number))
                acknowledged = number
        except SimulatedCrash:
            pass
        disk.cut_power(seed)
        survivors = LineFile(file.path, Note)
        found = [note.number for note in survivors.read()]
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= acknowledged
        survivors.append(*_notes(99))
        assert survivors.read()[-1].number == 99
        if acknowledged == 8:
            return
    pytest.fail("the sweep never reached the end of the writes")


def test_a_full_disk_is_told_and_leaves_whole_records(tmp_path: Path) -> None:
    disk = LossyFileSystem(tmp_path, space=100)
    file = LineFile(tmp_path / "notes.jsonl", Note, disk)
    file.append(*_notes(1))
    with pytest.raises(StoreError, match="free space on that disk"):
        file.append(*_notes(2))
    assert file.path.read_bytes().count(b"\n") == 1
    assert file.path.read_bytes().endswith(b"\n")
    disk.space = 1_000
    file.append(*_notes(3))
    assert file.read() == _notes(1, 3)


def _append_many(path: Path, first: int) -> None:
    file = LineFile(path, Note)
    for number in range(first, first + 50):
        file.append(Note(number=number))


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    spawn = multiprocessing.get_context("fork")
    writers = [spawn.Process(target=_append_many, args=(path, first)) for first in (0, 1000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    numbers = [note.number for note in LineFile(path, Note).read()]
    assert sorted(numbers) == [*range(50), *range(1000, 1050)]
