"""The disk of a workspace: its file system, and when a write is safe. Judging is pure."""

from collections.abc import Callable, Sequence
from pathlib import Path

from polyarb.host.checkup import Finding, fail, ok, skipped, warn
from polyarb.host.disk import sync_times
from polyarb.host.machine import SYNC_NS_MAX, SYNC_NS_WARN
from polyarb.host.mounts import Mount, find_mount, free_files
from polyarb.host.system_files import SystemFiles

SYNC_ROUNDS = 200
SYNC_SPAN_NS = 2_000_000_000
"""A slow disk is not asked for longer."""
SYNC_P99_NS_WARN = 50_000_000
SYNC_P99_NS_MAX = 500_000_000
"""An order waits for its intent: the whole way may take 500 ms."""
FREE_FILES_MIN = 10_000
VOLATILE = frozenset({"tmpfs", "ramfs"})
REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "gfs2"}
    | {"ocfs2", "vboxsf", "prl_fs"}
)
LAYERED = frozenset({"overlay", "aufs", "unionfs"})
_UNSAFE = frozenset({"nobarrier", "barrier=0"})


def look_at_file_system(files: SystemFiles, folder: Path) -> Finding:
    """Look what the data of a workspace lie on."""
    mount = find_mount(files, str(folder.resolve()))
    if mount is None:
        return skipped("this system does not list its mounts")
    return judge_file_system(mount, free_files(str(folder)))


def judge_file_system(mount: Mount, files_left: int | None) -> Finding:
    """Judge a mount by whether what is written there stays; None is room for any number."""
    told = f"{mount.kind} on {mount.point}"
    if "ro" in mount.options:
        return fail(f"{told}, mounted for reading only", f"sudo mount -o remount,rw {mount.point}")
    if mount.kind in VOLATILE:
        return fail(f"{told}: it is memory and gone after a restart")
    if mount.kind in REMOTE or mount.kind.startswith("fuse"):
        return warn(f"{told}: locks and syncs there are another machine's or program's word")
    if mount.kind in LAYERED:
        advice = "give the container a volume for the workspace: docker run -v polyarb:/data ..."
        return warn(f"{told}: it goes when its container is removed", advice)
    if not _UNSAFE.isdisjoint(mount.options):
        advice = f"sudo mount -o remount,barrier=1 {mount.point}"
        return warn(f"{told} without barriers: a sync does not survive a power cut", advice)
    if files_left is not None and files_left < FREE_FILES_MIN:
        return warn(f"{told} has room for {files_left} more files", free_files=files_left)
    return ok(told) if files_left is None else ok(told, free_files=files_left)


def look_at_sync_latency(folder: Path, monotonic_ns: Callable[[], int]) -> Finding:
    """Write small blocks and wait until each is safe."""
    try:
        took_ns = sync_times(folder, monotonic_ns, rounds=SYNC_ROUNDS, span_ns=SYNC_SPAN_NS)
    except OSError as fault:
        return fail(f"nothing can be written in {folder.name}/: {fault.strerror}")
    return judge_sync_latency(took_ns)


def judge_sync_latency(took_ns: Sequence[int]) -> Finding:
    """Judge how long writes took to be safe, by the middle and by the 99th percentile."""
    ordered = sorted(took_ns)
    median, p99 = ordered[len(ordered) // 2], ordered[(99 * len(ordered) - 1) // 100]
    told = (
        f"a write is safe after {median / 1e6:.2f} ms, 99 of 100 within {p99 / 1e6:.2f} ms"
        f" ({len(ordered)} writes)"
    )
    weigh: Callable[..., Finding] = ok
    if median > SYNC_NS_WARN or p99 > SYNC_P99_NS_WARN:
        weigh = warn
    if median > SYNC_NS_MAX or p99 > SYNC_P99_NS_MAX:
        weigh = fail
    return weigh(told, sync_ns_median=median, sync_ns_p99=p99, writes=len(ordered))
