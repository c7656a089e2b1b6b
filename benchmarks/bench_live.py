"""A flood from many loopback sockets to the engine's decisions: arbiter, tape and books included.

The venue is a process of its own, as in bench_stream. Receipt to decision runs from when a frame
left its socket to when the engine is done with it, waiting included.
Usage: python -m benchmarks.bench_live [SOCKETS [RATE]]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from polyarb.config.loading import load_phase_profile
from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.limits import Phase
from polyarb.domain.market import Catalogue, Market, MarketVersion
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


def measure(control: Connection, port: int, sockets: int, rate: int) -> list[tuple[str, ...]]:
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

    def until(self, is_done: Callable[[], bool]) -> None:
        """Take frames until something holds."""
        while not is_done():
            self.step()

    def step(self) -> None:
        """Take one frame."""
        handle = self._engine.handle
        for event in next(self._frames).events:
            handle(event)
            self.delays_ns.append(time.time_ns() - event.receive_time_ns)
            self.messages += 1

    def load(self, control: Connection, name: str, rate: int, seconds: float) -> tuple[str, ...]:
        """Run one load to its end."""
        self.messages = 0
        self.delays_ns.clear()
        began, cpu = time.monotonic(), time.process_time()
        control.send((rate, seconds))
        while not control.poll():
            self.step()
        sent, patience = control.recv(), time.monotonic() + 20
        while self.messages < sent and time.monotonic() < patience:
            self.step()
        elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
        delays = sorted(self.delays_ns)
        return (
            name,
            f"{sent:,}",
            f"{self.messages / elapsed:,.0f}",
            f"{elapsed:.2f}",
            f"{cpu / max(1, self.messages) * 1e6:.1f}",
            _percentile(delays, 50),
            _percentile(delays, 99),
        )


def _percentile(ranked: list[int], percent: int) -> str:
    return f"{ranked[len(ranked) * percent // 100] / 1e6:.2f}" if ranked else "-"


def main() -> None:
    """Print rates and delays."""
    sockets = int(sys.argv[1]) if len(sys.argv) > 1 else SOCKETS
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else RATE
    head = ("load", "messages", "a second", "s", "us CPU each", "p50 ms", "p99 ms")
    rows = with_venue(
        lambda control, port: measure(control, port, sockets, rate), sockets, has_books=True
    )
    print(table(f"receipt to decision, {sockets} sockets, recorded", head, rows))


if __name__ == "__main__":
    main()
