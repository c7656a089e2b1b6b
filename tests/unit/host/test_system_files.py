"""Small files of the system: what is not there, or is no number, is not told."""

from pathlib import Path

import pytest
from polyarb.host.system_files import SystemFiles, keyed_numbers, whole_number
from tests.unit.host.system_tree import SystemTree


def test_a_file_is_read_without_the_space_around_it(tmp_path: Path) -> None:
    tree = SystemTree(tmp_path).tell("/proc/a", "  7 ")
    assert tree.files.text("/proc/a") == "7"
    assert tree.files.number("/proc/a") == 7
    assert tree.files.is_there("/proc/a")


def test_what_is_not_there_is_not_told(tmp_path: Path) -> None:
    files = SystemFiles(tmp_path)
    assert files.text("/proc/a") is None
    assert files.number("/proc/a") is None
    assert not files.is_there("/proc/a")
    assert files.matching("/proc", "*") == ()


def test_a_folder_in_the_place_of_a_file_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert SystemFiles(tmp_path).text("/a") is None


def test_a_path_that_the_system_refuses_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert not SystemFiles(tmp_path).is_there("/loop/a")
    assert not SystemFiles(tmp_path).is_there("/" + "x" * 5_000)


def test_matching_files_are_named_from_the_root_in_order(tmp_path: Path) -> None:
    tree = SystemTree(tmp_path).tell("/s/cpu1/g", "b").tell("/s/cpu0/g", "a")
    assert tree.files.matching("/s", "cpu[0-9]*/g") == ("/s/cpu0/g", "/s/cpu1/g")


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("-1", -1), ("max", None), ("", None), (None, None)]
)
def test_a_number_is_read_or_it_is_none(text: str | None, number: int | None) -> None:
    assert whole_number(text) == number


def test_lines_of_a_name_and_a_number_are_read_and_others_left_out() -> None:
    text = "MemTotal:   16 kB\nnr_periods 5\n\nlonely\nname word\n"
    assert keyed_numbers(text) == {"MemTotal": 16, "nr_periods": 5}
