"""Planted bugs of the sandbox's chain, settlement and clock: their suites must bite."""

from pathlib import Path

import pytest
from tests.mutation.test_mutations import Bug, bites, copied  # noqa: F401

pytestmark = pytest.mark.slow

ROOM = "venue/sandbox"
UNIT = "tests/unit/venue/sandbox"
SETTLING, CALLS = (f"{UNIT}/chain/test_chain_{name}.py" for name in ("settling", "calls"))
BLOCKS, RPC, RAW = (f"{UNIT}/chain/test_chain_{name}.py" for name in ("blocks", "rpc", "raw"))
IDS, SETTLEMENT = f"{UNIT}/chain/test_chain_ids.py", f"{UNIT}/test_settlement.py"
MONEY = f"{UNIT}/exchange/test_exchange_money.py"
TIME = "tests/simulation/test_sandbox_time.py"

BUGS = (
    Bug(
        "the operator takes no fee",
        f"{ROOM}/chain/settling.py",
        "        amount = fill.given + fill.fee\n",
        "        amount = fill.given\n",
        SETTLING,
    ),
    Bug(
        "a settlement uses up no allowance",
        f"{ROOM}/chain/settling.py",
        "    state.write((PUSD, owner, exchange), allowed - amount)\n",
        "",
        SETTLING,
    ),
    Bug(
        "a transfer uses up no allowance",
        f"{ROOM}/chain/tokens.py",
        "    frame.state.write(slot, allowed - amount)\n",
        "",
        CALLS,
    ),
    Bug(
        "converting pays for every question",
        f"{ROOM}/chain/negrisk.py",
        "times=len(noes) - 1)",
        "times=len(noes))",
        CALLS,
    ),
    Bug(
        "questions that a group does not have are converted",
        f"{ROOM}/chain/negrisk.py",
        '    need(index_set >> count == 0, "InvalidIndexSet()")\n',
        "",
        CALLS,
    ),
    Bug(
        "undone blocks wait in the wrong order",
        f"{ROOM}/chain/chain.py",
        "for made in reversed(undone) for transaction",
        "for made in undone for transaction",
        BLOCKS,
    ),
    Bug(
        "writes are taken back oldest first",
        f"{ROOM}/chain/state.py",
        '''must be taken back before."""
        for slot, number in reversed(written):
''',
        '''must be taken back before."""
        for slot, number in written:
''',
        BLOCKS,
    ),
    Bug(
        "a transaction of another chain is taken",
        f"{ROOM}/chain/raw.py",
        "    if _number(fields[0]) != chain_id:\n",
        "    if False:\n",
        RAW,
    ),
    Bug(
        "a lagging node knows every receipt",
        f"{ROOM}/chain/rpc_view.py",
        "return receipt if receipt and receipt.block_number <= self.head else None",
        "return receipt",
        RPC,
    ),
    Bug(
        "what was forgotten is shown as nothing",
        f"{ROOM}/chain/rpc_view.py",
        "        if first < self.chain.oldest_block and not is_kept:\n",
        "        if False:\n",
        RPC,
    ),
    Bug(
        "what somebody sent is forgotten with the settlements",
        f"{ROOM}/chain/blocks.py",
        "if all(each.match for each in made.transactions)",
        "if made.transactions",
        BLOCKS,
    ),
    Bug(
        "a collection's point has the other root",
        f"{ROOM}/chain/ids.py",
        "return x, y if bool(seed >> 255) == bool(y % 2) else _FIELD - y",
        "return x, y if bool(seed >> 255) != bool(y % 2) else _FIELD - y",
        IDS,
    ),
    Bug(
        "what is sent at a block's time is already in it",
        f"{ROOM}/world.py",
        "        self.chain.advance(now_ns)\n        self.settlement.advance(now_ns)\n",
        "        self.settlement.advance(now_ns)\n        self.chain.advance(now_ns)\n",
        TIME,
    ),
    Bug(
        "a reorg goes unnoticed",
        f"{ROOM}/world.py",
        "            self._reorgs = self.chain.reorgs\n            self.settlement.look()\n",
        "            self._reorgs = self.chain.reorgs\n",
        TIME,
    ),
    Bug(
        "an order overtakes what is due",
        f"{ROOM}/world.py",
        "        if self.next_due_ns <= self.now_ns:\n            self.advance(self.now_ns)\n",
        "",
        TIME,
    ),
    Bug(
        "a verdict that the chain does not take ends the market all the same",
        f"{ROOM}/world.py",
        "        self.chain.check_verdict(condition_id, payouts)\n",
        "",
        TIME,
    ),
    Bug(
        "a confirmation is told before what was mined with it",
        f"{ROOM}/settlement.py",
        "            if self._settler.is_mined(journey.transaction_hash):\n"
        "                self._tell(journey, TradeStatus.MINED)\n",
        "            if not self._settler.is_mined(journey.transaction_hash):\n"
        "                continue\n"
        "            if not self._settler.is_confirmed(journey.transaction_hash):\n"
        "                self._tell(journey, TradeStatus.MINED)\n",
        SETTLEMENT,
    ),
    Bug(
        "trades in flight leave their money free",
        f"{ROOM}/exchange/engine.py",
        "holding.balance - holding.active - holding.matched + holding.settled < amount",
        "holding.balance - holding.active < amount",
        MONEY,
    ),
)


@pytest.fixture(scope="module")
def beside_vectors(root: Path, copied: Path) -> Path:  # noqa: F811
    """Put the recorded vectors beside the copy, or leave the bugs out that only they find."""
    vectors = root.parent / "shared"
    if not vectors.is_dir():
        pytest.skip("the vectors beside the checkout are absent")
    if not (copied.parent / "shared").exists():
        (copied.parent / "shared").symlink_to(vectors)
    return copied


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_of_the_sandbox_is_noticed(bug: Bug, beside_vectors: Path) -> None:
    source = beside_vectors / "polyarb" / bug.file
    text = source.read_text()
    assert text.count(bug.sound) == 1, "the source has moved on; plant the bug anew"
    source.write_text(text.replace(bug.sound, bug.planted))
    try:
        assert bites(beside_vectors, bug.suite)
    finally:
        source.write_text(text)
