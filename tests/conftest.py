"""Fixtures that every suite may use."""

from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

settings.register_profile("house", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of the shipped tapes."""
    return ROOT / "data" / "samples"


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Return the folder of recorded market data that is not shipped; skip where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the recorded market data beside the checkout is absent")
    return folder
