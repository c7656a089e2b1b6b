"""The live feed: order, time, silence, faults, and when its sources have a turn."""

import json
from collections.abc import Callable, Collection
from itertools import islice

import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.messages import FeedLost, LevelChanged
from polyarb.domain.surroundings import VenueModeChanged
from polyarb.domain.venue import VenueMode
from polyarb.ports import Frame
from polyarb.store.recording import tape_line
from polyarb.venue.polymarket import live
from polyarb.venue.polymarket.arbitration.peeking import decode_pair
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.live import LiveFeed
from polyarb.venue.polymarket.sources import Line, Loss, ModeChange
from wire_cases import MS, NO, NS, YES, entry, pair, price_change, two_markets


class HandClock:
    """A clock that a test sets; every look at the monotonic time moves it by a millisecond."""

    def __init__(self) -> None:
        self.wall_ns = NS
        self.steady_ns = 0

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        self.steady_ns += 1_000_000
        return self.steady_ns


class ListRecorder:
    """Keeps the lines that it would write."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def record(self, frame: bytes, receive_time_ns: int, *, is_plain: bool = False) -> bytes:
        return self._keep(tape_line(frame, receive_time_ns, 0, is_plain=is_plain))

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        lost = json.dumps({"reason": reason, "assets": sorted(assets)}).encode()
        return self._keep(b'{"recv_ns":%d,"seq":0,"lost":%b}' % (receive_time_ns, lost))

    def record_mode(self, mode: str, reason: str, receive_time_ns: int) -> bytes:
        told = json.dumps({"mode": mode, "reason": reason}).encode()
        return self._keep(b'{"recv_ns":%d,"seq":0,"mode":%b}' % (receive_time_ns, told))

    def _keep(self, line: bytes) -> bytes:
        self.lines.append(line)
        return line


def line(offset_ms: int = 0) -> Line:
    return Line((MS + offset_ms) * 1_000_000, json.dumps(pair(str(MS + offset_ms))).encode())


class QuietSources:
    """Keeps the turns it was given; delivers what a test asks for, one thing a turn."""

    def __init__(self) -> None:
        self.turns: list[float] = []
        self.deliver: list[Callable[[], None]] = []

    def turn(self, seconds: float) -> None:
        self.turns.append(seconds)
        if self.deliver:
            self.deliver.pop(0)()

    def why_silent(self) -> str:
        return "the name does not resolve"


def feed(
    clock: HandClock | None = None,
    sources: QuietSources | None = None,
    connect_ms_max: int = 50,
) -> tuple[LiveFeed, ListRecorder]:
    recorder = ListRecorder()
    made = LiveFeed(
        Translator(two_markets()),
        recorder,
        sources or QuietSources(),
        clock or HandClock(),
        connect_ms_max=connect_ms_max,
    )
    return made, recorder


def test_lines_and_losses_come_out_as_they_went_in_and_as_they_were_recorded() -> None:
    made, recorder = feed()
    for item in (line(), Loss(NS + 2_000_000, "closed", frozenset({YES})), line(3)):
        made.put(item)
    frames = list(islice(made.frames(), 3))
    assert [type(frame.events[0]) for frame in frames] == [LevelChanged, FeedLost, LevelChanged]
    assert [frame.receive_time_ns - NS for frame in frames] == [0, 2_000_000, 3_000_000]
    again = list(Translator(two_markets()).frames(recorder.lines))
    assert [list(frame.events) for frame in again] == [list(frame.events) for frame in frames]


def test_a_mode_of_the_venue_comes_out_in_its_place_and_as_it_was_recorded() -> None:
    made, recorder = feed()
    for item in (line(), ModeChange(NS + 1_000_000, VenueMode.DOWN, "425"), line(3)):
        made.put(item)
    frames = list(islice(made.frames(), 3))
    assert frames[1] == Frame(
        NS + 1_000_000,
        (VenueModeChanged(receive_time_ns=NS + 1_000_000, mode=VenueMode.DOWN, reason="425"),),
    )
    again = list(Translator(two_markets()).frames(recorder.lines))
    assert [list(frame.events) for frame in again] == [list(frame.events) for frame in frames]


def test_a_restricted_venue_that_tells_no_book_is_a_fault_all_the_same() -> None:
    made, _ = feed(connect_ms_max=3)
    made.put(ModeChange(NS, VenueMode.DOWN, "425"))
    with pytest.raises(VenueError, match="within 3 ms"):
        next(made.frames())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"{", b"{"),
        (b"{", b'{"note":"\xc3\xa9",'),
        (b"{", b'{"note":"\xff",'),
        (b"{", b"{\n"),
        (b"{", b"{\r"),
        (b"{", b"\r\n{"),
        (b"price_change", b"price_chang\\u0065"),
    ],
    ids=["plain", "utf8", "no utf8", "line feed", "carriage return", "breaks before", "escape"],
)
def test_what_was_read_before_says_what_its_line_says(before: bytes, after: bytes) -> None:
    """A line that is read anew, as a replay does, tells the same as what the arbiter had read."""
    frame = line(1).frame.replace(before, after, 1)
    made, recorder = feed()
    made.put(line())
    made.put(Line(NS + 1_000_000, frame, decode_pair(frame)))
    told = list(islice(made.frames(), 2))
    assert told == list(Translator(two_markets()).frames(recorder.lines))
    assert recorder.lines[1] == tape_line(frame, NS + 1_000_000, 0)
    assert len(told[1].events) == (b"\xff" not in frame)
    assert made.statistics.frames == 2


def test_what_was_read_before_but_is_no_pair_of_ours_is_read_by_its_line() -> None:
    whole = price_change(
        entry(YES, "0.41", "7", "BUY", "0.41", "0.6"), entry(NO, "0.59", "8", "SELL", "0.4", "0.59")
    )
    frame = json.dumps(whole).encode()
    made, recorder = feed()
    made.put(Line(NS, frame, decode_pair(frame)))
    assert next(made.frames()) == next(Translator(two_markets()).frames(recorder.lines))
    assert made.statistics.noted == {"mirror_unpaired": 1}


def test_silence_tells_the_time_and_a_frame_received_before_it_is_not_older() -> None:
    clock = HandClock()
    made, recorder = feed(clock)
    made.put(line())
    frames = made.frames()
    next(frames)
    clock.wall_ns = NS + 9_000_000
    assert next(frames) == Frame(NS + 9_000_000, ())
    made.put(line(4))
    late = next(frames)
    assert late.receive_time_ns == late.events[0].receive_time_ns == NS + 9_000_000
    assert b'"recv_ns":%d' % (NS + 9_000_000) in recorder.lines[1]
    clock.wall_ns = NS + 1
    assert next(frames) == Frame(NS + 9_000_000, ())


def test_no_data_within_the_deadline_is_a_fault_that_says_why() -> None:
    made, recorder = feed(connect_ms_max=3)
    with pytest.raises(VenueError, match="within 3 ms, found none: the name does not resolve"):
        next(made.frames())
    assert recorder.lines == []


@pytest.mark.parametrize("is_started", [True, False])
def test_a_fault_of_the_sources_ends_the_feed_after_what_waits(is_started: bool) -> None:
    made, _ = feed()
    if is_started:
        made.put(line())
    made.fail(VenueError("the loop ended"))
    made.fail(VenueError("a later one"))
    told = []
    with pytest.raises(VenueError, match="the loop ended"):
        told.extend(made.frames())
    assert [len(frame.events) for frame in told] == [1] * is_started


@pytest.mark.parametrize("is_started", [True, False])
def test_a_feed_that_is_not_wanted_any_more_ends(is_started: bool) -> None:
    made, _ = feed()
    if is_started:
        made.put(line())
    frames = made.frames()
    if is_started:
        next(frames)
    made.is_wanted = lambda: False
    assert list(frames) == []


def test_sources_have_a_turn_only_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BATCH_MAX", 2)
    sources = QuietSources()
    made, _ = feed(sources=sources)
    for offset in range(5):
        made.put(line(offset))
    frames = made.frames()
    for _ in range(5):
        assert next(frames).events
        assert sources.turns == []
    assert next(frames).events == ()
    assert sources.turns == [0.0]
    next(frames)
    assert sources.turns == [0.0, live.IDLE_SECONDS]


def test_what_comes_in_a_turn_is_told_without_an_idle_moment() -> None:
    sources = QuietSources()
    made, _ = feed(sources=sources)
    sources.deliver = [lambda: made.put(line(1)), lambda: made.put(line(2))]
    told = [frame.receive_time_ns - NS for frame in islice(made.frames(), 2)]
    assert told == [1_000_000, 2_000_000]
    assert made.held_lines == 0
