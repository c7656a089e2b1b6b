"""The disk: what it is, and how soon a write is safe."""

import os
from pathlib import Path

import pytest
from polyarb.host.baseline_storage import (
    FREE_FILES_MIN,
    SYNC_P99_NS_MAX,
    SYNC_P99_NS_WARN,
    SYNC_ROUNDS,
    SYNC_SPAN_NS,
    judge_file_system,
    judge_sync_latency,
    look_at_file_system,
    look_at_sync_latency,
)
from polyarb.host.checkup import Result
from polyarb.host.disk import sync_times
from polyarb.host.machine import SYNC_NS_MAX, SYNC_NS_WARN
from polyarb.host.mounts import Mount
from tests.unit.host.system_tree import SystemTree

MS = 1_000_000


@pytest.mark.parametrize(
    ("kind", "options", "files_left", "result"),
    [
        ("ext4", (), 1_000_000, Result.OK),
        ("xfs", ("rw",), None, Result.OK),
        ("btrfs", (), FREE_FILES_MIN, Result.OK),
        ("ext4", (), FREE_FILES_MIN - 1, Result.WARN),
        ("ext4", ("rw", "barrier=0"), None, Result.WARN),
        ("xfs", ("nobarrier",), None, Result.WARN),
        ("overlay", (), None, Result.WARN),
        ("nfs4", (), None, Result.WARN),
        ("9p", (), None, Result.WARN),
        ("fuse.sshfs", (), None, Result.WARN),
        ("fuseblk", (), None, Result.WARN),
        ("tmpfs", (), None, Result.FAIL),
        ("ext4", ("ro", "relatime"), None, Result.FAIL),
    ],
)
def test_a_file_system_is_judged_by_whether_what_is_written_stays(
    kind: str, options: tuple[str, ...], files_left: int | None, result: Result
) -> None:
    found = judge_file_system(Mount(point="/srv", kind=kind, options=options), files_left)
    assert found.result is result
    assert f"{kind} on /srv" in found.found


def test_the_mount_of_a_folder_is_looked_up(tmp_path: Path) -> None:
    tree = SystemTree(tmp_path / "system")
    assert look_at_file_system(tree.files, tmp_path).result is Result.SKIPPED
    tree.tell("/proc/self/mountinfo", "27 1 254:0 / / rw - tmpfs tmpfs rw")
    assert look_at_file_system(tree.files, tmp_path).result is Result.FAIL


def spread(middle: int, worst: int) -> list[int]:
    """Give 100 durations of which the last two are worse."""
    return [worst, *[middle] * 98, worst]


@pytest.mark.parametrize(
    ("took_ns", "result"),
    [
        ([100_000] * 100, Result.OK),
        ([SYNC_NS_WARN] * 100, Result.OK),
        ([SYNC_NS_WARN + 1] * 100, Result.WARN),
        ([SYNC_NS_MAX + 1] * 100, Result.FAIL),
        (spread(MS, SYNC_P99_NS_WARN), Result.OK),
        (spread(MS, SYNC_P99_NS_WARN + 1), Result.WARN),
        (spread(MS, SYNC_P99_NS_MAX), Result.WARN),
        (spread(MS, SYNC_P99_NS_MAX + 1), Result.FAIL),
        ([MS] * 99 + [10**12], Result.OK),
        ([MS], Result.OK),
    ],
)
def test_the_disk_is_judged_by_the_middle_and_by_one_in_a_hundred(
    took_ns: list[int], result: Result
) -> None:
    assert judge_sync_latency(took_ns).result is result


def test_the_99th_percentile_is_the_second_worst_of_200() -> None:
    found = judge_sync_latency([*range(1, 201)])
    assert found.measured == {"sync_ns_median": 101, "sync_ns_p99": 198, "writes": 200}


def test_as_many_writes_are_measured_as_are_needed_or_time_allows(tmp_path: Path) -> None:
    quick = iter(range(10**6))
    assert look_at_sync_latency(tmp_path, lambda: next(quick)).measured["writes"] == SYNC_ROUNDS
    slow = iter(range(0, 10**12, 300 * MS))
    found = look_at_sync_latency(tmp_path, lambda: next(slow))
    assert found.measured["writes"] == SYNC_SPAN_NS // (300 * MS) + 1
    assert not list(tmp_path.iterdir())


def test_one_write_is_measured_however_long_it_takes(tmp_path: Path) -> None:
    ticks = iter((0, 10**12))
    assert sync_times(tmp_path, lambda: next(ticks), rounds=9, span_ns=0) == [10**12]


def test_a_folder_that_cannot_be_written_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look_at_sync_latency(tmp_path / "absent", lambda: 0).result is Result.FAIL

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    found = look_at_sync_latency(tmp_path, lambda: 0)
    assert (found.result, "No space left" in found.found) == (Result.FAIL, True)
