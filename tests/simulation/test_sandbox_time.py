"""However time is cut, the same requests at the same times give the same bytes.

What a block or its undoing does to trades is told at its own time, with the money in step.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import OrderId
from polyarb.domain.order import TimeInForce, TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address, SignedOrder
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.terms.announcements import Announcement, TradeChanged
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.instruments import ListedEvent, Listing
from polyarb.venue.sandbox.terms.orders import OrderRequest, Placement, Refused
from polyarb.venue.sandbox.terms.settings import (
    DEFAULT_SETTLEMENT,
    ChainSettings,
    SettlementSettings,
)
from polyarb.venue.sandbox.world import World
from tests.unit.venue.sandbox.chain.calldata import call
from tests.unit.venue.sandbox.chain.chain_cases import (
    ALICE,
    BOB,
    CAROL,
    GENESIS_NS,
    group_markets,
    plain_event,
    plain_market,
)

MS = 1_000_000
SECOND_MS = 1_000
BLOCK_MS = 2_000
OWNERS = (ALICE, BOB, CAROL)
HELD = 1_000 * MICRO
MARKET = msgspec.structs.replace(plain_market(), fee=FeeSchedule(rate=400))
HOLDING_MARKET = msgspec.structs.replace(MARKET, hold_ms=1_500)
SENT_AT_ONCE = SettlementSettings(submit_ms=0)
KINDS = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTD, TimeInForce.FAK, TimeInForce.FOK)


class Sandbox:
    """A world of one market with three rich accounts, and everything that it told."""

    def __init__(
        self,
        *,
        is_holding: bool = False,
        settlement: SettlementSettings = DEFAULT_SETTLEMENT,
        history_blocks: int = 129_600,
    ) -> None:
        self.market = HOLDING_MARKET if is_holding else MARKET
        self.board = FaultBoard(1)
        self.world = World(
            Listing(events=(plain_event(),), markets=(self.market,)),
            chain_settings=ChainSettings(genesis_ns=GENESIS_NS, history_blocks=history_blocks),
            faults=self.board,
            settlement_settings=settlement,
        )
        for owner in OWNERS:
            self.world.chain.found(owner, pusd=HELD, is_approved=True)
            self.world.chain.endow(owner, self.market.condition_id, HELD)
        self.told: list[Announcement] = []
        self.answers: list[object] = []
        self.placed = 0

    def until(self, at_ms: int) -> None:
        self.world.advance(GENESIS_NS + at_ms * MS)
        self.told.extend(self.world.drain())

    def place(
        self,
        account: Address,
        side: Side,
        cents: int,
        shares: int,
        *,
        is_no: bool = False,
        kind: TimeInForce = TimeInForce.GTC,
        **marks: bool,
    ) -> Placement | Refused:
        self.placed += 1
        money, micro_shares = cents * shares * 10_000, shares * MICRO
        expiration_s = self.world.now_ns // 10**9 + 64 if kind is TimeInForce.GTD else 0
        answer = self.world.place(
            OrderRequest(
                order_id=OrderId(f"0x{self.placed:064x}"),
                order=SignedOrder(
                    salt=self.placed,
                    maker=account,
                    signer=account,
                    token_id=self.market.no if is_no else self.market.yes,
                    maker_amount=money if side is Side.BUY else micro_shares,
                    taker_amount=micro_shares if side is Side.BUY else money,
                    side=side,
                    timestamp_ms=self.world.now_ns // MS,
                    expiration_s=expiration_s,
                ),
                owner=account,
                time_in_force=kind,
                **marks,
            )
        )
        self.answers.append(answer)
        return answer

    def send_pusd(self, giver: Address, taker: Address, amount: int) -> None:
        data = call("transfer(address,uint256)", taker, amount)
        self.world.chain.send(giver, CONTRACTS.pusd, data)

    def words(self) -> list[tuple[TradeStatus, int]]:
        """Return every word on the trades, with its time in ms."""
        return [
            (each.trade.status, (each.at_ns - GENESIS_NS) // MS)
            for each in self.told
            if isinstance(each, TradeChanged)
        ]

    def bytes(self) -> bytes:
        """Return all that was told and answered, and what is in the end."""
        world = self.world
        chain = world.chain
        head = chain.head.number
        return msgspec.json.encode(
            (
                self.told,
                self.answers,
                world.exchange.book(self.market.yes),
                [world.exchange.free(owner, None) for owner in OWNERS],
                sorted((str(slot), str(number)) for slot, number in chain.state.items()),
                [chain.block(number) for number in chain.made_between(0, head)],
                head,
            )
        )


Deed = Callable[[Sandbox], object]


class Order(NamedTuple):
    """An order to be placed; what is due already is none of its business."""

    account: Address
    side: Side
    cents: int
    shares: int
    kind: TimeInForce
    is_no: bool
    is_deferred: bool

    def __call__(self, sandbox: Sandbox) -> object:
        return sandbox.place(
            *self[:4], kind=self.kind, is_no=self.is_no, is_deferred=self.is_deferred
        )


ORDERS = st.builds(
    Order,
    st.sampled_from(OWNERS),
    st.sampled_from(Side),
    st.integers(47, 53),
    st.integers(5, 30),
    st.sampled_from(KINDS),
    st.booleans(),
    st.booleans(),
)


@st.composite
def transfers(draw: st.DrawFn) -> Deed:
    giver, taker = draw(st.sampled_from(OWNERS)), draw(st.sampled_from(OWNERS))
    amount = draw(st.sampled_from((MICRO, HELD * 9 // 10)))
    return lambda sandbox: sandbox.send_pusd(giver, taker, amount)


@st.composite
def faults(draw: st.DrawFn) -> Deed:
    kind = draw(st.sampled_from((FaultKind.GHOST_FILL, FaultKind.SETTLEMENT_DELAY)))
    amount = draw(st.integers(1, 3))
    return lambda sandbox: sandbox.board.arm(Fault(kind=kind, amount=amount, times=1))


RARE: tuple[Deed, ...] = (
    lambda sandbox: sandbox.world.chain.reorg(2),
    lambda sandbox: sandbox.world.exchange.restart(),
    lambda sandbox: sandbox.world.exchange.cancel_all(ALICE),
    lambda sandbox: sandbox.world.exchange.heartbeat(BOB, ""),
    lambda sandbox: sandbox.world.exchange.change_tick(MARKET.condition_id, 1_000),
    lambda sandbox: sandbox.world.exchange.close(MARKET.condition_id),
    lambda sandbox: sandbox.world.exchange.reopen(MARKET.condition_id),
    lambda sandbox: sandbox.world.refresh(CAROL, None),
)
OTHERS = st.one_of(transfers(), faults(), st.sampled_from(RARE))
DEEDS = st.integers(0, 9).flatmap(lambda chance: ORDERS if chance < 8 else OTHERS)
GAPS_MS = st.one_of(st.just(0), st.integers(1, 900), st.sampled_from((1_500, 2_000, 70_000)))
CUTS = st.lists(st.floats(0, 1), max_size=4)


def traded(sandbox: Sandbox, at_ms: int = 100) -> None:
    """Let Alice sell to Bob."""
    sandbox.until(at_ms)
    sandbox.place(ALICE, Side.SELL, 50, 20)
    sandbox.place(BOB, Side.BUY, 50, 20)


def test_a_reorg_makes_a_mined_trade_retry_at_once_and_then_confirms_it() -> None:
    sandbox = Sandbox()
    traded(sandbox)
    sandbox.until(BLOCK_MS + 500)
    assert sandbox.words() == [(TradeStatus.MATCHED, 100), (TradeStatus.MINED, 2_000)]
    sandbox.world.chain.reorg(1)
    sandbox.until(20_000)
    assert sandbox.words()[2:] == [
        (TradeStatus.RETRYING, 2_500),
        (TradeStatus.MINED, 4_000),
        (TradeStatus.CONFIRMED, 8_000),
    ]
    assert sandbox.world.exchange.free(ALICE, None) == HELD + 10 * MICRO


def test_what_is_mined_with_a_confirmation_is_not_counted_twice() -> None:
    sandbox = Sandbox()
    traded(sandbox)
    sandbox.until(2 * BLOCK_MS + 100)
    traded(sandbox, 2 * BLOCK_MS + 100)
    spent = HELD - sandbox.world.exchange.free(BOB, None)
    sandbox.until(3 * BLOCK_MS + 1)
    assert [word for word, _ in sandbox.words()].count(TradeStatus.CONFIRMED) == 1
    assert HELD - sandbox.world.exchange.free(BOB, None) == spent


@pytest.mark.parametrize("is_transfer_first", [True, False], ids=["before", "after"])
def test_a_transfer_in_the_block_of_a_match_decides_it_by_their_order(
    is_transfer_first: bool,
) -> None:
    sandbox = Sandbox()
    sandbox.until(100)
    sandbox.place(BOB, Side.BUY, 50, 20)
    sandbox.place(ALICE, Side.SELL, 50, 20)
    sandbox.until(300 if is_transfer_first else 900)
    sandbox.send_pusd(BOB, CAROL, HELD - MICRO if is_transfer_first else HELD - 10 * MICRO)
    sandbox.until(60_000)
    last = sandbox.words()[-1][0]
    assert last is (TradeStatus.FAILED if is_transfer_first else TradeStatus.CONFIRMED)
    assert sandbox.world.chain.shares(BOB, MARKET.yes) == HELD + 20 * MICRO * (
        not is_transfer_first
    )


def test_a_match_that_is_sent_at_the_time_of_a_block_waits_for_the_next() -> None:
    sandbox = Sandbox()
    traded(sandbox, BLOCK_MS - 500)
    sandbox.until(10_000)
    assert sandbox.words()[1:] == [
        (TradeStatus.MINED, 2 * BLOCK_MS),
        (TradeStatus.CONFIRMED, 4 * BLOCK_MS),
    ]


def test_a_verdict_that_one_side_does_not_take_leaves_both_as_they_were() -> None:
    group = group_markets(2, 0)[0]
    event = ListedEvent(
        event_id=group.event_id,
        slug=group.slug,
        title=group.question,
        condition_ids=(group.condition_id,),
        group_id=group.group_id,
        ends_ns=GENESIS_NS + 10**18,
    )
    world = World(
        Listing(events=(event,), markets=(group,)),
        chain_settings=ChainSettings(genesis_ns=GENESIS_NS),
        faults=FaultBoard(1),
    )
    with pytest.raises(ValueError, match="neg-risk group"):
        world.resolve(group.condition_id, (MICRO // 2, MICRO // 2))
    standing = world.exchange.standing(group.condition_id)
    assert standing is not None and standing.is_accepting and standing.payouts is None
    assert world.drain() == []
    world.resolve(group.condition_id, (MICRO, 0))
    with pytest.raises(ValueError, match="expected the verdict"):
        world.resolve(group.condition_id, (0, MICRO))
    world.advance(GENESIS_NS + 10 * BLOCK_MS * MS)
    assert len(world.chain.made_between(0, 10)) == 1


def test_days_of_settlements_do_not_grow_what_the_chain_remembers() -> None:
    sandbox = Sandbox(history_blocks=300)
    for round_ in range(1, 46):
        traded(sandbox, round_ * 30 * SECOND_MS)
        sandbox.told.clear()
        sandbox.answers.clear()
    chain = sandbox.world.chain
    assert chain.oldest_block > 0
    assert len(chain.made_between(0, chain.head.number)) == 300 * BLOCK_MS // (30 * SECOND_MS)


def test_a_deferred_order_is_matched_before_the_next_order_of_the_same_moment() -> None:
    sandbox = Sandbox()
    sandbox.until(100)
    sandbox.place(ALICE, Side.SELL, 50, 20, is_deferred=True)
    answer = sandbox.place(BOB, Side.BUY, 51, 20)
    assert isinstance(answer, Placement) and answer.making == 10 * MICRO


# Last, because what it finds it also simplifies, which takes its time.
@settings(max_examples=200, deadline=None)
@given(
    life=st.lists(st.tuples(GAPS_MS, CUTS, DEEDS), min_size=8, max_size=25),
    is_holding=st.booleans(),
    is_sent_at_once=st.booleans(),
)
def test_any_way_of_cutting_time_gives_the_same_bytes(
    life: list[tuple[int, list[float], Deed]], *, is_holding: bool, is_sent_at_once: bool
) -> None:
    def lived(*, is_cut: bool) -> bytes:
        sandbox = Sandbox(
            is_holding=is_holding,
            settlement=SENT_AT_ONCE if is_sent_at_once else DEFAULT_SETTLEMENT,
        )
        at_ms = 0
        for gap_ms, cuts, deed in life:
            if is_cut:
                for share in sorted(cuts):
                    sandbox.until(at_ms + int(gap_ms * share))
            at_ms += gap_ms
            if gap_ms or is_cut or not isinstance(deed, Order):
                sandbox.until(at_ms)
            deed(sandbox)
        sandbox.until(at_ms + 300 * SECOND_MS)
        return sandbox.bytes()

    assert lived(is_cut=True) == lived(is_cut=False)
