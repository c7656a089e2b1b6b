"""Processors: each judgement at its edge, each look on a tree of files."""

from pathlib import Path

import pytest
from polyarb.host.baseline_processors import (
    Ticks,
    judge_boost,
    judge_governors,
    judge_load,
    judge_processors,
    judge_quota,
    judge_steal,
    look_at_boost,
    look_at_governor,
    look_at_steal,
    read_ticks,
    usable_processors,
    what_runs_below,
)
from polyarb.host.checkup import Result
from polyarb.host.control_group import GroupLimits
from polyarb.host.load import MachineLoad
from tests.unit.host.system_tree import SystemTree

CPU = "/sys/devices/system/cpu"


@pytest.fixture
def tree(tmp_path: Path) -> SystemTree:
    return SystemTree(tmp_path)


@pytest.mark.parametrize(
    ("total", "usable", "result", "advice"),
    [
        (8, 8, Result.OK, ""),
        (8, 2, Result.OK, ""),
        (8, 1, Result.WARN, "taskset"),
        (1, 1, Result.WARN, "second processor"),
    ],
)
def test_fewer_than_two_processors_warn(
    total: int, usable: int, result: Result, advice: str
) -> None:
    found = judge_processors(total, usable)
    assert found.result is result
    assert advice in found.remedy


def test_this_process_may_use_a_processor() -> None:
    assert usable_processors() >= 1


@pytest.mark.parametrize(
    ("governors", "result", "told"),
    [
        ([], Result.SKIPPED, "virtual"),
        (["performance", "performance"], Result.OK, "performance on 2 of 2"),
        (["schedutil"], Result.OK, "schedutil on 1 of 1"),
        (["performance", "powersave"], Result.WARN, "performance on 1, powersave on 1 of 2"),
        (["ondemand"], Result.WARN, "ondemand on 1 of 1"),
    ],
)
def test_a_governor_that_waits_warns(governors: list[str], result: Result, told: str) -> None:
    found = judge_governors(governors)
    assert found.result is result
    assert told in found.found


def test_the_governor_of_each_processor_is_read(tree: SystemTree) -> None:
    tree.tell(f"{CPU}/cpu0/cpufreq/scaling_governor", "performance")
    tree.tell(f"{CPU}/cpu1/cpufreq/scaling_governor", "powersave")
    found = look_at_governor(tree.files)
    assert (found.result, found.measured) == (Result.WARN, {"slow": 1})


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("intel_pstate/no_turbo", 0, Result.OK),
        ("intel_pstate/no_turbo", 1, Result.WARN),
        ("cpufreq/boost", 1, Result.OK),
        ("cpufreq/boost", 0, Result.WARN),
        ("cpufreq/other", 0, Result.SKIPPED),
    ],
)
def test_the_boost_is_read_from_whichever_switch_is_there(
    tree: SystemTree, name: str, value: int, result: Result
) -> None:
    tree.tell(f"{CPU}/{name}", value)
    found = look_at_boost(tree.files)
    assert found.result is result
    if result is Result.WARN:
        assert found.remedy == f"echo {1 - value} | sudo tee {CPU}/{name}"


def test_a_boost_that_is_on_needs_no_advice() -> None:
    assert judge_boost(True, "anything", "cpufreq").remedy == ""


@pytest.mark.parametrize(
    ("limits", "result"),
    [
        (None, Result.SKIPPED),
        (GroupLimits(), Result.OK),
        (GroupLimits(milli_processors=2_000), Result.OK),
        (GroupLimits(milli_processors=1_999), Result.WARN),
        (GroupLimits(milli_processors=4_000, periods=1_000, throttled=19), Result.OK),
        (GroupLimits(milli_processors=4_000, periods=1_000, throttled=20), Result.WARN),
    ],
)
def test_a_quota_warns_where_it_is_tight_or_was_reached(
    limits: GroupLimits | None, result: Result
) -> None:
    assert judge_quota(limits).result is result


@pytest.mark.parametrize(
    ("before", "after", "result", "percent"),
    [
        (Ticks(total=1_000, stolen=0), Ticks(total=1_200, stolen=0), Result.OK, 0),
        (Ticks(total=9_000, stolen=0), Ticks(total=9_100, stolen=2), Result.OK, 2),
        (Ticks(total=9_000, stolen=0), Ticks(total=9_100, stolen=3), Result.WARN, 3),
        (Ticks(total=9_000, stolen=900), Ticks(total=9_100, stolen=900), Result.WARN, 0),
        (Ticks(total=9_000, stolen=0), Ticks(total=9_000, stolen=0), Result.OK, 0),
        (Ticks(total=0, stolen=0), Ticks(total=0, stolen=0), Result.OK, 0),
    ],
)
def test_stolen_time_warns_now_and_since_boot(
    before: Ticks, after: Ticks, result: Result, percent: int
) -> None:
    found = judge_steal(before, after)
    assert (found.result, found.measured["steal_percent"]) == (result, percent)


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1", Ticks(total=36, stolen=8)),
        ("cpu  1 2 3 4", None),
        ("intr 1 2 3 4 5 6 7 8 9", None),
        ("cpu  1 2 3 x 5 6 7 8 9", None),
        ("", None),
        (None, None),
    ],
)
def test_the_line_of_all_processors_is_read(text: str | None, ticks: Ticks | None) -> None:
    assert read_ticks(text) == ticks


def test_stolen_time_is_watched_for_a_second(tree: SystemTree) -> None:
    tree.tell("/proc/stat", "cpu  100 0 0 900 0 0 0 0 0 0")
    tree.tell("/proc/cpuinfo", "flags : fpu hypervisor")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        tree.tell("/proc/stat", "cpu  100 0 0 950 0 0 0 50 0 0")

    found = look_at_steal(tree.files, sleep)
    assert (found.result, found.measured["steal_percent"], waited) == (Result.WARN, 50, [1.0])
    assert "a virtual machine" in found.found


def test_where_stolen_time_is_not_counted_it_is_left_out(tree: SystemTree) -> None:
    assert look_at_steal(tree.files, lambda _seconds: None).result is Result.SKIPPED


def test_the_load_warns_above_all_processors() -> None:
    load = MachineLoad(load_percent=100, processors=2, free_memory_bytes=0)
    assert judge_load(load).result is Result.OK
    above = MachineLoad(load_percent=101, processors=2, free_memory_bytes=0)
    assert judge_load(above).result is Result.WARN


def test_what_runs_below_is_named(tree: SystemTree) -> None:
    assert what_runs_below(tree.files) == ""
    tree.tell("/.dockerenv", "")
    assert what_runs_below(tree.files) == "a container (docker)"
    tree.tell("/proc/cpuinfo", "flags : hypervisor").tell("/sys/class/dmi/id/product_name", "KVM")
    assert what_runs_below(tree.files) == "a container (docker) in a virtual machine (KVM)"
