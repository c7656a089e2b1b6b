"""A flood from many loopback sockets to the engine's decisions: arbiter, tape and books included.

The venue is a process of its own, as in bench_stream, and gives way to the measured one, because a
real venue takes no part of this machine. Receipt to decision runs from when the bytes of a frame
were read to when the engine is done with it; sent to decision from when the venue wrote it, to the
millisecond, what waits in the sockets included. Usage: python -m benchmarks.bench_live [SOCKETS
[RATE [RUNS]]]; of many runs the least and the most are printed. `chrt -r 1` in front of it keeps
other work of a shared machine from the cores.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
from polyarb.config.loading import load_phase_profile
from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.limits import Phase
from polyarb.domain.market import Catalogue, Market, MarketVersion
from polyarb.domain.messages import LevelChanged
from polyarb.domain.units import Price, Shares
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.engine.engine import Engine
from polyarb.host.clock import SystemClock
from polyarb.store.background import BackgroundTape
from polyarb.store.recording import TapeWriter
from polyarb.store.workspace import open_workspace
from polyarb.wiring.live import LiveVenue

from benchmarks.bench_stream import BURST, RATE, SECONDS, SOCKETS, with_venue
from benchmarks.timing import table

NEVER_MS = 10**9
STEP_FRAMES = 1_000


class Measured(msgspec.Struct, kw_only=True):
    """One load."""

    load: str
    sent: int
    a_second: float
    seconds: float
    cpu_us: float
    received_p50_ms: float
    received_p99_ms: float
    sent_p50_ms: float
    sent_p99_ms: float


def catalogue_of(sockets: int) -> Catalogue:
    """Describe a market for each socket."""
    markets = [
        Market(
            condition_id=ConditionId(f"0x{number:064x}"),
            yes=TokenId(f"{7 * 10**76 + number}"),
            no=TokenId(f"{5 * 10**76 + number}"),
            version=MarketVersion.V1,
            tick=Price(10_000),
            size_min=Shares(5_000_000),
            fee=NO_FEE,
            is_accepting_orders=True,
        )
        for number in range(sockets)
    ]
    return Catalogue(markets={market.condition_id: market for market in markets})


def measure(control: Connection, port: int, sockets: int, rate: int) -> list[Measured]:
    """Run every load after the other."""
    nowhere = "http://127.0.0.1:9"
    settings = VenueSettings(
        hosts=VenueHosts(
            stream=f"ws://127.0.0.1:{port}/ws/market", clob=nowhere, gamma=nowhere, geoblock=nowhere
        ),
        assets_per_socket_max=2,
        poll_ms=NEVER_MS,
        check_ms=NEVER_MS,
    )
    catalogue = catalogue_of(sockets)
    loads = (
        (f"{rate:,}/s", rate, SECONDS),
        (f"{BURST} x for 1 s", BURST * rate, 1.0),
        (f"{rate:,}/s again", rate, SECONDS),
    )
    with tempfile.TemporaryDirectory() as folder:
        tape = BackgroundTape(TapeWriter(Path(folder)))
        profile = load_phase_profile(open_workspace(Path()), Phase.SHADOW).profile
        engine = Engine(catalogue, profile, "bench")
        venue = LiveVenue(settings, catalogue, tape, SystemClock())
        with venue:
            follower = Follower(venue, engine)
            follower.until(lambda: venue.arbiter.live_markets == sockets)
            assert control.recv() == sockets
            rows = [follower.load(control, *load) for load in loads]
        tape.close()
    return rows


class Follower:
    """The runner's part: takes frames and lets the engine decide."""

    def __init__(self, venue: LiveVenue, engine: Engine) -> None:
        self._venue = venue
        self._engine = engine
        self._frames = venue.feed.frames()
        self.messages = 0
        self.delays_ns: list[int] = []
        self.whole_ns: list[int] = []

    def until(self, is_done: Callable[[], bool]) -> None:
        """Take frames until something holds."""
        while not is_done():
            self.step()

    def step(self) -> None:
        """Take frames until nothing waits, or for a while."""
        handle, delays, whole = self._engine.handle, self.delays_ns, self.whole_ns
        for frame in islice(self._frames, STEP_FRAMES):
            if not frame.events:
                return
            for event in frame.events:
                handle(event)
                if not isinstance(event, LevelChanged):
                    continue
                now_ns = time.time_ns()
                delays.append(now_ns - event.receive_time_ns)
                whole.append(now_ns - event.venue_time_ns)
                self.messages += 1

    def load(self, control: Connection, name: str, rate: int, seconds: float) -> Measured:
        """Run one load to its end."""
        self.messages = 0
        self.delays_ns.clear()
        self.whole_ns.clear()
        began, cpu = time.monotonic(), time.process_time()
        control.send((rate, seconds))
        while not control.poll():
            self.step()
        sent, patience = control.recv(), time.monotonic() + 20
        while self.messages < sent and time.monotonic() < patience:
            self.step()
        elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
        return Measured(
            load=name,
            sent=sent,
            a_second=self.messages / elapsed,
            seconds=elapsed,
            cpu_us=cpu / max(1, self.messages) * 1e6,
            received_p50_ms=_percentile(self.delays_ns, 50),
            received_p99_ms=_percentile(self.delays_ns, 99),
            sent_p50_ms=_percentile(self.whole_ns, 50),
            sent_p99_ms=_percentile(self.whole_ns, 99),
        )


def _percentile(figures: list[int], percent: int) -> float:
    ranked = sorted(figures)
    return ranked[len(ranked) * percent // 100] / 1e6 if ranked else 0.0


def main() -> None:
    """Print rates and delays."""
    sockets = int(sys.argv[1]) if len(sys.argv) > 1 else SOCKETS
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else RATE
    runs = [
        with_venue(
            lambda control, port: measure(control, port, sockets, rate), sockets, has_books=True
        )
        for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    ]
    head = (
        *("load", "messages", "a second", "s", "us CPU each"),
        *("p50 ms", "p99 ms", "p50 ms from sent", "p99 ms from sent"),
    )
    rows = [_row(list(loads)) for loads in zip(*runs, strict=True)]
    print(table(f"receipt to decision, {sockets} sockets, recorded", head, rows))


def _row(runs: list[Measured]) -> tuple[str, ...]:
    """Write what some runs of one load have in common, or the least and the most."""
    columns = zip(*(msgspec.structs.astuple(run)[1:] for run in runs), strict=True)
    formats = ("{:,}", "{:,.0f}", "{:.2f}", "{:.1f}", *4 * ("{:.2f}",))
    return (
        runs[0].load,
        *(
            " to ".join(dict.fromkeys((form.format(min(column)), form.format(max(column)))))
            for form, column in zip(formats, columns, strict=True)
        ),
    )


if __name__ == "__main__":
    main()
