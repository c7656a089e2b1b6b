"""Time of `polyarb go-no-go` as typed, against a venue of this machine: `... bench_go_no_go`.

Shape: one row a call with the time of the whole process, of its checks, and of the slowest ones.
The workspace has played the shipped tape, so that there is a journal to verify and to report.
"""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from tests.go_no_go_cases import ask_for_time
from tests.live_world import point_at
from tests.time_server import TimeServer
from tests.wire_server import Answer, ThreadedWire, Venue, WireServer

from benchmarks.timing import table

ROUNDS = 5
_SLOWEST = 3
_PLACE = b'{"blocked":false,"ip":"192.0.2.1","country":"IE","region":"L"}'


def answer_all(server: WireServer) -> None:
    """Let the venue answer what the checks ask beside its books."""
    server.routes["/markets/keyset"] = lambda *_: Answer(body=b'{"markets":[]}')
    server.routes["/api/geoblock"] = lambda *_: Answer(body=_PLACE)


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the app in a workspace."""
    command = [sys.executable, "-m", "polyarb", *words, "--workspace", str(place)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def measure(place: Path) -> tuple[str, ...]:
    """Make the checks once."""
    began = perf_counter()
    ended = run(place, "go-no-go", "--json")
    took = perf_counter() - began
    answer = json.loads(ended.stdout)
    checks = sorted(answer["record"]["checks"], key=lambda one: -int(one["took_ms"]))
    slowest = ", ".join(f"{one['check_id']} {one['took_ms']} ms" for one in checks[:_SLOWEST])
    return (f"{took:.2f} s", f"{answer['took_ms'] / 1000:.2f} s", slowest)


def main() -> None:
    """Make the checks a few times and print a row each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = folder / "workspace"
        subprocess.run([sys.executable, "-m", "polyarb", "init", str(place)], check=True)
        wire = stack.enter_context(ThreadedWire(Venue(1, seed=1)))
        wire.call(answer_all)
        point_at(place, wire)
        ask_for_time(place, stack.enter_context(TimeServer()).address)
        tape = str(place / "data" / "samples" / "tape_hockey.jsonl.gz")
        run(place, "start", "--phase", "shadow", "--tape", tape, "--speed", "max")
        rows = [(f"call {number + 1}", *measure(place)) for number in range(ROUNDS)]
    print(table("go-no-go of shadow (aim: 3 s)", ("", "process", "checks", "slowest"), rows))


if __name__ == "__main__":
    main()
