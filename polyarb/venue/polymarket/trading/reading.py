"""Reads of one's own orders, trades and balances: repeated where that helps, whole or an error."""

from collections.abc import Callable
from random import Random
from typing import TypeVar
from urllib.parse import quote

import msgspec

from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.ports import Clock
from polyarb.venue.polymarket.rest.caller import Sleep
from polyarb.venue.polymarket.rest.faults import (
    RestError,
    RestFaultKind,
    fault_of_body,
    fault_of_status,
)
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.signing.positions import is_protocol_v2
from polyarb.venue.polymarket.stream.backoff import Backoff
from polyarb.venue.polymarket.trading.budget import Bucket, NoRoom, TokenBudget
from polyarb.venue.polymarket.trading.order_wire import UNREADABLE
from polyarb.venue.polymarket.trading.outcomes import (
    Absent,
    BalanceRead,
    Found,
    OrderRead,
    Resolution,
    TradeRead,
)
from polyarb.venue.polymarket.trading.record_wire import OrderWire, TradeWire, order_of, trade_of
from polyarb.venue.polymarket.trading.sending import Account, NoReply, Reply, Sender

ATTEMPTS_MAX = 5
PAGES_MAX = 2_000
FIRST_WAIT_MS = 50
MOST_WAIT_MS = 1_000
RESOLVE_READS = 4
RESOLVE_WAITS_MS = (100, 400, 1_500)
"""How long an order may be unknown to `/data/order` after its POST, before it counts as absent."""
_END = "LTE="
_NS_PER_S = 1_000_000_000

Query = tuple[tuple[str, str], ...]
Row = TypeVar("Row")
Told = TypeVar("Told")


