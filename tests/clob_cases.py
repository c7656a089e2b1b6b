"""A small sandbox behind the CLOB app, in process and on a clock that stands until it is moved."""

import json
from collections.abc import Mapping

import httpx
import msgspec
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.digests import domain_of, order_digest
from polyarb.venue.polymarket.signing.mac import ApiCredentials, login_headers, request_headers
from polyarb.venue.polymarket.signing.order import Address, SignatureType, SignedOrder
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.flow.scenario import (
    Category,
    Crowd,
    EventKind,
    EventTerms,
    MakerTerms,
    MarketTerms,
    Scenario,
)
from polyarb.venue.sandbox.server.clob.app import DEFAULTS, clob_app
from polyarb.venue.sandbox.server.clob.venue import ClobSettings
from polyarb.venue.sandbox.server.fault_gate import FaultGate
from polyarb.venue.sandbox.server.keys import ApiKeys
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.terms.instruments import ListedMarket

START_NS = 1_795_262_400_000_000_000
MICRO = 1_000_000
ZERO = "0x" + "00" * 32
LADDER = MakerTerms(levels=3, half_spread=20_000, step=10_000, reaction_ms=0)
"""Bids at 0.48, 0.47, 0.46 and asks at 0.52, 0.53, 0.54 where YES is worth 0.50."""


def scenario(**more: object) -> Scenario:
    """List a plain market, one that holds takers, a fine one, and a neg-risk group of two."""
    cases = Scenario(
        name="cases",
        title="Cases",
        categories=(
            Category(name="Weather", fee=FeeSchedule(rate=500)),
            Category(name="Sports", fee=FeeSchedule(rate=500), hold_ms=1_000),
            Category(name="Geopolitics", fee=FeeSchedule(rate=0)),
        ),
        crowds=(Crowd(name="ladder", makers=LADDER),),
        events=(
            _event("rain", "Weather", _market("rain", 500_000)),
            _event("derby", "Sports", _market("derby", 600_000)),
            _event("treaty", "Geopolitics", _market("treaty", 420_000, tick=1_000)),
            _event(
                "mayor",
                "Weather",
                _market("ada", 600_000),
                _market("ben", 400_000),
                kind=EventKind.NEG_RISK,
            ),
            _event("empty", "Weather", _market("empty", 500_000), crowd=""),
        ),
    )
    return msgspec.structs.replace(cases, **more)


def _event(
    slug: str,
    category: str,
    *markets: MarketTerms,
    kind: EventKind = EventKind.PLAIN,
    crowd: str = "ladder",
) -> EventTerms:
    return EventTerms(
        slug=slug, title=slug, kind=kind, category=category, crowd=crowd, markets=markets
    )


def _market(slug: str, price: int, *, tick: int = 10_000) -> MarketTerms:
    return MarketTerms(slug=slug, question=f"{slug}?", price=price, tick=tick)


class StandingClock:
    """A clock that only a test moves."""

    def __init__(self, now_ns: int) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        """Return unix nanoseconds."""
        return self.time_ns

    def monotonic_ns(self) -> int:
        """Return the same."""
        return self.time_ns

    def pass_ms(self, milliseconds: int) -> None:
        """Let time pass."""
        self.time_ns += milliseconds * MICRO


