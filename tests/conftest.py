"""Fixtures that every suite may use."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

settings.register_profile("house", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("house")

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 << 30
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure() -> None:
    """Put what tests write into memory where there is room: nothing then waits for a disk.

    That records survive a power cut is proven with a file system that loses what was not synced.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        os.environ.setdefault(TEMPORARY, str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure the coverage of a seeded test with its first seed: the others take other courses.

    Tracing doubles the time of a test; a line that a later seed alone reaches is not counted.
    """
    for item in items:
        course = getattr(item, "callspec", None)
        if course is not None and course.indices.get("seed", 0) > 0:
            item.add_marker("no_cover")


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
