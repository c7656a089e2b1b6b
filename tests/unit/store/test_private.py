"""Files for their owner's eyes only."""

import os
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.store.private import replace_privately


def test_a_file_is_whole_and_nobody_elses_whatever_the_mask_says(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    before = os.umask(0)
    try:
        replace_privately(path, b"one")
        replace_privately(path, b"two")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_was_readable_before_is_not_any_more(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("old")
    path.chmod(0o644)
    replace_privately(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.mkdir()
    with pytest.raises(StoreError, match=r"keys\.json"):
        replace_privately(path, b"new")
    assert list(tmp_path.iterdir()) == [path]
