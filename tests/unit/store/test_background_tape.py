"""A tape written beside the decisions is the one that a writer alone would write."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.ids import ConditionId
from polyarb.domain.surroundings import CatalogueChange
from polyarb.store import background
from polyarb.store.background import BATCH_BYTES, BATCHES_MAX, BackgroundTape
from polyarb.store.lossy import LossyFileSystem
from polyarb.store.recording import HOUR_NS, TapeWriter
from polyarb.store.tape import read_tape, tape_files

START_NS = 1_780_794_000 * 10**9
MS = 1_000_000


def frame(number: int) -> bytes:
    return b'{"number":%d}' % number


def numbers(directory: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in read_tape(directory)]


@pytest.fixture
def tape(tmp_path: Path) -> Iterator[BackgroundTape]:
    made = BackgroundTape(TapeWriter(tmp_path / "tape"))
    yield made
    made.close()


def test_what_is_recorded_is_what_a_writer_alone_records(
    tape: BackgroundTape, tmp_path: Path
) -> None:
    alone = TapeWriter(tmp_path / "alone")
    for number in range(3_000):
        time_ns = START_NS + number * MS
        if number % 100 == 99:
            told = tape.record_loss("dropped", ["b", "a"], time_ns)
            assert told == alone.record_loss("dropped", ["b", "a"], time_ns)
        elif number % 100 == 49:
            told = tape.record_mode("down", 'of "it"\n', time_ns)
            assert told == alone.record_mode("down", 'of "it"\n', time_ns)
        elif number % 100 == 74:
            told = tape.record_instruments(CatalogueChange(left=(ConditionId("a"),)), time_ns)
            change = CatalogueChange(left=(ConditionId("a"),))
            assert told == alone.record_instruments(change, time_ns)
        else:
            told = tape.record(frame(number), time_ns, is_plain=number % 2 == 0)
            assert told == alone.record(frame(number), time_ns)
    tape.close()
    alone.close()
    assert list(read_tape(tmp_path / "tape")) == list(read_tape(tmp_path / "alone"))


def test_a_flush_returns_when_everything_is_on_the_disk(
    tape: BackgroundTape, tmp_path: Path
) -> None:
    for number in range(5):
        tape.record(frame(number), START_NS + number)
        tape.flush()
        assert numbers(tmp_path / "tape") == list(range(number + 1))
    tape.flush()


def test_a_large_batch_and_an_old_one_go_out_by_themselves(
    tape: BackgroundTape, tmp_path: Path
) -> None:
    big = json.dumps("x" * BATCH_BYTES).encode()
    tape.record(big, START_NS)
    tape.record(frame(1), START_NS + 1)
    tape.record(frame(2), START_NS + 2_000 * MS)
    tape.flush()
    assert numbers(tmp_path / "tape") == [0, 1, 2]


def test_each_hour_has_its_own_file(tape: BackgroundTape, tmp_path: Path) -> None:
    for number in range(4):
        tape.record(frame(number), START_NS + number * HOUR_NS // 2)
    tape.close()
    files = tape_files(tmp_path / "tape")
    assert len(files) == 2
    assert [numbers(file) for file in files] == [[0, 1], [2, 3]]


def test_a_full_disk_is_told_by_the_next_call_and_nothing_held_is_lost(tmp_path: Path) -> None:
    files = LossyFileSystem(tmp_path, space=0)
    tape = BackgroundTape(TapeWriter(tmp_path / "tape", files=files))
    tape.record(frame(0), START_NS)
    with pytest.raises(StoreError, match="tape"):
        tape.flush()
    files.space = None
    tape.record(frame(1), START_NS + 1)
    tape.close()
    tape.close()
    assert numbers(tmp_path / "tape") == [0, 1]


class DefectiveWriter(TapeWriter):
    """Ends whoever has it write lines."""

    def take_lines(self, lines: list[bytes], first_ns: int, last_ns: int) -> None:
        raise MemoryError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_a_defect_ended_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LOOK_SECONDS", 0.01)
    tape = BackgroundTape(DefectiveWriter(tmp_path / "tape"))
    tape.record(frame(0), START_NS)
    with pytest.raises(StoreError, match="found that it has ended"):
        tape.flush()
    with pytest.raises(StoreError, match="found that it has ended"):
        for number in range(2 + BATCHES_MAX):
            tape.record(frame(number), START_NS + number * HOUR_NS)
    with pytest.raises(StoreError, match="found that it has ended"):
        tape.close()
