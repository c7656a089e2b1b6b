"""Go/no-go checks of operation: machine, reachability, clock, alerts."""

from time import monotonic_ns

from polyarb.domain.limits import Phase
from polyarb.host.checkup import Result
from polyarb.host.disk import measure_disk
from polyarb.host.load import measure_load
from polyarb.rollout.checks import CheckId
from polyarb.wiring.doctor.checks import CheckName
from polyarb.wiring.doctor.venue import Findings
from polyarb.wiring.go_no_go.context import (
    Seen,
    Sight,
    failed,
    missing,
    no_live_execution,
    passed,
    weigh,
)

LOAD_PERCENT_MAX = 50
MEMORY_BYTES_MIN = 2 << 30
DISK_BYTES_MIN = 1 << 30
OFFSET_NS_MAX = 100_000_000
"""How far the clock may be off, from time servers and from the venue."""
_REACHED = (CheckName.GAMMA, CheckName.CLOB, CheckName.STREAM, CheckName.VERSION)
_CLOCK = (CheckName.TIME_SERVERS, CheckName.VENUE_CLOCK)
_GIB = 1 << 30


def check_machine(sight: Sight) -> Seen:
    """O1: the machine has room."""
    load = measure_load()
    disk = measure_disk(sight.place.data_dir, monotonic_ns)
    told = (
        f"load {load.load_percent} % of {load.processors} processors",
        f"{load.free_memory_bytes / _GIB:.1f} GiB of memory free",
        f"{disk.free_bytes / _GIB:.1f} GiB of disk free",
    )
    is_well = (
        load.load_percent < LOAD_PERCENT_MAX,
        load.free_memory_bytes > MEMORY_BYTES_MIN,
        disk.free_bytes > DISK_BYTES_MIN,
    )
    wanted = (f"below {LOAD_PERCENT_MAX} %", "more than 2 GiB", "more than 1 GiB")
    faults = [
        f"{one}, expected {need}"
        for one, need, is_so in zip(told, wanted, is_well, strict=True)
        if not is_so
    ]
    return weigh(faults, *told)


def check_reach(sight: Sight, found: Findings) -> Seen:
    """O2: the venue answers, and the clock is right."""
    names = (*_REACHED, *_CLOCK, CheckName.GEOBLOCK)
    told = tuple(f"{name}: {found[name].found}" for name in names)
    faults = [f"{name}: {found[name].found}" for name in names if _is_fault(found, name)]
    faults += [
        f"{name}: not looked at: {found[name].found}"
        for name in names
        if found[name].result is Result.SKIPPED
    ]
    if faults:
        remedies = [found[name].remedy for name in names if found[name].remedy]
        return failed(*faults, remedy=remedies[0] if remedies else "")
    if sight.phase is not Phase.SHADOW:
        return no_live_execution(CheckId.O2, "no RPC endpoint is configured")
    unknown = [name for name in _CLOCK if found[name].result is not Result.OK]
    if unknown:
        return missing(*(f"{name}: {found[name].found}" for name in unknown))
    return passed(*told)


def _is_fault(found: Findings, name: CheckName) -> bool:
    """Tell whether something is wrong for certain; an offset is known to its uncertainty only."""
    measured = found[name].measured
    certain_ns = abs(measured.get("offset_ns", 0)) - measured.get("uncertainty_ns", 0)
    return found[name].result is Result.FAIL or certain_ns > OFFSET_NS_MAX
