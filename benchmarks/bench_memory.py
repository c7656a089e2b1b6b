"""Does memory stay flat from bytes to journal? Usage: python -m benchmarks.bench_memory [MILLIONS]

The recorded hockey tape is received over and over in virtual time, each lap on a new connection:
frames, arbiter, recording, translation, engine, shadow gateway, ledger and journal are those of a
live run; only the sockets are left out. Finished tape files are removed to bound the disk.
Shape: one row a million messages, with the memory that the process holds.
"""

import gzip
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

from polyarb.config.loading import load_phase_profile
from polyarb.domain.limits import Phase
from polyarb.domain.market import Catalogue
from polyarb.domain.venue import VenueSettings
from polyarb.engine.engine import Engine
from polyarb.host.collection import rare_collection
from polyarb.runner import Runner
from polyarb.store.background import BackgroundTape
from polyarb.store.journal import open_journal
from polyarb.store.memory import EmptyInbox
from polyarb.store.recording import TapeWriter
from polyarb.store.tape import is_tape_file
from polyarb.store.workspace import open_workspace
from polyarb.venue.polymarket.arbitration.arbiter import Arbiter
from polyarb.venue.polymarket.arbitration.peeking import Message, assets_of, decode_message
from polyarb.venue.polymarket.arbitration.state import SourceSpec
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.channel.wire import decode_raw_line
from polyarb.venue.polymarket.live import LiveFeed
from polyarb.venue.polymarket.stream.faults import LossReason
from polyarb.venue.polymarket.stream.life import Life, Pace, SocketStatistics, Surroundings
from polyarb.venue.shadow import ShadowGateway
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.recipe import Recipe
from polyarb.wiring.tape_first import TapeFirstJournal
from polyarb.wiring.tapes import catalogue_of

from benchmarks.bench_river import TAPE
from benchmarks.timing import table

MILLIONS = 10
ROW = 1_000_000
READ_FRAMES = 16
"""Frames of one read; they have one receive time, as on a socket."""
TICK_NS = 100_000_000
DELAY_NS = 40_000_000
"""From the venue to us."""
ROTATE_BYTES = 4 << 20
_STAMP = b'"timestamp":"'
_STAMP_DIGITS = 13
NS_PER_MS = 1_000_000
_PAGE_MIB = 4096 / (1 << 20)


class VirtualClock:
    """A time that the frames move."""

    def __init__(self) -> None:
        self.time_ns = 1

    def now_ns(self) -> int:
        """Return the time of the latest frame."""
        return self.time_ns

    def monotonic_ns(self) -> int:
        """Return the same; it never steps back."""
        return self.time_ns


