"""The wallet against the sandbox's chain over a real socket: what it does, refuses, believes."""

import msgspec
import pytest
from polyarb.domain.errors import RefusedError, StoreError
from polyarb.domain.market import MarketVersion
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.relays import Call
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.wallet.abi import encode_call
from polyarb.venue.polymarket.wallet.actions import (
    Action,
    AllowShares,
    Approve,
    Convert,
    Merge,
    Question,
    Redeem,
    Revoke,
    RevokeShares,
    Split,
)
from polyarb.venue.polymarket.wallet.checks import WalletRefusal, WalletRefused
from polyarb.venue.polymarket.wallet.node import NodeError
from polyarb.venue.polymarket.wallet.slots import Belief, Standing, TransactionIntent
from polyarb.venue.polymarket.wallet.transactions import Transaction, sign_transaction
from polyarb.venue.polymarket.wallet.wallet import Wallet
from polyarb.venue.sandbox.chain.addresses import ADAPTER, CTF, USDC
from polyarb.venue.sandbox.chain.founding import POL
from polyarb.venue.sandbox.terms.faults import FaultKind
from tests.wallet_cases import CONFIRMATIONS, LIMITS, ONE, WalletVenue, condition, play

ADAPTER_OF = {
    False: CONTRACTS.collateral_adapter,
    True: CONTRACTS.neg_risk_collateral_adapter,
}
LOSSES = (
    FaultKind.LOST_RESPONSE,
    FaultKind.ERROR_AFTER_ACCEPT,
    FaultKind.SERVER_ERROR,
    FaultKind.HTML_ERROR,
    FaultKind.RATE_LIMITED,
)
"""What strikes a request: the first two when it was carried out, the others before."""
READS = 2
"""Requests before a transaction is sent: the head, then everything at it."""


def refused(answer: Belief | WalletRefused) -> WalletRefusal:
    assert isinstance(answer, WalletRefused), answer
    return answer.reason


def believed(answer: Belief | WalletRefused | None) -> Standing:
    assert isinstance(answer, Belief), answer
    return answer.standing


@pytest.mark.parametrize("slug", ["rain", "ada"])
def test_sets_are_made_and_dissolved_through_the_adapter_of_the_market(slug: str) -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.ready()
        market = venue.market(slug)
        wanted = condition(market)
        split = await venue.done("split", Split(condition=wanted, shares=100 * ONE))
        sent = venue.chain.transaction(split.hash)
        assert sent is not None and sent.to == ADAPTER_OF[market.is_neg_risk]
        assert venue.held(market) == (100 * ONE, 100 * ONE)
        await venue.done("merge", Merge(condition=wanted, shares=40 * ONE))
        found = await venue.wallet.holdings((market.yes, market.no))
        assert [each.shares for each in found.positions] == [60 * ONE, 60 * ONE]
        assert found.pusd == 940 * ONE == venue.chain.collateral(venue.account)
        assert found.pol_wei < 100 * 10**18

    play(acts)


def test_a_decided_market_is_redeemed_and_one_that_is_not_is_refused() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.ready()
        market = venue.market("rain")
        wanted = condition(market)
        await venue.done("split", Split(condition=wanted, shares=10 * ONE))
        early = await venue.wallet.perform("early", Redeem(condition=wanted))
        assert refused(early) is WalletRefusal.NOT_RESOLVED
        venue.world.exchange.resolve(market.condition_id, (ONE, 0))
        venue.chain.report_payouts(market.condition_id, (ONE, 0))
        venue.mine()
        await venue.done("redeem", Redeem(condition=wanted))
        assert venue.held(market) == (0, 0)
        assert venue.chain.collateral(venue.account) == 1_000 * ONE
        again = await venue.wallet.perform("again", Redeem(condition=wanted))
        assert refused(again) is WalletRefusal.INSUFFICIENT_BALANCE

    play(acts)


def test_no_shares_of_a_group_are_converted() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.ready()
        ada, ben = venue.market("ada"), venue.market("ben")
        assert ada.group_id is not None
        await venue.done("split", Split(condition=condition(ada), shares=50 * ONE))
        convert = Convert(
            group_id=ada.group_id,
            questions=(Question(index=ada.question_index, no=ada.no),),
            shares=50 * ONE,
            version=MarketVersion.V1,
        )
        await venue.done("convert", convert)
        assert venue.held(ada) == (50 * ONE, 0) and venue.held(ben)[0] == 50 * ONE

    play(acts)


