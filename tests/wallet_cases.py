"""A wallet of a small sandbox: the chain's RPC on a real socket behind the fault gate, in one loop.

async def acts(venue): ...      # venue.wallet, venue.mine(), venue.fault(...)
play(acts)
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import uvicorn
from polyarb.domain.errors import StoreError
from polyarb.domain.ids import OrderId
from polyarb.domain.market import MarketVersion
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.wallet.actions import AllowShares, Approve, Condition
from polyarb.venue.polymarket.wallet.limits import WalletLimits
from polyarb.venue.polymarket.wallet.node import Node
from polyarb.venue.polymarket.wallet.slots import Belief, Standing, TransactionIntent
from polyarb.venue.polymarket.wallet.wallet import Wallet
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.running import nonce_of
from polyarb.venue.sandbox.server.fault_gate import FaultGate
from polyarb.venue.sandbox.server.rpc_app import rpc_app
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.trades import Fill, Match

from tests.clob_cases import Desk

ONE = 1_000_000
BLOCK_MS = 2_000
CONFIRMATIONS = 3
KEY = Secret("0x" + "07" * 32)
LIMITS = WalletLimits(
    envelope=200 * ONE,
    gas_price_wei_max=60_000_000_000,
    gas_limit_max=2_000_000,
    confirmations=CONFIRMATIONS,
    request_ms_max=5_000,
)
RPC = "rpc POST / "


class Notes:
    """An intent log in memory that checks of every intent that nothing of it has left yet."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.intents: list[TransactionIntent] = []
        self.beliefs: list[Belief] = []
        self.is_full = False

    def note_intent(self, intent: TransactionIntent) -> None:
        assert self.chain.transaction(intent.hash) is None
        if self.is_full:
            raise StoreError("expected room on the disk, found none")
        self.intents.append(intent)

    def note_belief(self, belief: Belief) -> None:
        self.beliefs.append(belief)

    def of(self, intent_id: str) -> list[Standing]:
        """Return how an intent's standing went."""
        return [each.standing for each in self.beliefs if each.intent_id == intent_id]


class WalletVenue(Desk):
    """The sandbox, its RPC on a socket, and a wallet with 1,000 pUSD, 100 POL and no rights."""

    def __init__(self, limits: WalletLimits = LIMITS, *, is_approved: bool = False) -> None:
        super().__init__()
        self.chain = self.world.chain
        self.limits = limits
        self.notes = Notes(self.chain)
        self.signer = Signer(KEY)
        self.account: Address = self.signer.address
        self.chain.found(self.account, pusd=1_000 * ONE, is_approved=is_approved)
        self.mine()
        self.released = asyncio.Event()
        self.address = ""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["WalletVenue"]:
        """Serve the RPC and open a wallet on it, until the end of the block."""
        gate = FaultGate(rpc_app(self.state), self.faults, "rpc", sleep=self._until_released)
        listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        config = uvicorn.Config(gate, lifespan="off", ws="none", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0)
        self.nodes: list[Node] = []
        try:
            self.wallet = await self.opened()
            yield self
        finally:
            self.released.set()
            for node in self.nodes:
                await node.close()
            server.should_exit = True
            await serving

    async def opened(self) -> Wallet:
        """Open a wallet as a new process would, on what the notes say."""
        wallet = Wallet(self.node(), self.signer, limits=self.limits, log=self.notes)
        await wallet.open(self.account, intents=self.notes.intents, beliefs=self.notes.beliefs)
        return wallet

    def node(self, request_ms_max: int | None = None) -> Node:
        """Return a node on the RPC's socket; it is closed at the end."""
        node = Node(
            Secret(self.address), request_ms_max=request_ms_max or self.limits.request_ms_max
        )
        self.nodes.append(node)
        return node

    def mine(self, blocks: int = 1) -> None:
        """Let some blocks pass."""
        for _ in range(blocks):
            self.clock.pass_ms(BLOCK_MS)
            self.state.now()
            self.state.settle_down()

    def fault(self, kind: FaultKind, amount: int = 0, *, skip: int = 0, times: int = 1) -> None:
        """Arm a fault for one of the next requests."""
        is_of_chain = kind in (FaultKind.RPC_LAG, FaultKind.REORG)
        scope = "rpc" if is_of_chain else RPC
        armed = Fault(kind=kind, scope=scope, amount=amount, skip=skip, times=times)
        assert isinstance(self.faults.arm(armed), str)

    async def settled(self, intent_id: str) -> Belief:
        """Mine and reconcile until an intent is final."""
        for _ in range(4 * CONFIRMATIONS):
            self.mine()
            await self.wallet.reconcile()
            belief = self.wallet.belief(intent_id)
            assert belief is not None
            if belief.is_final:
                return belief
        raise AssertionError(f"{intent_id} is still {belief}")

    async def done(self, intent_id: str, action: object) -> Belief:
        """Do something that must go well."""
        told = await self.wallet.perform(intent_id, action)  # type: ignore[arg-type]
        assert isinstance(told, Belief), told
        belief = await self.settled(intent_id)
        assert belief.standing is Standing.CONFIRMED, belief
        return belief

    async def ready(self) -> None:
        """Give both adapters the rights that they need, within the envelope."""
        for adapter in (CONTRACTS.collateral_adapter, CONTRACTS.neg_risk_collateral_adapter):
            await self.done(f"approve {adapter}", Approve(spender=adapter, micros=200 * ONE))
            await self.done(f"allow {adapter}", AllowShares(operator=adapter))

    def held(self, market: ListedMarket) -> tuple[int, int]:
        """Return how many shares of a market the account has on chain."""
        shares = self.chain.shares
        return shares(self.account, market.yes), shares(self.account, market.no)

    @property
    def mined(self) -> int:
        """Return how many transactions of the account are mined."""
        return nonce_of(self.chain.state, self.account)

    async def _until_released(self, _seconds: float) -> None:
        await self.released.wait()


def play(
    acts: Callable[[WalletVenue], Awaitable[None]],
    limits: WalletLimits = LIMITS,
    *,
    is_approved: bool = False,
) -> WalletVenue:
    """Serve, act, stop."""

    async def main() -> WalletVenue:
        venue = WalletVenue(limits, is_approved=is_approved)
        async with asyncio.timeout(120), venue.serving():
            await acts(venue)
        return venue

    return asyncio.run(main())


def condition(market: ListedMarket, version: MarketVersion | None = MarketVersion.V1) -> Condition:
    """Return a market as the wallet knows it."""
    return Condition(
        condition_id=market.condition_id,
        yes=market.yes,
        no=market.no,
        is_neg_risk=market.is_neg_risk,
        version=version,
    )


def fill(
    maker: Address, market: ListedMarket, side: Side, shares: int, *, order: str, fee: int = 0
) -> Fill:
    """Return an order's part of a match of YES at 0.40."""
    price = 400_000
    cash = shares * price // ONE
    given, got = (cash, shares) if side is Side.BUY else (shares, cash)
    return Fill(
        order_id=OrderId("0x" + order * 32),
        owner=f"key-of-{maker[-4:]}",
        maker=maker,
        token_id=market.yes,
        outcome="Yes",
        side=side,
        shares=shares,
        price=price,
        given=given,
        got=got,
        fee=fee,
    )


def match(market: ListedMarket, taker: Fill, *makers: Fill, trade_id: str) -> Match:
    """Return a trade of a market."""
    return Match(
        trade_id=trade_id,
        condition_id=market.condition_id,
        is_neg_risk=market.is_neg_risk,
        taker=taker,
        makers=makers,
        matched_ns=0,
    )
