"""A client of the sandbox that is served as a process of its own, and what its venue believes.

async with desk(venue) as trader:
    trader.client, trader.reader, trader.channel     # as they would face the venue
    trader.order(token, Side.BUY, 520_000, 5)        # a signed order, ready to be sent
    trader.events                                    # what the user channel told
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, TypeVar

import msgspec
from polyarb.domain.ids import TokenId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.rest.mode import ModeWatch
from polyarb.venue.polymarket.signing.digests import domain_of, order_digest
from polyarb.venue.polymarket.signing.order import SignedOrder
from polyarb.venue.polymarket.signing.port import (
    LoginSigned,
    LoginToSign,
    OrdersSigned,
    OrdersToSign,
    SignatureRefused,
)
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.trading.api_keys import create_or_derive
from polyarb.venue.polymarket.trading.belief import Belief
from polyarb.venue.polymarket.trading.budget import Bucket, Rate, TokenBudget
from polyarb.venue.polymarket.trading.client import TradingClient
from polyarb.venue.polymarket.trading.order_wire import PreparedOrder, prepare
from polyarb.venue.polymarket.trading.reading import Reader
from polyarb.venue.polymarket.trading.sending import Account, Sender
from polyarb.venue.polymarket.trading.user_channel import UserChannel
from polyarb.venue.polymarket.trading.user_events import OrderTold, Resync, TradeTold, UserEvent

from tests.sandbox_server import SandboxServer

MICRO = 1_000_000
PATIENCE_S = 20
WIDE = dict.fromkeys(Bucket, Rate(100_000, 100_000))
Given = TypeVar("Given")


class LoginSigner:
    """The port of whoever holds a key, for logins alone."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def sign_orders(self, request: OrdersToSign) -> OrdersSigned | SignatureRefused:
        raise AssertionError("no order is signed here")

    def sign_login(self, request: LoginToSign) -> LoginSigned | SignatureRefused:
        return LoginSigned(
            account=self.signer.address,
            timestamp_s=request.timestamp_s,
            nonce=request.nonce,
            signature=self.signer.sign_login(request.timestamp_s, request.nonce),
        )


def settings_of(venue: SandboxServer, **more: int) -> VenueSettings:
    """Return how the sandbox is reached, impatiently."""
    quick = {"request_ms_max": 2_000, "ping_ms": 100, "pong_ms_max": 400, **more}
    return VenueSettings(hosts=VenueHosts(clob=venue.info["clob"]), **quick)


class Trader:
    """One account with all that it needs."""

    def __init__(
        self, venue: SandboxServer, key: str, settings: VenueSettings, sender: Sender
    ) -> None:
        self.venue = venue
        self.signer = Signer(Secret(key))
        self.clock = SystemClock()
        self.settings = settings
        self.sender = sender
        self.mode = ModeWatch()
        self.events: list[UserEvent] = []
        self.belief = Belief()
        self._salt = Random(key).getrandbits(50)

    def open(self, account: Account, budget: TokenBudget) -> None:
        """Set up what needs the API key."""
        self.account = account
        self.budget = budget
        self.client = TradingClient(self.sender, account, budget, self.clock, mode=self.mode)
        self.reader = Reader(
            self.sender, account, budget, self.clock, random=Random(1), sleep=asyncio.sleep
        )
        self.channel = UserChannel(
            self.venue.info["ws_user"],
            account.credentials,
            self.settings,
            self.clock,
            tell=self._told,
            random=Random(2),
            backoff_ms=(10, 100),
        )

    def _told(self, event: UserEvent) -> None:
        self.events.append(event)
        if isinstance(event, OrderTold | TradeTold):
            self.belief.told(event)

    def signed(self, token: str, side: Side, price: int, shares: int) -> SignedOrder:
        """Sign an order of a plain market. Units: price in micros, shares whole."""
        self._salt += 1
        amounts = (price * shares, shares * MICRO)
        plain = SignedOrder(
            salt=self._salt % 2**53,
            maker=self.signer.address,
            signer=self.signer.address,
            token_id=TokenId(token),
            maker_amount=amounts[0 if side is Side.BUY else 1],
            taker_amount=amounts[1 if side is Side.BUY else 0],
            side=side,
            timestamp_ms=self.clock.now_ns() // MICRO,
        )
        return self.signer.sign_order(plain, domain_of(False))

    def order(
        self,
        token: str,
        side: Side,
        price: int,
        shares: int,
        *,
        kind: TimeInForce = TimeInForce.GTC,
        is_post_only: bool = False,
        **more: object,
    ) -> PreparedOrder:
        """Prepare an order; more are fields that are signed otherwise."""
        order = self.signed(token, side, price, shares)
        if more:
            order = self.signer.sign_order(msgspec.structs.replace(order, **more), domain_of(False))
        return prepare(
            order,
            order_digest(order, domain_of(False)),
            owner=self.account.credentials.key,
            time_in_force=kind,
            is_post_only=is_post_only,
        )

    async def listening(self, connects: int = 1) -> None:
        """Wait until the channel listens for so many times."""
        await until(lambda: sum(isinstance(each, Resync) for each in self.events) >= connects)


@asynccontextmanager
async def desk(
    venue: SandboxServer,
    *,
    key: str | None = None,
    rates: Any = WIDE,
    listens: bool = False,
    **more: int,
) -> AsyncIterator[Trader]:
    """Open a client of a new account, or of a given one."""
    settings = settings_of(venue, **more)
    sender = Sender(settings, SystemClock())
    trader = Trader(venue, key or venue.account(), settings, sender)
    task: asyncio.Task[None] | None = None
    try:
        account = await create_or_derive(sender, LoginSigner(trader.signer), trader.clock)
        trader.open(account, TokenBudget(trader.clock.monotonic_ns(), rates))
        if listens:
            task = asyncio.create_task(trader.channel.run())
            await trader.listening()
        yield trader
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await sender.close()


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.01)


def run(main: Callable[[], Awaitable[Given]]) -> Given:
    """Run a test's body within its time."""

    async def bounded() -> Given:
        async with asyncio.timeout(60):
            return await main()

    return asyncio.run(bounded())


def arm(venue: SandboxServer, kind: str, scope: str, **more: object) -> None:
    """Let something go wrong once."""
    venue.admin("POST", "/faults", {"kind": kind, "scope": scope, "times": 1, **more})