def test_rights_are_given_within_the_envelope_shown_and_taken_back() -> None:
    async def acts(venue: WalletVenue) -> None:
        exchange = CONTRACTS.exchange
        above = Approve(spender=exchange, micros=LIMITS.envelope + 1)
        assert refused(await venue.wallet.perform("above", above)) is WalletRefusal.ABOVE_ENVELOPE
        unlimited = Approve(spender=exchange, micros=2**256 - 1)
        answer = await venue.wallet.perform("unlimited", unlimited)
        assert refused(answer) is WalletRefusal.ABOVE_ENVELOPE
        stranger = Approve(spender=venue.account, micros=ONE)
        answer = await venue.wallet.perform("stranger", stranger)
        assert refused(answer) is WalletRefusal.UNKNOWN_SPENDER
        assert venue.mined == 0
        await venue.done("approve", Approve(spender=exchange, micros=LIMITS.envelope))
        await venue.done("allow", AllowShares(operator=exchange))
        rights = await venue.wallet.rights()
        assert {each.spender: each.micros for each in rights.allowances if each.micros} == {
            exchange: LIMITS.envelope
        }
        assert [each.operator for each in rights.share_rights if each.is_allowed] == [exchange]
        await venue.done("revoke", Revoke(spender=exchange))
        await venue.done("disallow", RevokeShares(operator=exchange))
        rights = await venue.wallet.rights()
        assert not any(each.micros for each in rights.allowances)
        assert not any(each.is_allowed for each in rights.share_rights)

    play(acts)


def test_what_the_chain_says_against_it_is_a_reason_and_nothing_is_sent() -> None:
    async def acts(venue: WalletVenue) -> None:
        rain = condition(venue.market("rain"))
        cases: list[tuple[Action, WalletRefusal]] = [
            (Split(condition=rain, shares=ONE), WalletRefusal.MISSING_ALLOWANCE),
            (Merge(condition=rain, shares=ONE), WalletRefusal.INSUFFICIENT_BALANCE),
            (Split(condition=rain, shares=201 * ONE), WalletRefusal.ABOVE_ENVELOPE),
            (Split(condition=rain, shares=0), WalletRefusal.MALFORMED),
        ]
        for version in (None, MarketVersion.V2):
            other = condition(venue.market("rain"), version)
            cases.append((Split(condition=other, shares=ONE), WalletRefusal.UNKNOWN_VERSION))
        for number, (action, reason) in enumerate(cases):
            assert refused(await venue.wallet.perform(f"case {number}", action)) is reason
        await venue.done("approve", Approve(spender=ADAPTER, micros=200 * ONE))
        venue.chain.send(venue.account, CONTRACTS.pusd, _transfer(venue, 999 * ONE))
        venue.mine()
        poor = await venue.wallet.perform("poor", Split(condition=rain, shares=2 * ONE))
        assert refused(poor) is WalletRefusal.INSUFFICIENT_BALANCE
        venue.chain.endow(venue.account, rain.condition_id, ONE)
        venue.mine()
        merge = await venue.wallet.perform("merge", Merge(condition=rain, shares=ONE))
        assert refused(merge) is WalletRefusal.MISSING_ALLOWANCE
        assert len(venue.notes.intents) == 1

    play(acts)


def test_a_contract_that_gives_up_is_a_reason_before_anything_is_signed() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.ready()
        sent = len(venue.notes.intents)
        venue.chain.state.write((USDC, ADAPTER, CTF), 0)
        venue.chain.state.seal()
        split = Split(condition=condition(venue.market("rain")), shares=ONE)
        answer = await venue.wallet.perform("paused", split)
        assert refused(answer) is WalletRefusal.WOULD_REVERT
        assert isinstance(answer, WalletRefused) and "allowance" in answer.told
        assert len(venue.notes.intents) == sent

    play(acts)


def test_what_reverts_in_its_block_is_reverted_with_its_reason() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.ready()
        rain = condition(venue.market("rain"))
        await venue.done("split", Split(condition=rain, shares=10 * ONE))
        await venue.wallet.perform("first", Merge(condition=rain, shares=10 * ONE))
        await venue.wallet.perform("second", Merge(condition=rain, shares=10 * ONE))
        second = await venue.settled("second")
        assert venue.wallet.belief("first").standing is Standing.CONFIRMED  # type: ignore[union-attr]
        assert second.standing is Standing.REVERTED and second.gas_used > 21_000
        assert second.reason
        assert venue.chain.collateral(venue.account) == 1_000 * ONE

    play(acts)


