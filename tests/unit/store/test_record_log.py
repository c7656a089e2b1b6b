"""Lines of records: durable before anything is done, whole after any crash, of bounded size."""

import errno
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.errors import StoreError
from polyarb.store.alert_log import (
    DAYS_KEPT,
    Numbered,
    RecordLog,
    StateFile,
    finished_files,
    iso_of,
    time_ns_of,
)
from polyarb.store.filesystem import FileSystem
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from tests.journal_cases import UNSYNCED

DAY_NS = 86_400_000_000_000
NOON_NS = 1_780_000_000_000_000_000


class Word(Numbered, frozen=True, kw_only=True):
    text: str


def word(sequence: int, text: str = "a", time_ns: int = NOON_NS) -> Word:
    return Word(sequence=sequence, recorded_at=iso_of(time_ns), text=text)


def opened(path: Path, files: FileSystem = UNSYNCED, **bounds: int) -> RecordLog[Word]:
    return RecordLog(path / "words.jsonl", Word, files=files, **bounds)


def texts(log: RecordLog[Word], after: int = 0) -> list[str]:
    return [record.text for record in log.read(after)[0]]


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_a_time_comes_back_to_the_nanosecond(time_ns: int) -> None:
    assert time_ns_of(iso_of(time_ns)) == time_ns
    assert iso_of(time_ns).endswith("Z")


@pytest.mark.parametrize(
    "text", ["", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000000+01:00"]
)
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="UTC"):
        time_ns_of(text)


