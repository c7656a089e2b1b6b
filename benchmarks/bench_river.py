"""Tape bytes -> decode -> books -> detect -> decision, against plain decoding and NautilusTrader.

All three take turns on the recorded hockey tape in one run. The yardstick is msgspec with every
field of the wire typed as text: what a program pays before it has done anything. NautilusTrader
1.221 runs in an environment of its own (made on first use; without one its row says so).
Usage: python -m benchmarks.bench_river
"""

import gzip
import subprocess
import sys
import venv
from pathlib import Path

from polyarb.config.loading import load_phase_profile
from polyarb.domain.limits import Phase
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.runner import Runner
from polyarb.store.memory import EmptyInbox, MemoryJournal
from polyarb.store.workspace import open_workspace
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.shadow import ShadowGateway
from polyarb.venue.tape import TapeFeed
from polyarb.wiring.recipe import Recipe
from polyarb.wiring.tapes import catalogue_of

from benchmarks.bench_decode import plain_decoding
from benchmarks.timing import best_of, table

TAPE = Path("data/samples/tape_hockey.jsonl.gz")
PEER = Path(".venv-nautilus")
PEER_PACKAGE = "nautilus_trader[polymarket]==1.221.0"
ROUNDS = 12


def peer_python() -> Path | None:
    """Return the interpreter that has NautilusTrader, installing it on first use."""
    python = PEER / "bin" / "python"
    if not python.exists():
        venv.create(PEER, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", PEER_PACKAGE]
        if subprocess.run(install, check=False).returncode:
            return None
    probe = [python, "-c", "import nautilus_trader"]
    return python if not subprocess.run(probe, check=False).returncode else None


def main() -> None:
    """Measure and print."""
    lines = gzip.decompress(TAPE.read_bytes()).splitlines()
    profile = load_phase_profile(open_workspace(Path()), Phase.SHADOW).profile
    catalogue = catalogue_of([TAPE], [], {})
    recipe = Recipe(run_id="bench", code_digest="", profile=profile, catalogue=catalogue, tapes=())

    def river() -> None:
        engine = Engine(catalogue, profile, "")
        Runner(
            engine=engine,
            feed=TapeFeed(lines, Translator(catalogue)),
            gateway=ShadowGateway(engine, profile.shadow, catalogue),
            journal=MemoryJournal(),
            inbox=EmptyInbox(),
            clock=SystemClock(),
        ).run(recipe.started(0), is_halted=False)

    best = best_of({"plain": lambda: plain_decoding(lines), "river": river}, ROUNDS)
    rates = {name: len(lines) / seconds for name, seconds in best.items()}
    rows = [
        ("msgspec typed decoding alone", f"{rates['plain']:,.0f}", "1.00", ""),
        (
            "polyarb, bytes to decision",
            f"{rates['river']:,.0f}",
            f"{rates['river'] / rates['plain']:.2f}",
            ">= 0.60 of decoding",
        ),
    ]
    python = peer_python()
    if python is None:
        rows.append(("NautilusTrader 1.221", "not installed", "", ""))
    else:
        side = [python, "benchmarks/nautilus_side.py", TAPE]
        seconds = min(
            float(subprocess.run(side, check=True, capture_output=True, text=True).stdout)
            for _ in range(3)
        )
        rows.append(
            (
                "NautilusTrader 1.221, bytes to book",
                f"{1 / seconds:,.0f}",
                f"{1 / seconds / rates['plain']:.2f}",
                f"polyarb is {rates['river'] * seconds:.1f} times as fast (>= 3)",
            )
        )
    head = ("", "messages/s", "of decoding", "target")
    print(table(f"River: {len(lines):,} messages, Python {sys.version.split()[0]}", head, rows))


if __name__ == "__main__":
    main()
