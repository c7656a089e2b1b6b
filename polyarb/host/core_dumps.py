"""A process that holds a key leaves no image of its memory, and lets nobody else read it."""

import ctypes
import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Keep this process's memory off the disk and away from others, from now on.

    Shape: no core dump; on Linux no other process of the same user may attach to it or read its
    memory, and the kernel hands no dump to a program either. Source: setrlimit(2), prctl(2).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A system that refuses this has still the limit above.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
