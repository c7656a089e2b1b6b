"""Every answer of the venue to a placement or a cancel leads to the one outcome that is certain."""

import httpx
import msgspec
import pytest
from polyarb.domain.ids import OrderId
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind
from polyarb.venue.polymarket.trading.cancel_wire import read_beat, read_cancel
from polyarb.venue.polymarket.trading.order_wire import again, read_batch, read_one, unanswered
from polyarb.venue.polymarket.trading.outcomes import (
    Accepted,
    AcceptedStatus,
    Beat,
    BeatMissed,
    Cancellation,
    CancelRefusal,
    CancelRejected,
    CancelUnknown,
    Rejected,
    Unknown,
    UnknownCause,
    WrongBeat,
)
from polyarb.venue.polymarket.trading.reasons import RejectReason, text_of
from polyarb.venue.polymarket.trading.sending import NoReply, Reply

FIRST, SECOND = OrderId("0x" + "ab" * 32), OrderId("0x" + "cd" * 32)
GOOD = {
    "success": True,
    "errorMsg": "",
    "orderID": FIRST,
    "status": "live",
    "makingAmount": "",
    "takingAmount": "",
}


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(status=status, headers=httpx.Headers(headers), body=content)


def silence(*, was_sent: bool, kind: RestFaultKind) -> NoReply:
    return NoReply(was_sent=was_sent, fault=RestError("nothing came", kind))


TEXTS = {
    "order_version_mismatch": RejectReason.VERSION_MISMATCH,
    "Invalid order payload": RejectReason.INVALID_PAYLOAD,
    "invalid signature": RejectReason.INVALID_SIGNATURE,
    "the order owner has to be the owner of the API KEY": RejectReason.WRONG_OWNER,
    "the order signer address has to be the address of the API KEY": RejectReason.WRONG_SIGNER,
    "maker address not allowed, please use the deposit wallet flow": (
        RejectReason.MAKER_NOT_ALLOWED
    ),
    "'0x12' address banned": RejectReason.BANNED,
    "'0x12' address in closed only mode": RejectReason.CLOSED_ONLY,
    "order 0x1 is invalid. Price (0.123) breaks minimum tick size rule: 0.01": (
        RejectReason.OFF_TICK
    ),
    "order 0x1 is invalid. Size (3) lower than the minimum: 5": RejectReason.TOO_SMALL,
    "invalid amount for a marketable BUY order ($0.99), min size: $1": RejectReason.TOO_SMALL,
    "invalid expiration": RejectReason.INVALID_EXPIRATION,
    "invalid post-only order: order crosses book": RejectReason.POST_ONLY_CROSSES,
    "not enough balance / allowance: the balance is not enough -> balance: 0, order amount: 5": (
        RejectReason.NOT_ENOUGH_BALANCE
    ),
    "not enough balance / allowance: the allowance is not enough -> spender: 0x, allowance: 0": (
        RejectReason.NOT_ENOUGH_ALLOWANCE
    ),
    "invalid amounts, the market buy orders maker amount supports a max accuracy of 2 decimals": (
        RejectReason.INVALID_AMOUNTS
    ),
    "order couldn't be fully filled. FOK orders are fully filled or killed.": (
        RejectReason.FOK_NOT_FILLED
    ),
    "no orders found to match with FAK order. FAK orders are partially filled or killed if no"
    " match is found.": RejectReason.FAK_NOT_FILLED,
    "the market is not yet ready to process new orders": RejectReason.MARKET_NOT_READY,
}


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_a_documented_text_is_the_same_refusal_in_both_forms(text: str) -> None:
    alone = read_one(FIRST, reply({"error": text, "orderID": FIRST}, 400))
    entry = read_one(FIRST, reply({**GOOD, "success": False, "errorMsg": text, "status": ""}))
    for outcome in (alone, entry):
        assert isinstance(outcome, Rejected) and outcome.reason is TEXTS[text]
        assert outcome.order_id == FIRST


STATUSES: tuple[tuple[int, object, RejectReason], ...] = (
    (401, {"error": "Unauthorized/Invalid api key"}, RejectReason.UNAUTHORIZED),
    (403, {"error": "Trading restricted in your region"}, RejectReason.GEOBLOCKED),
    (403, b"<html>blocked</html>", RejectReason.GEOBLOCKED),
    (404, {"error": "No orderbook exists for the requested token id"}, RejectReason.UNKNOWN_TOKEN),
    (429, {"error": "Too Many Requests"}, RejectReason.RATE_LIMITED),
    (
        503,
        {"error": "post-only mode: only post-only", "code": "post_only_mode"},
        RejectReason.POST_ONLY_MODE,
    ),
    (503, {"error": "the venue is cancel-only"}, RejectReason.CANCEL_ONLY_MODE),
    (503, {"error": "trading is disabled"}, RejectReason.TRADING_DISABLED),
)


@pytest.mark.parametrize(("status", "body", "reason"), STATUSES)
def test_a_refusal_of_the_request_refuses_every_order(
    status: int, body: object, reason: RejectReason
) -> None:
    outcomes = (read_one(FIRST, reply(body, status)), *read_batch((FIRST,), reply(body, status)))
    if status == 404:
        assert isinstance(outcomes[1], Unknown)
        outcomes = outcomes[:1]
    for outcome in outcomes:
        assert isinstance(outcome, Rejected) and outcome.reason is reason


