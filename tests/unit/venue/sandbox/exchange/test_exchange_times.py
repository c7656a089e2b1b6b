"""What happens by itself: expiry, held takers, deferred orders, heartbeats, restarts."""

import pytest
from polyarb.domain.order import TimeInForce
from polyarb.domain.units import MICRO
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.sandbox.terms.announcements import ModeChanged, OrderChanged
from polyarb.venue.sandbox.terms.orders import (
    ExchangeMode,
    Heartbeat,
    OrderState,
    Placement,
    PlacementStatus,
    RefusalReason,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from tests.exchange_cases import (
    ANNA,
    BERT,
    CARA,
    CONDITION,
    MS_NS,
    OPENED_NS,
    OPENED_S,
    SECOND_NS,
    YES,
    Trading,
    accepted,
    canceled,
    fingerprint,
    refusal,
)

HOLD_MS = 250


def state_of(trading: Trading, order_id: str) -> OrderState:
    record = trading.exchange.order(order_id)
    assert record
    return record.state


def test_time_never_goes_back() -> None:
    trading = Trading()
    trading.exchange.advance(OPENED_NS + 5)
    trading.exchange.advance(OPENED_NS + 3)
    assert trading.exchange.now_ns == OPENED_NS + 5
    assert trading.exchange.next_due_ns == FAR_FUTURE_NS


def test_a_gtd_order_is_cancelled_a_minute_before_its_expiration() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40", expiration_s=OPENED_S + 180)
    due_ns = OPENED_NS + 120 * SECOND_NS
    assert trading.exchange.next_due_ns == due_ns
    trading.exchange.advance(due_ns - 1)
    assert state_of(trading, order_id) is OrderState.LIVE
    trading.exchange.drain()
    trading.exchange.advance(due_ns + 5 * SECOND_NS)
    assert state_of(trading, order_id) is OrderState.CANCELED_EXPIRED_ORDER
    assert trading.bids() == ()
    assert [each.at_ns for each in trading.exchange.drain()] == [due_ns, due_ns]
    assert trading.exchange.next_due_ns == FAR_FUTURE_NS


def test_what_is_over_does_not_expire() -> None:
    trading = Trading()
    cancelled = trading.rest(ANNA, "BUY YES 10 @ 0.40", expiration_s=OPENED_S + 180)
    matched = trading.rest(ANNA, "BUY YES 10 @ 0.41", expiration_s=OPENED_S + 180)
    at_once = accepted(trading.place(BERT, "SELL YES 10 @ 0.41", expiration_s=OPENED_S + 180))
    trading.exchange.cancel((cancelled,), "key-a")
    trading.wait(500)
    assert state_of(trading, cancelled) is OrderState.CANCELED
    assert state_of(trading, matched) is state_of(trading, at_once.order_id) is OrderState.MATCHED


def test_timers_of_cancelled_orders_do_not_pile_up() -> None:
    trading = Trading()
    for _ in range(500):
        order_id = trading.rest(ANNA, "BUY YES 5 @ 0.40", expiration_s=OPENED_S + 10**6)
        trading.exchange.cancel((order_id,), "key-a")
    trading.rest(ANNA, "BUY YES 5 @ 0.40", expiration_s=OPENED_S + 10**6)
    assert len(trading.exchange._engine.timers._heap) < 200
    trading.wait(2 * 10**6)
    assert trading.exchange.next_due_ns == FAR_FUTURE_NS
    assert trading.exchange.open_orders("key-a") == ()


def held(**marks: bool) -> tuple[Trading, Placement]:
    """Let Bert want 10 YES of Anna where takers are held."""
    trading = Trading(hold_ms=HOLD_MS)
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    return trading, accepted(trading.place(BERT, "BUY YES 10 @ 0.50", **marks))


def end_hold(trading: Trading) -> None:
    trading.exchange.advance(OPENED_NS + HOLD_MS * MS_NS)


def test_a_marketable_order_is_held_and_then_matched() -> None:
    trading, answer = held()
    assert answer == Placement(order_id=answer.order_id, status=PlacementStatus.DELAYED)
    assert trading.exchange.next_due_ns == OPENED_NS + HOLD_MS * MS_NS
    assert state_of(trading, answer.order_id) is OrderState.DELAYED
    assert trading.exchange.free(BERT, None) == 995 * MICRO
    assert trading.asks() == ((500_000, 10 * MICRO),)
    end_hold(trading)
    assert state_of(trading, answer.order_id) is OrderState.MATCHED
    (match,) = trading.exchange.take_matches()
    assert match.matched_ns == OPENED_NS + HOLD_MS * MS_NS
    assert trading.exchange.free(BERT, None) == 995 * MICRO


def test_resting_and_post_only_orders_are_not_held() -> None:
    trading, _ = held()
    trading.rest(CARA, "BUY YES 10 @ 0.49")
    trading.rest(CARA, "BUY YES 10 @ 0.49", is_post_only=True)
    answer = refusal(trading.place(CARA, "BUY YES 10 @ 0.50", is_post_only=True))
    assert answer.reason is RefusalReason.POST_ONLY_CROSSES


def test_a_held_order_cannot_be_cancelled() -> None:
    trading, answer = held()
    response = trading.exchange.cancel((answer.order_id,), "key-b")
    assert canceled(response) == ()
    assert canceled(trading.exchange.cancel_all("key-b")) == ()
    assert canceled(trading.exchange.cancel_market("key-b", condition_id=CONDITION)) == ()
    assert [record.state for record in trading.exchange.open_orders("key-b")] == ["DELAYED"]


def test_a_held_order_may_find_its_maker_gone_and_rest() -> None:
    trading, answer = held()
    trading.exchange.cancel_all("key-a")
    end_hold(trading)
    assert state_of(trading, answer.order_id) is OrderState.LIVE
    assert trading.bids() == ((500_000, 10 * MICRO),)
    assert trading.exchange.free(BERT, None) == 995 * MICRO


@pytest.mark.parametrize("kind", [TimeInForce.FOK, TimeInForce.FAK])
def test_a_held_order_that_must_match_and_cannot_is_unmatched(kind: TimeInForce) -> None:
    trading = Trading(hold_ms=HOLD_MS)
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    answer = accepted(trading.take(BERT, "BUY YES $5 @ 0.50", kind))
    trading.exchange.cancel_all("key-a")
    trading.exchange.drain()
    end_hold(trading)
    assert state_of(trading, answer.order_id) is OrderState.UNMATCHED
    (told,) = trading.told(OrderChanged)
    assert (told.step, told.order.state) == ("CANCELLATION", OrderState.UNMATCHED)
    assert trading.exchange.free(BERT, None) == 1_000 * MICRO


def test_a_held_order_is_validated_again_when_it_is_matched() -> None:
    expected = {
        OrderState.CANCELED_NOT_ENOUGH_BALANCE: drain_of_money,
        OrderState.UNMATCHED: lambda trading: trading.exchange.close(CONDITION),
        OrderState.INVALID: lambda trading: trading.exchange.change_tick(CONDITION, 100_000),
    }
    for state, change in expected.items():
        trading = Trading(hold_ms=HOLD_MS)
        trading.rest(ANNA, "SELL YES 10 @ 0.55")
        answer = accepted(trading.place(BERT, "BUY YES 10 @ 0.55"))
        change(trading)
        end_hold(trading)
        assert state_of(trading, answer.order_id) is state
        assert not trading.exchange.take_matches()


def drain_of_money(trading: Trading) -> None:
    trading.funds.pusd[BERT] = 5 * MICRO
    trading.exchange.refresh(BERT, None)


@pytest.mark.parametrize("mode", [ExchangeMode.POST_ONLY, ExchangeMode.RESTARTING])
def test_a_held_order_is_not_matched_in_a_mode_that_takes_none(mode: ExchangeMode) -> None:
    trading, answer = held()
    trading.exchange.set_mode(mode)
    end_hold(trading)
    assert state_of(trading, answer.order_id) is OrderState.UNMATCHED


def test_the_limit_of_a_held_market_order_is_brought_onto_the_new_grid() -> None:
    trading = Trading(hold_ms=HOLD_MS, tick=100_000)
    trading.rest(ANNA, "BUY YES 10 @ 0.50")
    answer = accepted(trading.take(BERT, "SELL YES 10 @ 0.45"))
    trading.exchange.cancel_all("key-a")
    trading.exchange.change_tick(CONDITION, 10_000)
    trading.rest(ANNA, "BUY YES 10 @ 0.46")
    end_hold(trading)
    assert state_of(trading, answer.order_id) is OrderState.MATCHED
    record = trading.exchange.order(answer.order_id)
    assert record
    assert record.price == 450_000


def test_a_held_gtd_order_expires_while_it_waits() -> None:
    trading = Trading(hold_ms=3_000)
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    early = accepted(trading.place(BERT, "BUY YES 5 @ 0.50", expiration_s=OPENED_S + 62))
    late = accepted(trading.place(BERT, "BUY YES 15 @ 0.50", expiration_s=OPENED_S + 70))
    trading.wait(3)
    assert state_of(trading, early.order_id) is OrderState.CANCELED_EXPIRED_ORDER
    assert state_of(trading, late.order_id) is OrderState.LIVE
    trading.wait(7)
    assert state_of(trading, late.order_id) is OrderState.CANCELED_EXPIRED_ORDER


def test_a_deferred_order_is_answered_before_it_is_executed() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    taking = accepted(trading.place(BERT, "BUY YES 10 @ 0.50", is_deferred=True))
    resting = accepted(trading.place(BERT, "BUY YES 10 @ 0.40", is_deferred=True))
    assert taking.status is resting.status is PlacementStatus.DELAYED
    assert trading.exchange.next_due_ns == OPENED_NS
    assert trading.bids() == ()
    trading.exchange.advance(OPENED_NS)
    assert state_of(trading, taking.order_id) is OrderState.MATCHED
    assert trading.bids() == ((400_000, 10 * MICRO),)


def test_a_deferred_order_is_checked_before_it_is_answered() -> None:
    trading = Trading()
    before = fingerprint(trading.exchange)
    answer = refusal(trading.place(BERT, "BUY YES 3000 @ 0.50", is_deferred=True))
    assert answer.reason is RefusalReason.NOT_ENOUGH_BALANCE
    assert fingerprint(trading.exchange) == before


def test_a_deferred_post_only_order_that_would_cross_is_unmatched() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.exchange.set_mode(ExchangeMode.POST_ONLY)
    crossing, sound = (
        accepted(trading.place(BERT, text, is_deferred=True, is_post_only=True)).order_id
        for text in ("BUY YES 10 @ 0.50", "BUY YES 10 @ 0.40")
    )
    trading.wait(1)
    assert state_of(trading, crossing) is OrderState.UNMATCHED
    assert state_of(trading, sound) is OrderState.LIVE


def beat(trading: Trading, heartbeat_id: str) -> str:
    answer = trading.exchange.heartbeat("key-a", heartbeat_id)
    assert isinstance(answer, Heartbeat)
    return answer.heartbeat_id


def test_silence_after_a_heartbeat_cancels_the_owners_resting_orders() -> None:
    trading = Trading()
    mine, theirs = trading.rest(ANNA, "BUY YES 10 @ 0.40"), trading.rest(BERT, "BUY YES 10 @ 0.40")
    trading.wait(1)
    beat(trading, "")
    trading.wait(13.999)
    assert state_of(trading, mine) is OrderState.LIVE
    trading.wait(0.001)
    assert state_of(trading, mine) is OrderState.CANCELED
    assert state_of(trading, theirs) is OrderState.LIVE
    assert trading.exchange.next_due_ns == FAR_FUTURE_NS


def test_an_owner_that_goes_on_sending_keeps_its_orders() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    heartbeat_id = ""
    for _ in range(20):
        heartbeat_id = beat(trading, heartbeat_id)
        trading.wait(9)
    assert state_of(trading, order_id) is OrderState.LIVE
    trading.wait(10)
    assert state_of(trading, order_id) is OrderState.CANCELED


def test_a_wrong_heartbeat_is_told_the_expected_id_and_does_not_count() -> None:
    trading = Trading()
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    before = fingerprint(trading.exchange)
    assert refusal(trading.exchange.heartbeat("key-a", "wrong")).message == ""
    assert fingerprint(trading.exchange) == before
    first = beat(trading, "")
    trading.wait(9)
    for wrong in ("", "wrong"):
        answer = refusal(trading.exchange.heartbeat("key-a", wrong))
        assert (answer.reason, answer.message) == (RefusalReason.INVALID_HEARTBEAT, first)
    trading.wait(1)
    assert state_of(trading, order_id) is OrderState.CANCELED


def test_expiry_ends_the_registration_and_an_empty_id_begins_anew() -> None:
    trading = Trading()
    first = beat(trading, "")
    trading.wait(20)
    assert refusal(trading.exchange.heartbeat("key-a", first)).message == ""
    second = beat(trading, "")
    assert second != first
    assert len(second) == 36
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    trading.wait(20)
    assert state_of(trading, order_id) is OrderState.CANCELED


def test_a_restart_takes_nothing_then_post_only_orders_then_everything() -> None:
    trading = Trading(settings=ExchangeSettings(restart_ms=90_000, post_only_ms=120_000))
    order_id = trading.rest(ANNA, "BUY YES 10 @ 0.40")
    trading.exchange.drain()
    trading.exchange.restart()
    trading.wait(90)
    assert trading.exchange.mode is ExchangeMode.POST_ONLY
    trading.wait(119.9)
    assert trading.exchange.mode is ExchangeMode.POST_ONLY
    trading.wait(0.1)
    assert trading.exchange.mode is ExchangeMode.OPEN
    assert [
        (each.mode, (each.at_ns - OPENED_NS) // SECOND_NS) for each in trading.told(ModeChanged)
    ] == [("restarting", 0), ("post-only", 90), ("open", 210)]
    assert state_of(trading, order_id) is OrderState.LIVE


def test_a_decree_ends_a_restart() -> None:
    trading = Trading()
    trading.exchange.restart()
    trading.exchange.set_mode(ExchangeMode.CANCEL_ONLY)
    trading.wait(1_000)
    assert trading.exchange.mode is ExchangeMode.CANCEL_ONLY
    trading.exchange.restart()
    trading.wait(95)
    trading.exchange.set_mode(ExchangeMode.POST_ONLY)
    trading.wait(1_000)
    assert trading.exchange.mode is ExchangeMode.POST_ONLY


def test_things_happen_in_order_of_their_time() -> None:
    trading = Trading(hold_ms=HOLD_MS)
    trading.rest(ANNA, "SELL YES 10 @ 0.50", expiration_s=OPENED_S + 61)
    first = accepted(trading.place(BERT, "BUY YES 5 @ 0.50"))
    trading.exchange.advance(OPENED_NS + 900 * MS_NS)
    second = accepted(trading.place(BERT, "BUY YES 5 @ 0.50"))
    trading.wait(60)
    assert state_of(trading, first.order_id) is OrderState.MATCHED
    assert state_of(trading, second.order_id) is OrderState.LIVE
    assert trading.bids(YES) == ((500_000, 5 * MICRO),)
