"""Two starts in one workspace at the same moment, again and again: python -m tests.start_races N.

The app is loaded once and each start is a fork of it, let go by the same pipe, so that both come to
the lock within microseconds. Run it in a workspace; it prints what each pair ended with as JSON.
"""

import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from polyarb.cli.app import main
from polyarb.store.status import read_status
from polyarb.wiring import start as _loaded_before_the_fork

START = ("start", "--phase", "shadow", "--tape", "data/samples/tape_hockey.jsonl.gz")
PATIENCE_S = 60.0
assert _loaded_before_the_fork is not None


def _start(gate: int, out: Path) -> NoReturn:
    """Wait at the gate, then be `polyarb start`; what it says goes to a file."""
    said = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.read(gate, 1)
    sys.argv = ["polyarb", *START]
    code = 99
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def _wait_until_it_runs(child: int) -> None:
    """Wait for its status: only then is it ended in order by a signal."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        reading = read_status(Path("data/status.json"), Path("data/lock"))
        if reading.status is not None and reading.status.pid == child:
            return
        time.sleep(0.01)


def race(out: Path) -> list[tuple[int, str]]:
    """Let two starts go at once; the one that is there when the other has ended is stopped."""
    gate, opener = os.pipe()
    files = [out / "first.txt", out / "second.txt"]
    children = []
    for file in files:
        child = os.fork()
        if not child:
            os.close(opener)
            _start(gate, file)
        children.append(child)
    os.close(gate)
    handles = [os.pidfd_open(child) for child in children]
    os.close(opener)
    ended, _, _ = select.select(handles, (), (), PATIENCE_S)
    for child, handle in zip(children, handles, strict=True):
        if handle not in ended:
            _wait_until_it_runs(child)
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        os.close(handle)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return [(code, file.read_text()) for code, file in zip(codes, files, strict=True)]


if __name__ == "__main__":
    folder = Path("data")
    json.dump([race(folder) for _ in range(int(sys.argv[1]))], sys.stdout)
