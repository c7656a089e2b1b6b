"""Lines, messages and markets for the tests of the translation."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import LevelChanged, LevelsChanged, MarketEvent
from polyarb.ports import Frame
from polyarb.venue.polymarket.channel.numerals import read_best_ask, read_best_bid, read_price
from polyarb.venue.polymarket.channel.translate import Translator

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]

YES, NO = "71" * 38, "52" * 38
OTHER_YES, OTHER_NO = "13" * 38, "94" * 38
STRANGER = "40" * 38
MS = 1_795_262_409_390
NS = MS * 1_000_000
ONE_MARKET, OTHER_MARKET = ConditionId("0xone"), ConditionId("0xother")


def two_markets() -> Catalogue:
    """Two markets of which nothing but the tokens is known."""
    pairs = ((ONE_MARKET, YES, NO), (OTHER_MARKET, OTHER_YES, OTHER_NO))
    return Catalogue(
        markets={
            condition: Market(condition_id=condition, yes=TokenId(yes), no=TokenId(no))
            for condition, yes, no in pairs
        }
    )


def line(message: Json, **beside: Json) -> bytes:
    """A line of a tape."""
    return json.dumps({"recv_ms": None, "seq": 0, **beside, "msg": message}).encode()


def entry(token: str, price: Json, size: Json, side: Json, *tops: Json) -> dict[str, Json]:
    """An entry of a price_change, with its best bid and ask if given."""
    told = dict(zip(("best_bid", "best_ask"), tops, strict=False))
    return {"asset_id": token, "price": price, "size": size, "side": side, **told}


def price_change(*entries: Json, timestamp: Json = str(MS)) -> dict[str, Json]:
    """A price_change of these entries."""
    return {
        "event_type": "price_change",
        "market": "0xone",
        "timestamp": timestamp,
        "price_changes": list(entries),
    }


def pair(timestamp: Json = str(MS)) -> dict[str, Json]:
    """A bid of YES at .41, told for both tokens."""
    return price_change(
        entry(YES, "0.41", "7", "BUY", "0.41", "0.6"),
        entry(NO, "0.59", "7", "SELL", "0.4", "0.59"),
        timestamp=timestamp,
    )


def book(token: str, bids: Sequence[Json], asks: Sequence[Json]) -> dict[str, Json]:
    """A book whose levels are pairs of texts."""

    def side(levels: Sequence[Json]) -> list[Json]:
        return [
            {"price": level[0], "size": level[1]} if isinstance(level, tuple) else level
            for level in levels
        ]

    return {
        "event_type": "book",
        "asset_id": token,
        "market": "0xone",
        "timestamp": str(MS),
        "bids": side(bids),
        "asks": side(asks),
    }


def trade(token: str, price: Json = "0.6", size: Json = "16.66") -> dict[str, Json]:
    """A trade."""
    return {
        "event_type": "last_trade_price",
        "asset_id": token,
        "market": "0xone",
        "price": price,
        "size": size,
        "side": "BUY",
        "timestamp": str(MS),
    }


def know_every_price() -> None:
    """Read every tenth of a cent: the fast way takes only prices that were met before."""
    for step in range(1, 1_000):
        for read in (read_price, read_best_bid, read_best_ask):
            read(f"{step / 1_000}")


def both_ways(
    lines: Sequence[bytes], catalogue: Catalogue | None = None
) -> tuple[list[Frame], Translator]:
    """Translate fast and by the reference; they must agree on every frame and every count."""
    know_every_price()
    fast, reference = (Translator(catalogue or two_markets()) for _ in range(2))
    frames = list(fast.frames(lines))
    expected = [reference.translated(each) for each in lines]
    assert [(frame.receive_time_ns, tuple(frame.events)) for frame in frames] == [
        (frame.receive_time_ns, tuple(frame.events)) for frame in expected
    ]
    assert fast.statistics == reference.statistics
    counted = fast.statistics
    assert counted.frames == len(lines)
    assert counted.messages == sum(counted.by_type.values()) + sum(counted.rejected.values())
    return frames, fast


def events_of(*messages: Json) -> list[MarketEvent]:
    """Translate messages that must all be good."""
    frames, translator = both_ways([line(message) for message in messages])
    assert translator.statistics.rejected == {}
    return [event for frame in frames for event in frame.events]


def rejected(message: Json) -> dict[str, int]:
    """Translate a message that must be turned down whole; return why."""
    frames, translator = both_ways([line(message)])
    assert [tuple(frame.events) for frame in frames] == [()]
    return translator.statistics.rejected


def changes_of(event: MarketEvent) -> list[tuple[bool, int, int]]:
    """The level changes of an event, one or several."""
    if isinstance(event, LevelChanged):
        return [(event.is_bid, event.price, event.size)]
    assert isinstance(event, LevelsChanged)
    return list(event.changes)


def load_messages(path: Path) -> list[Json]:
    """The messages of a fixture: one object or an array of them."""
    content = json.loads(path.read_text())
    return content if isinstance(content, list) else [content]
