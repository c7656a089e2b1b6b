"""Blocks follow the moved clock, carry what waits, and can be taken back."""

from typing import Any

import calldata
import pytest
from chain_cases import (
    ALICE,
    BLOCK_NS,
    BOB,
    CAROL,
    GENESIS_NS,
    ONE,
    chain_of,
    contents,
    fill,
    match,
    mine,
    plain_market,
)
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.plan import Side
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.chain.blocks import UNDOABLE, Blocks
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.pool import Pool
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.transactions import Transaction
from polyarb.venue.sandbox.terms.trades import Match

PUSD = CONTRACTS.pusd
GIVE = calldata.transfer(BOB, ONE)


def sale(trade_id: str = "trade-1") -> Match:
    market = plain_market()
    return match(
        market,
        fill(ALICE, market.yes, Side.BUY, ONE, 600_000),
        fill(BOB, market.no, Side.BUY, ONE, 400_000),
        trade_id=trade_id,
    )


def test_numbers_follow_the_clock_even_when_nothing_happens() -> None:
    chain = chain_of()
    assert chain.next_due_ns == FAR_FUTURE_NS and chain.head.number == 0
    chain.advance(GENESIS_NS + 10 * BLOCK_NS + BLOCK_NS // 2)
    assert chain.head.number == 10 and chain.head.transaction_hashes == ()
    assert chain.head.made_s * 10**9 == GENESIS_NS + 10 * BLOCK_NS
    chain.send(ALICE, PUSD, GIVE)
    assert chain.next_due_ns == GENESIS_NS + 11 * BLOCK_NS
    chain.advance(GENESIS_NS + 20 * BLOCK_NS)
    assert chain.head.number == 20
    carried = chain.block(11)
    assert carried is not None and len(carried.transaction_hashes) == 1


def test_time_never_goes_back() -> None:
    chain = chain_of()
    mine(chain, 3)
    chain.advance(GENESIS_NS)
    assert chain.now_ns == GENESIS_NS + 3 * BLOCK_NS and chain.head.number == 3


def test_what_comes_at_the_moment_of_a_block_waits_for_the_next() -> None:
    chain = chain_of()
    mine(chain, 2)
    sent = chain.send(ALICE, PUSD, GIVE)
    chain.advance(chain.now_ns)
    assert chain.receipt(sent) is None
    chain.advance(chain.now_ns + BLOCK_NS - 1)
    assert chain.receipt(sent) is None
    chain.advance(chain.now_ns + 1)
    receipt = chain.receipt(sent)
    assert receipt is not None and receipt.block_number == 3


def test_the_chain_asks_for_blocks_until_its_youngest_is_confirmed() -> None:
    chain = chain_of(confirmations=3)
    chain.send(ALICE, PUSD, GIVE)
    dues = []
    while (due := chain.next_due_ns) != FAR_FUTURE_NS:
        dues.append((due - GENESIS_NS) // BLOCK_NS)
        chain.advance(due)
    assert dues == [1, 2, 3, 4]


def test_a_full_block_leaves_the_rest_to_the_next() -> None:
    chain = chain_of(block_gas_max=1_000_000)
    sent = [chain.submit_match(sale(f"trade-{at}"), is_ghost=False) for at in range(7)]
    mine(chain, 5)
    places = []
    for transaction_hash in sent:
        receipt = chain.receipt(transaction_hash)
        assert receipt is not None
        places.append((receipt.block_number, receipt.index))
    assert places == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0)]
    blocks = [chain.block(number) for number in range(1, 5)]
    assert all(block is not None and 0 < block.gas_used <= 1_000_000 for block in blocks)


def test_what_is_larger_than_a_block_still_gets_one_of_its_own() -> None:
    chain = chain_of(block_gas_max=100_000)
    sent = [chain.submit_match(sale(f"trade-{at}"), is_ghost=False) for at in range(2)]
    mine(chain, 2)
    assert [chain.is_mined(transaction_hash) for transaction_hash in sent] == [True, True]


def test_blocks_are_chained_by_their_hashes_and_found_by_them() -> None:
    chain = chain_of()
    mine(chain, 5)
    for number in range(1, 6):
        block, parent = chain.block(number), chain.block(number - 1)
        assert block is not None and parent is not None
        assert block.parent_hash == parent.hash != block.hash
        assert chain.block(block.hash) == block
    assert chain.block(6) is None and chain.block("0x" + "00" * 31 + "06") is None
    assert chain.block(-1) is None and chain.block("0x" + "ff" * 32) is None
    genesis = chain.block(0)
    assert genesis is not None and genesis.parent_hash == "0x" + "00" * 32


