from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import StoreError, UsageError
from polyarb.store.filesystem import FileSystem
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from polyarb.store.recording import TapeWriter
from polyarb.store.retention import TapeFile, choose_expired, parse_bytes, recorded_files, retain
from polyarb.store.tape_index import read_index
from polyarb.store.tape_scan import verify_tapes

_S = 1_000_000_000
_HOUR = 3600 * _S
_START_NS = 1_780_794_000 * _S


def _record(directory: Path, hours: int, first_hour: int = 0) -> TapeWriter:
    writer = TapeWriter(directory)
    for number in range(hours * 4):
        frame = b'{"n":%d,"x":"%s"}' % (number, bytes([97 + number % 26]) * 200)
        writer.record(frame, _START_NS + first_hour * _HOUR + number * _HOUR // 4)
    writer.close()
    return writer


def _files(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.jsonl.gz"))


_file = st.builds(
    TapeFile,
    path=st.text(min_size=1, max_size=3),
    bytes=st.integers(0, 100),
    hour=st.sampled_from(["", "2026060701", "2026060702", "2026060703"]),
    kept_for=st.sampled_from(["", "", "run a"]),
)


@given(st.lists(_file, max_size=12), st.integers(0, 400))
def test_the_oldest_whole_hours_go_and_no_more_than_needed(
    files: list[TapeFile], budget: int
) -> None:
    done = choose_expired(files, budget)
    total = sum(file.bytes for file in files)
    assert done.removed_bytes + done.kept_bytes == total
    assert all(file.hour and not file.kept_for for file in done.removed)
    hours = sorted({file.hour for file in done.removed})
    for hour in hours:
        assert sum(f.hour == hour for f in done.removed) == sum(
            f.hour == hour and not f.kept_for for f in files
        )
    if hours:
        older = [f for f in files if f.hour and f.hour < hours[-1] and not f.kept_for]
        assert all(file in done.removed for file in older)
        last = sum(file.bytes for file in done.removed if file.hour == hours[-1])
        assert done.kept_bytes + last > budget
    if not done.is_within:
        assert all(file.kept_for or not file.hour for file in files if file not in done.removed)


def test_recordings_are_brought_within_the_budget_and_stay_readable(tmp_path: Path) -> None:
    _record(tmp_path / "run-a", 3)
    _record(tmp_path / "run-b", 2, first_hour=2)
    sizes = {path: path.stat().st_size for path in _files(tmp_path)}
    newest = [path for path in sizes if path.name.startswith("04")]
    done = retain(tmp_path, sum(sizes[path] for path in newest))
    assert done.is_within
    assert _files(tmp_path) == newest
    assert [Path(file.path).name[:2] for file in done.removed] == ["01", "02", "03", "03"]
    assert set(read_index(tmp_path / "run-b")) == {"20260607/04-0001.jsonl.gz"}
    assert read_index(tmp_path / "run-a") == {}
    assert verify_tapes(newest).flaws == ()
    assert not retain(tmp_path, 10**9).removed


def test_what_is_being_written_or_needed_stays(tmp_path: Path) -> None:
    writer = _record(tmp_path / "run-a", 1)
    _record(tmp_path / "run-b", 2)
    (tmp_path / "own.jsonl").write_text("{}\n")
    assert writer.path is not None
    done = retain(
        tmp_path, 0, writing=[writer.path], needed=[(tmp_path / "run-b" / "20260607", "run b")]
    )
    assert done.removed == ()
    assert not done.is_within
    assert done.kept_for == ("it is being written", "run b")
    done = retain(tmp_path, 0, writing=[writer.path])
    assert [Path(file.path).parts[-3] for file in done.removed] == ["run-b", "run-b"]
    assert {path.name for path in tmp_path.rglob("*.jsonl*")} == {
        *("own.jsonl", "01-0001.jsonl.gz", "index.jsonl")
    }


def test_a_path_beside_a_needed_one_with_a_like_name_is_not_needed(tmp_path: Path) -> None:
    _record(tmp_path / "run-1", 1)
    _record(tmp_path / "run-10", 1)
    kept = {
        Path(file.path).parts[-3]: file.kept_for
        for file in recorded_files(tmp_path, needed=[(tmp_path / "run-1", "run 1")])
    }
    assert kept == {"run-1": "run 1", "run-10": ""}


def test_a_crash_while_pruning_leaves_no_index_that_names_what_is_gone(tmp_path: Path) -> None:
    crash_at = 0
    while True:
        crash_at += 1
        root = tmp_path / str(crash_at)
        root.mkdir()
        _record(root / "run", 3)
        files = LossyFileSystem(root, crash_at=crash_at)
        try:
            retain(root, 0, files=files)
        except SimulatedCrash:
            files.cut_power(crash_at)
        else:
            break
        assert verify_tapes(_files(root)).flaws == ()
        retain(root, 0)
        assert _files(root) == []
    assert crash_at > 6


def test_a_disk_too_full_for_the_index_is_a_fault_and_nothing_is_removed(tmp_path: Path) -> None:
    _record(tmp_path / "run", 3)
    before = _files(tmp_path)
    budget = before[-1].stat().st_size
    with pytest.raises(StoreError, match="free space"):
        retain(tmp_path, budget, files=LossyFileSystem(tmp_path, space=0))
    assert _files(tmp_path) == before


class _ReadOnly(FileSystem):
    def remove(self, path: Path) -> None:
        raise OSError(30, "Read-only file system")


def test_a_file_that_cannot_be_removed_is_a_fault(tmp_path: Path) -> None:
    _record(tmp_path / "run", 1)
    with pytest.raises(StoreError, match="cannot remove"):
        retain(tmp_path, 0, files=_ReadOnly())
    assert retain(tmp_path / "absent", 0).kept_bytes == 0


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("20GB", 20 * 10**9),
        ("1.5 TB", 15 * 10**11),
        ("500MiB", 500 * 2**20),
        ("7", 7),
        ("7b", 7),
        ("3k", 3000),
        ("2g", 2 * 10**9),
        ("1KiB", 1024),
    ],
)
def test_an_amount_is_read(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "20XB", "1,5GB", "20 GB left"])
def test_an_amount_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="like 20GB"):
        parse_bytes(text)