NOT_CERTAIN: tuple[tuple[int, object, UnknownCause], ...] = (
    (425, {"error": "service not ready"}, UnknownCause.RESTARTING),
    (425, b"service not ready", UnknownCause.RESTARTING),
    (500, {"error": "order timed out"}, UnknownCause.SERVER_ERROR),
    (500, {"error": "not enough balance"}, UnknownCause.SERVER_ERROR),
    (502, b"<html>Bad Gateway</html>", UnknownCause.SERVER_ERROR),
    (503, {"error": "Service Unavailable"}, UnknownCause.SERVER_ERROR),
    (503, {"error": "invalid signature"}, UnknownCause.SERVER_ERROR),
    (400, {"error": "something new"}, UnknownCause.UNDOCUMENTED),
    (400, {"error": "Duplicated."}, UnknownCause.DUPLICATED),
    (400, {"error": "order match delayed due to market conditions"}, UnknownCause.DEFERRED),
    (302, b"", UnknownCause.UNDOCUMENTED),
    (200, b"", UnknownCause.UNREADABLE),
    (200, b'{"success":tru', UnknownCause.UNREADABLE),
    (200, {**GOOD, "makingAmount": "1e3"}, UnknownCause.UNREADABLE),
    (200, {**GOOD, "makingAmount": 5}, UnknownCause.UNREADABLE),
    (200, {**GOOD, "orderID": SECOND}, UnknownCause.FOREIGN_ID),
    (200, {**GOOD, "orderID": ""}, UnknownCause.CONTRADICTORY),
    (200, {**GOOD, "errorMsg": "not enough balance"}, UnknownCause.CONTRADICTORY),
    (200, {**GOOD, "success": False, "status": "delayed"}, UnknownCause.CONTRADICTORY),
    (200, {**GOOD, "success": False, "errorMsg": "x", "status": ""}, UnknownCause.UNDOCUMENTED),
    (200, {**GOOD, "status": "new"}, UnknownCause.CONTRADICTORY),
    (200, {**GOOD, "status": "unmatched", "tradeIDs": ["1"]}, UnknownCause.CONTRADICTORY),
    (
        200,
        {**GOOD, "success": False, "errorMsg": "invalid signature", "tradeIDs": ["1"]},
        UnknownCause.CONTRADICTORY,
    ),
)


@pytest.mark.parametrize(("status", "body", "cause"), NOT_CERTAIN)
def test_what_is_not_certain_is_unknown(status: int, body: object, cause: UnknownCause) -> None:
    outcome = read_one(FIRST, reply(body, status))
    assert isinstance(outcome, Unknown) and outcome.cause is cause
    assert outcome.order_id == FIRST and "<" not in outcome.told


@pytest.mark.parametrize("status", sorted(AcceptedStatus))
def test_an_acceptance_tells_amounts_in_whole_micros(status: AcceptedStatus) -> None:
    body = {**GOOD, "status": status, "makingAmount": "2.6", "takingAmount": "5"}
    body["tradeIDs"] = ["t"]
    assert read_one(FIRST, reply(body)) == Accepted(
        order_id=FIRST, status=status, making=2_600_000, taking=5_000_000, trade_ids=("t",)
    )


def test_an_unmatched_order_is_a_refusal() -> None:
    outcome = read_one(FIRST, reply({**GOOD, "status": "unmatched"}))
    assert isinstance(outcome, Rejected) and outcome.reason is RejectReason.UNMATCHED


def test_a_batch_is_read_by_place_where_it_is_whole() -> None:
    bad = {**GOOD, "success": False, "errorMsg": "invalid signature", "orderID": "", "status": ""}
    first, second = read_batch((FIRST, SECOND), reply([GOOD, bad]))
    assert isinstance(first, Accepted)
    assert isinstance(second, Rejected) and second.order_id == SECOND


def test_entries_that_changed_places_are_never_taken_for_each_other() -> None:
    outcomes = read_batch((FIRST, SECOND), reply([{**GOOD, "orderID": SECOND}, GOOD]))
    assert [each.cause for each in outcomes if isinstance(each, Unknown)] == [
        UnknownCause.FOREIGN_ID
    ] * 2


def test_what_a_batch_does_not_mention_is_unknown() -> None:
    first, second = read_batch((FIRST, SECOND), reply([GOOD]))
    assert isinstance(first, Accepted)
    assert isinstance(second, Unknown) and second.cause is UnknownCause.MISSING_ENTRY
    for body in ([GOOD, GOOD, GOOD], [1, 2, 3], [{**GOOD, "orderID": ""}]):
        for outcome in read_batch((FIRST, SECOND), reply(body)):
            assert isinstance(outcome, Unknown)
            assert outcome.cause is UnknownCause.MISSING_ENTRY
    for outcome in read_batch((FIRST, SECOND), reply({"error": "?"})):
        assert isinstance(outcome, Unknown) and outcome.cause is UnknownCause.UNREADABLE