def test_records_are_read_back_in_order_and_after_a_place(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append([word(1, "a"), word(2, "b")])
    log.append([])
    log.append([word(3, "c")])
    assert texts(log) == ["a", "b", "c"]
    assert texts(log, after=1) == ["b", "c"]
    log.close()
    log.close()
    assert opened(tmp_path).last_sequence == 3


@pytest.mark.parametrize(
    "torn", [b'{"sequ', b"\0\0\0", b'{"sequence":9,"recorded_at":"","text":"x"}']
)
def test_a_torn_end_is_cut_off_and_kept(tmp_path: Path, torn: bytes) -> None:
    log = opened(tmp_path)
    log.append([word(1)])
    log.close()
    with log.path.open("ab") as handle:
        handle.write(torn)
    again = opened(tmp_path)
    assert again.repaired_bytes == len(torn)
    assert log.path.with_suffix(".torn").read_bytes() == torn
    again.append([word(2, "b")])
    assert again.read() == ([word(1), word(2, "b")], [])


def test_damage_in_the_middle_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append([word(1), word(2), word(3)])
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(lines[0] + b"?" + lines[1] + lines[2])
    again = opened(tmp_path)
    records, damaged = again.read()
    assert [record.sequence for record in records] == [1, 3]
    assert [(one.file, one.line) for one in damaged] == [("words.jsonl", 2)]
    assert again.repaired_bytes == 0


def test_a_file_of_nothing_but_damage_is_cut_to_nothing_and_kept(tmp_path: Path) -> None:
    (tmp_path / "words.jsonl").write_bytes(b"?\n?\n")
    log = opened(tmp_path)
    assert log.last_sequence == 0
    assert log.read() == ([], [])
    assert (tmp_path / "words.torn").read_bytes() == b"?\n?\n"


def test_each_day_has_files_of_its_own(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append([word(1, "a", NOON_NS)])
    log.append([word(2, "b", NOON_NS + DAY_NS)])
    log.append([word(3, "c", NOON_NS + DAY_NS)])
    assert [path.name[:14] for path in finished_files(log.path)] == ["words-20260528"]
    assert texts(log) == ["a", "b", "c"]
    log.close()
    again = opened(tmp_path)
    again.append([word(4, "d", NOON_NS + 2 * DAY_NS)])
    assert texts(again, after=2) == ["c", "d"]
    assert len(finished_files(log.path)) == 2


def test_finished_files_before_the_place_are_not_read(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for day in range(4):
        log.append([word(day + 1, str(day), NOON_NS + day * DAY_NS)])
    for path in finished_files(log.path)[:2]:
        path.write_bytes(b"?\n")
    assert log.read(after=2)[1] == []
    assert texts(log, after=2) == ["2", "3"]


def test_a_log_that_was_just_rotated_goes_on_with_its_numbers(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append([word(1), word(2)])
    log.close()
    log.path.rename(log.path.with_name("words-20260528-000000000001.jsonl"))
    again = opened(tmp_path)
    assert again.last_sequence == 2
    assert texts(again, after=1) == ["a"]


def test_what_is_older_than_the_days_goes_and_the_rest_stays(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for day in range(DAYS_KEPT + 5):
        log.append([word(day + 1, str(day), NOON_NS + day * DAY_NS)])
    assert texts(log)[0] == "4"
    assert len(finished_files(log.path)) == DAYS_KEPT
    log.prune(iso_of(NOON_NS + 300 * DAY_NS)[:10])
    assert texts(log) == [str(DAYS_KEPT + 4)]


def test_a_storm_stays_within_the_space_and_keeps_the_newest(tmp_path: Path) -> None:
    log = opened(tmp_path, rotate_bytes=500, kept_bytes_max=2_000)
    for number in range(200):
        log.append([word(number + 1, "x" * 50)])
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 3_500
    assert log.read()[0][-1].sequence == 200


def test_a_full_disk_is_told_and_the_same_call_succeeds_later(tmp_path: Path) -> None:
    files = LossyFileSystem(tmp_path)
    log = opened(tmp_path, files)
    log.append([word(1)])
    files.space = 20
    with pytest.raises(StoreError, match="free space"):
        log.append([word(2, "b"), word(3, "c")])
    files.space = None
    assert log.last_sequence == 1
    log.append([word(2, "b"), word(3, "c")])
    assert log.read() == ([word(1), word(2, "b"), word(3, "c")], [])


def test_a_first_append_that_fails_leaves_the_day_to_the_next(tmp_path: Path) -> None:
    files = LossyFileSystem(tmp_path, space=3)
    log = opened(tmp_path, files)
    with pytest.raises(StoreError):
        log.append([word(1)])
    files.space = None
    log.append([word(1, "b", NOON_NS + DAY_NS)])
    assert finished_files(log.path) == []
    assert texts(log) == ["b"]


@settings(max_examples=120)
@given(st.integers(1, 60), st.integers(0, 1_000))
def test_after_a_power_cut_everything_confirmed_is_there_and_nothing_is_torn(
    tmp_path_factory: pytest.TempPathFactory, crash_at: int, seed: int
) -> None:
    directory = tmp_path_factory.mktemp("log")
    files = LossyFileSystem(directory, crash_at=crash_at)
    confirmed = 0
    try:
        log = opened(directory, files, rotate_bytes=300)
        for number in range(1, 13):
            log.append([word(number, "x" * number, NOON_NS + (number // 4) * DAY_NS)])
            confirmed = number
    except SimulatedCrash:
        files.cut_power(seed)
    again = opened(directory)
    records, damaged = again.read()
    found = [record.sequence for record in records]
    assert damaged == []
    assert found[:confirmed] == list(range(1, confirmed + 1))
    assert found == list(range(1, len(found) + 1))
    again.append([word(again.last_sequence + 1)])
    assert again.read()[0][-1].sequence == len(found) + 1


@settings(max_examples=60)
@given(st.integers(1, 20), st.integers(0, 1_000))
def test_after_a_power_cut_there_is_the_old_state_or_the_new(
    tmp_path_factory: pytest.TempPathFactory, crash_at: int, seed: int
) -> None:
    directory = tmp_path_factory.mktemp("state")
    files = LossyFileSystem(directory, crash_at=crash_at)
    confirmed = 0
    try:
        state = StateFile(directory / "state.json", Word, files=files)
        for number in range(1, 4):
            state.write(word(number))
            confirmed = number
    except SimulatedCrash:
        files.cut_power(seed)
    found = StateFile(directory / "state.json", Word).read()
    assert (found is None and not confirmed) or (
        found is not None and found.sequence in (confirmed, confirmed + 1)
    )


def test_a_damaged_state_is_told_and_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"{")
    state = StateFile(path, Word, files=UNSYNCED)
    assert state.read() is None
    assert state.damage.startswith("state.json: ")
    state.write(word(1))
    assert state.read() == word(1)
    assert path.with_suffix(".damaged").read_bytes() == b"{"


def test_a_process_that_is_killed_leaves_every_confirmed_record(tmp_path: Path) -> None:
    for round_ in range(3):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _write_until_killed(tmp_path, writer)
        os.close(writer)
        confirmed = b""
        while confirmed.count(b"\n") < 20 * (round_ + 1):
            confirmed += os.read(reader, 4096)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 4096):
            confirmed += more
        os.close(reader)
        last = int(confirmed.splitlines()[-1])
        log = opened(tmp_path)
        found = [record.sequence for record in log.read()[0]]
        log.close()
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= last


def _write_until_killed(directory: Path, writer: int) -> None:
    """Append, and only then confirm, for ever; a child never comes back from here."""
    try:
        log = opened(directory)
        while True:
            number = log.last_sequence + 1
            log.append([word(number, "x" * 200)])
            os.write(writer, b"%d\n" % number)
    finally:
        os._exit(1)


class Filled(FileSystem):
    """A disk that takes nothing while it is full."""

    number = errno.ENOSPC

    def write(self, descriptor: int, content: bytes) -> int:
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        return super().write(descriptor, content)


def test_on_a_full_disk_a_torn_end_is_kept_and_cut_off_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    log = opened(tmp_path)
    log.append([word(1, "a")])
    log.close()
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + b'{"sequ')
    files = Filled()
    again = RecordLog(log.path, Word, files=files)
    assert again.repaired_bytes == 6
    assert texts(again) == ["a"]
    with pytest.raises(StoreError, match="free space"):
        again.append([word(2, "b")])
    assert log.path.read_bytes() == whole + b'{"sequ'
    files.number = 0
    again.append([word(2, "b")])
    assert log.path.with_suffix(".torn").read_bytes() == b'{"sequ'
    assert texts(again) == ["a", "b"]
    again.close()
    assert opened(tmp_path).repaired_bytes == 0


def test_another_fault_than_a_full_disk_keeps_a_torn_log_from_being_opened(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append([word(1, "a")])
    log.close()
    log.path.write_bytes(log.path.read_bytes() + b"?")
    files = Filled()
    files.number = errno.EIO
    with pytest.raises(StoreError, match="cannot open"):
        RecordLog(log.path, Word, files=files)
