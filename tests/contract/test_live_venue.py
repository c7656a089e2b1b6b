"""Live data from sockets to the engine's books: whatever happens to the wire, they end up true."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from random import Random

import msgspec
import pytest
from polyarb.domain.book import BookStatus
from polyarb.domain.errors import VenueError
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.engine.engine import Engine
from polyarb.engine.state import Ladder
from polyarb.host.clock import SystemClock
from polyarb.store.recording import loss_line, tape_line
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.wiring.live import LiveVenue
from tests.wire_server import FAULTS, ThreadedWire, Venue, WireServer
from tests.worlds import ROOMY

SETTINGS = VenueSettings(
    request_ms_max=1_000,
    connect_ms_max=5_000,
    assets_per_socket_max=4,
    ping_ms=100,
    pong_ms_max=400,
    silence_ms_max=700,
    poll_ms=200,
    check_ms=200,
)
PATIENCE_S = 20.0


class Lines:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def record(self, frame: bytes, receive_time_ns: int) -> bytes:
        return self._keep(tape_line(frame, receive_time_ns, len(self.lines)))

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        return self._keep(loss_line(reason, assets, receive_time_ns, len(self.lines)))

    def _keep(self, line: bytes) -> bytes:
        self.lines.append(line)
        return line


class Listener:
    """An engine that follows a live venue, without a runner."""

    def __init__(self, wire: ThreadedWire, settings: VenueSettings = SETTINGS) -> None:
        self.wire = wire
        self.catalogue = wire.server.venue.catalogue()
        self.recorder = Lines()
        hosted = msgspec.structs.replace(settings, hosts=wire.hosts)
        self.venue = LiveVenue(hosted, self.catalogue, self.recorder, SystemClock())
        self.engine = Engine(self.catalogue, ROOMY, "live")
        self._frames = self.venue.feed.frames()

    def until(self, is_done: Callable[[], bool]) -> None:
        """Let the engine follow until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_done():
            assert time.monotonic() < deadline, f"never came: {self.venue.health()}"
            for event in next(self._frames).events:
                self.engine.handle(event)

    def is_true(self) -> bool:
        """Tell whether every book is the venue's own."""
        truth = self.wire.call(books_of)
        return {key: sides(ladder) for key, ladder in self.engine.state.ladders.items()} == truth


def books_of(server: WireServer) -> dict[str, object]:
    """Return the venue's books by condition; a resolved market has none."""
    return {
        market.condition_id: (BookStatus.LIVE, dict(market.bids), dict(market.asks))
        for market in server.venue.markets
    }


def sides(ladder: Ladder) -> object:
    return (ladder.status, dict(ladder.bids), dict(ladder.asks))


@contextmanager
def listening(
    markets: int = 4, settings: VenueSettings = SETTINGS, seed: int = 1
) -> Iterator[Listener]:
    with ThreadedWire(Venue(markets, seed=seed)) as wire:
        listener = Listener(wire, settings)
        with listener.venue:
            yield listener


def test_the_first_books_and_every_move_arrive() -> None:
    with listening() as listener:
        listener.until(listener.is_true)
        listener.wire.call(lambda server: server.move(200))
        listener.until(lambda: listener.is_true() and listener.venue.health().live_markets == 4)
        assert len(listener.venue.health().streams[0].sockets) == 2


@pytest.mark.parametrize("seed", range(6))
def test_after_any_faults_the_books_are_the_venues_own(seed: int) -> None:
    random = Random(seed)

    def disturb(server: WireServer) -> None:
        server.move(random.randrange(1, 20))
        for channel in list(server.channels):
            if random.random() < 0.5:
                FAULTS[random.choice(sorted(FAULTS))](channel, random)
        server.move(random.randrange(1, 20))

    with listening(seed=seed) as listener:
        listener.until(listener.is_true)
        for _ in range(4):
            listener.wire.call(disturb)
            listener.until(lambda: listener.venue.feed.held_lines == 0)
        listener.wire.call(lambda server: server.heal())
        listener.until(listener.is_true)
        again = Engine(listener.catalogue, ROOMY, "live")
        for frame in Translator(listener.catalogue).frames(listener.recorder.lines):
            for event in frame.events:
                again.handle(event)
        assert {key: sides(one) for key, one in again.state.ladders.items()} == {
            key: sides(one) for key, one in listener.engine.state.ladders.items()
        }


def test_a_book_that_the_engine_doubts_is_lost_and_told_anew() -> None:
    with listening() as listener:
        listener.until(listener.is_true)
        condition_id = next(iter(listener.engine.state.ladders))
        ladder = listener.engine.state.ladders[condition_id]
        listener.venue.refresh(condition_id)
        listener.until(lambda: ladder.status is BookStatus.EMPTY)
        listener.until(listener.is_true)


def test_one_of_two_streams_that_freezes_is_left_for_the_other() -> None:
    settings = msgspec.structs.replace(SETTINGS, stream_copies=2, silence_ms_max=15_000)
    with listening(settings=settings) as listener:
        listener.until(listener.is_true)
        tokens = {token for pair in listener.wire.server.venue.pairs for token in pair}

        def freeze_first_copy(server: WireServer) -> None:
            seen: set[str] = set()
            for channel in server.channels:
                if seen.isdisjoint(channel.assets):
                    seen |= channel.assets
                    channel.freeze()
            assert seen == tokens

        listener.wire.call(freeze_first_copy)
        listener.wire.call(lambda server: server.move(50))
        listener.until(listener.is_true)
        assert listener.venue.health().switches > 0


def test_a_venue_that_is_not_there_is_told_within_the_deadline() -> None:
    with ThreadedWire(Venue(2, seed=1)) as wire:
        hosts = VenueHosts(
            gamma="http://127.0.0.1:9",
            clob="http://127.0.0.1:9",
            stream="ws://127.0.0.1:9/ws/market",
            geoblock="http://127.0.0.1:9/",
        )
        settings = msgspec.structs.replace(SETTINGS, hosts=hosts, connect_ms_max=300)
        venue = LiveVenue(settings, wire.server.venue.catalogue(), Lines(), SystemClock())
        with venue, pytest.raises(VenueError, match=r"within 300 ms.*Connect call failed"):
            next(venue.feed.frames())
