"""The app as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable

Polyarb = Callable[..., subprocess.CompletedProcess[str]]


def environment() -> dict[str, str]:
    """Return this environment without anything that would steer polyarb."""
    return {key: value for key, value in os.environ.items() if not key.startswith("POLYARB_")}


def command(*words: str) -> list[str]:
    """Return the command line of the app."""
    return [sys.executable, "-m", "polyarb", *words]