def test_a_refusal_about_one_order_says_nothing_of_a_whole_batch() -> None:
    body = reply({"error": "not enough balance / allowance"}, 400)
    for outcome in read_batch((FIRST, SECOND), body):
        assert isinstance(outcome, Unknown) and outcome.cause is UnknownCause.UNDOCUMENTED
    whole = reply({"error": "Too many orders in payload: 16, max allowed: 15"}, 400)
    for outcome in read_batch((FIRST, SECOND), whole):
        assert isinstance(outcome, Rejected) and outcome.reason is RejectReason.TOO_MANY_ORDERS


def test_silence_is_unknown_only_where_a_byte_may_have_left() -> None:
    never = unanswered(FIRST, silence(was_sent=False, kind=RestFaultKind.REFUSED))
    assert isinstance(never, Rejected) and never.reason is RejectReason.NEVER_SENT
    late = unanswered(FIRST, silence(was_sent=True, kind=RestFaultKind.TIMEOUT))
    torn = unanswered(FIRST, silence(was_sent=True, kind=RestFaultKind.TORN))
    assert isinstance(late, Unknown) and late.cause is UnknownCause.TIMEOUT
    assert isinstance(torn, Unknown) and torn.cause is UnknownCause.CONNECTION_LOST


def test_a_refusal_of_a_second_copy_says_nothing_of_the_first() -> None:
    refused = Rejected(order_id=FIRST, reason=RejectReason.NOT_ENOUGH_BALANCE, told="no")
    assert again(refused) == Unknown(order_id=FIRST, cause=UnknownCause.REFUSED_AGAIN, told="no")
    unsent = Rejected(order_id=FIRST, reason=RejectReason.BUDGET, told="no")
    outcome = again(unsent)
    assert isinstance(outcome, Unknown) and outcome.cause is UnknownCause.NOT_SENT_AGAIN
    accepted = Accepted(order_id=FIRST, status=AcceptedStatus.LIVE)
    assert again(accepted) is accepted


def test_a_wait_that_the_venue_asks_for_is_told() -> None:
    body = {"error": "post-only mode", "code": "post_only_mode", "retry_after_seconds": 79}
    outcome = read_one(FIRST, reply(body, 503, **{"Retry-After": "3"}))
    assert isinstance(outcome, Rejected) and outcome.retry_after_ms == 79_000


def test_cancels_are_read_order_by_order() -> None:
    gone = "order can't be found - already canceled or matched"
    third = OrderId("0x" + "ef" * 32)
    body = {"canceled": [FIRST], "not_canceled": {SECOND: gone}}
    answer = read_cancel((FIRST, SECOND, third), reply(body))
    assert isinstance(answer, Cancellation)
    assert answer.canceled == (FIRST,) and answer.unknown == (third,)
    assert [each.reason for each in answer.not_canceled] == [CancelRefusal.GONE]
    late = read_cancel((FIRST,), reply({"canceled": [], "not_canceled": {FIRST: "in delay"}}))
    assert isinstance(late, Cancellation)
    assert late.not_canceled[0].reason is CancelRefusal.DELAYED
    odd = read_cancel((FIRST,), reply({"canceled": [], "not_canceled": {FIRST: "?"}}))
    assert isinstance(odd, Cancellation) and odd.not_canceled[0].reason is CancelRefusal.OTHER


def test_a_cancel_without_a_certain_answer_is_unknown() -> None:
    for answer in (
        reply(b"{", 200),
        reply({"error": "service not ready"}, 425),
        reply(b"<html>", 502),
        reply({"error": "?"}, 400),
        silence(was_sent=True, kind=RestFaultKind.TIMEOUT),
    ):
        assert isinstance(read_cancel((FIRST,), answer), CancelUnknown)
    refused = read_cancel((FIRST,), reply({"error": "trading is disabled"}, 503))
    assert isinstance(refused, CancelRejected)
    never = read_cancel((FIRST,), silence(was_sent=False, kind=RestFaultKind.DNS))
    assert isinstance(never, CancelRejected) and never.reason is RejectReason.NEVER_SENT


def test_a_heartbeat_counts_only_where_the_venue_says_so() -> None:
    assert read_beat(reply({"heartbeat_id": "a"})) == Beat(heartbeat_id="a")
    wrong = reply({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": "b"}, 400)
    assert read_beat(wrong) == WrongBeat(expected_id="b")
    for answer, is_maybe in (
        (reply({"heartbeat_id": ""}), True),
        (reply({"heartbeat_id": "a"}, 500), True),
        (reply(b"<html>", 502), True),
        (reply({"error": "Unauthorized"}, 401), False),
        (silence(was_sent=True, kind=RestFaultKind.TIMEOUT), True),
        (silence(was_sent=False, kind=RestFaultKind.REFUSED), False),
    ):
        outcome = read_beat(answer)
        assert isinstance(outcome, BeatMissed) and outcome.is_maybe_counted is is_maybe


def test_no_documented_text_is_hidden_by_another() -> None:
    for text, reason in TEXTS.items():
        found = text_of(text)
        assert found is not None and found.reason is reason
