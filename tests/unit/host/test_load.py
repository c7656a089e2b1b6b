"""Load and memory of the machine."""

from pathlib import Path

import pytest
from polyarb.host.load import measure_load


def test_this_machine_is_measured() -> None:
    load = measure_load()
    assert load.processors >= 1
    assert load.load_percent >= 0
    assert load.free_memory_bytes > 1 << 20


def test_what_can_be_had_without_swapping_is_read(tmp_path: Path) -> None:
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal: 9 kB\nMemAvailable:   3 kB\n")
    assert measure_load(memory).free_memory_bytes == 3 * 1024


def test_elsewhere_the_free_pages_count(tmp_path: Path) -> None:
    assert measure_load(tmp_path / "nothing").free_memory_bytes > 1 << 20


def test_a_system_that_does_not_tell_is_a_fault(tmp_path: Path) -> None:
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal: 9 kB\n")
    with pytest.raises(OSError, match="MemAvailable"):
        measure_load(memory)
