"""From kill -9 to reconciled: `python -m benchmarks.bench_recovery [RECORDS]`.

A start on a tape is killed beside a journal of a million records, and started again until it says
READY=1, which it does once books are open. Shape: seconds of wall time from the new process's
birth, with the session snapshot and without it, and where they go. On a shared machine wall time
varies by itself; the processor's does not.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from polyarb.ledger.past import Past
from polyarb.store.journal import open_journal
from polyarb.store.records import Anchor
from polyarb.store.session import SessionSnapshot, keep_session, seal_session
from polyarb.store.workspace import Workspace, open_workspace
from polyarb.wiring.recovery.recovering import recover
from tests.plan_lives import binary, run_started

from benchmarks.bench_report import make_workspace
from benchmarks.timing import table

RECORDS = 1_000_000
ROUNDS = 3
OPEN_SETS = 100
AIM_S = 10
_START = ("start", "--phase", "shadow", "--tape", "data/samples/tape_hockey.jsonl.gz")


def ready_after(place: Workspace) -> float:
    """Start, wait for READY=1 and for the first snapshot, kill; return the seconds until ready."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        listener.bind(f"{folder}/notify")
        listener.settimeout(120)
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "polyarb", *_START, "--speed", "1"],
            cwd=place.root,
            env={**os.environ, "NOTIFY_SOCKET": f"{folder}/notify"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert listener.recv(4096) == b"READY=1"
        took = time.monotonic() - began
        while not place.session_file.exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    return took


def _starts(place: Workspace) -> str:
    kept, read = [], []
    for _ in range(ROUNDS):
        place.session_file.unlink(missing_ok=True)
        read.append(ready_after(place))
        kept.append(ready_after(place))
    rows = [
        ("with the snapshot", f"{min(kept):.1f}", f"{max(kept):.1f}"),
        ("without it", f"{min(read):.1f}", f"{max(read):.1f}"),
    ]
    title = f"kill -9 to READY=1, seconds (aim {AIM_S})"
    return table(title, ("start", "best", "worst"), rows)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _costs(name: str, call: Callable[[], object]) -> tuple[str, ...]:
    """Return the seconds of wall time and of the processor, those of a child included."""
    before, took = os.times(), _timed(call)
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    return name, f"{took:.2f}", f"{cpu:.2f}"


def _parts(place: Workspace) -> str:
    journal = place.journal_file, place.journal_dir
    bare = [sys.executable, "-c", "import polyarb.cli.app, polyarb.wiring.start"]
    rows = [
        _costs("import the program", lambda: subprocess.run(bare, check=True)),
        _costs("open the journal: verify its segment", lambda: open_journal(*journal).close()),
        _costs("fold behind the snapshot", lambda: recover(place, print)),
    ]
    place.session_file.unlink()
    rows.append(_costs("fold the whole journal", lambda: recover(place, print)))
    return table("where it goes, seconds", ("part", "wall", "processor"), rows)


def _snapshot() -> str:
    """Measure what a snapshot with many open sets costs the loop, and what its thread does."""
    past = Past()
    past.apply(run_started("run", 0))
    for number in range(OPEN_SETS):
        for message in binary(f"plan-{number}").begun().messages:
            past.apply(message)
    stated = min(_timed(past.state) for _ in range(100))
    snapshot = SessionSnapshot(anchor=Anchor(), past=past.state())
    sealed = seal_session(snapshot)
    sealing = min(_timed(lambda: seal_session(snapshot)) for _ in range(100))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.json"
        keeping = sorted(_timed(lambda: keep_session(path, sealed)) for _ in range(20))
    rows = [
        ("size", f"{len(sealed) / 1000:.0f} kB"),
        ("in the loop: take the state", f"{stated * 1e6:.0f} us"),
        ("in the thread: write it down", f"{sealing * 1e3:.2f} ms"),
        ("in the thread: the disk, worst", f"{keeping[-1] * 1e3:.1f} ms"),
    ]
    return table(f"a snapshot with {OPEN_SETS} open sets", ("part", "cost"), rows)


def main(records: int = RECORDS) -> None:
    """Print every table."""
    print(_snapshot())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        make_workspace(root, records)
        place = open_workspace(root)
        print(_starts(place))
        print(_parts(place))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
