"""Private files: never readable by others, never overwritten."""

import os
import stat
from pathlib import Path

import pytest
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.store.keys import open_mode, read_private, write_private


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys" / "alice.ed25519"


def test_a_key_is_written_for_its_owner_alone(key: Path) -> None:
    before = os.umask(0)
    try:
        write_private(key, b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert read_private(key) == b"secret"


def test_a_key_is_never_overwritten(key: Path) -> None:
    write_private(key, b"first")
    with pytest.raises(UsageError, match="not overwritten"):
        write_private(key, b"second")
    assert key.read_bytes() == b"first"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_may_read_is_refused(key: Path, mode: int) -> None:
    write_private(key, b"secret")
    key.chmod(mode)
    assert open_mode(key) == mode
    with pytest.raises(RefusedError, match=f"found {mode:03o}; run `chmod 600"):
        read_private(key)


def test_a_key_that_is_not_there_is_told(key: Path) -> None:
    with pytest.raises(StoreError, match="--key"):
        read_private(key)


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        write_private(tmp_path / "data" / "keys" / "a.ed25519", b"x")
