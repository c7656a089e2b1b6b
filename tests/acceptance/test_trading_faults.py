"""Whatever strikes while orders are placed and canceled: after reading, we believe what is so.

The truth is read over plain HTTP beside the client, once nothing strikes any more.
"""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from polyarb.domain.order import OrderStatus, TradeStatus
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.mac import request_headers
from polyarb.venue.polymarket.trading.order_wire import PreparedOrder
from polyarb.venue.polymarket.trading.outcomes import Accepted, Rejected, Unknown
from polyarb.venue.polymarket.trading.reconciling import reconcile
from tests.sandbox_server import SandboxServer, sandbox_served
from tests.trading_cases import Trader, desk, run

POSTS, CANCELS, READS = "clob POST /order", "clob DELETE /", "clob GET /data/"
FAULTS: tuple[tuple[str, str, int], ...] = (
    *(
        (kind, scope, 700)
        for kind in ("lost-response", "error-after-accept", "slow-response")
        for scope in (POSTS, CANCELS, READS)
    ),
    *(
        (kind, scope, 0)
        for kind in ("server-error", "html-error", "geoblocked")
        for scope in (POSTS, CANCELS)
    ),
    ("server-error", READS, 0),
    ("html-error", READS, 0),
    *(
        (kind, "user", 60_000)
        for kind in (
            "disconnect",
            "freeze",
            "lost-frame",
            "duplicate-frame",
            "reordered-frames",
            "torn-frame",
        )
    ),
    ("ghost-fill", "", 0),
    ("settlement-delay", "", 100),
)
STEPS = ("rest", "take", "batch", "cancel", "cancel all", "again")
FINAL = {TradeStatus.CONFIRMED, TradeStatus.FAILED}
PUSD = 100_000


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """Serve one sandbox for the module."""
    with sandbox_served(tmp_path_factory.mktemp("faults")) as served:
        yield served


def asked(trader: Trader, path: str, **query: str) -> Any:
    """Read something as plainly as possible."""
    headers = request_headers(
        trader.account.credentials,
        trader.account.address,
        trader.clock.now_ns() // 10**9,
        method="GET",
        path=path,
    )
    host = trader.venue.info["clob"]
    with httpx.Client(verify=False) as plain:
        answer = plain.get(host + path, headers=headers, params=query)
    return None if answer.status_code == 404 else answer.raise_for_status().json()


class Story:
    """What one run does with one account, and what it sent."""

    def __init__(self, trader: Trader, seed: int) -> None:
        self.trader = trader
        self.random = Random(seed)
        self.sent: list[PreparedOrder] = []
        self.token = trader.venue.market(self.random.choice(("rain", "snow", "wind")))["yes_token"]

    async def step(self, name: str) -> None:
        """Do one thing and believe its answer."""
        client = self.trader.client
        if name == "cancel" and self.sent:
            await client.cancel([self.random.choice(self.sent).order_id])
        elif name == "cancel all":
            await client.cancel_all()
        elif name == "again" and self.sent:
            order = self.random.choice(self.sent)
            self.trader.belief.placed(await client.send_again(order))
        elif name == "batch":
            orders = [self._order(is_taking=bool(n % 2)) for n in range(4)]
            for placed in await client.place_all(orders):
                self.trader.belief.placed(placed)
        elif name in ("rest", "take"):
            order = self._order(is_taking=name == "take")
            placed = await client.place(order)
            assert isinstance(placed, Accepted | Rejected | Unknown)
            self.trader.belief.placed(placed)

    def _order(self, *, is_taking: bool) -> PreparedOrder:
        price = 540_000 if is_taking else 100_000
        order = self.trader.order(self.token, Side.BUY, price, 5)
        self.sent.append(order)
        self.trader.belief.sent(order.order_id)
        return order

    async def settled(self) -> None:
        """Read until every trade has its final word."""
        async with asyncio.timeout(15):
            while True:
                await reconcile(self.trader.belief, self.trader.reader)
                if not self.trader.belief.open_trades():
                    return
                await asyncio.sleep(0.1)

    def judge(self) -> None:
        """Compare every order and trade with the venue's."""
        belief, trader = self.trader.belief, self.trader
        for order in self.sent:
            known, told = (
                belief.orders[order.order_id],
                asked(trader, f"/data/order/{order.order_id}"),
            )
            if told is None:
                assert known.status is OrderStatus.REJECTED, known
                continue
            assert known.told is not None, (known, told)
            assert known.status.value == told["status"], (known, told)
            matched = round(float(told["size_matched"]) * 1_000_000)
            assert known.told.shares_matched == matched
            told_of = [status for status in TradeStatus if belief.shares(order.order_id, status)]
            assert bool(told_of) == bool(matched) and set(told_of) <= FINAL
            assert belief.shares(order.order_id, *FINAL) == matched
        ids = {each.order_id for each in self.sent}
        listed = {row["id"] for row in asked(trader, "/data/orders")["data"]}
        assert listed & ids == belief.open_orders() & ids
        for row in asked(trader, "/data/trades")["data"]:
            assert belief.trades[row["id"]].status.value == row["status"]


@settings(
    derandomize=True,
    max_examples=15,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(
    seed=st.integers(0, 2**32),
    faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=6, unique=True),
    steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=6),
)
def test_after_reading_the_belief_is_the_venues(
    venue: SandboxServer, seed: int, faults: list[tuple[str, str, int]], steps: list[str]
) -> None:
    note(f"seed {seed}, faults {faults}, steps {steps}")

    async def main() -> None:
        async with desk(
            venue, key=venue.info["accounts"][0]["private_key"], request_ms_max=350
        ) as quiet:
            await quiet.client.cancel_all()
        async with desk(
            venue,
            key=venue.info["accounts"][0]["private_key"],
            listens=True,
            request_ms_max=350,
        ) as trader:
            story = Story(trader, seed)
            for number, (kind, scope, amount) in enumerate(faults):
                venue.admin(
                    "POST",
                    "/faults",
                    {
                        "kind": kind,
                        "scope": scope,
                        "times": 1,
                        "amount": amount,
                        "skip": (seed >> number) % 3,
                    },
                )
            try:
                for step in steps:
                    await story.step(step)
            finally:
                venue.admin("DELETE", "/faults")
            await story.settled()
            story.judge()

    venue.fund(address(venue), PUSD)
    run(main)


def address(venue: SandboxServer) -> str:
    """Return the account that all of it happens to."""
    return str(venue.info["accounts"][0]["address"])
