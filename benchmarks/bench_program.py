"""The program as a whole: time to its help, memory of a booked universe, memory over a long tape.

Usage: python -m benchmarks.bench_program
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import BookReplaced
from polyarb.domain.plan import Outcome
from polyarb.engine import books

from benchmarks.bench_filter import build
from benchmarks.timing import table

HELP_RUNS = 10
TOKENS = 61_000
LEVELS = 20
TAPE = Path("data/samples/tape_hockey.jsonl.gz")


def help_seconds() -> float:
    """Time `polyarb --help` as a process of its own; the best run counts."""
    best = float("inf")
    for _ in range(HELP_RUNS):
        began = time.perf_counter()
        words = [sys.executable, "-m", "polyarb", "--help"]
        subprocess.run(words, check=True, capture_output=True)
        best = min(best, time.perf_counter() - began)
    return best


def booked_mib() -> float:
    """Book every token of a large universe, both sides, and return the growth of this process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _catalogue, ladders = build()
    for ladder in list(ladders.values())[: TOKENS // 2]:
        bids = tuple((400_000 - 1_000 * level, 5_000_000 + level) for level in range(LEVELS))
        asks = tuple((410_000 + 1_000 * level, 5_000_000 + level) for level in range(LEVELS))
        event = BookReplaced(
            receive_time_ns=1,
            venue_time_ns=1,
            condition_id=ConditionId(ladder.condition_id),
            outcome=Outcome.YES,
            bids=bids,
            asks=asks,
        )
        books.replace(ladder, event)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def played_mib(times: int) -> float:
    """Play the tape several times over in a process of its own and return its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "polyarb"]
        subprocess.run([*words, "init", folder], check=True, capture_output=True)
        tapes = [word for _ in range(times) for word in ("--tape", str(TAPE.absolute()))]
        run = [*words, "start", "--phase", "shadow", "--speed", "max", "--workspace", folder]
        meter = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
            "capture_output=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
        )
        measured = [sys.executable, "-c", meter, *run, *tapes]
        return float(subprocess.run(measured, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure and print."""
    once, often = played_mib(1), played_mib(8)
    rows = [
        ("polyarb --help", f"{help_seconds():.3f} s", "<= 0.15 s"),
        (f"{TOKENS:,} tokens booked, {LEVELS} levels a side", f"{booked_mib():.0f} MiB", "<= 1024"),
        ("peak memory, tape played once", f"{once:.0f} MiB", ""),
        ("peak memory, eight tapes in a row", f"{often:.0f} MiB", "flat"),
    ]
    print(table("Program", ("", "measured", "target"), rows))


if __name__ == "__main__":
    main()
