"""Whatever strikes: after reconciliation belief equals chain, and nothing was done twice."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.venue.polymarket.wallet.actions import Action, Approve, Merge, Split
from polyarb.venue.polymarket.wallet.checks import WalletRefused
from polyarb.venue.polymarket.wallet.node import NodeError
from polyarb.venue.polymarket.wallet.slots import Belief, Standing
from polyarb.venue.sandbox.terms.faults import FaultKind
from tests.wallet_cases import CONFIRMATIONS, ONE, WalletVenue, condition, play

FAULTS: Final = (
    FaultKind.LOST_RESPONSE,
    FaultKind.ERROR_AFTER_ACCEPT,
    FaultKind.SERVER_ERROR,
    FaultKind.HTML_ERROR,
    FaultKind.RATE_LIMITED,
    FaultKind.RPC_LAG,
    FaultKind.REORG,
)
KINDS: Final = ("approve", "split", "merge")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("do"), st.sampled_from(KINDS), st.integers(1, 30)),
        st.tuples(st.just("do"), st.sampled_from(KINDS), st.integers(1, 30)),
        st.tuples(st.just("fault"), st.sampled_from(FAULTS), st.integers(0, 4)),
        st.tuples(st.just("fault"), st.sampled_from(FAULTS), st.integers(0, 4)),
        st.tuples(st.just("mine"), st.just(""), st.integers(1, CONFIRMATIONS)),
        st.tuples(st.just("reconcile"), st.just(""), st.just(0)),
        st.tuples(st.just("hasten"), st.just(""), st.just(0)),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    min_size=4,
    max_size=16,
)
Step = tuple[str, str, int]


class Course:
    """What was asked for and what the wallet said, by intent."""

    def __init__(self, venue: WalletVenue) -> None:
        self.venue = venue
        self.asked: dict[str, Action] = {}

    async def take(self, step: Step) -> None:
        """Take one step; a fault of the node is told and nothing more."""
        name, kind, amount = step
        try:
            match name:
                case "do":
                    await self._do(kind, amount)
                case "fault":
                    depth = amount % CONFIRMATIONS + 1
                    self.venue.fault(FaultKind(kind), depth, skip=amount)
                case "mine":
                    self.venue.mine(amount)
                case "reconcile":
                    await self.venue.wallet.reconcile()
                case "hasten":
                    await self._hasten()
                case _:
                    self.venue.wallet = await self.venue.opened()
        except NodeError:
            return

    async def _do(self, kind: str, amount: int) -> None:
        """Ask for something; every third time under the id of the one before."""
        rain = condition(self.venue.market("rain"))
        action: Action = Split(condition=rain, shares=amount * ONE)
        if kind == "approve":
            action = Approve(spender=rain.adapter, micros=(100 + amount) * ONE)
        if kind == "merge":
            action = Merge(condition=rain, shares=amount * ONE)
        intent_id = f"intent {len(self.asked)}"
        if self.asked and amount % 3 == 0:
            intent_id, action = list(self.asked.items())[-1]
        told = await self.venue.wallet.perform(intent_id, action)
        if isinstance(told, Belief):
            self.asked[intent_id] = action

    async def _hasten(self) -> None:
        for intent_id in {intent.intent_id for intent in self.venue.notes.intents}:
            if self.venue.wallet.belief(intent_id) is not None:
                await self.venue.wallet.hasten(intent_id)


async def end(venue: WalletVenue) -> None:
    """Let no more strike, and reconcile until everything is final."""
    venue.faults.clear()
    for _ in range(6 * CONFIRMATIONS):
        venue.mine()
        if not await venue.wallet.reconcile():
            return
    raise AssertionError("an intent is never final")


def demand_truth(venue: WalletVenue, before: int, started: int) -> None:
    """Hold every belief against the chain itself."""
    ids = {intent.intent_id for intent in venue.notes.intents}
    beliefs = {each: venue.wallet.belief(each) for each in ids}
    moved, mined = 0, 0
    for intent_id, belief in beliefs.items():
        assert belief is not None
        attempts = [each for each in venue.notes.intents if each.intent_id == intent_id]
        receipts = [
            receipt for each in attempts if (receipt := venue.chain.receipt(each.hash)) is not None
        ]
        assert len({each.nonce for each in attempts}) == 1
        assert len(receipts) <= 1
        mined += len(receipts)
        if belief.standing in (Standing.CONFIRMED, Standing.REVERTED):
            assert receipts[0].transaction.hash == belief.hash
            assert receipts[0].is_success is (belief.standing is Standing.CONFIRMED)
            assert receipts[0].block_number == belief.block_number
        else:
            assert belief.standing is Standing.REFUSED and not receipts
        action = attempts[0].action
        if belief.standing is Standing.CONFIRMED and isinstance(action, Split | Merge):
            moved += action.shares if isinstance(action, Split) else -action.shares
    assert venue.mined - started == mined
    assert venue.chain.collateral(venue.account) == before - moved
    assert venue.held(venue.market("rain")) == (100 * ONE + moved, 100 * ONE + moved)


@settings(max_examples=40)
@given(steps=STEPS)
def test_belief_equals_chain_and_nothing_is_done_twice(steps: list[Step]) -> None:
    async def acts(venue: WalletVenue) -> None:
        market = venue.market("rain")
        venue.chain.endow(venue.account, market.condition_id, 100 * ONE)
        venue.mine(CONFIRMATIONS)
        before, started = venue.chain.collateral(venue.account), venue.mined
        course = Course(venue)
        for step in steps:
            await course.take(step)
        await end(venue)
        demand_truth(venue, before, started)
        mined = venue.mined
        for intent_id, action in course.asked.items():
            told = await venue.wallet.perform(intent_id, action)
            assert not isinstance(told, WalletRefused) and told.is_final
        held = await venue.wallet.holdings((market.yes, market.no))
        assert venue.mined == mined == venue.chain.pending_nonce(venue.account)
        assert tuple(each.shares for each in held.positions) == venue.held(market)
        assert held.pusd == venue.chain.collateral(venue.account)

    play(acts, is_approved=True)
