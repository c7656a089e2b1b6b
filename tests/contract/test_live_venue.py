"""Live data from sockets to the engine's books: whatever happens to the wire, they end up true."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from random import Random

import msgspec
import pytest
from polyarb.domain.book import BookStatus
from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.market import Catalogue
from polyarb.domain.surroundings import CatalogueChange, ClockVerdict
from polyarb.domain.venue import VenueHosts, VenueMode, VenueSettings
from polyarb.engine.engine import Engine
from polyarb.engine.state import Ladder
from polyarb.host.clock import SystemClock
from polyarb.store.recording import instruments_line, loss_line, mode_line, tape_line
from polyarb.venue.polymarket.arbitration.calendar import POST_ONLY_AFTER_DOWN_NS
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.wiring.live import LiveVenue
from tests.wire_server import FAULTS, Answer, ThreadedWire, Venue, WireServer
from tests.wire_venue import CENT, ONE
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

    def record(self, frame: bytes, receive_time_ns: int, *, is_plain: bool = False) -> bytes:
        return self._keep(tape_line(frame, receive_time_ns, len(self.lines), is_plain=is_plain))

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        return self._keep(loss_line(reason, assets, receive_time_ns, len(self.lines)))

    def record_mode(self, mode: str, reason: str, receive_time_ns: int) -> bytes:
        return self._keep(mode_line(mode, reason, receive_time_ns, len(self.lines)))

    def record_instruments(self, change: CatalogueChange, receive_time_ns: int) -> bytes:
        return self._keep(instruments_line(change, receive_time_ns, len(self.lines)))

    def _keep(self, line: bytes) -> bytes:
        self.lines.append(line)
        return line


class Listener:
    """An engine that follows a live venue, without a runner."""

    def __init__(
        self, wire: ThreadedWire, settings: VenueSettings = SETTINGS, *, watched: int | None = None
    ) -> None:
        """Shape: watched is how many markets are listened to at first, None for all."""
        self.wire = wire
        self.whole = wire.server.venue.catalogue()
        self.catalogue = part_of(self.whole, slice(watched))
        self.selected: Catalogue | None = None
        self.told: list[str] = []
        self.recorder = Lines()
        hosted = msgspec.structs.replace(settings, hosts=wire.hosts)
        self.venue = LiveVenue(
            hosted,
            self.catalogue,
            self.recorder,
            SystemClock(),
            select=lambda: self.selected,
            tell=self.told.append,
        )
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


def part_of(whole: Catalogue, part: slice) -> Catalogue:
    return Catalogue(markets=dict(list(whole.markets.items())[part]))


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
    markets: int = 4,
    settings: VenueSettings = SETTINGS,
    seed: int = 1,
    watched: int | None = None,
) -> Iterator[Listener]:
    with ThreadedWire(Venue(markets, seed=seed)) as wire:
        listener = Listener(wire, settings, watched=watched)
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


def test_frames_with_line_breaks_are_frames_like_any_other() -> None:
    def end_every_frame_with_a_break(server: WireServer) -> None:
        for channel in server.channels:
            send = channel.send
            channel.send = lambda frame, send=send: send(b"\r\n" + frame + b"\n")  # type: ignore[method-assign, misc]

    with listening() as listener:
        listener.until(listener.is_true)
        listener.wire.call(end_every_frame_with_a_break)
        listener.wire.call(lambda server: server.move(200))
        listener.until(listener.is_true)
        assert not [line for line in listener.recorder.lines if b'"raw":' in line]
        assert not listener.venue.feed.statistics.rejected


def test_a_message_of_a_book_that_cannot_be_read_costs_that_book_until_it_is_told_anew() -> None:
    def tell_a_size_that_is_no_size(server: WireServer) -> None:
        (told,) = server.venue.set_level(server.venue.markets[0], True, CENT, 7 * ONE)
        for entry in told["price_changes"]:  # type: ignore[attr-defined]
            entry["size"] = 7
        server.publish([told])

    with listening() as listener:
        listener.until(listener.is_true)
        ladder = next(iter(listener.engine.state.ladders.values()))
        listener.wire.call(tell_a_size_that_is_no_size)
        listener.until(lambda: ladder.status is BookStatus.EMPTY)
        listener.until(listener.is_true)
        assert ladder.bids[CENT] == 7 * ONE


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


def test_a_restriction_reaches_the_engine_in_its_place_and_ends_when_the_venue_says_so() -> None:
    refusal = Answer(
        status=503,
        body=b'{"error":"post-only mode","code":"post_only_mode","retry_after_seconds":1}',
        headers={"Retry-After": "1"},
    )
    with listening() as listener:
        listener.until(listener.is_true)

        def refuse(server: WireServer) -> None:
            server.answers["/books"] = deque([refusal])

        listener.wire.call(refuse)
        listener.until(lambda: listener.engine.venue_mode is VenueMode.POST_ONLY)
        assert listener.venue.health().mode.mode is VenueMode.POST_ONLY
        listener.until(lambda: listener.engine.venue_mode is VenueMode.OK)
        told = [line for line in listener.recorder.lines if b'"mode":{' in line]
        assert len(told) == 2 and b"post-only" in told[0]


def test_after_all_connections_dropped_the_venue_is_restricted_until_it_is_trusted_again() -> None:
    with listening(markets=6) as listener:
        listener.until(listener.is_true)

        def drop_all(server: WireServer) -> None:
            for channel in list(server.channels):
                channel.drop()

        listener.wire.call(drop_all)
        listener.until(lambda: listener.engine.venue_mode is VenueMode.DOWN)
        listener.until(lambda: listener.engine.venue_mode is VenueMode.POST_ONLY)
        listener.until(listener.is_true)
        standing = listener.venue.health().mode
        assert standing.trusted_from_ns - standing.since_ns == POST_ONLY_AFTER_DOWN_NS


def test_the_clock_is_measured_beside_the_stream() -> None:
    with listening() as listener:
        listener.until(listener.is_true)
        listener.until(lambda: listener.venue.health().clock.offset_ms is not None)
        clock = listener.venue.health().clock
        assert clock.verdict is not ClockVerdict.REFUSED
        assert clock.offset_ms is not None and clock.uncertainty_ms is not None
        assert abs(clock.offset_ms) <= clock.uncertainty_ms + 50
        assert clock.age_ms is not None and clock.age_ms < 20_000


@pytest.mark.parametrize("stream_copies", [1, 2])
def test_a_run_follows_the_instruments_and_a_replay_of_it_does_so_too(stream_copies: int) -> None:
    settings = msgspec.structs.replace(
        SETTINGS,
        sync_minutes=0.005,  # type: ignore[arg-type]
        stream_copies=stream_copies,
    )
    with listening(markets=7, settings=settings, watched=4) as listener:
        keys = list(listener.whole.markets)

        def live() -> set[ConditionId]:
            ladders = listener.engine.state.ladders.values()
            return {one.condition_id for one in ladders if one.status is BookStatus.LIVE}

        listener.until(lambda: live() == set(keys[:4]))
        listener.wire.call(lambda server: server.move(20))
        listener.venue.in_use = lambda: {keys[1]}
        listener.selected = part_of(listener.whole, slice(2, 7))
        listener.until(lambda: live() == set(keys[1:7]))
        listener.wire.call(lambda server: server.move(50))
        listener.until(lambda: listener.venue.health().live_markets == 6)
        truth = listener.wire.call(books_of)
        listener.until(
            lambda: all(
                sides(listener.engine.state.ladders[key]) == listener.wire.call(books_of)[key]
                for key in keys[1:7]
            )
        )
        assert len(truth) == 7 and listener.venue.health().markets == 6
        assert listener.told == [
            "instruments: 3 markets are new or have other facts, 1 are no longer watched"
        ]
        listener.venue.in_use = tuple
        listener.until(lambda: live() == set(keys[2:7]))
        again = Engine(listener.catalogue, ROOMY, "live")
        for frame in Translator(listener.catalogue).frames(listener.recorder.lines):
            for event in frame.events:
                again.handle(event)
        assert {key: sides(one) for key, one in again.state.ladders.items()} == {
            key: sides(one) for key, one in listener.engine.state.ladders.items()
        }


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
