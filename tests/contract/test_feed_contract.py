"""What the runner may rely on, whatever the feed."""

import json
from collections.abc import Callable
from itertools import count

import pytest
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue, Market
from polyarb.ports import Feed
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.tape import TapeFeed

START_MS = 1_795_262_409_390
LINES = (
    {"recv_ms": START_MS, "msg": {"event_type": "book", "asset_id": "1", "timestamp": "x"}},
    {"recv_ms": START_MS + 7, "msg": "nonsense"},
    {"recv_ms": START_MS + 3, "msg": []},
    {
        "recv_ms": START_MS + 9,
        "msg": {
            "event_type": "price_change",
            "timestamp": str(START_MS),
            "price_changes": [
                {"asset_id": "1", "price": "0.4", "size": "5", "side": "BUY"},
                {"asset_id": "2", "price": "0.6", "size": "5", "side": "SELL"},
            ],
        },
    },
)


def tape(speed: float | None) -> Feed:
    """A tape of four lines, one of which is good."""
    market = Market(condition_id=ConditionId("m"), yes=TokenId("1"), no=TokenId("2"))
    passed = count(0, 1_000_000)
    return TapeFeed(
        [json.dumps(each).encode() for each in LINES],
        Translator(Catalogue(markets={market.condition_id: market})),
        speed,
        lambda _: None,
        monotonic_ns=lambda: next(passed),
    )


FEEDS: dict[str, Callable[[], Feed]] = {
    "tape at full speed": lambda: tape(None),
    "tape in real time": lambda: tape(1.0),
}


@pytest.fixture(params=FEEDS, ids=str)
def feed(request: pytest.FixtureRequest) -> Feed:
    return FEEDS[request.param]()


def test_every_piece_of_the_source_is_one_frame(feed: Feed) -> None:
    assert [len(frame.events) for frame in feed.frames()] == [0, 0, 0, 1]
    assert feed.statistics.frames == len(LINES)


def test_time_never_steps_back(feed: Feed) -> None:
    times = [frame.receive_time_ns for frame in feed.frames()]
    assert times == sorted(times)


def test_no_event_is_later_than_its_frame(feed: Feed) -> None:
    for frame in feed.frames():
        for event in frame.events:
            assert event.receive_time_ns <= frame.receive_time_ns


def test_every_message_is_accepted_or_rejected_with_a_reason(feed: Feed) -> None:
    for _ in feed.frames():
        counted = feed.statistics
        assert counted.messages == sum(counted.by_type.values()) + sum(counted.rejected.values())
    assert feed.statistics.by_type == {"price_change": 1}
    assert feed.statistics.rejected == {"malformed_message": 2}


def test_the_statistics_stay_readable_after_the_end(feed: Feed) -> None:
    assert len(list(feed.frames())) == feed.statistics.frames
    assert list(feed.frames()) is not None
