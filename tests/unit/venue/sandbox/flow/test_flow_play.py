"""Virtual time: the same seed plays the same to the byte, and the server plays it no otherwise."""

import asyncio
import json

import httpx
import msgspec
import pytest
from flow_cases import (
    GROUP,
    LADDER,
    NESTED,
    PLAIN,
    SECOND_NS,
    SEED,
    START_NS,
    Listener,
    event,
    founded,
    played,
    scenario,
    shipped,
)
from polyarb.domain.ids import OrderId
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, ONE
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.polymarket.signing.digests import domain_of
from polyarb.venue.polymarket.signing.mac import request_headers
from polyarb.venue.polymarket.signing.order import SignedOrder
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.flow.play import play
from polyarb.venue.sandbox.flow.scenario import ArmedFault, Crowd, Resolution, RivalTerms
from polyarb.venue.sandbox.server.clob.app import clob_app
from polyarb.venue.sandbox.server.keys import ApiKeys
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.terms.announcements import MarketClosed, TradeChanged
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.orders import OrderRequest

RIVALS = [RivalTerms(name="one")]
ALL = scenario(PLAIN, GROUP, NESTED, rivals=RIVALS)


def test_the_same_seed_plays_the_same_to_the_byte() -> None:
    first, again = played(founded(ALL), 1_800), played(founded(ALL), 1_800)
    assert first.told and first.digest == again.digest
    assert first.digest != played(founded(ALL, SEED + 1), 1_800).digest


@pytest.mark.parametrize("name", ["default", "sparse", "rich"])
def test_a_shipped_scenario_plays_the_same_twice(name: str) -> None:
    first, again = played(founded(shipped(name)), 600), played(founded(shipped(name)), 600)
    assert first.told and first.digest == again.digest


