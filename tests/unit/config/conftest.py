"""A workspace of the shipped configuration in a folder of its own, and ways to change its files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from polyarb.store.workspace import Workspace

Edit = Callable[[str, str, str], Workspace]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("POLYARB_"):
            monkeypatch.delenv(name)


@pytest.fixture
def workspace(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Copy the shipped configuration and stand in its folder, so that places read relative."""
    shutil.copytree(root / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path.resolve())


@pytest.fixture
def edit(workspace: Workspace) -> Edit:
    """Replace a piece of a file below config/, which must be there exactly once."""

    def replace(file: str, old: str, new: str) -> Workspace:
        path = workspace.root / "config" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (old, text)
        path.write_text(text.replace(old, new), encoding="utf-8")
        return workspace

    return replace
