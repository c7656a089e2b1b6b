"""What the control group of this process allows: processors, memory, threads; both versions.

A group may be limited by any group above it; the tightest counts.
"""

from pathlib import PurePosixPath

import msgspec

from polyarb.host.system_files import SystemFiles, keyed_numbers, whole_number

_MOUNT = "/sys/fs/cgroup"
_MEMBERSHIP = "/proc/self/cgroup"
_NO_LIMIT = 1 << 60
"""The first version writes a huge number for no limit."""


class GroupLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits; None is no limit. Units: thousandths of a processor, bytes.

    Shape: periods counts those in which the group ran, throttled those in which it was stopped.
    """

    milli_processors: int | None = None
    periods: int = 0
    throttled: int = 0
    memory_bytes: int | None = None
    memory_free_bytes: int | None = None
    threads: int | None = None


def read_group_limits(files: SystemFiles) -> GroupLimits | None:
    """Read the limits of this process; None where there are no control groups."""
    membership = files.text(_MEMBERSHIP)
    if membership is None:
        return None
    processors = [_quota(files, folder) for folder in _folders(files, membership, "cpu")]
    memory = [_memory(files, folder) for folder in _folders(files, membership, "memory")]
    threads = [
        whole_number(files.text(f"{folder}/pids.max"))
        for folder in _folders(files, membership, "pids")
    ]
    tightest = min((one for one in memory if one is not None), default=None)
    counted = _counted(files, membership)
    return GroupLimits(
        milli_processors=min((one for one in processors if one is not None), default=None),
        periods=counted.get("nr_periods", 0),
        throttled=counted.get("nr_throttled", 0),
        memory_bytes=tightest[0] if tightest else None,
        memory_free_bytes=min((one[1] for one in memory if one is not None), default=None),
        threads=min((one for one in threads if one is not None), default=None),
    )


def _folders(files: SystemFiles, membership: str, controller: str) -> list[str]:
    """List the folders of the own group and of those above it, the own one first."""
    base, path = _MOUNT, "/"
    for line in membership.splitlines():
        controllers, separator, where = line.partition(":")[2].partition(":")
        if controller in controllers.split(","):
            base, path = f"{_MOUNT}/{controller}", where
            break
        if separator and not controllers:
            path = where
    own = PurePosixPath(base) / path.lstrip("/")
    if not files.is_there(str(own)):
        # In a container the path is often that of the host, and the own group is the mount.
        own = PurePosixPath(base)
    return [str(one) for one in (own, *own.parents) if one.is_relative_to(base)]


def _quota(files: SystemFiles, folder: str) -> int | None:
    text = files.text(f"{folder}/cpu.max")
    if text is not None:
        quota, _, period = text.partition(" ")
        allowed, every = whole_number(quota), whole_number(period)
    else:
        allowed = files.number(f"{folder}/cpu.cfs_quota_us")
        every = files.number(f"{folder}/cpu.cfs_period_us")
    if allowed is None or allowed < 0 or not every:
        return None
    return 1_000 * allowed // every


def _memory(files: SystemFiles, folder: str) -> tuple[int, int] | None:
    """Return limit and what is left of it; what is cached can be given back."""
    limit = files.number(f"{folder}/memory.max")
    if limit is None:
        limit = files.number(f"{folder}/memory.limit_in_bytes")
    if limit is None or limit >= _NO_LIMIT:
        return None
    used = files.number(f"{folder}/memory.current")
    if used is None:
        used = files.number(f"{folder}/memory.usage_in_bytes") or 0
    counted = keyed_numbers(files.text(f"{folder}/memory.stat") or "")
    cached = counted.get("total_inactive_file", counted.get("inactive_file", 0))
    return limit, limit - max(0, used - cached)


def _counted(files: SystemFiles, membership: str) -> dict[str, int]:
    own = _folders(files, membership, "cpu")[0]
    return keyed_numbers(files.text(f"{own}/cpu.stat") or "")