def test_how_the_time_is_cut_changes_nothing() -> None:
    whole = played(founded(ALL), 900)
    sandbox, cut = founded(ALL), Listener()
    for second in range(1, 1_801):
        play(sandbox, until_ns=START_NS + second * SECOND_NS // 2, listener=cut)
    assert cut.digest == whole.digest


def test_the_quiet_scenario_never_does_anything_by_itself() -> None:
    sandbox = founded(shipped("quiet"))
    assert sandbox.flow.next_due_ns == FAR_FUTURE_NS
    assert not played(sandbox, 30 * 86_400).told
    assert sandbox.world.now_ns == START_NS + 30 * 86_400 * SECOND_NS


def test_the_agents_act_at_their_own_times_however_late_they_are_called() -> None:
    sandbox = founded(scenario(PLAIN))
    end_ns = START_NS + 600 * SECOND_NS
    while sandbox.flow.next_due_ns <= end_ns:
        sandbox.flow.advance(end_ns)
    late = Listener()
    late(sandbox.world.drain())
    times = [told.at_ns for told in late.told]
    assert times == sorted(times) and times[0] < START_NS + 300 * SECOND_NS < times[-1]


# The script


def test_faults_are_armed_at_their_times_in_the_scope_of_their_market() -> None:
    armed = (
        ArmedFault(kind=FaultKind.GHOST_FILL, market="plain-0", amount=1),
        ArmedFault(kind=FaultKind.SLOW_RESPONSE, at_s=60, scope="clob", amount=5, share=0.5),
    )
    board = FaultBoard(SEED)
    terms = msgspec.structs.replace(scenario(PLAIN), faults=armed)
    sandbox = found(terms, seed=SEED, starts_ns=START_NS, faults=board)
    (now,) = board.armed()
    assert now.fault.kind is FaultKind.GHOST_FILL
    assert now.fault.scope == sandbox.listing.markets[0].condition_id
    played(sandbox, 59)
    assert len(board.armed()) == 1
    played(sandbox, 2)
    later = [one.fault for one in board.armed() if one.fault.kind is FaultKind.SLOW_RESPONSE]
    assert [(fault.scope, fault.amount, fault.share) for fault in later] == [("clob", 5, 0.5)]


def test_a_scenario_with_faults_needs_a_board() -> None:
    class Nowhere:
        def strike(self, _kind: FaultKind, _scope: str) -> None:
            return None

    faulty = (ArmedFault(kind=FaultKind.GHOST_FILL),)
    terms = msgspec.structs.replace(scenario(PLAIN), faults=faulty)
    with pytest.raises(TypeError, match="expected a board of faults"):
        found(terms, seed=SEED, starts_ns=START_NS, faults=Nowhere())
    found(scenario(PLAIN), seed=SEED, starts_ns=START_NS, faults=Nowhere())


def test_markets_are_resolved_at_their_times_on_the_exchange_and_on_chain() -> None:
    endings = (
        Resolution(market="plain-0", at_s=100, pays=ONE // 2),
        Resolution(market="group-0", at_s=200, pays=0),
        Resolution(market="group-1", at_s=300, pays=ONE),
    )
    terms = msgspec.structs.replace(scenario(PLAIN, GROUP), resolutions=endings)
    sandbox = founded(terms)
    listener = played(sandbox, 1_000)
    closed = [told for told in listener.told if isinstance(told, MarketClosed)]
    assert [(told.at_ns - START_NS) // SECOND_NS for told in closed] == [100, 200, 300]
    assert [told.payouts for told in closed] == [(ONE // 2, ONE // 2), (0, ONE), (ONE, 0)]
    third = sandbox.listing.markets[3]
    standing = sandbox.world.exchange.standing(third.condition_id)
    assert standing is not None and not standing.is_closed


def test_what_an_outcome_out_of_the_race_was_worth_goes_to_the_rest() -> None:
    terms = msgspec.structs.replace(
        scenario(GROUP), resolutions=(Resolution(market="group-0", at_s=10, pays=0),)
    )
    sandbox = founded(terms)
    played(sandbox, 300)
    book = sandbox.world.exchange.book(sandbox.listing.markets[1].yes)
    assert book is not None and book.bids[-1][0] > 400_000


def test_makers_who_could_not_withdraw_while_the_engine_restarted_do_it_after() -> None:
    makers = msgspec.structs.replace(LADDER, reaction_ms=1_000, refill_ms=2_000)
    terms = msgspec.structs.replace(
        scenario(GROUP, crowd=Crowd(name="crowd", makers=makers)),
        resolutions=(Resolution(market="group-0", at_s=10, pays=0),),
    )
    sandbox = founded(terms)
    sandbox.world.exchange.restart()
    played(sandbox, 400)
    book = sandbox.world.exchange.book(sandbox.listing.markets[1].yes)
    assert book is not None and [price for price, _ in book.bids] == [570_000, 580_000]


def test_a_market_that_somebody_resolved_before_is_let_be() -> None:
    terms = msgspec.structs.replace(
        scenario(PLAIN), resolutions=(Resolution(market="plain-0", at_s=10, pays=ONE),)
    )
    sandbox = founded(terms)
    sandbox.world.resolve(sandbox.listing.markets[0].condition_id, (0, ONE))
    played(sandbox, 60)
    standing = sandbox.world.exchange.standing(sandbox.listing.markets[0].condition_id)
    assert standing is not None and standing.payouts == (0, ONE)


def test_an_agenda_keeps_the_order_of_times_and_of_being_put_down() -> None:
    agenda, done = Agenda(100), list[str]()
    agenda.after(5, lambda: done.append("late"))
    agenda.after(0, lambda: done.append("soon"))
    agenda.after(1, lambda: done.append("soon too"))
    assert agenda.next_due_ns == 101
    while agenda.next_due_ns < FAR_FUTURE_NS:
        agenda.take()()
    assert done == ["soon", "soon too", "late"] and agenda.now_ns == 105


# The server and the core


class StandingClock:
    """A clock that only a test moves."""

    def __init__(self, time_ns: int) -> None:
        self.time_ns = time_ns

    def now_ns(self) -> int:
        return self.time_ns

    def monotonic_ns(self) -> int:
        return self.time_ns


class Served:
    """A sandbox with agents behind the CLOB app, and one of its accounts as a client of it."""

    def __init__(self, sandbox: Founded) -> None:
        self.sandbox = sandbox
        self.clock = StandingClock(START_NS)
        self.listener = Listener()
        self.signer = Signer(sandbox.accounts[0].private_key)
        keys = ApiKeys(SEED)
        created = keys.create(self.signer.address)
        assert created is not None
        self.credentials = created
        self.state = SandboxState(
            sandbox.world,
            self.clock,
            accounts=sandbox.accounts,
            keys=keys,
            announce=self.listener,
            flow=sandbox.flow,
        )
        transport = httpx.ASGITransport(clob_app(self.state))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://clob")

    def order(self, market: ListedMarket, price: int, shares: int) -> SignedOrder:
        """Sign a purchase of YES. Units: price in micros, shares whole."""
        address = self.signer.address
        plain = SignedOrder(
            salt=shares,
            maker=address,
            signer=address,
            token_id=market.yes,
            maker_amount=price * shares,
            taker_amount=shares * MICRO,
            side=Side.BUY,
            timestamp_ms=self.clock.time_ns // MICRO,
        )
        return self.signer.sign_order(plain, domain_of(market.is_neg_risk))

    async def place(self, order: SignedOrder) -> str:
        """Send an order as a client does, and return its id."""
        body = json.dumps(
            {
                "order": wire(order),
                "owner": self.credentials.key,
                "orderType": "GTC",
                "deferExec": False,
            }
        ).encode()
        now_s = self.clock.time_ns // SECOND_NS
        headers = request_headers(
            self.credentials, self.signer.address, now_s, method="POST", path="/order", body=body
        )
        answer = (await self.client.post("/order", content=body, headers=headers)).json()
        assert answer["success"], answer
        return str(answer["orderID"])


def wire(order: SignedOrder) -> dict[str, object]:
    return {
        "salt": order.salt,
        "maker": order.maker,
        "signer": order.signer,
        "tokenId": order.token_id,
        "makerAmount": str(order.maker_amount),
        "takerAmount": str(order.taker_amount),
        "side": order.side.value,
        "expiration": "0",
        "signatureType": int(order.signature_type),
        "timestamp": str(order.timestamp_ms),
        "metadata": order.metadata,
        "builder": order.builder,
        "signature": order.signature,
    }


Sent = tuple[int, SignedOrder, str]
"""When, what, and the id that the server gave."""


async def sent(served: Served) -> list[Sent]:
    """Send orders over HTTP at odd moments, crossing the book and resting in it."""
    orders: list[Sent] = []
    markets = served.sandbox.listing.markets
    for at, market in enumerate((*markets, *markets)):
        served.clock.time_ns += 7_321 * MICRO
        served.state.now()
        book = served.sandbox.world.exchange.book(market.yes)
        assert book is not None
        price = book.asks[-1][0] + 10_000 if at % 2 else book.bids[-1][0]
        order = served.order(market, price, 10 + at)
        orders.append((served.clock.time_ns, order, await served.place(order)))
    served.clock.time_ns += 60 * SECOND_NS
    served.state.now()
    return orders


def same_again(orders: list[Sent], owner: str, end_ns: int, sandbox: Founded) -> Listener:
    """Give the same orders to the world itself, in virtual time."""
    listener = Listener()
    for at_ns, order, order_id in orders:
        play(sandbox, until_ns=at_ns, listener=listener)
        sandbox.world.place(OrderRequest(order_id=OrderId(order_id), order=order, owner=owner))
        listener(sandbox.world.drain())
    play(sandbox, until_ns=end_ns, listener=listener)
    return listener


def test_the_server_and_the_core_give_the_same_fills_for_the_same_input() -> None:
    terms = scenario(PLAIN, GROUP, event("spare", [400_000]), rivals=RIVALS)
    served = Served(founded(terms))
    orders = asyncio.run(sent(served))
    owner = served.credentials.key
    core = same_again(orders, owner, served.clock.time_ns, founded(terms))
    ours = [
        told
        for told in core.told
        if isinstance(told, TradeChanged) and told.trade.match.taker.owner == owner
    ]
    assert len(ours) >= 5
    assert served.listener.digest == core.digest
    address = served.signer.address
    assert served.sandbox.world.chain.collateral(address) < 1_000 * MICRO
