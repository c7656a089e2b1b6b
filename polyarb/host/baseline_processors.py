"""Processors: how many, how fast, and how much of them somebody else takes. Judging is pure."""

import os
from collections.abc import Callable

import msgspec

from polyarb.host.checkup import Finding, ok, skipped, warn
from polyarb.host.control_group import GroupLimits
from polyarb.host.load import MachineLoad
from polyarb.host.system_files import SystemFiles

PROCESSORS_MIN = 2
"""The trading loop has one; the watch, a report or a backup take the other."""
THROTTLED_PERCENT_MAX = 1
STEAL_PERCENT_MAX = 2
STEAL_LOOK_S = 1.0
LOAD_PERCENT_MAX = 100
STEADY_GOVERNORS = frozenset({"performance", "schedutil"})
"""Those that are at full speed within a millisecond or never leave it."""
_CPU = "/sys/devices/system/cpu"
_CONTAINERS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
_STEAL_FIELD = 7
_COUNTED_FIELDS = 8
"""user nice system idle iowait irq softirq steal; guest is counted in user. Source: proc(5)."""


class Ticks(msgspec.Struct, frozen=True, kw_only=True):
    """Time that all processors spent since boot, and what the host kept of it. Units: ticks."""

    total: int
    stolen: int


def usable_processors() -> int:
    """Count the processors that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def judge_processors(total: int, usable: int) -> Finding:
    """Judge how many processors this process may use."""
    told = f"{usable} of {total} processors may be used"
    if usable >= PROCESSORS_MIN:
        return ok(told, usable=usable, total=total)
    advice = "give the machine a second processor"
    if total > usable:
        advice = "start without taskset, CPUAffinity= of the unit, --cpuset-cpus of the container"
    return warn(told, advice, usable=usable, total=total)


def look_at_governor(files: SystemFiles) -> Finding:
    """Look how the speed of the processors is chosen."""
    names = files.matching(f"{_CPU}", "cpu[0-9]*/cpufreq/scaling_governor")
    return judge_governors([text for name in names if (text := files.text(name))])


def judge_governors(governors: list[str]) -> Finding:
    """Judge the governor of each processor."""
    if not governors:
        return skipped("no scaling of the frequency is shown, as in most virtual machines")
    slow = [one for one in governors if one not in STEADY_GOVERNORS]
    counted = ", ".join(f"{one} on {governors.count(one)}" for one in sorted(set(governors)))
    told = f"{counted} of {len(governors)} processors"
    return warn(told, slow=len(slow)) if slow else ok(told, slow=0)


def look_at_boost(files: SystemFiles) -> Finding:
    """Look whether a processor may go faster than its nominal speed."""
    forbidden = files.number(f"{_CPU}/intel_pstate/no_turbo")
    if forbidden is not None:
        return judge_boost(
            not forbidden, f"echo 0 | sudo tee {_CPU}/intel_pstate/no_turbo", "intel_pstate"
        )
    allowed = files.number(f"{_CPU}/cpufreq/boost")
    if allowed is None:
        return skipped("no switch of the boost is shown, as in most virtual machines")
    return judge_boost(bool(allowed), f"echo 1 | sudo tee {_CPU}/cpufreq/boost", "cpufreq")


def judge_boost(is_on: bool, advice: str, driver: str) -> Finding:
    """Judge the switch of the boost."""
    told = f"boost is {'on' if is_on else 'off'} ({driver})"
    return ok(told) if is_on else warn(told, advice)


def judge_quota(limits: GroupLimits | None) -> Finding:
    """Judge what the control group leaves of the processors."""
    if limits is None:
        return skipped("this system has no control groups")
    if limits.milli_processors is None:
        return ok("no quota of processor time")
    percent = 100 * limits.throttled // limits.periods if limits.periods else 0
    told = (
        f"{limits.milli_processors / 1_000:.2f} processors are allowed,"
        f" stopped in {percent} % of {limits.periods} periods"
    )
    is_tight = limits.milli_processors < 1_000 * PROCESSORS_MIN
    weigh = warn if is_tight or percent > THROTTLED_PERCENT_MAX else ok
    return weigh(told, milli_processors=limits.milli_processors, throttled_percent=percent)


def look_at_steal(files: SystemFiles, sleep: Callable[[float], None]) -> Finding:
    """Watch for a second how much time the host keeps for itself."""
    before = read_ticks(files.text("/proc/stat"))
    sleep(STEAL_LOOK_S)
    after = read_ticks(files.text("/proc/stat"))
    if before is None or after is None:
        return skipped("this system does not count stolen time")
    return judge_steal(before, after, what_runs_below(files))


def read_ticks(text: str | None) -> Ticks | None:
    """Read the line of all processors; None where it is missing or tells no stolen time."""
    fields = (text or "").partition("\n")[0].split()
    if len(fields) <= _COUNTED_FIELDS or fields[0] != "cpu":
        return None
    counted = [int(field) for field in fields[1 : _COUNTED_FIELDS + 1] if field.isdigit()]
    if len(counted) < _COUNTED_FIELDS:
        return None
    return Ticks(total=sum(counted), stolen=counted[_STEAL_FIELD])


def judge_steal(before: Ticks, after: Ticks, below: str = "") -> Finding:
    """Judge the time stolen between two looks, and since boot."""
    total, stolen = after.total - before.total, after.stolen - before.stolen
    percent = 100 * stolen // total if total > 0 else 0
    since_boot = 100 * after.stolen // after.total if after.total else 0
    told = f"{percent} % stolen within a second, {since_boot} % since boot"
    told += f"; this is {below}" if below else "; no sign of a virtual machine"
    weigh = warn if max(percent, since_boot) > STEAL_PERCENT_MAX else ok
    return weigh(told, steal_percent=percent, steal_percent_since_boot=since_boot)


def judge_load(load: MachineLoad) -> Finding:
    """Judge how many want to run."""
    told = f"load {load.load_percent} % of {load.processors} processors over a minute"
    weigh = warn if load.load_percent > LOAD_PERCENT_MAX else ok
    return weigh(told, load_percent=load.load_percent)


def what_runs_below(files: SystemFiles) -> str:
    """Name the virtual machine or container that this seems to be, empty for neither."""
    is_virtual = "hypervisor" in (files.text("/proc/cpuinfo") or "").split()
    container = next((name for mark, name in _CONTAINERS.items() if files.is_there(mark)), "")
    product = files.text("/sys/class/dmi/id/product_name") or ""
    parts = [f"a container ({container})"] if container else []
    if is_virtual:
        parts.append(f"a virtual machine ({product})" if product else "a virtual machine")
    return " in ".join(parts)
