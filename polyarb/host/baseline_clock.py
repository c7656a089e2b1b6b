"""The clock: where its time comes from, who keeps it, how it is steered. Judging is pure."""

from polyarb.host.checkup import Finding, ok, skipped, warn
from polyarb.host.kernel_clock import KernelClock, read_kernel_clock
from polyarb.host.system_files import SystemFiles

SLOW_SOURCES = frozenset({"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies", "xen"})
"""Reading these is a call into the kernel or a device: up to a hundred times slower."""
STEERED_PPB_MAX = 100_000
"""Crystals are off by up to 100 millionths."""
STEERED_PPB_END = 490_000
"""The kernel steers by 500 millionths at most."""
ERROR_NS_MAX = 100_000_000
DAEMONS = {
    "chronyd": "chrony",
    "systemd-timesyn": "systemd-timesyncd",
    "ntpd": "ntpd",
    "openntpd": "openntpd",
    "ptp4l": "ptp4l",
}
"""What the kernel calls the processes of time daemons: 15 letters at most."""
_SOURCE = "/sys/devices/system/clocksource/clocksource0"


def look_at_source(files: SystemFiles) -> Finding:
    """Look where the kernel takes the time from."""
    available = files.text(f"{_SOURCE}/available_clocksource") or ""
    return judge_source(files.text(f"{_SOURCE}/current_clocksource"), tuple(available.split()))


def judge_source(current: str | None, available: tuple[str, ...]) -> Finding:
    """Judge a source of time by how quickly it is read."""
    if not current:
        return skipped("this system does not tell its source of time")
    others = [one for one in available if one not in SLOW_SOURCES]
    if current not in SLOW_SOURCES:
        return ok(f"{current} of {', '.join(available) or current}")
    told = f"{current}, which is slow to read, of {', '.join(available) or current}"
    if not others:
        return warn(told)
    return warn(told, f"echo {others[0]} | sudo tee {_SOURCE}/current_clocksource")


def look_at_sync(files: SystemFiles) -> Finding:
    """Look whether something keeps the clock."""
    return judge_sync(read_kernel_clock(), running_daemons(files))


def running_daemons(files: SystemFiles) -> tuple[str, ...]:
    """Name the time daemons that run here; in a container those of the host are not seen."""
    commands = {files.text(name) for name in files.matching("/proc", "[0-9]*/comm")}
    return tuple(daemon for command, daemon in DAEMONS.items() if command in commands)


def judge_sync(clock: KernelClock | None, daemons: tuple[str, ...]) -> Finding:
    """Judge whether exactly one daemon keeps the clock, and how sure it is."""
    if clock is None:
        return skipped("this system does not tell whether its clock is kept")
    offset_ns, error_ns_max = clock.offset_ns, clock.error_ns_max
    who = " and ".join(daemons) or "no daemon is seen here"
    if len(daemons) > 1:
        told = f"{len(daemons)} time daemons run: {who}; they pull the clock apart"
        advice = "keep one: sudo systemctl disable --now NAME of the other"
        return warn(told, advice, offset_ns=offset_ns, error_ns_max=error_ns_max)
    if not clock.is_synchronised:
        told = f"the kernel's clock is not synchronised ({who})"
        return warn(told, offset_ns=offset_ns, error_ns_max=error_ns_max)
    told = (
        f"synchronised ({who}), still to be corrected {offset_ns / 1e6:+.3f} ms,"
        f" wrong by {error_ns_max / 1e6:.1f} ms at most"
    )
    weigh = warn if error_ns_max > ERROR_NS_MAX else ok
    return weigh(told, offset_ns=offset_ns, error_ns_max=error_ns_max)


def judge_drift(clock: KernelClock | None) -> Finding:
    """Judge how fast the bare clock runs away, from how it must be steered."""
    if clock is None:
        return skipped("this system does not tell how its clock is steered")
    if not clock.is_synchronised:
        return skipped("not known while nothing keeps the clock")
    told = (
        f"steered by {clock.steered_ppb / 1_000:+.1f} millionths,"
        f" {clock.steered_ppb * 86_400 / 1e9:+.2f} s a day without"
    )
    if abs(clock.steered_ppb) >= STEERED_PPB_END:
        told += "; that is the end of what the kernel can steer"
    weigh = warn if abs(clock.steered_ppb) > STEERED_PPB_MAX else ok
    return weigh(told, steered_ppb=clock.steered_ppb)


def look_at_drift() -> Finding:
    """Look how the clock is steered."""
    return judge_drift(read_kernel_clock())