def test_too_little_pol_too_dear_gas_and_too_much_gas_are_refused() -> None:
    async def acts(venue: WalletVenue) -> None:
        approve = Approve(spender=ADAPTER, micros=ONE)
        for name, limits, reason in (
            ("price", {"gas_price_wei_max": 29_999_999_999}, WalletRefusal.GAS_PRICE),
            ("limit", {"gas_limit_max": 30_000}, WalletRefusal.GAS_LIMIT),
        ):
            bounded = msgspec.structs.replace(LIMITS, **limits)
            wallet = Wallet(venue.node(), venue.signer, limits=bounded, log=venue.notes)
            await wallet.open(venue.account)
            assert refused(await wallet.perform(name, approve)) is reason
        venue.chain.state.write((POL, venue.account), 1_000)
        venue.chain.state.seal()
        answer = await venue.wallet.perform("pol", approve)
        assert refused(answer) is WalletRefusal.INSUFFICIENT_POL
        assert not venue.notes.intents

    play(acts)


@pytest.mark.parametrize("chain_id", [1, 80_002])
def test_a_node_of_another_chain_is_refused(chain_id: int) -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.chain.settings = msgspec.structs.replace(venue.chain.settings, chain_id=chain_id)
        wallet = Wallet(venue.node(), venue.signer, limits=LIMITS, log=venue.notes)
        with pytest.raises(RefusedError, match=f"expected a node of chain 137.*{chain_id}"):
            await wallet.open(venue.account)
        with pytest.raises(RefusedError, match="not opened"):
            await wallet.perform("a", Approve(spender=ADAPTER, micros=1))

    play(acts)


def test_the_key_of_another_account_and_intents_of_another_wallet_are_refused() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=1))
        other = Signer(Secret("0x" + "08" * 32))
        wallet = Wallet(venue.node(), other, limits=LIMITS, log=venue.notes)
        with pytest.raises(RefusedError, match="expected the key of"):
            await wallet.open(venue.account)
        with pytest.raises(RefusedError, match="expected intents of"):
            await wallet.open(other.address, intents=venue.notes.intents)

    play(acts)


def test_nothing_leaves_where_the_intent_cannot_be_made_durable() -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.notes.is_full = True
        with pytest.raises(StoreError):
            await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert venue.chain.pending_nonce(venue.account) == 0
        assert venue.wallet.belief("a") is None
        venue.notes.is_full = False
        await venue.done("a", Approve(spender=ADAPTER, micros=ONE))

    play(acts)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_lost_answer_is_unknown_and_resolved_without_another_nonce(kind: FaultKind) -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.fault(kind, skip=READS)
        lost = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert believed(lost) is Standing.UNKNOWN
        other = await venue.wallet.perform("b", Approve(spender=ADAPTER, micros=2 * ONE))
        assert refused(other) is WalletRefusal.UNRESOLVED
        (belief,) = await venue.wallet.reconcile()
        assert belief.standing is Standing.PENDING
        assert (await venue.settled("a")).standing is Standing.CONFIRMED
        assert venue.mined == 1 and len(venue.notes.intents) == 1
        again = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert believed(again) is Standing.CONFIRMED and venue.mined == 1

    play(acts)


def test_an_answer_that_never_comes_ends_by_its_deadline_and_is_unknown() -> None:
    async def acts(venue: WalletVenue) -> None:
        wallet = Wallet(venue.node(2_000), venue.signer, limits=LIMITS, log=venue.notes)
        await wallet.open(venue.account)
        venue.fault(FaultKind.SLOW_RESPONSE, 3_000_000, skip=READS)
        slow = await wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert believed(slow) is Standing.UNKNOWN
        (belief,) = await wallet.reconcile()
        assert belief.standing is Standing.PENDING and len(venue.notes.intents) == 1

    play(acts)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_fault_of_a_read_is_overcome_or_told_and_nothing_is_sent(kind: FaultKind) -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.fault(kind, times=2)
        assert (await venue.wallet.holdings()).pusd == 1_000 * ONE
        venue.fault(kind, times=3)
        with pytest.raises(NodeError) as told:
            await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert venue.address not in str(told.value) and not venue.notes.intents

    play(acts)


def test_a_stuck_transaction_is_replaced_by_the_same_one_at_a_higher_price() -> None:
    async def acts(venue: WalletVenue) -> None:
        first = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        second = await venue.wallet.hasten("a")
        assert isinstance(first, Belief) and isinstance(second, Belief)
        assert second.standing is Standing.PENDING and second.hash != first.hash
        old, new = venue.notes.intents
        assert (new.nonce, new.action, new.replaces) == (old.nonce, old.action, old.hash)
        assert new.price_wei_max >= old.price_wei_max * 110 // 100
        assert new.priority_wei >= old.priority_wei * 110 // 100
        assert (await venue.settled("a")).hash == second.hash and venue.mined == 1
        late = await venue.wallet.hasten("a")
        assert refused(late) is WalletRefusal.NOT_WAITING

    play(acts)


