"""A tape as a feed: at full speed, paced, and stopped while it waits."""

from itertools import pairwise

import pytest
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.tape import PAUSE_SECONDS_MAX, TapeFeed
from wire_cases import MS, NS, line, pair, two_markets

SECOND = 1_000_000_000


class Stage:
    """Virtual time: a pause passes it, and remembers what was asked."""

    def __init__(self) -> None:
        self.now_ns = 77 * SECOND
        self.pauses: list[float] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_ns += round(seconds * SECOND)


def paced(lines: list[bytes], speed: float, stage: Stage) -> TapeFeed:
    return TapeFeed(
        lines,
        Translator(two_markets()),
        speed,
        stage.pause,
        monotonic_ns=stage.monotonic_ns,
    )


def lines_at(*milliseconds: int) -> list[bytes]:
    return [line(pair(), recv_ms=MS + offset) for offset in milliseconds]


def test_at_full_speed_nothing_waits_and_everything_is_counted() -> None:
    stage = Stage()
    feed = TapeFeed(
        [*lines_at(0, 3_600_000), b"?"],
        Translator(two_markets()),
        None,
        stage.pause,
        monotonic_ns=stage.monotonic_ns,
    )
    frames = list(feed.frames())
    assert [len(frame.events) for frame in frames] == [1, 1, 0]
    assert stage.pauses == []
    assert feed.statistics.frames == 3
    assert feed.statistics.rejected == {"malformed_line": 1}


@pytest.mark.parametrize(("speed", "seconds"), [(1, 1.2), (10, 0.12), (0.5, 2.4)])
def test_a_paced_tape_waits_as_its_receive_times_say(speed: float, seconds: float) -> None:
    stage = Stage()
    feed = paced(lines_at(0, 200, 200, 1_200), speed, stage)
    due = []
    for _ in feed.frames():
        due.append((stage.now_ns - 77 * SECOND) / SECOND)
    assert due == pytest.approx([0, seconds / 6, seconds / 6, seconds], abs=1e-6)
    assert max(stage.pauses) <= PAUSE_SECONDS_MAX
    assert sum(stage.pauses) == pytest.approx(seconds, abs=1e-6)


def test_time_spent_on_a_frame_is_not_waited_for_again() -> None:
    stage = Stage()
    feed = paced(lines_at(0, 1_000, 1_500), 1, stage)
    frames = feed.frames()
    next(frames)
    stage.now_ns += 1_200_000_000
    next(frames)
    assert stage.pauses == []
    next(frames)
    assert sum(stage.pauses) == pytest.approx(0.3)


def test_lines_without_a_time_do_not_start_the_pace() -> None:
    stage = Stage()
    frames = list(paced([b"?", *lines_at(0), b"?", *lines_at(100)], 1, stage).frames())
    assert [frame.receive_time_ns for frame in frames] == [0, NS, NS, NS + 100_000_000]
    assert sum(stage.pauses) == pytest.approx(0.1)


def test_a_feed_is_stopped_while_it_waits() -> None:
    stage = Stage()
    feed = paced(lines_at(0, 3_600_000), 1, stage)

    def pause(seconds: float) -> None:
        stage.pause(seconds)
        if len(stage.pauses) == 3:
            feed.stop()

    feed = TapeFeed(
        lines_at(0, 3_600_000),
        Translator(two_markets()),
        1,
        pause,
        monotonic_ns=stage.monotonic_ns,
    )
    assert len(list(feed.frames())) == 1
    assert len(stage.pauses) == 3


def test_a_tape_plays_at_another_speed_with_the_same_frames() -> None:
    lines = lines_at(0, 5, 3, 9)
    fast = TapeFeed(lines, Translator(two_markets())).frames()
    assert [
        (frame.receive_time_ns, list(frame.events)) for frame in paced(lines, 7, Stage()).frames()
    ] == [(frame.receive_time_ns, list(frame.events)) for frame in fast]


def test_an_empty_tape_ends_at_once() -> None:
    for speed in (None, 1.0):
        feed = TapeFeed([], Translator(two_markets()), speed)
        assert list(feed.frames()) == []
        assert feed.statistics.frames == 0


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        TapeFeed([], Translator(two_markets()), speed)


def test_lines_are_read_only_as_they_are_played() -> None:
    taken = []

    def reading() -> object:
        for number, content in enumerate(lines_at(0, 1, 2)):
            taken.append(number)
            yield content

    frames = TapeFeed(reading(), Translator(two_markets())).frames()
    next(frames)
    assert taken == [0]
    times = [frame.receive_time_ns for frame in frames]
    assert all(earlier < later for earlier, later in pairwise(times))
