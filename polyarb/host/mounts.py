"""Which file system a folder lies on, from the kernel's list of mounts."""

import os
from pathlib import PurePosixPath

import msgspec

from polyarb.host.system_files import SystemFiles

_LIST = "/proc/self/mountinfo"
_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """One mount. Shape: options are those of the mount and of the file system itself."""

    point: str
    kind: str
    options: tuple[str, ...] = ()


def find_mount(files: SystemFiles, folder: str) -> Mount | None:
    """Find the mount that a folder lies on; None where the system lists none."""
    text = files.text(_LIST)
    return None if text is None else mount_of(text, folder)


def mount_of(text: str, folder: str) -> Mount | None:
    """Choose the deepest mount above a folder; of two at one place the later hides the other."""
    place, found = PurePosixPath(folder), None
    for line in text.splitlines():
        mount = _read(line)
        if mount is None or not place.is_relative_to(mount.point):
            continue
        if found is None or len(mount.point) >= len(found.point):
            found = mount
    return found


def free_files(folder: str) -> int | None:
    """Return how many more files fit; None where the file system sets no number.

    Errors: OSError where there is no such folder.
    """
    told = os.statvfs(folder)
    return told.f_favail if told.f_files else None


def _read(line: str) -> Mount | None:
    """Read one line. Source: proc(5), mountinfo."""
    left, separator, right = line.partition(" - ")
    before, after = left.split(), right.split()
    if not separator or len(before) < 6 or not after:
        return None
    options = f"{before[5]},{after[2] if len(after) > 2 else ''}".split(",")
    return Mount(point=_plain(before[4]), kind=after[0], options=tuple(filter(None, options)))


def _plain(text: str) -> str:
    for escaped, plain in _ESCAPES.items():
        text = text.replace(escaped, plain)
    return text
