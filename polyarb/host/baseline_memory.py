"""Memory: what is left of the machine's and the group's, swap, huge pages. Judging is pure."""

from polyarb.host.checkup import Finding, fail, ok, skipped, warn
from polyarb.host.control_group import GroupLimits
from polyarb.host.system_files import SystemFiles, keyed_numbers

FREE_BYTES_WARN = 2 << 30
"""Source: go/no-go check O1."""
FREE_BYTES_MIN = 512 << 20
"""A trader on 250 markets and the watch beside it."""
SWAPPINESS_MAX = 10
RECEIVE_BYTES_MIN = 1 << 20
"""A socket of 500 books gets its snapshots at once: several hundred KiB."""
_KIB = 1 << 10
_GIB = 1 << 30


def look_at_memory(files: SystemFiles) -> Finding:
    """Look how much memory can be had without swapping."""
    counted = keyed_numbers(files.text("/proc/meminfo") or "")
    total, available = counted.get("MemTotal"), counted.get("MemAvailable")
    if total is None or available is None:
        return skipped("this system does not tell its memory")
    return judge_memory(total * _KIB, available * _KIB)


def judge_memory(total: int, available: int) -> Finding:
    """Judge memory by what is left. Units: bytes."""
    told = f"{available / _GIB:.1f} of {total / _GIB:.1f} GiB can be had"
    return _by_what_is_left(told, available)


def judge_group_memory(limits: GroupLimits | None) -> Finding:
    """Judge what the control group leaves; beyond its limit the process is killed."""
    if limits is None:
        return skipped("this system has no control groups")
    if limits.memory_bytes is None or limits.memory_free_bytes is None:
        return ok("no limit of memory")
    left = limits.memory_free_bytes
    told = f"{left / _GIB:.1f} of {limits.memory_bytes / _GIB:.1f} GiB that are allowed are left"
    return _by_what_is_left(told, left)


def look_at_swap(files: SystemFiles) -> Finding:
    """Look for swap and how eagerly it is used."""
    text = files.text("/proc/swaps")
    if text is None:
        return skipped("this system does not tell its swap")
    rows = [line.split() for line in text.splitlines()[1:]]
    used = sum(int(row[3]) for row in rows if len(row) > 3 and row[3].isdigit())
    devices = tuple(row[0] for row in rows if row)
    return judge_swap(devices, used * _KIB, files.number("/proc/sys/vm/swappiness"))


def judge_swap(devices: tuple[str, ...], used: int, swappiness: int | None) -> Finding:
    """Judge swap by whether the process may be put there. Units: bytes."""
    if not devices:
        return ok("no swap", used_bytes=0)
    told = f"{', '.join(devices)} with {used / _GIB:.1f} GiB used, swappiness {swappiness}"
    is_eager = swappiness is None or swappiness > SWAPPINESS_MAX
    return (warn if is_eager else ok)(told, used_bytes=used)


def look_at_huge_pages(files: SystemFiles) -> Finding:
    """Look whether the kernel joins pages unasked."""
    return judge_huge_pages(files.text("/sys/kernel/mm/transparent_hugepage/enabled"))


def judge_huge_pages(text: str | None) -> Finding:
    """Judge the choice that stands in brackets."""
    chosen = (text or "").partition("[")[2].partition("]")[0]
    if not chosen:
        return skipped("this system does not tell about huge pages")
    told = f"transparent huge pages: {chosen}"
    return warn(told) if chosen == "always" else ok(told)


def look_at_receive_buffers(files: SystemFiles) -> Finding:
    """Look how much a socket may hold that was not read yet."""
    fields = (files.text("/proc/sys/net/ipv4/tcp_rmem") or "").split()
    if len(fields) != 3 or not fields[2].isdigit():
        return skipped("this system does not tell the buffers of its sockets")
    return judge_receive_buffers(int(fields[2]))


def judge_receive_buffers(bytes_max: int) -> Finding:
    """Judge the largest buffer of a socket against a burst of snapshots."""
    told = f"a socket holds up to {bytes_max >> 10} KiB that were not read yet"
    return (warn if bytes_max < RECEIVE_BYTES_MIN else ok)(told, bytes_max=bytes_max)


def _by_what_is_left(told: str, left: int) -> Finding:
    if left < FREE_BYTES_MIN:
        return fail(told, free_bytes=left)
    return (warn if left < FREE_BYTES_WARN else ok)(told, free_bytes=left)
