"""Good messages of the market channel as domain events in YES terms."""

import json

import pytest
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import (
    NO_WINNER,
    UNKNOWN_PRICE,
    BookReplaced,
    FeedLost,
    LevelChanged,
    LevelsChanged,
    MarketResolved,
    TickChanged,
    TradePrinted,
)
from polyarb.domain.plan import Outcome, Side
from polyarb.domain.units import ONE
from polyarb.ports import Frame
from polyarb.venue.polymarket.channel.numerals import SIZES
from polyarb.venue.polymarket.channel.translate import Translator
from wire_cases import (
    MS,
    NO,
    NS,
    ONE_MARKET,
    OTHER_MARKET,
    OTHER_NO,
    OTHER_YES,
    STRANGER,
    YES,
    book,
    both_ways,
    changes_of,
    entry,
    events_of,
    line,
    pair,
    price_change,
    trade,
    two_markets,
)


def bid_at_41(best_bid: int = 410_000, best_ask: int = 600_000) -> LevelChanged:
    return LevelChanged(
        condition_id=ONE_MARKET,
        is_bid=True,
        price=410_000,
        size=7_000_000,
        best_bid=best_bid,
        best_ask=best_ask,
        venue_time_ns=NS,
        receive_time_ns=NS,
    )


def test_a_level_told_for_both_tokens_is_one_event() -> None:
    assert events_of(pair()) == [bid_at_41()]


def test_the_order_of_the_two_tokens_does_not_matter() -> None:
    message = price_change(
        entry(NO, "0.59", "7", "SELL", "0.4", "0.59"),
        entry(YES, "0.41", "7", "BUY", "0.41", "0.6"),
    )
    assert events_of(message) == [bid_at_41()]


def test_an_ask_of_no_is_a_bid_of_yes_and_the_reverse() -> None:
    (ask,) = events_of(price_change(entry(NO, "0.30", "5", "BUY", "0.3", "0.35")))
    assert isinstance(ask, LevelChanged)
    assert (ask.is_bid, ask.price, ask.size) == (False, 700_000, 5_000_000)
    assert (ask.best_bid, ask.best_ask) == (650_000, 700_000)


@pytest.mark.parametrize(
    ("tops", "expected"),
    [
        ((), (UNKNOWN_PRICE, UNKNOWN_PRICE)),
        (("0.41",), (410_000, UNKNOWN_PRICE)),
        ((None, "0.6"), (UNKNOWN_PRICE, 600_000)),
        (("", ""), (0, ONE)),
        (("0", "1"), (0, ONE)),
        (("0.41", "0"), (410_000, ONE)),
    ],
)
def test_tops_are_told_empty_or_unknown(
    tops: tuple[str | None, ...], expected: tuple[int, int]
) -> None:
    message = price_change(entry(YES, "0.41", "7", "BUY", *tops), entry(NO, "0.59", "7", "SELL"))
    assert events_of(message) == [bid_at_41(*expected)]


def test_an_empty_side_of_no_is_an_empty_side_of_yes() -> None:
    (event,) = events_of(price_change(entry(NO, "0.59", "7", "SELL", "", "1")))
    assert isinstance(event, LevelChanged)
    assert (event.best_bid, event.best_ask) == (0, ONE)
    (event,) = events_of(price_change(entry(NO, "0.59", "7", "SELL")))
    assert isinstance(event, LevelChanged)
    assert (event.best_bid, event.best_ask) == (UNKNOWN_PRICE, UNKNOWN_PRICE)


def test_a_removed_level_has_no_size() -> None:
    (event,) = events_of(price_change(entry(YES, "0.41", "0", "SELL")))
    assert changes_of(event) == [(False, 410_000, 0)]


@pytest.mark.parametrize(
    "second",
    [
        entry(NO, "0.58", "7", "SELL"),
        entry(NO, "0.59", "8", "SELL"),
        entry(NO, "0.59", "7", "BUY"),
    ],
)
def test_entries_that_do_not_mirror_are_all_told_and_noted(second: dict[str, str]) -> None:
    frames, translator = both_ways([line(price_change(entry(YES, "0.41", "7", "BUY"), second))])
    (event,) = frames[0].events
    assert isinstance(event, LevelsChanged)
    assert event.changes[0] == (True, 410_000, 7_000_000)
    assert len(event.changes) == 2
    assert translator.statistics.noted == {"mirror_unpaired": 1}


def test_a_mirror_spelled_differently_is_still_a_mirror() -> None:
    message = price_change(entry(YES, "0.4", "7", "BUY"), entry(NO, "0.60", "7.0", "SELL"))
    (event,) = events_of(message)
    assert changes_of(event) == [(True, 400_000, 7_000_000)]


