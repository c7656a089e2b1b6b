"""Books by REST, delivered like a stream's."""

from collections.abc import Collection, Sequence

import msgspec
from polyarb.domain.errors import VenueError
from polyarb.venue.polymarket.arbitration.polling import NO_ANSWER, NO_BOOK, PollingSource
from tests.arbiter_cases import Case
from tests.simulated_sources import SECOND, drive


class Desk:
    def __init__(self, slice_max: int = 4) -> None:
        self.asked: list[list[str]] = []
        self.frames: list[list[str]] = []
        self.losses: list[tuple[frozenset[str], str]] = []
        self.without: set[str] = set()
        self.is_down = False
        self.slept: list[float] = []
        self.poll = PollingSource(
            "poll",
            self,
            self.fetch,
            now_ns=lambda: 7,
            sleep=self.sleep,
            poll_ms=50,
            slice_max=slice_max,
        )
        self.poll.set_assets([("A1", "A2"), ("B1", "B2"), ("C1", "C2")])

    async def fetch(self, tokens: Sequence[str]) -> list[bytes]:
        self.asked.append(list(tokens))
        if self.is_down:
            raise VenueError("down")
        books = [token for token in reversed(tokens) if token not in self.without]
        return [f'{{"asset_id":"{token}","timestamp":"1800000000000"}}'.encode() for token in books]

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == 3:
            self.poll.stop()

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        messages = msgspec.json.decode(frame)
        messages = messages if isinstance(messages, list) else [messages]
        assert all(one["event_type"] == "book" for one in messages)
        self.frames.append([one["asset_id"] for one in messages])

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        self.losses.append((frozenset(assets), reason))


def test_groups_rotate_and_are_never_torn_apart() -> None:
    it = Desk()
    for _ in range(3):
        drive(it.poll.poll())
    assert it.asked == [
        ["A1", "A2", "B1", "B2"],
        ["C1", "C2", "A1", "A2"],
        ["B1", "B2", "C1", "C2"],
    ]
    assert it.frames[0] == ["A1", "A2", "B1", "B2"]


def test_what_is_asked_for_comes_first() -> None:
    it = Desk(2)
    it.poll.refresh(["C2", "unknown"])
    drive(it.poll.poll())
    drive(it.poll.poll())
    assert it.asked == [["C1", "C2"], ["A1", "A2"]]


def test_a_token_without_a_book_is_lost_once() -> None:
    it = Desk(2)
    it.poll.set_assets([("A1", "A2")])
    drive(it.poll.poll())
    it.without = {"A2"}
    drive(it.poll.poll())
    drive(it.poll.poll())
    assert it.losses == [(frozenset({"A2"}), NO_BOOK)]
    assert it.poll.statistics.omitted == 2


def test_a_venue_that_does_not_answer_costs_the_books_that_were_told() -> None:
    it = Desk(2)
    drive(it.poll.poll())
    it.is_down = True
    drive(it.poll.poll())
    it.poll.refresh(["A1"])
    drive(it.poll.poll())
    assert it.losses == [(frozenset({"A1", "A2"}), NO_ANSWER)]
    assert it.poll.statistics.failures == 2


def test_unreadable_and_unasked_books_are_not_delivered() -> None:
    it = Desk()

    async def fetch(tokens: Sequence[str]) -> list[bytes]:
        return [b"{", b'{"asset_id":"Z","timestamp":"1800000000000"}']

    it.poll._fetch_books = fetch
    drive(it.poll.poll())
    assert it.frames == []
    assert it.poll.statistics.unreadable == 1


def test_it_polls_until_stopped_and_nothing_without_tokens() -> None:
    it = Desk()
    drive(it.poll.run())
    assert it.slept == [0.05] * 3
    it.poll.set_assets([])
    drive(it.poll.poll())
    assert len(it.asked) == 3


def test_with_all_streams_down_the_books_come_by_polling_and_are_true() -> None:
    it = Case(6, has_poll=True)
    it.live(2)
    for stream in it.streams:
        stream.drop(60 * SECOND)
    it.live(5)
    it.clock.run_for(6 * SECOND)
    assert it.sources_in_use() == {"poll"}
    assert it.is_true()
    it.clock.run_for(60 * SECOND)
    it.live(10)
    it.clock.run_for(SECOND)
    assert "poll" not in it.sources_in_use()
    assert it.is_true()
    assert it.folded.faults == []
