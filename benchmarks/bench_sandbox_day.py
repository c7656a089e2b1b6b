"""A simulated day of the sandbox in virtual time: exchange, settlement, chain and every agent.

A day begins with the founding of its world. The ratio is what the day may take by what it took of
the processor: above 1 it keeps its bound where nothing else runs.
Usage: python -m benchmarks.bench_sandbox_day [SCENARIO ...]
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from polyarb.config.scenarios import load_scenario
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import found
from polyarb.venue.sandbox.flow.play import play
from polyarb.venue.sandbox.terms.announcements import Announcement

from benchmarks.timing import table

BOUNDS_S = {"sparse": 2.0, "default": 20.0}
SEED = 7
START_NS = 1_790_000_000 * 10**9
DAY_NS = 86_400 * 10**9


class Measured(msgspec.Struct, kw_only=True):
    """One day. Units: seconds of the processor and of the wall."""

    scenario: str
    cpu_s: float
    wall_s: float
    told: Counter[str]


def measure(name: str) -> Measured:
    """Play one day of a scenario."""
    scenario = load_scenario(name, Workspace(Path()))
    told: Counter[str] = Counter()

    def count(announcements: Sequence[Announcement]) -> None:
        told.update(type(announcement).__name__ for announcement in announcements)

    began_s, cpu_s = time.perf_counter(), time.process_time()
    founded = found(scenario, seed=SEED, starts_ns=START_NS, faults=FaultBoard(SEED))
    play(founded, until_ns=START_NS + DAY_NS, listener=count)
    return Measured(
        scenario=name,
        cpu_s=time.process_time() - cpu_s,
        wall_s=time.perf_counter() - began_s,
        told=told,
    )


def main(names: Sequence[str] = tuple(BOUNDS_S)) -> None:
    """Play a day of each scenario and print what it took."""
    rows = [
        (
            day.scenario,
            f"{day.cpu_s:.2f} s",
            f"{day.wall_s:.2f} s",
            f"{BOUNDS_S[day.scenario] / day.cpu_s:.1f}" if day.scenario in BOUNDS_S else "-",
            f"{day.told['OrderChanged']:,}",
            f"{day.told['LevelChanged']:,}",
            f"{day.told['Printed']:,}",
        )
        for day in map(measure, names)
    ]
    head = ("scenario", "cpu", "wall", "bound/cpu", "order events", "levels", "trades")
    print(table("A day of the sandbox in virtual time (bounds: 2 s and 20 s)", head, rows))


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or tuple(BOUNDS_S))