def test_a_reorg_gives_the_same_numbers_other_hashes_and_the_past_its_own() -> None:
    chain = chain_of()
    mine(chain, 6)
    before = [chain.block(number) for number in range(7)]
    chain.reorg(2)
    after = [chain.block(number) for number in range(7)]
    same = [old == new for old, new in zip(before, after, strict=True)]
    assert same == [True] * 5 + [False] * 2
    assert before[6] is not None and chain.block(before[6].hash) is None
    fifth, sixth = after[5], after[6]
    assert fifth is not None and sixth is not None and sixth.parent_hash == fifth.hash
    chain.reorg(1)
    newest = chain.block(6)
    assert newest is not None and newest.hash not in {sixth.hash, before[6].hash}
    assert chain.block(5) == fifth


def test_undone_transactions_are_made_again_in_their_order_before_newer_ones() -> None:
    chain = chain_of()
    first = chain.send(ALICE, PUSD, calldata.transfer(CAROL, 700 * ONE))
    mine(chain)
    second = chain.send(CAROL, PUSD, calldata.transfer(BOB, 700 * ONE))
    mine(chain)
    after = contents(chain)
    third = chain.send(ALICE, PUSD, calldata.transfer(CAROL, 400 * ONE))
    chain.reorg(2)
    assert chain.collateral(ALICE) == 1_000 * ONE and chain.head.number == 2
    assert [chain.is_mined(sent) for sent in (first, second, third)] == [None] * 3
    assert chain.next_due_ns == chain.now_ns + BLOCK_NS
    mine(chain)
    assert [chain.is_mined(sent) for sent in (first, second, third)] == [True, True, False]
    assert contents(chain) == after


def test_a_reorg_deeper_than_the_chain_stops_at_genesis() -> None:
    chain = chain_of()
    genesis = contents(chain)
    chain.send(ALICE, PUSD, GIVE)
    mine(chain)
    chain.reorg(1_000)
    assert contents(chain) == genesis
    mine(chain)
    assert chain.collateral(BOB) == 1_001 * ONE


def test_a_reorg_of_what_is_no_longer_kept_is_refused() -> None:
    chain = chain_of()
    chain.send(ALICE, PUSD, GIVE)
    mine(chain, UNDOABLE + 1)
    before = contents(chain)
    with pytest.raises(ValueError, match="128"):
        chain.reorg(UNDOABLE + 1)
    assert contents(chain) == before
    chain.reorg(UNDOABLE)
    assert contents(chain) == before


def test_a_reorg_of_nothing_changes_nothing() -> None:
    chain = chain_of()
    chain.send(ALICE, PUSD, GIVE)
    mine(chain)
    head, before = chain.head, contents(chain)
    chain.reorg(0)
    assert (chain.head, contents(chain)) == (head, before)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["give", "take", "split", "merge", "match", "mine"]), st.integers(1, 9)
    ),
    max_size=30,
)


def act(chain: Chain, what: str, amount: int) -> None:
    condition = plain_market().condition_id
    match what:
        case "give":
            chain.send(ALICE, PUSD, calldata.transfer(BOB, amount * 100 * ONE))
        case "take":
            chain.send(BOB, PUSD, calldata.transfer(ALICE, amount * 100 * ONE))
        case "split":
            adapter = CONTRACTS.collateral_adapter
            chain.send(ALICE, adapter, calldata.split(condition, amount * 50 * ONE))
        case "merge":
            adapter = CONTRACTS.collateral_adapter
            chain.send(ALICE, adapter, calldata.merge(condition, amount * 50 * ONE))
        case "match":
            chain.submit_match(sale(str(amount)), is_ghost=amount % 4 == 0)
        case _:
            mine(chain, amount)


@given(operations=OPERATIONS, depth=st.integers(1, 20))
def test_a_reorg_restores_the_state_of_the_block_it_goes_back_to(
    operations: list[tuple[str, int]], depth: int
) -> None:
    chain = chain_of()
    states: dict[int, Any] = {0: contents(chain)}
    for what, amount in operations:
        act(chain, what, amount)
        for number in range(max(states) + 1, chain.head.number + 1):
            with chain.state_at(number) as state:
                states[number] = sorted(state.items())
    mine(chain)
    final, head = contents(chain), chain.head.number
    for number, expected in states.items():
        with chain.state_at(number) as state:
            assert sorted(state.items()) == expected
    assert contents(chain) == final
    chain.reorg(min(depth, head))
    assert contents(chain) == states.get(max(head - depth, 0), final)
    mine(chain, 40)
    assert contents(chain) == final


def transaction(name: str, nonce: int, *, is_signed: bool = True) -> Transaction:
    return Transaction(
        hash=name,
        sender=ALICE,
        to=PUSD,
        nonce=nonce,
        gas_limit=0,
        gas_price=0,
        is_signed=is_signed,
    )


