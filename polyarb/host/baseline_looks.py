"""How each check of the machine is made; the network is asked elsewhere."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polyarb.host.baseline import BaselineName
from polyarb.host.baseline_clock import look_at_drift, look_at_source, look_at_sync
from polyarb.host.baseline_limits import look_at_core_dumps, look_at_threads
from polyarb.host.baseline_memory import (
    judge_group_memory,
    look_at_huge_pages,
    look_at_memory,
    look_at_receive_buffers,
    look_at_swap,
)
from polyarb.host.baseline_processors import (
    judge_load,
    judge_processors,
    judge_quota,
    look_at_boost,
    look_at_governor,
    look_at_steal,
    usable_processors,
)
from polyarb.host.baseline_storage import look_at_file_system, look_at_sync_latency
from polyarb.host.checkup import Finding, skipped
from polyarb.host.control_group import read_group_limits
from polyarb.host.load import measure_load
from polyarb.host.machine import check_descriptors
from polyarb.host.system_files import SystemFiles


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at and with: the system's files, the folder of the data, the need."""

    files: SystemFiles
    folder: Path
    sockets: int
    monotonic_ns: Callable[[], int]
    sleep: Callable[[float], None]


Look = Callable[[Machine], Finding]


LOOKS: dict[BaselineName, Look] = {
    BaselineName.PROCESSORS: lambda _machine: judge_processors(
        os.cpu_count() or 1, usable_processors()
    ),
    BaselineName.GOVERNOR: lambda machine: look_at_governor(machine.files),
    BaselineName.BOOST: lambda machine: look_at_boost(machine.files),
    BaselineName.QUOTA: lambda machine: judge_quota(read_group_limits(machine.files)),
    BaselineName.STEAL: lambda machine: look_at_steal(machine.files, machine.sleep),
    BaselineName.LOAD: lambda _machine: judge_load(measure_load()),
    BaselineName.SOURCE: lambda machine: look_at_source(machine.files),
    BaselineName.SYNC: lambda machine: look_at_sync(machine.files),
    BaselineName.DRIFT: lambda _machine: look_at_drift(),
    BaselineName.FILES: lambda machine: check_descriptors(machine.sockets),
    BaselineName.THREADS: lambda machine: look_at_threads(read_group_limits(machine.files)),
    BaselineName.CORES: lambda machine: look_at_core_dumps(machine.files),
    BaselineName.MEMORY: lambda machine: look_at_memory(machine.files),
    BaselineName.GROUP_MEMORY: lambda machine: judge_group_memory(read_group_limits(machine.files)),
    BaselineName.SWAP: lambda machine: look_at_swap(machine.files),
    BaselineName.HUGE_PAGES: lambda machine: look_at_huge_pages(machine.files),
    BaselineName.BUFFERS: lambda machine: look_at_receive_buffers(machine.files),
    BaselineName.FILE_SYSTEM: lambda machine: look_at_file_system(machine.files, machine.folder),
    BaselineName.LATENCY: lambda machine: look_at_sync_latency(
        machine.folder, machine.monotonic_ns
    ),
}


def looked(look: Look, machine: Machine) -> Finding:
    """Look at one thing; what the system does not let us see is left out, with its words."""
    try:
        return look(machine)
    except OSError as fault:
        return skipped(f"the system does not tell it: {fault}")