def test_a_replacement_never_offers_more_than_the_cap() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        answers = [await venue.wallet.hasten("a") for _ in range(8)]
        assert refused(answers[-1]) is WalletRefusal.GAS_PRICE
        prices = [intent.price_wei_max for intent in venue.notes.intents]
        assert prices == sorted(prices) and prices[-1] <= LIMITS.gas_price_wei_max
        assert len(prices) > 1 and {intent.nonce for intent in venue.notes.intents} == {0}

    play(acts)


def test_a_lost_answer_to_a_replacement_ends_with_one_of_the_two_mined() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        venue.fault(FaultKind.SERVER_ERROR, skip=READS)
        assert believed(await venue.wallet.hasten("a")) is Standing.UNKNOWN
        venue.mine()
        assert (await venue.settled("a")).hash == venue.notes.intents[0].hash
        assert venue.mined == 1

    play(acts)


def test_a_receipt_that_vanishes_is_pending_again_and_counts_when_it_is_deep_enough() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        venue.mine()
        (mined,) = await venue.wallet.reconcile()
        assert mined.standing is Standing.MINED and mined.block_number is not None
        venue.fault(FaultKind.REORG, 2)
        (undone,) = await venue.wallet.reconcile()
        assert undone.standing is Standing.PENDING and undone.block_number is None
        venue.mine()
        (again,) = await venue.wallet.reconcile()
        assert again.standing is Standing.MINED and again.block_hash != mined.block_hash
        venue.mine(CONFIRMATIONS - 1)
        assert believed((await venue.wallet.reconcile())[0]) is Standing.MINED
        venue.mine()
        assert believed((await venue.wallet.reconcile())[0]) is Standing.CONFIRMED
        assert venue.mined == 1

    play(acts)


def test_a_block_that_is_undone_while_it_is_looked_at_confirms_nothing() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        venue.mine(CONFIRMATIONS + 1)
        venue.fault(FaultKind.REORG, CONFIRMATIONS + 1, skip=1)
        (belief,) = await venue.wallet.reconcile()
        assert belief.standing is Standing.PENDING
        assert (await venue.settled("a")).standing is Standing.CONFIRMED and venue.mined == 1

    play(acts)


def test_a_node_that_lags_confirms_nothing_and_shows_no_old_balance() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.ready()
        split = Split(condition=condition(venue.market("rain")), shares=10 * ONE)
        await venue.wallet.perform("a", split)
        venue.mine(CONFIRMATIONS + 1)
        venue.fault(FaultKind.RPC_LAG, 2)
        assert believed((await venue.wallet.reconcile())[0]) is Standing.MINED
        venue.fault(FaultKind.RPC_LAG, 6, times=2)
        assert (await venue.wallet.holdings()).pusd == 990 * ONE
        venue.fault(FaultKind.RPC_LAG, 6, times=3)
        with pytest.raises(NodeError, match="lags"):
            await venue.wallet.holdings()

    play(acts)


def test_balances_are_those_of_a_block_that_stands() -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.mine(3)
        venue.fault(FaultKind.REORG, 2, skip=1)
        held = await venue.wallet.holdings()
        block = venue.chain.block(held.block_number)
        assert block is not None and block.hash == held.block_hash

    play(acts)


def test_a_transaction_that_the_node_forgot_is_sent_again_unchanged() -> None:
    async def acts(venue: WalletVenue) -> None:
        sent = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert isinstance(sent, Belief)
        venue.chain._pool = type(venue.chain._pool)()
        assert venue.chain.transaction(sent.hash) is None
        (belief,) = await venue.wallet.reconcile()
        assert belief.standing is Standing.PENDING
        assert venue.notes.of("a") == [Standing.PENDING, Standing.UNKNOWN, Standing.PENDING]
        assert (await venue.settled("a")).hash == sent.hash and venue.mined == 1

    play(acts)


def foreign(venue: WalletVenue, nonce: int, micros: int = ONE) -> str:
    """Send another transaction of the same key, as another process would."""
    data = encode_call("transfer(address,uint256)", ADAPTER, micros)
    transaction = Transaction(
        chain_id=137,
        nonce=nonce,
        priority_wei=30_000_000_000,
        price_wei_max=50_000_000_000,
        gas_limit=200_000,
        call=Call(target=CONTRACTS.pusd, data=data),
    )
    sent = venue.chain.send_raw(sign_transaction(venue.signer, transaction).raw)
    assert isinstance(sent, str), sent
    return sent


