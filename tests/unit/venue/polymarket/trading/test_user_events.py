"""What the user channel and the reads tell of orders and trades is read whole, or not at all."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.ids import OrderId
from polyarb.domain.order import OrderStatus, TradeStatus
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.trading.belief import Belief
from polyarb.venue.polymarket.trading.outcomes import (
    Absent,
    Accepted,
    AcceptedStatus,
    Rejected,
    Unknown,
    UnknownCause,
)
from polyarb.venue.polymarket.trading.reasons import RejectReason
from polyarb.venue.polymarket.trading.record_wire import (
    ORDER_STATES,
    TRADE_STATES,
    OrderWire,
    TradeWire,
    order_of,
    trade_of,
)
from polyarb.venue.polymarket.trading.user_events import (
    OrderTold,
    TornFrameError,
    TradeTold,
    read_frame,
)

OWN, OTHER = "own-key", "other-key"
ORDER_ID, MAKER_ID = OrderId("0x" + "ab" * 32), OrderId("0x" + "cd" * 32)
SHARE = 1_000_000
ORDER = {
    "event_type": "order",
    "type": "PLACEMENT",
    "id": ORDER_ID,
    "owner": OWN,
    "market": "0x" + "1" * 64,
    "asset_id": "71",
    "side": "BUY",
    "price": "0.5",
    "original_size": "10",
    "size_matched": "0",
    "status": "LIVE",
    "associate_trades": [],
    "created_at": "1795262409",
}
MAKER = {
    "order_id": MAKER_ID,
    "owner": OWN,
    "matched_amount": "4",
    "price": "0.4",
    "asset_id": "52",
    "side": "SELL",
}
TRADE = {
    "event_type": "trade",
    "type": "TRADE",
    "id": "t1",
    "taker_order_id": ORDER_ID,
    "market": "0x" + "1" * 64,
    "asset_id": "71",
    "side": "BUY",
    "size": "10",
    "price": "0.6",
    "status": "MATCHED",
    "trader_side": "TAKER",
    "transaction_hash": "",
    "maker_orders": [{**MAKER, "owner": OTHER}],
}


def frame(*rows: object) -> bytes:
    return msgspec.json.encode(rows[0] if len(rows) == 1 else list(rows))


def order(**more: object) -> OrderTold:
    (told,) = read_frame(frame({**ORDER, **more}), OWN, 1)
    assert isinstance(told, OrderTold)
    return told


def trade(**more: object) -> TradeTold:
    (told,) = read_frame(frame({**TRADE, **more}), OWN, 1)
    assert isinstance(told, TradeTold)
    return told


def test_a_frame_is_one_message_or_several_and_strangers_are_left_out() -> None:
    told = read_frame(frame(ORDER, {"event_type": "news"}, TRADE), OWN, 7)
    assert [type(each) for each in told] == [OrderTold, TradeTold]
    assert all(each.receive_time_ns == 7 for each in told)
    assert read_frame(b"{}", OWN, 1) == []


def test_the_taker_has_the_top_and_the_maker_its_own_entry() -> None:
    (fill,) = trade().trade.fills
    assert (fill.order_id, fill.shares, fill.is_maker) == (ORDER_ID, 10 * SHARE, False)
    (fill,) = trade(trader_side="MAKER", maker_orders=[MAKER]).trade.fills
    assert (fill.order_id, fill.token_id, fill.side) == (MAKER_ID, "52", Side.SELL)
    assert (fill.shares, fill.price, fill.is_maker) == (4 * SHARE, 400_000, True)
    both = trade(maker_orders=[MAKER]).trade
    assert [each.is_maker for each in both.fills] == [False, True]


@pytest.mark.parametrize(
    "content",
    [
        frame(ORDER)[:-3],
        frame({**ORDER, "price": 0.5}),
        frame({**ORDER, "price": "1e2"}),
        frame({**ORDER, "type": "NONE"}),
        frame({**ORDER, "side": "HOLD"}),
        frame({key: told for key, told in ORDER.items() if key != "size_matched"}),
        frame({**TRADE, "status": "GUESSED"}),
        frame({**TRADE, "trader_side": "MAKER"}),
        b"\xff\xfe",
        b"[" * 100_000,
        b"nonsense",
    ],
    ids=range(11),
)
def test_a_frame_that_is_not_whole_is_torn(content: bytes) -> None:
    with pytest.raises(TornFrameError):
        read_frame(content, OWN, 1)


def test_every_documented_state_is_known_with_and_without_its_prefix() -> None:
    wire = msgspec.convert(ORDER, OrderWire)
    for text, status in ORDER_STATES.items():
        for spelled in (text, f"ORDER_STATUS_{text}", text.lower()):
            read = order_of(msgspec.structs.replace(wire, status=spelled))
            assert read.status is status
    assert order_of(msgspec.structs.replace(wire, status="NEW")).status is OrderStatus.UNKNOWN
    traded = msgspec.convert(TRADE, TradeWire)
    for text, known in TRADE_STATES.items():
        read_trade = trade_of(msgspec.structs.replace(traded, status=f"TRADE_STATUS_{text}"), OWN)
        assert read_trade.status is known


def test_an_answer_never_undoes_what_the_venue_told() -> None:
    for answer in (
        Accepted(order_id=ORDER_ID, status=AcceptedStatus.LIVE),
        Rejected(order_id=ORDER_ID, reason=RejectReason.TOO_SMALL, told=""),
        Unknown(order_id=ORDER_ID, cause=UnknownCause.TIMEOUT, told=""),
    ):
        belief = Belief()
        belief.told(order(status="MATCHED", size_matched="10"))
        belief.placed(answer)
        assert belief.orders[ORDER_ID].status is OrderStatus.MATCHED
    belief.resolved(Absent(order_id=ORDER_ID, reads=4))
    assert belief.orders[ORDER_ID].status is OrderStatus.MATCHED


def test_an_answer_alone_is_believed_as_far_as_it_is_certain() -> None:
    for answer, status in (
        (Accepted(order_id=ORDER_ID, status=AcceptedStatus.DELAYED), OrderStatus.DELAYED),
        (Accepted(order_id=ORDER_ID, status=AcceptedStatus.MATCHED), OrderStatus.LIVE),
        (Unknown(order_id=ORDER_ID, cause=UnknownCause.TIMEOUT, told=""), OrderStatus.UNKNOWN),
    ):
        belief = Belief()
        belief.placed(answer)
        assert belief.orders[ORDER_ID].status is status
        assert belief.open_orders() == {ORDER_ID}
    belief = Belief()
    belief.placed(Rejected(order_id=ORDER_ID, reason=RejectReason.TOO_SMALL, told=""))
    assert belief.orders[ORDER_ID].status is OrderStatus.REJECTED and not belief.open_orders()


STEPS = [
    order(),
    order(type="UPDATE", size_matched="4"),
    order(type="UPDATE", size_matched="10", status="MATCHED"),
]
TRADES = [
    trade(),
    trade(status="MINED", transaction_hash="0x1"),
    trade(status="CONFIRMED", transaction_hash="0x2"),
]


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.permutations(STEPS + TRADES + STEPS + TRADES))
def test_whatever_the_order_and_however_often_the_belief_is_the_same(
    told: list[OrderTold | TradeTold],
) -> None:
    belief = Belief()
    for event in told:
        belief.told(event)
    known = belief.orders[ORDER_ID]
    assert known.status is OrderStatus.MATCHED and known.is_final
    assert known.told is not None and known.told.shares_matched == 10 * SHARE
    assert belief.trades["t1"].transaction_hash == "0x2"
    assert belief.shares(ORDER_ID, TradeStatus.CONFIRMED) == 10 * SHARE
    assert not belief.open_trades() and not belief.open_orders()


def test_a_trade_that_failed_is_no_share_of_anything() -> None:
    belief = Belief()
    for status in ("MATCHED", "RETRYING", "MINED", "RETRYING", "FAILED", "MATCHED"):
        belief.told(trade(status=status))
    assert belief.shares(ORDER_ID, TradeStatus.FAILED) == 10 * SHARE
    assert belief.shares(ORDER_ID, TradeStatus.MATCHED, TradeStatus.CONFIRMED) == 0
