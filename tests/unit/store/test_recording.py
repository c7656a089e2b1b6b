import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import StoreError
from polyarb.store.filesystem import FileSystem
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from polyarb.store.recording import TapeWriter, tape_line
from polyarb.store.tape import TapeStatus, read_tape

_S = 1_000_000_000
_START_NS = 1_780_796_400 * _S


def _frame(number: int) -> bytes:
    return b'{"number":%d}' % number


def _numbers(directory: Path) -> list[int]:
    return [json.loads(line)["msg"]["number"] for line in read_tape(directory)]


@given(st.binary(max_size=60) | st.text().map(lambda text: json.dumps(text).encode()))
def test_every_frame_comes_back_as_received(frame: bytes) -> None:
    line = tape_line(frame, 12, 3)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    head = b'{"recv_ns":12,"seq":3,'
    assert line.startswith(head)
    fields = json.loads(line)
    if "raw" in fields:
        assert b64decode(fields["raw"]) == frame
    else:
        told = frame.replace(b"\n", b" ").replace(b"\r", b" ")
        assert line == head + b'"msg":' + told + b"}\n"
        assert fields["msg"] == json.loads(frame)


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        (b'[{"event_type":"book"}]', "msg"),
        ('"Zürich"'.encode(), "msg"),
        (b"PONG", "raw"),
        (b"", "raw"),
        (b'{"a":1}\n', "msg"),
        (b'{\r\n"a":1}', "msg"),
        (b'{"a":"1\n"}', "raw"),
        (b'"\xff"', "raw"),
        (b'{"a":1}}', "raw"),
    ],
)
def test_a_frame_is_one_line_and_stands_as_base64_only_where_it_is_no_json(
    frame: bytes, key: str
) -> None:
    line = tape_line(frame, 1, 0)
    assert list(json.loads(line)) == ["recv_ns", "seq", key]
    assert line.splitlines() == [line[:-1]]


def test_frames_are_recorded_in_order_with_their_receive_time(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path)
    for number in range(500):
        writer.record(_frame(number), _START_NS + number * 10_000_000)
    writer.close()
    writer.close()
    lines = [json.loads(line) for line in read_tape(tmp_path)]
    assert [line["seq"] for line in lines] == list(range(500))
    assert [line["recv_ns"] for line in lines] == [
        _START_NS + number * 10_000_000 for number in range(500)
    ]
    assert (writer.frames, writer.frames_lost) == (500, 0)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.gz")] == [
        "20260607/01-0001.jsonl.gz"
    ]


def test_a_second_of_receive_time_or_enough_lines_bring_them_to_the_disk(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path, member_bytes=400)
    writer.record(_frame(0), _START_NS)
    writer.record(_frame(1), _START_NS + _S - 1)
    assert not list(tmp_path.rglob("*.gz"))
    writer.record(_frame(2), _START_NS + _S)
    assert _numbers(tmp_path) == [0, 1, 2]
    for number in range(3, 12):
        writer.record(_frame(number), _START_NS + _S)
    assert len(_numbers(tmp_path)) > 8
    # A clock that stepped back does not put the next flush off.
    writer.record(_frame(12), _START_NS - 1000)
    writer.record(_frame(13), _START_NS - 1000 + _S)
    assert _numbers(tmp_path) == list(range(14))
    writer.close()


