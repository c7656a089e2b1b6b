"""Places and cancels orders: every answer a value, nothing ever sent twice by itself.

An order whose outcome is unknown is read (`Reader.resolve`), or its very bytes are sent again.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from polyarb.domain.errors import UsageError
from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.ports import Clock
from polyarb.venue.polymarket.rest.caller import Sleep
from polyarb.venue.polymarket.rest.faults import (
    ErrorBody,
    RestError,
    RestFaultKind,
    fault_of_status,
)
from polyarb.venue.polymarket.rest.mode import ModeWatch
from polyarb.venue.polymarket.trading.budget import Bucket, NoRoom, TokenBudget
from polyarb.venue.polymarket.trading.cancel_wire import read_beat, read_cancel
from polyarb.venue.polymarket.trading.order_wire import (
    PreparedOrder,
    again,
    read_batch,
    read_one,
    unanswered,
)
from polyarb.venue.polymarket.trading.outcomes import (
    Accepted,
    CancelAnswer,
    Cancellation,
    CancelRejected,
    HeartbeatAnswer,
    Placement,
    Rejected,
    Unknown,
    UnknownCause,
)
from polyarb.venue.polymarket.trading.reasons import MODE_REASONS, RejectReason
from polyarb.venue.polymarket.trading.sending import Account, NoReply, Reply, Sender

BATCH_MAX = 15
CANCELS_MAX = 1_000
EXPIRES_EARLY_S = 60
"""An order with an expiration ends this much before it. Source: polymarket.md 5.3."""
_ENDED_MAX = 20_000
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000

_encode = msgspec.json.Encoder().encode


class TradingClient:
    """Sends for one API key."""

    def __init__(
        self,
        sender: Sender,
        account: Account,
        budget: TokenBudget,
        clock: Clock,
        *,
        mode: ModeWatch,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._sender = sender
        self._account = account
        self._budget = budget
        self._clock = clock
        self._mode = mode
        self._sleep = sleep
        self._ended: dict[OrderId, None] = {}
        self._swept_ms = 0

    async def place(self, order: PreparedOrder) -> Placement:
        """Send one order."""
        return (await self._place((order,), "/order", order.entry))[0]

    async def place_all(self, orders: Sequence[PreparedOrder]) -> tuple[Placement, ...]:
        """Send up to 15 orders as one request; each has an outcome of its own.

        Errors: UsageError for none, too many, or the same one twice.
        """
        if not 0 < len(orders) <= BATCH_MAX or len({each.order_id for each in orders}) != len(
            orders
        ):
            raise UsageError(f"expected 1 to {BATCH_MAX} different orders, found {len(orders)}")
        body = b"[" + b",".join(each.entry for each in orders) + b"]"
        return await self._place(tuple(orders), "/orders", body)

    async def send_again(self, order: PreparedOrder) -> Accepted | Unknown:
        """Send the very bytes of an order again, after it was read as absent.

        Safe, as the venue takes an order's id once. Not done for one whose end was asked for or
        has come: a first copy that never arrived would be placed anew. DUPLICATED says: read it.
        """
        ended = self._why_ended(order)
        if ended:
            cause = UnknownCause.NOT_SENT_AGAIN
            return Unknown(order_id=order.order_id, cause=cause, told=ended)
        return again(await self.place(order))

    async def cancel(self, order_ids: Sequence[OrderId]) -> CancelAnswer:
        """Cancel up to 1000 orders by their ids. Errors: UsageError for none or too many."""
        asked = tuple(dict.fromkeys(order_ids))
        if not 0 < len(asked) <= CANCELS_MAX:
            raise UsageError(f"expected 1 to {CANCELS_MAX} orders to cancel, found {len(asked)}")
        self._note_ended(asked)
        if len(asked) == 1:
            return await self._cancel("/order", _encode({"orderID": asked[0]}), asked)
        return await self._cancel("/orders", _encode(asked), asked)

    async def cancel_all(self) -> CancelAnswer:
        """Cancel every open order of the key."""
        return await self._sweep("/cancel-all", b"")

    async def cancel_market(
        self, *, condition_id: ConditionId | None = None, token_id: TokenId | None = None
    ) -> CancelAnswer:
        """Cancel every open order of a market or of a token. Errors: UsageError for neither."""
        named = {"market": condition_id, "asset_id": token_id}
        wanted = {key: text for key, text in named.items() if text}
        if not wanted:
            raise UsageError("expected a market or a token to cancel the orders of, found neither")
        return await self._sweep("/cancel-market-orders", _encode(wanted))

    async def beat(self, heartbeat_id: str) -> HeartbeatAnswer:
        """Send a sign of life with the last id, empty for the first.

        From the first one on, 10 s without another cancel every open order of the key.
        """
        body = _encode({"heartbeat_id": heartbeat_id})
        return read_beat(
            await self._sender.send_signed(self._account, "POST", "/v1/heartbeats", body=body)
        )

    async def _place(
        self, orders: tuple[PreparedOrder, ...], path: str, body: bytes
    ) -> tuple[Placement, ...]:
        room = await self._room(Bucket.ORDERS, len(orders))
        if room is not None:
            return tuple(
                Rejected(
                    order_id=each.order_id,
                    reason=RejectReason.BUDGET,
                    told=room.told,
                    retry_after_ms=-(-room.retry_ns // _NS_PER_MS),
                )
                for each in orders
            )
        answer = await self._send("POST", path, body, Bucket.ORDERS)
        if isinstance(answer, NoReply):
            return tuple(unanswered(each.order_id, answer) for each in orders)
        if path == "/order":
            placed: tuple[Placement, ...] = (read_one(orders[0].order_id, answer),)
        else:
            placed = read_batch(tuple(each.order_id for each in orders), answer)
        self._note_mode(orders, placed)
        return placed

    async def _sweep(self, path: str, body: bytes) -> CancelAnswer:
        self._swept_ms = self._clock.now_ns() // _NS_PER_MS
        answer = await self._cancel(path, body, ())
        if isinstance(answer, Cancellation):
            count = len(answer.canceled)
            self._budget.spent(Bucket.CANCELS, count, self._clock.monotonic_ns())
        return answer

    async def _cancel(self, path: str, body: bytes, asked: tuple[OrderId, ...]) -> CancelAnswer:
        room = await self._room(Bucket.CANCELS, max(1, len(asked)))
        if room is not None:
            return CancelRejected(
                reason=RejectReason.BUDGET,
                told=room.told,
                retry_after_ms=-(-room.retry_ns // _NS_PER_MS),
            )
        return read_cancel(asked, await self._send("DELETE", path, body, Bucket.CANCELS))

    async def _room(self, bucket: Bucket, cost: int) -> NoRoom | None:
        """Wait for the turn of a request; return why it may not go."""
        room = self._budget.ask(bucket, cost, self._clock.monotonic_ns())
        if isinstance(room, NoRoom):
            return room
        if room.wait_ns:
            await self._sleep(room.wait_ns / _NS_PER_S)
        return None

    async def _send(self, method: str, path: str, body: bytes, bucket: Bucket) -> Reply | NoReply:
        answer = await self._sender.send_signed(self._account, method, path, body=body)
        now_ns = self._clock.now_ns()
        if isinstance(answer, NoReply):
            if not answer.was_sent:
                self._mode.unreachable(str(answer.fault), now_ns)
            return answer
        self._budget.heard(bucket, answer.status, answer.headers, self._clock.monotonic_ns())
        if answer.status == 200:
            self._mode.answered(now_ns)
        else:
            asked, headers = f"{method} {path}", answer.headers
            self._mode.failed(
                fault_of_status(
                    answer.status, answer.body, asked=asked, headers=headers, now_ns=now_ns
                ),
                now_ns,
            )
        return answer

    def _note_mode(self, orders: Sequence[PreparedOrder], placed: Sequence[Placement]) -> None:
        """Learn the mode from what was accepted, and from refusals within a batch."""
        now_ns = self._clock.now_ns()
        for order, outcome in zip(orders, placed, strict=True):
            if isinstance(outcome, Accepted) and not order.is_post_only:
                self._mode.traded(now_ns)
            elif isinstance(outcome, Rejected) and outcome.reason in MODE_REASONS:
                self._mode.failed(_mode_fault(outcome), now_ns)

    def _note_ended(self, order_ids: Sequence[OrderId]) -> None:
        self._ended.update(dict.fromkeys(order_ids))
        while len(self._ended) > _ENDED_MAX:
            oldest = next(iter(self._ended))
            del self._ended[oldest]

    def _why_ended(self, order: PreparedOrder) -> str:
        if order.order_id in self._ended:
            return "it was asked to be canceled"
        if order.signed_ms <= self._swept_ms:
            return "all orders of its time were asked to be canceled"
        ends_s = order.expiration_s - EXPIRES_EARLY_S
        has_expired = order.expiration_s and self._sender.server_clock.now_s() >= ends_s
        return "it has expired" if has_expired else ""


def _mode_fault(outcome: Rejected) -> RestError:
    return RestError(
        outcome.told,
        RestFaultKind.STATUS,
        status=503,
        retry_after_ms=outcome.retry_after_ms,
        body=ErrorBody(error=outcome.told),
    )
