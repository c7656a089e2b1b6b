"""Reports are the same bytes for the same journal, form by form."""

import pytest
from tests.golden_reports import FOLDER, golden_files


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(golden_files())


def test_every_golden_file_is_made_and_none_is_left_over(made: dict[str, str]) -> None:
    assert sorted(made) == sorted(path.name for path in FOLDER.iterdir())


def test_every_report_is_what_its_golden_file_says(made: dict[str, str]) -> None:
    changed = [
        name for name, text in made.items() if (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    assert changed == [], "look at the difference after python -m tests.golden_reports"


def test_a_second_making_is_the_same_bytes(made: dict[str, str]) -> None:
    assert dict(golden_files()) == made