class Trader:
    """An account of the sandbox with its key and, after `login`, its API key."""

    def __init__(self, desk: "Desk", signer: Signer) -> None:
        self.desk = desk
        self.signer = signer
        self.salt = 0
        self.credentials: ApiCredentials | None = None

    @property
    def address(self) -> Address:
        """Return its address."""
        return self.signer.address

    @property
    def owner(self) -> str:
        """Return its API key."""
        assert self.credentials is not None
        return self.credentials.key

    def login(self) -> "Trader":
        """Take an API key without the wire."""
        keys = self.desk.state.keys
        self.credentials = keys.derive(self.address) or keys.create(self.address)
        return self

    def l1(self, nonce: int = 0) -> dict[str, str]:
        """Return the headers of a login."""
        return login_headers(self.signer, self.desk.now_s, nonce)

    def l2(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """Return the headers of a private request."""
        assert self.credentials is not None
        return request_headers(
            self.credentials, self.address, self.desk.now_s, method=method, path=path, body=body
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str | int] | None = None,
    ) -> httpx.Response:
        """Send a private request."""
        raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = self.l2(method, path, raw)
        return await self.desk.client.request(
            method, path, content=raw, headers=headers, params=query
        )

    def order(
        self,
        token_id: str,
        side: Side,
        price: int,
        shares: int,
        *,
        is_neg_risk: bool = False,
        **more: object,
    ) -> SignedOrder:
        """Sign an order. Units: price in micros, shares whole."""
        self.salt += 1
        collateral = price * shares
        amounts = (collateral, shares * MICRO)
        plain = SignedOrder(
            salt=self.salt,
            maker=self.address,
            signer=self.address,
            token_id=TokenId(token_id),
            maker_amount=amounts[0 if side is Side.BUY else 1],
            taker_amount=amounts[1 if side is Side.BUY else 0],
            side=side,
            signature_type=SignatureType.EOA,
            timestamp_ms=self.desk.now_s * 1_000,
        )
        order = msgspec.structs.replace(plain, **more)
        return self.signer.sign_order(order, domain_of(is_neg_risk))

    def payload(
        self, order: SignedOrder, order_type: str = "GTC", **more: object
    ) -> dict[str, object]:
        """Write an order as clients send it."""
        return {
            "deferExec": False,
            "order": wire(order),
            "owner": self.owner,
            "orderType": order_type,
            **more,
        }

    async def place(
        self, order: SignedOrder, order_type: str = "GTC", **more: object
    ) -> httpx.Response:
        """Send an order."""
        return await self.ask("POST", "/order", self.payload(order, order_type, **more))


def wire(order: SignedOrder) -> dict[str, object]:
    """Write the signed part of an order as clients send it."""
    return {
        "salt": order.salt,
        "maker": order.maker,
        "signer": order.signer,
        "tokenId": order.token_id,
        "makerAmount": str(order.maker_amount),
        "takerAmount": str(order.taker_amount),
        "side": order.side.value,
        "expiration": str(order.expiration_s),
        "signatureType": int(order.signature_type),
        "timestamp": str(order.timestamp_ms),
        "metadata": order.metadata,
        "builder": order.builder,
        "signature": order.signature,
    }


def id_of(order: SignedOrder, *, is_neg_risk: bool = False) -> str:
    """Return an order's id."""
    return order_digest(order, domain_of(is_neg_risk))


class Desk:
    """The sandbox, its app behind the fault gate, and a client of it."""

    def __init__(self, settings: ClobSettings = DEFAULTS) -> None:
        self.faults = FaultBoard(1)
        self.founded: Founded = found(scenario(), seed=1, starts_ns=START_NS, faults=self.faults)
        self.clock = StandingClock(START_NS)
        self.world = self.founded.world
        self.state = SandboxState(
            self.world, self.clock, accounts=self.founded.accounts, keys=ApiKeys(1)
        )
        self.slept: list[float] = []
        app = clob_app(self.state, settings)
        self.gate = FaultGate(app, self.faults, "clob", sleep=self._sleep)
        transport = httpx.ASGITransport(self.gate)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://clob")
        self.traders = tuple(
            Trader(self, Signer(account.private_key)) for account in self.founded.accounts
        )

    @property
    def now_s(self) -> int:
        """Return the time in unix seconds."""
        return self.clock.time_ns // 1_000_000_000

    def market(self, slug: str) -> ListedMarket:
        """Return a market by its slug."""
        return next(each for each in self.founded.listing.markets if each.slug == slug)

    def trader(self, number: int = 0) -> Trader:
        """Return one of the accounts, with an API key."""
        return self.traders[number].login()

    def books(self) -> list[object]:
        """Return every book as it stands."""
        exchange = self.world.exchange
        return [
            (levels.bids, levels.asks)
            for market in exchange.markets()
            for token_id in (market.yes, market.no)
            if (levels := exchange.book(token_id)) is not None
        ]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