def test_a_nonce_that_another_process_used_is_told_and_nothing_is_done_for_it() -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.fault(FaultKind.SERVER_ERROR, skip=READS)
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        foreign(venue, 0)
        venue.mine()
        assert believed((await venue.wallet.reconcile())[0]) is Standing.UNKNOWN
        belief = await venue.settled("a")
        assert belief.standing is Standing.USURPED and "nonce 0" in belief.reason
        assert len(venue.notes.intents) == 1 and venue.mined == 1
        await venue.done("b", Approve(spender=ADAPTER, micros=ONE))
        assert venue.notes.intents[-1].nonce == 1

    play(acts)


def test_others_of_the_key_that_wait_are_not_overtaken() -> None:
    async def acts(venue: WalletVenue) -> None:
        foreign(venue, 0)
        answer = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert refused(answer) is WalletRefusal.FOREIGN_NONCE
        venue.mine()
        await venue.done("a", Approve(spender=ADAPTER, micros=ONE))

    play(acts)


def test_a_node_that_takes_nothing_is_refused_and_its_nonce_is_used_for_the_next() -> None:
    async def acts(venue: WalletVenue) -> None:
        kept = venue.chain.settings
        low = msgspec.structs.replace(kept, block_gas_max=30_000)
        venue.chain.settings = low
        answer = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        assert believed(answer) is Standing.REFUSED
        assert isinstance(answer, Belief) and answer.reason == "exceeds block gas limit"
        venue.chain.settings = kept
        wallet = venue.wallet = await venue.opened()
        assert await wallet.reconcile() == () and venue.mined == 0
        await venue.done("b", Approve(spender=ADAPTER, micros=ONE))
        assert [intent.nonce for intent in venue.notes.intents] == [0, 0] and venue.mined == 1

    play(acts)


def test_what_may_have_left_once_is_never_refused_by_a_later_answer() -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.fault(FaultKind.SERVER_ERROR, skip=READS)
        await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=ONE))
        kept = venue.chain.settings
        venue.chain.settings = msgspec.structs.replace(kept, block_gas_max=30_000)
        (belief,) = await venue.wallet.reconcile()
        assert belief.standing is Standing.UNKNOWN
        assert belief.reason == "" or "gas limit" in belief.reason
        venue.chain.settings = kept
        assert believed((await venue.wallet.reconcile())[0]) is Standing.PENDING

    play(acts)


def test_several_wait_in_a_row_each_with_its_own_nonce() -> None:
    async def acts(venue: WalletVenue) -> None:
        for number in range(3):
            micros = (number + 1) * ONE
            await venue.wallet.perform(f"{number}", Approve(spender=ADAPTER, micros=micros))
        assert [intent.nonce for intent in venue.notes.intents] == [0, 1, 2]
        await venue.settled("2")
        assert venue.mined == 3
        rights = await venue.wallet.rights()
        found = {each.spender: each.micros for each in rights.allowances}
        assert found[ADAPTER] == 3 * ONE

    play(acts)


def test_an_intent_is_one_action_however_often_and_after_whatever_restart() -> None:
    async def acts(venue: WalletVenue) -> None:
        approve = Approve(spender=ADAPTER, micros=ONE)
        venue.fault(FaultKind.LOST_RESPONSE, skip=READS)
        await venue.wallet.perform("a", approve)
        venue.wallet = await venue.opened()
        assert believed(await venue.wallet.perform("a", approve)) is Standing.UNKNOWN
        other = await venue.wallet.perform("a", Approve(spender=ADAPTER, micros=2 * ONE))
        assert refused(other) is WalletRefusal.INTENT_REUSED
        await venue.settled("a")
        assert venue.mined == 1 and len(venue.notes.intents) == 1

    play(acts)


def test_intents_and_beliefs_are_records_that_read_back() -> None:
    async def acts(venue: WalletVenue) -> None:
        await venue.wallet.perform("a", AllowShares(operator=ADAPTER))
        belief = await venue.settled("a")
        (intent,) = venue.notes.intents
        assert msgspec.json.decode(msgspec.json.encode(intent), type=TransactionIntent) == intent
        assert msgspec.json.decode(msgspec.json.encode(belief), type=Belief) == belief

    play(acts)


def _transfer(venue: WalletVenue, micros: int) -> bytes:
    target = venue.traders[0].address
    return encode_call("transfer(address,uint256)", target, micros)
