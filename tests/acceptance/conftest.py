"""Run the app as a user does: a process of its own in a fresh workspace."""

import subprocess
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb, command, environment


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Make a fresh workspace."""
    place = tmp_path / "workspace"
    subprocess.run(command("init", str(place)), check=True, capture_output=True, env=environment())
    return place


@pytest.fixture
def polyarb(workspace: Path) -> Polyarb:
    """Return a function that runs the app in the workspace to its end."""

    def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words),
            cwd=workspace,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    return run
