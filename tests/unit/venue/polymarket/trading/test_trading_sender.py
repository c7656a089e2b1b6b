"""What never left is told from what may have arrived; the client asks for nothing it must not."""

import asyncio
import socket
from collections.abc import Callable
from random import Random

import httpx
import pytest
from polyarb.domain.errors import UsageError, VenueError
from polyarb.domain.ids import OrderId
from polyarb.domain.order import TimeInForce
from polyarb.domain.secret import Secret
from polyarb.domain.venue import VenueHosts, VenueMode, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.rest.mode import ModeWatch
from polyarb.venue.polymarket.signing.mac import ApiCredentials
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.trading.budget import STANDARD, Bucket, TokenBudget
from polyarb.venue.polymarket.trading.client import TradingClient
from polyarb.venue.polymarket.trading.order_wire import PreparedOrder
from polyarb.venue.polymarket.trading.outcomes import (
    CancelRejected,
    Rejected,
    Unknown,
    UnknownCause,
)
from polyarb.venue.polymarket.trading.reading import Reader
from polyarb.venue.polymarket.trading.reasons import RejectReason
from polyarb.venue.polymarket.trading.sending import Account, Sender, ServerClock
from tests.policy_cases import SetClock

ACCOUNT = Account(
    address=Address("0x" + "1" * 40),
    credentials=ApiCredentials(key="k", secret=Secret("c2VjcmV0"), passphrase=Secret("p")),
)
S = 1_000_000_000


def prepared(number: int = 1, *, signed_ms: int = 1, expiration_s: int = 0) -> PreparedOrder:
    return PreparedOrder(
        order_id=OrderId(f"0x{number:064x}"),
        entry=b"{}",
        time_in_force=TimeInForce.GTC,
        is_post_only=False,
        signed_ms=signed_ms,
        expiration_s=expiration_s,
    )