def test_the_pool_hands_out_in_order_of_nonce_and_keeps_what_has_a_gap() -> None:
    pool, mined = Pool(), {ALICE: 0}
    for name, nonce in (("third", 2), ("first", 0), ("fifth", 4), ("second", 1)):
        pool.add(transaction(name, nonce))
    assert pool.next_nonce(ALICE, 0) == 3 and len(pool) == 4
    out = []
    for waiting in pool.in_turn(mined.__getitem__):
        out.append(waiting.hash)
        mined[ALICE] += 1
    assert out == ["first", "second", "third"] and len(pool) == 1
    assert not pool.has_ready(mined.__getitem__)
    fifth = pool.at(ALICE, 4)
    assert fifth is not None and pool.get("fifth") is fifth and pool.at(ALICE, 0) is None


def test_what_a_block_has_no_room_for_stays_first_in_the_pool() -> None:
    pool = Pool()
    for name in ("one", "two", "three"):
        pool.add(transaction(name, 0, is_signed=False))
    for waiting in pool.in_turn(lambda sender: 0):
        if waiting.hash == "two":
            break
    assert [waiting.hash for waiting in pool.in_turn(lambda sender: 0)] == ["two", "three"]


def test_a_replacement_takes_the_place_of_the_one_before() -> None:
    pool = Pool()
    pool.add(transaction("old", 0))
    pool.add(transaction("new", 0))
    assert pool.get("old") is None and len(pool) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(0, 3),
            st.sampled_from(["w", "mark", "undo", "seal"]),
        ),
        max_size=40,
    )
)
def test_the_state_undoes_exactly(steps: list[tuple[str, int, str]]) -> None:
    state, model = State(), dict[str, int]()
    marks: list[tuple[int, dict[str, int]]] = []
    sealed: list[tuple[Any, dict[str, int]]] = []
    last = dict(model)
    for name, number, step in steps:
        if step == "w":
            state.write((name,), number)
            model = {**model, name: number}
        elif step == "mark":
            marks.append((state.mark(), dict(model)))
        elif step == "undo" and marks:
            mark, model = marks.pop()
            state.undo(mark)
        elif step == "seal":
            sealed.append((state.seal(), last))
            marks, last = [], dict(model)
        expected = {key: value for key, value in model.items() if value}
        assert {slot[0]: value for slot, value in state.items()} == expected
    written = state.seal()
    state.restore(written)
    for undone, before in reversed([*sealed]):
        state.restore(undone)
        expected = {key: value for key, value in before.items() if value}
        assert {slot[0]: value for slot, value in state.items()} == expected


def test_blocks_before_genesis_do_not_exist() -> None:
    blocks = Blocks(genesis_ns=GENESIS_NS, block_ms=2_000)
    assert blocks.number_at(GENESIS_NS - 1) == 0 == blocks.number_at(0)
    assert blocks.last_made is None and blocks.made_between(0, 9) == []


def test_two_chains_that_do_the_same_are_the_same() -> None:
    chains = [chain_of(), chain_of()]
    hashes = []
    for chain in chains:
        sent = [chain.send(ALICE, PUSD, GIVE), chain.submit_match(sale(), is_ghost=False)]
        mine(chain, 2)
        hashes.append((*sent, chain.head.hash))
    assert hashes[0] == hashes[1] and contents(chains[0]) == contents(chains[1])
    assert len(set(hashes[0])) == 3


def test_old_settlements_are_forgotten_and_what_somebody_sent_is_kept() -> None:
    chain = chain_of(history_blocks=200)
    settled = chain.submit_match(sale(), is_ghost=False)
    mine(chain)
    sent = chain.send(ALICE, PUSD, GIVE)
    beside = chain.submit_match(sale("trade-2"), is_ghost=False)
    mine(chain, 200)
    assert chain.receipt(settled) is not None and chain.oldest_block == 1
    before = contents(chain)
    mine(chain)
    assert chain.receipt(settled) is None and chain.transaction(settled) is None
    assert chain.receipt(sent) is not None and chain.receipt(beside) is not None
    assert chain.made_between(0, chain.head.number) == [2]
    assert [chain.is_kept(number) for number in (0, 1, 2, 3)] == [True, False, True, True]
    mine(chain, 500)
    assert chain.made_between(0, chain.head.number) == [2]
    assert len(chain.receipts_of(2)) == 2
    assert contents(chain) == before


def test_what_can_be_undone_is_never_forgotten() -> None:
    chain = chain_of(history_blocks=0)
    mine(chain)
    settled = chain.submit_match(sale(), is_ghost=False)
    mine(chain, UNDOABLE)
    assert chain.receipt(settled) is not None
    chain.reorg(UNDOABLE)
    assert chain.reorgs == 1 and chain.receipt(settled) is None
    mine(chain)
    again = chain.receipt(settled)
    assert again is not None and again.is_success