class _Page(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    next_cursor: str | None = None


class _Balance(msgspec.Struct, frozen=True):
    balance: str
    allowances: dict[str, str]


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_order = msgspec.json.Decoder(OrderWire | None).decode
_decode_row = msgspec.json.Decoder(OrderWire).decode
_decode_trade = msgspec.json.Decoder(TradeWire).decode
_decode_balance = msgspec.json.Decoder(_Balance).decode
_decode_time = msgspec.json.Decoder(int).decode


class Reader:
    """Reads for one API key. Errors: RestError of every read that was not answered whole."""

    def __init__(
        self,
        sender: Sender,
        account: Account,
        budget: TokenBudget,
        clock: Clock,
        *,
        random: Random,
        sleep: Sleep,
    ) -> None:
        self._sender = sender
        self._account = account
        self._budget = budget
        self._clock = clock
        self._random = random
        self._sleep = sleep

    async def learn_time(self) -> int:
        """Ask for the venue's time; return how far it is ahead of ours. Units: nanoseconds."""
        clock = self._sender.server_clock
        asked_ns = self._clock.now_ns()
        answer = await self._sender.send("GET", "/time", headers={})
        answered_ns = self._clock.now_ns()
        told = self._body(answer, "/time")
        clock.learn(_read_as(_decode_time, told, "/time"), asked_ns, answered_ns)
        return clock.offset_ns

    async def order(self, order_id: OrderId) -> OrderRead | None:
        """Read one order in any state; None where the venue does not know it (yet)."""
        path = f"/data/order/{quote(order_id, safe='')}"
        try:
            content = await self._read(path, ())
        except RestError as fault:
            if fault.kind is RestFaultKind.NOT_FOUND:
                return None
            raise
        wire = _read_as(_decode_order, content, path)
        return None if wire is None else _read_as(order_of, wire, path)

    async def open_orders(self) -> tuple[OrderRead, ...]:
        """Read every open order of the key."""
        path = "/data/orders"
        rows = await self._pages(path, ())
        return tuple(_read_as(lambda row: order_of(_decode_row(row)), row, path) for row in rows)

    async def trades(
        self, *, condition_id: ConditionId | None = None, after_s: int | None = None
    ) -> tuple[TradeRead, ...]:
        """Read the trades of the key, newest first. Units: matched later than after_s."""
        path, owner = "/data/trades", self._account.credentials.key
        query: Query = () if condition_id is None else (("market", condition_id),)
        query += () if after_s is None else (("after", str(after_s)),)
        rows = await self._pages(path, query)
        return tuple(
            _read_as(lambda row: trade_of(_decode_trade(row), owner), row, path) for row in rows
        )

    async def trade(self, trade_id: str) -> TradeRead | None:
        """Read one trade."""
        path, owner = "/data/trades", self._account.credentials.key
        rows = await self._pages(path, (("id", trade_id),))
        found = [
            _read_as(lambda row: trade_of(_decode_trade(row), owner), row, path) for row in rows
        ]
        return next((each for each in found if each.trade_id == trade_id), None)

    async def resolve(self, order_id: OrderId) -> Resolution:
        """Find out by reading alone what became of an order; absent only after a time of grace."""
        for wait_ms in (*RESOLVE_WAITS_MS, None):
            order = await self.order(order_id)
            told = await self.trades(condition_id=order.condition_id if order else None)
            trades = tuple(
                each for each in told if any(fill.order_id == order_id for fill in each.fills)
            )
            if order is not None or trades:
                return Found(order_id=order_id, order=order, trades=trades)
            if wait_ms is not None:
                await self._sleep(wait_ms / 1_000)
        return Absent(order_id=order_id, reads=RESOLVE_READS)

    async def balance(self, token_id: TokenId | None, signature_type: SignatureType) -> BalanceRead:
        """Read what the venue believes that the wallet has, of a token or else of collateral."""
        path = "/balance-allowance"
        content = await self._read(path, _asset(token_id, signature_type))
        wire = _read_as(_decode_balance, content, path)
        return BalanceRead(
            balance=_whole(wire.balance, path),
            allowances={each: _whole(text, path) for each, text in wire.allowances.items()},
        )

    async def refresh_balance(
        self, token_id: TokenId | None, signature_type: SignatureType
    ) -> None:
        """Let the venue read a balance from the chain again."""
        path = "/balance-allowance/update"
        await self._read(path, _asset(token_id, signature_type), bucket=Bucket.REFRESHES)

    async def _pages(self, path: str, query: Query) -> list[msgspec.Raw]:
        """Read every page of a list; a list whose cursors do not end is an error."""
        rows: list[msgspec.Raw] = []
        seen: set[str] = set()
        cursor = ""
        for _ in range(PAGES_MAX):
            asked = (*query, ("next_cursor", cursor)) if cursor else query
            page = _read_as(_decode_page, await self._read(path, asked), path)
            rows += page.data
            cursor = page.next_cursor or _END
            if cursor == _END:
                return rows
            if cursor in seen:
                break
            seen.add(cursor)
        raise RestError(
            f"expected an end of {path}, found a list without one; report it to the venue",
            RestFaultKind.ENDLESS,
        )

    async def _read(self, path: str, query: Query, *, bucket: Bucket = Bucket.READS) -> bytes:
        backoff = Backoff(self._random, first_ms=FIRST_WAIT_MS, most_ms=MOST_WAIT_MS)
        attempts_left = ATTEMPTS_MAX
        while True:
            attempts_left -= 1
            try:
                return await self._attempt(path, query, bucket)
            except RestError as fault:
                if not fault.retryable or not attempts_left:
                    raise
                await self._sleep((fault.retry_after_ms + backoff.wait_ms()) / 1_000)

    async def _attempt(self, path: str, query: Query, bucket: Bucket) -> bytes:
        room = self._budget.ask(bucket, 1, self._clock.monotonic_ns())
        if isinstance(room, NoRoom):
            raise RestError(
                f"expected room for GET {path}, found {room.told}; it is asked again in time",
                RestFaultKind.RATE_LIMITED,
                retry_after_ms=-(-room.retry_ns // 1_000_000),
                retryable=True,
            )
        if room.wait_ns:
            await self._sleep(room.wait_ns / _NS_PER_S)
        answer = await self._sender.send_signed(self._account, "GET", path, query=query)
        if isinstance(answer, Reply):
            now_ns = self._clock.monotonic_ns()
            self._budget.heard(bucket, answer.status, answer.headers, now_ns)
        return self._body(answer, path)

    def _body(self, answer: Reply | NoReply, path: str) -> bytes:
        if isinstance(answer, NoReply):
            raise answer.fault
        if answer.status == 200:
            return answer.body
        raise fault_of_status(
            answer.status,
            answer.body,
            asked=f"GET {path}",
            headers=answer.headers,
            now_ns=self._clock.now_ns(),
        )


def _read_as(read: Callable[[Row], Told], row: Row, path: str) -> Told:
    """Read what came. Errors: RestError where it is not what it has to be."""
    try:
        return read(row)
    except UNREADABLE as error:
        raise fault_of_body(f"GET {path}", "a documented answer", str(error)) from error


def _whole(text: str, path: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise fault_of_body(f"GET {path}", "whole base units", text)
    return int(text)


def _asset(token_id: TokenId | None, signature_type: SignatureType) -> Query:
    kind = ("signature_type", str(int(signature_type)))
    if token_id is None:
        return (("asset_type", "COLLATERAL"), kind)
    name = "CONDITIONAL-V2" if is_protocol_v2(token_id) else "CONDITIONAL"
    return (("asset_type", name), ("token_id", token_id), kind)
