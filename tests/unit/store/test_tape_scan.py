import json
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.surroundings import CatalogueChange
from polyarb.store.filesystem import REAL
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from polyarb.store.recording import TapeWriter
from polyarb.store.tape import read_tape, tape_files
from polyarb.store.tape_index import IndexEntry, append_entry, read_index, write_index
from polyarb.store.tape_scan import FlawKind, hour_of, scan_tape, time_of, verify_tapes

_S = 1_000_000_000
_START_NS = 1_780_794_000 * _S
_FILES = ["20260607/01-0001.jsonl.gz", "20260607/02-0001.jsonl.gz"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    writer = TapeWriter(tmp_path)
    for number in range(12):
        writer.record(b'{"n":%d}' % number, _START_NS + number * 500 * _S)
    writer.record_loss("idle", {"b", "a"}, _START_NS + 6000 * _S)
    writer.close()
    return tmp_path


def _kinds(directory: Path, *writing: Path) -> list[FlawKind]:
    return [flaw.kind for flaw in verify_tapes(tape_files(directory), writing).flaws]


def test_a_loss_is_a_line_of_its_own_and_the_line_is_returned(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path)
    first = writer.record(b"{}", _START_NS)
    second = writer.record_loss('of "it"\n', {"b", "a"}, _START_NS + 1)
    writer.close()
    assert list(read_tape(tmp_path)) == [first.rstrip(b"\n"), second.rstrip(b"\n")]
    assert json.loads(second) == {
        "recv_ns": _START_NS + 1,
        "seq": 1,
        "lost": {"reason": 'of "it"\n', "assets": ["a", "b"]},
    }
    assert writer.frames == 2


def test_a_mode_and_other_instruments_are_lines_of_a_tape_and_no_loss(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path)
    lines = [
        writer.record_mode("down", 'of "it"\n', _START_NS),
        writer.record_instruments(CatalogueChange(), _START_NS + 1),
    ]
    writer.close()
    assert list(read_tape(tmp_path)) == [line.rstrip(b"\n") for line in lines]
    assert json.loads(lines[0])["mode"] == {"mode": "down", "reason": 'of "it"\n'}
    found = verify_tapes(tape_files(tmp_path))
    assert (found.lines, found.losses, found.flaws) == (2, 0, ())


def test_every_finished_file_is_in_the_index_as_it_was_found_to_be(run: Path) -> None:
    index = read_index(run)
    assert list(index) == _FILES
    for name, entry in index.items():
        assert scan_tape(run / name).entry == entry
    assert [(entry.first_seq, entry.last_seq, entry.lines) for entry in index.values()] == [
        *((0, 7, 8), (8, 12, 5))
    ]
    assert index[_FILES[0]].first_ns == _START_NS
    assert index[_FILES[1]].last_ns == _START_NS + 6000 * _S
    assert _kinds(run) == []


def test_the_index_is_no_part_of_the_tape(run: Path) -> None:
    assert [path.name for path in tape_files(run)] == ["01-0001.jsonl.gz", "02-0001.jsonl.gz"]
    assert verify_tapes(tape_files(run)).losses == 1


def test_a_file_of_a_size_that_a_step_back_left_is_indexed_with_whole_members(
    tmp_path: Path,
) -> None:
    files = LossyFileSystem(tmp_path)
    writer = TapeWriter(tmp_path / "tape", files=files)
    writer.record(b'{"n":0}', _START_NS)
    writer.flush()
    files.space = 20
    writer.record(b'{"n":1}', _START_NS)
    with pytest.raises(StoreError):
        writer.flush()
    files.space = None
    writer.close()
    assert _kinds(tmp_path / "tape") == []
    assert read_index(tmp_path / "tape")[_FILES[0]].lines == 2


def test_an_index_that_the_disk_took_not_is_written_with_the_next_file(tmp_path: Path) -> None:
    files = LossyFileSystem(tmp_path)
    writer = TapeWriter(tmp_path / "tape", files=files)
    writer.record(b'{"n":0}', _START_NS)
    writer.flush()
    files.space = 30
    writer.close()
    assert read_index(tmp_path / "tape") == {}
    assert (tmp_path / "tape" / "index.jsonl").read_bytes() == b""
    files.space = None
    writer.record(b'{"n":1}', _START_NS + 3600 * _S)
    writer.close()
    assert list(read_index(tmp_path / "tape")) == _FILES


def test_a_crash_leaves_files_that_are_read_instead(tmp_path: Path) -> None:
    for crash_at in range(1, 40):
        root = tmp_path / str(crash_at)
        root.mkdir()
        files = LossyFileSystem(root, crash_at=crash_at)
        writer = TapeWriter(root / "tape", files=files)
        try:
            for number in range(8):
                writer.record(b'{"n":%d}' % number, _START_NS + number * 1800 * _S)
            writer.close()
        except SimulatedCrash:
            files.cut_power(crash_at)
            if list(root.rglob("*.gz")):
                kinds = set(_kinds(root / "tape"))
                assert kinds <= {FlawKind.TORN}
        files.revive()
        writer._finish()


def test_a_torn_end_a_hole_and_a_changed_byte_are_found(run: Path) -> None:
    first, second = (run / name for name in _FILES)
    whole = first.read_bytes()
    first.write_bytes(whole[:-40])
    assert _kinds(run) == [FlawKind.TORN, FlawKind.CHANGED, FlawKind.HOLE]
    assert _kinds(run, first) == [FlawKind.HOLE]
    first.write_bytes(whole + whole)
    assert _kinds(run) == [FlawKind.HOLE, FlawKind.CHANGED]
    first.write_bytes(whole)
    second.unlink()
    assert _kinds(run) == [FlawKind.MISSING]


def test_a_file_that_a_prune_left_as_the_first_may_begin_at_any_number(run: Path) -> None:
    (run / _FILES[0]).unlink()
    write_index(REAL, run, [read_index(run)[_FILES[1]]])
    assert _kinds(run) == []


def test_lines_that_are_none_and_many_holes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = [b'{"seq":%d,"msg":{}}' % number for number in range(0, 100, 2)]
    path.write_bytes(b"\n".join([*lines, b"nonsense", b'"text"', b'{"seq":"x"}', b""]))
    found = verify_tapes([path])
    holes = [flaw for flaw in found.flaws if flaw.kind is FlawKind.HOLE]
    assert len(holes) == 21
    assert (holes[0].line, holes[0].text) == (2, "expected line number 1, found 2")
    assert holes[-1].text == "49 holes in all"
    unreadable = [flaw for flaw in found.flaws if flaw.kind is FlawKind.UNREADABLE]
    assert [flaw.line for flaw in unreadable] == [51, 0]
    assert unreadable[1].text.startswith("3 lines")


def test_a_line_tells_its_time_as_well_as_it_can() -> None:
    assert time_of(b'{"recv_ns":7,"recv_ms":9,"msg":{}}') == 7
    assert time_of(b'{"recv_ms":9,"msg":{}}') == 9_000_000
    venue = b'{"recv_ms":null,"msg":{"timestamp":"1780795851472"}}'
    assert time_of(venue) == 1_780_795_851_472_000_000
    assert time_of(b'{"msg":{}}') == 0
    assert time_of(b"nonsense") == 0
    assert hour_of(Path("data/tape/run/20260607/01-0001.jsonl.gz")) == "2026060701"
    assert hour_of(Path("data/tape/own.jsonl.gz")) == ""


def test_a_torn_line_of_an_index_swallows_no_other(tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    entry = IndexEntry(file="a", first_ns=1, last_ns=2, lines=3, bytes=4, sha256="5")
    append_entry(REAL, tmp_path, entry)
    with path.open("ab") as handle:
        handle.write(b'{"file":"b","fir')
    other = IndexEntry(file="c", first_ns=1, last_ns=2, lines=3, bytes=4, sha256="5")
    append_entry(REAL, tmp_path, other)
    assert read_index(tmp_path) == {"a": entry, "c": other}
    write_index(REAL, tmp_path, [other])
    assert read_index(tmp_path) == {"c": other}
    with pytest.raises(StoreError, match="expected a directory"):
        write_index(REAL, tmp_path / "absent", [])