class Desk:
    """A client whose host answers as a test says."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response], port: int = 0) -> None:
        hosts = VenueHosts(clob=f"http://127.0.0.1:{port}")
        clock = SystemClock()
        self.asked: list[httpx.Request] = []

        def note(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return answer(request)

        make = None if port else lambda: httpx.AsyncClient(transport=httpx.MockTransport(note))
        settings = VenueSettings(hosts=hosts, request_ms_max=500)
        self.sender = Sender(settings, clock, new_client=make)
        self.budget = TokenBudget(clock.monotonic_ns(), STANDARD)
        self.mode = ModeWatch()
        self.client = TradingClient(self.sender, ACCOUNT, self.budget, clock, mode=self.mode)
        self.reader = Reader(
            self.sender, ACCOUNT, self.budget, clock, random=Random(1), sleep=_at_once
        )


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


def ok(body: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, text=body)


def test_a_refused_connection_never_sent_anything() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        desk = Desk(ok(""), port)
        placed = await desk.client.place(prepared())
        assert isinstance(placed, Rejected) and placed.reason is RejectReason.NEVER_SENT
        assert desk.mode.reading.mode is VenueMode.DOWN
        canceled = await desk.client.cancel_all()
        assert isinstance(canceled, CancelRejected)
        await desk.sender.close()

    asyncio.run(main())


def test_a_connection_that_is_cut_or_silent_leaves_unknown() -> None:
    async def main(is_cut: bool) -> None:
        release, over = asyncio.Event(), asyncio.Event()

        async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if not is_cut:
                await release.wait()
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
            over.set()

        async with await asyncio.start_server(attend, "127.0.0.1", 0) as server:
            desk = Desk(ok(""), server.sockets[0].getsockname()[1])
            placed = await desk.client.place(prepared())
            wanted = UnknownCause.CONNECTION_LOST if is_cut else UnknownCause.TIMEOUT
            assert isinstance(placed, Unknown) and placed.cause is wanted
            await desk.sender.close()
            release.set()
            await over.wait()

    asyncio.run(main(True))
    asyncio.run(main(False))


def test_what_cannot_be_asked_is_not_asked() -> None:
    async def main() -> None:
        desk = Desk(ok("[]"))
        for orders in ([], [prepared(n) for n in range(16)], [prepared(), prepared()]):
            with pytest.raises(UsageError):
                await desk.client.place_all(orders)
        for ids in ([], [OrderId(str(n)) for n in range(1_001)]):
            with pytest.raises(UsageError):
                await desk.client.cancel(ids)
        with pytest.raises(UsageError):
            await desk.client.cancel_market()
        assert not desk.asked

    asyncio.run(main())


def test_a_spent_budget_sends_no_order_and_still_cancels() -> None:
    async def main() -> None:
        desk = Desk(ok('{"canceled":[],"not_canceled":{}}'))
        now_ns = SystemClock().monotonic_ns()
        desk.budget.heard(Bucket.ORDERS, 200, {"Poly-RateLimit-Remaining": "0"}, now_ns)
        placed = await desk.client.place_all([prepared(1), prepared(2)])
        assert [each.reason for each in placed if isinstance(each, Rejected)] == [
            RejectReason.BUDGET
        ] * 2
        assert not desk.asked
        await desk.client.cancel([OrderId("0x1")])
        assert [each.method for each in desk.asked] == ["DELETE"]

    asyncio.run(main())


def test_the_same_bytes_go_again_and_none_of_an_order_that_was_ended() -> None:
    async def main() -> None:
        desk = Desk(lambda _: httpx.Response(400, text='{"error":"Duplicated."}'))
        order = prepared()
        for _ in range(2):
            again = await desk.client.send_again(order)
            assert again.order_id == order.order_id
            assert isinstance(again, Unknown) and again.cause is UnknownCause.DUPLICATED
        assert [each.content for each in desk.asked] == [order.entry] * 2
        await desk.client.cancel([order.order_id])
        expired = prepared(2, expiration_s=60)
        for ended in (order, expired):
            again = await desk.client.send_again(ended)
            assert isinstance(again, Unknown) and again.cause is UnknownCause.NOT_SENT_AGAIN
        await desk.client.cancel_all()
        again = await desk.client.send_again(prepared(3))
        assert isinstance(again, Unknown) and again.cause is UnknownCause.NOT_SENT_AGAIN
        assert len(desk.asked) == 4

    asyncio.run(main())


def test_a_list_that_does_not_end_and_a_row_that_is_none_are_errors() -> None:
    async def main() -> None:
        for body in (
            '{"data":[],"next_cursor":"again"}',
            '{"data":[{"id":1}],"next_cursor":"LTE="}',
            "<html>",
        ):
            desk = Desk(ok(body))
            with pytest.raises(VenueError):
                await desk.reader.open_orders()
            assert len(desk.asked) <= 2

    asyncio.run(main())


def test_an_order_is_absent_only_after_it_was_read_again_and_again() -> None:
    async def main() -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/data/trades":
                return httpx.Response(200, text='{"data":[],"next_cursor":"LTE="}')
            return httpx.Response(200, text="null")

        desk = Desk(answer)
        found = await desk.reader.resolve(OrderId("0x1"))
        reads = [each for each in desk.asked if each.url.path.startswith("/data/order/")]
        assert found.order_id == "0x1" and len(reads) == 4

    asyncio.run(main())


def test_reads_are_repeated_where_that_may_help() -> None:
    async def main() -> None:
        answers = iter((500, 425, 200))

        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(next(answers), text="null")

        desk = Desk(answer)
        assert await desk.reader.order(OrderId("0x1")) is None
        refused = Desk(lambda _: httpx.Response(401, text="{}"))
        with pytest.raises(VenueError):
            await refused.reader.order(OrderId("0x1"))
        assert (len(desk.asked), len(refused.asked)) == (3, 1)

    asyncio.run(main())


def test_a_whole_second_corrects_only_what_it_can_show() -> None:
    clock = SetClock(100 * S)
    server = ServerClock(clock)
    server.learn(100, 100 * S, 100 * S + 10_000_000)
    assert server.is_known and server.offset_ns == 0
    server.learn(103, 100 * S, 100 * S)
    assert server.offset_ns == 3 * S + S // 2 and server.now_s() == 103
