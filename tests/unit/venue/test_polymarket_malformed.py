"""Whatever is sent, nothing breaks: a message is translated whole or counted with its reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.messages import BookReplaced, LevelChanged, LevelsChanged
from polyarb.domain.units import ONE
from polyarb.venue.polymarket.channel.translate import Translator
from wire_cases import (
    MS,
    NO,
    OTHER_NO,
    OTHER_YES,
    STRANGER,
    YES,
    Json,
    book,
    both_ways,
    entry,
    line,
    pair,
    price_change,
    rejected,
    trade,
    two_markets,
)

GOOD = entry(YES, "0.41", "7", "BUY")


@pytest.mark.parametrize("price", ["0", "1", "-0.4", "1.2", "0.41001", "4e-1", "", "a", " 0.4"])
def test_a_price_off_the_lattice_turns_the_whole_message_down(price: str) -> None:
    assert rejected(price_change(GOOD, entry(NO, price, "7", "SELL"))) == {"bad_price": 1}
    assert rejected(book(YES, [("0.3", "1"), (price, "1")], [])) == {"bad_price": 1}
    assert rejected(trade(YES, price=price)) == {"bad_price": 1}


@pytest.mark.parametrize("size", ["-1", "1e3", "", "x", "1000000000001", "9" * 5_000, "NaN"])
def test_an_absurd_size_turns_the_whole_message_down(size: str) -> None:
    assert rejected(price_change(GOOD, entry(NO, "0.5", size, "SELL"))) == {"bad_size": 1}
    assert rejected(
        price_change(entry(YES, "0.41", size, "BUY"), entry(NO, "0.59", size, "SELL"))
    ) == {"bad_size": 1}
    assert rejected(book(YES, [], [("0.3", size)])) == {"bad_size": 1}
    assert rejected(trade(YES, size=size)) == {"bad_size": 1}


@pytest.mark.parametrize("tops", [("1", "0.6"), ("0.41", "1.5"), ("x", "0.6"), ("0.41", "-1")])
def test_an_impossible_top_turns_the_whole_message_down(tops: tuple[str, str]) -> None:
    message = price_change(entry(YES, "0.41", "7", "BUY", *tops), entry(NO, "0.59", "7", "SELL"))
    assert rejected(message) == {"bad_price": 1}


@pytest.mark.parametrize(
    "timestamp", ["", "x", "0", "1795262409", "1795262409390000", "-1795262409390", None, 1.5, []]
)
def test_a_timestamp_that_is_no_millisecond_is_malformed(timestamp: Json) -> None:
    assert rejected(pair(timestamp)) == {"malformed_message": 1}


@pytest.mark.parametrize(
    "message",
    [
        price_change(entry(YES, 0.41, "7", "BUY")),
        price_change(entry(YES, "0.41", 7, "BUY")),
        price_change(entry(YES, "0.41", "7", "buy")),
        price_change(entry(YES, "0.41", "7", None)),
        price_change(entry(YES, "0.41", "7", "BUY", 0.41)),
        price_change({"asset_id": YES, "price": "0.41", "side": "BUY"}),
        price_change("x"),
        {"event_type": "price_change", "timestamp": str(MS)},
        {"event_type": "book", "asset_id": YES, "timestamp": str(MS)},
        book(YES, [{"price": "0.4"}], []),
        {**pair(), "event_type": 5},
        {key: value for key, value in pair().items() if key != "event_type"},
        5,
        "text",
        None,
        True,
    ],
)
def test_a_message_of_the_wrong_form_is_malformed(message: Json) -> None:
    assert rejected(message) == {"malformed_message": 1}


def test_the_other_reasons_are_told_apart() -> None:
    tick = {"event_type": "tick_size_change", "asset_id": YES, "timestamp": str(MS)}
    assert rejected({"event_type": "weather"}) == {"unknown_type": 1}
    assert rejected({**pair(), "event_type": "weather"}) == {"unknown_type": 1}
    assert rejected(price_change()) == {"no_entries": 1}
    assert rejected(price_change(entry(STRANGER, "0.4", "1", "BUY"))) == {"unknown_token": 1}
    assert rejected(book(STRANGER, [], [])) == {"unknown_token": 1}
    assert rejected(trade(STRANGER)) == {"unknown_token": 1}
    assert rejected({**tick, "new_tick_size": "0.00001"}) == {"bad_tick": 1}
    assert rejected(book(YES, [("0.4", "1"), ("0.40", "2")], [])) == {"repeated_level": 1}
    for of_stranger in (
        {**tick, "asset_id": STRANGER, "new_tick_size": "0.01"},
        {"event_type": "best_bid_ask", "asset_id": STRANGER, "best_bid": "", "best_ask": "",
         "timestamp": str(MS)},
        {"event_type": "market_resolved", "market": "m", "winning_asset_id": STRANGER,
         "timestamp": str(MS)},
    ):  # fmt: skip
        assert rejected(of_stranger) == {"unknown_token": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PONG",
        b"\xff\xfe",
        b"{",
        b'{"msg":',
        b'{"msg": {"event_type": "book"}',
        b"5",
        b"[]",
        b"{}",
        b'{"recv_ns": 1, "seq": 0, "raw": "UE9ORw=="}',
        b'{"msg": [}',
        b'{"recv_ms": -1, "msg": []}',
        b'{"recv_ms": "x", "msg": []}',
        b'{"recv_ns": 1e300, "msg": []}',
        b'{"msg": {"event_type": "\xff"}}',
        b'{"msg": ' + b"[" * 100_000,
        b'{"msg": {"event_type": "book", "x": ' + b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_record_is_a_frame_without_events(content: bytes) -> None:
    frames, translator = both_ways([line(pair()), content])
    assert (frames[1].receive_time_ns, list(frames[1].events)) == (MS * 1_000_000, [])
    rejections = translator.statistics.rejected
    assert sum(rejections.values()) == 1
    assert set(rejections) <= {"malformed_line", "malformed_message"}


def test_an_empty_array_is_a_frame_and_no_fault() -> None:
    frames, translator = both_ways([line([])])
    assert list(frames[0].events) == []
    assert translator.statistics.messages == 0


def test_a_rejected_message_does_not_move_the_time() -> None:
    frames, _ = both_ways(
        [
            line(pair()),
            line(price_change(entry(YES, "7", "7", "BUY"), timestamp=str(MS + 1_000))),
            line(pair()),
        ]
    )
    assert [frame.receive_time_ns for frame in frames] == [MS * 1_000_000] * 3


TOKENS = st.sampled_from([YES, NO, OTHER_YES, OTHER_NO, STRANGER, ""])
PRICES = st.sampled_from(
    ["0.41", "0.59", "0.5", "0.50", "0.410", "0.4", "0.6", "0.999", "0.001", "0", "1", "0.41001",
     "", "x", "-0.4", None, 0.4]
)  # fmt: skip
SIZES = st.sampled_from(
    ["7", "7.0", "0", "12.5", "1.5899999999999999", "-1", "1e3", "1000000000001", "", None, 7]
)
SIDES = st.sampled_from(["BUY", "SELL", "SELL", "BUY", "buy", None])
TIMES = st.sampled_from([str(MS), str(MS + 1), str(MS - 5), str(MS + 40), "0", "x", None, MS])
TOPS = st.lists(PRICES, max_size=2)
ENTRIES = st.builds(
    lambda token, price, size, side, tops: entry(token, price, size, side, *tops),
    TOKENS, PRICES, SIZES, SIDES, TOPS,
)  # fmt: skip
LATTICE = st.integers(1, 99)


@st.composite
def pairs(draw: st.DrawFn) -> Json:
    """A mirrored pair, with at most one thing in it changed."""
    cents, size = draw(LATTICE), draw(st.integers(0, 10**9))
    side = draw(st.sampled_from(["BUY", "SELL"]))
    tops = [f"{draw(LATTICE) / 100}" for _ in range(2)] if draw(st.booleans()) else []
    tokens = draw(st.permutations(draw(st.sampled_from([(YES, NO), (OTHER_YES, OTHER_NO)]))))
    entries = [
        entry(tokens[0], f"{cents / 100}", f"{size / 100}", side, *tops),
        entry(
            tokens[1],
            f"{(100 - cents) / 100}",
            f"{size / 100}",
            "SELL" if side == "BUY" else "BUY",
        ),
    ]
    if draw(st.integers(0, 3)) == 0:
        changed = draw(st.sampled_from(entries))
        key = draw(st.sampled_from(["asset_id", "price", "size", "side", "best_bid", "best_ask"]))
        strategy = {"asset_id": TOKENS, "size": SIZES, "side": SIDES}.get(key, PRICES)
        changed[key] = draw(strategy)
    return price_change(*entries, timestamp=draw(TIMES))


MESSAGES = st.one_of(
    pairs(),
    st.builds(lambda entries, time: price_change(*entries, timestamp=time),
              st.lists(ENTRIES, max_size=4), TIMES),
    st.builds(book, TOKENS,
              *[st.lists(st.tuples(PRICES, SIZES), max_size=3)] * 2),
    st.builds(trade, TOKENS, PRICES, SIZES),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["event_type", "price_changes", "timestamp", "x"]), inner,
                          max_size=3),
        max_leaves=8,
    ),
)  # fmt: skip
BESIDE = st.fixed_dictionaries(
    {},
    optional={
        "recv_ms": st.sampled_from([None, MS, MS + 3, MS - 7, -1, "x"]),
        "recv_ns": st.sampled_from([None, MS * 1_000_000 + 5, 2**63]),
    },
)
LINES = st.one_of(
    st.builds(lambda message, beside: line(message, **beside), MESSAGES, BESIDE),
    st.builds(line, st.lists(MESSAGES, max_size=3)),
    st.binary(max_size=20),
)


@settings(max_examples=400)
@given(st.lists(LINES, max_size=6))
def test_the_fast_way_and_the_reference_agree_on_everything(lines: list[bytes]) -> None:
    frames, translator = both_ways(lines)
    times = [frame.receive_time_ns for frame in frames]
    assert times == sorted(times)
    for frame in frames:
        for event in frame.events:
            assert event.receive_time_ns <= frame.receive_time_ns
            if isinstance(event, LevelChanged | LevelsChanged):
                assert -1 <= event.best_bid < ONE
                assert event.best_ask == -1 or 0 < event.best_ask <= ONE
            if isinstance(event, BookReplaced):
                assert list(event.bids) == sorted(event.bids, reverse=True)
                assert all(size > 0 for _, size in event.bids + event.asks)
    assert translator.statistics.frames == len(lines)


@given(pairs(), st.data())
def test_a_good_line_cut_or_scratched_anywhere_breaks_nothing(
    message: Json, data: st.DataObject
) -> None:
    good = line(message, recv_ms=MS)
    place = data.draw(st.integers(0, len(good) - 1))
    scratched = bytearray(good)
    scratched[place] = data.draw(st.integers(0, 255))
    both_ways([good[:place], bytes(scratched), good])


def test_a_stream_of_nonsense_keeps_its_frame_numbers() -> None:
    lines = [b"?", line(pair()), b"", line({"event_type": "x"}), line(pair())]
    translator = Translator(two_markets())
    events = [len(frame.events) for frame in translator.frames(lines)]
    assert events == [0, 1, 0, 0, 1]


def test_a_pair_is_recognised_whatever_the_order_of_its_keys() -> None:
    message = pair()
    for turn in range(len(message)):
        keys = [*message][turn:] + [*message][:turn]
        frames, _ = both_ways([line({key: message[key] for key in keys})])
        assert len(frames[0].events) == 1


def test_statistics_are_a_copy() -> None:
    translator = Translator(two_markets())
    translator.frame(b"?")
    translator.statistics.rejected["malformed_line"] = 99
    assert translator.statistics.rejected == {"malformed_line": 1}
