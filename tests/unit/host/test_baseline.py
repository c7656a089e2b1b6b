"""The baseline as a whole: every check is in the tables, and none ever crashes."""

import time
from pathlib import Path

import pytest
from polyarb.host.baseline import (
    BASELINE,
    BaselineKind,
    BaselineName,
    as_baseline_check,
    baseline_rows,
)
from polyarb.host.baseline_looks import LOOKS, Machine, looked
from polyarb.host.checkup import Finding, Result, fail, ok, skipped, warn
from polyarb.host.system_files import SystemFiles
from tests.unit.host.system_tree import SystemTree

ALWAYS = {
    BaselineName.PROCESSORS,
    BaselineName.LOAD,
    BaselineName.SYNC,
    BaselineName.DRIFT,
    BaselineName.FILES,
    BaselineName.THREADS,
    BaselineName.CORES,
    BaselineName.LATENCY,
}
"""What is asked of Python or the kernel and not of a file."""


def machine(folder: Path, files: SystemFiles) -> Machine:
    return Machine(
        files=files,
        folder=folder,
        sockets=5,
        monotonic_ns=time.monotonic_ns,
        sleep=lambda _seconds: None,
    )


def test_every_check_stands_in_the_tables_once_in_the_order_it_is_told() -> None:
    assert [kind.name for kind in BASELINE] == list(BaselineName)
    assert list(LOOKS) == sorted(LOOKS, key=list(BaselineName).index)
    assert set(LOOKS) == set(BaselineName) - {BaselineName.TIME_SERVERS}


@pytest.mark.parametrize("kind", BASELINE, ids=lambda kind: kind.name)
def test_every_check_asks_says_why_warns_and_advises(kind: BaselineKind) -> None:
    assert kind.asks.endswith("?")
    assert kind.warns
    assert kind.advice
    assert kind.why[0].islower()
    assert not kind.why.endswith(".")


@pytest.mark.parametrize("name", list(LOOKS), ids=str)
def test_a_machine_that_tells_nothing_is_left_out_and_never_crashes(
    name: BaselineName, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    found = looked(LOOKS[name], machine(tmp_path / "data", SystemFiles(tmp_path / "nothing")))
    if name not in ALWAYS:
        assert found.result is Result.SKIPPED, found.found
        assert found.found


@pytest.mark.parametrize("name", list(LOOKS), ids=str)
def test_nonsense_in_every_file_never_crashes(name: BaselineName, tmp_path: Path) -> None:
    tree = SystemTree(tmp_path / "system")
    for file in (
        "/proc/self/cgroup",
        "/proc/stat",
        "/proc/meminfo",
        "/proc/swaps",
        "/proc/self/mountinfo",
        "/proc/cpuinfo",
        "/proc/sys/vm/swappiness",
        "/proc/sys/net/ipv4/tcp_rmem",
        "/sys/fs/cgroup/cpu.max",
        "/sys/fs/cgroup/memory.max",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/devices/system/cpu/cpufreq/boost",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    ):
        tree.tell(file, "\x00 ?: cpu [ - ]\ncpu::\n: :")
    assert isinstance(looked(LOOKS[name], machine(tmp_path, tree.files)), Finding)


SIGNS = {
    BaselineName.PROCESSORS: "processors may be used",
    BaselineName.GOVERNOR: "powersave on 1 of 1 processors",
    BaselineName.BOOST: "boost is off (cpufreq)",
    BaselineName.QUOTA: "0.50 processors are allowed",
    BaselineName.STEAL: "0 % stolen within a second, 50 % since boot",
    BaselineName.LOAD: "over a minute",
    BaselineName.SOURCE: "hpet, which is slow to read",
    BaselineName.SYNC: "",
    BaselineName.DRIFT: "",
    BaselineName.FILES: "files may be open",
    BaselineName.THREADS: "20 processes and threads",
    BaselineName.CORES: "core dumps",
    BaselineName.MEMORY: "1.0 of 4.0 GiB can be had",
    BaselineName.GROUP_MEMORY: "GiB that are allowed are left",
    BaselineName.SWAP: "/dev/sda2 with",
    BaselineName.HUGE_PAGES: "transparent huge pages: always",
    BaselineName.BUFFERS: "up to 64 KiB",
    BaselineName.FILE_SYSTEM: "overlay on /",
    BaselineName.LATENCY: "a write is safe after",
}
"""What only the right look finds on the machine below."""


@pytest.mark.parametrize("name", list(LOOKS), ids=str)
def test_each_name_stands_for_its_own_look(name: BaselineName, tmp_path: Path) -> None:
    tree = SystemTree(tmp_path / "system").tell("/proc/self/cgroup", "0::/")
    cpu, group = "/sys/devices/system/cpu", "/sys/fs/cgroup"
    tree.tell(f"{cpu}/cpu0/cpufreq/scaling_governor", "powersave").tell(f"{cpu}/cpufreq/boost", 0)
    tree.tell(f"{group}/cpu.max", "50000 100000").tell(f"{group}/pids.max", 20)
    tree.tell(f"{group}/memory.max", 1 << 30).tell("/proc/stat", "cpu  50 0 0 0 0 0 0 50 0 0")
    source = "/sys/devices/system/clocksource/clocksource0"
    tree.tell(f"{source}/current_clocksource", "hpet")
    tree.tell("/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB")
    tree.tell("/proc/swaps", "Filename Type Size Used\n/dev/sda2 partition 9 0")
    tree.tell("/sys/kernel/mm/transparent_hugepage/enabled", "[always] never")
    tree.tell("/proc/sys/net/ipv4/tcp_rmem", "4096 4096 65536")
    tree.tell("/proc/self/mountinfo", "27 1 0:1 / / rw - overlay overlay rw")
    assert SIGNS[name] in looked(LOOKS[name], machine(tmp_path, tree.files)).found


@pytest.mark.parametrize("name", list(LOOKS), ids=str)
def test_this_machine_is_looked_at(name: BaselineName, tmp_path: Path) -> None:
    found = looked(LOOKS[name], machine(tmp_path, SystemFiles()))
    assert found.found
    assert found.result in list(Result)


def test_what_the_system_forbids_to_see_is_left_out_with_its_words(tmp_path: Path) -> None:
    def forbidden(_machine: Machine) -> Finding:
        raise PermissionError(1, "Operation not permitted")

    found = looked(forbidden, machine(tmp_path, SystemFiles()))
    assert found.result is Result.SKIPPED
    assert "Operation not permitted" in found.found


def test_advice_is_given_where_something_is_to_be_done_and_the_exact_one_first() -> None:
    name = BaselineName.SWAP
    assert as_baseline_check(name, ok("well")).remedy == ""
    assert as_baseline_check(name, skipped("not told")).remedy == ""
    assert "swappiness" in as_baseline_check(name, warn("eager")).remedy
    assert as_baseline_check(name, fail("eager", "do this")).remedy == "do this"
    assert as_baseline_check(name, ok("well")).why


def test_the_rows_of_the_document_hold_every_check() -> None:
    told = baseline_rows().splitlines()
    assert len(told) == len(BASELINE)
    for row, kind in zip(told, BASELINE, strict=True):
        assert row.startswith(f"| `{kind.name}` |")
        assert kind.why in row
        assert row.replace("\\|", "").count("|") == 7
