import os
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.order import TradingState
from polyarb.store.locks import acquire
from polyarb.store.lossy import LossyFileSystem
from polyarb.store.records import Anchor
from polyarb.store.status import (
    LatencyFigures,
    Liveness,
    PnlColumns,
    Status,
    read_status,
    write_status,
)


def _status(pid: int = 0) -> Status:
    return Status(
        pid=pid or os.getpid(),
        run_id="run-1",
        phase="shadow",
        state=TradingState.ACTIVE,
        started_ns=1,
        updated_ns=2,
        journal=Anchor(sequence=3, hash="ab"),
        frames=4,
        messages=5,
        opportunities={"binary": 0, "negrisk_yes": 6},
        open_sets=7,
        pnl=PnlColumns(expected="1.25", matched="1", settled="-0.5"),
        latency=LatencyFigures(p50_ns=10, p95_ns=20, p99_ns=30),
    )


def test_a_status_is_live_while_its_process_holds_the_lock(tmp_path: Path) -> None:
    path, lock = tmp_path / "data" / "status.json", tmp_path / "lock"
    assert read_status(path, lock).liveness is Liveness.ABSENT
    held = acquire(lock, "this workspace")
    assert read_status(path, lock).holder == os.getpid()
    write_status(path, _status())
    reading = read_status(path, lock)
    assert (reading.liveness, reading.status) == (Liveness.LIVE, _status())
    held.release()
    reading = read_status(path, lock)
    assert (reading.liveness, reading.status, reading.holder) == (Liveness.STALE, _status(), None)


def test_a_status_of_another_process_than_the_one_that_runs_is_stale(tmp_path: Path) -> None:
    path, lock = tmp_path / "status.json", tmp_path / "lock"
    write_status(path, _status(pid=1))
    held = acquire(lock, "this workspace")
    assert read_status(path, lock).liveness is Liveness.STALE
    # A process that has the lock and has not yet said who it is may be the one of the status.
    lock.write_text("")
    assert read_status(path, lock).liveness is Liveness.LIVE
    held.release()


def test_a_status_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    for frames in range(5):
        write_status(path, msgspec.structs.replace(_status(), frames=frames))
        assert msgspec.json.decode(path.read_bytes())["frames"] == frames
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


def test_a_status_that_a_power_cut_spoiled_is_none(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(b"\0\0")
    assert read_status(path, tmp_path / "lock").liveness is Liveness.ABSENT


def test_a_status_on_a_full_disk_is_a_fault_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, _status())
    with pytest.raises(StoreError, match="free space"):
        write_status(path, _status(pid=9), files=LossyFileSystem(tmp_path, space=10))
    assert read_status(path, tmp_path / "lock").status == _status()