def test_files_are_rotated_by_hour_and_by_size(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path, rotate_bytes=100)
    hour = 3600 * _S
    for number in range(6):
        writer.record(_frame(number), _START_NS + number * hour // 2)
        writer.flush()
    for number in range(6, 9):
        writer.record(_frame(number) + b" " * number, _START_NS + 3 * hour)
        writer.flush()
    writer.close()
    assert _numbers(tmp_path) == list(range(9))
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.gz"))
    assert names == [
        "20260607/01-0001.jsonl.gz",
        "20260607/02-0001.jsonl.gz",
        "20260607/03-0001.jsonl.gz",
        "20260607/04-0001.jsonl.gz",
        "20260607/04-0002.jsonl.gz",
    ]


def test_a_writer_never_appends_to_what_another_left(tmp_path: Path) -> None:
    for number in range(3):
        writer = TapeWriter(tmp_path)
        writer.record(_frame(number), _START_NS)
        writer.close()
        assert writer.path is not None
        with writer.path.open("ab") as handle:
            handle.write(b"\x1f\x8b torn")
    reading = read_tape(tmp_path)
    assert [json.loads(line)["msg"]["number"] for line in reading] == [0, 1, 2]
    assert [end.status for end in reading.ends] == [TapeStatus.TORN] * 3


def test_a_crash_loses_at_most_the_member_that_was_not_flushed(tmp_path: Path) -> None:
    crash_at = 0
    while True:
        crash_at += 1
        directory = tmp_path / str(crash_at)
        directory.mkdir()
        files = LossyFileSystem(directory, crash_at=crash_at)
        writer = TapeWriter(directory / "tape", rotate_bytes=120, files=files)
        flushed = 0
        try:
            for number in range(12):
                writer.record(_frame(number), _START_NS + number * _S // 2)
                if number % 3 == 2:
                    writer.flush()
                    flushed = number + 1
            writer.close()
        except SimulatedCrash:
            files.cut_power(crash_at)
        else:
            break
        found = _numbers(directory / "tape") if list(directory.rglob("*.gz")) else []
        assert found == list(range(len(found)))
        assert len(found) >= flushed
        files.revive()
        writer._finish()
    assert crash_at > 15


def test_a_full_disk_is_a_fault_and_recording_goes_on_when_there_is_space(tmp_path: Path) -> None:
    files = LossyFileSystem(tmp_path, space=150)
    writer = TapeWriter(tmp_path / "tape", files=files)
    faults = 0
    for number in range(40):
        if number == 30:
            files.space = 10_000
        try:
            writer.record(_frame(number), _START_NS + number * _S)
        except StoreError as fault:
            assert "free space" in str(fault)
            faults += 1
    writer.close()
    assert faults > 5
    assert writer.frames_lost == 0
    reading = read_tape(tmp_path / "tape")
    assert [json.loads(line)["msg"]["number"] for line in reading] == list(range(40))
    assert not reading.is_torn


def test_a_disk_that_stays_full_costs_frames_and_not_the_memory(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "tape", files=LossyFileSystem(tmp_path, space=0))
    big = b'"' + b"x" * (6 << 20) + b'"'
    for number in range(7):
        with pytest.raises(StoreError):
            writer.record(big, _START_NS + number * 2 * _S)
            writer.flush()
    assert writer.frames_lost == 6
    assert writer.frames == 7


class _StuckFileSystem(FileSystem):
    is_stuck = False

    def write(self, descriptor: int, content: bytes) -> int:
        if self.is_stuck:
            super().write(descriptor, content[:10])
            raise OSError(28, "No space left on device")
        return super().write(descriptor, content)

    def truncate(self, descriptor: int, size: int) -> None:
        raise OSError(5, "Input/output error")


def test_a_file_that_cannot_be_cut_back_is_left_for_a_new_one(tmp_path: Path) -> None:
    files = _StuckFileSystem()
    writer = TapeWriter(tmp_path, files=files)
    writer.record(_frame(0), _START_NS)
    writer.flush()
    files.is_stuck = True
    writer.record(_frame(1), _START_NS)
    with pytest.raises(StoreError):
        writer.flush()
    files.is_stuck = False
    writer.flush()
    writer.close()
    reading = read_tape(tmp_path)
    assert [json.loads(line)["msg"]["number"] for line in reading] == [0, 1]
    assert [end.status for end in reading.ends] == [TapeStatus.TORN, TapeStatus.OK]
    assert len(reading.ends) == 2
