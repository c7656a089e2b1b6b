"""How much room a machine has: load of the processors and free memory."""

import os
from pathlib import Path

import msgspec

_MEMORY = Path("/proc/meminfo")
_AVAILABLE = "MemAvailable:"


class MachineLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Load and memory. Units: load in percent of all processors over a minute, memory in bytes."""

    load_percent: int
    processors: int
    free_memory_bytes: int


def measure_load(memory: Path = _MEMORY) -> MachineLoad:
    """Read load and memory from the system. Errors: OSError where it does not tell."""
    processors = os.cpu_count() or 1
    return MachineLoad(
        load_percent=round(100 * os.getloadavg()[0] / processors),
        processors=processors,
        free_memory_bytes=_free_memory(memory),
    )


def _free_memory(memory: Path) -> int:
    """Read what can be had without swapping; elsewhere than on Linux, the free pages."""
    if not memory.exists():
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for line in memory.read_text().splitlines():
        if line.startswith(_AVAILABLE):
            return int(line.split()[1]) * 1024
    raise OSError(f"expected a line {_AVAILABLE} in {memory}, found none")