def test_several_levels_told_for_both_tokens_are_told_once_and_in_order() -> None:
    message = price_change(
        entry(NO, "0.59", "7", "SELL"),
        entry(YES, "0.42", "0", "BUY"),
        entry(YES, "0.41", "7", "BUY"),
        entry(NO, "0.58", "0", "SELL"),
    )
    frames, translator = both_ways([line(message)])
    (event,) = frames[0].events
    assert changes_of(event) == [(True, 420_000, 0), (True, 410_000, 7_000_000)]
    assert translator.statistics.noted == {}


def test_several_levels_of_one_token_are_one_event() -> None:
    (event,) = events_of(
        price_change(entry(NO, "0.59", "7", "SELL"), entry(NO, "0.70", "3", "BUY"))
    )
    assert changes_of(event) == [(True, 410_000, 7_000_000), (False, 300_000, 3_000_000)]


def test_a_message_about_several_markets_is_one_event_for_each() -> None:
    message = price_change(
        entry(YES, "0.41", "7", "BUY", "0.41", "0.6"),
        entry(OTHER_NO, "0.2", "1", "BUY", "0.2", "0.3"),
        entry(NO, "0.59", "7", "SELL", "0.4", "0.59"),
        entry(OTHER_YES, "0.8", "1", "SELL", "0.7", "0.8"),
    )
    first, second = events_of(message)
    assert first == bid_at_41()
    assert isinstance(second, LevelChanged)
    assert second.condition_id == OTHER_MARKET
    assert (second.is_bid, second.price, second.best_bid, second.best_ask) == (
        False,
        800_000,
        700_000,
        800_000,
    )


def test_tokens_that_are_not_followed_are_ignored_and_counted() -> None:
    message = price_change(entry(STRANGER, "7", "x", "BUY"), entry(YES, "0.41", "7", "BUY"))
    frames, translator = both_ways([line(message)])
    assert [changes_of(event) for event in frames[0].events] == [[(True, 410_000, 7_000_000)]]
    assert translator.statistics.unknown_tokens == 1
    assert translator.statistics.rejected == {}


def test_a_book_is_in_yes_terms_best_first_and_without_empty_levels() -> None:
    (of_yes,) = events_of(
        book(YES, [("0.39", "3"), ("0.41", "1"), ("0.40", "0")], [("0.7", "2"), ("0.6", "5")])
    )
    assert isinstance(of_yes, BookReplaced)
    assert of_yes.outcome is Outcome.YES
    assert of_yes.bids == ((410_000, 1_000_000), (390_000, 3_000_000))
    assert of_yes.asks == ((600_000, 5_000_000), (700_000, 2_000_000))
    (of_no,) = events_of(book(NO, [("0.4", "5"), ("0.3", "2")], [("0.61", "3"), ("0.59", "1")]))
    assert isinstance(of_no, BookReplaced)
    assert of_no.outcome is Outcome.NO
    assert (of_no.bids, of_no.asks) == (of_yes.bids, of_yes.asks)
    assert of_no.venue_time_ns == NS


def test_an_empty_book_is_a_book() -> None:
    (event,) = events_of(book(YES, [], []))
    assert isinstance(event, BookReplaced)
    assert (event.bids, event.asks) == ((), ())


def test_a_trade_stays_in_the_terms_of_its_token() -> None:
    assert events_of(trade(NO)) == [
        TradePrinted(
            condition_id=ONE_MARKET,
            token_id=TokenId(NO),
            side=Side.BUY,
            price=600_000,
            size=16_660_000,
            venue_time_ns=NS,
            receive_time_ns=NS,
        )
    ]


def test_a_tick_and_a_resolution_are_told() -> None:
    events = events_of(
        {
            "event_type": "tick_size_change",
            "asset_id": NO,
            "market": "0xone",
            "old_tick_size": "0.01",
            "new_tick_size": "0.001",
            "timestamp": str(MS),
        },
        {
            "event_type": "market_resolved",
            "market": "0xone",
            "winning_asset_id": NO,
            "timestamp": str(MS),
        },
    )
    times = {"venue_time_ns": NS, "receive_time_ns": NS}
    assert events == [
        TickChanged(condition_id=ONE_MARKET, tick=1_000, **times),
        MarketResolved(condition_id=ONE_MARKET, winner=TokenId(NO), **times),
    ]


def no_winner(*assets_ids: str) -> dict[str, object]:
    return {
        "event_type": "market_resolved",
        "market": "0xone",
        "assets_ids": assets_ids,
        "winning_asset_id": None,
        "winning_outcome": None,
        "timestamp": str(MS),
    }


