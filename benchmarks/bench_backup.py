"""What a backup costs the trader beside it, and how long a restore takes.

Run `python -m benchmarks.bench_backup`. A workspace of 100 MB, a writer of its own process that
commits 500 records a second to its journal. Times are by the clock; the writer is also measured
alone, for on a shared disk its worst commit varies by itself.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from polyarb.store.journal import open_journal
from polyarb.store.projections import catch_up
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.backups import backups

from benchmarks.bench_journal import _episode, _plan
from benchmarks.timing import table

WORKSPACE_BYTES = 100_000_000
COMMITS_PER_S = 500
ROUNDS = 5
_ALONE_S = 3.0
_BATCH = 2_000


class Commits(msgspec.Struct, frozen=True):
    """What the writer measured. Units: monotonic ns of each commit's end, ns that it took."""

    ended: tuple[int, ...]
    took: tuple[int, ...]

    def within(self, begin_ns: int, end_ns: int) -> list[int]:
        """Return how long the commits took that ended, or were under way, in a stretch of time."""
        return sorted(
            took
            for ended, took in zip(self.ended, self.took, strict=True)
            if ended >= begin_ns and ended - took <= end_ns
        )


def fill(place: Workspace, wanted: int = WORKSPACE_BYTES) -> None:
    """Write a journal and its database until both have so many bytes together."""
    number = 0
    while (size := _bytes(place)) < wanted:
        journal = open_journal(place.journal_file, place.journal_dir)
        # The database takes about as much again as the journal does.
        for _ in range(max(1, (wanted - size) // 3_000_000)):
            for _ in range(_BATCH):
                number += 1
                journal.append(_plan(number) if number % 4 == 0 else _episode(number), number)
            journal.make_durable()
        journal.close()
        catch_up(place.database_file, place.journal_file, place.journal_dir)


def _bytes(place: Workspace) -> int:
    files = (place.database_file, place.journal_file, *place.journal_dir.glob("*.jsonl"))
    return sum(path.stat().st_size for path in files if path.exists())


def write_until_told(root: Path) -> None:
    """Commit a record every two milliseconds until SIGTERM, then say how long each took."""
    is_over = False

    def end(_number: int, _frame: object) -> None:
        nonlocal is_over
        is_over = True

    signal.signal(signal.SIGTERM, end)
    place = open_workspace(root)
    journal = open_journal(place.journal_file, place.journal_dir)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ended, took, number = [], [], 0
    due = time.monotonic_ns()
    while not is_over:
        due = max(due + 10**9 // COMMITS_PER_S, time.monotonic_ns() - 10**9 // COMMITS_PER_S)
        time.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9))
        number += 1
        began = time.monotonic_ns()
        journal.append(_episode(number), number)
        journal.make_durable()
        ended.append(time.monotonic_ns())
        took.append(ended[-1] - began)
    journal.close()
    sys.stdout.buffer.write(msgspec.json.encode(Commits(tuple(ended), tuple(took))))


def _beside_a_writer(place: Workspace) -> tuple[list[int], list[int], float]:
    """Return the commits of the writer alone, those beside a backup, and the backup's seconds."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench_backup", "write", str(place.root)],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    time.sleep(_ALONE_S)
    began = time.monotonic_ns()
    subprocess.run(
        [sys.executable, "-m", "polyarb", "backup", "create", "--workspace", str(place.root)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    ended = time.monotonic_ns()
    time.sleep(0.1)
    writer.send_signal(signal.SIGTERM)
    commits = msgspec.json.decode(writer.stdout.read(), type=Commits)
    assert writer.wait() == 0
    alone = commits.within(began - int(_ALONE_S * 1e9) + 10**9 // 2, began)
    return alone, commits.within(began, ended), (ended - began) / 1e9


def _delays(place: Workspace) -> str:
    rows = []
    for number in range(ROUNDS):
        alone, beside, seconds = _beside_a_writer(place)
        rows.append(
            (
                f"{number + 1}: {seconds:.1f} s, {len(beside)} commits",
                *(_ms(each) for each in (_late(alone), alone[-1], _late(beside), beside[-1])),
                _ms(max(0, beside[-1] - alone[-1])),
            )
        )
    head = ("backup", "alone p99", "alone worst", "beside p99", "beside worst", "added")
    return table("Commits of a writer at 500/s, in ms (aim: added at most 25)", head, rows)


def _late(took: list[int]) -> int:
    return took[len(took) * 99 // 100]


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.2f}"


def _restores(place: Workspace) -> str:
    names = [one.name for one in backups.list_backups(place)]
    began = time.monotonic()
    sound = [found.is_sound for found in backups.verify(place, names[-1:])]
    verified = time.monotonic() - began
    began = time.monotonic()
    drilled = backups.drill(place)
    took = time.monotonic() - began
    assert all(sound) and drilled.is_passed, drilled
    rows = [
        ("verify, replay included", f"{verified:.1f}"),
        ("restore drill (aim: at most 30)", f"{took:.1f}"),
        *((f"  {step.name}", f"{step.took_ns / 1e9:.1f}") for step in drilled.steps),
        ("  ready after (RTO)", f"{drilled.rto_ns / 1e9:.1f}"),
    ]
    return table("Of the same backup, in seconds", ("what", "s"), rows)


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIRECTORY")) as directory:
        root = Path(directory, "workspace")
        create_workspace(root, shipped_templates())
        place = open_workspace(root)
        fill(place)
        print(f"workspace: journal and database of {_bytes(place) / 1e6:.0f} MB together")
        print(_delays(place))
        print(_restores(place))


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_until_told(Path(sys.argv[2]))
    else:
        main()
