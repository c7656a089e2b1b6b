"""Memory, swap, pages and buffers: each judgement at its edge, each look on a tree of files."""

from pathlib import Path

import pytest
from polyarb.host.baseline_memory import (
    FREE_BYTES_MIN,
    FREE_BYTES_WARN,
    RECEIVE_BYTES_MIN,
    judge_group_memory,
    judge_huge_pages,
    judge_memory,
    judge_receive_buffers,
    judge_swap,
    look_at_huge_pages,
    look_at_memory,
    look_at_receive_buffers,
    look_at_swap,
)
from polyarb.host.checkup import Result
from polyarb.host.control_group import GroupLimits
from tests.unit.host.system_tree import SystemTree

GIB = 1 << 30
EDGES = [
    (FREE_BYTES_WARN, Result.OK),
    (FREE_BYTES_WARN - 1, Result.WARN),
    (FREE_BYTES_MIN, Result.WARN),
    (FREE_BYTES_MIN - 1, Result.FAIL),
]


@pytest.fixture
def tree(tmp_path: Path) -> SystemTree:
    return SystemTree(tmp_path)


@pytest.mark.parametrize(("left", "result"), EDGES)
def test_memory_is_judged_by_what_is_left(left: int, result: Result) -> None:
    assert judge_memory(64 * GIB, left).result is result
    limits = GroupLimits(memory_bytes=64 * GIB, memory_free_bytes=left)
    assert judge_group_memory(limits).result is result


def test_a_group_without_limit_is_well_and_no_group_is_left_out() -> None:
    assert judge_group_memory(GroupLimits()).result is Result.OK
    assert judge_group_memory(None).result is Result.SKIPPED


def test_memory_is_read_in_kib(tree: SystemTree) -> None:
    assert look_at_memory(tree.files).result is Result.SKIPPED
    tree.tell("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB")
    found = look_at_memory(tree.files)
    assert (found.result, found.measured) == (Result.WARN, {"free_bytes": GIB})
    assert found.found == "1.0 of 4.0 GiB can be had"


@pytest.mark.parametrize(
    ("devices", "swappiness", "result"),
    [
        ((), 60, Result.OK),
        (("/dev/sda2",), 10, Result.OK),
        (("/dev/sda2",), 11, Result.WARN),
        (("/dev/sda2",), None, Result.WARN),
    ],
)
def test_swap_warns_where_it_is_used_eagerly(
    devices: tuple[str, ...], swappiness: int | None, result: Result
) -> None:
    assert judge_swap(devices, 0, swappiness).result is result


def test_swap_is_read(tree: SystemTree) -> None:
    assert look_at_swap(tree.files).result is Result.SKIPPED
    heading = "Filename Type Size Used Priority"
    tree.tell("/proc/swaps", heading)
    assert look_at_swap(tree.files).found == "no swap"
    tree.tell("/proc/swaps", f"{heading}\n/dev/sda2 partition 4194300 2097152 -2")
    tree.tell("/proc/sys/vm/swappiness", 60)
    found = look_at_swap(tree.files)
    assert found.found == "/dev/sda2 with 2.0 GiB used, swappiness 60"
    assert found.result is Result.WARN


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("[always] madvise never", Result.WARN),
        ("always [madvise] never", Result.OK),
        ("always madvise [never]", Result.OK),
        ("", Result.SKIPPED),
        (None, Result.SKIPPED),
    ],
)
def test_huge_pages_warn_where_they_are_always_made(text: str | None, result: Result) -> None:
    assert judge_huge_pages(text).result is result


def test_the_choice_of_huge_pages_is_read(tree: SystemTree) -> None:
    tree.tell("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
    assert look_at_huge_pages(tree.files).result is Result.WARN


def test_a_small_buffer_of_sockets_warns() -> None:
    assert judge_receive_buffers(RECEIVE_BYTES_MIN).result is Result.OK
    assert judge_receive_buffers(RECEIVE_BYTES_MIN - 1).result is Result.WARN


@pytest.mark.parametrize("text", ["4096 131072", "a b c", ""])
def test_buffers_that_are_not_told_are_left_out(tree: SystemTree, text: str) -> None:
    tree.tell("/proc/sys/net/ipv4/tcp_rmem", text)
    assert look_at_receive_buffers(tree.files).result is Result.SKIPPED


def test_the_largest_buffer_is_the_third_figure(tree: SystemTree) -> None:
    tree.tell("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456")
    assert look_at_receive_buffers(tree.files).measured == {"bytes_max": 6_291_456}
