"""The smaller services of a small sandbox, in process, on a clock that only a test moves."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

import httpx
from polyarb.domain.plan import Side
from polyarb.venue.sandbox.server.admin.app import admin_app
from polyarb.venue.sandbox.server.data_api.app import data_app
from polyarb.venue.sandbox.server.gamma.app import gamma_app
from polyarb.venue.sandbox.server.relayer.app import relayer_app
from polyarb.venue.sandbox.server.rpc_app import rpc_app
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from starlette.applications import Starlette

from tests.clob_cases import MICRO, Desk, Trader

Answer = TypeVar("Answer")
STEP_MS = 500


def run(main: Coroutine[object, object, Answer]) -> Answer:
    """Run to the end."""
    return asyncio.run(main)


class Faces(Desk):
    """A sandbox with all of its services."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: dict[str, Starlette] = {
            "gamma": gamma_app(self.state),
            "data": data_app(self.state),
            "relayer": relayer_app(self.state),
            "rpc": rpc_app(self.state),
            "admin": admin_app(self.state, self.faults),
        }

    def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        params: object = None,
        content: bytes | None = None,
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request to a service."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.apps[service])
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as one:
                return await one.request(
                    method, path, params=params, content=content, json=json, headers=headers
                )

        return run(send())

    def statuses(self, service: str, paths: Sequence[str]) -> list[int]:
        """Return how many questions in a row are answered."""

        async def ask() -> list[int]:
            transport = httpx.ASGITransport(self.apps[service])
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as one:
                return [(await one.get(path)).status_code for path in paths]

        return run(ask())

    def read(self, service: str, path: str, **params: object) -> object:
        """Return the JSON of an answer that must be good."""
        answer = self.ask(service, "GET", path, params=params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pass_s(self, seconds: float) -> None:
        """Let time pass in small steps, as the server does."""
        for _ in range(int(seconds * 1_000 / STEP_MS)):
            self.clock.pass_ms(STEP_MS)
            self.state.now()
            self.state.settle_down()

    def buy(self, trader: Trader, market: ListedMarket, price: int, shares: int) -> dict[str, str]:
        """Let an account buy YES. Units: price in micros, shares whole."""
        return self._place(trader, market, Side.BUY, price, shares)

    def sell(self, trader: Trader, market: ListedMarket, price: int, shares: int) -> dict[str, str]:
        """Let an account sell YES."""
        return self._place(trader, market, Side.SELL, price, shares)

    def _place(
        self, trader: Trader, market: ListedMarket, side: Side, price: int, shares: int
    ) -> dict[str, str]:
        order = trader.order(market.yes, side, price, shares, is_neg_risk=market.is_neg_risk)
        answer = run(trader.place(order))
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    def image(self) -> list[object]:
        """Return everything that a refused request must not change."""
        return [
            self.books(),
            sorted(self.world.chain.state.items()),
            self.world.exchange.mode,
            self.faults.armed(),
            [self.world.exchange.standing(each.condition_id) for each in self.markets],
        ]

    @property
    def markets(self) -> tuple[ListedMarket, ...]:
        """Return what is listed."""
        return self.founded.listing.markets


def shares(count: int) -> int:
    """Return micro-shares."""
    return count * MICRO
