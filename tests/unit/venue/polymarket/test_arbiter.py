"""Failover, isolation, fresh snapshots and cutting, one rule at a time."""

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue, Market
from polyarb.store.recording import tape_line
from polyarb.venue.polymarket.arbitration.arbiter import Arbiter
from polyarb.venue.polymarket.arbitration.peeking import decode_pair
from polyarb.venue.polymarket.arbitration.scoring import Fault, Judging
from polyarb.venue.polymarket.arbitration.state import Patience, SourceSpec
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.sources import Line, Loss
from polyarb.venue.polymarket.stream.faults import LossReason
from tests.arbiter_cases import MARKETS, Case
from tests.simulated_sources import MS, SECOND, START_NS, messages_of

T = START_NS // MS
YES, NO = "A:YES", "A:NO"


class Bench:
    """An arbiter of two streams and a poll over one market, fed by hand."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.out: list[Line | Loss] = []
        self.asked: list[tuple[str, frozenset[str]]] = []
        self.arbiter = Arbiter(
            (
                SourceSpec(name="one"),
                SourceSpec(name="two"),
                SourceSpec(name="poll", is_last_resort=True, tells_every_change=False),
            ),
            self.out.append,
            lambda source, assets: self.asked.append((source, assets)),
            patience,
        )
        self.now = START_NS
        self.arbiter.set_assets([(YES, NO)], self.now)

    def tell(self, frame: bytes, source: str = "one") -> list[Line | Loss]:
        before = len(self.out)
        self.arbiter.frame(source, frame, self.now)
        return [self.plain(item) for item in self.out[before:]]

    def plain(self, item: Line | Loss) -> Line | Loss:
        """Check what a line was read as, then leave it out."""
        if isinstance(item, Loss) or item.pair is None:
            return item
        assert item.pair == decode_pair(item.frame)
        return Line(item.receive_time_ns, item.frame)

    def begin(self, source: str = "one", at: int = 0) -> None:
        self.tell(book(YES, at), source)
        self.tell(book(NO, at), source)

    def wait(self, milliseconds: int, step: int = 100) -> list[Line | Loss]:
        before = len(self.out)
        for _ in range(0, milliseconds, step):
            self.now += step * MS
            self.arbiter.tick(self.now)
        return self.out[before:]

    @property
    def in_use(self) -> list[str]:
        return [one.source for one in self.arbiter.statistics if one.markets]

    def counted(self, source: str) -> dict[str, int]:
        return next(one.faults for one in self.arbiter.statistics if one.source == source)


def book(token: str, at: int, *, bid: int = 40, ask: int = 60, size: int = 7) -> bytes:
    low, high = (bid, ask) if token.endswith("YES") else (100 - ask, 100 - bid)
    return json.dumps(
        {
            "event_type": "book",
            "asset_id": token,
            "timestamp": str(T + at),
            "hash": f"{token}{at}{bid}{ask}{size}",
            "bids": [{"price": f"0.{low:02d}", "size": str(size)}],
            "asks": [{"price": f"0.{high:02d}", "size": str(size)}],
        }
    ).encode()


def change(
    at: int, *, price: int = 30, size: int = 5, top: tuple[int, int] = (40, 60), second: int = 0
) -> bytes:
    return json.dumps(
        {
            "event_type": "price_change",
            "price_changes": [
                _entry(YES, price, size, "BUY", top),
                _entry(NO, 100 - price, second or size, "SELL", (100 - top[1], 100 - top[0])),
            ],
            "timestamp": str(T + at),
        }
    ).encode()


def _entry(token: str, price: int, size: int, side: str, top: tuple[int, int]) -> dict[str, str]:
    return {
        "asset_id": token,
        "price": f"0.{price:02d}",
        "size": str(size),
        "side": side,
        "best_bid": f"0.{top[0]:02d}",
        "best_ask": f"0.{top[1]:02d}",
    }


def test_the_commonest_message_goes_on_with_what_it_was_read_as() -> None:
    it = Bench()
    it.begin()
    whole = change(4)
    it.tell(whole)
    assert it.out[-1] == Line(it.now, whole, decode_pair(whole))
    it.tell(book(YES, 5))
    assert it.out[-1] == Line(it.now, book(YES, 5))


def test_nothing_of_a_token_goes_on_before_its_book() -> None:
    it = Bench()
    assert it.tell(change(1)) == []
    assert it.tell(book(YES, 2)) == [Line(it.now, book(YES, 2))]
    (cut,) = it.tell(change(3))
    assert isinstance(cut, Line)
    assert [one["asset_id"] for one in messages_of(cut.frame)[0]["price_changes"]] == [YES]  # type: ignore[attr-defined]
    it.tell(book(NO, 3))
    assert it.tell(change(4)) == [Line(it.now, change(4))]


def test_a_second_stream_is_heard_but_not_passed_on() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    assert it.tell(change(1), "two") == []
    assert it.tell(change(1)) == [Line(it.now, change(1))]


def test_a_lost_connection_is_a_loss_then_nothing_until_the_other_sources_books() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.arbiter.lost("one", {YES, NO}, LossReason.DROPPED, it.now)
    assert isinstance(it.out[-1], Loss)
    assert it.out[-1].assets == {YES, NO}
    assert it.asked == [("two", frozenset({YES, NO}))]
    assert it.tell(change(5), "two") == []
    assert it.tell(change(5), "one") == []
    it.begin("two", 5)
    assert it.in_use == ["two"]
    assert it.tell(change(6), "two") == [Line(it.now, change(6))]


def test_without_any_good_source_there_is_one_loss_and_nothing_more_until_a_book_comes() -> None:
    it = Bench()
    it.begin()
    for source in ("poll", "two", "one"):
        it.arbiter.lost(source, (), LossReason.DROPPED, it.now)
    assert len([item for item in it.out if isinstance(item, Loss)]) == 1
    assert it.wait(5_000) == []
    it.begin("two", 9)
    assert it.in_use == ["two"]
    assert it.arbiter.live_markets == 1


def test_a_freeze_that_another_stream_shows_ends_in_a_switch_within_a_second() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.wait(1_000)
    it.tell(change(1_001), "two")
    (loss,) = it.wait(900)
    assert isinstance(loss, Loss)
    assert loss.receive_time_ns - START_NS <= 2_000 * MS
    assert ("two", frozenset({YES, NO})) in it.asked
    assert it.in_use == ["two"]


def test_who_catches_up_in_time_is_not_left() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.tell(change(1), "two")
    it.wait(500)
    assert it.tell(change(1))
    assert it.wait(2_000) == []


def test_having_caught_up_with_one_change_does_not_excuse_the_next() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.tell(change(1), "two")
    it.tell(change(2, size=6), "two")
    it.tell(change(1))
    assert [type(item) for item in it.wait(900)] == [Loss]


def test_a_change_that_only_the_other_stream_told_costs_the_book() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.tell(change(1), "two")
    it.tell(change(2, size=6), "two")
    (loss,) = it.tell(change(2, size=6))
    assert isinstance(loss, Loss)
    assert it.counted("one") == {Fault.SKIPPED: 1}


def test_a_change_that_the_other_stream_tells_later_costs_the_book_too() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.tell(change(1))
    it.tell(change(3, size=6))
    it.tell(change(1), "two")
    (loss,) = it.tell(change(2, size=4), "two")
    assert isinstance(loss, Loss)
    assert it.counted("one") == {Fault.SKIPPED: 1}
    assert it.counted("two") == {}


def test_a_book_older_than_what_any_stream_told_is_not_taken() -> None:
    it = Bench()
    it.begin()
    it.begin("two")
    it.tell(change(2_000), "two")
    it.now += 2_000 * MS
    it.tell(change(2_000))
    it.arbiter.lost("one", (), LossReason.DROPPED, it.now)
    assert it.tell(book(YES, 100), "two") == []
    assert it.tell(book(YES, 2_000), "two") != []
    assert it.counted("two") == {Fault.STALE_BOOK: 1}


def test_a_market_that_is_suddenly_hollow_has_to_be_so_twice() -> None:
    it = Bench()
    it.begin()
    (loss,) = it.tell(book(YES, 5, bid=1, ask=99))
    assert isinstance(loss, Loss)
    assert it.tell(book(YES, 6, bid=1, ask=99)) == []
    it.now += 600 * MS
    assert it.tell(book(YES, 7, bid=1, ask=99)) != []
    assert it.tell(book(NO, 7, bid=1, ask=99)) != []
    assert it.arbiter.live_markets == 1


def test_tokens_that_disagree_cost_the_book() -> None:
    it = Bench()
    it.begin()
    (loss,) = it.tell(change(1, size=5, second=6))
    assert isinstance(loss, Loss)
    assert it.counted("one") == {Fault.UNMIRRORED: 1}


def test_sister_books_of_one_time_must_mirror() -> None:
    it = Bench()
    it.tell(book(YES, 1))
    (loss,) = it.tell(book(NO, 1, bid=41))
    assert isinstance(loss, Loss)


def test_a_message_of_the_future_is_not_taken() -> None:
    it = Bench()
    it.begin()
    (loss,) = it.tell(change(60_000))
    assert isinstance(loss, Loss)
    assert it.counted("one") == {Fault.AHEAD_OF_TIME: 1}
    assert it.tell(book(YES, 60_000)) == []


def test_who_has_too_many_faults_is_isolated_and_comes_back_after_probation_only() -> None:
    judging = Judging(faults_max=3, probation_ms=10_000)
    it = Bench(Patience(judging=judging))
    it.begin()
    it.begin("two")
    for _ in range(3):
        it.arbiter.doubt([YES], Fault.DOUBTED, it.now)
        it.now += 300 * MS
        it.begin(at=it.now // MS - T)
    first = it.arbiter.statistics[0]
    assert first.isolated == Fault.DOUBTED
    assert it.in_use == ["two"]
    it.begin("two", 2_000)
    for place in range(80):
        it.tell(change(2_000 + place, size=place + 1), "one")
        it.tell(change(2_000 + place, size=place + 1), "two")
        it.wait(100)
        assert it.arbiter.statistics[0].isolated
    for place in range(80, 110):
        it.tell(change(2_000 + place, size=place + 1), "one")
        it.tell(change(2_000 + place, size=place + 1), "two")
        it.wait(100)
    assert not it.arbiter.statistics[0].isolated
    assert it.in_use == ["two"]


def test_a_source_that_does_not_answer_is_passed_over() -> None:
    it = Bench()
    it.wait(1_200)
    assert it.asked[0] == ("two", frozenset({YES, NO}))
    it.wait(1_200)
    assert it.asked[1] == ("poll", frozenset({YES, NO}))


def test_the_last_resort_is_left_once_a_stream_has_been_good_for_a_while() -> None:
    it = Bench()
    it.begin()
    for source in ("two", "one"):
        it.arbiter.lost(source, (), LossReason.DROPPED, it.now)
    it.begin("poll", 1)
    assert it.in_use == ["poll"]
    it.begin("two", 2)
    assert it.in_use == ["poll"]
    assert any(isinstance(item, Loss) for item in it.wait(5_400))
    assert it.in_use == ["two"]


def test_a_source_that_tells_nothing_at_all_is_left() -> None:
    it = Bench()
    it.begin()
    losses = [item for item in it.wait(31_000, 500) if isinstance(item, Loss)]
    assert [loss.reason for loss in losses] == [f"one: {Fault.SILENT}"]


def test_what_was_asked_for_anew_is_no_fault() -> None:
    it = Bench()
    it.begin()
    it.arbiter.lost("one", {YES, NO}, LossReason.ASKED_ANEW, it.now)
    assert isinstance(it.out[-1], Loss)
    assert it.in_use == ["one"]
    assert it.counted("one") == {}
    it.begin(at=0)
    assert it.arbiter.live_markets == 1


def test_a_tick_change_waits_for_the_book_and_a_trade_does_not_come_after_it() -> None:
    it = Bench()
    tick = b'{"event_type":"tick_size_change","asset_id":"A:YES","timestamp":"%d"}' % T
    trade = b'{"event_type":"last_trade_price","asset_id":"A:YES","timestamp":"%d"}' % T
    assert it.tell(tick) == it.tell(trade) == it.tell(tick, "two") == []
    it.begin()
    (line,) = it.out[1:]
    assert isinstance(line, Line)
    assert line.frame == b"[" + book(NO, 0) + b"," + tick + b"]"
    assert it.tell(trade) == [Line(it.now, trade)]


def test_news_of_no_market_goes_on_from_the_best_source_alone() -> None:
    it = Bench()
    news = b'{"event_type":"new_market","timestamp":"%d"}' % T
    assert it.tell(news) == [Line(it.now, news)]
    assert it.tell(news, "two") == []


def test_an_array_goes_on_whole_or_in_the_parts_that_may() -> None:
    it = Bench()
    whole = b"[" + book(YES, 0) + b"," + book(NO, 0) + b"]"
    assert it.tell(whole) == [Line(it.now, whole)]
    mixed = b"[" + change(1) + b"," + change(1) + b"," + book("X:YES", 1) + b"]"
    assert it.tell(mixed) == [Line(it.now, change(1))]


def test_what_cannot_be_read_is_counted_and_not_passed_on() -> None:
    it = Bench()
    it.begin()
    for junk in (b"", b"{", b"[1]", b'{"event_type":"book"}', b"\xff"):
        assert it.tell(junk) == []
    assert it.counted("one") == {Fault.MALFORMED: 5}
    (loss,) = it.tell(change(1).replace(b'"0.30"', b'"0.xx"'))
    assert isinstance(loss, Loss)


def test_markets_that_are_no_longer_asked_for_are_lost() -> None:
    it = Bench()
    it.begin()
    it.arbiter.set_assets([("B:YES", "B:NO")], it.now)
    assert it.out[-1] == Loss(it.now, LossReason.UNSUBSCRIBED, frozenset({YES, NO}))
    assert it.tell(change(1)) == []
    assert it.arbiter.claim(YES) is None


def test_the_claim_is_what_was_last_told_of_a_token() -> None:
    it = Bench()
    it.begin()
    claim = it.arbiter.claim(YES)
    assert claim is not None
    assert claim.hash == "A:YES04060" + "7"
    it.tell(change(1, price=45, top=(45, 60)))
    claim = it.arbiter.claim(NO)
    assert claim is not None
    assert (claim.source, claim.venue_time_ms) == ("one", T + 1)
    assert claim.top == (400_000, 550_000)


def test_time_never_goes_back_over_two_sources() -> None:
    it = Bench()
    it.begin()
    it.now += 5 * MS
    it.tell(change(1))
    it.now -= 3 * MS
    (line,) = it.tell(change(2, size=6))
    assert line.receive_time_ns == START_NS + 5 * MS


def test_a_frozen_stream_is_left_while_a_dead_socket_of_one_market_fails_over_alone() -> None:
    it = Case(3)
    it.live(1)
    it.arbiter.lost("stream-1", {"B:YES", "B:NO"}, LossReason.DROPPED, it.clock.now_ns)
    it.live(2)
    markets = {one.source: one.markets for one in it.arbiter.statistics}
    assert markets == {"stream-1": 2, "stream-2": 1}
    began_ns = it.clock.now_ns
    it.streams[0].freeze(MARKETS, 60 * SECOND)
    it.live(2.0)
    assert it.sources_in_use() == {"stream-2"}
    late = [at_ns for at_ns, _ in it.losses if at_ns > began_ns]
    assert max(late) - began_ns <= 2 * SECOND
    it.clock.run_for(SECOND)
    assert it.is_true()


def single(at: int, *entries: Mapping[str, object]) -> bytes:
    message = {"event_type": "price_change", "price_changes": entries, "timestamp": str(T + at)}
    return json.dumps(message).encode()


def test_a_change_of_one_token_or_of_several_levels_goes_on_too() -> None:
    it = Bench()
    it.begin()
    one = single(1, _entry(YES, 30, 5, "BUY", (40, 60)))
    three = single(2, *(_entry(YES, price, 5, "BUY", (40, 60)) for price in (30, 31, 32)))
    assert it.tell(one) == [Line(it.now, one)]
    assert it.tell(three) == [Line(it.now, three)]
    assert it.tell(one) == []
    (loss,) = it.tell(single(1, _entry(YES, 29, 5, "BUY", (40, 60))))
    assert isinstance(loss, Loss)
    assert it.arbiter.verdicts == {"REPEATED": 1, "LATE": 1}


def test_a_change_without_entries_or_of_the_future_costs_the_book() -> None:
    it = Bench()
    it.begin()
    old = b'{"event_type":"price_change","asset_id":"A:YES","changes":[],"timestamp":"%d"}' % T
    (loss,) = it.tell(old)
    assert isinstance(loss, Loss)
    it.begin()
    (loss,) = it.tell(single(90_000, _entry(YES, 30, 5, "BUY", (40, 60))))
    assert isinstance(loss, Loss)
    assert it.counted("one") == {Fault.AHEAD_OF_TIME: 1, Fault.MALFORMED: 1}


_PAIR = [_entry(YES, 30, 5, "BUY", (40, 60)), _entry(NO, 70, 5, "SELL", (40, 60))]
_ILL: dict[str, list[dict[str, object]]] = {
    "size is no number": [entry | {"size": "many"} for entry in _PAIR],
    "size is negative": [entry | {"size": "-5"} for entry in _PAIR],
    "size of more than there is": [entry | {"size": "9" * 20} for entry in _PAIR],
    "size is a number of JSON": [entry | {"size": 5} for entry in _PAIR],
    "size is missing": [{"asset_id": YES, "price": "0.3", "side": "BUY"}],
    "side is unknown": [entry | {"side": "HOLD"} for entry in _PAIR],
    "size of one token": [_PAIR[0] | {"size": "1e3"}],
    "size of several levels": [*_PAIR, _PAIR[0] | {"price": "0.31", "size": ""}],
    "price off the lattice": [entry | {"price": "0.30001"} for entry in _PAIR],
    "best bid is no number": [entry | {"best_bid": "high"} for entry in _PAIR],
    "best bid is no number, without an ask": [
        entry | {"best_bid": "high", "best_ask": None} for entry in _PAIR
    ],
    "best ask of one token": [_PAIR[0] | {"best_ask": "1.5"}],
}


@pytest.mark.parametrize("name", _ILL)
def test_what_could_not_be_translated_costs_the_book_instead_of_being_passed_on(name: str) -> None:
    it = Bench()
    it.begin()
    (loss,) = it.tell(single(1, *_ILL[name]))
    assert isinstance(loss, Loss)
    assert it.counted("one") == {Fault.MALFORMED: 1}


def test_a_book_that_tells_a_level_twice_is_not_taken() -> None:
    it = Bench()
    level = b'{"price": "0.40", "size": "7"}'
    twice = book(YES, 1).replace(level, level + b", " + level)
    assert it.tell(twice) == []
    it.begin(at=2)
    (loss,) = it.tell(twice.replace(str(T + 1).encode(), str(T + 3).encode()))
    assert isinstance(loss, Loss)
    assert it.counted("one")[Fault.MALFORMED] >= 1


def test_what_cannot_be_read_and_is_of_no_book_of_ours_costs_nothing() -> None:
    it = Bench()
    it.begin()
    for frame in (
        b'{"event_type":"price_change","price_changes":5}',
        b'{"event_type":"price_change","price_changes":[5,{"asset_id":7},{"asset_id":"C"}]}',
        b'{"event_type":"novelty","asset_id":"A:YES"}',
        b'{"asset_id":"A:YES"}',
        b"[5]",
    ):
        assert it.tell(frame) == []
    assert it.counted("one") == {Fault.MALFORMED: 5}


_NUMERALS = st.one_of(
    st.sampled_from(
        ["0.3", "0.30", "0.300", "0.0001", "5", "0", "1", "", "-1", "1e3", "0.1234567"]
    ),
    st.text(alphabet="0123456789.-e \u0663", max_size=12),
    st.none(),
)
_ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "asset_id": st.sampled_from([YES, NO]),
            "price": _NUMERALS,
            "size": _NUMERALS,
            "side": st.sampled_from(["BUY", "SELL", "buy"]),
            "best_bid": _NUMERALS,
            "best_ask": _NUMERALS,
        }
    ),
    max_size=3,
)


@given(st.lists(_ENTRIES, min_size=1, max_size=4), st.booleans())
def test_whatever_is_passed_on_is_translated(
    told: list[list[dict[str, object]]], is_mirrored: bool
) -> None:
    """What the engine could not read would leave its book untrue while the arbiter trusts it."""
    it = Bench()
    it.begin()
    for at, entries in enumerate(told, start=1):
        is_pair = is_mirrored and bool(entries)
        it.tell(single(at, *([entries[0], mirror_of(entries[0])] if is_pair else entries)))
    market = Market(condition_id=ConditionId("A"), yes=TokenId(YES), no=TokenId(NO))
    translator = Translator(Catalogue(markets={market.condition_id: market}))
    lines = [
        tape_line(item.frame, item.receive_time_ns, number)
        for number, item in enumerate(it.out)
        if isinstance(item, Line)
    ]
    assert all(frame.events for frame in translator.frames(lines))
    assert not translator.statistics.rejected


def mirror_of(entry: dict[str, object]) -> dict[str, object]:
    """Say the same of the other token, as well as that can be said."""
    price = str(entry["price"])
    try:
        mirrored = f"{1 - Decimal(price):.{len(price.partition('.')[2])}f}"
    except ArithmeticError:
        mirrored = price
    other = {YES: NO, NO: YES}[str(entry["asset_id"])]
    side = {"BUY": "SELL"}.get(str(entry["side"]), "BUY")
    return entry | {"asset_id": other, "price": mirrored, "side": side}


def test_a_change_of_two_markets_is_cut_to_the_one_that_may_go_on() -> None:
    it = Bench()
    it.arbiter.set_assets([(YES, NO), ("B:YES", "B:NO")], it.now)
    it.begin()
    both = single(1, _entry(YES, 30, 5, "BUY", (40, 60)), _entry("B:YES", 30, 5, "BUY", (40, 60)))
    (line,) = it.tell(both)
    assert isinstance(line, Line)
    assert line.frame == single(1, _entry(YES, 30, 5, "BUY", (40, 60))).replace(
        b": ", b":"
    ).replace(b", ", b",")


def test_after_the_venue_was_down_every_book_is_lost_and_asked_for() -> None:
    it = Bench()
    it.begin()
    it.now += SECOND
    it.arbiter.lose_all("the venue was down", it.now)
    assert it.out[-1] == Loss(it.now, "the venue was down", frozenset({YES, NO}))
    assert it.asked == [("one", frozenset({YES, NO}))]
    assert (it.arbiter.losses, it.arbiter.switches) == (1, 0)
    it.tell(book(YES, 5))
    it.wait(20_000)
    assert it.asked.count(("one", frozenset({YES, NO}))) == 4
