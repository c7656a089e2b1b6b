"""A process that holds a key leaves no image of its memory."""

import subprocess
import sys

_LOOK = """
import ctypes, resource, sys
from polyarb.host.core_dumps import forbid_core_dumps
resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
forbid_core_dumps()
forbid_core_dumps()
is_dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0
sys.stdout.write(f"{resource.getrlimit(resource.RLIMIT_CORE)} {is_dumpable}")
"""


def test_neither_a_crash_nor_another_process_gets_its_memory() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "(0, 0) 0"
