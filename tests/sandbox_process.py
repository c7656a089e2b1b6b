"""`polyarb sandbox serve` as a process of its own, beside a workspace."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.app import command, environment

STARTING_S = 60
SERVE = ("sandbox", "serve")


class Serving:
    """A process that serves, and the file in which it said where."""

    def __init__(self, process: "subprocess.Popen[str]", file: Path) -> None:
        self.process = process
        self.file = file

    @property
    def info(self) -> dict[str, Any]:
        """Return what the file says."""
        found: dict[str, Any] = json.loads(self.file.read_bytes())
        return found

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
        """Send a signal and return how it ended and what it said."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def serving(workspace: Path, *words: str, file: str = "data/sandbox.json") -> Iterator[Serving]:
    """Serve in a workspace until the end of the block, from when it says that it answers."""
    process = subprocess.Popen(
        command(*SERVE, *words),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    served = Serving(process, workspace / file)
    try:
        deadline = time.monotonic() + STARTING_S
        while not served.file.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield served
    finally:
        process.kill()
        process.communicate()