def test_a_verdict_without_a_winner_is_told_of_the_market_whose_tokens_are_named() -> None:
    (event,) = events_of(no_winner(YES, NO))
    assert isinstance(event, MarketResolved)
    assert (event.condition_id, event.winner) == (ONE_MARKET, NO_WINNER)


@pytest.mark.parametrize("assets_ids", [(), (STRANGER,)], ids=range(2))
def test_a_verdict_on_nothing_that_we_know_is_no_event(assets_ids: tuple[str, ...]) -> None:
    _, translator = both_ways([line(no_winner(*assets_ids))])
    assert list(translator.statistics.rejected.values()) == [1]


def test_a_top_told_apart_and_a_new_market_are_counted_only() -> None:
    top = {
        "event_type": "best_bid_ask",
        "asset_id": YES,
        "market": "0xone",
        "best_bid": "0.4",
        "best_ask": "0.6",
        "timestamp": str(MS),
    }
    listed = {"event_type": "new_market", "market": "0xnew", "timestamp": str(MS)}
    _, translator = both_ways([line(top), line(listed)])
    assert translator.statistics.by_type == {"best_bid_ask": 1, "new_market": 1}


@pytest.mark.parametrize(
    "message",
    [
        {
            "event_type": "price_change",
            "market": "0xone",
            "asset_id": YES,
            "hash": "0x",
            "timestamp": str(MS),
            "changes": [{"price": "0.41", "size": "7", "side": "BUY"}],
        },
        {
            "event_type": "price_change",
            "market": "0xone",
            "asset_id": NO,
            "price": "0.59",
            "size": "7",
            "side": "SELL",
            "timestamp": str(MS),
        },
    ],
)
def test_older_shapes_of_a_price_change_are_understood(message: dict[str, object]) -> None:
    assert events_of(message) == [bid_at_41(UNKNOWN_PRICE, UNKNOWN_PRICE)]


def test_in_an_array_every_message_stands_alone() -> None:
    frames, translator = both_ways(
        [line([book(YES, [], []), {"event_type": "weather"}, 5, pair(), trade(YES, "1.5")])]
    )
    assert [type(event) for event in frames[0].events] == [BookReplaced, LevelChanged]
    assert translator.statistics.messages == 5
    assert translator.statistics.rejected == {
        "unknown_type": 1,
        "malformed_message": 1,
        "bad_price": 1,
    }


def test_the_receive_time_is_the_tapes_in_milli_or_nanoseconds() -> None:
    frames, _ = both_ways(
        [
            line(pair(), recv_ms=MS + 5),
            line(pair(), recv_ms=None, recv_ns=NS + 6_000_001),
            line(pair(), recv_ms=1, recv_ns=NS + 6_000_002),
            line([trade(YES), trade(NO)], recv_ns=NS + 7_000_000),
        ]
    )
    assert [frame.receive_time_ns - NS for frame in frames] == [
        5_000_000,
        6_000_001,
        6_000_002,
        7_000_000,
    ]
    assert {event.receive_time_ns for event in frames[3].events} == {NS + 7_000_000}


def test_without_receive_times_the_latest_venue_time_stands_for_it() -> None:
    frames, translator = both_ways(
        [
            line(pair(str(MS))),
            line(pair(str(MS + 9))),
            line(pair(str(MS + 2))),
            line(trade(YES)),
            line(trade(STRANGER) | {"timestamp": str(MS + 1_000)}),
            line(pair(str(MS + 9))),
        ]
    )
    assert [frame.receive_time_ns - NS for frame in frames] == [0, *[9_000_000] * 5]
    assert [event.venue_time_ns - NS for frame in frames for event in frame.events] == [
        0,
        9_000_000,
        2_000_000,
        0,
        9_000_000,
    ]
    assert translator.statistics.noted == {}


def test_a_receive_time_that_steps_back_is_held_and_noted() -> None:
    frames, translator = both_ways(
        [line(pair(), recv_ms=MS + 5), line(pair(), recv_ms=MS + 3), line(pair(), recv_ms=MS + 6)]
    )
    assert [frame.receive_time_ns - NS for frame in frames] == [5_000_000, 5_000_000, 6_000_000]
    assert [frame.events[0].receive_time_ns - NS for frame in frames][1] == 5_000_000
    assert translator.statistics.noted == {"receive_stepped_back": 1}


