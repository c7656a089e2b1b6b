"""Whoever folds the market channel has the exchange's books, whatever happens and is said."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.config.scenarios import load_scenario
from polyarb.domain.ids import TokenId
from polyarb.domain.units import ONE
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import found
from polyarb.venue.sandbox.flow.play import play
from polyarb.venue.sandbox.server.channels.channel import Channel, Line
from polyarb.venue.sandbox.server.channels.market import MarketChannel
from polyarb.venue.sandbox.server.channels.user import UserChannel
from polyarb.venue.sandbox.wire.frames import book_body
from tests.channel_cases import NOW_NS, Exchange, market_opening
from tests.conftest import ROOT
from tests.wire_venue import FoldedBooks, micros
from websockets.protocol import CLOSED

MINUTE_NS = 60 * 10**9


class Deaf:
    """A connection that is over: nothing is written to it."""

    state = CLOSED

    def __init__(self) -> None:
        self.protocol = self
        self.transport = self

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        """Do nothing."""


def line_of(name: str = "market 1") -> Line:
    return Line(Deaf(), name, 0.0)  # type: ignore[arg-type]


class Reader:
    """Reads the frames of a channel in place of its outlet, and holds every top against its own."""

    def __init__(self) -> None:
        self.folded = FoldedBooks()
        self.hashes: dict[str, str] = {}
        self.kinds: dict[str, int] = {}
        self.wrong_tops = 0

    def send(self, _lines: Iterable[Line], frame: str, *, stale: str | None = None) -> None:
        self.folded.frame(frame.encode())
        told = json.loads(frame)
        for message in told if isinstance(told, list) else [told]:
            kind = message["event_type"]
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind == "book":
                self.hashes[message["asset_id"]] = message["hash"]
            for change in message.get("price_changes", ()):
                self.hashes[change["asset_id"]] = change["hash"]
                bids, asks = self.folded.books[change["asset_id"]]
                top = (max(bids, default=0), min(asks, default=ONE))
                told_top = (micros(change["best_bid"]), micros(change["best_ask"]))
                self.wrong_tops += top != told_top


@pytest.mark.parametrize("seed", [1, 2])
def test_a_reader_has_the_books_the_tops_and_the_hashes_of_the_exchange(seed: int) -> None:
    faults = FaultBoard(seed)
    scenario = load_scenario("rich", Workspace(ROOT))
    founded = found(scenario, seed=seed, starts_ns=NOW_NS, faults=faults)
    exchange, reader = founded.world.exchange, Reader()
    channel = MarketChannel(
        exchange, faults, now_ns=lambda: founded.world.now_ns, market_id=lambda _: "1"
    )
    channel.outlet = reader  # type: ignore[assignment]
    opening = market_opening(exchange.markets(), custom_feature_enabled=True)
    assert channel.take(line_of(), json.dumps(opening))
    play(founded, until_ns=NOW_NS + 30 * MINUTE_NS, listener=channel.announce)
    assert reader.kinds["last_trade_price"] > 20 and reader.kinds["price_change"] > 20
    assert reader.wrong_tops == 0 and reader.folded.unreadable == 0
    for market in exchange.markets():
        for token in (market.yes, market.no):
            levels = exchange.book(token)
            assert levels is not None
            assert reader.folded.books[token] == (dict(levels.bids), dict(levels.asks))
            assert reader.hashes[token] == book_body(levels, market).hash


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["type", "operation", "assets_ids", "markets", "auth", "initial_dump", "level", "apiKey"]
)
WORDS = st.sampled_from(["market", "user", "subscribe", "unsubscribe", "", "1", "\ud7ff"])
FRAMES = (
    st.text(max_size=200)
    | JSON.map(json.dumps)
    | st.dictionaries(KEYS, WORDS | JSON | st.lists(WORDS, max_size=3)).map(json.dumps)
)


def channels() -> tuple[MarketChannel, UserChannel]:
    exchange = Exchange()
    market = MarketChannel(exchange, FaultBoard(1), now_ns=lambda: NOW_NS, market_id=str)
    user = UserChannel(
        lambda _shown: False, FaultBoard(1), now_ns=lambda: NOW_NS, outcome_index=lambda _fill: 0
    )
    return market, user


@given(frames=st.lists(FRAMES, max_size=6))
def test_whatever_is_said_breaks_nothing_and_opens_nothing(frames: list[str]) -> None:
    market, user = channels()
    said: list[Channel] = [market, user]
    for channel in said:
        line = line_of()
        for frame in frames:
            is_kept = channel.take(line, frame)
            assert is_kept or channel is user
        channel.forget(line)
    assert not market._listeners and not market._subscriptions
    assert not user._lines_of and not user._subscriptions


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["subscribe", "unsubscribe"]), st.integers(0, 3)), max_size=12
    )
)
def test_what_a_connection_listens_to_is_what_it_asked_for_last(
    steps: list[tuple[str, int]],
) -> None:
    market, _ = channels()
    exchange = Exchange()
    tokens = [token for each in exchange.markets() for token in (each.yes, each.no)]
    line, wanted = line_of(), set[TokenId]()
    market.take(line, json.dumps({"type": "market", "assets_ids": []}))
    for operation, number in steps:
        token = tokens[number]
        market.take(line, json.dumps({"operation": operation, "assets_ids": [token]}))
        wanted = wanted | {token} if operation == "subscribe" else wanted - {token}
    assert set(market._listeners) == wanted
    assert set(market._subscriptions[line].assets) == wanted