class Laps:
    """The sources of a live feed: a recording, received again and again, each lap later."""

    def __init__(self, frames: list[bytes], clock: VirtualClock) -> None:
        self._clock = clock
        stamps = [_stamp_of(frame) for frame in frames]
        self._span_ms = max(stamps) - min(stamps) + 1_000
        self._reads = list(_reads(frames, stamps))
        self._of_token: dict[str, list[tuple[int, Message]]] = defaultdict(list)
        for number, frame in enumerate(frames):
            message = decode_message(frame)
            for token in assets_of(message):
                self._of_token[token].append((number, message))
        self._asked: set[str] = set()
        self._place = 0
        self._lap = 0
        self._tick_ns = 0
        self.told = 0
        self.rows: list[tuple[str, ...]] = []

    def connect(self, around: Surroundings, arbiter: Arbiter, directory: Path) -> None:
        """Say where frames go, and which recording is kept small."""
        self._around, self._arbiter, self._directory = around, arbiter, directory
        self._life = Life(around, SocketStatistics(losses={}), _lose_nothing)

    def ask(self, source: str, assets: frozenset[str]) -> None:
        """Take that books are wanted anew; they come with the next read."""
        if source == self._around.source:
            self._asked |= assets

    def turn(self, seconds: float) -> None:
        """Receive what comes with one read."""
        asked, self._asked = self._asked, set()
        if asked:
            source, now_ns = self._around.source, self._clock.time_ns
            self._arbiter.lost(source, asked, LossReason.ASKED_ANEW, now_ns)
            self._life.take([self._book(token) for token in sorted(asked)])
        if self._place == len(self._reads):
            self._place = 0
            self._lap += 1
            self._life = Life(self._around, SocketStatistics(losses={}), _lose_nothing)
            self._arbiter.lost(self._around.source, (), LossReason.DROPPED, self._clock.time_ns)
        stamps, frames = self._reads[self._place]
        self._place += 1
        later_ms = self._lap * self._span_ms
        moved = [
            frame.replace(b"%d" % stamp, b"%d" % (stamp + later_ms))
            for stamp, frame in zip(stamps, frames, strict=True)
        ]
        now_ns = (max(stamps) + later_ms) * NS_PER_MS + DELAY_NS
        self._clock.time_ns = max(self._clock.time_ns, now_ns)
        if self._clock.time_ns - self._tick_ns >= TICK_NS:
            self._tick_ns = self._clock.time_ns
            self._arbiter.tick(self._tick_ns)
        self._life.take(moved)
        before, self.told = self.told, self.told + len(moved)
        if before // ROW != self.told // ROW:
            self.note()

    def note(self) -> None:
        """Write a row and remove the finished files of the recording."""
        files = sorted(path for path in self._directory.rglob("*") if is_tape_file(path))
        for path in files[:-1]:
            path.unlink()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        row = (f"{self.told / ROW:.0f}", f"{pages * _PAGE_MIB:.1f}", f"{time.process_time():.0f}")
        self.rows.append(row)
        print(*row, flush=True)

    def _book(self, token: str) -> bytes:
        """Write the book of a token as the venue has it now."""
        sides: dict[str, dict[str, str]] = {"BUY": {}, "SELL": {}}
        for number, message in self._of_token[token]:
            if number >= self._place * READ_FRAMES:
                break
            if message.event_type == "book":
                sides["BUY"] = {level.price: level.size for level in message.bids}
                sides["SELL"] = {level.price: level.size for level in message.asks}
            for entry in message.price_changes:
                if entry.asset_id == token:
                    sides[entry.side][entry.price] = entry.size
        bids, asks = (
            [{"price": price, "size": size} for price, size in side.items() if size.strip("0.")]
            for side in sides.values()
        )
        stamp = str((self._clock.time_ns - DELAY_NS) // NS_PER_MS)
        told = {"event_type": "book", "asset_id": token, "bids": bids, "asks": asks}
        return json.dumps({**told, "timestamp": stamp}).encode()

    def why_silent(self) -> str:
        """Say why nothing comes: it always does."""
        return "the recording is empty"


def _lose_nothing(_life: Life, _reason: LossReason) -> None:
    """Leave it: no frame of a recording is torn."""


def _reads(frames: list[bytes], stamps: list[int]) -> Iterator[tuple[list[int], list[bytes]]]:
    for start in range(0, len(frames), READ_FRAMES):
        stop = start + READ_FRAMES
        yield stamps[start:stop], frames[start:stop]


def _stamp_of(frame: bytes) -> int:
    at = frame.index(_STAMP) + len(_STAMP)
    return int(frame[at : at + _STAMP_DIGITS])


def run(frames: list[bytes], catalogue: Catalogue, folder: Path, messages: int) -> Laps:
    """Let a live run receive so many messages."""
    clock, workspace = VirtualClock(), open_workspace(Path())
    profile = load_phase_profile(workspace, Phase.SHADOW).profile
    laps = Laps(frames, clock)
    tape = BackgroundTape(TapeWriter(folder / "tape", rotate_bytes=ROTATE_BYTES))
    feed = LiveFeed(Translator(catalogue), tape, laps, clock, connect_ms_max=1_000)
    poll = SourceSpec(name="poll", is_last_resort=True, tells_every_change=False)
    arbiter = Arbiter((SourceSpec(name="stream-1"), poll), feed.put, laps.ask)
    pairs = [frozenset((market.yes, market.no)) for market in catalogue.markets.values()]
    arbiter.set_assets(pairs, clock.now_ns())
    around = Surroundings(
        settings=VenueSettings(),
        source="stream-1",
        sink=arbiter,
        clock=clock,
        random=Random(1),
        pace=Pace(),
        tls=None,
    )
    laps.connect(around, arbiter, folder / "tape")
    engine = Engine(catalogue, profile, "")
    gas = profile.sizing.gas_per_plan
    journal = open_journal(folder / "journal.jsonl", folder / "journal")
    runner = Runner(
        engine=engine,
        feed=feed,
        gateway=ShadowGateway(engine, profile.shadow, catalogue, gas_per_plan=gas),
        journal=FoldingJournal(TapeFirstJournal(journal, tape)),
        inbox=EmptyInbox(),
        clock=clock,
    )
    runner.is_live = True
    feed.is_wanted = lambda: laps.told < messages
    recipe = Recipe(run_id="bench", code_digest="", profile=profile, catalogue=catalogue, tapes=())
    with rare_collection():
        progress = runner.run(recipe.started(clock.now_ns()), is_halted=False)
    journal.close()
    tape.close()
    size = sum(path.stat().st_size for path in folder.rglob("journal*") if path.is_file())
    print(
        f"{progress.position:,} events, {progress.decisions:,} decisions, "
        f"{arbiter.losses} losses, {size / 2**20:.0f} MiB journaled"
    )
    return laps


def main() -> None:
    """Print memory by the million."""
    messages = round(float(sys.argv[1] if len(sys.argv) > 1 else MILLIONS) * ROW)
    lines = gzip.decompress(TAPE.read_bytes()).splitlines()
    frames = [bytes(decode_raw_line(line).msg) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        laps = run(frames, catalogue_of([TAPE], [], {}), Path(folder), messages)
    print(table("memory, end to end", ("millions", "MiB held", "CPU s"), laps.rows))


if __name__ == "__main__":
    main()
