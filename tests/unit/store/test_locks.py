"""A lock that a full disk does not keep from being taken, where its holder need not be named."""

import errno
import os
from pathlib import Path

import pytest
from polyarb.domain.errors import RefusedError, StoreError
from polyarb.store.locks import acquire, find_holder


def refusing(number: int) -> object:
    def pwrite(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return pwrite


def test_the_holder_is_named_and_nobody_else_gets_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = acquire(path, "the place")
    assert find_holder(path) == os.getpid()
    with pytest.raises(RefusedError, match=f"the place is in use by process {os.getpid()}"):
        acquire(path, "the place")
    lock.release()
    assert find_holder(path) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_on_a_full_disk_a_lock_without_a_name_holds_and_names_nobody_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "lock"
    path.write_text("4711\n")
    monkeypatch.setattr(os, "pwrite", refusing(number))
    lock = acquire(path, "the watch", needs_name=False)
    assert find_holder(path) == 0
    with pytest.raises(RefusedError, match="not told yet"):
        acquire(path, "the watch", needs_name=False)
    lock.release()
    with pytest.raises(StoreError, match="free space"):
        acquire(path, "this workspace")
    assert find_holder(path) is None


def test_another_fault_of_the_disk_is_one_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pwrite", refusing(errno.EIO))
    with pytest.raises(StoreError, match="lock"):
        acquire(tmp_path / "lock", "the watch", needs_name=False)
    assert find_holder(tmp_path / "lock") is None