def test_a_size_with_too_many_decimals_is_cut_and_noted() -> None:
    frames, translator = both_ways(
        [
            line(
                price_change(
                    entry(YES, "0.41", "1.5899999999999999", "BUY"),
                    entry(NO, "0.59", "1.5899999999999999", "SELL"),
                )
            ),
            line(book(YES, [("0.1", "1.0000001")], [("0.9", "1.0000001")])),
            line(trade(YES, size="2.0000009")),
        ]
    )
    assert changes_of(frames[0].events[0]) == [(True, 410_000, 1_589_999)]
    assert translator.statistics.noted == {"size_cut": 5}


def test_a_market_known_by_one_token_only_has_no_other() -> None:
    lonely = Catalogue(
        markets={
            ConditionId(name): Market(
                condition_id=ConditionId(name), yes=TokenId(token), no=TokenId("")
            )
            for name, token in (("a", YES), ("b", OTHER_YES))
        }
    )
    frames, translator = both_ways(
        [
            line(price_change(entry(YES, "0.41", "7", "BUY"), entry("", "0.59", "7", "SELL"))),
            line(price_change(entry("", "0.59", "7", "SELL"))),
        ],
        lonely,
    )
    assert [len(frame.events) for frame in frames] == [1, 0]
    assert translator.statistics.unknown_tokens == 2


def test_one_line_can_be_translated_alone() -> None:
    translator = Translator(two_markets())
    assert list(translator.frame(line(pair())).events) == [bid_at_41()]
    assert list(translator.frame(b"?").events) == []
    assert translator.statistics.frames == 2


class PairsAfterTheFirst(Translator):
    """A translator that forgets the long way once it knows what time it is."""

    def translated(self, line: bytes) -> Frame:
        if self.statistics.frames:
            raise AssertionError(f"this line went the long way: {line!r}")
        return super().translated(line)


def test_the_commonest_line_does_not_go_the_long_way() -> None:
    lines = [line(pair()), line(pair(str(MS - 5))), line(pair(str(MS + 1)), recv_ms=MS + 2)]
    both_ways(lines)
    SIZES.clear()
    frames = PairsAfterTheFirst(two_markets()).frames(lines)
    assert [len(frame.events) for frame in frames] == [1, 1, 1]


DAY_MS = 86_400_000


def test_a_line_that_would_move_time_where_nobody_was_is_refused_and_moves_nothing() -> None:
    far = MS + 500 * DAY_MS
    frames, translator = both_ways(
        [
            line(pair(), recv_ms=MS),
            line(pair(), recv_ms=MS + 2 * DAY_MS),
            line(pair(str(far)), recv_ms=far),
            line({"event_type": "?"}, recv_ms=MS + DAY_MS),
            line(pair(str(far))),
            line(pair(str(MS + 1)), recv_ms=MS + 1),
        ]
    )
    assert [frame.receive_time_ns - NS for frame in frames] == [0, 0, 0, 0, 0, 1_000_000]
    assert [len(frame.events) for frame in frames] == [1, 0, 0, 0, 0, 1]
    assert translator.statistics.rejected == {"implausible_time": 3, "unknown_type": 1}


def test_a_pause_between_recordings_and_a_late_message_are_plausible() -> None:
    later = MS + 399 * DAY_MS
    frames, translator = both_ways(
        [
            line(pair(), recv_ms=MS),
            line(pair(str(later)), recv_ms=later + DAY_MS),
            line(pair(str(later)), recv_ms=later + DAY_MS + 3_599_999),
        ]
    )
    assert [len(frame.events) for frame in frames] == [1, 1, 1]
    assert translator.statistics.rejected == {}


def loss(*assets: str, recv_ms: int = MS) -> bytes:
    told = {"reason": "socket closed", "assets": assets}
    return json.dumps({"recv_ms": recv_ms, "seq": 0, "lost": told}).encode()


def test_a_recorded_loss_says_which_books_are_not_true_any_more() -> None:
    frames, translator = both_ways(
        [
            loss(),
            loss(NO, OTHER_YES, YES, STRANGER, recv_ms=MS + 1),
            loss(STRANGER, recv_ms=MS + 2),
            loss(recv_ms=MS + 600 * DAY_MS),
        ]
    )
    one, other = sorted(two_markets().markets)
    assert [list(frame.events) for frame in frames] == [
        [FeedLost(receive_time_ns=NS, reason="socket closed")],
        [
            FeedLost(
                receive_time_ns=NS + 1_000_000,
                reason="socket closed",
                condition_ids=(one, other),
            )
        ],
        [],
        [FeedLost(receive_time_ns=NS + 2_000_000, reason="socket closed")],
    ]
    assert translator.statistics.noted == {"feed_lost": 4}
    assert translator.statistics.messages == 0
