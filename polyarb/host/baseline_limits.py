"""Limits of the process: threads and core dumps. Judging is pure."""

import resource

from polyarb.host.checkup import Finding, fail, ok, warn
from polyarb.host.control_group import GroupLimits
from polyarb.host.system_files import SystemFiles

THREADS_MIN = 64
"""The runner, its writers, the alerts' deliveries and the numeric libraries."""
THREADS_WARN = 256


def look_at_threads(limits: GroupLimits | None) -> Finding:
    """Look how many processes and threads may be started."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    allowed = None if soft == resource.RLIM_INFINITY else soft
    return judge_threads(allowed, limits.threads if limits else None)


def judge_threads(of_user: int | None, of_group: int | None) -> Finding:
    """Judge the limits of the user and of the control group; None is no limit."""
    tightest = min((one for one in (of_user, of_group) if one is not None), default=None)
    if tightest is None:
        return ok("any number of processes and threads", limit=-1)
    told = f"{tightest} processes and threads of this user or group, needed are {THREADS_MIN}"
    if tightest < THREADS_MIN:
        return fail(told, limit=tightest)
    return (warn if tightest < THREADS_WARN else ok)(told, limit=tightest)


def look_at_core_dumps(files: SystemFiles) -> Finding:
    """Look whether a crash would write the memory to the disk, and where."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    return judge_core_dumps(soft, files.text("/proc/sys/kernel/core_pattern") or "core")


def judge_core_dumps(limit: int, pattern: str) -> Finding:
    """Judge the limit of core dumps, 0 being none. Shape: pattern begins with | for a program."""
    if not limit:
        return ok("no core dumps", limit=0)
    program = pattern.removeprefix("|").split(maxsplit=1)[:1]
    where = f"to {program[0]}" if pattern.startswith("|") and program else f"into {pattern}"
    size = "of any size" if limit < 0 else f"of up to {limit >> 20} MiB"
    return warn(f"core dumps {size} go {where}", limit=limit)
