"""The CLOB of the sandbox on a real socket, in a thread of its own, for clients that block.

with ClobServer() as server:
    server.address                          # where it is
    server.founded.accounts                 # who may trade
    server.faults.arm(Fault(...))           # what goes wrong
    server.inside(lambda state: ...)        # run in the server's loop and return what it gives
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Self, TypeVar

import uvicorn
from polyarb.host.clock import SystemClock
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import found
from polyarb.venue.sandbox.flow.scenario import ChainTerms
from polyarb.venue.sandbox.server.clob.app import clob_app
from polyarb.venue.sandbox.server.clob.venue import ClobSettings
from polyarb.venue.sandbox.server.gates import gated
from polyarb.venue.sandbox.server.keys import ApiKeys
from polyarb.venue.sandbox.server.limits import AddressLimits
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.settings import SettlementSettings

from tests.clob_cases import scenario

Given = TypeVar("Given")
QUICK = SettlementSettings(submit_ms=20, retry_ms=20)
QUICK_CHAIN = ChainTerms(block_ms=50, confirmations=2)
DEFAULTS = ClobSettings()


class ClobServer:
    """A sandbox whose chain is quick, served until the context ends."""

    def __init__(self, settings: ClobSettings = DEFAULTS) -> None:
        self.faults = FaultBoard(1)
        clock = SystemClock()
        self.founded = found(
            scenario(chain=QUICK_CHAIN, settlement=QUICK),
            seed=1,
            starts_ns=clock.now_ns(),
            faults=self.faults,
        )
        self._state = SandboxState(
            self.founded.world, clock, accounts=self.founded.accounts, keys=ApiKeys(1)
        )
        app = gated(
            clob_app(self._state, settings),
            self._state,
            "clob",
            AddressLimits(settings.limits),
        )
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", access_log=False)
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def market(self, slug: str) -> ListedMarket:
        """Return a market by its slug."""
        return next(each for each in self.founded.listing.markets if each.slug == slug)

    def inside(self, ask: Callable[[SandboxState], Given]) -> Given:
        """Call something in the server's loop, where its world may be touched."""

        async def call() -> Given:
            self._state.now()
            given = ask(self._state)
            self._state.settle_down()
            return given

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(timeout=30)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._listening.close()

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve([self._listening])

        asyncio.run(serve())
