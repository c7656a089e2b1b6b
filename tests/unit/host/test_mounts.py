"""Which mount a folder lies on: the deepest, and of two at one place the later."""

from pathlib import Path

import pytest
from polyarb.host.mounts import Mount, find_mount, free_files, mount_of
from tests.unit.host.system_tree import SystemTree

LIST = r"""22 1 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,barrier=0
30 27 0:25 / /srv rw - nfs4 host:/x rw
31 27 0:25 / /srv/fast\040disk rw,noatime master:3 - xfs /dev/vdb ro
32 27 0:26 / /twice rw - tmpfs tmpfs rw
33 27 0:27 / /twice rw - btrfs /dev/vdc
34 27 broken line
"""


@pytest.mark.parametrize(
    ("folder", "point", "kind"),
    [
        ("/", "/", "ext4"),
        ("/var/lib/polyarb", "/", "ext4"),
        ("/srv/x", "/srv", "nfs4"),
        ("/srv-other", "/", "ext4"),
        ("/srv/fast disk/data", "/srv/fast disk", "xfs"),
        ("/twice", "/twice", "btrfs"),
    ],
)
def test_the_deepest_mount_above_a_folder_is_its_own(folder: str, point: str, kind: str) -> None:
    found = mount_of(LIST, folder)
    assert found is not None
    assert (found.point, found.kind) == (point, kind)


def test_the_options_are_those_of_the_mount_and_of_the_file_system() -> None:
    assert mount_of(LIST, "/etc") == Mount(
        point="/", kind="ext4", options=("rw", "relatime", "rw", "barrier=0")
    )
    found = mount_of(LIST, "/srv/fast disk")
    assert found is not None
    assert found.options == ("rw", "noatime", "ro")


def test_a_system_that_lists_no_mounts_tells_none(tmp_path: Path) -> None:
    tree = SystemTree(tmp_path)
    assert find_mount(tree.files, "/") is None
    tree.tell("/proc/self/mountinfo", "nonsense")
    assert find_mount(tree.files, "/") is None


def test_room_for_files_is_counted(tmp_path: Path) -> None:
    found = free_files(str(tmp_path))
    assert found is None or found > 0
    with pytest.raises(FileNotFoundError):
        free_files(str(tmp_path / "absent"))
