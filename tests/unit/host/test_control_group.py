"""Limits of control groups, in both versions: the tightest of a group and those above it."""

from pathlib import Path

import pytest
from polyarb.host.control_group import GroupLimits, read_group_limits
from tests.unit.host.system_tree import SystemTree

GIB = 1 << 30


@pytest.fixture
def tree(tmp_path: Path) -> SystemTree:
    return SystemTree(tmp_path)


def second(tree: SystemTree, path: str) -> SystemTree:
    return tree.tell("/proc/self/cgroup", f"0::{path}")


def test_without_control_groups_nothing_is_said(tree: SystemTree) -> None:
    assert read_group_limits(tree.files) is None


def test_a_group_without_limits_has_none(tree: SystemTree) -> None:
    second(tree, "/a").tell("/sys/fs/cgroup/a/cpu.max", "max 100000")
    tree.tell("/sys/fs/cgroup/a/memory.max", "max").tell("/sys/fs/cgroup/a/pids.max", "max")
    assert read_group_limits(tree.files) == GroupLimits()


def test_the_second_version_tells_quota_memory_and_threads(tree: SystemTree) -> None:
    second(tree, "/a").tell("/sys/fs/cgroup/a/cpu.max", "150000 100000")
    tree.tell("/sys/fs/cgroup/a/cpu.stat", "usage_usec 9\nnr_periods 200\nnr_throttled 7")
    tree.tell("/sys/fs/cgroup/a/memory.max", 4 * GIB)
    tree.tell("/sys/fs/cgroup/a/memory.current", 3 * GIB)
    tree.tell("/sys/fs/cgroup/a/memory.stat", f"anon 1\ninactive_file {GIB}")
    tree.tell("/sys/fs/cgroup/a/pids.max", 512)
    assert read_group_limits(tree.files) == GroupLimits(
        milli_processors=1_500,
        periods=200,
        throttled=7,
        memory_bytes=4 * GIB,
        memory_free_bytes=2 * GIB,
        threads=512,
    )


def test_the_first_version_tells_the_same_in_its_own_files(tree: SystemTree) -> None:
    lines = ("5:pids:/p", "4:memory:/m", "2:cpuacct,cpu:/c", "0::/elsewhere")
    tree.tell("/proc/self/cgroup", "\n".join(lines))
    tree.tell("/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", 50_000)
    tree.tell("/sys/fs/cgroup/cpu/c/cpu.cfs_period_us", 100_000)
    tree.tell("/sys/fs/cgroup/cpu/c/cpu.stat", "nr_periods 10\nnr_throttled 5")
    tree.tell("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", 2 * GIB)
    tree.tell("/sys/fs/cgroup/memory/m/memory.usage_in_bytes", GIB)
    tree.tell("/sys/fs/cgroup/memory/m/memory.stat", f"total_inactive_file {GIB // 2}")
    tree.tell("/sys/fs/cgroup/pids/p/pids.max", 100)
    assert read_group_limits(tree.files) == GroupLimits(
        milli_processors=500,
        periods=10,
        throttled=5,
        memory_bytes=2 * GIB,
        memory_free_bytes=2 * GIB - GIB // 2,
        threads=100,
    )


def test_the_first_version_writes_no_limit_as_less_than_nothing_or_huge(tree: SystemTree) -> None:
    tree.tell("/proc/self/cgroup", "4:memory:/\n2:cpu:/")
    tree.tell("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", -1)
    tree.tell("/sys/fs/cgroup/cpu/cpu.cfs_period_us", 100_000)
    tree.tell("/sys/fs/cgroup/memory/memory.limit_in_bytes", 9_223_372_036_854_771_712)
    assert read_group_limits(tree.files) == GroupLimits()


def test_a_limit_of_a_group_above_counts_where_it_is_tighter(tree: SystemTree) -> None:
    second(tree, "/a/b").tell("/sys/fs/cgroup/a/b/cpu.max", "400000 100000")
    tree.tell("/sys/fs/cgroup/a/cpu.max", "100000 100000")
    tree.tell("/sys/fs/cgroup/a/b/memory.max", 8 * GIB)
    tree.tell("/sys/fs/cgroup/a/memory.max", 4 * GIB)
    tree.tell("/sys/fs/cgroup/a/memory.current", 4 * GIB)
    found = read_group_limits(tree.files)
    assert found is not None
    assert found.milli_processors == 1_000
    assert (found.memory_bytes, found.memory_free_bytes) == (4 * GIB, 0)


def test_a_path_of_the_host_stands_for_the_mount_in_a_container(tree: SystemTree) -> None:
    second(tree, "/docker/abc").tell("/sys/fs/cgroup/cpu.max", "100000 100000")
    tree.tell("/sys/fs/cgroup/cpu.stat", "nr_periods 8\nnr_throttled 3")
    assert read_group_limits(tree.files) == GroupLimits(
        milli_processors=1_000, periods=8, throttled=3
    )


@pytest.mark.parametrize("text", ["100000 0", "many few", "", "100000"])
def test_a_quota_that_cannot_be_read_is_none(tree: SystemTree, text: str) -> None:
    second(tree, "/a").tell("/sys/fs/cgroup/a/cpu.max", text)
    found = read_group_limits(tree.files)
    assert found is not None
    assert found.milli_processors is None
