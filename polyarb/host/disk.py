"""What a disk can take: free space and how long a write takes to be safe."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

ROUNDS = 16
_BLOCK = b"\0" * 4_096


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """One folder's disk. Units: bytes and ns; sync is one appended block made durable."""

    free_bytes: int
    total_bytes: int
    sync_ns_median: int
    sync_ns_max: int


def measure_disk(folder: Path, monotonic_ns: Callable[[], int]) -> Disk:
    """Measure the disk below a folder with a few small writes that leave nothing behind.

    Errors: OSError when nothing can be written there.
    """
    took_ns = sorted(sync_times(folder, monotonic_ns))
    usage = shutil.disk_usage(folder)
    return Disk(
        free_bytes=usage.free,
        total_bytes=usage.total,
        sync_ns_median=took_ns[len(took_ns) // 2],
        sync_ns_max=took_ns[-1],
    )


def sync_times(
    folder: Path,
    monotonic_ns: Callable[[], int],
    *,
    rounds: int = ROUNDS,
    span_ns: int | None = None,
) -> list[int]:
    """Write blocks one after the other and tell how long each took to be safe.

    Shape: after span_ns no more begins, but one is always measured. Errors: as `measure_disk`.
    """
    took_ns: list[int] = []
    sync = getattr(os, "fdatasync", os.fsync)
    with tempfile.TemporaryFile(dir=folder) as stream:
        while len(took_ns) < rounds and (span_ns is None or sum(took_ns) <= span_ns):
            began_ns = monotonic_ns()
            os.write(stream.fileno(), _BLOCK)
            sync(stream.fileno())
            took_ns.append(monotonic_ns() - began_ns)
    return took_ns
