"""Cost of a report over a long journal: `python -m benchmarks.bench_report [RECORDS]`.

The journal is one day of a busy shadow run: episodes, refusals, invalid books, counts, and one
plan with its whole life in about 400 records. Shape: seconds of the processor for each reading,
records a second, and the most memory that the process held.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import msgspec
from polyarb.domain.messages import JournalMessage, Stage, Tier
from polyarb.store.journal import open_journal
from polyarb.store.reading import read_journal
from polyarb.store.verification import verify_journal
from polyarb.store.workspace import create_workspace, open_workspace, shipped_templates
from polyarb.wiring.reports.reporting import daily_report
from tests.plan_lives import binary_merged, run_started, run_stopped
from tests.report_journals import (
    at,
    counted,
    denied,
    found,
    invalidated,
    lost,
    measured,
    restored,
    tried,
)

_RECORDS = 1_000_000
_SECONDS = 36_000
_AIM_SECONDS = 10
_BATCH = 1_000


def _cycle(number: int, second: int) -> Iterator[JournalMessage]:
    """About 400 records of one stretch of the day, with one plan."""
    for part in range(54):
        name = f"opportunity-{number:08x}{part:024x}"
        yield found(name, second)
        yield lost(name, second, lived=1, net=-1 if part % 3 else 1, quantity=5)
        yield found(f"{name}-b", second)
        yield lost(f"{name}-b", second, lived=2)
        yield denied(second, Stage.GUARD, "STALE")
        if part % 4 == 0:
            yield invalidated(second, f"M{part}")
            yield restored(second, f"M{part}")
        if part % 2 == 0:
            yield counted(second, raw_hits={"negrisk_no": 4}, rejected={"STALE": 4})
    plan = f"plan-{number:032x}"
    yield from binary_merged(plan, at(second)).messages
    for rank, tier in enumerate(Tier):
        yield tried(plan, tier, 250_000 - 50_000 * rank, seconds=second)
    yield measured(second, 1_000 * (number + 1))


def _messages(wanted: int) -> Iterator[JournalMessage]:
    yield run_started("run-bench", at(0))
    made, number = 2, 0
    while made < wanted:
        second = min(_SECONDS, number * _SECONDS // max(1, wanted // 330))
        for message in _cycle(number, second):
            if made >= wanted:
                break
            moment = msgspec.structs.replace(message, receive_time_ns=at(second))
            yield moment
            made += 1
        number += 1
    yield run_stopped(at(_SECONDS))


def make_workspace(root: Path, wanted: int) -> None:
    """Write a workspace with a journal of so many records."""
    create_workspace(root, shipped_templates())
    place = open_workspace(root)
    journal = open_journal(place.journal_file, place.journal_dir)
    for number, message in enumerate(_messages(wanted)):
        journal.append(message, number)
        if not number % _BATCH:
            journal.make_durable()
    journal.make_durable()
    journal.close()


def _timed(name: str, call: Callable[[], object], wanted: int) -> None:
    began = process_time()
    call()
    seconds = process_time() - began
    print(f"{name:34} {seconds:7.2f} s  {wanted / seconds:12,.0f} records/s", flush=True)


def _measure(root: Path, wanted: int) -> None:
    place = open_workspace(root)
    files = place.journal_file, place.journal_dir
    _timed("verify the chain", lambda: verify_journal(*files), wanted)
    _timed("read and verify again", lambda: sum(1 for _ in read_journal(*files)), wanted)
    _timed(f"first daily report (aim: {_AIM_SECONDS} s)", lambda: daily_report(place, None), wanted)
    # From now on the finished segments are known by their hashes, as they are on any later day.
    _timed(f"daily report (aim: {_AIM_SECONDS} s)", lambda: daily_report(place, None), wanted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"most memory held: {peak:.0f} MiB")


def main() -> None:
    """Make the journal here and measure in a process of its own, so that memory is the report's."""
    words = [word for word in sys.argv[1:] if word.isdecimal()]
    wanted = int(words[0]) if words else _RECORDS
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory, "workspace")
        make_workspace(root, wanted)
        code = f"from benchmarks.bench_report import _measure; _measure({str(root)!r}, {wanted})"
        paths = f"import sys; from pathlib import Path; sys.path.insert(0, {str(Path.cwd())!r}); "
        subprocess.run(
            [sys.executable, "-c", paths + code.replace(repr(str(root)), f"Path({str(root)!r})")],
            check=True,
        )


if __name__ == "__main__":
    main()
