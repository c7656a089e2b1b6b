"""The live feed: order, time, silence, overruns and faults between two threads."""

import json
from collections.abc import Collection
from itertools import islice
from threading import Thread

import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.messages import FeedLost, LevelChanged
from polyarb.ports import Frame
from polyarb.venue.polymarket import live
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.live import LiveFeed
from polyarb.venue.polymarket.sources import Line, Loss
from wire_cases import MS, NS, YES, pair, two_markets


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

    def record(self, frame: bytes, receive_time_ns: int) -> bytes:
        return self._keep(b'{"recv_ns":%d,"seq":0,"msg":%b}' % (receive_time_ns, frame))

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        lost = json.dumps({"reason": reason, "assets": sorted(assets)}).encode()
        return self._keep(b'{"recv_ns":%d,"seq":0,"lost":%b}' % (receive_time_ns, lost))

    def _keep(self, line: bytes) -> bytes:
        self.lines.append(line)
        return line


def line(offset_ms: int = 0) -> Line:
    return Line((MS + offset_ms) * 1_000_000, json.dumps(pair(str(MS + offset_ms))).encode())


def feed(clock: HandClock | None = None, **options: int) -> tuple[LiveFeed, ListRecorder]:
    recorder = ListRecorder()
    made = LiveFeed(
        Translator(two_markets()),
        recorder,
        clock or HandClock(),
        **{"connect_ms_max": 50, **options},
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
    made.why_silent = lambda: "the name does not resolve"
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
def test_a_stopped_feed_ends(is_started: bool) -> None:
    made, _ = feed()
    if is_started:
        made.put(line())
    frames = made.frames()
    if is_started:
        next(frames)
    made.stop()
    assert list(frames) == []


def test_too_much_that_waits_is_lost_as_one_and_data_goes_on_once_it_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, _ = feed(held_bytes_max=2_000)
    told: list[str] = []
    made.on_overrun = lambda: told.append("again")
    for offset in range(20):
        made.put(line(offset))
    assert made.held_lines == 1 and made.overruns == 1 and told == []
    frames = made.frames()
    (loss,) = next(frames).events
    assert isinstance(loss, FeedLost) and loss.reason == live.OVERRUN
    assert loss.condition_ids == ()
    made.put(line(30))
    assert told == ["again"]
    assert next(frames).receive_time_ns == NS + 30_000_000
    monkeypatch.setattr(live, "HELD_LINES_MAX", 2)
    for offset in range(31, 35):
        made.put(line(offset))
    assert made.overruns == 2


def test_another_thread_may_deliver_while_the_runner_takes() -> None:
    made, recorder = feed(connect_ms_max=60_000)

    def deliver() -> None:
        for offset in range(2_000):
            made.put(line(offset))
        made.fail(VenueError("over"))

    thread = Thread(target=deliver)
    thread.start()
    taken = []
    with pytest.raises(VenueError, match="over"):
        taken.extend(frame for frame in made.frames() if frame.events)
    thread.join()
    assert made.statistics.messages == len(recorder.lines) == 2_000
    assert made.overruns == 0
