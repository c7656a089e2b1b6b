"""The machine's checks: each can be well, can warn and can fail."""

import os
import resource
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.host.checkup import Result, worst
from polyarb.host.disk import ROUNDS, Disk, measure_disk
from polyarb.host.machine import (
    FILES_OWN,
    FREE_BYTES_MIN,
    FREE_BYTES_WARN,
    SYNC_NS_MAX,
    SYNC_NS_WARN,
    check_descriptors,
    check_disk,
    check_interpreter,
    check_sqlite,
    is_wal,
    judge_descriptors,
    judge_disk,
    judge_interpreter,
    judge_sqlite,
)


@pytest.mark.parametrize(
    ("version", "implementation", "result"),
    [
        ((3, 10, 14), "CPython", Result.FAIL),
        ((3, 11, 0), "CPython", Result.OK),
        ((3, 14, 1), "CPython", Result.OK),
        ((3, 11, 9), "PyPy", Result.WARN),
    ],
)
def test_a_python_is_judged_by_version_and_maker(
    version: tuple[int, ...], implementation: str, result: Result
) -> None:
    assert judge_interpreter(version, implementation).result is result


def test_this_python_is_well() -> None:
    assert check_interpreter().result is Result.OK


@pytest.mark.parametrize(
    ("version", "is_wal", "result"),
    [
        ((3, 23, 1), False, Result.FAIL),
        ((3, 24, 0), False, Result.WARN),
        ((3, 40, 1), False, Result.WARN),
        ((3, 40, 1), True, Result.FAIL),
        ((3, 51, 2), False, Result.WARN),
        ((3, 51, 2), True, Result.FAIL),
        ((3, 51, 3), True, Result.OK),
        ((3, 52, 0), False, Result.WARN),
        ((3, 54, 1), True, Result.OK),
    ],
)
def test_a_sqlite_with_the_wal_fault_fails_only_where_it_can_corrupt(
    version: tuple[int, ...], is_wal: bool, result: Result
) -> None:
    assert judge_sqlite(version, is_wal=is_wal).result is result


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_the_mode_of_a_database_is_read_from_its_header(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("CREATE TABLE a (b)")
    connection.commit()
    connection.close()
    assert is_wal(path) is (mode == "WAL")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 100])
def test_a_file_that_is_no_database_is_not_in_wal_mode(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    assert not is_wal(path)


def test_a_database_that_is_not_there_is_not_in_wal_mode(tmp_path: Path) -> None:
    assert not is_wal(tmp_path / "a.db")
    assert check_sqlite(tmp_path / "a.db").result in (Result.OK, Result.WARN)


@pytest.mark.parametrize(
    ("limit", "result"),
    [
        (None, Result.OK),
        (2 * (36 + FILES_OWN), Result.OK),
        (2 * (36 + FILES_OWN) - 1, Result.WARN),
        (36 + FILES_OWN, Result.WARN),
        (36 + FILES_OWN - 1, Result.FAIL),
    ],
)
def test_the_limit_of_open_files_is_held_against_the_need(
    limit: int | None, result: Result
) -> None:
    assert judge_descriptors(limit, 36).result is result


def test_the_limit_of_this_process_is_read() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert check_descriptors(5).measured["limit"] in (soft, -1)


def disk(free_bytes: int = 1 << 40, sync_ns: int = 100_000) -> Disk:
    return Disk(
        free_bytes=free_bytes, total_bytes=1 << 41, sync_ns_median=sync_ns, sync_ns_max=sync_ns
    )


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (disk(), Result.OK),
        (disk(free_bytes=FREE_BYTES_WARN), Result.OK),
        (disk(free_bytes=FREE_BYTES_WARN - 1), Result.WARN),
        (disk(free_bytes=FREE_BYTES_MIN), Result.WARN),
        (disk(free_bytes=FREE_BYTES_MIN - 1), Result.FAIL),
        (disk(sync_ns=SYNC_NS_WARN), Result.OK),
        (disk(sync_ns=SYNC_NS_WARN + 1), Result.WARN),
        (disk(sync_ns=SYNC_NS_MAX + 1), Result.FAIL),
        (disk(free_bytes=0, sync_ns=SYNC_NS_WARN + 1), Result.FAIL),
    ],
)
def test_a_disk_is_judged_by_its_worst_side(found: Disk, result: Result) -> None:
    assert judge_disk(found).result is result


def test_the_time_of_a_safe_write_is_measured_and_nothing_is_left_behind(tmp_path: Path) -> None:
    ticks = iter(range(0, 10_000, 7))
    found = measure_disk(tmp_path, lambda: next(ticks))
    assert (found.sync_ns_median, found.sync_ns_max) == (7, 7)
    assert next(ticks) == 7 * 2 * ROUNDS
    assert found.free_bytes <= found.total_bytes
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    found = check_disk(tmp_path / "absent", lambda: 0)
    assert found.result is Result.FAIL
    assert found.found == "nothing can be written in absent/: No such file or directory"


def test_a_full_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    found = check_disk(tmp_path, lambda: 0)
    assert found.result is Result.FAIL
    assert "No space left on device" in found.found


@given(st.lists(st.sampled_from(list(Result))))
def test_one_failure_decides_and_what_was_left_out_never_does(results: list[Result]) -> None:
    found = worst(results)
    assert (found is Result.FAIL) is (Result.FAIL in results)
    assert (found is Result.SKIPPED) is (set(results) <= {Result.SKIPPED})
