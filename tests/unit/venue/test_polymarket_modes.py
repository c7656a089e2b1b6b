"""What a tape tells beside messages: a mode of the venue, other instruments, each in its place."""

import json

import pytest
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Market
from polyarb.domain.messages import FeedLost, TradePrinted
from polyarb.domain.surroundings import CatalogueChange, InstrumentsChanged, VenueModeChanged
from polyarb.domain.venue import VenueMode
from polyarb.store.recording import instruments_line, loss_line, mode_line
from polyarb.venue.polymarket.channel.translate import INSTRUMENTS, LEAP_NS_MAX, VENUE_MODE
from wire_cases import NS, ONE_MARKET, STRANGER, YES, both_ways, line, pair, trade


@pytest.mark.parametrize("mode", list(VenueMode))
def test_every_mode_is_told_with_its_reason_and_time(mode: VenueMode) -> None:
    told = mode_line(mode, 'answers "425"\n', NS, 0)
    frames, translator = both_ways([told, line(pair(), recv_ns=NS + 5)])
    expected = VenueModeChanged(receive_time_ns=NS, mode=mode, reason='answers "425"\n')
    assert frames[0].events == (expected,) and frames[0].receive_time_ns == NS
    assert translator.statistics.noted == {VENUE_MODE: 1}
    assert translator.statistics.messages == 1


def test_a_mode_that_is_none_is_a_malformed_line() -> None:
    for told in ({"mode": "closed"}, {"reason": "x"}, "down", {"mode": 3}):
        text = json.dumps({"recv_ns": NS, "seq": 0, "mode": told}).encode()
        frames, translator = both_ways([text])
        assert frames[0].events == ()
        assert translator.statistics.rejected == {"malformed_line": 1}


def test_a_message_beside_which_a_mode_stands_is_a_message() -> None:
    frames, translator = both_ways([line(pair(), mode={"mode": "down", "reason": "x"})])
    assert len(frames[0].events) == 1 and translator.statistics.noted == {}


def test_time_never_goes_back_and_never_leaps_to_where_nobody_has_been() -> None:
    frames, _ = both_ways(
        [
            line(pair(), recv_ns=NS + 9),
            mode_line(VenueMode.DOWN, "late", NS, 1),
            mode_line(VenueMode.OK, "far", NS + 2 * LEAP_NS_MAX, 2),
            loss_line("lost", (), NS + 10, 3),
        ]
    )
    assert [frame.receive_time_ns - NS for frame in frames] == [9, 9, 9, 10]
    assert isinstance(frames[3].events[0], FeedLost)


def test_tokens_of_other_instruments_are_known_from_their_line_on() -> None:
    market = Market(condition_id=ConditionId("0xnew"), yes=TokenId(STRANGER), no=TokenId("41" * 38))
    change = CatalogueChange(markets=(market,), left=(ONE_MARKET,))
    told = trade(STRANGER)
    frames, translator = both_ways(
        [
            line(told, recv_ns=NS),
            instruments_line(change, NS + 1, 1),
            line(told, recv_ns=NS + 2),
            line(trade(YES), recv_ns=NS + 3),
        ]
    )
    assert not frames[0].events
    assert frames[1].events == (InstrumentsChanged(receive_time_ns=NS + 1, change=change),)
    (printed,) = frames[2].events
    assert isinstance(printed, TradePrinted) and printed.condition_id == "0xnew"
    assert len(frames[3].events) == 1
    assert translator.statistics.noted == {INSTRUMENTS: 1}


def test_instruments_that_cannot_be_read_are_a_malformed_line() -> None:
    text = json.dumps({"recv_ns": NS, "instruments": {"markets": [{"slug": "x"}]}}).encode()
    frames, translator = both_ways([text])
    assert frames[0].events == () and translator.statistics.rejected == {"malformed_line": 1}
